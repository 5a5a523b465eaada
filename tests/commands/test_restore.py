"""Going back: restore and reset."""

import json
import os
import shutil
from pathlib import Path

import pytest

from jiaozi_node.worktree import hands
from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """Two versions: the first has *old*, the second *new* and another *a*."""
    jiaozi("init")
    (place / "a").write_text("one\n")
    (place / "old").write_text("old\n")
    (place / "sub").mkdir()
    (place / "sub" / "b").write_text("b\n")
    (place / "empty").mkdir()
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    (place / "a").write_text("two\n")
    (place / "old").unlink()
    (place / "new").write_text("new\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "second", "--author", "A")
    return place


def test_files_come_back_from_the_stage(jiaozi: Run, repo: Path) -> None:
    (repo / "a").write_text("edited\n")
    shutil.rmtree(repo / "sub")
    (repo / "sub").write_text("a file in the way\n")
    (repo / "empty").rmdir()
    (repo / "mine").write_text("untracked\n")
    jiaozi("restore", "a")
    assert (repo / "a").read_text() == "two\n"
    assert (repo / "sub").is_file()
    jiaozi("restore", ".")
    assert jiaozi("status", "-s").out == "?? mine\n"
    assert (repo / "sub" / "b").read_text() == "b\n"
    assert (repo / "empty").is_dir()


def test_files_come_back_from_a_version_and_the_stage_stays(jiaozi: Run, repo: Path) -> None:
    jiaozi("restore", "--source", "HEAD~", ".")
    assert (repo / "a").read_text() == "one\n"
    assert (repo / "old").read_text() == "old\n"
    assert not (repo / "new").exists()
    assert jiaozi("status", "-s").out == " M a\n D new\n?? old\n"


def test_unstaging_leaves_the_file_alone(jiaozi: Run, repo: Path) -> None:
    (repo / "a").write_text("edited\n")
    (repo / "sub" / "c").write_text("c\n")
    (repo / "fresh").mkdir()
    (repo / "fresh" / "d").write_text("d\n")
    (repo / "new").unlink()
    jiaozi("add", "a", "sub", "new", "fresh")
    jiaozi("restore", "--staged", "sub", "new", "fresh")
    assert jiaozi("status", "-s").out == "M  a\n D new\n?? fresh/\n?? sub/c\n"
    jiaozi("restore", "--staged", ".")
    assert jiaozi("diff", "--staged").out == ""
    assert (repo / "a").read_text() == "edited\n"


def test_a_path_that_is_not_tracked_is_named(jiaozi: Run, repo: Path) -> None:
    (repo / "mine").write_text("mine\n")
    assert "mine" in jiaozi("restore", "mine", code=3).err
    assert "mine" in jiaozi("restore", "--staged", "mine", code=3).err
    assert "empty path" in jiaozi("restore", "", code=2).err
    assert (repo / "mine").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("option", "status", "text"),
    [
        ("--soft", "M  a\nA  new\nD  old\n", "two\n"),
        ("--mixed", " M a\n D old\n?? new\n", "two\n"),
        ("--hard", "", "one\n"),
    ],
)
def test_reset_moves_the_branch_and_as_much_as_is_asked(
    jiaozi: Run, repo: Path, option: str, status: str, text: str
) -> None:
    jiaozi("reset", option, "HEAD~")
    assert "first" in jiaozi("log", "--oneline", "-n1").out
    assert jiaozi("status", "-s").out == status
    assert (repo / "a").read_text() == text
    assert jiaozi("reflog").out.splitlines()[0].endswith("reset: to HEAD~")


def test_a_hard_reset_to_head_drops_what_is_staged_and_edited(jiaozi: Run, repo: Path) -> None:
    (repo / "a").write_text("edited\n")
    (repo / "staged").write_text("staged\n")
    (repo / "mine").write_text("mine\n")
    jiaozi("add", "staged")
    (repo / "sub" / "b").unlink()
    value = json.loads(jiaozi("reset", "--hard", "--json").out)
    assert value["branch"] == "main"
    assert jiaozi("status", "-s").out == "?? mine\n"
    assert not (repo / "staged").exists()
    assert "only one" in jiaozi("reset", "--hard", "--soft", code=2).err


@pytest.mark.parametrize("enough", [0, 10**9])
def test_everything_comes_back(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch, enough: int
) -> None:
    """Whether or not other processes write, and in directories of every kind."""
    monkeypatch.setattr(hands, "ENOUGH", enough)
    expected = {
        f"{directory}/{name}": os.fsencode(f"{directory}/{name}") * 99
        for directory in ("many", "many/more", "plain", "deep/deeper/deepest", "mixed")
        for name in ("a", "b", "not utf-8 \udcff", "c" * 200)
    }
    expected["mixed/large"] = bytes(2_500_000)
    for name, data in expected.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_bytes(data)
    (repo / "mixed" / "link").symlink_to("../plain/a")
    (repo / "plain" / "hollow").mkdir()
    jiaozi("add", ".")
    jiaozi("commit", "-m", "much")
    for path in repo.iterdir():
        if path.is_dir() and path.name != ".jiaozi":
            shutil.rmtree(path)
    (repo / "mixed").write_text("in the way of a directory")
    (repo / "a").write_text("edited")
    value = json.loads(jiaozi("restore", ".", "--json").out)
    assert {name for name in expected if "utf" not in name} < set(value["restored"])
    assert len(value["restored"]) == len(expected) + 3  # a, sub/b, the link
    assert {name: (repo / name).read_bytes() for name in expected} == expected
    assert (repo / "mixed" / "link").readlink() == Path("../plain/a")
    assert (repo / "plain" / "hollow").is_dir()
    assert (repo / "empty").is_dir()
    assert jiaozi("status", "--short").out == ""
    assert not list(repo.rglob(".jz*"))
    # What was written is known, and an edit of it seen.
    (repo / "many" / "a").write_bytes(expected["many/a"][::-1])
    assert jiaozi("status", "--short").out == " M many/a\n"
