"""Chunkers: their texts and ends are those of Kubo, whatever pieces the content comes in."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from hashlib import shake_128
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import Misuse
from jiaozi_node.unixfs import chunk, rolling
from jiaozi_node.unixfs.add import FileBuilder, add_bytes
from jiaozi_node.unixfs.profile import PROFILES, Profile

VECTORS = Path(__file__).parents[2] / "specs" / "vectors" / "unixfs" / "chunkers-kubo-0.43.json"
KUBO = json.loads(VECTORS.read_text())
SMALL = chunk.Rolling(16, 64, 24)
FINDERS: dict[str, tuple[Callable[[], rolling.Finder], Callable[[], rolling.Finder]]] = {
    "buzhash": (rolling.buzhash_bytes, rolling.buzhash_vectors),
    "rabin": (lambda: rolling.rabin_bytes(1000), lambda: rolling.rabin_vectors(1000)),
    "rabin of 24": (lambda: rolling.rabin_bytes(24), lambda: rolling.rabin_vectors(24)),
}


@cache
def content(rule: str, size: int) -> bytes:
    if rule == "random":
        return shake_128(b"jiaozi").digest(size)
    if rule == "zeros":
        return bytes(size)
    lines = [b"%d,row %d,%d\n" % (i, i * 7919 % 1000, i * i % 9973) for i in range(size // 10)]
    return (b"id,name,value\n" + b"".join(lines))[:size]


def profile_for(text: str) -> Profile:
    base = replace(PROFILES["kubo"], cid_version=1, raw_leaves=True)
    made = chunk.parse(text)
    if isinstance(made, chunk.Fixed):
        return replace(base, chunk_size=made.size)
    return replace(base, chunk_size=made.smallest, chunker=made)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", 262144),
        ("default", 262144),
        ("size-1", 1),
        ("size-262144", 262144),
        ("size-+5", 5),
        ("size-2096896", 2096896),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert chunk.parse(text) == chunk.Fixed(size)


@pytest.mark.parametrize("row", KUBO["roots"], ids=lambda row: f"{row['chunker']} {row['content']}")
def test_roots_are_those_of_kubo(row: dict[str, str | int]) -> None:
    data = content(str(row["content"]), int(row["size"]))
    _, node = add_bytes(data, profile_for(str(row["chunker"])), keep=False)
    assert str(node.cid) == row["cid"]


@pytest.mark.parametrize("text", KUBO["refusals"])
def test_refusals_are_in_kubos_words(text: str) -> None:
    with pytest.raises(chunk.UnknownChunker) as caught:
        chunk.parse(text)
    assert str(caught.value) == KUBO["refusals"][text]


@pytest.mark.parametrize("text", ["size-2096897", "rabin-1397932", "rabin-16-32-2096897"])
def test_limit(text: str) -> None:
    with pytest.raises(
        chunk.UnknownChunker, match="may not exceed the maximum chunk size of 2096896"
    ):
        chunk.parse(text)


def test_rabin_with_a_least_chunk_under_its_window_is_refused() -> None:
    chunk.parse("rabin-48")
    with pytest.raises(chunk.UnknownChunker, match="greater than 16"):
        chunk.parse("rabin-47")


def test_a_profile_states_the_least_chunk_of_its_chunker() -> None:
    with pytest.raises(Misuse, match="16 bytes or more, not 20"):
        Profile("wrong", chunk_size=20, chunker=SMALL)


@pytest.mark.parametrize("name", FINDERS)
@given(data=st.data())
def test_the_vector_forms_find_what_the_loops_find(name: str, data: st.DataObject) -> None:
    loops, vectors = FINDERS[name]
    seed = data.draw(st.binary(max_size=8))
    body = shake_128(seed).digest(data.draw(st.integers(64, 3000)))
    first = data.draw(st.integers(32, len(body)))
    last = data.draw(st.integers(first, len(body)))
    assert vectors()(body, first, last) == loops()(body, first, last)


@pytest.mark.parametrize("name", FINDERS)
def test_an_end_beyond_the_first_slab_is_found(name: str) -> None:
    loops, vectors = FINDERS[name]
    body = bytes(70_000) + shake_128(b"tail").digest(200_000)
    assert vectors()(body, 66_000, len(body)) == loops()(body, 66_000, len(body))


@given(st.binary(max_size=600), st.lists(st.integers(0, 200), max_size=20))
def test_pieces_make_no_difference(data: bytes, sizes: list[int]) -> None:
    cutter = chunk.Cutter(SMALL)
    ends = [min(at, len(data)) for at in accumulate(sizes)]
    made: list[bytes] = []
    for start, stop in zip([0, *ends], [*ends, len(data)], strict=True):
        made += cutter.feed(data[start:stop])
    made += cutter.end()
    whole = chunk.Cutter(SMALL)
    assert made == [*whole.feed(data), *whole.end()]
    assert b"".join(made) == data
    assert all(16 <= len(piece) <= 64 for piece in made[:-1])


def test_an_insertion_moves_few_chunks() -> None:
    rule = chunk.Rolling(100, 2000, 500)

    def chunks(data: bytes) -> set[bytes]:
        cutter = chunk.Cutter(rule)
        return {*cutter.feed(data), *cutter.end()}

    body = content("random", 100_000)
    before, after = chunks(body), chunks(body[:5000] + b"inserted" + body[5000:])
    assert len(after - before) < 5 < len(before)


def test_leaves_cut_elsewhere_are_refused_where_content_decides() -> None:
    builder = FileBuilder(Profile("cut", chunk_size=16, chunker=SMALL))
    with pytest.raises(Misuse, match="cut by content"):
        builder.push_leaf(None)  # type: ignore[arg-type]
