"""The check of a store against itself, for fsck: index rows against segments, and the other way.

Whether blocks hash to their CIDs is not asked here: whoever reads them sees. A section without a
row is no damage when a file of drops names its block (``specs/segments.md``); any other has lost
its row, and a rebuild of the index brings it back.
"""

from collections.abc import Iterator
from typing import NamedTuple

from jiaozi_node.stores.segments.faults import IndexDamaged
from jiaozi_node.stores.segments.files import Segment
from jiaozi_node.stores.segments.frame import Section
from jiaozi_node.stores.segments.index import digest_of
from jiaozi_node.stores.segments.store import SegmentStore


class Problem(NamedTuple):
    """Something wrong with *item*, a segment or the index; *repaired* when it is mended now."""

    item: str
    what: str
    repaired: bool = False


def check(store: SegmentStore, rowless: set[bytes], *, repair: bool = False) -> Iterator[Problem]:
    """Yield what is wrong; with *repair*, rebuild the index when it is what's wrong.

    Without, the multihashes of blocks whose rows are lost are put into *rowless*. Reads the heads
    of every section. Acts may go on meanwhile; what they add is not looked at.
    """
    if store.rebuilds:
        what = "it was damaged or absent, and was rebuilt from the segments"
        yield Problem("index", what, repaired=True)
    problems: list[Problem] = []
    segments = {one.number: one for one in store.segments()}
    ends = {number: one.written for number, one in segments.items()}
    astray = 0
    for _multihash, row in store.rows():
        segment = segments.get(row.segment)
        if segment is not None and row.offset + row.length > ends[row.segment]:
            astray += row.offset + row.length > segment.written
        elif segment is None and row.segment not in {one.number for one in store.segments()}:
            astray += 1
    if astray:
        problems.append(Problem("index", f"{astray} rows lead to where no block is"))
    for segment in segments.values():
        without = _without_row(store, segment, ends[segment.number])
        if without:
            rowless |= without
            what = f"{len(without)} of its blocks have lost their rows"
            problems.append(Problem(segment.name, what))
    if problems and repair:
        store._rebuild(IndexDamaged(store.path, "it doesn't agree with the segments"))
        rowless.clear()
    for problem in problems:
        yield problem._replace(repaired=repair)


def _without_row(store: SegmentStore, segment: Segment, end: int) -> set[bytes]:
    """Return the multihashes of sections of *segment* that should have a row and don't."""
    dropped: set[int] | None = None
    found: set[bytes] = set()
    try:
        for section in store.scan_segment(segment, verify=False):
            if not isinstance(section, Section) or section.end > end:
                continue
            multihash = section.multihash
            if store.row(multihash) is None:
                if dropped is None:
                    dropped = _dropped(store)
                if digest_of(multihash) not in dropped:
                    found.add(multihash)
    except FileNotFoundError:  # collected meanwhile
        return set()
    return found


def _dropped(store: SegmentStore) -> set[int]:
    """Return the digests of every block that a file of drops names."""
    files = store._files
    return {drop.digest for segment in store.segments() for drop in files.drops(segment)}
