"""The check of a store against itself, for fsck: index rows against segments, and the other way.

Whether blocks hash to their CIDs is not asked here: whoever reads them sees. A section without a
row is no damage when a file of drops names its block (``specs/segments.md``); any other has lost
its row, and a rebuild of the index brings it back. The other way round a row may lead to data whose
head is damaged: it reads well, and a rebuild would lose it, so a repair writes it once more first.
"""

import os
from array import array
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from jiaozi_node.errors import Corrupt
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.stores.segments.faults import IndexDamaged
from jiaozi_node.stores.segments.files import Segment
from jiaozi_node.stores.segments.frame import Section
from jiaozi_node.stores.segments.index import BAD, Row, digest_of
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
    rows: Counter[int] = Counter()
    astray = 0
    for _multihash, row in store.rows():
        segment = segments.get(row.segment)
        if segment is not None and row.offset + row.length > ends[row.segment]:
            astray += row.offset + row.length > segment.written
        elif segment is not None:
            rows[row.segment] += 1
        elif row.segment not in {one.number for one in store.segments()}:
            astray += 1
    if astray:
        problems.append(Problem("index", f"{astray} rows lead to where no block is"))
    for segment in segments.values():
        end = ends[segment.number]
        without, met = _sections(store, segment, end)
        headless = _headless(store, segment, end, met) if len(met) < rows[segment.number] else {}
        del met
        if headless:
            what = f"the heads of {len(headless)} of its blocks are damaged: no rebuild finds them"
            mended = repair and _written_anew(store, segment, headless)
            yield Problem(segment.name, what, repaired=mended)
        if without:
            rowless |= without
            what = f"{len(without)} of its blocks have lost their rows"
            problems.append(Problem(segment.name, what))
    if problems and repair:
        store._rebuild(IndexDamaged(store.path, "it doesn't agree with the segments"))
        rowless.clear()
    for problem in problems:
        yield problem._replace(repaired=repair)


def _sections(store: SegmentStore, segment: Segment, end: int) -> "tuple[set[bytes], array[int]]":
    """Scan *segment* up to *end*.

    Returns the multihashes of sections that should have a row and don't, and where the data begin
    of those to which a row leads.
    """
    dropped: set[int] | None = None
    found: set[bytes] = set()
    met = array("Q")
    try:
        for section in store.scan_segment(segment, verify=False):
            if not isinstance(section, Section) or section.end > end:
                continue
            multihash = section.multihash
            row = store.row(multihash)
            if row is None:
                if dropped is None:
                    dropped = _dropped(store)
                if digest_of(multihash) not in dropped and _hashes(store, segment, section):
                    found.add(multihash)
            elif row[:3] == (segment.number, section.offset, section.length):
                met.append(section.offset)
    except FileNotFoundError:  # collected meanwhile
        return set(), met
    return found, met


def _hashes(store: SegmentStore, segment: Segment, section: Section) -> bool:
    """Tell whether the section is a block: a damaged head names one that never was."""
    with store._guard:
        data = os.pread(store._files.fd(segment), section.length, section.offset)
    try:
        return mh.matches(section.multihash, data)
    except mh.UnknownHash:  # no put took such a block
        return False


def _headless(
    store: SegmentStore, segment: Segment, end: int, met: "array[int]"
) -> dict[bytes, Row]:
    """Return the rows that lead into *segment* below *end* to where the scan met no section."""
    sound = set(met)
    return {
        multihash: row
        for multihash, row in store.rows()
        if row.segment == segment.number
        and row.offset + row.length <= end
        and row.offset not in sound
        and not row.flags & BAD
    }


def _written_anew(store: SegmentStore, segment: Segment, headless: dict[bytes, Row]) -> bool:
    """Append the blocks of *headless* whose data are sound once more; tell whether all were."""
    whole = True
    for multihash, row in headless.items():
        cid = Cid.v1(c.RAW, multihash)
        try:
            block = store.get(cid)
        except (Corrupt, BlockMissing):  # whoever reads every block tells of it
            whole = False
            continue
        if store.row(multihash) == row:
            store._spoiled(multihash, row)
            with store.writer(segment.family) as writer:
                writer.put((block,))
    return whole


def _dropped(store: SegmentStore) -> set[int]:
    """Return the digests of every block that a file of drops names."""
    files = store._files
    return {drop.digest for segment in store.segments() for drop in files.drops(segment)}
