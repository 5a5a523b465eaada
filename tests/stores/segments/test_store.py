"""The store of segments where it does more than the contract asks: families, marks, reopening."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from zlib import crc32

import pytest

from jiaozi_node.errors import LimitExceeded, Locked, Misuse
from jiaozi_node.formats import car
from jiaozi_node.formats.block import Block
from jiaozi_node.stores.api import Family
from jiaozi_node.stores.segments import disk, frame
from jiaozi_node.stores.segments import store as store_module
from jiaozi_node.stores.segments.faults import NewerSegments, StoreMissing
from jiaozi_node.stores.segments.store import SegmentStore
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

BLOCKS = some(400)


def names(path: Path) -> list[str]:
    return [file.name for file in segment_files(path)]


def test_a_store_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        SegmentStore(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_an_act_wrote_is_public_or_not_by_its_family(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, BLOCKS[:5])
    put(store, BLOCKS[5:10], Family.PUBLIC)
    assert bits(store, BLOCKS[:11]) == [False] * 5 + [True] * 5 + [False]
    store.close()
    assert names(tmp_path) == ["own-00000001.car", "pub-00000002.car"]
    for file, blocks in zip(segment_files(tmp_path), (BLOCKS[:5], BLOCKS[5:10]), strict=True):
        with file.open("rb") as stream:
            assert list(car.read(stream)) == blocks


def test_a_public_put_of_an_own_block_appends_it_to_pub_too(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with store.writer() as own, store.writer(Family.PUBLIC) as public:
        own.put(BLOCKS[:2])
        public.put(BLOCKS[:1])  # still on its way to the disk
    put(store, BLOCKS[1:2], Family.PUBLIC)
    put(store, BLOCKS[:2])  # changes nothing: it is here
    assert bits(store, BLOCKS[:2]) == [True, True]
    own_one, pub_one = store.segments()
    assert (own_one.live_rows, pub_one.live_rows) == (0, 2)
    store.close()
    for file in segment_files(tmp_path):
        with file.open("rb") as stream:
            assert list(car.read(stream)) == BLOCKS[:2]


@pytest.mark.parametrize("lost", ["index", "index.mark", "index.clean", "all"])
def test_without_its_index_the_same_blocks_and_public_bits_come_back(
    tmp_path: Path, lost: str
) -> None:
    store = opened(tmp_path)
    put(store, BLOCKS[:200])
    put(store, BLOCKS[100:300], Family.PUBLIC)
    store.drop([block.cid for block in BLOCKS[::7]])
    before = bits(store, BLOCKS)
    here = store.has([block.cid for block in BLOCKS])
    sums = [(one.name, one.live_rows, one.live_bytes) for one in store.segments()]
    store.close()
    if lost in ("index", "all"):
        for file in (tmp_path / "index").iterdir():
            file.unlink()
        (tmp_path / "index").rmdir()
    if lost in ("index.mark", "all"):
        (tmp_path / "index.mark").unlink()
    if lost in ("index.clean", "all"):
        (tmp_path / "index.clean").unlink()
    store = opened(tmp_path)
    assert store.rebuilds == (0 if lost == "index.clean" else 1)
    assert bits(store, BLOCKS) == before
    again = store.has([block.cid for block in BLOCKS])
    # What was dropped from pub may come back as it lay in own before: garbage, and not public.
    assert all(now or not was for now, was in zip(again, here, strict=True))
    store.drop([b.cid for b, now, was in zip(BLOCKS, again, here, strict=True) if now and not was])
    assert [(one.name, one.live_rows, one.live_bytes) for one in store.segments()] == sums
    has_all(store, [block for block, there in zip(BLOCKS, here, strict=True) if there])
    store.close()


def test_what_was_dropped_stays_so_and_may_come_again(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, BLOCKS[:10], Family.PUBLIC)
    assert store.drop([block.cid for block in BLOCKS[:5]]) == 5
    put(store, BLOCKS[:2])
    store.close()
    for file in (tmp_path / "index").iterdir():
        file.unlink()
    store = opened(tmp_path)
    assert bits(store, BLOCKS[:10]) == [False] * 5 + [True] * 5
    assert store.has([block.cid for block in BLOCKS[:5]]) == [True, True, False, False, False]
    store.close()


def test_public_bits_of_own_blocks_can_be_set_and_cleared(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, BLOCKS[:10])
    keys = [block.cid.multihash for block in BLOCKS[:12]]
    assert store.set_public(keys[:4] + keys[10:] + keys[:1], True) == 4
    assert store.set_public(keys[3:4], False) == 1
    assert store.set_public(keys[:3], True) == 0
    store.close()
    store = opened(tmp_path)
    assert bits(store, BLOCKS[:10]) == [True] * 3 + [False] * 7
    store.close()


def test_an_act_that_wrote_nothing_syncs_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, BLOCKS[:3])
    with failing(0) as steps:
        put(store, BLOCKS[:3])
        with store.writer() as writer:
            assert all(writer.present([block.cid for block in BLOCKS[:3]]))
        assert steps == []
        put(store, BLOCKS[3:4])
        assert steps == ["write", "fdatasync"]
    store.close()


def test_an_act_that_relies_on_another_acts_block_waits_until_it_is_durable(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path)
    writing = store.writer()
    writing.__enter__()
    writing.put(BLOCKS[:1])
    for relies in ("put", "present"):
        with failing(0) as steps:
            with store.writer() as other:
                if relies == "put":
                    other.put(BLOCKS[:1])
                else:
                    assert other.present([BLOCKS[0].cid]) == [True]
            assert ("fdatasync" in steps) == (relies == "put")  # the first made it durable
    writing.__exit__(None, None, None)
    store.close()


def test_an_act_names_a_new_segment_durably_before_a_row_does(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with failing(0) as steps:
        put(store, BLOCKS[:1])
        assert steps == ["create", "fsync_dir", "write", "fdatasync"]
        store.close()
    assert steps[4:] == [
        "rows",
        "fdatasync",  # the index's log
        "fsync_dir",
        "write",  # the mark
        "fsync",
        "rename",
        "fsync_dir",
    ]


def test_a_clean_home_opens_reads_and_closes_without_a_write(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, BLOCKS)
    store.close()
    with failing(0) as steps:
        store = opened(tmp_path)
        has_all(store, BLOCKS)
        store.close()
        assert steps == []
    assert (tmp_path / "index.clean").exists()


def test_segments_roll_and_are_gone_on_with(tmp_path: Path) -> None:
    for part in range(4):
        store = opened(tmp_path)
        put(store, some(100, 3000, f"{part} "))
        store.close()
    assert len(names(tmp_path)) == 4
    store = opened(tmp_path, segment_bytes=1 << 30)
    put(store, some(5, 3000, "more "))
    store.close()
    store = opened(tmp_path, segment_bytes=1 << 30)
    put(store, some(5, 3000, "yet more "))
    store.close()
    assert len(names(tmp_path)) == 4
    for part in range(4):
        store = opened(tmp_path)
        has_all(store, some(100, 3000, f"{part} "))
        store.close()


def test_a_long_act_checkpoints_and_is_readable_throughout(tmp_path: Path) -> None:
    store = opened(tmp_path, segment_bytes=2 * 1024 * 1024)
    blocks = some(600, 20_000)
    with store.writer() as writer:
        for at in range(0, 600, 50):
            writer.put(blocks[at : at + 50])
            has_all(store, blocks[: at + 50 : 20])
    assert len(store.segments()) > 4
    crashed = opened(
        copied(tmp_path, tmp_path.with_name(tmp_path.name + " crashed")),
        segment_bytes=2 * 1024 * 1024,
    )
    has_all(crashed, blocks)
    crashed.close()
    store.close()


def test_what_a_large_import_writes_beyond_4_gib_leaves_the_page_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[tuple[int, int]] = []
    monkeypatch.setattr(store_module, "COLD_BYTES", 2_000_000)
    monkeypatch.setattr(disk, "forget", lambda _fd, at, size: forgotten.append((at, size)))
    store = opened(tmp_path, segment_bytes=1 << 30)
    put(store, some(60, 20_000, "small"))
    store.checkpoint()
    assert forgotten == []
    put(store, some(300, 20_000))
    store.checkpoint()
    total = sum(size for _, size in forgotten)
    assert 3_000_000 < total < 5_100_000
    assert min(at for at, _ in forgotten) > 2_000_000
    has_all(store, some(300, 20_000))
    store.close()


def test_concurrent_acts_share_syncs(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, some(1, 10, "first"))
    gate = threading.Event()
    syncs = 0

    def hook(name: str) -> None:
        nonlocal syncs
        if name == "fdatasync":
            syncs += 1
            gate.wait(30)

    disk.hook = hook
    threads = [
        threading.Thread(target=put, args=(store, some(1, 50, f"{number} ")))
        for number in range(16)
    ]
    for thread in threads:
        thread.start()
    while sum(one.tail for one in store.segments()) < 16 * 80 or store._pipe._buffers:
        pass  # until all have put and written, while the first of them hangs in its sync
    gate.set()
    for thread in threads:
        thread.join()
    disk.hook = None
    assert 1 <= syncs <= 4
    store.close()


def test_a_block_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "MAX_BLOCK_BYTES", 1000)
    store = opened(tmp_path)
    with pytest.raises(LimitExceeded), store.writer() as writer:
        writer.put([Block.of(bytes(1001))])
    put(store, [Block.of(bytes(1000))])
    store.close()


def test_one_process_owns_it_and_opens_it_once(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(Locked):
        SegmentStore(tmp_path)
    code = "import sys; from jiaozi_node.stores.segments.store import SegmentStore\n"
    code += "try: SegmentStore(sys.argv[1])\nexcept Exception as fault: print(type(fault).__name__)"
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.stdout.strip() == "Locked", ran.stderr
    put(store, BLOCKS[:3])
    store.close()


def test_a_forked_child_finds_it_closed_and_harms_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, BLOCKS[:3])
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        try:
            store.get(BLOCKS[0].cid)
        except Misuse:
            os.write(write_end, b"closed")
        store.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read_end, 10) == b"closed"
    os.close(read_end)
    os.close(write_end)
    put(store, BLOCKS[3:6])
    has_all(store, BLOCKS[:6])
    store.close()


def test_closing_while_others_read_and_write_is_safe(tmp_path: Path) -> None:
    faults: list[BaseException] = []
    for _ in range(5):
        store = opened(tmp_path)
        put(store, BLOCKS[:50])
        begun = threading.Barrier(5)

        def use(store: SegmentStore = store, begun: threading.Barrier = begun) -> None:
            begun.wait()
            try:
                while True:
                    for block in BLOCKS[:50]:
                        assert store.get(block.cid) == block
                    put(store, some(3, 100, str(threading.get_ident())))
                    list(store.rows())
            except Misuse:
                return
            except BaseException as fault:  # noqa: BLE001 - handed to the test's own thread
                faults.append(fault)

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        begun.wait()
        store.close()
        for thread in threads:
            thread.join()
    assert faults == []


def test_a_later_layout_is_refused_naming_its_version(tmp_path: Path) -> None:
    opened(tmp_path).close()
    mark = tmp_path / "index.mark"
    body = b"jzmark\0\2" + mark.read_bytes()[8:-4] + b"what it adds"
    mark.write_bytes(body + crc32(body).to_bytes(4, "big"))
    with pytest.raises(NewerSegments, match="layout 2"):
        opened(tmp_path)


def test_it_tells_what_was_written_since_a_moment(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, BLOCKS[:3])
    since = store.since_now()
    put(store, BLOCKS[3:6])
    put(store, BLOCKS[6:9], Family.PUBLIC)
    asked = [block.cid.multihash for block in BLOCKS[:10]]
    assert [since(one) for one in asked] == [False] * 3 + [True] * 6 + [False]
    put(store, BLOCKS[:1], Family.PUBLIC)  # now it lies elsewhere
    assert since(asked[0])
    store.drop([BLOCKS[1].cid])
    assert not since(asked[1])
    store.close()


def test_after_a_rebuild_everything_counts_as_written_since(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, BLOCKS[:3])
    store.checkpoint()
    since = store.since_now()
    store._index._db.put(BLOCKS[0].cid.multihash, b"rot")
    assert [since(block.cid.multihash) for block in BLOCKS[:3]] == [True] * 3
    assert store.rebuilds == 1
    store.close()


def test_a_writer_tells_what_it_found(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, BLOCKS[:3])
    put(store, BLOCKS[3:6], Family.PUBLIC)
    for family, expected in ((Family.OWN, BLOCKS[1:6]), (Family.PUBLIC, BLOCKS[3:6])):
        with store.writer(family) as writer:
            found = writer.put_telling(BLOCKS[1:9])
            assert found == [block.cid.multihash for block in expected]
            assert len(writer.put_telling(BLOCKS[1:9])) == 8
        store.drop([block.cid for block in BLOCKS[6:9]])
    store.close()
