"""Tables merge by key: cells apart, order kept, and what can't be read is left to text."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.versioning import attributes, contents
from jiaozi_node.versioning.drivers import csv, jsonl
from jiaozi_node.versioning.drivers.outcome import Cell, Labels, Outcome, Unreadable

BASE = b"id,name,age\n1,ann,30\n2,bob,40\n3,cid,50\n"


def _csv(base: bytes, ours: bytes, theirs: bytes) -> Outcome:
    return csv.merge(base, ours, theirs, ("id",))


def test_cells_of_one_row_merge() -> None:
    ours = BASE.replace(b"30", b"31").replace(b"3,cid,50\n", b"")
    theirs = BASE.replace(b"ann", b'"Ann, of A"') + b"4,dee,60\n"
    expected = b'id,name,age\n1,"Ann, of A",31\n2,bob,40\n4,dee,60\n'
    assert _csv(BASE, ours, theirs) == Outcome(expected, True)
    assert _csv(BASE, theirs, ours) == Outcome(expected, True)


def test_a_cell_that_both_changed_is_in_dispute_and_ours_stands() -> None:
    ours, theirs = BASE.replace(b"30", b"31"), BASE.replace(b"30", b"32")
    assert _csv(BASE, ours, theirs) == Outcome(
        ours, False, (Cell(b"1", b"age", b"30", b"31", b"32"),)
    )


def test_a_row_changed_here_and_deleted_there_is_in_dispute() -> None:
    ours, theirs = BASE.replace(b"40", b"41"), BASE.replace(b"2,bob,40\n", b"")
    cell = Cell(b"2", None, b"2,bob,40", b"2,bob,41", None)
    assert _csv(BASE, ours, theirs) == Outcome(ours, False, (cell,))
    assert _csv(BASE, theirs, ours).data == theirs


def test_rows_added_on_both_sides_stand_by_key() -> None:
    ours, theirs = BASE + b"10,x,1\n11,x,1\n", BASE + b"9,y,2\n"
    merged = _csv(BASE, ours, theirs)
    assert merged == Outcome(BASE + b"9,y,2\n10,x,1\n11,x,1\n", True)
    assert _csv(BASE, theirs, ours) == merged


def test_one_side_may_put_rows_into_another_order() -> None:
    ours = b"id,name,age\n3,cid,50\n2,bob,40\n1,ann,30\n"
    theirs = BASE.replace(b"40", b"44")
    assert _csv(BASE, ours, theirs).data == ours.replace(b"40", b"44")


@pytest.mark.parametrize(
    "broken",
    [
        b"", b"name,age\nann,3\n", b"id,id\n1,2\n", BASE + b"1,twice,1\n", BASE + b"4,short\n",
        BASE + b'4,"open,1\n', BASE + b'4,a"b",1\n', BASE + b"4,a,1\r\n",
        b"id,age,name\n1,30,ann\n",
    ],
)  # fmt: skip
def test_what_is_no_table_is_left_to_text(broken: bytes) -> None:
    with pytest.raises(Unreadable):
        _csv(BASE, broken, BASE)
    driver = attributes.driver("csv key=id")
    merged = contents.merge(driver, BASE, broken, BASE, Labels())
    assert merged == Outcome(broken, True)


def test_jsonl_fields_merge_and_keep_their_bytes() -> None:
    base = b'{"id": 1, "x": 1.00, "y": [1,  2]}\n{"id": 2}\n'
    ours = base.replace(b"1.00", b"123456789012345678901234567890")
    theirs = base.replace(b"[1,  2]", b'{"a": "\xc3\xa4"}').replace(b'{"id": 2}\n', b"")
    expected = b'{"id": 1, "x": 123456789012345678901234567890, "y": {"a": "\xc3\xa4"}}\n'
    assert jsonl.merge(base, ours, theirs, "id") == Outcome(expected, True)
    other = base.replace(b"1.00", b"2")
    merged = jsonl.merge(base, ours, other, "id")
    assert merged.data == ours
    assert [(cell.row, cell.column) for cell in merged.cells] == [(b"1", b"x")]


@pytest.mark.parametrize(
    "broken",
    [b"[]\n", b'{"id": 1} 2\n', b'{"id": 1}\n{"id": 1}\n', b'{"x": 1}\n', b'{"id": 1, "id": 2}\n',
     b'{"id"\n', b"\xff\n", b'{"id": 1,}\n', b'{"id": ' + b"[" * 100_000 + b"\n"],
)  # fmt: skip
def test_what_is_no_jsonl_is_refused(broken: bytes) -> None:
    with pytest.raises(Unreadable):
        jsonl.merge(b"", broken, b"", "id")


def _as_csv(table: dict[int, tuple[int, int]]) -> bytes:
    return b"id,x,y\n" + b"".join(b"%d,%d,%d\n" % (key, *row) for key, row in table.items())


def _as_jsonl(table: dict[int, tuple[int, int]]) -> bytes:
    return b"".join(b'{"id":%d,"x":%d,"y":%d}\n' % (key, *row) for key, row in table.items())


CELLS = st.tuples(st.integers(0, 2), st.integers(0, 2))
TABLES = st.dictionaries(st.integers(1, 9), CELLS, max_size=6)


def _merge_jsonl(base: bytes, ours: bytes, theirs: bytes) -> Outcome:
    return jsonl.merge(base, ours, theirs, "id")


@pytest.mark.parametrize(
    ("write", "merge"), [(_as_csv, _csv), (_as_jsonl, _merge_jsonl)], ids=["csv", "jsonl"]
)
@given(base=TABLES, one=TABLES, other=TABLES)
def test_tables_merge_as_dictionaries(
    write: Callable[[dict[int, tuple[int, int]]], bytes],
    merge: Callable[[bytes, bytes, bytes], Outcome],
    base: dict[int, tuple[int, int]],
    one: dict[int, tuple[int, int]],
    other: dict[int, tuple[int, int]],
) -> None:
    def sides() -> list[Outcome]:
        found = []
        for ours, theirs in ((one, other), (other, one)):
            try:
                found.append(merge(write(base), write(ours), write(theirs)))
            except Unreadable:
                found.append(Outcome(b"", False))
        return found

    first, second = sides()
    assert first.clean == second.clean
    assert merge(write(base), write(one), write(base)) == Outcome(write(one), True)
    assert merge(write(base), write(base), write(one)) == Outcome(write(one), True)
    if not first.clean:
        return
    assert first == second
    rows = first.data.splitlines()[write is _as_csv :]
    expected: dict[int, tuple[int, ...]] = {}
    for key in base.keys() | one.keys() | other.keys():
        b, o, t = base.get(key), one.get(key), other.get(key)
        if b == o or o == t:
            row: tuple[int, ...] | None = t
        elif b == t:
            row = o
        else:
            assert o is not None
            assert t is not None
            old = b or (None, None)
            row = tuple([y if x == w else x for w, x, y in zip(old, o, t, strict=True)])
        if row is not None:
            expected[key] = row
    assert sorted(rows) == sorted(write(expected).splitlines()[write is _as_csv :])  # type: ignore[arg-type]
