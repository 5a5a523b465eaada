"""Bringing index and segments together again: audit after a crash, replay from the mark, rebuild.

The index is believed only as far as `index.mark` goes and its sums agree; what the segments hold
beyond is read again, each block hashed. Where the index can't be believed, every segment is read.
Nothing is ever cut off a segment (``specs/segments.md`` §7).
"""

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType

from jiaozi_node.stores.api import Family
from jiaozi_node.stores.segments import disk
from jiaozi_node.stores.segments.catalogue import Catalogue
from jiaozi_node.stores.segments.faults import IndexDamaged
from jiaozi_node.stores.segments.files import Files, Segment
from jiaozi_node.stores.segments.frame import HEADER, Gap, Section, scan
from jiaozi_node.stores.segments.index import (
    BAD,
    MOVED,
    PUBLIC,
    SENTINEL,
    Index,
    Row,
    digest_of,
    pack,
    unpack,
)

_BATCH_ROWS = 1000
Suspects = dict[int, dict[int, tuple[bytes, Row]]]  # segment → offset → row beyond the mark


def reconcile(index: Index, files: Files, catalogue: Catalogue, *, crashed: bool) -> bool:
    """Make the rows agree with the segments from the mark on; tell whether anything was behind.

    *crashed* says that the index was not closed in order, so its rows are counted first. Raises
    `IndexDamaged` when the index has to be rebuilt.
    """
    behind = grow(files, catalogue)
    suspects = _audit(index, files, catalogue) if crashed else {}
    for segment in sorted(behind, key=lambda one: (one.family, one.number)):
        replay(index, files, catalogue, segment, suspects.pop(segment.number, {}))
    for rows in suspects.values():
        _disown(index, catalogue, rows)
    return crashed or bool(behind)


def grow(files: Files, catalogue: Catalogue) -> list[Segment]:
    """Take note of segments that hold more than the catalogue knows, or that it doesn't know."""
    behind = []
    listed = files.listed()
    for number in sorted(listed):
        family, size = listed[number]
        segment = catalogue.segments.get(number)
        if segment is None:
            segment = catalogue.segments[number] = Segment(number, family)
            segment.created = True
            catalogue.next_number = max(catalogue.next_number, number + 1)
            behind.append(segment)
        elif min(size, segment.limit or size) > segment.marked:
            behind.append(segment)  # up to its limit, what it holds may have been acknowledged
        elif size < segment.marked:
            segment.closed = True  # cut from outside: nothing is appended to it
    for number, segment in catalogue.segments.items():
        if number not in listed:
            segment.closed = True
    return behind


def replay(
    index: Index,
    files: Files,
    catalogue: Catalogue,
    segment: Segment,
    suspects: dict[int, tuple[bytes, Row]],
    gone: Mapping[int, int] = MappingProxyType({}),
) -> None:
    """Give every section beyond the segment's mark its row; rows of other places there go.

    *gone* says of dropped blocks, by digest, which segment of this family held the dropped copy:
    earlier copies of it stay dead too.
    """
    fd = files.fd(segment)
    size = os.fstat(fd).st_size
    if segment.limit is not None:
        size = min(size, segment.limit)
    dropped = {drop.offset for drop in files.drops(segment)}
    rows = _Rows(index, catalogue)
    torn = False
    for found in scan(fd, segment.marked, size):
        torn = isinstance(found, Gap)
        if isinstance(found, Section):
            suspects.pop(found.offset, None)
            segment.all_bytes += found.length
            late = gone.get(digest_of(found.multihash), 0) if gone else 0
            if found.offset not in dropped and segment.number >= late:
                rows.admit(segment, found)
    rows.flush()
    _disown(index, catalogue, suspects)
    # What was read may stand in the page cache alone, and acts to come will rely on it.
    if size > segment.marked:
        disk.fdatasync(fd)
    segment.tail = segment.written = segment.synced = size
    segment.closed = segment.closed or torn or size < len(HEADER)


def rebuild(index: Index, files: Files, catalogue: Catalogue) -> None:
    """Fill the new, empty *index* from all segments; *catalogue* may know limits of some."""
    for segment in catalogue.segments.values():
        segment.marked = segment.all_bytes = segment.drops = 0
    catalogue.reset_counts()
    listed = files.listed()
    for number, (family, _size) in listed.items():
        if number not in catalogue.segments:
            catalogue.segments[number] = Segment(number, family)
            catalogue.segments[number].created = True
        catalogue.next_number = max(catalogue.next_number, number + 1)
    for number in catalogue.segments.keys() - listed.keys():
        del catalogue.segments[number]
    gone: dict[Family, dict[int, int]] = {family: {} for family in Family}
    for segment in catalogue.ordered():
        drops = files.drops(segment)
        segment.drops = len(drops)
        for drop in drops:
            gone[segment.family][drop.digest] = segment.number
    for segment in catalogue.ordered():
        replay(index, files, catalogue, segment, {}, gone[segment.family])


def every(index: Index, heed: Callable[[bytes, Row], None]) -> None:
    """Call *heed* with each key and row; raises `IndexDamaged` for one that can't be read."""
    after = b""
    while True:
        page = index.page(after)
        for key, value in page:
            if key == SENTINEL:
                continue
            row = unpack(key, value)
            if row is None:
                raise IndexDamaged(index.path, f"the row of {key.hex()} fails its checksum")
            heed(key, row)
        if not page:
            return
        after = page[-1][0]


def _audit(index: Index, files: Files, catalogue: Catalogue) -> Suspects:
    """Count all rows; return those beyond the mark, of which the segments must know."""
    rows, digest = catalogue.rows, catalogue.digest
    dropped: set[tuple[int, int]] = set()
    for segment in catalogue.segments.values():
        drops = files.drops(segment)
        for drop in drops[segment.drops :]:
            if drop.offset:
                dropped.add((segment.number, drop.offset))
                if drop.offset < segment.marked or drop.flags & MOVED:
                    rows -= 1  # the mark counted it, and it went since
                    digest -= drop.digest
        segment.drops = max(segment.drops, len(drops))
    suspects: Suspects = {}
    gone: list[bytes] = []
    catalogue.reset_counts()

    def heed(key: bytes, row: Row) -> None:
        nonlocal rows, digest
        if (row.segment, row.offset) in dropped:
            gone.append(key)  # noted as dropped, but the crash came before its row went
            return
        marked = catalogue.marked(row)
        if marked or row.flags & MOVED:
            rows -= 1
            digest -= digest_of(key)
        if not marked:
            suspects.setdefault(row.segment, {})[row.offset] = (key, row)
        catalogue.account(key, None, row)

    every(index, heed)
    if rows or digest % 2**64:
        raise IndexDamaged(index.path, f"{abs(rows)} rows are lost or too many")
    if gone:
        index.write((), gone)
    return suspects


def _disown(index: Index, catalogue: Catalogue, rows: dict[int, tuple[bytes, Row]]) -> None:
    """Remove rows whose blocks the segments don't hold: they were never acknowledged."""
    for key, row in rows.values():
        if row.flags & MOVED:
            # It stood in for a row that the mark counted: only the segments know where that was.
            raise IndexDamaged(index.path, "a row was replaced by one whose block is lost")
        catalogue.account(key, row, None)
    if rows:
        index.write((), [key for key, _row in rows.values()])


class _Rows:
    """Rows on their way into the index, a batch at a time."""

    def __init__(self, index: Index, catalogue: Catalogue) -> None:
        self._index, self._catalogue = index, catalogue
        self._new: dict[bytes, Row] = {}

    def admit(self, segment: Segment, found: Section) -> None:
        """Give *found* a row unless a better one stands: public before own, later before older."""
        key = found.multihash
        old = self._new.get(key) or self._index.get(key)
        public = segment.family is Family.PUBLIC
        flags = PUBLIC if public else 0
        if old is not None:
            if (old.segment, old.offset) == (segment.number, found.offset):
                return
            bad = old.flags & BAD
            if not bad and not public and self._catalogue.is_pub(old):
                return
            flags |= old.flags & (PUBLIC | MOVED)
            if self._catalogue.marked(old):
                flags |= MOVED
        row = Row(segment.number, found.offset, found.length, flags)
        self._catalogue.account(key, old, row)
        self._new[key] = row
        if len(self._new) >= _BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        if self._new:
            self._index.write([(key, pack(key, *row)) for key, row in self._new.items()])
            self._new.clear()
