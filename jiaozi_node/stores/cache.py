"""A cache in front of a store: the blocks read last, up to a number of bytes, verified once."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockStore, BlockWriter, Family

_LARGEST_SHARE = 8  # a block over an eighth of the cache would push too much out


class Cached:
    """A store that keeps blocks read from *inner* in memory, up to *max_bytes* of them.

    With *shared*, others drop blocks from *inner* too: one that is held is looked for there first.
    """

    def __init__(
        self, inner: BlockStore, max_bytes: int = 16 * 1024 * 1024, *, shared: bool = False
    ) -> None:
        self._inner = inner
        self._shared = shared
        self._max_bytes = max_bytes
        self._held: OrderedDict[bytes, bytes] = OrderedDict()
        self._held_bytes = 0
        self._drops = 0
        self._lock = threading.Lock()

    def get(self, cid: Cid) -> Block:
        """Return the block from memory, else from the inner store."""
        multihash = cid.multihash
        if self._shared and multihash in self._held and not self._inner.has((cid,))[0]:
            with self._lock:
                self._held_bytes -= len(self._held.pop(multihash, b""))
        with self._lock:
            data = self._held.get(multihash)
            if data is not None:
                self._held.move_to_end(multihash)
                return Block(cid, data)
            drops = self._drops
        block = self._inner.get(cid)
        if len(block.data) * _LARGEST_SHARE <= self._max_bytes and cid.inline is None:
            self._keep(multihash, block.data, drops)
        return block

    def size(self, cid: Cid) -> int:
        """Return the block's length."""
        data = self._held.get(cid.multihash)
        return self._inner.size(cid) if data is None else len(data)

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        """Ask the inner store."""
        return self._inner.has(cids)

    def writer(self, family: Family = Family.OWN) -> AbstractContextManager[BlockWriter]:
        """Write to the inner store."""
        return self._inner.writer(family)

    def drop(self, cids: Iterable[Cid]) -> int:
        """Drop from the inner store and from memory."""
        cids = tuple(cids)
        try:
            return self._inner.drop(cids)
        finally:
            with self._lock:
                self._drops += 1  # what is being read from the inner store now is not kept
                for cid in cids:
                    self._held_bytes -= len(self._held.pop(cid.multihash, b""))

    def multihashes(self) -> Iterator[bytes]:
        """Enumerate the inner store."""
        return self._inner.multihashes()

    def close(self) -> None:
        """Forget what is held and close the inner store."""
        with self._lock:
            self._drops += 1
            self._held.clear()
            self._held_bytes = 0
        self._inner.close()

    def _keep(self, multihash: bytes, data: bytes, drops: int) -> None:
        with self._lock:
            if drops != self._drops or multihash in self._held:
                return
            self._held[multihash] = data
            self._held_bytes += len(data)
            while self._held_bytes > self._max_bytes:
                self._held_bytes -= len(self._held.popitem(last=False)[1])
