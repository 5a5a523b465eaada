"""What every store of blocks promises in ``stores/api.py``, a test each."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jiaozi_node.errors import Corrupt, Misuse
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores import many as bulk
from jiaozi_node.stores.api import BlockMissing, BlockStore, Family, ReadsBlocks

A = Block.of(b"a story begins")
B = Block.of(b"\x0a\x02hi", c.DAG_PB)
EMPTY = Block.of(b"")
SHA512 = Block.of(b"longer digest", c.DAG_CBOR, mh.SHA2_512)
BLAKE3 = Block.of(b"other digest", c.RAW, mh.BLAKE3)
BIG = Block.of(bytes(3 * 1024 * 1024))  # `--allow-big-block` lets such in
BLOCKS = [A, B, EMPTY, SHA512, BLAKE3]
ABSENT = Block.of(b"never put")
INLINE = Block.of(b"says itself", c.RAW, mh.IDENTITY)


def many(count: int) -> list[Block]:
    return [Block.of(b"%d" % number) for number in range(count)]


# GetsBlocks, HasBlocks, ListsBlocks, close: every backend, those that are only read too.


@pytest.fixture
def reading(readable: Any, tmp_path: Path) -> Iterator[ReadsBlocks]:
    opened = readable.filled(tmp_path / "store", BLOCKS)
    yield opened
    opened.close()


def test_get_returns_what_was_put(reading: ReadsBlocks) -> None:
    for block in BLOCKS:
        assert reading.get(block.cid) == block
        assert reading.get(block.cid) == block


def test_get_hands_back_the_block_under_the_cid_asked_for(reading: ReadsBlocks) -> None:
    for asked in (Cid.v0(B.cid.multihash), Cid.v1(c.RAW, B.cid.multihash), B.cid):
        found = reading.get(asked)
        assert found.cid == asked
        assert found.data == B.data


def test_identity_cids_are_answered_from_themselves(reading: ReadsBlocks) -> None:
    assert reading.get(INLINE.cid) == INLINE
    assert reading.size(INLINE.cid) == len(INLINE.data)
    assert reading.has([INLINE.cid]) == [True]


def test_an_absent_block_is_missing_by_its_cid(reading: ReadsBlocks) -> None:
    asks: tuple[Callable[[Cid], object], ...] = (reading.get, reading.size)
    for ask in asks:
        with pytest.raises(BlockMissing) as raised:
            ask(ABSENT.cid)
        assert raised.value.cid == ABSENT.cid


def test_size_is_the_length_in_bytes(reading: ReadsBlocks) -> None:
    assert [reading.size(block.cid) for block in BLOCKS] == [len(block.data) for block in BLOCKS]


def test_many_are_had_as_one_is(reading: ReadsBlocks) -> None:
    asked = [*BLOCKS, INLINE, Block(Cid.v0(B.cid.multihash), B.data), *reversed(BLOCKS)]
    cids = [block.cid for block in asked]
    assert list(bulk.get_many(reading, cids)) == asked
    assert bulk.sizes(reading, cids) == [len(block.data) for block in asked]
    assert list(bulk.get_many(reading, [])) == []
    assert bulk.sizes(reading, []) == []
    with pytest.raises(BlockMissing) as raised:
        bulk.sizes(reading, [A.cid, ABSENT.cid, B.cid])
    assert raised.value.cid == ABSENT.cid
    found = bulk.get_many(reading, [A.cid, ABSENT.cid, B.cid])
    with pytest.raises(BlockMissing) as raised:
        list(found)
    assert raised.value.cid == ABSENT.cid


@pytest.mark.parametrize("size", [1, 1000, 40_000])
def test_as_many_are_had_as_are_asked_for(readable: Any, tmp_path: Path, size: int) -> None:
    blocks = [Block.of(b"%d" % number * size) for number in range(700)]
    store = readable.filled(tmp_path / "store", blocks)
    asked = [*blocks[::3], *blocks[::-7], blocks[0]]
    assert list(bulk.get_many(store, [block.cid for block in asked])) == asked
    assert bulk.sizes(store, [block.cid for block in asked]) == [len(one.data) for one in asked]
    store.close()


def test_has_answers_in_order_and_for_repeats(reading: ReadsBlocks) -> None:
    asked = [ABSENT.cid, A.cid, ABSENT.cid, INLINE.cid, A.cid, Cid.v0(B.cid.multihash)]
    assert reading.has(asked) == [False, True, False, True, True, True]
    assert reading.has([]) == []


def test_damaged_bytes_are_never_returned_and_are_named(readable: Any, tmp_path: Path) -> None:
    store = readable.damaged(tmp_path / "store", BLOCKS, B.cid)
    for asked in (B.cid, Cid.v0(B.cid.multihash)):
        with pytest.raises(Corrupt, match=str(asked)):
            store.get(asked)
        with pytest.raises(Corrupt, match=str(asked)):
            list(bulk.get_many(store, [A.cid, asked, EMPTY.cid]))
    assert store.get(A.cid) == A
    assert list(bulk.get_many(store, [A.cid])) == [A]
    assert store.size(B.cid) == len(B.data)  # size doesn't verify
    store.close()


@pytest.mark.parametrize("count", [0, 1, 3001])
def test_multihashes_yields_each_block_once(readable: Any, tmp_path: Path, count: int) -> None:
    blocks = many(count)
    store = readable.filled(tmp_path / "store", blocks)
    found = list(store.multihashes())
    assert len(found) == count
    assert set(found) == {block.cid.multihash for block in blocks}
    store.close()


def test_a_closed_store_says_so(reading: ReadsBlocks) -> None:
    reading.get(A.cid)
    listing = reading.multihashes()
    reading.close()
    reading.close()
    for call in (
        lambda: reading.get(A.cid),
        lambda: reading.get(INLINE.cid),
        lambda: reading.size(A.cid),
        lambda: reading.has([A.cid]),
        lambda: list(bulk.get_many(reading, [A.cid])),
        lambda: bulk.sizes(reading, [A.cid]),
        lambda: list(listing),
    ):
        with pytest.raises(Misuse):
            call()


# PutsBlocks, BlockWriter, DropsBlocks.


def test_blocks_are_readable_at_once(store: BlockStore) -> None:
    with store.writer() as writer:
        writer.put([A])
        assert store.get(A.cid) == A
        assert store.size(A.cid) == len(A.data)
        assert store.has([A.cid, B.cid]) == [True, False]
        assert list(bulk.get_many(store, [A.cid])) == [A]
        assert bulk.sizes(store, [A.cid]) == [len(A.data)]
        assert list(store.multihashes()) == [A.cid.multihash]
        writer.put(iter([B]))
        assert store.get(B.cid) == B
    assert store.get(A.cid) == A


def test_repeats_and_any_order_are_welcome_and_identity_blocks_are_dropped(
    store: BlockStore,
) -> None:
    with store.writer() as writer:
        writer.put([B, A, B, INLINE])
        writer.put([A])
        writer.put([])
    with store.writer(Family.PUBLIC) as writer:
        writer.put([A, EMPTY])
    assert sorted(store.multihashes()) == sorted(b.cid.multihash for b in (A, B, EMPTY))


def test_an_act_that_fails_keeps_whole_blocks_only_and_the_store_goes_on(
    store: BlockStore,
) -> None:
    blocks = many(50)

    def broken() -> Iterator[Block]:
        yield from blocks
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), store.writer() as writer:
        writer.put(broken())
    for block, here in zip(blocks, store.has([b.cid for b in blocks]), strict=True):
        if here:
            assert store.get(block.cid) == block
    with store.writer() as writer:
        writer.put([A])
    assert store.get(A.cid) == A


def test_an_act_that_fails_takes_nothing_from_another(store: BlockStore) -> None:
    with store.writer() as kept:
        with suppress(ZeroDivisionError), store.writer() as failed:
            failed.put([A, B])
            kept.put([A])
            raise ZeroDivisionError
        kept.put([B])
    assert store.get(A.cid) == A
    assert store.get(B.cid) == B


def test_a_writer_whose_act_has_ended_takes_nothing(store: BlockStore) -> None:
    with store.writer() as writer:
        writer.put([A])
    with pytest.raises(Misuse):
        writer.put([B])
    assert store.has([B.cid]) == [False]


def test_present_tells_what_is_here(store: BlockStore) -> None:
    with store.writer() as writer:
        writer.put([A])
        assert writer.present([A.cid, B.cid, INLINE.cid]) == [True, False, True]


def test_drop_forgets_and_counts_what_was_here(store: BlockStore) -> None:
    with store.writer() as writer:
        writer.put([A, B, EMPTY])
    store.get(A.cid)
    assert store.drop([A.cid, A.cid, ABSENT.cid, INLINE.cid, Cid.v0(B.cid.multihash)]) == 2
    assert store.has([A.cid, B.cid, EMPTY.cid, INLINE.cid]) == [False, False, True, True]
    with pytest.raises(BlockMissing):
        store.get(A.cid)
    assert list(store.multihashes()) == [EMPTY.cid.multihash]
    assert store.drop([A.cid]) == 0
    with store.writer() as writer:
        writer.put([A])
    assert store.get(A.cid) == A


def test_a_block_dropped_within_the_act_that_put_it_is_gone(store: BlockStore) -> None:
    with store.writer() as writer:
        writer.put([A, B])
        assert store.drop([A.cid]) == 1
    assert store.has([A.cid, B.cid]) == [False, True]


def test_what_is_here_all_along_is_listed_while_others_come_and_go(store: BlockStore) -> None:
    staying, going = many(4000)[::2], many(4000)[1::2]
    with store.writer() as writer:
        writer.put(staying + going)
    found = []
    for number, multihash in enumerate(store.multihashes()):
        found.append(multihash)
        if number % 500 == 0 and number < 2000:
            store.drop([block.cid for block in going[number : number + 500]])
            with store.writer() as writer:
                writer.put([Block.of(b"new %d" % number)])
    assert len(found) == len(set(found))
    assert {block.cid.multihash for block in staying} <= set(found)


def test_a_closed_store_takes_no_writes(store: BlockStore) -> None:
    store.close()
    with pytest.raises(Misuse), store.writer() as writer:
        writer.put([A])
    with pytest.raises(Misuse):
        store.drop([A.cid])


def test_threads_share_a_store(store: BlockStore) -> None:
    faults: list[BaseException] = []

    def work(which: int) -> None:
        try:
            blocks = [Block.of(b"%d of %d" % (number, which % 2)) for number in range(100)]
            for start in range(0, 100, 10):
                with store.writer() as writer:
                    writer.put(blocks[start : start + 10])
                for block in blocks[: start + 10]:
                    assert store.get(block.cid) == block
        except BaseException as fault:  # noqa: BLE001 - handed to the test's own thread
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(set(store.multihashes())) == 200


def test_what_was_put_is_there_after_reopening(lasting: Any, tmp_path: Path) -> None:
    first = lasting.empty(tmp_path / "store")
    with first.writer() as writer:
        writer.put([*BLOCKS, BIG])
    with first.writer() as writer:
        writer.put(many(3000))
    first.close()
    second = lasting.again(tmp_path / "store")
    for block in [*BLOCKS, BIG, *many(3000)]:
        assert second.get(block.cid) == block
    second.close()
