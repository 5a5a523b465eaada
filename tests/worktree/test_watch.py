"""A watched directory tells of every change, or that it can't; looking there finds all there is."""

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from errno import ENOSPC
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.memory import MemoryStore
from jiaozi_node.worktree.compare import Difference, compare
from jiaozi_node.worktree.index import StatIndex
from jiaozi_node.worktree.seeking import Mark, Seek
from tests.worktree.test_compare import FLAT, tree_of

if sys.platform != "linux":
    pytest.skip("inotify is Linux's", allow_module_level=True)

from jiaozi_node.node.seeking import seek
from jiaozi_node.worktree import watch as watches
from jiaozi_node.worktree import watching
from jiaozi_node.worktree.watch import Unwatchable, Watch


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory on a file system that may be watched."""
    for above in (None, "/dev/shm"):
        with tempfile.TemporaryDirectory(dir=above, prefix="jiaozi-watch-") as name:
            try:
                Watch(name, identity(Path(name)))._release()
            except Unwatchable:
                continue
            yield Path(name)
            return
    pytest.skip("no file system here may be watched")


@pytest.fixture
def root(place: Path) -> Iterator[Path]:
    """A directory with a few files."""
    with tempfile.TemporaryDirectory(dir=place) as name:
        top = Path(name) / "top"
        for path in ("a/b/c", "a/d", "e"):
            (top / path).mkdir(parents=True)
            (top / path / "file").write_text(path)
        (top / "file").write_text("top")
        yield top


def identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


@contextmanager
def watching_of(root: Path, **more: frozenset[tuple[int, int]]) -> Iterator[Watch]:
    """A watch that has begun, or is lost."""
    watch = Watch(str(root), identity(root), **more)
    thread = threading.Thread(target=watch.begin)
    thread.start()
    try:
        while watch.lost is None and watch.since(None) is None:
            thread.join(0.001)
        yield watch
    finally:
        watch.close()
        thread.join()


def told(watch: Watch, token: str) -> tuple[set[str], set[str]]:
    seen = watch.since(token)
    assert seen is not None
    assert seen.changed is not None
    assert seen.deep is not None
    return set(map(os.fsdecode, seen.changed)), set(map(os.fsdecode, seen.deep))


def token_of(watch: Watch) -> str:
    seen = watch.since(None)
    assert seen is not None
    assert seen.changed is None  # since no token, anything may have changed
    return seen.token


def test_every_kind_of_change_is_told_of_in_its_directory(root: Path) -> None:
    with watching_of(root) as watch:

        def after(act: object) -> tuple[set[str], set[str]]:
            token = token_of(watch)
            assert told(watch, token) == (set(), set())
            assert callable(act)
            act()
            return told(watch, token)

        assert after(lambda: (root / "a/d/file").write_text("new")) == ({"a/d"}, set())
        assert after(lambda: (root / "a/d/new").touch()) == ({"a/d"}, set())
        assert after(lambda: (root / "a/d/new").unlink()) == ({"a/d"}, set())
        assert after(lambda: (root / "a/d/file").chmod(0o600)) == ({"a/d"}, set())
        assert after(lambda: os.utime(root / "e/file", ns=(1, 1))) == ({"e"}, set())
        assert after(lambda: (root / "e/file").rename(root / "a/file")) == ({"a", "e"}, set())
        assert after(lambda: (root / "l").symlink_to("a")) == ({""}, set())
        assert after(lambda: (root / "a/b").chmod(0o700)) == ({"a", "a/b"}, set())
        assert after(lambda: (root / "f").mkdir()) == ({""}, {"f"})
        assert after(lambda: (root / "f/x").touch()) == ({"f"}, set())
        assert after(lambda: (root / "a").rename(root / "f/a")) == ({"", "f"}, {"f/a"})
        assert after(lambda: (root / "f/a/b/c/x").touch()) == ({"f/a/b/c"}, set())
        assert after(lambda: shutil.rmtree(root / "f"))[0] >= {"", "f", "f/a", "f/a/b/c"}
        assert after(lambda: None) == (set(), set())
        outside = root.with_name("outside")
        shutil.copytree(root / "e", outside / "deep" / "er")
        assert after(lambda: outside.rename(root / "in")) == ({""}, {"in"})
        assert after(lambda: (root / "in/deep/er/x").touch()) == ({"in/deep/er"}, set())
        assert after(lambda: (root / "in").rename(outside)) == ({""}, set())
        assert after(lambda: (outside / "deep/er/y").touch()) == (set(), set())


def test_what_is_passed_is_not_entered(root: Path) -> None:
    (root / ".jiaozi").mkdir()
    with watching_of(root, passed=frozenset({identity(root / "e")})) as watch:
        token = token_of(watch)
        (root / ".jiaozi" / "index.db").write_text("x")
        (root / "e" / "x").write_text("x")
        assert told(watch, token) == (set(), set())


def test_a_token_of_another_watch_says_nothing(root: Path) -> None:
    with watching_of(root) as watch:
        first = token_of(watch)
        (root / "x").touch()
        later = token_of(watch)
        assert told(watch, first) == ({""}, set())
        assert told(watch, later) == (set(), set())
        ahead = later.partition(":")[0] + ":999"
        for odd in (ahead, "", ":", "x", f"{first}x", first.replace(":", "")):
            seen = watch.since(odd)
            assert seen is not None
            assert seen.changed is None
    with watching_of(root) as again:
        seen = again.since(later)
        assert seen is not None
        assert seen.changed is None  # the daemon was begun anew
    assert watch.since(later) is None


def test_a_queue_that_ran_over_tells_nothing(root: Path) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    with watching_of(root) as watch:
        token_of(watch)
        with watch._lock:  # nobody reads meanwhile
            for at in range(most // 2 + 1):  # two events, since one like the last isn't queued
                for name in ("file", "e"):
                    os.utime(root / name, ns=(at, at))
        assert watch.since(None) is None
        assert watch.lost == "the queue of events ran over"


@pytest.mark.parametrize("how", ["moved", "removed", "replaced"])
def test_a_root_that_went_is_lost(root: Path, how: str) -> None:
    with watching_of(root) as watch:
        token_of(watch)
        if how == "removed":
            shutil.rmtree(root)
        else:
            root.rename(root.with_name("elsewhere"))
        if how == "replaced":
            root.mkdir()
        assert watch.since(None) is None
        assert watch.lost == "its root was moved or removed"


def test_a_directory_above_that_is_moved_changes_nothing(root: Path) -> None:
    with watching_of(root) as watch:
        token = token_of(watch)
        above = root.parent.rename(root.parent.with_name("moved"))
        try:
            (above / "top" / "e" / "x").touch()
            assert told(watch, token) == ({"e"}, set())
        finally:
            above.rename(root.parent)


def test_other_directories_and_file_systems_are_not_watched(root: Path) -> None:
    with pytest.raises(Unwatchable, match="another directory"):
        Watch(str(root), identity(root / "a"))
    with pytest.raises(Unwatchable, match="file system"):
        Watch("/proc", identity(Path("/proc")))
    (root / "link").symlink_to("a")
    for missing in ("nothing", "file", "link"):
        with pytest.raises(Unwatchable):
            Watch(str(root / missing), identity(root / "file"))


def test_a_directory_of_another_file_system_ends_it(root: Path) -> None:
    watch = Watch(str(root), identity(root))
    watch.identity = (0, watch.identity[1])
    watch.begin()
    assert watch.lost is not None
    assert "another file system" in watch.lost


def test_what_is_mounted_below_is_found() -> None:
    for path, expected in (("/", True), ("/proc/self/fd", False)):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            assert watches._mounted_below(fd) == expected
        finally:
            os.close(fd)


def test_a_mount_ends_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with watching_of(root) as watch:
        token = token_of(watch)
        monkeypatch.setattr(watches, "_mounted_below", lambda _fd: True)
        assert watch.since(token) is None
        assert watch.lost == "a file system is mounted in it"


def test_an_unmount_ends_it(root: Path) -> None:
    with watching_of(root) as watch:
        with watch._lock:
            watch._take(next(iter(watch._places)), watches.UNMOUNT, b"", 1)
        assert watch.since(None) is None


def test_the_systems_limit_of_watches_ends_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call, left = watches._libc_call, [4]

    def few(name: str, *args: object) -> int:
        if name == "inotify_add_watch":
            left[0] -= 1
            if left[0] < 0:
                raise OSError(ENOSPC, "No space left on device")
        return call(name, *args)

    monkeypatch.setattr(watches, "_libc_call", few)
    with watching_of(root) as watch:
        assert watch.since(None) is None
        assert "No space left" in str(watch.lost)
    left[0] = 6
    with watching_of(root) as watch:
        token = token_of(watch)
        (root / "one" / "two").mkdir(parents=True)
        assert watch.since(token) is None
        assert "No space left" in str(watch.lost)


def test_directories_are_limited(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "MAX_DIRECTORIES", 6)
    with watching_of(root) as watch:
        token = token_of(watch)
        (root / "one").mkdir()
        assert watch.since(token) is None
        assert "over 6 directories" in str(watch.lost)
    with watching_of(root) as watch:
        assert "over 6 directories" in str(watch.lost)


def test_what_is_told_is_limited(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "MAX_TOLD", 2)
    with watching_of(root) as watch:
        token = token_of(watch)
        (root / "a" / "x").touch()
        (root / "e" / "x").touch()
        assert told(watch, token) == ({"a", "e"}, set())
        (root / "x").touch()
        seen = watch.since(token)
        assert seen is not None
        assert seen.changed is None


def test_watches_are_begun_when_asked_for_and_limited(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MAX_WATCHES", 2)
    with closing(watching.Watches()) as kept:

        def begun(path: Path) -> Watch:
            assert kept.since(str(path), identity(path), None) is None
            watch = kept._kept[identity(path)]
            while kept.since(str(path), identity(path), None) is None:
                assert watch.lost is None
            return watch

        first, second = begun(root / "a"), begun(root / "e")
        assert kept.since(str(root / "a"), identity(root / "a"), None) is not None
        third = begun(root)
        assert (first.lost, second.lost, third.lost) == (None, "closed", None)
        assert kept.since("/proc", identity(Path("/proc")), None) is None
        (root / "a").rename(root / "moved")
        assert kept.since(str(root / "moved"), identity(root / "moved"), None) is None
        assert begun(root / "moved") is not first
    assert kept.since(str(root), identity(root), None) is None
    assert third.lost == "closed"


# ---- looking only where something changed ---------------------------------------------------

NAMES = ("a", "b", "c")
FILES = [Path(name) for name in NAMES] + [Path(one) / two for one in NAMES for two in NAMES]
FILES += [Path("a") / "a" / name for name in NAMES]
_ONE = st.sampled_from(FILES)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["write", "append", "remove", "link", "mkdir"]), _ONE, _ONE),
        st.tuples(st.sampled_from(["touch", "rename", "exchange", "copy", "rules"]), _ONE, _ONE),
        st.tuples(st.sampled_from(["take", "back", "look", "look", "twice"]), _ONE, _ONE),
    ),
    max_size=40,
)  # fmt: skip


def act(root: Path, how: str, one: Path, other: Path, number: int) -> None:
    """Do something to the files; what can't be done is passed over."""
    here, there = root / one, root / other
    try:
        if how == "write":
            here.parent.mkdir(parents=True, exist_ok=True)
            here.write_text("x" * number)
        elif how == "append":
            with here.open("a") as file:
                file.write("y")
        elif how == "remove":
            if here.is_dir() and not here.is_symlink():
                shutil.rmtree(here)
            else:
                here.unlink()
        elif how == "link":
            here.symlink_to(other)
        elif how == "mkdir":
            here.mkdir(parents=True)
        elif how == "touch":
            os.utime(here)
        elif how == "rename":
            here.rename(there)
        elif how == "exchange":
            aside = root.with_name("aside")
            here.rename(aside)
            there.rename(here)
            aside.rename(there)
        elif how == "copy":
            shutil.copytree(here, there)
        elif how == "rules":
            (here.parent / ".jiaoziignore").write_text(f"{other.name}\n")
    except (OSError, shutil.Error):
        shutil.rmtree(root.with_name("aside"), ignore_errors=True)


class _Home:
    """As much of a home as looking needs."""

    def __init__(self, blocks: MemoryStore) -> None:
        self.blocks = blocks


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_looking_where_something_changed_finds_what_looking_everywhere_does(
    place: Path, steps: list[tuple[str, Path, Path]]
) -> None:
    with tempfile.TemporaryDirectory(dir=place) as name:
        root = Path(name) / "root"
        root.mkdir()
        store = MemoryStore()
        trees = [tree_of(root, store)]
        mark: Mark | None = None
        with watching_of(root) as watch, closing(StatIndex(f"{name}/index", "p")) as index:
            for number, (how, one, other) in enumerate([*steps, ("look", Path(), Path())]):
                if how == "take":
                    trees.append(tree_of(root, store))
                elif how == "back":
                    trees = [trees[-1], *trees[:-1]]
                elif how in ("look", "twice"):
                    for _ in range(1 + (how == "twice")):
                        mark, found = looked(watch, mark, root, trees[-1], store, index)
                        assert found == everywhere(root, trees[-1], store, name)
                else:
                    act(root, how, one, other, number)


def looked(
    watch: Watch, mark: Mark | None, root: Path, tree: Cid, store: MemoryStore, index: StatIndex
) -> tuple[Mark, list[Difference]]:
    seen = watch.since(None if mark is None else mark.token)
    assert seen is not None
    where = seek(_Home(store), seen, mark, tree)  # type: ignore[arg-type]
    assert (where is None) == (mark is None)
    unlike: set[bytes] = set()
    found = compare(str(root), tree, store.get, FLAT, index, seek=where, unlike=unlike)
    return Mark(seen.token, tree, frozenset(unlike)), found


def everywhere(root: Path, tree: Cid, store: MemoryStore, name: str) -> list[Difference]:
    with closing(StatIndex(f"{name}/other", "p")) as index:
        return compare(str(root), tree, store.get, FLAT, index)


def test_a_file_of_two_names_is_looked_at_every_time(root: Path) -> None:
    store = MemoryStore()
    outside = root.with_name("outside")
    os.link(root / "a/d/file", outside)
    tree = tree_of(root, store)
    with watching_of(root) as watch, closing(StatIndex(f"{root}-index", "p")) as index:
        mark, found = looked(watch, None, root, tree, store, index)
        assert found == []
        assert mark.unlike == frozenset({b"a/d"})
        outside.write_text("changed where nobody watches")
        assert told(watch, mark.token) == (set(), set())
        mark, found = looked(watch, mark, root, tree, store, index)
        assert [one.parts for one in found] == [("a", "d", "file")]


def test_only_directories_that_changed_are_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    tree = tree_of(root, store)
    with watching_of(root) as watch, closing(StatIndex(f"{root}-index", "p")) as index:
        mark, found = looked(watch, None, root, tree, store, index)
        assert found == []
        listed: list[str] = []
        scan = os.scandir

        def noting(fd: int) -> object:
            listed.append(os.path.relpath(os.readlink(f"/proc/self/fd/{fd}"), root))
            return scan(fd)

        monkeypatch.setattr("jiaozi_node.worktree.compare.os.scandir", noting)
        with watch._lock:
            pass
        mark, found = looked(watch, mark, root, tree, store, index)
        assert (found, [one for one in listed if one != "."]) == ([], [])
        (root / "a" / "b" / "new").touch()
        mark, found = looked(watch, mark, root, tree, store, index)
        assert [one.parts for one in found] == [("a", "b", "new")]
        assert "a/b" in listed
        assert "e" not in listed


def test_where_the_old_tree_is_gone_all_is_looked_at(root: Path) -> None:
    store = MemoryStore()
    old = tree_of(root, store)
    (root / "new").touch()
    new = tree_of(root, store)
    with watching_of(root) as watch:
        mark = Mark(token_of(watch), old, frozenset())
        seen = watch.since(mark.token)
        assert seek(_Home(store), seen, mark, new) is not None  # type: ignore[arg-type]
        store.drop([old])
        assert seek(_Home(store), seen, mark, new) is None  # type: ignore[arg-type]


_PATH = st.lists(st.sampled_from([b"a", b"b"]), max_size=4).map(b"/".join)


@given(st.sets(_PATH), st.sets(_PATH), _PATH)
def test_ways_lead_to_what_is_to_be_looked_at(
    changed: set[bytes], deep: set[bytes], path: bytes
) -> None:
    def below(one: bytes, top: bytes) -> bool:
        return one == top or not top or one.startswith(top + b"/")

    where = Seek(changed, deep)
    assert where.looks(path) == (path in changed or any(below(path, top) for top in deep))
    leads = where.looks(path) or any(below(one, path) for one in changed | deep)
    assert where.leads(path) == leads


@given(st.text("0123456789abcdef:"), st.sets(_PATH), st.binary(max_size=8), st.integers(0, 80))
def test_a_mark_is_read_whole_or_not_at_all(
    token: str, unlike: set[bytes], noise: bytes, at: int
) -> None:
    mark = Mark(token, Cid(b"\x01\x70\x12\x20" + bytes(32)), frozenset(unlike))
    data = mark.encode()
    assert Mark.decode(data) == mark
    spoiled = data[:at] + noise + data[at + len(noise) :]
    assert Mark.decode(spoiled) in (None, mark)
    assert Mark.decode(noise) is None
