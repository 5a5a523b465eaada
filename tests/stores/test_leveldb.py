"""LevelDB's traps (research/reliability.md §0), one by one, on real files."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from jiaozi_node.errors import Corrupt, Locked, NotFound
from jiaozi_node.formats.block import Block
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.stores.leveldb import (
    CorruptStore,
    LevelDbStore,
    StoreMissing,
    WriteFailed,
)
from jiaozi_node.stores.verify import CorruptBlock

BLOCKS = [Block.of(b"%d " % number * 60) for number in range(1500)]
A = Block.of(b"a story begins")
B = Block.of(b"and ends")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "blocks"


@pytest.fixture
def store(path: Path) -> Iterator[LevelDbStore]:
    opened = LevelDbStore(path, create=True)
    yield opened
    opened.close()


def put(store: LevelDbStore, *blocks: Block) -> None:
    with store.writer() as writer:
        writer.put(blocks)


def filled(path: Path) -> None:
    """Leave a closed store whose blocks are in a table, not in a log."""
    store = LevelDbStore(path, create=True)
    put(store, *BLOCKS)
    store.close()
    LevelDbStore(path).close()  # recovery turns the log into a table


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# Opening


def test_a_store_that_is_not_there_is_not_made_by_looking(path: Path) -> None:
    with pytest.raises(StoreMissing):
        LevelDbStore(path)
    assert not path.exists()


def test_create_opens_what_is_there(path: Path) -> None:
    filled(path)
    store = LevelDbStore(path, create=True)
    assert store.get(BLOCKS[0].cid) == BLOCKS[0]
    store.close()


def test_a_creation_that_was_cut_short_goes_on(path: Path) -> None:
    code = "import plyvel, sys; plyvel.DB(sys.argv[1], create_if_missing=True).close()"
    assert python(code, path).returncode == 0
    with pytest.raises(CorruptStore, match="sentinel"):
        LevelDbStore(path)
    store = LevelDbStore(path, create=True)
    put(store, A)
    store.close()


def test_a_second_store_in_this_process_is_refused(store: LevelDbStore, path: Path) -> None:
    with pytest.raises(Locked):
        LevelDbStore(path.parent / "." / path.name)
    put(store, A)


def test_a_second_process_is_refused_even_after_a_second_open_here(
    store: LevelDbStore, path: Path
) -> None:
    # F3: plyvel alone would have lost its lock by the failed open.
    with pytest.raises(Locked):
        LevelDbStore(path)
    code = """
import sys, pathlib
from jiaozi_node.errors import Locked
from jiaozi_node.stores.leveldb import LevelDbStore
try:
    LevelDbStore(pathlib.Path(sys.argv[1]))
except Locked as fault:
    print(fault)
"""
    done = python(code, path)
    assert "open in another process" in done.stdout, done.stderr


# Damage


def test_a_torn_manifest_is_damage_not_an_empty_store(path: Path) -> None:
    # F2: LevelDB opens this with 0 of its rows and no error.
    filled(path)
    manifest = path / (path / "CURRENT").read_text().strip()
    os.truncate(manifest, manifest.stat().st_size - 10)
    with pytest.raises(CorruptStore):
        LevelDbStore(path)
    with pytest.raises(CorruptStore):
        LevelDbStore(path, create=True)


@pytest.mark.parametrize("create", [False, True])
def test_a_lost_current_is_damage_not_a_new_store(path: Path, create: bool) -> None:
    filled(path)
    (path / "CURRENT").unlink()
    with pytest.raises((CorruptStore, NotFound)) as raised:
        LevelDbStore(path, create=create)
    if create:
        assert isinstance(raised.value, CorruptStore)


def test_a_truncated_table_never_lists_as_empty(path: Path) -> None:
    # F1: `iterator()` yields nothing here, `raw_iterator` raises.
    filled(path)
    for table in path.glob("*.ldb"):
        os.truncate(table, table.stat().st_size - 100)
    try:
        store = LevelDbStore(path)
    except CorruptStore:
        return
    with pytest.raises(CorruptStore):
        list(store.multihashes())
    store.close()


def test_rot_anywhere_in_a_table_is_found_and_never_served(path: Path) -> None:
    # F8: LevelDB's iteration returned wrong values here.
    filled(path)
    (table,) = path.glob("*.ldb")
    whole = table.read_bytes()
    found = 0
    for at in range(7, len(whole), len(whole) // 40):
        table.write_bytes(whole[:at] + bytes((whole[at] ^ 4,)) + whole[at + 1 :])
        try:
            store = LevelDbStore(path)
        except CorruptStore:
            found += 1
            continue
        bad = 0
        for block in BLOCKS:
            try:
                assert store.get(block.cid) == block
            except CorruptBlock:
                bad += 1
        found += bad > 0
        store.close()
    assert found >= 38  # a bit of padding or of an unread index may not matter


def test_rot_in_the_log_is_never_served(path: Path) -> None:
    store = LevelDbStore(path, create=True)
    put(store, *BLOCKS[:50])
    store.close()
    (log,) = path.glob("*.log")
    whole = log.read_bytes()
    files = {file: file.read_bytes() for file in path.iterdir()}
    for at in range(5, len(whole), len(whole) // 15):
        for file in path.iterdir():
            file.unlink()
        for file, data in files.items():
            file.write_bytes(data)
        log.write_bytes(whole[:at] + bytes((whole[at] ^ 4,)) + whole[at + 1 :])
        try:
            store = LevelDbStore(path)
        except Corrupt:
            continue
        for block in BLOCKS[:50]:
            with suppress(BlockMissing, CorruptBlock):
                assert store.get(block.cid) == block
        store.close()


def test_putting_a_damaged_block_again_heals_it(path: Path) -> None:
    filled(path)
    code = "import plyvel, sys; plyvel.DB(sys.argv[1]).put(bytes.fromhex(sys.argv[2]), b'rot')"
    assert python(code, path, BLOCKS[3].cid.multihash.hex()).returncode == 0
    store = LevelDbStore(path)
    with pytest.raises(CorruptBlock):
        store.get(BLOCKS[3].cid)
    put(store, BLOCKS[3])
    assert store.get(BLOCKS[3].cid) == BLOCKS[3]
    store.close()


# Writing


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by the path of every file or directory synced by us."""
    paths: list[str] = []

    def recorded(sync: str) -> None:
        true = getattr(os, sync)

        def record(fd: int) -> None:
            true(fd)
            paths.append(os.readlink(f"/proc/self/fd/{fd}"))

        monkeypatch.setattr(os, sync, record)

    recorded("fsync")
    recorded("fdatasync")
    return paths


def test_an_act_syncs_every_log_and_the_directory_once(
    store: LevelDbStore, path: Path, synced: list[str]
) -> None:
    with store.writer() as writer:
        for block in BLOCKS:
            writer.put([block])
        assert synced == []
    logs = [str(log.resolve()) for log in path.glob("*.log")]
    assert sorted(synced) == sorted([*logs, str(path.resolve())])


def test_an_act_of_many_batches_syncs_at_its_end_alone(
    store: LevelDbStore, synced: list[str]
) -> None:
    with store.writer() as writer:
        for number in range(12):
            writer.put([Block.of(bytes((number,)) * 1_000_000)])
        assert synced == []
    assert len(synced) == 2


def test_an_act_that_put_nothing_syncs_nothing(store: LevelDbStore, synced: list[str]) -> None:
    with store.writer():
        pass
    put(store)
    assert synced == []


def test_blocks_of_an_act_that_failed_are_synced_when_another_puts_them(
    store: LevelDbStore, synced: list[str]
) -> None:
    with suppress(ZeroDivisionError), store.writer() as writer:
        writer.put([A])
        raise ZeroDivisionError
    assert synced == []
    put(store, A)
    assert len(synced) == 2


def test_the_same_bytes_are_not_written_twice(store: LevelDbStore, path: Path) -> None:
    put(store, *BLOCKS)
    size = sum(file.stat().st_size for file in path.iterdir())
    put(store, *BLOCKS)
    assert sum(file.stat().st_size for file in path.iterdir()) < size + 100


def test_after_a_failed_sync_nothing_more_is_acknowledged(
    store: LevelDbStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, A)

    def fails(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fails)
    with pytest.raises(WriteFailed, match="Input/output error"):
        put(store, B)
    monkeypatch.undo()
    with pytest.raises(WriteFailed):  # the pages may be gone: fsync can't be asked again
        put(store, B)
    assert store.get(A.cid) == A
    store.close()
    again = LevelDbStore(path)
    put(again, B)
    assert again.get(B.cid) == B
    again.close()


def test_a_full_disk_is_said_once_and_reading_goes_on(path: Path) -> None:
    code = """
import pathlib, resource, signal, sys
from jiaozi_node.errors import Unavailable
from jiaozi_node.formats.block import Block
from jiaozi_node.stores.leveldb import LevelDbStore
store = LevelDbStore(pathlib.Path(sys.argv[1]), create=True)
first = Block.of(b"first")
with store.writer() as writer:
    writer.put([first])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
for attempt in range(2):
    try:
        with store.writer() as writer:
            for number in range(12):
                writer.put([Block.of(bytes([number]) * 1_000_000)])
    except Unavailable as fault:
        print(fault)
    assert store.get(first.cid) == first
store.close()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store = LevelDbStore(pathlib.Path(sys.argv[1]))
assert store.get(first.cid) == first
"""
    done = python(code, path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("can't write: " in line and "File too large" in line for line in lines)


def test_what_was_acknowledged_outlives_kill_9(path: Path) -> None:
    code = """
import os, pathlib, signal, sys
from jiaozi_node.formats.block import Block
from jiaozi_node.stores.leveldb import LevelDbStore
store = LevelDbStore(pathlib.Path(sys.argv[1]), create=True)
with store.writer() as writer:
    writer.put(Block.of(b"%d" % number) for number in range(1000))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert python(code, path).returncode == -9
    store = LevelDbStore(path)
    for number in range(1000):
        store.get(Block.of(b"%d" % number).cid)
    store.close()


# Threads and forks: in processes of their own, since what goes wrong is a crash.


def test_close_during_use_in_other_threads_is_orderly(path: Path) -> None:
    # F4: plyvel alone crashed 3 times out of 3.
    code = """
import pathlib, sys, threading
from jiaozi_node.errors import Misuse
from jiaozi_node.formats.block import Block
from jiaozi_node.stores.leveldb import LevelDbStore
blocks = [Block.of(b"%d " % number * 500) for number in range(2000)]
for turn in range(5):
    store = LevelDbStore(pathlib.Path(sys.argv[1]), create=True)
    with store.writer() as writer:
        writer.put(blocks)
    started = threading.Semaphore(0)
    ends = []
    def reads():
        try:
            while True:
                for block in blocks[::7]:
                    assert store.get(block.cid) == block
                    started.release()
        except Misuse as fault:
            ends.append(fault)
    def lists():
        try:
            while True:
                for _ in store.multihashes():
                    started.release()
        except Misuse as fault:
            ends.append(fault)
    def writes():
        try:
            while True:
                with store.writer() as writer:
                    writer.put(blocks[:50])
                    started.release()
        except Misuse as fault:
            ends.append(fault)
    threads = [threading.Thread(target=t) for t in (reads, reads, lists, writes)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        started.acquire()
    store.close()
    for thread in threads:
        thread.join()
    assert len(ends) == 4, ends
"""
    done = python(code, path)
    assert done.returncode == 0, done.stderr


def test_a_slow_listing_does_not_keep_close_waiting(store: LevelDbStore) -> None:
    put(store, *BLOCKS)
    listing = store.multihashes()
    next(listing)
    store.close()


def test_a_forked_child_cannot_touch_the_parents_store(path: Path) -> None:
    code = """
import os, pathlib, sys
from jiaozi_node.errors import Misuse
from jiaozi_node.formats.block import Block
from jiaozi_node.stores.leveldb import LevelDbStore
store = LevelDbStore(pathlib.Path(sys.argv[1]), create=True)
block = Block.of(b"x")
with store.writer() as writer:
    writer.put([block])
child = os.fork()
if not child:
    try:
        store.get(block.cid)
    except Misuse as fault:
        assert "forked" in str(fault)
        store.close()
        sys.exit(7)  # an orderly exit runs destructors
    sys.exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert store.get(block.cid) == block
with store.writer() as writer:
    writer.put([Block.of(b"y")])
store.close()
"""
    done = python(code, path)
    assert done.returncode == 0, done.stderr


class AgainstDict(RuleBasedStateMachine):
    """The store and a dictionary, with reopening in between, agree on everything."""

    @initialize(path=st.builds(lambda: Path(os.environ["JIAOZI_TEST_MACHINE"])))
    def begin(self, path: Path) -> None:
        number = len(list(path.iterdir()))
        self.path = path / str(number)
        self.store = LevelDbStore(self.path, create=True)
        self.model: dict[bytes, Block] = {}

    @rule(contents=st.lists(st.binary(max_size=3), max_size=5), fails=st.booleans())
    def put(self, contents: list[bytes], fails: bool) -> None:
        blocks = [Block.of(data) for data in contents]
        try:
            with self.store.writer() as writer:
                writer.put(blocks)
                if fails:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            blocks = [b for b in blocks if self.store.has([b.cid])[0]]
        self.model.update({block.cid.multihash: block for block in blocks})

    @rule(contents=st.lists(st.binary(max_size=2), max_size=5))
    def drop(self, contents: list[bytes]) -> None:
        blocks = {Block.of(data).cid.multihash: Block.of(data) for data in contents}
        here = self.model.keys() & blocks.keys()
        assert self.store.drop([block.cid for block in blocks.values()]) == len(here)
        for multihash in here:
            del self.model[multihash]

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = LevelDbStore(self.path)

    @invariant()
    def agrees(self) -> None:
        assert sorted(self.store.multihashes()) == sorted(self.model)
        for block in self.model.values():
            assert self.store.get(block.cid) == block

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()


def test_agrees_with_a_dictionary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIAOZI_TEST_MACHINE", str(tmp_path))
    machine = AgainstDict.TestCase
    machine.settings = settings(
        max_examples=12,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    machine("runTest").debug()
