"""CIDs from and to text, the ones in use remembered: either way costs as much as the rest."""

from functools import lru_cache
from typing import Final

from jiaozi_node.formats.cid import Cid

_REMEMBERED: Final = 8192


@lru_cache(_REMEMBERED)
def parsed(text: str) -> Cid:
    """Return the CID that *text* is; raises `InvalidCid`."""
    return Cid.parse(text)


@lru_cache(_REMEMBERED)
def shown(cid: Cid) -> str:
    """Return *cid* as text."""
    return str(cid)
