"""What differs between two tables, row by row, in one pass over both (``specs/diff.md`` §5).

Both are read side by side, and a row waits in memory until its partner turns up on the other side:
so what is held are the rows that were added, removed or moved, never the table.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, TypeAlias

from jiaozi_node.versioning.drivers.outcome import Unreadable
from jiaozi_node.versioning.tables import CSV, JSONL, CsvTable, JsonTable, Table

MAX_HELD_BYTES: Final = 128 * 1024 * 1024
_ROW_BYTES: Final = 300  # what Python adds to a row that waits, measured

CHANGED, REMOVED, ADDED = "changed", "removed", "added"


@dataclass(frozen=True, slots=True)
class Columns:
    """What became of the columns; *renamed* pairs the earlier name with the later one."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    reordered: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A field on both sides; None where that side has none. *column* is the later name."""

    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that was *changed*, *removed* or *added*; *key* is None where the whole row is it."""

    how: str
    key: tuple[tuple[str, str], ...] | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows there were of each sort. It comes last."""

    added: int
    removed: int
    changed: int
    same: int


@dataclass(frozen=True, slots=True)
class NoTable:
    """Why there are no rows to tell of, or no more of them. It comes last."""

    why: str


Told: TypeAlias = Columns | RowChange | Counts | NoTable


def compare(
    form: str,
    before: Iterable[bytes] | None,
    after: Iterable[bytes] | None,
    key: Sequence[str] | None,
    delimiter: str = ",",
) -> Iterator[Told]:
    """Yield what makes the table *after* of *before*; of a lone one only columns and counts.

    *form* is "csv" or "jsonl". The tables come in pieces, each read once.
    """
    names = None if key is None else [name.encode("utf-8", "surrogateescape") for name in key]
    try:
        if form == JSONL:
            yield from _json(before, after, names)
        else:
            yield from _csv(before, after, names, delimiter)
    except Unreadable as fault:
        yield NoTable(str(fault))


def is_form(name: str) -> bool:
    """Tell whether `compare` knows the form *name*."""
    return name in (CSV, JSONL)


def _csv(
    before: Iterable[bytes] | None,
    after: Iterable[bytes] | None,
    key: list[bytes] | None,
    delimiter: str,
) -> Iterator[Told]:
    one, other = CsvTable(before or (), delimiter), CsvTable(after or (), delimiter)
    columns, pairs = _columns(one.columns, other.columns)
    if columns != Columns():
        yield columns
    if before is None or after is None:
        yield _counted(one, other)
        return
    if not pairs and one.columns and other.columns:
        raise Unreadable("they have no column in common")
    if key is None:
        one.by([old for old, _new in pairs] or one.columns)
        other.by([new for _old, new in pairs] or other.columns)
    else:
        one.by(key)
        other.by(key)
    matcher = _Matcher(one, other, key, [(_text(new), old, new) for old, new in pairs])
    yield from matcher.told(alike=one.columns == other.columns)


def _json(
    before: Iterable[bytes] | None, after: Iterable[bytes] | None, key: list[bytes] | None
) -> Iterator[Told]:
    one, other = JsonTable(before or (), key), JsonTable(after or (), key)
    lone = before is None or after is None
    counts: Counts | None = None
    if lone:
        counts = _counted(one, other)
    else:
        for told in _Matcher(one, other, key, None).told(alike=True):
            if isinstance(told, Counts):
                counts = told
            else:
                yield told
    old, new = set(one.columns), set(other.columns)
    if not lone:  # rows that are equal were seen once
        new |= one.seen.keys()
    columns = Columns(
        tuple([_text(name) for name in other.columns if name not in old]),
        tuple([_text(name) for name in one.columns if name not in new]),
    )
    if columns != Columns():
        yield columns
    if counts is not None:
        yield counts


def _counted(one: Table, other: Table) -> Counts:
    """Count the rows of two tables of which one is not there."""
    counts = []
    for table in (other, one):
        count = 0
        for row in table:
            table.see(row)
            count += 1
        counts.append(count)
    return Counts(counts[0], counts[1], 0, 0)


class _Waiting:
    """Rows of one side that have no partner yet, by key, the first of a key first."""

    def __init__(self) -> None:
        self.first: dict[bytes, tuple[int, bytes]] = {}
        self._more: dict[bytes, deque[tuple[int, bytes]]] = {}
        self.held_bytes = 0

    def push(self, key: bytes, number: int, row: bytes) -> None:
        if key in self.first:
            self._more.setdefault(key, deque()).append((number, row))
        else:
            self.first[key] = (number, row)
        self.held_bytes += _ROW_BYTES + len(key) + len(row)

    def pop(self, key: bytes) -> bytes | None:
        found = self.first.pop(key, None)
        if found is None:
            return None
        more = self._more.get(key)
        if more:
            self.first[key] = more.popleft()
            if not more:
                del self._more[key]
        self.held_bytes -= _ROW_BYTES + len(key) + len(found[1])
        return found[1]

    def left(self) -> list[bytes]:
        """Return what waits in order of the file."""
        rows = [*self.first.values(), *(row for more in self._more.values() for row in more)]
        return [row for _number, row in sorted(rows)]


class _Matcher:
    """Finds the partner of each row and tells what became of it.

    *shared* are the columns to compare: the name to show, and that on either side; None for all.
    """

    def __init__(
        self,
        one: Table,
        other: Table,
        key: list[bytes] | None,
        shared: list[tuple[str, bytes, bytes]] | None,
    ) -> None:
        self._one, self._other, self._key, self._shared = one, other, key, shared
        self._waiting = _Waiting(), _Waiting()
        self._changed = self._same = 0

    def told(self, *, alike: bool) -> Iterator[Told]:
        """Read both tables; *alike* says that equal bytes are equal rows."""
        one, other = self._one, self._other
        left, right = self._waiting
        for number, (old, new) in enumerate(zip_longest(one, other)):
            if alike and old == new:
                one.see(old)
                if not left.first and not right.first:
                    self._same += 1
                    continue
                key = one.key(old)
                if key not in left.first and key not in right.first:
                    self._same += 1
                    continue
            if old is not None:
                key = one.key(old)
                partner = right.pop(key)
                if partner is not None:
                    yield from self._pair(old, partner)
                else:
                    left.push(key, number, old)
            if new is not None:
                key = other.key(new)
                partner = left.pop(key)
                if partner is not None:
                    yield from self._pair(partner, new)
                else:
                    right.push(key, number, new)
            if left.held_bytes + right.held_bytes > MAX_HELD_BYTES:
                raise Unreadable(
                    f"rows that wait for a partner take over {MAX_HELD_BYTES} bytes by row {number}"
                )
        yield from self._rest()

    def _rest(self) -> Iterator[Told]:
        left, right = [waiting.left() for waiting in self._waiting]
        for row in left:
            values = self._one.values(row)
            cells = [Cell(_text(name), _text(value), None) for name, value in values.items()]
            yield RowChange(REMOVED, self._key_of(values), tuple(cells))
        for row in right:
            values = self._other.values(row)
            cells = [Cell(_text(name), None, _text(value)) for name, value in values.items()]
            yield RowChange(ADDED, self._key_of(values), tuple(cells))
        yield Counts(len(right), len(left), self._changed, self._same)

    def _pair(self, old: bytes, new: bytes) -> Iterator[RowChange]:
        """Yield the change that makes *new* of *old*, if there is one."""
        before, after = self._one.values(old), self._other.values(new)
        shared = self._shared
        if shared is None:
            shared = [(_text(name), name, name) for name in {**before, **after}]
        cells = [
            Cell(shown, _maybe(before.get(one)), _maybe(after.get(other)))
            for shown, one, other in shared
            if before.get(one) != after.get(other)
        ]
        if not cells:
            self._same += 1
            return
        self._changed += 1
        yield RowChange(CHANGED, self._key_of(after), tuple(cells))

    def _key_of(self, values: dict[bytes, bytes]) -> tuple[tuple[str, str], ...] | None:
        if self._key is None:
            return None
        return tuple([(_text(name), _text(values[name])) for name in self._key])


def _columns(
    old: tuple[bytes, ...], new: tuple[bytes, ...]
) -> tuple[Columns, list[tuple[bytes, bytes]]]:
    """Return what became of the columns of CSV, and which of them are compared."""
    stayed = set(old) & set(new)
    later = _runs(new, stayed)
    earlier = _runs(old, stayed)
    renamed: dict[bytes, bytes] = {}
    if {place: len(run) for place, run in earlier.items()} == {
        place: len(run) for place, run in later.items()
    }:
        for place, run in earlier.items():
            renamed.update(zip(run, later[place], strict=True))
    pairs = [(name, renamed.get(name, name)) for name in old if name in stayed or name in renamed]
    came = set(renamed.values()) | stayed
    columns = Columns(
        tuple([_text(name) for name in new if name not in came]),
        tuple([_text(name) for name in old if name not in stayed and name not in renamed]),
        tuple([(_text(one), _text(other)) for one, other in renamed.items()]),
        [name for name in old if name in stayed] != [name for name in new if name in stayed],
    )
    return columns, pairs


_Place: TypeAlias = "tuple[bytes | None, bytes | None]"


def _runs(columns: tuple[bytes, ...], stayed: set[bytes]) -> dict[_Place, list[bytes]]:
    """Return the columns that didn't stay, by the two between which they stand."""
    out: dict[_Place, list[bytes]] = {}
    before: bytes | None = None
    run: list[bytes] = []
    for name in (*columns, None):
        if name is not None and name not in stayed:
            run.append(name)
            continue
        if run:
            out[before, name] = run
        before, run = name, []
    return out


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _maybe(value: bytes | None) -> str | None:
    return None if value is None else _text(value)
