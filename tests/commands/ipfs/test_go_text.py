"""Texts as Go writes them; the examples are what Kubo 0.43 printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.commands.ipfs.go_text import (
    compact,
    duration_s,
    escaped,
    human_bytes,
    quoted,
    sorted_deep,
    table,
)
from jiaozi_node.errors import Misuse


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (9, "9 B"), (61, "61 B"), (487, "487 B"), (999, "999 B"), (3_372_740, "3.4 MB"),
     (10_000_000_000, "10 GB"), (1_000, "1.0 kB"), (82_854_982, "83 MB")],
)  # fmt: skip
def test_sizes_are_humanized(size: int, text: str) -> None:
    assert human_bytes(size) == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [("plain", "plain"), ("new\nline", "new\\nline"), ("back\\slash", "back\\\\slash"),
     ("bell\x07", "bell\\a"), ("del\x7f", "del\\x7f"), ("\u202ertl", "\\u202ertl"),
     ("\udcff", "\udcff"), ("\udcff\n", "\\xff\\n"), ("中", "中")],
)  # fmt: skip
def test_names_are_escaped_when_a_terminal_would_be_moved(name: str, shown: str) -> None:
    assert escaped(name) == shown


@given(st.text())
def test_quoted_text_is_one_printable_line(text: str) -> None:
    assert "\n" not in quoted(text)
    assert "\x1b" not in quoted(text)


def test_columns_are_as_wide_as_their_cells_and_end_at_a_lone_line() -> None:
    rows: list[tuple[str, ...]] = [("a", "1", "x"), ("bbb", "22", "y"), ("alone",), ("c", "3", "z")]
    assert table(rows, 1) == "a   1  x\nbbb 22 y\nalone\nc 3 z\n"
    assert table([("a", "b")], 10) == "a         b\n"


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1h1m", 3660), ("300ms", 0.3), ("0", 0), ("-2s", -2)]
)
def test_durations_are_gos(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "x", "3", "1 s", "s", "1s2"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(Misuse, match=r"^time: "):
        duration_s(text)


def test_json_is_gos() -> None:
    assert compact({"b": "<&>", "a": [1, None]}) == '{"a":[1,null],"b":"\\u003c\\u0026\\u003e"}'
    assert list(sorted_deep({"b": {"d": 1, "c": 2}, "a": 0})) == ["a", "b"]
