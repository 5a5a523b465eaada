"""``jiaozi status`` as a person meets it."""

import json
import os
from pathlib import Path

import pytest

from jiaozi_node.worktree.import_tree import Reader
from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init", "--name", "birds")
    (place / "data.csv").write_text("a,b\n1,2\n")
    (place / ".hidden").write_text("dot\n")
    (place / "sub" / "deep").mkdir(parents=True)
    (place / "sub" / "deep" / "b.txt").write_text("deep\n")
    (place / "sub" / "c.txt").write_text("c\n")
    (place / "link").symlink_to("data.csv")
    (place / "empty").mkdir()
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "Ada <ada@example.org>")
    return place


def test_after_a_commit_all_is_clean(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert jiaozi("status", "-s", "--exit-code").out == ""
    assert jiaozi("status").out == "On branch main\nnothing to commit, working copy clean\n"


def test_before_the_first_commit_it_says_so(jiaozi: Run, place: Path) -> None:
    jiaozi("init")
    assert "No commits yet" in jiaozi("status").out
    (place / "new.txt").write_text("new\n")
    assert jiaozi("status", "-s").out == "?? new.txt\n"
    jiaozi("add", "new.txt")
    assert jiaozi("status", "-s").out == "A  new.txt\n"


def test_each_kind_of_change_has_its_letters(jiaozi: Run, repo: Path) -> None:
    (repo / "data.csv").write_text("staged\n")
    (repo / ".hidden").unlink()
    (repo / "new.txt").write_text("new\n")
    jiaozi("add", "data.csv", "new.txt", ".hidden")
    (repo / "data.csv").write_text("and then more\n")
    (repo / "sub" / "deep" / "b.txt").unlink()
    (repo / "sub" / "deep").rmdir()
    (repo / "link").unlink()
    (repo / "link").symlink_to("sub")
    (repo / "empty").rmdir()
    (repo / "other").mkdir()
    (repo / "other" / "x").write_text("x\n")
    assert jiaozi("status", "--porcelain").out.splitlines() == [
        "D  .hidden",
        "MM data.csv",
        " D empty/",
        " M link",
        "A  new.txt",
        " D sub/deep/b.txt",
        "?? other/",
    ]
    value = json.loads(jiaozi("status", "--json").out)
    assert value["branch"] == "main"
    assert value["untracked"] == ["other/"]
    assert {"change": "M", "path": "link"} in value["changed"]
    assert jiaozi("status", "--exit-code", code=1).code == 1
    assert "??" not in jiaozi("status", "-s", "--no-untracked").out
    assert "modified:   data.csv" in jiaozi("status").out


def test_a_file_that_became_a_directory_and_the_reverse(jiaozi: Run, repo: Path) -> None:
    (repo / "data.csv").unlink()
    (repo / "data.csv").mkdir()
    (repo / "sub" / "deep" / "b.txt").unlink()
    (repo / "sub" / "deep").rmdir()
    (repo / "sub" / "deep").write_text("now a file\n")
    assert jiaozi("status", "-s").out.splitlines() == [
        " D data.csv",
        " D sub/deep/b.txt",
        "?? data.csv/",
        "?? sub/deep",
    ]


def test_a_pipe_in_a_files_place_is_that_file_gone(jiaozi: Run, repo: Path) -> None:
    (repo / "data.csv").unlink()
    os.mkfifo(repo / "data.csv")
    assert jiaozi("status", "-s").out == " D data.csv\n"


def test_ignored_files_are_told_of_only_when_tracked(jiaozi: Run, repo: Path) -> None:
    (repo / ".jiaoziignore").write_text("*.tmp\nsub/\n")
    jiaozi("add", ".jiaoziignore")
    (repo / "x.tmp").write_text("x\n")
    (repo / "sub" / "new.txt").write_text("new\n")
    (repo / "sub" / "c.txt").write_text("changed\n")
    assert jiaozi("status", "-s").out == "A  .jiaoziignore\n M sub/c.txt\n"


def test_a_touched_file_with_the_same_bytes_is_clean(jiaozi: Run, repo: Path) -> None:
    os.utime(repo / "data.csv", (1, 1))
    assert jiaozi("status", "-s").out == ""


def test_nothing_is_hashed_twice(jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in repo.rglob("*"):
        if path.is_file():
            os.utime(path, (1, 1))
    assert jiaozi("status", "-s").out == ""  # looks into each, and remembers

    def refuse(*_given: object) -> None:
        raise AssertionError("a file was read that the index speaks for")

    monkeypatch.setattr(Reader, "file", refuse)
    assert jiaozi("status", "-s").out == ""


def test_it_works_from_below_and_names_paths_from_the_root(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "sub" / "c.txt").write_text("changed\n")
    monkeypatch.chdir(repo / "sub" / "deep")
    assert jiaozi("status", "-s").out == " M sub/c.txt\n"


def test_a_home_within_the_working_copy_is_passed_over(
    jiaozi: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIAOZI_PATH", "home")
    jiaozi("init")
    (place / "data.csv").write_text("1\n")
    jiaozi("add", ".")
    assert jiaozi("status", "-s").out == "A  data.csv\n"


def test_add_all_and_add_what_is_tracked(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "data.csv").write_text("changed\n")
    (repo / "new.txt").write_text("new\n")
    (repo / "sub" / "c.txt").unlink()
    monkeypatch.chdir(repo / "sub")
    assert "stands alone" in jiaozi("add", "-u", ".", code=2).err
    jiaozi("add", "-u")
    assert jiaozi("status", "-s").out == "M  data.csv\nD  sub/c.txt\n?? new.txt\n"
    jiaozi("add", "-A")
    assert jiaozi("status", "-s").out == "M  data.csv\nA  new.txt\nD  sub/c.txt\n"
    assert "required" in jiaozi("add", code=2).err


def test_a_file_that_moved_is_one_line_as_in_git(jiaozi: Run, repo: Path) -> None:
    (repo / "same").write_text("c\n")  # what sub/c.txt holds too
    (repo / "void").write_text("")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "second", "--author", "A")
    jiaozi("mv", "data.csv", "sub/d a\tta.csv")
    jiaozi("mv", "sub/c.txt", "c.txt")
    jiaozi("mv", "void", "empty/void")
    (repo / "sub" / "d a\tta.csv").write_text("and changed\n")
    (repo / "copy").write_text("deep\n")  # its original stands: no rename
    jiaozi("add", "copy")
    assert jiaozi("status", "--porcelain").out.splitlines() == [
        "R  sub/c.txt -> c.txt",
        "A  copy",
        "A  empty/void",
        "RM data.csv -> sub/d a\\tta.csv",
        "D  void",
    ]
    assert "\trenamed:    sub/c.txt -> c.txt\n" in jiaozi("status").out
    value = json.loads(jiaozi("status", "--json").out)
    assert value["staged"][0] == {"change": "R", "path": "c.txt", "from": "sub/c.txt"}
    assert value["staged"][1] == {"change": "A", "path": "copy"}
    jiaozi("commit", "-m", "moved", "--author", "A")
    assert jiaozi("diff", "HEAD~", "HEAD", "--name-status").out.splitlines()[0].startswith("R100")
