"""Commits that are not as usual."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init")
    (place / "a").write_text("one\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "Ada <a@example.org>", "--meta", "license=MIT")
    return place


def newest(jiaozi: Run) -> dict[str, Any]:
    value = json.loads(jiaozi("log", "--json", "-n1").out)
    assert isinstance(value, dict)
    return value


def test_amending_replaces_the_commit_and_keeps_its_parts(jiaozi: Run, repo: Path) -> None:
    first = newest(jiaozi)
    (repo / "a").write_text("two\n")
    jiaozi("commit", "-a", "--amend", "--meta", "title=x")
    value = newest(jiaozi)
    assert value["parents"] == []
    assert value["generation"] == 1
    assert value["message"] == first["message"]
    assert value["author"] == first["author"]
    assert value["committer"] == {"name": "tester"}
    assert value["meta"] == {"license": "MIT", "title": "x"}
    assert value["stats"] == {"files": 1, "bytes": 4}
    assert jiaozi("cat", "HEAD:a").out == "two\n"
    assert "commit (amend): first" in jiaozi("reflog").out
    jiaozi("commit", "--amend", "-m", "better", "--author", "B")
    assert newest(jiaozi)["message"] == "better"
    assert newest(jiaozi)["author"] == {"name": "B"}


def test_an_empty_commit_is_made_when_asked_for(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    first = newest(jiaozi)
    jiaozi("commit", "--allow-empty", "-m", "nothing")
    assert newest(jiaozi)["tree"] == first["tree"]
    assert newest(jiaozi)["parents"] == [first["commit"]]


def test_the_date_is_when_the_work_was_done(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    jiaozi("commit", "--allow-empty", "-m", "x", "--date", "2020-02-03T04:05:06Z")
    assert newest(jiaozi)["authored"] == 1580702706
    assert "Mon Feb 3 04:05:06 2020" in jiaozi("log", "-n1").out
    jiaozi("commit", "--allow-empty", "-m", "x", "--date", "@5")
    assert newest(jiaozi)["authored"] == 5


def test_bad_dates_and_meta_change_nothing(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    before = newest(jiaozi)
    assert "date" in jiaozi("commit", "--amend", "--date", "soon", code=2).err
    assert "KEY=VALUE" in jiaozi("commit", "--amend", "--meta", "soon", code=2).err
    assert newest(jiaozi) == before


def test_without_a_commit_there_is_nothing_to_amend(jiaozi: Run, place: Path) -> None:
    jiaozi("init")
    (place / "a").write_text("a\n")
    jiaozi("add", ".")
    assert "amended" in jiaozi("commit", "--amend", "-m", "x", code=1).err
    jiaozi("commit", "--allow-empty", "-m", "first")


def test_commit_a_sees_what_a_path_became(jiaozi: Run, repo: Path) -> None:
    for name in ("dir/x", "dir/y", "file", "link", "big"):
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).write_text(name)
    jiaozi("add", ".")
    jiaozi("commit", "-m", "all kinds")
    for name in ("dir/x", "dir/y", "file", "link"):
        (repo / name).unlink()
    (repo / "dir").rmdir()
    (repo / "dir").write_text("a file now, and as such not tracked")
    (repo / "file").mkdir()
    (repo / "file" / "below").write_text("not tracked either")
    (repo / "link").symlink_to("a")
    (repo / "big").write_bytes(bytes(3 * 1024 * 1024))
    (repo / "new").write_text("nor this")
    jiaozi("status")  # what it hashes spares reading, not storing
    jiaozi("commit", "-a", "-m", "other kinds")
    # An empty directory is tracked, so that it stays when its files went.
    assert jiaozi("ls", "HEAD").out.split() == ["a", "big", "dir/", "link"]
    assert jiaozi("cat", "HEAD:big").raw == bytes(3 * 1024 * 1024)
    assert newest(jiaozi)["stats"] == {"files": 3, "bytes": 4 + 3 * 1024 * 1024 + 1}
    shown = jiaozi("status", "--short").out.splitlines()
    assert "?? new" in shown
    assert not [line for line in shown if line.endswith(("big", "link"))]
