"""Many values at once have the text that the standard library gives each."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.formats.base32 import encode_each


@given(
    st.integers(1, 45).flatmap(
        lambda size: st.lists(st.binary(min_size=size, max_size=size), max_size=20)
    )
)
def test_values_of_any_one_length_are_encoded(values: list[bytes]) -> None:
    assert encode_each(values) == [
        base64.b32encode(value).decode().lower().rstrip("=") for value in values
    ]


def test_values_of_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="unequal"):
        encode_each([b"nine bytes"[:9], b"four", b"fourteen bytes"])
