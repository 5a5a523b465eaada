"""The mutable file system of a home: what is acknowledged stays, in order, beside others and gc."""

import io
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jiaozi_node.dag.pin import Pins
from jiaozi_node.dag.walk import gather, run
from jiaozi_node.errors import Corrupt, JiaoziError, Misuse, Unavailable
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import mfs as mfs_module
from jiaozi_node.node import mfs_rooting, mfs_rows
from jiaozi_node.node.collecting import collect
from jiaozi_node.node.fsck import fsck
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.mfs import Mfs, TooManyUnflushed, mfs_of
from jiaozi_node.node.mfs_writing import SMALL_BYTES, Writing, write
from jiaozi_node.stores.api import Change
from jiaozi_node.unixfs.folder import Folder
from jiaozi_node.unixfs.mfs import Edit, NotExist
from jiaozi_node.unixfs.node import Node
from jiaozi_node.unixfs.read import read
from tests.work import lines_run

NOW = 1_700_000_000
Model = dict[str, bytes | None]  # None is a directory


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LocalHome]:
    with closing(LocalHome.create(tmp_path / "home")) as home:
        yield home


def put(home: LocalHome, path: str, data: bytes, *, flush: bool = True, **how: Any) -> None:
    mfs = mfs_of(home)
    recipes = mfs.recipes()
    how = {"create": True, "truncate": True, "flush": flush} | how
    writing = Writing(recipes.of(0, 0x12), **how)
    write(home, mfs, path, lambda: io.BytesIO(data), writing, lambda: (NOW, 0))


def mkdir(home: LocalHome, path: str, *, flush: bool = True) -> None:
    mfs = mfs_of(home)
    profile = mfs.recipes().of(0, 0x12)
    mfs.act(lambda tree: tree.mkdir(path, profile, parents=True), flush=flush)


def remove(home: LocalHome, path: str, *, flush: bool = True) -> None:
    mfs_of(home).act(lambda tree: tree.unlink(path, recursive=True, force=False), flush=flush)


def move(home: LocalHome, source: str, target: str, *, flush: bool = True) -> None:
    mfs_of(home).act(lambda tree: tree.move(source, target), flush=flush)


def link(home: LocalHome, path: str, cid: Cid, *, flush: bool = True) -> None:
    mfs_of(home).act(lambda tree: tree.put(path, Node(cid, 1, "file", 0)), flush=flush, keep=cid)


def got(home: LocalHome, path: str) -> bytes:
    found = mfs_of(home).look(lambda tree: tree.lookup(path))
    assert not isinstance(found, Folder)
    return content(home, Cid(found.cid))


def content(home: LocalHome, cid: Cid) -> bytes:
    from jiaozi_node.dag.walk import stream

    return b"".join(stream(read(cid), home.blocks.get))


def tree(home: LocalHome) -> Model:
    """Read all of it, from its root's CID."""
    from jiaozi_node.unixfs import directory

    found: Model = {}
    todo = [("", mfs_of(home).at("/").cid)]
    while todo:
        above, cid = todo.pop()
        for name, child, _tsize in run(gather(directory.entries(cid)), home.blocks.get):
            path = f"{above}/{name}"
            try:
                found[path] = content(home, child)
            except Misuse:
                found[path] = None
                todo.append((path, child))
    return found


COPIES = count()


def crashed(home: LocalHome, where: Path) -> LocalHome:
    """Open what a kill would leave of *home*."""
    copy = where / f"crashed{next(COPIES)}"
    shutil.copytree(home.path, copy, ignore=shutil.ignore_patterns("repo.lock"))
    return LocalHome.open(copy)


# ---- one after another --------------------------------------------------------------------

NAMES = st.sampled_from(["/a", "/b", "/d", "/d/a", "/d/e", "/d/e/a"])
FLUSH = st.booleans()
ACTS = st.one_of(
    st.tuples(st.just("put"), NAMES, st.binary(max_size=40), FLUSH),
    st.tuples(st.just("mkdir"), NAMES, FLUSH),
    st.tuples(st.just("remove"), NAMES, FLUSH),
    st.tuples(st.just("move"), NAMES, NAMES, FLUSH),
    st.tuples(st.sampled_from(["seal", "reopen", "crash"])),
)


def applied(model: Model, act: tuple[Any, ...]) -> Model | None:
    """Return what *act* makes of *model*, None when it is refused."""
    what, path, *rest = act
    model = dict(model)
    above = path.rpartition("/")[0]
    if what == "put":
        if (above and model.get(above, b"") is not None) or (path in model and model[path] is None):
            return None
        model[path] = rest[0]
    elif what == "mkdir":
        parts = path.split("/")[1:]
        for depth in range(1, len(parts) + 1):
            one = "/" + "/".join(parts[:depth])
            if model.setdefault(one, None) is not None:
                return None
    elif path not in model:
        return None
    else:
        below = [one for one in model if one == path or one.startswith(path + "/")]
        if what == "remove":
            for one in below:
                del model[one]
            return model
        target = rest[0]
        over = target.rpartition("/")[0]
        if over and model.get(over, b"") is not None:
            return None
        if target in model and model[target] is None:
            target = f"{target}/{path.rpartition('/')[2]}"
            if target in model or f"{target}/".startswith(path + "/"):
                return None
        elif f"{target}/".startswith(path + "/"):
            return model if target == path else None
        moved = {target + one[len(path) :]: model.pop(one) for one in below}
        model.pop(target, None)
        model |= moved
    return model


DO: dict[str, Callable[..., None]] = {
    "put": put, "mkdir": mkdir, "remove": remove, "move": move,
}  # fmt: skip


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(ACTS, max_size=14))
def test_any_acts_leave_what_a_dict_would_and_a_crash_only_the_last_unflushed(
    tmp_path: Path, acts: list[tuple[Any, ...]]
) -> None:
    home = LocalHome.create(tmp_path / f"home{next(COPIES)}")
    try:
        model: Model = {}
        since: list[Model] = [{}]  # what a crash may leave: from the last flush on
        for act in acts:
            if act[0] == "seal":
                assert tree(home) == model
                since = [model]
            elif act[0] == "reopen":
                home.close()
                home = LocalHome.open(home.path)
                since = [model]
            elif act[0] == "crash":
                with closing(crashed(home, tmp_path)) as left:
                    assert tree(left) in since
            else:
                expected = applied(model, act)
                *rest, flush = act[1:]
                if expected is None:
                    with pytest.raises(JiaoziError):
                        DO[act[0]](home, *rest, flush=flush)
                    continue
                DO[act[0]](home, *rest, flush=flush)
                model = expected
                since = [model] if flush else [*since, model]
        assert tree(home) == model
    finally:
        home.close()


def test_an_act_that_flushes_makes_durable_all_before_it(home: LocalHome, tmp_path: Path) -> None:
    mkdir(home, "/d", flush=False)
    put(home, "/d/one", b"1", flush=False)
    with closing(crashed(home, tmp_path)) as left:
        assert tree(left) == {}
    put(home, "/two", b"2")
    put(home, "/three", b"3", flush=False)
    with closing(crashed(home, tmp_path)) as left:
        assert tree(left) == {"/d": None, "/d/one": b"1", "/two": b"2"}


def test_closing_makes_durable_what_was_not_flushed(home: LocalHome, tmp_path: Path) -> None:
    put(home, "/a", b"a", flush=False)
    home.close()
    with closing(LocalHome.open(home.path)) as again:
        assert got(again, "/a") == b"a"


def test_rows_of_edits_are_folded_into_the_root(
    home: LocalHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mfs_module, "FOLD_EDITS", 5)
    rows = []
    for number in range(12):
        put(home, f"/{number}", b"%d" % number)
        rows.append(len([key for key, _ in home.names.scan(mfs_rows.KIND) if key]))
    assert rows == [1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2]
    assert len(tree(home)) == 12


def test_what_is_held_open_is_bounded(home: LocalHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mfs_module, "HELD_BYTES", 50_000)
    most = 0
    for number in range(400):
        mkdir(home, f"/{number}/below", flush=number % 3 == 0)
        held = mfs_of(home)._tree
        most = max(most, 0 if held is None else held.held_bytes)
    assert most < 150_000
    assert len(tree(home)) == 800


def test_a_write_into_a_large_directory_does_not_read_it_again(home: LocalHome) -> None:
    for number in range(2000):
        put(home, f"/{number:05}", b"", flush=False)
    put(home, "/x", b"x")
    few = lines_run(lambda: put(home, "/y", b"y"))
    mfs_of(home).flush()
    assert lines_run(lambda: put(home, "/z", b"z")) < 2 * few
    assert few < 3000


# ---- beside each other --------------------------------------------------------------------


def in_threads(works: list[Callable[[], None]]) -> None:
    faults: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as fault:  # noqa: BLE001 - told to the test
            faults.append(fault)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "it waits for ever"
    assert not faults, faults


def test_writers_readers_and_gc_at_once(
    home: LocalHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mfs_module, "FOLD_EDITS", 40)
    acknowledged: dict[str, bytes] = {}

    def writes(who: int) -> None:
        numbers = Random(who)
        for number in range(40):
            path, data = f"/{who}/{number % 9}", numbers.randbytes(50)
            put(home, path, data, flush=number % 3 != 0, parents=True)
            acknowledged[path] = data
            assert got(home, path) == data

    def collects() -> None:
        for _ in range(4):
            for _dropped in collect(home, NOW):
                pass

    def looks() -> None:
        for _ in range(10):
            mfs_of(home).at("/")

    in_threads([*[partial(writes, who) for who in range(5)], collects, looks])
    mfs_of(home).flush()
    for _dropped in collect(home, NOW):
        pass
    with closing(crashed(home, tmp_path)) as left:
        found = {path: data for path, data in tree(left).items() if data is not None}
    assert found == acknowledged
    assert not list(fsck(home, NOW))


def test_writers_share_syncs(home: LocalHome, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home, "/begun", b"")
    applied_batches = 0
    apply = home.names.apply
    gate = threading.Barrier(8)

    def counted(changes: list[Change]) -> None:
        nonlocal applied_batches
        applied_batches += 1
        apply(changes)

    monkeypatch.setattr(home.names, "apply", counted)
    first = threading.Event()
    mfs = mfs_of(home)

    def one(number: int) -> None:
        gate.wait()
        put(home, f"/{number}", b"%d" % number)

    mfs._commits.acquire()  # as if a flush were under way
    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    while mfs._made < 9:
        first.wait(0.001)
    mfs._commits.release()
    for thread in threads:
        thread.join(30)
    assert applied_batches == 1
    assert len(tree(home)) == 9


def test_two_writes_to_one_file_come_one_after_another(home: LocalHome) -> None:
    put(home, "/f", bytes(6000))
    in_threads(
        [
            partial(put, home, "/f", b"%d" % n * 1000, truncate=False, offset=n * 1000)
            for n in range(6)
        ]
    )
    assert got(home, "/f") == b"".join(b"%d" % n * 1000 for n in range(6))


class Slow(io.BytesIO):
    """Content that comes in two pieces, with something done between them."""

    def __init__(self, between: Callable[[], None]) -> None:
        super().__init__()
        self._between, self._pieces = between, [b"first ", b"second", b""]

    def read(self, size: int | None = -1, /) -> bytes:
        if len(self._pieces) == 2:
            self._between()
        return self._pieces.pop(0)


@pytest.mark.parametrize("how", ["removed", "directory gone", "made a directory"])
def test_a_file_removed_while_it_is_written_stays_removed(home: LocalHome, how: str) -> None:
    put(home, "/d/f", b"old", parents=True)

    def meanwhile() -> None:
        remove(home, "/d" if how == "directory gone" else "/d/f")
        if how == "made a directory":
            mkdir(home, "/d/f")

    mfs = mfs_of(home)
    writing = Writing(mfs.recipes().of(0, 0x12))
    write(home, mfs, "/d/f", lambda: Slow(meanwhile), writing, lambda: (NOW, 0))
    expected: dict[str, Model] = {
        "removed": {"/d": None},
        "directory gone": {},
        "made a directory": {"/d": None, "/d/f": None},
    }
    assert tree(home) == expected[how]


def test_nothing_is_locked_while_content_comes_in(home: LocalHome) -> None:
    def meanwhile() -> None:
        in_threads([lambda: put(home, "/other", b"other"), lambda: mkdir(home, "/dir")])

    mfs = mfs_of(home)
    writing = Writing(mfs.recipes().of(0, 0x12), create=True)
    write(home, mfs, "/f", lambda: Slow(meanwhile), writing, lambda: (NOW, 0))
    assert tree(home) == {"/f": b"first second", "/other": b"other", "/dir": None}


# ---- collection ---------------------------------------------------------------------------


def test_collection_keeps_the_tree_and_what_is_not_flushed(home: LocalHome) -> None:
    large = bytes(range(256)) * (SMALL_BYTES // 128)
    block, garbage = Block.of(b"linked"), Block.of(b"garbage")
    with home.blocks.writer() as writer:
        writer.put([block, garbage])
    put(home, "/kept", b"kept")
    link(home, "/linked", block.cid, flush=False)
    put(home, "/small", b"small", flush=False)
    put(home, "/large", large, flush=False)
    dropped = {one.cid.multihash for one in collect(home, NOW)}
    assert garbage.cid.multihash in dropped
    mfs_of(home).flush()
    assert tree(home) == {
        "/kept": b"kept", "/small": b"small", "/large": large, "/linked": b"linked",
    }  # fmt: skip


def test_collection_passes_over_what_is_linked_and_not_here(home: LocalHome) -> None:
    missing = Block.of(b"never here").cid
    link(home, "/lazy", missing)
    put(home, "/here", b"here")
    mfs_of(home).flush()
    list(collect(home, NOW))
    assert got(home, "/here") == b"here"
    assert not list(fsck(home, NOW))
    Pins(home.names).add(mfs_of(home).at("/").cid)
    with pytest.raises(JiaoziError, match="is missing"):
        list(collect(home, NOW))


def test_what_was_removed_is_collected(home: LocalHome) -> None:
    put(home, "/f", b"to go")
    cid = mfs_of(home).at("/f").cid
    remove(home, "/f")
    assert cid.multihash in {one.cid.multihash for one in collect(home, NOW)}


# ---- what goes wrong ----------------------------------------------------------------------


def test_a_flush_that_fails_undoes_what_it_was_to_write(
    home: LocalHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home, "/kept", b"kept")
    put(home, "/unflushed", b"x", flush=False)
    apply = home.names.apply

    def fails(_changes: object) -> None:
        raise Unavailable("database or disk is full")

    monkeypatch.setattr(home.names, "apply", fails)
    with pytest.raises(Unavailable, match="full"):
        put(home, "/f", b"f")
    with pytest.raises(Unavailable, match="full"):
        mfs_of(home).flush()
    monkeypatch.setattr(home.names, "apply", apply)
    assert tree(home) == {"/kept": b"kept"}
    put(home, "/f", b"f")
    assert tree(home) == {"/kept": b"kept", "/f": b"f"}


def test_acts_that_do_not_flush_are_limited(home: LocalHome) -> None:
    home.config.set("Internal.MFSNoFlushLimit", 3)
    home.config.save()
    mfs = mfs_of(home)
    for _ in range(3):
        mfs.begin(flush=False)
    with pytest.raises(TooManyUnflushed, match="limit of 3 unflushed MFS operations"):
        mfs.begin(flush=False)
    mfs.flush()
    mfs.begin(flush=False)


def test_a_root_that_is_not_here_is_said_and_can_be_replaced(home: LocalHome) -> None:
    put(home, "/f", b"f")
    home.names.apply(mfs_rows.folded(Block.of(b"gone").cid, None, []))
    fresh = Mfs(home)
    with pytest.raises(Corrupt, match=r"failed to initialize MFS root .* 'ipfs files chroot'"):
        fresh.at("/")
    old, new = mfs_rooting.set_root(home, None, str)
    assert old == Block.of(b"gone").cid
    assert Mfs(home).at("/").cid == new


def test_edits_that_can_not_be_made_again_are_said(home: LocalHome) -> None:
    home.names.apply([mfs_rows.appended(7, [Edit((b"d", b"f"), Block.of(b"x").cid, 1)])])
    with pytest.raises(Corrupt, match="file does not exist"):
        Mfs(home).at("/")


@pytest.mark.parametrize("row", [b"\xa0", b"\x01", b"\xff", b"\xa1eedits\x81\x81\x01"])
@pytest.mark.parametrize("key", [b"", b"\0" * 8])
def test_a_row_that_can_not_be_read_is_said(home: LocalHome, key: bytes, row: bytes) -> None:
    home.names.apply([Change(mfs_rows.KIND, key, row)])
    with pytest.raises(Corrupt, match="the row mfs"):
        Mfs(home).at("/")


def test_only_who_holds_the_home_has_its_tree() -> None:
    class Other:
        pass

    with pytest.raises(RuntimeError):
        mfs_of(Other())  # type: ignore[arg-type]


def test_a_path_that_is_gone_is_said(home: LocalHome) -> None:
    for act in (mfs_of(home).at, mfs_of(home).flush):
        with pytest.raises(NotExist):
            act("/none")


def test_very_many_edits_are_flushed_unasked(
    home: LocalHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mfs_module, "PENDING_EDITS", 4)
    for number in range(5):
        put(home, f"/{number}", b"", flush=False)
    with closing(crashed(home, tmp_path)) as left:
        assert sorted(tree(left)) == ["/0", "/1", "/2", "/3"]


def test_an_act_that_is_refused_keeps_nothing_from_collection(home: LocalHome) -> None:
    put(home, "/f", b"f")
    block = Block.of(b"linked")
    with home.blocks.writer() as writer:
        writer.put([block])
    with pytest.raises(JiaoziError, match="already has entry"):
        link(home, "/f", block.cid)
    assert not home.leases._held
    assert block.cid.multihash in {one.cid.multihash for one in collect(home, NOW)}
