"""What caches, overlays and CAR files do beyond the promises of every store."""

from pathlib import Path

import pytest

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats import car
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.car import InvalidCar
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.stores.cache import Cached
from jiaozi_node.stores.car import CarFileStore
from jiaozi_node.stores.memory import MemoryStore
from jiaozi_node.stores.overlay import Overlay
from jiaozi_node.stores.verify import CorruptBlock

A = Block.of(b"a" * 100)
B = Block.of(b"b" * 100)


class Counting(MemoryStore):
    """A store that counts what it is asked for."""

    def __init__(self, *blocks: Block) -> None:
        super().__init__(blocks)
        self.gets: list[Cid] = []

    def get(self, cid: Cid) -> Block:
        self.gets.append(cid)
        return super().get(cid)


def test_a_cache_asks_once() -> None:
    inner = Counting(A, B)
    store = Cached(inner, 10_000)
    for _ in range(3):
        assert store.get(A.cid) == A
    assert inner.gets == [A.cid]


def test_a_cache_that_is_shared_holds_nothing_that_others_dropped() -> None:
    inner = Counting(A, B)
    store = Cached(inner, 10_000, shared=True)
    for _ in range(2):
        assert (store.get(A.cid), store.get(B.cid)) == (A, B)
    inner.drop([A.cid])
    with pytest.raises(BlockMissing):
        store.get(A.cid)
    assert store.get(B.cid) == B
    assert inner.gets == [A.cid, B.cid, A.cid]
    assert store._held_bytes == len(B.data)


def test_a_cache_holds_no_more_than_it_may_and_forgets_the_longest_unread() -> None:
    blocks = [Block.of(b"%03d" % number * 40) for number in range(20)]
    inner = Counting(*blocks)
    store = Cached(inner, 1200)
    for block in blocks:
        store.get(block.cid)
        store.get(blocks[0].cid)
        assert sum(map(len, store._held.values())) == store._held_bytes <= 1200
    assert inner.gets == [block.cid for block in blocks]
    store.get(blocks[1].cid)
    assert inner.gets[-1] == blocks[1].cid


def test_a_cache_keeps_no_block_that_would_push_the_others_out() -> None:
    large = Block.of(bytes(200))
    inner = Counting(large, A)
    store = Cached(inner, 1000)
    store.get(A.cid)
    store.get(large.cid)
    store.get(large.cid)
    assert inner.gets == [A.cid, large.cid, large.cid]


def test_a_cache_does_not_bring_back_what_is_dropped_while_it_is_read() -> None:
    class DropsMeanwhile(MemoryStore):
        def get(self, cid: Cid) -> Block:
            block = super().get(cid)
            store.drop([cid])
            return block

    store = Cached(DropsMeanwhile([A]), 10_000)
    assert store.get(A.cid) == A
    with pytest.raises(BlockMissing):
        store.get(A.cid)


def test_an_overlay_never_writes_below() -> None:
    below = MemoryStore([A])
    above = MemoryStore()
    store = Overlay(above, below)
    with store.writer() as writer:
        writer.put([B])
        assert writer.present([A.cid, B.cid]) == [True, True]
    assert store.drop([A.cid, B.cid]) == 2
    assert store.has([A.cid, B.cid]) == [False, False]
    assert below.get(A.cid) == A
    assert list(below.multihashes()) == [A.cid.multihash]
    with store.writer() as writer:
        writer.put([A])
    assert store.get(A.cid) == above.get(A.cid) == A
    store.close()
    assert below.get(A.cid) == A


def test_an_overlay_lists_what_is_on_both_levels_once() -> None:
    store = Overlay(MemoryStore([A, B]), MemoryStore([A]))
    assert sorted(store.multihashes()) == sorted(b.cid.multihash for b in (A, B))


def car_file(path: Path, *blocks: Block, roots: tuple[Cid, ...] = ()) -> Path:
    sections = b"".join(car.section(block.cid, block.data) for block in blocks)
    path.write_bytes(car.header(roots) + sections)
    return path


def test_a_car_file_store_knows_its_roots(tmp_path: Path) -> None:
    store = CarFileStore(car_file(tmp_path / "x.car", A, B, roots=(B.cid, A.cid)))
    assert store.roots == (B.cid, A.cid)
    store.close()


def test_a_block_that_stands_twice_in_a_car_file_is_listed_once(tmp_path: Path) -> None:
    store = CarFileStore(car_file(tmp_path / "x.car", A, B, A))
    assert len(list(store.multihashes())) == 2
    store.close()


def test_a_car_file_cut_short_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    path = car_file(tmp_path / "x.car", A, B)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InvalidCar, match="cut short"):
        CarFileStore(path)


def test_a_car_file_that_shrinks_while_open_is_damage(tmp_path: Path) -> None:
    path = car_file(tmp_path / "x.car", A, B)
    store = CarFileStore(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptBlock):
        store.get(B.cid)
    assert store.get(A.cid) == A
    store.close()


def test_a_car_file_with_an_oversized_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded):
        CarFileStore(car_file(tmp_path / "x.car", Block.of(bytes(car.MAX_SECTION_BYTES))))
