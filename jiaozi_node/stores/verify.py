"""Verification of what rests: bytes that don't hash to their CID are never handed out.

`checked` is how every backend of ours turns bytes at rest into a `Block`; `Verified` wraps a store
that doesn't do so itself.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager

from jiaozi_node.errors import Corrupt
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockStore, BlockWriter, Family


class CorruptBlock(Corrupt):
    """The store's bytes for *cid* are damaged or can't be read."""

    def __init__(self, cid: Cid, why: str) -> None:
        super().__init__(f"block {cid} is damaged in the store: {why}")
        self.cid, self.why = cid, why


def checked(cid: Cid, data: bytes) -> Block:
    """Return the block of *cid*, or raise `CorruptBlock` when *data* is not it."""
    if not mh.matches(cid.multihash, data):
        raise CorruptBlock(cid, f"its {len(data)} bytes don't match its hash")
    return Block(cid, data)


class Verified:
    """A store whose answers are hashed again before they are believed."""

    def __init__(self, inner: BlockStore) -> None:
        self._inner = inner

    def get(self, cid: Cid) -> Block:
        """Return the block under *cid*; raises `CorruptBlock` when the inner store's isn't it."""
        return checked(cid, self._inner.get(cid).data)

    def size(self, cid: Cid) -> int:
        """Return the block's length as the inner store knows it."""
        return self._inner.size(cid)

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        """Ask the inner store."""
        return self._inner.has(cids)

    def writer(self, family: Family = Family.OWN) -> AbstractContextManager[BlockWriter]:
        """Write to the inner store."""
        return self._inner.writer(family)

    def drop(self, cids: Iterable[Cid]) -> int:
        """Drop from the inner store."""
        return self._inner.drop(cids)

    def multihashes(self) -> Iterator[bytes]:
        """Enumerate the inner store."""
        return self._inner.multihashes()

    def close(self) -> None:
        """Close the inner store."""
        self._inner.close()
