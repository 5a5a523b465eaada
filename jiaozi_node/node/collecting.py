"""Garbage collection of a home: its roots, its leases, its progress (design §3, dag/gc.py).

A run that was killed goes on: with marking from the file `MARKED`, with dropping since what was
dropped is gone, with giving space back since each segment's dead bytes are counted in the store.
"""

import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Final

from jiaozi_node.dag import gc, pin
from jiaozi_node.dag.gc import Dropped
from jiaozi_node.dag.marking import Keys, Marking
from jiaozi_node.dag.roots import Root, linked, partial_marks, read
from jiaozi_node.errors import Malformed, Misuse, Refused
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import mfs, roots
from jiaozi_node.node.acts import leases_of
from jiaozi_node.node.home import Home
from jiaozi_node.stores.api import Change, Names
from jiaozi_node.stores.leases import Leased
from jiaozi_node.stores.marked import Marked
from jiaozi_node.versioning import reflog

RUN_KEY: Final = b"run"
MARKED: Final = "cache/marked"
_ROWS_AT_ONCE: Final = 1000
_NOTE_EVERY: Final = 100_000  # blocks dropped between two writes of the progress row

# What is forgotten of an earlier run's marking when a root of this kind is gone: itself and those
# that stand later. Refs and reflogs, which are not here, hardly ever lose one.
_MOVING: Final = {"pins": 1, "merges": 3, "intents": 3, "leases": 3, "stages": 4}
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class NamesLost(Refused):
    """The names are not all there, so what they kept would be taken for garbage."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}; nothing was collected (see 'jiaozi fsck')")


@dataclass(frozen=True, slots=True)
class Collected:
    """What a run did: blocks dropped, their bytes, and blocks kept.

    *expired* reflog entries were forgotten first. *resumed*: an earlier run had been cut short;
    *earlier* blocks are what it had dropped as far as it noted, *marked_before* what it had marked
    and was not looked at again. *freed_bytes* were given back to the disk; the rest is given back
    when its segment is rewritten.
    """

    blocks: int
    size_bytes: int
    kept: int
    expired: int
    resumed: bool
    earlier: int = 0
    marked_before: int = 0
    freed_bytes: int | None = None


def age_s(text: str) -> int:
    """Read an age: ``now``, or a number with s, m, h, d or w. Returns seconds."""
    if text == "now":
        return 0
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and len(number) < 8 and unit in _UNITS):
        raise Misuse(f"{text!r} is not an age: write 'now', or a number with s, m, h, d or w")
    return int(number) * _UNITS[unit]


def collect(
    home: Home,
    now: int,
    *,
    dry_run: bool = False,
    reflog_s: int = roots.REFLOG_S,
    progress: Callable[[int], None] = lambda _blocks: None,
) -> Generator[Dropped, None, Collected]:
    """Collect garbage, yielding every block dropped; with *dry_run*, what would be.

    Reflog entries older than *reflog_s* keep nothing and are forgotten first. Raises
    `gc.Unreachable`, `UnknownKind`, `NamesLost` or `Corrupt` before anything is dropped, and
    `Collecting` when a collection runs already.
    """
    names = home.names
    if not dry_run:
        mfs.settle(home)
    blocks = home.blocks.inner if isinstance(home.blocks, Leased) else home.blocks
    with leases_of(home).collecting() as collection:
        check_names(home)
        _make_room(blocks)
        partial = partial_marks(names)
        run = None if dry_run else _Run(home, now, partial)
        expired = sum(1 for _ in _expired(names, now, reflog_s, dry_run=dry_run))
        # All roots are had before the first is walked: they are of one moment, and complete.
        found = sorted(read(names, roots.readers(now, reflog_s)), key=_moves)
        marking = Marking(blocks, partial, progress=progress)
        marking.mark(
            [root for root in found if root.kind not in roots.LAZY],
            None if run is None else run.marked,
        )
        marking.mark_what_is_here([root for root in found if root.kind in roots.LAZY])
        count = size = 0
        for dropped in gc.sweep(blocks, marking, collection, dry_run=dry_run):
            count += 1
            size += dropped.size_bytes
            if run is not None and not count % _NOTE_EVERY:
                run.note(count)
            yield dropped
        freed = None if dry_run else _reclaim(blocks)
        if run is not None:
            run.end()
        resumed = run is not None and run.earlier is not None
        earlier = run.earlier or 0 if run is not None else 0
        return Collected(
            count, size, len(marking.kept), expired, resumed, earlier, marking.resumed, freed
        )


def kept_beside_pins(home: Home, now: int) -> Keys | None:
    """Return the multihashes that branches, stages and other names keep; None when there are none.

    Blocks that are missing are passed over: this is for those who would drop more.
    """
    mfs.settle(home)
    found = [r for r in read(home.names, roots.readers(now)) if r.kind != pin.KIND]
    if not found:
        return None
    marking = Marking(home.blocks, partial_marks(home.names))
    marking.mark_what_is_here(found)
    return marking.kept


def check_names(home: Home) -> None:
    """Raise `NamesLost` when there is a sign that names were lost (reliability.md F1, F2)."""
    gone = home.names.went_back()
    if gone is not None:
        raise NamesLost(f"names.db is older than it was: {gone} acts are gone")
    if not home.names.version() and next(home.blocks.multihashes(), None) is not None:
        raise NamesLost("names.db has never held a name, and there are blocks")


def _expired(names: Names, now: int, reflog_s: int, *, dry_run: bool) -> Iterator[Change]:
    """Forget reflog entries and leases that are too old, yielding each change."""
    for expiring in (reflog.expiring(names, now - reflog_s), _old_leases(names, now)):
        while batch := list(islice(expiring, _ROWS_AT_ONCE)):
            if not dry_run:
                names.apply(batch)
            yield from batch


def _old_leases(names: Names, now: int) -> Iterator[Change]:
    read_lease = roots.readers(now)[roots.LEASES]
    for key, value in names.scan(roots.LEASES):
        if linked(roots.LEASES, key, value) and not list(read_lease(roots.LEASES, key, value)):
            yield Change(roots.LEASES, key, None, value)


def _make_room(blocks: object) -> None:
    """Let the store of a full disk give up its ballast: to collect takes some room."""
    path, low = getattr(blocks, "path", None), getattr(blocks, "low_water_bytes", 0)
    release = getattr(blocks, "release_ballast", None)
    if release is not None and path is not None:
        room = os.statvfs(path)
        if room.f_bavail * room.f_frsize < low:
            release()


def _reclaim(blocks: object) -> int | None:
    """Let the store give back what dropped blocks took, where it can."""
    reclaim = getattr(blocks, "reclaim", None)
    return None if reclaim is None else int(reclaim())


def _moves(root: Root) -> int:
    """Return where *root* stands in the order of marking: those that come and go stand last."""
    return _MOVING.get(root.kind, 0)


def under_way(names: Names) -> int | None:
    """Return how many blocks a run had dropped that has not ended, None when all have."""
    found = names.get(roots.PROGRESS, RUN_KEY)
    return None if found is None else _read(found)[0]


class _Run:
    """The row that says a collection is under way; one found at the start was cut short."""

    def __init__(self, home: Home, now: int, partial: frozenset[Cid]) -> None:
        self._names, self._began = home.names, now
        found = self._names.get(roots.PROGRESS, RUN_KEY)
        self.earlier: int | None = None
        self._id = os.urandom(16)
        if found is not None:
            self.earlier, earlier_id = _read(found)
            self._id = earlier_id or self._id
        # Marked otherwise when other blocks are excused: then nothing is gone on with.
        excused = b"".join(sorted(cid.raw for cid in partial))
        self.marked = Marked(home.path / MARKED, sha256(self._id + excused).digest()[:16])
        self.note(0)

    def note(self, dropped: int) -> None:
        row = {"began": self._began, "dropped": dropped + (self.earlier or 0), "marked": self._id}
        self._names.apply((Change(roots.PROGRESS, RUN_KEY, dag_cbor.encode(row)),))

    def end(self) -> None:
        self._names.apply((Change(roots.PROGRESS, RUN_KEY, None),))
        self.marked.discard()


def _read(value: bytes) -> tuple[int, bytes | None]:
    """Read the row of a run: what it had dropped, and its id."""
    try:
        row = dag_cbor.decode(value)
    except Malformed:
        return 0, None
    if not isinstance(row, dict):
        return 0, None
    dropped, run = row.get("dropped"), row.get("marked")
    return (
        dropped if isinstance(dropped, int) else 0,
        run if isinstance(run, bytes) and len(run) == 16 else None,
    )
