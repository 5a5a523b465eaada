"""Unsigned varints: the rules of multiformats/unsigned-varint, and equality with `multiformats`."""

import multiformats.varint as other
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import Malformed
from jiaozi_node.formats import varint


# The table of https://github.com/multiformats/unsigned-varint.
@pytest.mark.parametrize(
    ("value", "data"),
    [
        (1, "01"),
        (127, "7f"),
        (128, "8001"),
        (255, "ff01"),
        (300, "ac02"),
        (16384, "808001"),
        ((1 << 63) - 1, "ffffffffffffffff7f"),
    ],
)
def test_values_of_the_specification(value: int, data: str) -> None:
    assert varint.encode(value).hex() == data
    assert varint.decode(bytes.fromhex(data)) == (value, len(data) // 2)


@given(st.integers(0, (1 << 63) - 1), st.binary(max_size=5), st.binary(max_size=5))
def test_what_is_written_is_read_wherever_it_stands(value: int, pre: bytes, post: bytes) -> None:
    data = varint.encode(value)
    assert varint.decode(pre + data + post, len(pre)) == (value, len(pre) + len(data))


@pytest.mark.parametrize("value", [-1, 1 << 63, 1 << 64])
def test_values_outside_63_bits_are_not_written(value: int) -> None:
    with pytest.raises(Malformed):
        varint.encode(value)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "cut short"),
        ("80", "cut short"),
        ("ffffffff", "cut short"),
        ("8000", "not minimal"),
        ("ff00", "not minimal"),
        ("80808080808080808001", "longer than 9 bytes"),
        ("ffffffffffffffffff01", "longer than 9 bytes"),
    ],
)
def test_other_bytes_are_refused(data: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        varint.decode(bytes.fromhex(data))


@given(st.integers(0, (1 << 63) - 1))
def test_multiformats_writes_the_same(value: int) -> None:
    assert varint.encode(value) == other.encode(value)


@given(st.lists(st.sampled_from([0, 1, 0x7F, 0x80, 0x81, 0xFF]), max_size=11).map(bytes))
def test_multiformats_reads_the_same(data: bytes) -> None:
    try:
        theirs = other.decode(data)
    except ValueError:
        theirs = None
    try:
        value, at = varint.decode(data)
    except Malformed:
        assert theirs is None
    else:
        assert theirs == (value if at == len(data) else None)
