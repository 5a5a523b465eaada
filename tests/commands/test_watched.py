"""``status`` and ``diff`` beside a daemon that watches say what they say alone."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from jiaozi_node.http.home import HomeSocket
from jiaozi_node.node import opening
from jiaozi_node.node.daemon_home import DaemonHome
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.worktree import compare
from jiaozi_node.worktree.seeking import Seek
from jiaozi_node.worktree.watching import Watches
from tests.commands.conftest import Run

if sys.platform != "linux":
    pytest.skip("inotify is Linux's", allow_module_level=True)

_kept: list[Watches] = []


@pytest.fixture
def watches(place: Path) -> Iterator[Watches]:
    """What a daemon watches, command after command."""
    found = (place.parent).stat()
    with closing(Watches(frozenset({(found.st_dev, 0)}))) as watches:
        yield watches


@pytest.fixture
def held(place: Path, watches: Watches) -> Callable[[], AbstractContextManager[None]]:
    """Commands run beside a daemon that watches."""
    path = place.parent / "home"

    @contextmanager
    def holding() -> Iterator[None]:
        if not (path / "version").exists():
            yield
            return
        with closing(LocalHome.open(path)) as home:
            socket = HomeSocket(home, watches=watches)
            socket.start()
            try:
                yield
            finally:
                assert socket.stop(10)

    return holding


@pytest.fixture
def repo(jiaozi: Run, place: Path, watches: Watches) -> Path:
    """A working copy that is watched."""
    jiaozi("init")
    for path in ("a/b/file", "a/file", "c/file", "file"):
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(path)
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    jiaozi("status")
    found = place.stat()
    identity = found.st_dev, found.st_ino
    if identity not in watches._kept:
        pytest.skip("the file system of temporary files may not be watched")
    while watches.since(str(place), identity, None) is None:
        assert watches._kept[identity].lost is None
    assert jiaozi("status", "-s").out == ""
    return place


@pytest.fixture
def sought(monkeypatch: pytest.MonkeyPatch) -> list[Seek | None]:
    """Where each comparison looked; None for everywhere."""
    out: list[Seek | None] = []
    usual = compare.compare

    def noting(*args: object, seek: Seek | None = None, **named: object) -> object:
        out.append(seek)
        return usual(*args, seek=seek, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(compare, "compare", noting)
    return out


def test_status_looks_where_something_changed(
    jiaozi: Run, repo: Path, sought: list[Seek | None]
) -> None:
    assert jiaozi("status", "-s", "--exit-code").out == ""
    (repo / "a" / "b" / "file").write_text("changed")
    (repo / "c" / "new").touch()
    for _ in range(2):  # what is not as the stage has it is looked at again
        assert jiaozi("status", "-s").out == " M a/b/file\n?? c/new\n"
        assert jiaozi("diff", "--name-status").out == "M\ta/b/file\n"
    jiaozi("add", "a/b/file")
    assert jiaozi("status", "-s").out == "M  a/b/file\n?? c/new\n"
    jiaozi("commit", "-m", "second", "--author", "A")
    (repo / "c" / "new").unlink()
    assert jiaozi("status", "-s", "--exit-code").out == ""
    jiaozi("reset", "--soft", "HEAD~")
    assert jiaozi("status", "-s").out == "M  a/b/file\n"
    jiaozi("switch", "-c", "other")
    jiaozi("restore", "--staged", "--source", "HEAD", ".")
    assert jiaozi("status", "-s").out == " M a/b/file\n"
    assert None not in sought[:6]
    assert any(one is not None and not one.leads(b"c") for one in sought)


def test_acts_that_record_look_at_everything(
    jiaozi: Run, repo: Path, sought: list[Seek | None]
) -> None:
    (repo / "c" / "file").write_text("changed")
    jiaozi("commit", "-a", "-m", "second", "--author", "A")
    (repo / "c" / "file").write_text("changed again")
    jiaozi("restore", ".")
    assert jiaozi("status", "-s").out == ""
    assert sought[-1] is not None
    assert not [one for one in sought[:-1] if one is not None]


def test_a_copy_of_a_working_copy_is_looked_at(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch, sought: list[Seek | None]
) -> None:
    import shutil

    copied = repo.with_name("copied")
    shutil.copytree(repo, copied, symlinks=True)
    (copied / "file").write_text("changed")
    monkeypatch.chdir(copied)
    assert jiaozi("status", "-s").out == " M file\n"
    assert sought == [None]


def test_a_lost_index_is_made_anew(jiaozi: Run, repo: Path, sought: list[Seek | None]) -> None:
    (repo / "file").write_text("changed")
    for file in (repo / ".jiaozi").glob("index.db*"):
        file.unlink()
    assert jiaozi("status", "-s").out == " M file\n"
    assert jiaozi("status", "-s").out == " M file\n"
    assert [one is None for one in sought] == [True, False]


def test_only_who_has_the_same_mounts_is_told(repo: Path, watches: Watches) -> None:
    found = repo.stat()
    mounts = os.stat("/proc/self/ns/mnt").st_ino
    with closing(LocalHome.open(repo.parent / "home")) as home:
        for kept in (watches, None):
            socket = HomeSocket(home, watches=kept)
            socket.start()
            with closing(opening.open_home(home.path)) as beside:
                assert isinstance(beside, DaemonHome)
                ask = (str(repo), (found.st_dev, found.st_ino))
                assert beside.seen(*ask, mounts + 1, None) is None
                seen = beside.seen(*ask, mounts, None)
                assert (seen is not None) == (kept is not None)
            assert socket.stop(10)
