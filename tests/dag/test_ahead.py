"""Reading ahead gives what reading in turn gives, errors included."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.ahead import AHEAD_BYTES, stream_ahead
from jiaozi_node.dag.walk import Walk, need, stream
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.stores.memory import MemoryStore


def _walk(cids: list[Cid], ahead: int) -> Walk[bytes, None]:
    for at, cid in enumerate(cids):
        try:
            block = yield from need(cid, tuple(cids[at + 1 : at + 1 + ahead]))
        except BlockMissing:
            yield b"missing"
        else:
            yield block.data


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(0, 12), st.sets(st.integers(0, 9)))
def test_the_output_is_that_of_stream(numbers: list[int], ahead: int, lost: set[int]) -> None:
    store = MemoryStore()
    blocks = [Block.of(b"%d" % number) for number in range(10)]
    with store.writer() as writer:
        writer.put([block for number, block in enumerate(blocks) if number not in lost])
    cids = [blocks[number].cid for number in numbers]
    expected = list(stream(_walk(cids, ahead), store.get))
    assert list(stream_ahead(_walk(cids, ahead), store.get)) == expected


@pytest.mark.parametrize("taken", [1, 100])
def test_no_more_is_under_way_than_the_bound(taken: int) -> None:
    size = 64 * 1024
    blocks = {block.cid: block for block in (Block.of(bytes([n]) * size) for n in range(250))}
    fetched: list[Cid] = []

    def get(cid: Cid) -> Block:
        fetched.append(cid)
        return blocks[cid]

    parts = stream_ahead(_walk(list(blocks), 249), get)
    assert [next(parts) for _ in range(taken)] == [
        block.data for block in list(blocks.values())[:taken]
    ]
    parts.close()  # type: ignore[attr-defined]
    assert taken <= len(fetched) <= taken + AHEAD_BYTES // size


def test_a_block_that_repeats_at_once_is_fetched_once() -> None:
    zeros, end = Block.of(bytes(1000)), Block.of(b"end")
    fetched: list[Cid] = []

    def get(cid: Cid) -> Block:
        fetched.append(cid)
        return zeros if cid == zeros.cid else end

    cids = [zeros.cid] * 50 + [end.cid]
    assert list(stream_ahead(_walk(cids, 8), get)) == [zeros.data] * 50 + [b"end"]
    assert sorted(fetched, key=cids.index) == [zeros.cid, end.cid]


def test_a_small_file_starts_no_thread() -> None:
    block = Block.of(b"small")
    before = threading.active_count()

    def get(cid: Cid) -> Block:
        assert cid == block.cid
        assert threading.active_count() == before
        return block

    assert list(stream_ahead(_walk([block.cid], 32), get)) == [b"small"]


def test_an_error_that_nobody_catches_ends_the_stream_and_the_threads() -> None:
    blocks = [Block.of(b"%d" % number) for number in range(20)]

    def get(cid: Cid) -> Block:
        if cid == blocks[5].cid:
            raise BlockMissing(cid)
        return next(block for block in blocks if block.cid == cid)

    def strict() -> Walk[bytes, None]:
        for at, block in enumerate(blocks):
            yield (yield from need(block.cid, tuple(b.cid for b in blocks[at + 1 :]))).data

    before = threading.active_count()
    parts = stream_ahead(strict(), get)
    with pytest.raises(BlockMissing):
        list(parts)
    assert threading.active_count() == before
