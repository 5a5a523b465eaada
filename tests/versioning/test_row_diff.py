"""Rows held against a naive reference, on tables that the `csv` and `json` modules write."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.versioning import row_diff, tables
from jiaozi_node.versioning.row_diff import Cell, Columns, Counts, NoTable, RowChange, compare

Row = dict[str, str]

VALUES = st.sampled_from(["", "a", "b", "1", "1.0", "x,y", 'q"q', "two\nlines", "é", "a;b"])
COLUMNS = st.permutations(["id", "n", "v", "w"]).flatmap(
    lambda names: st.integers(1, 4).map(lambda count: list(names[:count]))
)


def tables_of(columns: list[str]) -> st.SearchStrategy[list[Row]]:
    rows = st.fixed_dictionaries(dict.fromkeys(columns, VALUES))
    return st.lists(rows, max_size=8)


def shuffled(rows: list[Row]) -> st.SearchStrategy[list[Row]]:
    return st.permutations(rows).map(list)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[list[str], list[Row], list[str], list[Row]]:
    """Two tables of which the later is often the earlier with a few rows and columns changed."""
    old = draw(COLUMNS)
    before = draw(tables_of(old))
    if draw(st.booleans()):
        new = draw(COLUMNS)
        return old, before, new, draw(tables_of(new))
    after = [dict(row) for row in before]
    for row in after:
        if draw(st.integers(0, 3)) == 0:
            row[draw(st.sampled_from(old))] = draw(VALUES)
    after += draw(tables_of(old))[:2]
    return old, before, old, draw(shuffled(after))


def written(columns: list[str], rows: list[Row], mark: str) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, delimiter=mark, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
    return out.getvalue().encode()


def cut(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def reference(
    before: list[Row], after: list[Row], key: list[str], shared: list[str]
) -> tuple[int, int, list[tuple[Row, Row]], int]:
    """Return how many rows came and went, the pairs that differ, and how many are the same."""
    sides: list[dict[tuple[str, ...], list[Row]]] = []
    for rows in (before, after):
        side: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in rows:
            side[tuple(row[name] for name in key)].append(row)
        sides.append(side)
    added = removed = same = 0
    changed = []
    for name in sides[0].keys() | sides[1].keys():
        for old, new in zip_longest(sides[0].get(name, ()), sides[1].get(name, ())):
            if old is None:
                added += 1
            elif new is None:
                removed += 1
            elif any(old[column] != new[column] for column in shared):
                changed.append((old, new))
            else:
                same += 1
    return added, removed, changed, same


def cells_of(old: Row, new: Row, shared: list[str]) -> set[Cell]:
    return {Cell(name, old[name], new[name]) for name in shared if old[name] != new[name]}


@given(pairs(), st.booleans(), st.integers(1, 40), st.sampled_from([",", ";", "\t"]))
def test_csv_comes_out_as_the_reference_says(
    tables_: tuple[list[str], list[Row], list[str], list[Row]], keyed: bool, size: int, mark: str
) -> None:
    old, before, new, after = tables_
    shared = [name for name in old if name in new]
    if not shared or len(old) - len(shared) == len(new) - len(shared) > 0:
        return  # nothing in common, or perhaps renamed: below
    key = [name for name in shared if name in ("id", "n")] if keyed else None
    if key == []:
        return
    one, other = written(old, before, mark), written(new, after, mark)
    told = list(compare("csv", cut(one, size), cut(other, size), key, mark))
    added, removed, changed, same = reference(before, after, key or shared, shared)
    assert told[-1] == Counts(added, removed, len(changed), same)
    rows = [event for event in told if isinstance(event, RowChange)]
    found = [set(event.cells) for event in rows if event.how == "changed"]
    expected = [cells_of(one_, other_, shared) for one_, other_ in changed]
    assert sorted(map(sorted_cells, found)) == sorted(map(sorted_cells, expected))
    for how, table, count in (("removed", before, removed), ("added", after, added)):
        values = [
            {cell.column: cell.before if how == "removed" else cell.after for cell in event.cells}
            for event in rows
            if event.how == how
        ]
        assert len(values) == count
        at = 0
        for value in values:  # in order of their file
            at = next(n for n in range(at, len(table)) if table[n] == value) + 1
    columns = [event for event in told if isinstance(event, Columns)]
    expected_columns = Columns(
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
        (),
        shared != [name for name in new if name in old],
    )
    assert columns == ([] if expected_columns == Columns() else [expected_columns])


def sorted_cells(cells: set[Cell]) -> list[tuple[str, str | None, str | None]]:
    return sorted((cell.column, cell.before, cell.after) for cell in cells)


OBJECTS = st.lists(
    st.dictionaries(st.sampled_from(["id", "n", "v"]), st.sampled_from([1, 2.5, "x", None, [1]])),
    max_size=8,
)


@given(OBJECTS, OBJECTS, st.booleans(), st.integers(1, 40))
def test_json_lines_come_out_as_the_reference_says(
    before: list[dict[str, Any]], after: list[dict[str, Any]], keyed: bool, size: int
) -> None:
    if keyed:
        before, after = [[row for row in rows if "id" in row] for rows in (before, after)]
    one, other = ["".join(json.dumps(row) + "\n" for row in rows) for rows in (before, after)]
    key = ["id"] if keyed else None
    told = list(compare("jsonl", cut(one.encode(), size), cut(other.encode(), size), key))
    every = ["id", "n", "v"]
    texts = [
        [{name: json.dumps(row[name]) if name in row else "-" for name in every} for row in rows]
        for rows in (before, after)
    ]
    added, removed, changed, same = reference(texts[0], texts[1], key or every, every)
    assert told[-1] == Counts(added, removed, len(changed), same)
    met = [{name for row in rows for name in row} for rows in (before, after)]
    columns = next((event for event in told if isinstance(event, Columns)), Columns())
    assert set(columns.added) == met[1] - met[0]
    assert set(columns.removed) == met[0] - met[1]


def told(before: bytes, after: bytes, key: list[str] | None = None, form: str = "csv") -> list[Any]:
    return list(compare(form, (before,), (after,), key))


def test_renamed_columns_are_one_column() -> None:
    before, after = b"id,mass,x\n1,5,a\n2,6,b\n", b"id,weight,x\n1,5,a\n2,7,b\n"
    assert told(before, after, ["id"]) == [
        Columns((), (), (("mass", "weight"),), False),
        RowChange("changed", (("id", "2"),), (Cell("weight", "6", "7"),)),
        Counts(0, 0, 1, 1),
    ]
    # One more that came: nothing is guessed.
    assert told(before, b"id,weight,x,y\n1,5,a,\n2,7,b,\n", ["id"]) == [
        Columns(("weight", "y"), ("mass",), (), False),
        Counts(0, 0, 0, 2),
    ]


def test_quotes_and_line_ends_are_no_difference() -> None:
    before, after = b'id,n\n1,"a"\n2,"b, c"\n', b'id,n\r\n1,a\r\n"2","b, c"\r\n'
    assert told(before, after, ["id"]) == [Counts(0, 0, 0, 2)]


def test_a_table_that_came_or_went_is_counted() -> None:
    lines = b"id,n\n1,a\n2,b\n"
    came = list(compare("csv", None, (lines,), ["id"]))
    assert came == [Columns(("id", "n"), (), (), False), Counts(2, 0, 0, 0)]
    went = list(compare("jsonl", (b'{"id": 1}\n{"n": 1}',), None, ["id"]))
    assert went == [Columns((), ("id", "n"), (), False), Counts(0, 2, 0, 0)]
    emptied = told(lines, b"", ["id"])
    assert [event.how for event in emptied[1:-1]] == ["removed", "removed"]
    assert emptied[-1] == Counts(0, 2, 0, 0)


@pytest.mark.parametrize(
    ("form", "before", "after", "key", "why"),
    [
        ("csv", b"id,n\n1,a\n", b"id,n\n1\n", ["id"], "row 1 has 1 fields where there are 2"),
        ("csv", b"id,n\n1,a\n", b'id,n\n1,"a\n', ["id"], "a quote is not closed"),
        ("csv", b"id,n\n1,a\n", b'id,n\n1,a"b"\n', ["id"], "row 1: a quote stands within a field"),
        ("csv", b"id,n\n1,a\n", b"id,n\r\n1,a\n2,b\r\n", ["id"], "lines end in more than one way"),
        ("csv", b"id,n\n1,a\n", b"id,n,n\n", ["id"], "a column is there twice"),
        ("csv", b"id,n\n1,a\n", b"n\n1\n", ["id"], "there is no column 'id'"),
        ("csv", b"a\n1\n", b"b,c\n1,2\n", None, "no column in common"),
        ("jsonl", b'{"id":1}\n', b'{"id":1}\n\n', ["id"], "row 2: a line is not a JSON object"),
        ("jsonl", b'{"id":1}\n', b'{"n":1}\n', ["id"], "row 1 has no field 'id'"),
        ("jsonl", b'{"id":1}\n', b'{"id":"\xff"}\n', ["id"], "row 1: not UTF-8"),
        ("jsonl", b"[1]\n", b"[1]\n{}\n", None, "row 1: not a JSON object"),
    ],
)
def test_what_is_no_table_says_why(
    form: str, before: bytes, after: bytes, key: list[str] | None, why: str
) -> None:
    *_, last = told(before, after, key, form)
    assert isinstance(last, NoTable)
    assert why in last.why
    assert len(last.why.splitlines()) == 1


def test_limits_of_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROW_BYTES", 10)
    monkeypatch.setattr(tables, "MAX_COLUMNS", 3)
    good = b"id,n\n1,2345678\n"  # nine and a line end
    assert told(good, good) == [Counts(0, 0, 0, 1)]
    for form, data, why in (
        ("csv", b'id,n\n1,"234\n56789', "a row of over 10 bytes"),
        ("csv", b'id,n\n1,"234\n5678"', "a row of over 10 bytes"),
        ("csv", b"id,n23456789", "a row of over 10 bytes"),
        ("csv", b"a,b,c,d\n", "it has 4 columns, over 3"),
        ("jsonl", b'{"id":12345', "row 1 is over 10 bytes"),
        ("jsonl", b'{"a":1}\n{"b":1}\n{"c":1}\n{"d":1}\n', "over 3 fields of different names"),
    ):
        *_, last = told(data, b"" if form == "jsonl" else b"id,n\n", None, form)
        assert why in last.why
    monkeypatch.undo()
    rows = b"".join(b"%d\n" % n for n in range(100))
    back = b"".join(b"%d\n" % n for n in reversed(range(100)))
    monkeypatch.setattr(row_diff, "MAX_HELD_BYTES", 100 * 306)
    assert told(b"id\n" + rows, b"id\n" + back) == [Counts(0, 0, 0, 100)]
    monkeypatch.setattr(row_diff, "MAX_HELD_BYTES", 99 * 303)
    assert "wait for a partner take over" in told(b"id\n" + rows, b"id\n" + back)[-1].why


def test_what_is_held_are_the_rows_that_moved() -> None:
    """A table of 20,000 rows, one of them moved by 50 and one new, never holds more than 60."""
    rows = [b"%d,x" % n for n in range(20_000)]
    after = list(rows)
    after.insert(60, after.pop(10))
    after.insert(100, b"new,x")
    most = 0
    waiting = row_diff._Waiting.push

    def push(self: Any, key: bytes, number: int, row: bytes) -> None:
        nonlocal most
        waiting(self, key, number, row)
        most = max(most, len(self.first))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(row_diff._Waiting, "push", push)
        data = [b"id,n\n" + b"\n".join(table) + b"\n" for table in (rows, after)]
        assert told(data[0], data[1], ["id"])[-1] == Counts(1, 0, 0, 20_000)
    assert most <= 60
