"""Profiles by the CID of what is changed: a node keeps its CID version and hash when it changes.

All else is the configuration's. In boxo's words: which ``cid.Builder`` a node has.
"""

from dataclasses import replace

from jiaozi_node.errors import Refused
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.profile import Profile


class Recipes:
    """The profiles that differ from *base* in CID version and hash."""

    def __init__(self, base: Profile) -> None:
        self.base = base
        self._known: dict[tuple[int, int, bool | None], Profile] = {}

    def of(self, version: int, hash_code: int, raw_leaves: bool | None = None) -> Profile:
        """Return the profile of a CID version and hash; for writing files, with that leaves.

        One of the identity hash inlines as much as may be, and uses sha2-256 beyond.
        """
        key = (version, hash_code, raw_leaves)
        found = self._known.get(key)
        if found is None:
            if hash_code != mh.IDENTITY and hash_code not in mh.NAMES:
                raise Refused(f"hash function {hash_code:#x} can't be computed by this version")
            identity = hash_code == mh.IDENTITY
            found = self._known[key] = replace(
                self.base,
                cid_version=version,
                hash_code=mh.SHA2_256 if identity else hash_code,
                inline_limit=mh.MAX_IDENTITY_BYTES if identity else 0,
                raw_leaves=bool(raw_leaves),
                layout="trickle",  # of files that are written to
            )
        return found

    def like(self, cid: Cid, raw_leaves: bool | None = None) -> Profile:
        """Return the profile of what has *cid* now."""
        return self.of(cid.version, cid.hash_code, raw_leaves)
