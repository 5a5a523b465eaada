"""Spans of time as Go reads and writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.formats import duration
from jiaozi_node.formats.duration import MAX_NS, InvalidDuration

S = 10**9


@pytest.mark.parametrize(
    ("text", "nanoseconds", "back"),
    [
        ("0", 0, "0s"),
        ("1ns", 1, "1ns"),
        ("1500ns", 1500, "1.5µs"),
        ("2us", 2000, "2µs"),
        ("300ms", 300_000_000, "300ms"),
        ("1.5s", 1_500_000_000, "1.5s"),
        (".5s", 500_000_000, "500ms"),
        ("1.s", S, "1s"),
        ("90s", 90 * S, "1m30s"),
        ("48h", 48 * 3600 * S, "48h0m0s"),
        ("1h30m0.25s", 5400 * S + 250_000_000, "1h30m0.25s"),
        ("-1m", -60 * S, "-1m0s"),
        ("+2m", 120 * S, "2m0s"),
        ("1m1m", 120 * S, "2m0s"),
        ("0.0000000001s", 0, "0s"),
        ("2562047h47m16.854775807s", MAX_NS, "2562047h47m16.854775807s"),
    ],
)
def test_spans_read_and_write_as_in_go(text: str, nanoseconds: int, back: str) -> None:
    assert duration.parse(text) == nanoseconds
    assert duration.write(nanoseconds) == back


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", 'time: invalid duration ""'),
        ("x", 'time: invalid duration "x"'),
        ("-", 'time: invalid duration "-"'),
        (".s", 'time: invalid duration ".s"'),
        ("3", 'time: missing unit in duration "3"'),
        ("7d2h45m", 'time: unknown unit "d" in duration "7d2h45m"'),
        ("1h-1m", 'time: unknown unit "h-" in duration "1h-1m"'),
        ("3000000h", 'time: invalid duration "3000000h"'),
        ('"', 'time: invalid duration "\\""'),
        ("1h" * 100, "time: invalid duration"),
    ],
)
def test_what_is_no_span_is_refused_as_in_go(text: str, says: str) -> None:
    with pytest.raises(InvalidDuration) as raised:
        duration.parse(text)
    assert str(raised.value).startswith(says)


@given(st.integers(-MAX_NS, MAX_NS))
def test_every_span_reads_back(nanoseconds: int) -> None:
    assert duration.parse(duration.write(nanoseconds)) == nanoseconds
