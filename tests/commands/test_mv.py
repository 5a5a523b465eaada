"""``mv``: where things go, what is refused, and what a kill leaves."""

import json
import os
from pathlib import Path

import pytest

from jiaozi_node.node import renaming
from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init")
    for name in ("a", "b", "sub/x", "sub/deep/z", "dir/y"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(f"{name}\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    return place


def status(jiaozi: Run) -> str:
    return jiaozi("status", "-s").out


def test_a_file_gets_another_name(jiaozi: Run, repo: Path) -> None:
    assert jiaozi("mv", "a", "new").out == ""
    assert (repo / "new").read_text() == "a\n"
    assert status(jiaozi) == "R  a -> new\n"
    (row,) = [json.loads(line) for line in jiaozi("mv", "new", "dir", "--json").out.splitlines()]
    assert row == {"from": "new", "to": "dir/new", "written": True}
    jiaozi("mv", "a" if (repo / "a").exists() else "dir/new", "a")
    assert status(jiaozi) == ""


def test_several_go_into_a_directory(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo / "sub")
    jiaozi("mv", "../a", "x", "../dir/")
    assert sorted(os.listdir(repo / "dir")) == ["a", "x", "y"]
    assert status(jiaozi) == "R  a -> dir/a\nR  sub/x -> dir/x\n"


def test_a_directory_goes_whole_with_what_is_not_tracked(jiaozi: Run, repo: Path) -> None:
    (repo / "sub" / "mine").write_text("mine\n")
    jiaozi("mv", "sub", "dir")
    assert sorted(os.listdir(repo / "dir" / "sub")) == ["deep", "mine", "x"]
    assert status(jiaozi) == (
        "R  sub/deep/z -> dir/sub/deep/z\nR  sub/x -> dir/sub/x\n?? dir/sub/mine\n"
    )
    jiaozi("mv", "dir/sub", "other/")
    assert (repo / "other" / "x").exists()
    jiaozi("commit", "-m", "second", "--author", "A")
    assert jiaozi("cat", "HEAD:other/deep/z").out == "sub/deep/z\n"
    assert status(jiaozi) == "?? other/mine\n"


def test_edits_go_along_and_stay_what_they_are(jiaozi: Run, repo: Path) -> None:
    (repo / "a").write_text("staged\n")
    jiaozi("add", "a")
    (repo / "a").write_text("edited\n")
    jiaozi("mv", "a", "new")
    assert (repo / "new").read_text() == "edited\n"
    assert status(jiaozi) == "D  a\nAM new\n"
    jiaozi("commit", "-m", "second", "--author", "A")
    assert jiaozi("cat", "HEAD:new").out == "staged\n"


def test_a_dry_run_tells_and_does_nothing(jiaozi: Run, repo: Path) -> None:
    assert jiaozi("mv", "-n", "a", "b", "dir").out == (
        "would move a to dir/a\nwould move b to dir/b\n"
    )
    assert status(jiaozi) == ""
    assert (repo / "a").exists()


def test_only_letters_change(jiaozi: Run, repo: Path) -> None:
    jiaozi("mv", "a", "A")
    jiaozi("mv", "sub", "SUB")
    assert sorted(os.listdir(repo)) == [".jiaozi", "A", "SUB", "b", "dir"]
    assert status(jiaozi) == "R  a -> A\nR  sub/deep/z -> SUB/deep/z\nR  sub/x -> SUB/x\n"


def test_where_the_file_system_takes_two_spellings_for_one_the_file_itself_is_not_in_the_way(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that folds case finds ``a`` under ``A``, and lists ``a`` alone."""
    lexists, lstat, listdir = os.path.lexists, os.lstat, os.listdir
    folded = {str(repo / "A"): str(repo / "a")}

    def find(path: str) -> str:
        return folded.get(path, path) if "a" in listdir(repo) else path

    with monkeypatch.context() as patched:
        patched.setattr(os.path, "lexists", lambda path: lexists(find(path)))
        patched.setattr(os, "lstat", lambda path, **more: lstat(find(path), **more))
        jiaozi("mv", "a", "A")
    assert status(jiaozi) == "R  a -> A\n"
    # A hard link of that name is another file.
    os.link(repo / "A", repo / "a")
    assert "a is there already" in jiaozi("mv", "A", "a", code=1).err


@pytest.mark.parametrize("text", ["tracked", "not tracked"])
def test_a_file_in_the_way_is_replaced_only_with_f(jiaozi: Run, repo: Path, text: str) -> None:
    target = "b" if text == "tracked" else "mine"
    (repo / target).write_text(f"{target}\n")
    before = status(jiaozi)
    assert f"{target} is there already; -f replaces it" in jiaozi("mv", "a", target, code=1).err
    assert status(jiaozi) == before
    jiaozi("mv", "-f", "a", target)
    assert (repo / target).read_text() == "a\n"
    assert not (repo / "a").exists()
    jiaozi("commit", "-m", "second", "--author", "A")
    assert jiaozi("cat", f"HEAD:{target}").out == "a\n"


def test_a_name_that_only_the_stage_has_is_replaced_only_with_f(jiaozi: Run, repo: Path) -> None:
    (repo / "b").unlink()
    assert "in the stage, though not on disk" in jiaozi("mv", "a", "b", code=1).err
    jiaozi("mv", "-f", "a", "b")
    assert status(jiaozi) == "D  a\nM  b\n"


def test_what_can_not_be_moved_is_named_and_all_stays(jiaozi: Run, repo: Path) -> None:
    (repo / "mine").write_text("mine\n")
    (repo / "untracked").mkdir()
    (repo / "dir" / "sub").mkdir()
    (repo / "link").symlink_to("dir")
    for words, code, told in (
        (["nope", "x"], 3, "nope: no such file"),
        (["mine", "x"], 3, "mine: nothing of that name is tracked"),
        (["untracked", "x"], 3, "untracked"),
        (["a", "b", "x"], 2, "x is not a directory"),
        (["a", "b", "sub/x"], 2, "sub/x is not a directory"),
        (["a", "nowhere/x"], 3, "nowhere is not there"),
        (["a", "new/"], 3, "new/ is not there"),
        (["a", "b/x"], 3, "b is not there"),
        (["sub", "sub/deep"], 2, "into itself"),
        (["sub", "sub"], 2, "into itself"),
        (["a", "a"], 2, "into itself"),
        (["sub", "dir"], 1, "dir/sub is there already, a directory"),
        (["-f", "sub", "dir"], 1, "a directory"),
        (["sub", "sub/x", "untracked"], 2, "sub/x lies in sub"),
        (["dir/y", "a", "."], 2, "a into itself"),
        (["sub/x", "sub/deep/z", "a", "a"], 2, "not a directory"),
        ([".", "x"], 2, "itself"),
        (["a", "../x"], 2, "not in the working copy"),
        (["../x", "a"], 2, "not in the working copy"),
        (["a", ".jiaozi/x"], 2, ".jiaozi"),
        (["a", ".JIAOZI"], 2, ".JIAOZI"),
        (["a", "x" * 256], 2, "255"),
        (["a", "link/x"], 2, "symbolic link"),
        (["a", "link"], 1, "link is there already"),
        (["a", ""], 2, "empty path"),
    ):
        ran = jiaozi("mv", *words, code=code)
        assert told in ran.err, words
        assert len(ran.err.splitlines()) == 1
    assert status(jiaozi) == "?? dir/sub/\n?? link\n?? mine\n?? untracked/\n"


def test_two_files_of_one_name_do_not_fall_together(jiaozi: Run, repo: Path) -> None:
    (repo / "dir" / "x").write_text("dir/x\n")
    jiaozi("add", ".")
    (repo / "into").mkdir()
    assert "two files would become into/x" in jiaozi("mv", "sub/x", "dir/x", "into", code=2).err
    assert os.listdir(repo / "into") == []


def test_a_directory_that_holds_the_node_home_stays(
    jiaozi: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIAOZI_PATH", "lab/home")
    jiaozi("init")
    (place / "lab" / "data").write_text("1\n")
    jiaozi("add", ".")
    assert "node home" in jiaozi("mv", "lab", "x", code=2).err
    assert "node home" in jiaozi("mv", "lab/data", "lab/home/x", code=2).err
    jiaozi("mv", "lab/data", "data")


class Killed(BaseException):
    """Stands for a kill: nothing in the program answers it."""


@pytest.mark.parametrize("after", range(3))
def test_what_a_kill_cut_short_the_next_command_finishes(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    (repo / "dir" / "b").write_text("in the way\n")
    real, left = os.rename, [after]

    def rename(source: str, target: str) -> None:
        if not left[0]:
            raise Killed
        left[0] -= 1
        real(source, target)

    def settle(*_given: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", rename)
        patched.setattr(renaming, "_settle", settle)
        with pytest.raises(Killed):
            jiaozi("mv", "-f", "a", "b", "dir")
    assert (repo / "a").exists() is (after == 0)
    (repo / "later").write_text("work done in between\n")
    if after:
        (repo / "a").write_text("a new file of the old name\n")
    expected = "R  a -> dir/a\nR  b -> dir/b\n" + ("?? a\n" if after else "") + "?? later\n"
    assert status(jiaozi) == expected
    assert (repo / "dir" / "b").read_text() == "b\n"
    jiaozi("commit", "-m", "second", "--author", "A")
    assert jiaozi("cat", "HEAD:dir/a").out == "a\n"


def test_a_name_taken_after_a_kill_is_left_to_who_took_it(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(*_given: str) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", rename)
        with pytest.raises(Killed):
            jiaozi("mv", "a", "new")
    (repo / "new").write_text("mine\n")
    assert status(jiaozi) == "RM a -> new\n?? a\n"
    assert (repo / "a").read_text() == "a\n"


def test_a_move_that_fails_midway_is_undone(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.rename

    def rename(source: str, target: str) -> None:
        if source.endswith("/work/b"):
            raise PermissionError(13, "Permission denied", source)
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", rename)
        assert "permission denied" in jiaozi("mv", "a", "b", "dir", code=4).err
        assert status(jiaozi) == ""
        (repo / "dir" / "a").write_text("in the way\n")
        assert "permission denied" in jiaozi("mv", "-f", "a", "b", "dir", code=4).err
    assert status(jiaozi) == ""
    assert (repo / "a").read_text() == "a\n"
    assert not (repo / "dir" / "a").exists()


def test_what_is_in_dispute_is_not_moved(jiaozi: Run, repo: Path) -> None:
    jiaozi("switch", "-c", "other")
    (repo / "a").write_text("theirs\n")
    jiaozi("commit", "-a", "-m", "theirs", "--author", "A")
    jiaozi("switch", "main")
    (repo / "a").write_text("ours\n")
    jiaozi("commit", "-a", "-m", "ours", "--author", "A")
    jiaozi("merge", "other", code=1)
    assert "in dispute" in jiaozi("mv", "a", "new", code=1).err
    jiaozi("mv", "b", "new")
