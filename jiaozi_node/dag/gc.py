"""Garbage collection: drop what is not marked, beside acts that go on.

Marking (``dag/marking.py``) stops everything before anything is dropped when a block that is needed
can't be had. Sweep drops, a batch at a time and under the lock of the leases, what is neither
marked nor leased. What it dropped is gone from the list it walks, so a run that was killed needs no
note of how far it swept: the next looks at each row that stays once more, and reads no block for
it. Design §3.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from jiaozi_node.dag.marking import Marking
from jiaozi_node.dag.roots import Root
from jiaozi_node.errors import Corrupt
from jiaozi_node.formats import cid as c
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing, DropsBlocks, GetsBlocks, HasBlocks, ListsBlocks
from jiaozi_node.stores.leases import Collection

SWEEP_BATCH: Final = 256  # blocks dropped while acts wait: some milliseconds


class Sweepable(GetsBlocks, HasBlocks, ListsBlocks, DropsBlocks, Protocol):
    """A store from which garbage can be collected."""


class Dropped(NamedTuple):
    """A block that is no more, or that a dry run would drop."""

    cid: Cid
    size_bytes: int


_LEASED = "leases"  # the kind that a lease's roots bear in an error


def sweep(
    blocks: Sweepable, marking: Marking, collection: Collection, *, dry_run: bool = False
) -> Iterator[Dropped]:
    """Drop what is neither marked nor leased, yielding each block after it is dropped."""
    batch: list[bytes] = []
    for multihash in blocks.multihashes():
        if multihash not in marking.kept:
            batch.append(multihash)
            if len(batch) == SWEEP_BATCH:
                yield from _drop(blocks, marking, collection, batch, dry_run)
                batch = []
    yield from _drop(blocks, marking, collection, batch, dry_run)


def _drop(
    blocks: Sweepable, marking: Marking, collection: Collection, batch: list[bytes], dry_run: bool
) -> list[Dropped]:
    sizes = {multihash: _size(blocks, multihash) for multihash in batch}
    dropped = drop_unheld(blocks, marking, collection, batch, dry_run=dry_run)
    return [Dropped(Cid.v1(c.RAW, one), sizes[one]) for one in dropped]


def drop_unheld(
    blocks: Sweepable,
    marking: Marking,
    collection: Collection,
    multihashes: list[bytes],
    *,
    dry_run: bool = False,
) -> list[bytes]:
    """Drop those of *multihashes* that are neither marked nor leased; return which they are."""

    def drop(free: list[bytes]) -> list[bytes]:
        doomed = [one for one in free if one not in marking.kept]
        if not dry_run:
            blocks.drop([Cid.v1(c.RAW, one) for one in doomed])
        return doomed

    dropped: list[bytes] | None = None
    while dropped is None:
        # An act may have asked to keep a root meanwhile. It sees for itself what of it is here.
        kept = [Root(cid, _LEASED, cid.raw) for cid in collection.new_roots()]
        if kept:
            marking.mark_what_is_here(kept)
        dropped = collection.dropping(multihashes, drop)
    return dropped


def _size(blocks: GetsBlocks, multihash: bytes) -> int:
    try:
        return blocks.size(Cid.v1(c.RAW, multihash))
    except (BlockMissing, Corrupt):
        return 0
