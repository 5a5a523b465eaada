"""Chunker texts, as Kubo's ``--chunker`` takes them."""

import pytest

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.unixfs import chunk


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", 262144),
        ("default", 262144),
        ("size-1", 1),
        ("size-262144", 262144),
        ("size-2096896", 2096896),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert chunk.parse(text) == size


@pytest.mark.parametrize(
    "text", ["size", "size-", "size-0", "size--1", "size-1k", "size-１", "fixed-3", "SIZE-5", "1"]
)
def test_unknown(text: str) -> None:
    with pytest.raises(chunk.UnknownChunker):
        chunk.parse(text)


@pytest.mark.parametrize("text", ["rabin", "rabin-1-2-3", "buzhash"])
def test_those_not_here_yet_are_refused_by_name(text: str) -> None:
    with pytest.raises(chunk.UnknownChunker, match="not in this version"):
        chunk.parse(text)


@pytest.mark.parametrize("text", ["size-2096897", "size-9999999999999999999"])
def test_limit(text: str) -> None:
    with pytest.raises(LimitExceeded):
        chunk.parse(text)
