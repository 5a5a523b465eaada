"""What the store knows of its segments and rows as a whole: counted on change, kept in the mark.

The number of rows and the digest of their keys are what a damaged index is told by; the live bytes
of each segment are what collection goes by.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

from jiaozi_node.stores.api import Family
from jiaozi_node.stores.segments.files import Segment
from jiaozi_node.stores.segments.index import Row, digest_of
from jiaozi_node.stores.segments.mark import CLOSED, CONDEMNED, NO_LIMIT, OPEN, Covered, Mark

_WORD = 2**64


class Position(NamedTuple):
    """A moment in the segments' growth: which sections were there before it."""

    next_number: int
    tails: dict[int, int]

    def before(self, row: Row) -> bool:
        """Tell whether the section of *row* was written before this moment."""
        tail = self.tails.get(row.segment)
        return row.segment < self.next_number if tail is None else row.offset < tail


class Catalogue:
    """The segments by number and the sums over all rows."""

    def __init__(self) -> None:
        self.index_id = os.urandom(16)
        self.generation = 0
        self.next_number = 1
        self.rows = 0
        self.digest = 0
        self.segments: dict[int, Segment] = {}
        self.last: Mark | None = None

    @staticmethod
    def of(mark: Mark) -> "Catalogue":
        """Return what *mark* says."""
        self = Catalogue()
        self.index_id, self.generation = mark.index_id, mark.generation
        self.next_number, self.rows, self.digest = mark.next_number, mark.rows, mark.digest
        for one in mark.segments:
            segment = Segment(one.number, one.family)
            segment.tail = segment.written = segment.synced = segment.marked = one.end
            segment.closed = one.state != OPEN
            segment.condemned = one.state == CONDEMNED
            segment.limit = None if one.limit == NO_LIMIT else one.limit
            segment.live_rows, segment.live_bytes = one.live_rows, one.live_bytes
            segment.all_bytes, segment.drops = one.all_bytes, one.drops
            segment.created = True
            self.segments[one.number] = segment
        self.last = mark
        return self

    def mark(self, ends: dict[int, int]) -> Mark:
        """Return the next mark, which covers each segment up to its end in *ends*."""
        covered = []
        for number, end in ends.items():
            one = self.segments[number]
            whole = one.closed and end >= one.tail  # else more of it is on its way
            state = CONDEMNED if one.condemned else CLOSED if whole else OPEN
            limit = NO_LIMIT if one.limit is None else one.limit
            sums = (one.live_rows, one.live_bytes, one.all_bytes, one.drops)
            covered.append(Covered(number, one.family, state, end, limit, *sums))
        self.generation += 1
        return Mark(
            self.index_id, self.generation, self.rows, self.digest, self.next_number, covered
        )

    def given_up(self, segment: Segment) -> Mark | None:
        """Return the last mark with nothing changed but that *segment* ends at its limit."""
        last = self.last
        if last is None or segment.limit is None:
            return None
        self.generation += 1
        segments = {one.number: one for one in last.segments}
        one = segments.get(segment.number)
        if one is None:
            one = Covered(segment.number, segment.family, CLOSED, 0, 0, 0, 0, 0, 0)
        segments[segment.number] = one._replace(state=CLOSED, limit=segment.limit)
        number = max(last.next_number, segment.number + 1)
        return last._replace(
            generation=self.generation, next_number=number, segments=list(segments.values())
        )

    def new(self, family: Family) -> Segment:
        """Return a segment that is not on disk yet."""
        segment = Segment(self.next_number, family)
        self.next_number += 1
        self.segments[segment.number] = segment
        return segment

    def open_one(self, family: Family, below: int) -> Segment | None:
        """Return the segment of *family* that may be gone on with, shorter than *below*."""
        for number in sorted(self.segments, reverse=True):
            one = self.segments[number]
            if one.family is family and not one.closed:
                if one.tail < below:
                    return one
                one.closed = True
        return None

    def position(self) -> Position:
        """Return this moment."""
        tails = {one.number: one.tail for one in self.segments.values() if not one.closed}
        return Position(self.next_number, tails)

    def account(self, multihash: bytes, old: Row | None, new: Row | None) -> None:
        """Count the row of *multihash* as it goes from *old* to *new*; None is no row."""
        if old is None:
            self.rows += 1
            self.digest = (self.digest + digest_of(multihash)) % _WORD
        else:
            self._shift(old, -1)
            if new is None:
                self.rows -= 1
                self.digest = (self.digest - digest_of(multihash)) % _WORD
        if new is not None:
            self._shift(new, 1)

    def is_pub(self, row: Row) -> bool:
        """Tell whether *row* points into a segment of the public family."""
        segment = self.segments.get(row.segment)
        return segment is not None and segment.family is Family.PUBLIC

    def marked(self, row: Row) -> bool:
        """Tell whether the last mark counts *row*."""
        segment = self.segments.get(row.segment)
        return segment is not None and row.offset < segment.marked

    def reset_counts(self) -> None:
        """Forget all sums over rows, to count anew."""
        self.rows = self.digest = 0
        for segment in self.segments.values():
            segment.live_rows = segment.live_bytes = 0

    def ordered(self) -> Iterator[Segment]:
        """Yield the segments as a rebuild reads them: own before pub, older before newer."""
        yield from sorted(self.segments.values(), key=lambda one: (one.family, one.number))

    def _shift(self, row: Row, by: int) -> None:
        segment = self.segments.get(row.segment)
        if segment is not None:
            segment.live_rows += by
            segment.live_bytes += by * row.length
