"""Space comes back after blocks were dropped, and nothing else goes."""

import os
import threading
from pathlib import Path

import pytest

from jiaozi_node.errors import Misuse
from jiaozi_node.formats.block import Block
from jiaozi_node.stores.api import Family
from jiaozi_node.stores.segments.compact import dead_bytes, reclaim
from jiaozi_node.stores.segments.faults import WritesFailed
from tests.stores.segments.given import (
    bits,
    copied,
    failing,
    has_all,
    opened,
    put,
    segment_files,
    some,
)

PARTS = [some(100, 400, f"part {number} ") for number in range(4)]


def filled(path: Path) -> None:
    """Leave four segments: own, pub, own, pub."""
    for number, part in enumerate(PARTS):
        store = opened(path, segment_bytes=20_000)
        put(store, part, Family(number % 2))
        store.close()
    assert len(segment_files(path)) == 4


def size_of(path: Path) -> int:
    return sum(file.stat().st_size for file in segment_files(path))


def test_a_segment_whose_blocks_are_all_dropped_is_unlinked_without_a_copy(
    tmp_path: Path,
) -> None:
    filled(tmp_path)
    store = opened(tmp_path)
    size = segment_files(tmp_path)[1].stat().st_size
    store.drop([block.cid for block in PARTS[1]])
    with failing(0) as steps:
        assert store.reclaim() == size
    assert len(segment_files(tmp_path)) == 3
    assert "create" not in steps
    has_all(store, PARTS[0] + PARTS[2] + PARTS[3])
    store.close()
    opened(tmp_path).close()


def test_a_segment_more_than_half_dead_is_rewritten_with_its_public_bits(tmp_path: Path) -> None:
    filled(tmp_path)
    store = opened(tmp_path)
    store.set_public([block.cid.multihash for block in PARTS[0][:5]], True)
    going = [block for part in PARTS[:2] for block in part[40:]] + PARTS[2][60:]
    store.drop([block.cid for block in going])
    before = size_of(tmp_path)
    dead = [dead_bytes(one) for one in store.segments()]
    assert [bool(one) for one in dead] == [True, True, True, False]
    freed = store.reclaim()
    assert before - size_of(tmp_path) == pytest.approx(freed, abs=4000)
    kept = PARTS[0][:40] + PARTS[1][:40] + PARTS[2][:60] + PARTS[3]
    names = [file.name for file in segment_files(tmp_path)]
    assert "own-00000001.car" not in names
    assert "pub-00000002.car" not in names
    assert "own-00000003.car" in names  # not half dead: not worth it
    for _ in range(2):
        has_all(store, kept)
        assert not any(store.has([block.cid for block in going]))
        assert bits(store, PARTS[0][:40]) == [True] * 5 + [False] * 35
        assert all(bits(store, PARTS[1][:40] + PARTS[3]))
        store.close()
        store = opened(tmp_path)
    store.close()


def test_what_was_dropped_before_a_rewrite_stays_dropped_when_the_index_is_rebuilt(
    tmp_path: Path,
) -> None:
    filled(tmp_path)
    store = opened(tmp_path)
    store.drop([block.cid for block in PARTS[1][30:]])
    store.reclaim()
    store.drop([block.cid for block in PARTS[1][20:30]])
    store.close()
    for file in (tmp_path / "index").iterdir():
        file.unlink()
    store = opened(tmp_path)
    assert store.rebuilds == 1
    assert store.has([block.cid for block in PARTS[1]]) == [True] * 20 + [False] * 80
    store.close()


def test_the_segment_being_written_can_be_collected(tmp_path: Path) -> None:
    store = opened(tmp_path, segment_bytes=1 << 30)
    put(store, PARTS[0])
    store.drop([block.cid for block in PARTS[0][10:]])
    with store.writer() as writer:
        writer.put(PARTS[1][:5])
        store.reclaim()
        writer.put(PARTS[1][5:10])
    has_all(store, PARTS[0][:10] + PARTS[1][:10])
    assert size_of(tmp_path) < 30 * 500
    store.close()
    store = opened(tmp_path)
    has_all(store, PARTS[0][:10] + PARTS[1][:10])
    store.close()


def test_a_damaged_block_keeps_its_segment_and_hinders_nothing(tmp_path: Path) -> None:
    filled(tmp_path)
    store = opened(tmp_path)
    row = store.row(PARTS[0][3].cid.multihash)
    assert row is not None
    fd = os.open(segment_files(tmp_path)[0], os.O_WRONLY)
    os.pwrite(fd, b"rot", row.offset)
    os.close(fd)
    store.drop([block.cid for block in PARTS[0][10:]])
    store.reclaim()
    assert (tmp_path / "segments" / "own-00000001.car").exists()
    has_all(store, PARTS[0][:3] + PARTS[0][4:10])
    store.drop([PARTS[0][3].cid])
    store.reclaim()
    assert not (tmp_path / "segments" / "own-00000001.car").exists()
    store.close()


def test_interrupted_anywhere_the_next_open_finishes_or_forgets_it(tmp_path: Path) -> None:
    filled(tmp_path)
    with failing(0) as steps:
        store = opened(copied(tmp_path, tmp_path.with_name(tmp_path.name + " whole")))
        store.drop([block.cid for block in PARTS[0] + PARTS[1][40:]])
        store.reclaim()
        store.close()
    kept = PARTS[1][:40] + PARTS[2] + PARTS[3]
    for at in range(1, len(steps) + 1):
        path = copied(tmp_path, tmp_path.with_name(f"{tmp_path.name} {at}"))
        store = opened(path)
        with failing(at):
            try:
                store.drop([block.cid for block in PARTS[0] + PARTS[1][40:]])
                store.reclaim()
            except (OSError, WritesFailed):
                pass
            crashed = copied(path, tmp_path.with_name(f"{tmp_path.name} {at} crashed"))
        store.close()
        for home in (path, crashed):
            store = opened(home)
            has_all(store, kept)
            assert all(bits(store, PARTS[1][:40] + PARTS[3]))
            store.drop([block.cid for block in PARTS[0] + PARTS[1][40:]])
            store.reclaim()
            has_all(store, kept)
            assert len(segment_files(home)) <= 3
            store.close()


def test_readers_and_writers_go_on_beside_it(tmp_path: Path) -> None:
    filled(tmp_path)
    store = opened(tmp_path, segment_bytes=20_000)
    kept = [block for part in PARTS for block in part[::3]]
    faults: list[BaseException] = []
    done = threading.Event()
    added: list[Block] = []

    def read() -> None:
        try:
            while not done.is_set():
                has_all(store, kept)
        except BaseException as fault:  # noqa: BLE001 - handed to the test's own thread
            faults.append(fault)

    def write() -> None:
        try:
            for number in range(30):
                blocks = some(20, 300, f"new {number} ")
                put(store, blocks, Family(number % 2))
                added.extend(blocks)
                has_all(store, added)
        except BaseException as fault:  # noqa: BLE001 - handed to the test's own thread
            faults.append(fault)

    threads = [threading.Thread(target=read), threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    for part in PARTS:
        store.drop([block.cid for number, block in enumerate(part) if number % 3])
        reclaim(store, worst=0.1)
    threads[1].join()
    reclaim(store, worst=0.0)
    done.set()
    threads[0].join()
    assert faults == []
    has_all(store, kept + added)
    store.close()
    with pytest.raises(Misuse):
        store.reclaim()
    store = opened(tmp_path)
    has_all(store, kept + added)
    store.close()
