"""Giving disk space back after rows were dropped: unlink what is dead, rewrite what is mostly dead.

Collection decides what goes (``dag/gc.py``); this frees the bytes. It works beside readers and
writers, segment by segment, and may be interrupted anywhere: what it did stays done.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from jiaozi_node.stores.segments.files import Segment

WORST = 0.5  # design §3: rewrite those more than half dead


class Compacts(Protocol):
    """What `reclaim` asks of a store; see `store.SegmentStore`."""

    def segments(self) -> Sequence[Segment]:
        """Return the segments."""
        ...

    def rewrite(self, segment: Segment) -> int:
        """Copy the live blocks of *segment* elsewhere."""
        ...

    def unlink_dead(self) -> int:
        """Remove segments without live blocks."""
        ...


def dead_bytes(segment: Segment) -> int:
    """Return how many bytes of blocks in *segment* no row points to."""
    return segment.all_bytes - segment.live_bytes


def reclaim(
    store: Compacts, worst: float = WORST, proceed: Callable[[], bool] = lambda: True
) -> int:
    """Free what dead blocks take up in segments dead by more than *worst*; return bytes freed.

    What was copied in order to free counts against it. *proceed* is asked before each segment;
    False ends the work early. Rewriting needs room for one segment: on a full disk
    `SegmentStore.release_ballast` makes some.
    """
    freed = store.unlink_dead()
    for segment in store.segments():
        if segment.all_bytes and dead_bytes(segment) > worst * segment.all_bytes and proceed():
            copied = store.rewrite(segment)
            freed += max(0, store.unlink_dead() - copied)
    return freed
