"""``checkout`` as git's users type it."""

import json
from pathlib import Path

import pytest

from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """Two versions on main: *a* changed, *old* gone, *new* and *dir* came; *side* at the first."""
    jiaozi("init")
    (place / "a").write_text("one\n")
    (place / "old").write_text("old\n")
    (place / "dir").write_text("a file\n")
    (place / "empty").mkdir()
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    jiaozi("branch", "side")
    jiaozi("tag", "v1")
    (place / "a").write_text("two\n")
    for name in ("old", "dir"):
        (place / name).unlink()
    (place / "empty").rmdir()
    (place / "new").write_text("new\n")
    (place / "dir").mkdir()
    (place / "dir" / "x").write_text("x\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "second", "--author", "A")
    return place


def status(jiaozi: Run) -> str:
    return jiaozi("status", "-s").out


def test_branches_revisions_and_back(jiaozi: Run, repo: Path) -> None:
    assert json.loads(jiaozi("checkout", "side", "--json").out)["branch"] == "side"
    assert (repo / "a").read_text() == "one\n"
    jiaozi("checkout", "-")
    assert (repo / "a").read_text() == "two\n"
    assert "detached" in jiaozi("checkout", "HEAD~").out
    assert "HEAD detached" in jiaozi("status").out
    jiaozi("checkout", "main")
    assert "detached" in jiaozi("checkout", "v1").out
    jiaozi("checkout", "-b", "begun")
    assert "On branch begun" in jiaozi("status").out
    jiaozi("checkout", "-b", "from-main", "main")
    assert (repo / "a").read_text() == "two\n"
    assert "already" in jiaozi("checkout", "-b", "main", code=1).err


def test_unsaved_work_is_never_overwritten_by_going_elsewhere(jiaozi: Run, repo: Path) -> None:
    (repo / "a").write_text("mine\n")
    assert "a" in jiaozi("checkout", "side", code=5).err
    assert (repo / "a").read_text() == "mine\n"
    assert "* main" in jiaozi("branch").out


def test_paths_come_back_from_the_stage(jiaozi: Run, repo: Path) -> None:
    (repo / "a").write_text("staged\n")
    jiaozi("add", "a")
    (repo / "a").write_text("edited\n")
    (repo / "new").unlink()
    assert jiaozi("checkout", "--", "a", "n*").out == "restored 2 paths\n"
    assert (repo / "a").read_text() == "staged\n"
    assert status(jiaozi) == "M  a\n"
    (repo / "a").write_text("edited\n")
    jiaozi("checkout", "a")
    jiaozi("checkout", ".")
    assert (repo / "a").read_text() == "staged\n"


def test_paths_come_back_from_a_version_into_the_stage_too(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "mine").write_text("mine\n")
    monkeypatch.chdir(repo / "dir")
    assert jiaozi("checkout", "v1", "--", "../a", "../old", "../empty").code == 0
    assert (repo / "a").read_text() == "one\n"
    assert (repo / "empty").is_dir()
    assert status(jiaozi) == "M  a\nA  empty/\nA  old\n?? mine\n"
    monkeypatch.chdir(repo)
    jiaozi("reset", "--hard")
    # What the version doesn't have stays.
    jiaozi("rm", "-r", "dir")
    jiaozi("checkout", "HEAD~", ".")
    assert status(jiaozi) == "M  a\nA  dir\nD  dir/x\nA  empty/\nA  old\n?? mine\n"
    assert (repo / "new").exists()
    assert (repo / "dir").read_text() == "a file\n"


def test_a_directory_in_the_place_of_a_file_stops_it_when_it_is_not_empty(
    jiaozi: Run, repo: Path
) -> None:
    before = (repo / "dir" / "x").read_text()
    assert "dir" in jiaozi("checkout", "v1", "--", "dir", code=1).err
    assert (repo / "dir" / "x").read_text() == before
    assert status(jiaozi) == ""


def test_what_is_neither_or_both_is_refused(jiaozi: Run, repo: Path) -> None:
    (repo / "side").write_text("a file called like the branch\n")
    jiaozi("add", "side")
    before = status(jiaozi)
    for words, code, told in (
        ([], 2, "say what"),
        (["nope"], 3, "unknown revision 'nope'"),
        (["a", "nope"], 3, "nope"),
        (["side"], 2, "'side' is a revision and a path"),
        (["v1", "--", "nope"], 3, "nope: nothing"),
        (["v1", "main", "--", "a"], 2, "checkout [REV] -- PATH"),
        (["-b", "x", "main", "v1"], 2, "checkout -b NEW"),
        (["-b", "a..b"], 2, "can't be a name"),
        (["--", ""], 2, "empty path"),
        (["--", "../x"], 2, "not in the working copy"),
    ):
        assert told in jiaozi("checkout", *words, code=code).err, words
    assert status(jiaozi) == before
    (repo / "side").write_text("edited\n")
    jiaozi("checkout", "--", "side")
    assert (repo / "side").read_text() == "a file called like the branch\n"


def test_taking_a_version_settles_what_is_in_dispute(jiaozi: Run, repo: Path) -> None:
    jiaozi("checkout", "-b", "other", "v1")
    (repo / "a").write_text("theirs\n")
    jiaozi("commit", "-a", "-m", "theirs", "--author", "A")
    jiaozi("checkout", "main")
    jiaozi("merge", "other", code=1)
    jiaozi("checkout", "other", "--", "a")
    jiaozi("merge", "--continue")
    assert jiaozi("cat", "HEAD:a").out == "theirs\n"
