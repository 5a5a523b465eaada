"""Instants of RFC 3339, to the nanosecond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.formats import instant
from jiaozi_node.formats.instant import InvalidInstant

LAST_NS = 253402300800 * 10**9 - 1


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-01T00:00:00Z", 0),
        ("2123-08-14T12:17:03.694052Z", 4847689023_694052000),
        ("1970-01-01T01:00:00.5Z", 3600_500000000),
        ("9999-12-31T23:59:59.999999999Z", LAST_NS),
    ],
)
def test_texts_of_go_read_and_write_back(text: str, nanoseconds: int) -> None:
    assert instant.parse(text) == nanoseconds
    assert instant.write(nanoseconds) == text


def test_offsets_are_read() -> None:
    assert instant.parse("1970-01-01T02:00:00+02:00") == 0
    assert instant.parse("1969-12-31T22:30:00.25-01:30") == 250_000_000


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01 00:00:00Z",
     "2026-01-01T00:00:00", "2026-01-01T00:00:00z", "2026-01-01T00:00:00.Z",
     "2026-01-01T00:00:00.0000000001Z", "0000-01-01T00:00:00Z", "2026-01-01T00:00:00+24:00",
     " 2026-01-01T00:00:00Z", "２０２６-01-01T00:00:00Z"],
)  # fmt: skip
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(InvalidInstant):
        instant.parse(text)


@pytest.mark.parametrize("nanoseconds", [-1, LAST_NS + 1, 10**40])
def test_what_has_no_text_is_refused(nanoseconds: int) -> None:
    with pytest.raises(InvalidInstant):
        instant.write(nanoseconds)


@given(st.integers(0, LAST_NS))
def test_every_instant_reads_back(nanoseconds: int) -> None:
    assert instant.parse(instant.write(nanoseconds)) == nanoseconds
