"""``rm``: what goes, what is refused, and that nothing is lost unasked."""

import json
import os
from pathlib import Path

import pytest

from jiaozi_node.worktree.writer import SafeWriter
from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init")
    for name in ("a", "b", "c.csv", "sub/x", "sub/y.csv", "sub/deep/z"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(f"{name}\n")
    (place / "empty").mkdir()
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    return place


def status(jiaozi: Run) -> str:
    return jiaozi("status", "-s").out


def test_a_file_goes_from_disk_and_stage(jiaozi: Run, repo: Path) -> None:
    assert jiaozi("rm", "a").out == "rm a\n"
    assert not (repo / "a").exists()
    assert status(jiaozi) == "D  a\n"
    jiaozi("commit", "-m", "second", "--author", "A")
    assert "no link named 'a'" in jiaozi("cat", "HEAD:a", code=3).err


def test_with_cached_the_file_stays(jiaozi: Run, repo: Path) -> None:
    (repo / "a").write_text("edited\n")
    assert jiaozi("rm", "-q", "--cached", "a").out == ""
    assert (repo / "a").read_text() == "edited\n"
    assert status(jiaozi) == "D  a\n?? a\n"


def test_a_directory_goes_with_r_and_what_is_not_tracked_stays(jiaozi: Run, repo: Path) -> None:
    assert "'sub' without -r" in jiaozi("rm", "a", "sub", code=2).err
    assert status(jiaozi) == ""
    (repo / "sub" / "deep" / "mine").write_text("mine\n")
    rows = [
        json.loads(line) for line in jiaozi("rm", "-r", "sub", "empty", "--json").out.splitlines()
    ]
    assert [row["removed"] for row in rows] == ["sub/deep/z", "sub/x", "sub/y.csv"]
    assert sorted(os.listdir(repo / "sub")) == ["deep"]
    assert os.listdir(repo / "sub" / "deep") == ["mine"]
    assert not (repo / "empty").exists()
    assert status(jiaozi).endswith("?? sub/\n")
    jiaozi("commit", "-m", "second", "--author", "A")
    assert jiaozi("ls").out == "a\nb\nc.csv\n"


def test_a_directory_that_is_emptied_stays_as_an_empty_one(jiaozi: Run, repo: Path) -> None:
    jiaozi("rm", "sub/deep/z")
    assert (repo / "sub" / "deep").is_dir()
    assert status(jiaozi) == "D  sub/deep/z\n"
    jiaozi("commit", "-m", "second", "--author", "A")
    assert status(jiaozi) == ""
    assert jiaozi("ls", "HEAD:sub").out == "deep/\nx\ny.csv\n"


def test_everything_goes_from_the_root(jiaozi: Run, repo: Path) -> None:
    jiaozi("rm", "-r", ".")
    assert os.listdir(repo) == [".jiaozi"]
    jiaozi("commit", "-m", "nothing left", "--author", "A")
    assert jiaozi("ls").out == ""


def test_a_quoted_glob_means_what_is_tracked(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "mine.csv").write_text("mine\n")
    assert jiaozi("rm", "-n", "*.csv").out == "rm c.csv\nrm sub/y.csv\n"
    assert status(jiaozi) == "?? mine.csv\n"
    monkeypatch.chdir(repo / "sub")
    assert jiaozi("rm", "?.csv", "deep/[!a]", "../a").out == "rm a\nrm sub/deep/z\nrm sub/y.csv\n"
    (repo / "b*").write_text("star\n")
    jiaozi("add", repo / "b*")
    jiaozi("commit", "-m", "x", "--author", "A")
    monkeypatch.chdir(repo)
    assert jiaozi("rm", "b*").out == "rm b*\n"  # what has that very name comes first
    assert (repo / "b").exists()


@pytest.mark.parametrize(
    ("edits", "words", "told"),
    [
        ({"a": "edited\n"}, ["a"], "changed and not staged"),
        ({"a": "staged\n", "add": "a"}, ["a"], "staged and not committed"),
        ({"a": "staged\n", "add": "a", "again": "a"}, ["a"], "neither in HEAD nor in the file"),
        ({"a": "staged\n", "add": "a", "again": "a"}, ["--cached", "a"], "neither in HEAD nor"),
        ({"new": "new\n", "add": "new"}, ["new"], "staged and not committed"),
        ({"a": "edited\n", "b": "edited\n"}, ["a", "b"], "a, b: changed and not staged"),
        ({"sub/x": "edited\n"}, ["-r", "sub"], "sub/x: changed and not staged"),
    ],
)
def test_what_is_saved_nowhere_else_is_refused_without_f(
    jiaozi: Run, repo: Path, edits: dict[str, str], words: list[str], told: str
) -> None:
    for name, text in edits.items():
        if name == "add":
            jiaozi("add", text)
        elif name == "again":
            (repo / text).write_text("edited again\n")
        else:
            (repo / name).write_text(text)
    before = status(jiaozi)
    ran = jiaozi("rm", *words, code=5)
    assert told in ran.err
    assert len(ran.err.splitlines()) == 1
    assert status(jiaozi) == before
    jiaozi("rm", "-f", *words)
    assert all(row[:2] in ("D ", "??") for row in status(jiaozi).splitlines())


def test_a_file_that_went_already_only_leaves_the_stage(jiaozi: Run, repo: Path) -> None:
    (repo / "a").unlink()
    (repo / "b").unlink()
    (repo / "b").mkdir()
    (repo / "b" / "mine").write_text("mine\n")
    jiaozi("rm", "a", "b")
    assert (repo / "b" / "mine").exists()
    assert status(jiaozi) == "D  a\nD  b\n?? b/\n"


def test_what_is_not_tracked_or_not_here_is_refused_by_name(jiaozi: Run, repo: Path) -> None:
    (repo / "mine").write_text("mine\n")
    (repo / "to-root").symlink_to(repo)
    for words, code, told in (
        (["mine"], 3, "mine: nothing of that name is tracked"),
        (["a", "nope"], 3, "nope"),
        (["*.png"], 3, "*.png"),
        ([""], 2, "empty path"),
        (["../outside"], 2, "not in the working copy"),
        ([".jiaozi/worktree.toml"], 2, ".jiaozi"),
        (["-r", "to-root"], 3, "to-root"),
        (["to-root/a"], 2, "symbolic link"),
    ):
        assert told in jiaozi("rm", *words, code=code).err
    assert status(jiaozi) == "?? mine\n?? to-root\n"
    assert "argument" in jiaozi("rm", code=2).err


def test_a_symlink_to_the_root_is_a_file_like_any_other(jiaozi: Run, repo: Path) -> None:
    (repo / "to-root").symlink_to(repo)
    assert "staged 1 file" in jiaozi("add", "to-root").out
    jiaozi("rm", "-f", "to-root")
    assert (repo / "a").exists()


class Killed(BaseException):
    """Stands for a kill: nothing in the program answers it."""


def test_what_a_kill_cut_short_the_same_command_finishes(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SafeWriter.remove

    def remove(self: SafeWriter, parts: tuple[str, ...]) -> None:
        if parts == ("a",):
            raise Killed
        real(self, parts)

    with monkeypatch.context() as patched:
        patched.setattr(SafeWriter, "remove", remove)
        with pytest.raises(Killed):
            jiaozi("rm", "a", "b")
    assert status(jiaozi) == " D b\n"
    jiaozi("rm", "a", "b")
    assert status(jiaozi) == "D  a\nD  b\n"


def test_a_file_that_can_not_be_removed_brings_the_others_back(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SafeWriter.remove

    def remove(self: SafeWriter, parts: tuple[str, ...]) -> None:
        if parts == ("a",):
            raise PermissionError(13, "Permission denied", "a")
        real(self, parts)

    monkeypatch.setattr(SafeWriter, "remove", remove)
    assert "permission denied" in jiaozi("rm", "-r", "a", "b", "sub", "empty", code=4).err
    assert status(jiaozi) == ""
    assert (repo / "b").read_text() == "b\n"
    assert (repo / "sub" / "deep" / "z").read_text() == "sub/deep/z\n"
    assert (repo / "empty").is_dir()


def test_removing_what_is_in_dispute_settles_it(jiaozi: Run, repo: Path) -> None:
    jiaozi("switch", "-c", "other")
    (repo / "a").write_text("theirs\n")
    (repo / "b").write_text("theirs\n")
    jiaozi("commit", "-a", "-m", "theirs", "--author", "A")
    jiaozi("switch", "main")
    (repo / "a").write_text("ours\n")
    (repo / "b").unlink()
    jiaozi("commit", "-a", "-m", "ours", "--author", "A")
    jiaozi("merge", "other", code=1)
    jiaozi("merge", "--continue", code=None)
    jiaozi("rm", "a", "b")
    jiaozi("merge", "--continue")
    assert jiaozi("ls").out == "c.csv\nempty/\nsub/\n"
    assert status(jiaozi) == ""
