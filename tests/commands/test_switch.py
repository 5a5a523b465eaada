"""Branches, and going from one to another with a working copy full of work."""

import json
import shutil
from pathlib import Path

import pytest

from jiaozi_node.worktree.import_tree import Reader
from jiaozi_node.worktree.writer import SafeWriter
from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """Two branches: on *other* a is changed, b gone, c new, dir a file, file a directory."""
    jiaozi("init")
    for name in ("a", "b", "same", "file"):
        (place / name).write_text(f"{name}\n")
    (place / "dir").mkdir()
    (place / "dir" / "x").write_text("x\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    jiaozi("switch", "-c", "other")
    (place / "a").write_text("changed\n")
    (place / "b").unlink()
    (place / "c").write_text("c\n")
    (place / "dir" / "x").unlink()
    (place / "dir").rmdir()
    (place / "dir").write_text("a file now\n")
    (place / "file").unlink()
    (place / "file").mkdir()
    (place / "file" / "y").write_text("y\n")
    (place / "empty").mkdir()
    (place / "link").symlink_to("a")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "second", "--author", "A")
    return place


def held(place: Path) -> dict[str, str | None]:
    """What the directory holds: files, links, None for directories."""
    return {
        str(path.relative_to(place)): f"-> {path.readlink()}"
        if path.is_symlink()
        else None
        if path.is_dir()
        else path.read_text()
        for path in place.rglob("*")
        if ".jiaozi" not in path.parts
    }


MAIN = {"a": "a\n", "b": "b\n", "same": "same\n", "file": "file\n", "dir": None, "dir/x": "x\n"}
OTHER = {
    "a": "changed\n",
    "c": "c\n",
    "same": "same\n",
    "file": None,
    "file/y": "y\n",
    "dir": "a file now\n",
    "empty": None,
    "link": "-> a",
}


def test_there_and_back_everything_is_as_it_was(jiaozi: Run, repo: Path) -> None:
    assert held(repo) == OTHER
    inode = (repo / "same").stat().st_ino
    assert json.loads(jiaozi("switch", "main", "--json").out)["branch"] == "main"
    assert held(repo) == MAIN
    assert jiaozi("status", "-s").out == ""
    jiaozi("switch", "other")
    assert held(repo) == OTHER
    assert jiaozi("status", "-s").out == ""
    assert (repo / "same").stat().st_ino == inode  # never touched


def test_work_in_files_that_do_not_differ_comes_along(jiaozi: Run, repo: Path) -> None:
    (repo / "same").write_text("work\n")
    (repo / "staged").write_text("staged\n")
    jiaozi("add", "staged")
    (repo / "untracked").write_text("mine\n")
    jiaozi("switch", "main")
    assert jiaozi("status", "-s").out == " M same\nA  staged\n?? untracked\n"
    assert jiaozi("diff", "--staged", "--name-status").out == "A\tstaged\n"


def test_what_is_staged_in_the_place_of_a_directory_comes_along(jiaozi: Run, place: Path) -> None:
    jiaozi("init")
    (place / "d").mkdir()
    for name in ("d/x", "d/y", "a"):
        (place / name).write_text(f"{name}\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    jiaozi("switch", "-c", "other")
    (place / "a").write_text("other\n")
    jiaozi("commit", "-a", "-m", "second", "--author", "A")
    shutil.rmtree(place / "d")
    (place / "d").write_text("a file\n")
    jiaozi("add", "-A")
    jiaozi("switch", "main")
    assert held(place) == {"a": "a\n", "d": "a file\n"}
    assert jiaozi("status", "-s").out == "A  d\nD  d/x\nD  d/y\n"


@pytest.mark.parametrize(
    ("name", "text"), [("a", "mine\n"), ("b", "untracked in the way\n"), ("link", None)]
)
def test_unsaved_work_is_never_overwritten(
    jiaozi: Run, repo: Path, name: str, text: str | None
) -> None:
    if text is None:
        (repo / name).unlink()
        (repo / name).symlink_to("elsewhere")
    else:
        (repo / name).write_text(text)
    before = held(repo)
    assert name in jiaozi("switch", "main", code=5).err
    assert held(repo) == before
    assert "* other" in jiaozi("branch").out
    jiaozi("switch", "-c", "new", "main", code=5)
    assert "new" not in jiaozi("branch").out


def test_staged_work_is_never_dropped(jiaozi: Run, repo: Path) -> None:
    (repo / "a").write_text("staged\n")
    jiaozi("add", "a")
    (repo / "a").write_text("changed\n")
    assert "a" in jiaozi("switch", "main", code=5).err
    assert jiaozi("status", "-s").out == "MM a\n"


def test_an_untracked_file_within_a_directory_that_gives_way_stops_it(
    jiaozi: Run, repo: Path
) -> None:
    (repo / "file" / "mine").write_text("mine\n")
    assert "file" in jiaozi("switch", "main", code=5).err
    assert (repo / "file" / "mine").read_text() == "mine\n"


def test_a_directory_that_goes_stays_when_it_holds_something_else(jiaozi: Run, repo: Path) -> None:
    (repo / "empty" / "mine").write_text("mine\n")
    jiaozi("switch", "main")
    assert (repo / "empty" / "mine").read_text() == "mine\n"
    assert jiaozi("status", "-s").out == "?? empty/\n"


class Killed(BaseException):
    """Stands for a kill: nothing in the program answers it."""


@pytest.mark.parametrize("after", range(4))
def test_what_a_kill_cut_short_the_next_command_finishes(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    real, left = SafeWriter.put, [after]

    def put(self: SafeWriter, *given: object) -> None:
        if not left[0]:
            raise Killed
        left[0] -= 1
        real(self, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(SafeWriter, "put", put)
        with pytest.raises(Killed):
            jiaozi("switch", "main")
    assert held(repo) != MAIN
    (repo / "later").write_text("work done in between\n")
    assert "On branch main" in jiaozi("status").out
    assert held(repo) == MAIN | {"later": "work done in between\n"}
    assert jiaozi("status", "-s").out == "?? later\n"


def test_an_edit_between_a_kill_and_the_next_command_is_kept(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(*_given: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(SafeWriter, "put", put)
        with pytest.raises(Killed):
            jiaozi("switch", "main")
    (repo / "a").write_text("edited since\n")
    assert jiaozi("status", "-s").out == " M a\n"
    assert held(repo) == MAIN | {"a": "edited since\n"}


def fill_the_disk(patched: pytest.MonkeyPatch, after: int, *, stays: bool = False) -> None:
    """Have no space for one file, after so many; then there is again, unless it *stays* so."""
    real, left = SafeWriter.put, [after]

    def put(self: SafeWriter, *given: object) -> None:
        left[0] -= 1
        if left[0] == -1 or (stays and left[0] < 0):
            raise OSError(28, "No space left on device")
        real(self, *given)  # type: ignore[arg-type]

    patched.setattr(SafeWriter, "put", put)


def test_a_switch_that_fails_midway_is_undone(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        fill_the_disk(patched, 1)
        assert "no space" in jiaozi("switch", "main", code=None).err
    assert held(repo) == OTHER
    assert "nothing to commit" in jiaozi("status").out
    assert "* other" in jiaozi("branch").out


def test_branches_are_made_listed_renamed_and_deleted(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    jiaozi("branch", "old", "HEAD~")
    names = [json.loads(line)["branch"] for line in jiaozi("branch", "--json").out.splitlines()]
    assert names == ["main", "old", "other"]
    assert "already" in jiaozi("branch", "old", code=1).err
    assert "already" in jiaozi("branch", "-m", "main", code=1).err
    jiaozi("branch", "-m", "mine")
    assert "* mine" in jiaozi("branch").out
    assert "checked out" in jiaozi("branch", "-d", "mine", code=5).err
    jiaozi("branch", "-d", "old")
    jiaozi("switch", "main")
    assert "-D" in jiaozi("branch", "-d", "mine", code=5).err
    jiaozi("branch", "-D", "mine")
    assert jiaozi("branch").out.split()[:2] == ["*", "main"]
    assert "no branch" in jiaozi("branch", "-d", "mine", code=3).err
    assert "no branch" in jiaozi("switch", "mine", code=3).err
    assert "can't be a name" in jiaozi("branch", "a..b", code=2).err


def test_detached_a_commit_moves_no_branch(jiaozi: Run, repo: Path) -> None:
    jiaozi("switch", "--detach", "main")
    assert held(repo) == MAIN
    assert "HEAD detached at" in jiaozi("status").out
    (repo / "a").write_text("apart\n")
    jiaozi("commit", "-a", "-m", "apart", "--author", "A")
    assert "first" in jiaozi("log", "--oneline", "-n1", "main").out
    jiaozi("switch", "-c", "kept")
    jiaozi("switch", "main")
    assert (repo / "a").read_text() == "a\n"
    assert jiaozi("cat", "kept:a").out == "apart\n"


def test_before_the_first_commit_another_branch_can_be_meant(jiaozi: Run, place: Path) -> None:
    jiaozi("init")
    jiaozi("switch", "-c", "begun")
    (place / "a").write_text("a\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    assert jiaozi("branch").out.startswith("* begun")


def test_files_that_a_switch_wrote_are_known_and_edits_of_them_seen(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [repo / f"{number}" for number in range(30)]
    jiaozi("switch", "-c", "side")
    for file in many:
        file.write_bytes(b"side")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "side")
    jiaozi("switch", "main")
    jiaozi("switch", "side")
    read: list[object] = []
    plain = Reader.file

    def counted(reader: Reader, *what: object) -> object:
        read.append(what[1])
        return plain(reader, *what)  # type: ignore[arg-type]

    monkeypatch.setattr(Reader, "file", counted)
    assert "?? " not in jiaozi("status", "--short").out
    assert not {file.name for file in many}.intersection(map(str, read))
    # As quickly as can be, and of the same size.
    jiaozi("switch", "main")
    jiaozi("switch", "side")
    many[7].write_bytes(b"edit")
    assert jiaozi("status", "--short").out == " M 7\n"
