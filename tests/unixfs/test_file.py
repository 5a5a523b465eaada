"""An opened file does what `io.BytesIO` does, and asks only for the blocks that are read from."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs.file import DagFile, opened
from jiaozi_node.unixfs.profile import Profile
from tests.blocks import Blocks

SMALL = Profile("small", chunk_size=10, file_width=3)
INLINE = Profile("inline", chunk_size=10, file_width=3, inline_limit=30)

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 40)),
        st.tuples(st.just("seek"), st.integers(0, 130)),
        st.tuples(st.just("back"), st.integers(-130, 10)),
        st.tuples(st.just("on"), st.integers(-20, 20)),
        st.tuples(st.just("into"), st.integers(0, 40)),
    ),
    max_size=12,
)


@given(st.binary(max_size=120), st.sampled_from([SMALL, INLINE]), ACTS, st.booleans())
def test_it_is_read_as_a_file_in_memory(
    data: bytes, profile: Profile, acts: list[tuple[str, int]], buffered: bool
) -> None:
    blocks = Blocks()
    root = blocks.add(data, profile).cid
    raw = DagFile(root, len(data), blocks.get)
    file = io.BufferedReader(raw, 16) if buffered else io.BufferedReader(raw, 1)
    model = io.BytesIO(data)
    for what, number in acts:
        if what == "read":
            assert file.read(number) == model.read(number)
        elif what == "into":
            one, other = bytearray(number), bytearray(number)
            assert file.readinto(one) == model.readinto(other)
            assert one == other
        else:
            whence = {"seek": io.SEEK_SET, "back": io.SEEK_END, "on": io.SEEK_CUR}[what]
            base = {"seek": 0, "back": len(data), "on": model.tell()}[what]
            if base + number < 0:
                with pytest.raises(ValueError, match="before the beginning"):
                    raw.seek(base + number)
                continue
            assert file.seek(number, whence) == model.seek(base + number)
        assert file.tell() == model.tell()


def test_only_blocks_that_are_read_from_are_asked_for() -> None:
    blocks = Blocks()
    data = bytes(range(90))
    root = blocks.add(data, SMALL).cid
    asked = blocks.asked
    file = opened(root, len(data), blocks.get)
    assert asked == []
    file.seek(-4, io.SEEK_END)
    assert asked == []
    assert file.read() == data[-4:]
    levels = len(asked)  # the root, nodes on the way, a leaf
    assert levels == 3
    file.seek(42)
    assert file.read(5) == data[42:47]
    assert len(asked) <= levels + 2  # the root was kept
    asked.clear()
    file.seek(0)
    assert file.read(15) == data[:15]
    assert len(asked) == len(set(asked)) == 3  # a node and two leaves


def test_reading_through_asks_for_each_block_once() -> None:
    blocks = Blocks()
    data = bytes(range(200))
    root = blocks.add(data, SMALL).cid
    asked = blocks.asked
    with opened(root, len(data), blocks.get) as file:
        assert b"".join(iter(lambda: file.read(7), b"")) == data
    assert len(asked) == len(set(asked))


def test_what_is_closed_or_wrong_raises() -> None:
    blocks = Blocks()
    root = blocks.add(b"x" * 50, SMALL).cid
    raw = DagFile(root, 50, blocks.get)
    with pytest.raises(ValueError, match="whence 7"):
        raw.seek(0, 7)
    with pytest.raises(ValueError, match="before the beginning"):
        raw.seek(-1)
    with pytest.raises(io.UnsupportedOperation):
        opened(root, 50, blocks.get).write(b"x")
    raw.close()
    for act in (raw.tell, lambda: raw.seek(0), lambda: raw.readinto(bytearray(1))):
        with pytest.raises(ValueError, match="closed"):
            act()
    longer = opened(root, 60, blocks.get)  # a size that the file doesn't have
    assert len(longer.read()) == 50


def test_after_a_block_that_was_missing_one_may_read_on() -> None:
    blocks = Blocks()
    data = bytes(range(50))
    root = blocks.add(data, SMALL).cid
    leaf = next(cid for cid, block in blocks.held.items() if block.data == data[20:30])
    missing = blocks.held.pop(leaf)
    file = opened(root, len(data), blocks.get)
    assert file.read(20) == data[:20]
    for _ in range(2):
        with pytest.raises(BlockMissing):
            file.read(1)
    blocks.held[leaf] = missing
    assert file.read() == data[20:]
