"""What a working copy tracks and what it doesn't, and its cache, which may go at any time."""

import os
import sqlite3
import warnings
from pathlib import Path

import pytest

from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init")
    (place / "a").write_text("a\n")
    (place / "sub").mkdir()
    (place / "sub" / "b").write_text("b\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    return place


def status(jiaozi: Run) -> str:
    return jiaozi("status", "-s").out


def test_losing_the_index_costs_nothing_but_reading(jiaozi: Run, repo: Path) -> None:
    (repo / "a").write_text("staged\n")
    jiaozi("add", "a")
    (repo / "sub" / "b").write_text("edited\n")
    before = jiaozi("status").out, jiaozi("diff").out, jiaozi("diff", "--staged").out
    for _ in range(2):
        for path in (repo / ".jiaozi").glob("index.db*"):
            path.unlink()
        ran = jiaozi("status")
        assert (ran.out, jiaozi("diff").out, jiaozi("diff", "--staged").out) == before
        assert ran.err == ""
    jiaozi("commit", "-m", "second", "--author", "A")
    assert jiaozi("cat", "HEAD:a").out == "staged\n"
    assert status(jiaozi) == " M sub/b\n"


@pytest.mark.parametrize("damage", ["no database", "a torn page", "a rotted row"])
def test_a_damaged_index_is_made_anew_and_that_is_said_once(
    jiaozi: Run, repo: Path, damage: str
) -> None:
    (repo / "a").write_text("edited\n")
    os.utime(repo / "sub" / "b", ns=(1, 1))
    assert status(jiaozi) == " M a\n"
    path = repo / ".jiaozi" / "index.db"
    if damage == "no database":
        path.write_bytes(b"not a database, however long one looks at it" * 99)
    elif damage == "a torn page":
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] + b"\xff" * (len(data) - len(data) // 2))
    else:
        with sqlite3.connect(path) as db:
            assert db.execute("UPDATE directories SET sum = sum + 1").rowcount
        db.close()
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        ran = jiaozi("status", "-s")
    assert ran.out == " M a\n"
    assert ran.err == f"{path} was damaged: it is made anew, and files are read once more\n"
    assert jiaozi("status", "-s") == (0, " M a\n", "", b" M a\n")


def test_an_edit_right_after_add_is_seen_though_size_and_mtime_are_the_same(
    jiaozi: Run, repo: Path
) -> None:
    path = repo / "a"
    for text in ("1\n", "2\n", "3\n", "4\n"):
        path.write_text("0\n")
        found = os.stat(path)
        jiaozi("add", "a")
        with path.open("r+") as file:
            file.write(text)
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        assert status(jiaozi) == "MM a\n"


def test_dotfiles_and_empty_directories_are_tracked(jiaozi: Run, repo: Path) -> None:
    (repo / ".hidden").write_text("hidden\n")
    (repo / ".dir" / "deep").mkdir(parents=True)
    (repo / "empty").mkdir()
    assert status(jiaozi) == "?? .dir/\n?? .hidden\n?? empty/\n"
    jiaozi("switch", "-c", "more")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "more", "--author", "A")
    jiaozi("switch", "main")
    assert sorted(os.listdir(repo)) == [".jiaozi", "a", "sub"]
    jiaozi("switch", "more")
    assert (repo / ".dir" / "deep").is_dir()
    assert (repo / "empty").is_dir()
    assert (repo / ".hidden").read_text() == "hidden\n"
    assert status(jiaozi) == ""
    (repo / "empty").rmdir()
    assert status(jiaozi) == " D empty/\n"


@pytest.mark.parametrize("kind", ["file", "directory", "symlink"])
def test_nothing_called_like_the_link_folder_is_tracked(jiaozi: Run, repo: Path, kind: str) -> None:
    path = repo / "sub" / ".jiaozi"
    if kind == "file":
        path.write_text("x\n")
    elif kind == "directory":
        path.mkdir()
        (path / "x").write_text("x\n")
    else:
        path.symlink_to("b")
    assert status(jiaozi) == ""
    jiaozi("add", "-A", "-f")
    assert jiaozi("ls", "HEAD:sub").out == "b\n"
    for words in (["add", "-f"], ["add"], ["rm", "-r"], ["checkout", "--"], ["restore"]):
        assert jiaozi(*words, path, code=None).code in (2, 3)
    assert "nothing added" in jiaozi("commit", "-m", "x", code=1).err
    for spelling in (".JIAOZI", ".Jiaozi", "jiaozi~1", ".jiaozi.", ".jiaoz\u0131"):
        named = repo / "sub" / spelling
        named.write_text("x\n")
        if spelling == ".jiaoz\u0131":  # a dotless i is another letter
            jiaozi("add", named)
            jiaozi("rm", "-f", named)
        else:
            assert spelling in jiaozi("add", named, code=2).err
            named.unlink()


def test_modes_count_where_the_profile_says_so(jiaozi: Run, place: Path) -> None:
    jiaozi("init", "--profile", "unixfs-v1-2025+mode")
    for name, mode in (("a", 0o644), ("run", 0o755)):
        (place / name).write_text(f"{name}\n")
        (place / name).chmod(mode)
    (place / "dir").mkdir(mode=0o700)
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    assert status(jiaozi) == ""
    (place / "a").chmod(0o600)
    assert status(jiaozi) == " M a\n"
    jiaozi("switch", "-c", "private")
    jiaozi("commit", "-a", "-m", "private", "--author", "A")
    jiaozi("switch", "main")
    assert (place / "a").stat().st_mode & 0o777 == 0o644
    jiaozi("switch", "private")
    assert (place / "a").stat().st_mode & 0o777 == 0o600
    (place / "run").chmod(0o644)
    jiaozi("restore", "run")
    assert (place / "run").stat().st_mode & 0o777 == 0o755
    (place / "run").unlink()
    jiaozi("checkout", "main", "--", "run")
    assert (place / "run").stat().st_mode & 0o777 == 0o755
    assert status(jiaozi) == ""


def test_modes_do_not_count_elsewhere(jiaozi: Run, repo: Path) -> None:
    (repo / "a").chmod(0o755)
    assert status(jiaozi) == ""
    jiaozi("add", ".")
    assert "nothing added" in jiaozi("commit", "-m", "x", code=1).err


def test_rules_of_what_is_ignored_count_where_they_lie(jiaozi: Run, repo: Path) -> None:
    (repo / ".jiaoziignore").write_text("*.log\n!keep.log\nbuild/\n/top\n")
    (repo / "sub" / ".jiaoziignore").write_text("!*.log\n")
    for name in ("x.log", "keep.log", "top", "sub/top", "sub/x.log", "build/x", "sub/build/x"):
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).write_text("x\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "x", "--author", "A")
    assert jiaozi("ls").out == ".jiaoziignore\na\nkeep.log\nsub/\n"
    assert jiaozi("ls", "HEAD:sub").out == ".jiaoziignore\nb\ntop\nx.log\n"
    assert status(jiaozi) == ""
