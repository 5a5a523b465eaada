"""``block/get`` answered on the loop: a thread would cost more than reading the block (design §2).

Only the plain question is: one CID, no option, no body, and a block that is here and not large.
Whatever else is asked, or goes wrong, is left to the command itself.
"""

from collections.abc import Callable
from typing import Final

from aiohttp import HttpVersion11, web

from jiaozi_node.errors import JiaoziError
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import ReadsAtHand

PATH: Final = "/api/v0/block/get"
MOST_BYTES: Final = 256 * 1024
_MOST_CHARS: Final = 128


class HotBlocks:
    """Reads blocks of *store* inline."""

    def __init__(self, store: Callable[[], ReadsAtHand]) -> None:
        self._store = store

    def data(self, request: web.BaseRequest, path: str, query: str) -> bytes | None:
        """Return the block that is asked for, None where it isn't so simple."""
        if path != PATH or not query.startswith("arg=") or len(query) > _MOST_CHARS:
            return None
        text = query[4:]
        if not (text.isascii() and text.isalnum()) or request.body_exists:
            return None
        if request.version != HttpVersion11:
            return None
        try:
            block = self._store().at_hand(Cid.parse(text), MOST_BYTES)
        except JiaoziError:
            return None
        return None if block is None else bytes(block.data)
