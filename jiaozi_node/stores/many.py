"""Many blocks asked for at once: where a store can, that spares most of what each one costs."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import GetsBlocks


@runtime_checkable
class GetsMany(Protocol):
    """Reads many blocks, and says of each what `GetsBlocks` does."""

    def get_many(self, cids: Sequence[Cid]) -> Iterator[Block]:
        """Yield the blocks of *cids* in order, verified, repeats too; raises at the first fault."""
        ...

    def sizes(self, cids: Sequence[Cid]) -> list[int]:
        """Return the sizes of the blocks; raises `BlockMissing` for the first that isn't here."""
        ...


def get_many(store: GetsBlocks, cids: Sequence[Cid]) -> Iterator[Block]:
    """Yield the blocks of *cids* in order, as `GetsBlocks.get` returns each."""
    if isinstance(store, GetsMany):
        return store.get_many(cids)
    return map(store.get, cids)


def sizes(store: GetsBlocks, cids: Sequence[Cid]) -> list[int]:
    """Return the sizes of the blocks of *cids*, as `GetsBlocks.size` returns each."""
    if isinstance(store, GetsMany):
        return store.sizes(cids)
    return [store.size(cid) for cid in cids]
