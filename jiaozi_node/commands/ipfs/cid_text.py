"""How CIDs are printed: ``--cid-base`` and ``--upgrade-cidv0-in-output``, which all commands take.

Any base but base58btc turns version 0 into version 1, since it has no text in another base.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jiaozi_node.commands.declare import Call
from jiaozi_node.errors import Misuse

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid


NOT_IN_KUBO = ("base8", "base10", "base32z")  # bases that we read, and Kubo doesn't know


class CidText:
    """Prints CIDs in a base (None for base58btc of version 0 and base32 of version 1)."""

    __slots__ = ("_base", "_upgrade")

    def __init__(self, base: str | None = None, upgrade: bool = False) -> None:
        self._base, self._upgrade = base, upgrade

    @classmethod
    def asked(cls, call: Call) -> "CidText":
        """Return the printer that the options of *call* ask for; raises `Misuse`."""
        base = call.globals.get("cid_base") or None
        upgrade = call.globals.get("upgrade_cidv0_in_output")
        if base is None:
            return cls(None, bool(upgrade))
        base = base_named(base)
        return cls(base, base != "base58btc" if upgrade is None else bool(upgrade))

    @classmethod
    def like(cls, path: str) -> "CidText | None":
        """Return a printer in the base of the CID that *path* begins with, if it does."""
        from jiaozi_node.errors import Malformed
        from jiaozi_node.formats.cid import Cid

        parts = path.split("/", 3)
        if parts[0]:
            text = parts[0]
        elif len(parts) > 2:
            text = parts[2]
        else:
            return None
        try:
            version = Cid.parse(text).version
        except Malformed:
            return None
        return cls() if version == 0 else cls(base_of(text), upgrade=True)

    def __call__(self, cid: "Cid") -> str:
        """Return the text of *cid*."""
        if cid.version == 0:
            if not self._upgrade:
                return str(cid)
            cid = cid.as_v1()
        if self._base is None or self._base == "base32":
            return str(cid)
        from jiaozi_node.formats import multibase

        return multibase.encode(self._base, cid.raw)

    def each(self, cids: Sequence["Cid"]) -> list[str]:
        """Return the texts of *cids*: quicker than one by one, for lists."""
        if self._upgrade:
            cids = [cid.as_v1() for cid in cids]
        if self._base is not None and self._base != "base32":
            return [self(cid) for cid in cids]
        from jiaozi_node.formats.cid import texts

        return texts(cids)


def base_named(text: str) -> str:
    """Return the base called *text*, by its name or its prefix; raises `Misuse`."""
    from jiaozi_node.formats.multibase import BASES

    for name, prefix in BASES.items():
        if text in (name, prefix) and name not in NOT_IN_KUBO:
            return name
    raise Misuse(f"unsupported multibase encoding: {text}")


def base_of(text: str) -> str:
    """Return the base that the text of a CID is written in."""
    from jiaozi_node.formats.multibase import BASES

    if len(text) == 46 and text.startswith("Qm"):
        return "base58btc"
    return next((name for name, prefix in BASES.items() if text[:1] == prefix), "base32")
