"""``jiaozi show``: commits with what they changed, tags, files and directories of a version."""

import json
from pathlib import Path

import pytest

from jiaozi_node.commands import show
from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init")
    (place / "a").write_text("1\n2\n")
    (place / "sub").mkdir()
    (place / "sub" / "b").write_bytes(b"\0\xff")
    (place / "link").symlink_to("a")
    jiaozi("add", "-A")
    jiaozi("commit", "-m", "first", "--author", "Ada <a@b>")
    (place / "a").write_text("1\n3\n4\n")
    (place / "sub" / "b").rename(place / "moved")
    jiaozi("add", "-A")
    jiaozi("commit", "-m", "second", "--author", "Ada <a@b>")
    jiaozi("tag", "-a", "v1", "-m", "the first", "HEAD~")
    return place


def test_a_commit_is_shown_with_what_it_changed(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    head, _, changes = jiaozi("show").out.partition("    second\n\n")
    assert head.startswith("commit bafyrei")
    assert changes == " a | +2 -1\n sub/b => moved | +0 -0\n 2 files changed, +2 -1\n"
    status = jiaozi("show", "--name-status").out
    assert status.endswith("    second\n\nM\ta\nR100\tsub/b\tmoved\n")
    assert jiaozi("show", "--name-only").out.endswith("\n\na\nmoved\n")
    patch = jiaozi("show", "-p").out
    assert "+4\n" in patch
    assert "rename from sub/b" in patch
    assert " | " not in patch
    both = jiaozi("show", "HEAD", "HEAD~").out
    assert both.index("    second") < both.index("    first")


def test_json_tells_the_same(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    rows = [json.loads(line) for line in jiaozi("show", "--json").out.splitlines()]
    assert rows[0]["message"] == "second"
    assert [(row["change"], row["path"]) for row in rows[1:]] == [("M", "a"), ("R", "moved")]
    assert "shape" not in rows[1]
    rows = [json.loads(line) for line in jiaozi("show", "--json", "--stat").out.splitlines()]
    assert (rows[1]["added"], rows[1]["removed"]) == (2, 1)
    assert rows[-1] == {"files": 2, "added": 2, "removed": 1}


def test_a_merge_is_compared_with_its_first_parent(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    jiaozi("switch", "-c", "dev", "HEAD~")
    (repo / "new").write_text("n\n")
    jiaozi("add", "-A")
    jiaozi("commit", "-m", "third", "--author", "A")
    jiaozi("merge", "main")
    out = jiaozi("show", "--name-status").out
    assert "Merge: " in out
    assert out.endswith("M\ta\nR100\tsub/b\tmoved\n")


def test_a_tag_is_shown_and_what_it_is_about(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    out = jiaozi("show", "v1").out
    assert out.startswith("tag v1\nTagger: ")
    assert "\n\nthe first\n\ncommit bafyrei" in out
    rows = [json.loads(line) for line in jiaozi("show", "--json", "tags/v1").out.splitlines()]
    assert rows[0]["message"] == "the first"
    assert rows[0]["object"] == rows[1]["commit"]
    assert jiaozi("show", rows[0]["cid"]).out == out
    assert jiaozi("show", "v1~0").out.startswith("commit")


def test_what_stands_at_a_path_is_shown(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert jiaozi("show", "HEAD~:a").out == "1\n2\n"
    assert jiaozi("show", "main@{1}:sub/b").raw == b"\0\xff"
    assert jiaozi("show", "HEAD:link").out == "a"
    assert jiaozi("show", "v1:").out == "tree v1:\n\na\nlink\nsub/\n"
    row = json.loads(jiaozi("show", "--json", "HEAD:a").out)
    assert (row["name"], row["kind"], row["size"]) == ("a", "file", 6)
    tree = json.loads(jiaozi("log", "--json", "-n1").out)["tree"]
    assert jiaozi("show", tree).out.endswith("\n\na\nlink\nmoved\nsub/\n")
    assert jiaozi("show", row["cid"]).out == "1\n3\n4\n"
    assert "no link named 'x'" in jiaozi("show", "HEAD:x", code=3).err


def test_lines_of_very_many_files_are_counted_only_when_asked(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert repo.exists()
    monkeypatch.setattr(show, "MAX_COUNTED", 1)
    assert jiaozi("show").out.endswith("M\ta\nR100\tsub/b\tmoved\n")
    assert jiaozi("show", "--stat").out.endswith("2 files changed, +2 -1\n")
