"""A file of a DAG as Python knows files; only blocks that are read from are asked for."""

import io
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from jiaozi_node.dag.walk import Get, stream
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.read import read

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_KEPT: Final = 4  # blocks: who jumps to and fro needs the root each time
_BUFFER_BYTES: Final = 64 * 1024


def opened(root: Cid, size: int, get: Get) -> io.BufferedReader:
    """Open the file at *root*, which has *size* bytes, to be read."""
    return io.BufferedReader(DagFile(root, size, get), _BUFFER_BYTES)


class DagFile(io.RawIOBase):
    """The bytes of the file at *root*. Reading on from where one stands goes on with one walk.

    No read goes beyond the block that it begins in, so nothing is asked for in advance.
    """

    def __init__(self, root: Cid, size: int, get: Get) -> None:
        self._root, self._size, self._fetch = root, size, get
        self._at = 0
        self._piece = memoryview(b"")
        self._start = 0  # where the piece begins in the file
        self._walk: Iterator[memoryview] | None = None
        self._kept: OrderedDict[bytes, Block] = OrderedDict()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to *offset* from the beginning, from here or from the end; no block is asked for."""
        self._check_open()
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}.get(whence)
        if base is None:
            raise ValueError(f"whence {whence} is none of 0, 1 and 2")
        if base + offset < 0:
            raise ValueError(f"there is nothing before the beginning, at {base + offset}")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Return where one stands."""
        self._check_open()
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read into *buffer* what is left of one block, at most; 0 at the end."""
        self._check_open()
        into = memoryview(buffer).cast("B")
        if not into or self._at >= self._size:
            return 0
        offset = self._at - self._start
        while not 0 <= offset < len(self._piece):
            if self._walk is None or offset != len(self._piece):
                self._walk = stream(read(self._root, self._at), self._get)
            walk, self._walk = self._walk, None  # where it raises, the next read begins anew
            self._start, self._piece = self._at, next(walk, memoryview(b""))
            self._walk = walk
            if not self._piece:
                return 0
            offset = 0
        count = min(len(into), len(self._piece) - offset)
        into[:count] = self._piece[offset : offset + count]
        self._at += count
        return count

    def close(self) -> None:
        """Let go of what is held."""
        self._walk, self._piece = None, memoryview(b"")
        self._kept.clear()
        super().close()

    def _get(self, cid: Cid) -> Block:
        block = self._kept.pop(cid.raw, None) or self._fetch(cid)
        self._kept[cid.raw] = block
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return block

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the file is closed")
