"""Tags and the reflog as a person meets them."""

import json
from pathlib import Path

import pytest

from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init")
    for text in ("first", "second"):
        (place / "a").write_text(f"{text}\n")
        jiaozi("add", ".")
        jiaozi("commit", "-m", text, "--author", "A")
    return place


def test_a_light_tag_is_a_name_for_a_commit(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    jiaozi("tag", "v1", "HEAD~")
    assert jiaozi("cat", "v1:a").out == "first\n"
    row = json.loads(jiaozi("tag", "--json").out)
    assert row["target"] == row["commit"]
    assert row["message"] is None
    assert "(tag: v1)" in jiaozi("log", "--oneline").out
    assert "already" in jiaozi("tag", "v1", code=1).err


def test_an_annotated_tag_is_a_block_that_leads_to_the_tree(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    jiaozi("tag", "-a", "v2", "-m", "the second", "-m", "and why")
    assert jiaozi("cat", "v2:a").out == "second\n"
    row = json.loads(jiaozi("tag", "--json").out)
    assert row["target"] != row["commit"]
    assert row["message"] == "the second\n\nand why"
    assert jiaozi("ipfs", "cat", f"/ipfs/{row['target']}/tree/a").out == "second\n"
    assert jiaozi("tag").out.endswith(" the second\n")
    assert "-m" in jiaozi("tag", "-a", "v3", code=2).err


def test_a_deleted_tag_is_gone_and_its_reflog_stays(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    jiaozi("tag", "v1")
    jiaozi("tag", "-d", "v1")
    assert jiaozi("tag").out == ""
    assert "no tag" in jiaozi("tag", "-d", "v1", code=3).err
    rows = [json.loads(line) for line in jiaozi("reflog", "tags/v1", "--json").out.splitlines()]
    assert [row["new"] is None for row in rows] == [True, False]
    assert "can't be a name" in jiaozi("tag", "a b", code=2).err
    assert "unknown revision" in jiaozi("tag", "v9", "nope", code=3).err


def test_the_reflog_tells_every_move_of_head_newest_first(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    jiaozi("switch", "-c", "other", "HEAD~")
    lines = jiaozi("reflog").out.splitlines()
    assert lines[0].split(" ", 1)[1] == "HEAD@{0}: switch: from main to other"
    assert lines[1].endswith("HEAD@{1}: commit: second")
    assert lines[2].endswith("commit (initial): first")
    assert len(jiaozi("reflog", "main").out.splitlines()) == 2
    assert "no branch" in jiaozi("reflog", "nope", code=3).err
