"""Profiles: named recipes by which the same bytes always become the same CID.

`PROFILES` holds those of IPIP-499 and Kubo's defaults; a CID recipe never changes under its name.
A profile also seals nodes: it knows hash, CID version and inlining. https://specs.ipfs.tech/unixfs/
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats import varint
from jiaozi_node.unixfs import chunk
from jiaozi_node.unixfs.fanout import MAX_FANOUT, MIN_FANOUT
from jiaozi_node.unixfs.fanout import is_fanout as is_fanout

# Seals data: returns the raw CID.
Seal = Callable[[bytes], bytes]

LAYOUTS = ("balanced", "trickle")
ESTIMATORS = ("links", "block", "disabled")


class UnknownProfile(Misuse):
    """No profile has this name."""

    def __init__(self, text: str) -> None:
        known = ", ".join(sorted(PROFILES))
        suffixes = "+mode and +mtime may follow"
        super().__init__(f"profile {text!r} is unknown (known: {known}; {suffixes})")
        self.text = text


@dataclass(frozen=True)
class Profile:
    """How files become blocks. Sizes are bytes, widths are links per node.

    *chunker* None cuts every *chunk_size* bytes; one that cuts by content has its smallest chunk as
    *chunk_size*. Either way a file no larger than that is one chunk.
    *directory_width* 0 is no limit. *hamt_threshold* 0 never shards. *inline_limit* 0 is off, else
    nodes up to that many bytes become identity CIDs. *mode* and *mtime* say that these are to be
    recorded, which UnixFS can't do for raw leaves.
    """

    name: str
    cid_version: int = 1
    hash_code: int = mh.SHA2_256
    raw_leaves: bool = True
    chunk_size: int = 1024 * 1024
    layout: str = "balanced"
    file_width: int = 1024
    directory_width: int = 0
    hamt_fanout: int = 256
    hamt_threshold: int = 256 * 1024
    size_estimator: str = "block"
    inline_limit: int = 0
    chunker: chunk.Rolling | None = None
    mode: bool = False
    mtime: bool = False

    def __post_init__(self) -> None:
        if self.cid_version not in (0, 1):
            raise Misuse(f"CID version must be 0 or 1, not {self.cid_version}")
        if self.cid_version == 0 and self.hash_code != mh.SHA2_256:
            raise Misuse("CIDv0 only supports sha2-256")
        if self.hash_code not in mh.NAMES or self.hash_code == mh.IDENTITY:
            raise Misuse(f"hash function {self.hash_code:#x} can't be used to add files")
        if not 0 < self.chunk_size <= chunk.MAX_BYTES:
            raise LimitExceeded("chunk size", chunk.MAX_BYTES, self.chunk_size)
        if self.chunker is not None and self.chunk_size != self.chunker.smallest:
            raise Misuse(f"chunks are {self.chunker.smallest} bytes or more, not {self.chunk_size}")
        if self.layout not in LAYOUTS:
            raise Misuse(f"layout must be one of {LAYOUTS}, not {self.layout!r}")
        if self.file_width < 2:
            raise Misuse(f"a file node must take 2 links or more, not {self.file_width}")
        if self.directory_width < 0:
            raise Misuse(f"links of a directory can't be limited to {self.directory_width}")
        if not is_fanout(self.hamt_fanout):
            raise Misuse(
                f"HAMT fanout must be a power of 2 from {MIN_FANOUT} to {MAX_FANOUT}, "
                f"not {self.hamt_fanout}"
            )
        if self.size_estimator not in ESTIMATORS:
            raise Misuse(f"size estimator must be one of {ESTIMATORS}, not {self.size_estimator!r}")
        if not 0 <= self.inline_limit <= mh.MAX_IDENTITY_BYTES:
            raise LimitExceeded("inline limit", mh.MAX_IDENTITY_BYTES, self.inline_limit)
        if self.raw_leaves and (self.mode or self.mtime):
            raise Misuse("raw leaves can't hold mode or modification time")

    @cached_property
    def seal_raw(self) -> Seal:
        """Return the function from a raw leaf to its CID, which is always version 1."""
        return self._sealer(c.RAW, 1)

    @cached_property
    def seal_pb(self) -> Seal:
        """Return the function from a dag-pb block to its CID."""
        return self._sealer(c.DAG_PB, self.cid_version)

    @cached_property
    def pb_sha256_head(self) -> bytes:
        """What stands before the sha2-256 digest in the CID of a dag-pb block."""
        return b"\x01\x70\x12\x20" if self.cid_version else b"\x12\x20"

    def _sealer(self, codec: int, version: int) -> Seal:
        head = b"\x01" + varint.encode(codec) if version else b""
        code = self.hash_code
        if code == mh.SHA2_256:
            sha_head = head + b"\x12\x20"

            def plain(data: bytes) -> bytes:
                return sha_head + sha256(data).digest()
        else:

            def plain(data: bytes) -> bytes:
                return head + mh.of(code, data)

        limit = self.inline_limit
        if not limit:
            return plain
        inline_head = b"\x01" + varint.encode(codec) + b"\x00"

        def inlined(data: bytes) -> bytes:
            size = len(data)
            return plain(data) if size > limit else inline_head + varint.encode(size) + data

        return inlined


_V0 = Profile(
    "unixfs-v0-2015",
    cid_version=0,
    raw_leaves=False,
    chunk_size=256 * 1024,
    file_width=174,
    size_estimator="links",
)

PROFILES = {
    "unixfs-v0-2015": _V0,  # IPIP-499
    "unixfs-v1-2025": Profile("unixfs-v1-2025"),  # IPIP-499
    "kubo": replace(_V0, name="kubo"),  # defaults of Import.* in Kubo 0.43
}


def named(text: str) -> Profile:
    """Return the profile called *text*, which may end in ``+mode`` and ``+mtime``.

    Either suffix turns raw leaves off, as Kubo does when it is to preserve them.
    """
    base, *suffixes = text.split("+")
    profile = PROFILES.get(base)
    if profile is None or len(set(suffixes)) < len(suffixes) or set(suffixes) - {"mode", "mtime"}:
        raise UnknownProfile(text)
    if not suffixes:
        return profile
    return replace(
        profile,
        name=base + "+mode" * ("mode" in suffixes) + "+mtime" * ("mtime" in suffixes),
        raw_leaves=False,
        mode="mode" in suffixes,
        mtime="mtime" in suffixes,
    )
