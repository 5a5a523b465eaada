"""A home that is only read, and only as long as somebody waits for what comes of it.

Work between a request and its answer is reading blocks: each is a place to stop when the client has
gone or the node ends.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.http.crossing import Abandoned
from jiaozi_node.node.home import Home

if TYPE_CHECKING:
    from jiaozi_node.stores.api import BlockStore


class Watched:
    """*blocks* to be read; raises `Abandoned` as soon as *abandoned* says so."""

    def __init__(self, blocks: "BlockStore", abandoned: Callable[[], bool]) -> None:
        self._blocks, self._abandoned = blocks, abandoned

    def get(self, cid: Cid) -> Block:
        """See `stores.api`."""
        if self._abandoned():
            raise Abandoned
        return self._blocks.get(cid)

    def size(self, cid: Cid) -> int:
        """See `stores.api`."""
        if self._abandoned():
            raise Abandoned
        return self._blocks.size(cid)

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        """See `stores.api`."""
        return self._blocks.has(cids)


class ReadHome:
    """*home* with `Watched` blocks, and otherwise as it is."""

    def __init__(self, home: Home, abandoned: Callable[[], bool]) -> None:
        self._home = home
        self.blocks: Any = Watched(home.blocks, abandoned)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a home has
        return getattr(self._home, name)
