"""A store laid over another that is only read: a CAR file, or the store of a dry run.

What is put goes above; what is dropped is dropped above and hidden below. The store below is never
written and stays open when the overlay is closed.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing, BlockStore, BlockWriter, Family, ReadsBlocks


class Overlay:
    """*above* takes what is written and is asked first; *below* answers for the rest."""

    def __init__(self, above: BlockStore, below: ReadsBlocks) -> None:
        self._above = above
        self._below = below
        self._hidden: set[bytes] = set()

    def get(self, cid: Cid) -> Block:
        """See `api.GetsBlocks`."""
        try:
            return self._above.get(cid)
        except BlockMissing:
            if cid.multihash in self._hidden:
                raise
        return self._below.get(cid)

    def size(self, cid: Cid) -> int:
        """See `api.GetsBlocks`."""
        try:
            return self._above.size(cid)
        except BlockMissing:
            if cid.multihash in self._hidden:
                raise
        return self._below.size(cid)

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        """See `api.HasBlocks`."""
        return [
            above or (below and cid.multihash not in self._hidden)
            for cid, above, below in zip(
                cids, self._above.has(cids), self._below.has(cids), strict=True
            )
        ]

    @contextmanager
    def writer(self, family: Family = Family.OWN) -> Iterator[BlockWriter]:
        """See `api.PutsBlocks`."""
        with self._above.writer(family) as writer:
            yield _Writer(self, writer)

    def drop(self, cids: Iterable[Cid]) -> int:
        """See `api.DropsBlocks`."""
        distinct = {cid.multihash: cid for cid in cids if cid.inline is None}
        here = sum(self.has(tuple(distinct.values())))
        self._hidden.update(distinct)
        self._above.drop(distinct.values())
        return here

    def multihashes(self) -> Iterator[bytes]:
        """See `api.ListsBlocks`. Holds the multihashes of the store above in memory."""
        above = set(self._above.multihashes())
        yield from above
        for multihash in self._below.multihashes():
            if multihash not in above and multihash not in self._hidden:
                yield multihash

    def close(self) -> None:
        """Close the store above."""
        self._above.close()


class _Writer:
    def __init__(self, overlay: Overlay, inner: BlockWriter) -> None:
        self._overlay = overlay
        self._inner = inner

    def put(self, blocks: Iterable[Block]) -> None:
        self._inner.put(blocks)

    def present(self, cids: Sequence[Cid]) -> list[bool]:
        return self._overlay.has(cids)
