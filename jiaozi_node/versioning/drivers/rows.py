"""Tables merged by key, field by field: what ``csv`` and ``jsonl`` share (specs/merge.md §5.3)."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from jiaozi_node.versioning.drivers.outcome import Cell, Unreadable


class Field(NamedTuple):
    """One field as it stands in the file, and what it means."""

    raw: bytes
    value: bytes


class Row(NamedTuple):
    """One row as it stands in the file, without its line end, and its fields by column."""

    raw: bytes
    fields: Mapping[bytes, Field]


Rows = dict[bytes, Row]
Write = Callable[[Mapping[bytes, Field], tuple[Row, ...]], bytes]


def merge(
    base: Rows, ours: Rows, theirs: Rows, write: Write, favour: str | None = None
) -> tuple[list[bytes], list[Cell]]:
    """Merge three tables, each by key in order of its rows; return the rows and what is in dispute.

    *write* makes a row of merged fields, given the rows they come from. In dispute, ours stands, or
    the side *favour*, and then it is none. Raises `Unreadable` when both sides reordered rows
    unlike.
    """
    cells: list[Cell] = []
    merged: dict[bytes, bytes] = {}
    for key in {**base, **ours, **theirs}:
        row = _row(key, base.get(key), ours.get(key), theirs.get(key), write, favour, cells)
        if row is not None:
            merged[key] = row
    order = _order(list(base), list(ours), list(theirs), merged)
    return [merged[key] for key in order], cells


def pick(base: bytes | None, ours: bytes | None, theirs: bytes | None) -> bytes | None:
    """Return what one side made of *base*; ours where both did."""
    return theirs if ours == base else ours


def _row(
    key: bytes,
    b: Row | None,
    o: Row | None,
    t: Row | None,
    write: Write,
    favour: str | None,
    cells: list[Cell],
) -> bytes | None:
    base, ours, theirs = (row and row.raw for row in (b, o, t))
    if theirs in (ours, base):
        return ours
    if ours == base:
        return theirs
    if o is None or t is None:
        alone = o or t
        if alone is not None and b is not None and _values(alone) == _values(b):
            return None  # written anew on one side, deleted on the other
        if favour is None:
            cells.append(Cell(key, None, base, ours, theirs))
        return theirs if favour == "theirs" else ours
    old = b.fields if b is not None else {}
    fields: dict[bytes, Field] = {}
    new = (o.fields.keys() | t.fields.keys()) - old.keys()
    for column in (*old, *sorted(new)):
        was, mine, their = old.get(column), o.fields.get(column), t.fields.get(column)
        field = _field(key, column, was, mine, their, favour, cells)
        if field is not None:
            fields[column] = field
    return write(fields, (o, t) if b is None else (b, o, t))


def _field(
    key: bytes,
    column: bytes,
    b: Field | None,
    o: Field | None,
    t: Field | None,
    favour: str | None,
    cells: list[Cell],
) -> Field | None:
    base, ours, theirs = (field and field.value for field in (b, o, t))
    if ours == theirs:
        if o is None or t is None or o.raw == t.raw or (b and t.raw == b.raw):
            return o
        return t if b and o.raw == b.raw else min(o, t)
    if ours == base:
        return t
    if theirs != base and favour == "theirs":
        return t
    if theirs != base and favour is None:
        cells.append(Cell(key, column, base, ours, theirs))
    return o


def _values(row: Row) -> dict[bytes, bytes]:
    return {column: field.value for column, field in row.fields.items()}


def _order(
    base: list[bytes], ours: list[bytes], theirs: list[bytes], kept: Mapping[bytes, bytes]
) -> list[bytes]:
    """Return the keys of *kept* in merged order."""
    everywhere = set(base) & set(ours) & set(theirs)
    old, mine, their = (_among(keys, everywhere) for keys in (base, ours, theirs))
    if mine != old and their not in (old, mine):
        raise Unreadable("both sides put rows into other orders")
    spine = their if mine == old else mine
    place = {key: at for at, key in enumerate(spine, 1)}
    # What either side has behind each key of the spine, the first place counting.
    gaps: dict[bytes, int] = {}
    runs: list[list[bytes]] = []
    for keys in (ours, theirs):
        gap = 0
        run: list[bytes] = []
        for key in keys:
            if key in place:
                gap = place[key]
            elif key in kept:
                gaps[key] = min(gap, gaps.get(key, gap))
                run.append(key)
        runs.append(run)
    behind: list[list[list[bytes]]] = [[[], []] for _ in range(len(spine) + 1)]
    for side, run in enumerate(runs):
        for key in run:
            behind[gaps[key]][side].append(key)
    out: dict[bytes, None] = {}
    for at, both in enumerate(behind):
        if at:
            out[spine[at - 1]] = None
        for run in sorted(both, key=lambda keys: [_rank(key) for key in keys]):
            out.update(dict.fromkeys(run))
    return list(out)


def _among(keys: Iterable[bytes], some: set[bytes]) -> list[bytes]:
    return [key for key in keys if key in some]


def _rank(key: bytes) -> tuple[int, int, bytes]:
    return (0, int(key), key) if key.isdigit() and len(key) < 19 else (1, 0, key)
