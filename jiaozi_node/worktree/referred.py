"""Files that are imported without a copy: their leaves are told of by place, not handed on."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.unixfs.layout import Child

# Takes a leaf that stays in its file: CID, the file's absolute path, offset and size in bytes.
Refer: TypeAlias = Callable[[Cid, str, int, int], None]


class TakesBlocks(Protocol):
    """What takes the blocks of an import."""

    def take(self, blocks: Sequence[Block]) -> None:
        """Take *blocks*."""
        ...


class Referred:
    """One file: give `leaf` to its builder, and its blocks to `take`."""

    def __init__(self, refer: Refer, path: str, sink: TakesBlocks) -> None:
        self._refer, self._path, self._sink = refer, path, sink
        self._at = 0

    def leaf(self, child: Child) -> None:
        """Tell of the next leaf; one that lies in its own CID needs no telling."""
        cid = Cid(child.cid)
        if cid.inline is None:
            self._refer(cid, self._path, self._at, child.file_bytes)
        self._at += child.file_bytes

    def take(self, blocks: Sequence[Block]) -> None:
        """Hand on all but the leaves, which are raw: nodes above them are not."""
        self._sink.take([block for block in blocks if block.cid.codec != RAW])
