"""Versions made public and taken back, as a person meets it."""

import json
from pathlib import Path

import pytest

from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init")
    for text in ("first", "second"):
        (place / "a").write_text(f"{text}\n")
        (place / "data").mkdir(exist_ok=True)
        (place / "data" / "b").write_text(f"data of {text}\n")
        jiaozi("add", ".")
        jiaozi("commit", "-m", text, "--author", "A")
    return place


def head(jiaozi: Run) -> str:
    return str(json.loads(jiaozi("log", "-n", "1", "--json").out)["commit"])


def test_a_version_is_published_with_its_history_and_taken_back(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert jiaozi("publish", "--list").out == ""
    cid = head(jiaozi)
    said = jiaozi("publish", "--blocks-only", "HEAD").out
    assert said == f"published {cid}: 10 blocks, 10 of them new\n"
    assert jiaozi("publish", "--list").out == f"{cid}\n"
    row = json.loads(jiaozi("publish", "--blocks-only", "main", "--json").out)
    assert row == {"cid": cid, "blocks": 0, "newlyPublic": 0}
    assert jiaozi("publish", "--blocks-only", cid).out == f"{cid} is published already\n"
    said = jiaozi("unpublish", "HEAD").out
    assert said == f"unpublished {cid}: 10 blocks are private now\n"
    assert jiaozi("publish", "--list").out == ""


def test_what_may_be_published(jiaozi: Run, repo: Path) -> None:
    """A version, an annotated tag, a path in a version, a CID, a path."""
    assert repo.exists()
    jiaozi("tag", "-a", "v1", "-m", "one")
    jiaozi("tag", "light", "HEAD~")
    tag = next(
        row["target"]
        for row in map(json.loads, jiaozi("tag", "--json").out.splitlines())
        if row["tag"] == "v1"
    )
    old = json.loads(jiaozi("log", "-n", "1", "HEAD~", "--json").out)["commit"]
    data = json.loads(jiaozi("stat", "HEAD:data", "--json").out)["cid"]
    words = ("light", old, "HEAD:data", f"{head(jiaozi)}/tree/data", "v1")
    rows = [
        json.loads(line)
        for line in jiaozi("publish", "--blocks-only", *words, "--json").out.splitlines()
    ]
    assert [row["cid"] for row in rows] == [old, old, data, data, tag]
    assert [row["newlyPublic"] for row in rows] == [5, 0, 2, 0, 4]
    jiaozi("unpublish", "v1", data)
    assert jiaozi("publish", "--list").out == f"{old}\n"


def test_refusals_say_what_to_write_and_change_nothing(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    cid = head(jiaozi)
    absent = "bafkreigaknpexyvxt76zgkitavbwx6ejgfheup5oybpm77f3pxzrvwpfdi"
    for words, code, said in (
        (("publish", "HEAD"), 2, "publish --blocks-only REV"),
        (("publish",), 2, "publish --blocks-only REV"),
        (("publish", "--blocks-only"), 2, "say what to publish"),
        (("publish", "--list", "HEAD"), 2, "--list stands alone"),
        (("publish", "--blocks-only", "HEAD", "nope"), 3, "unknown revision"),
        (("publish", "--blocks-only", absent), 3, f"block {absent} is not here"),
        (("unpublish", "HEAD"), 3, f"{cid} is not published; 'jiaozi publish --list'"),
        (("unpublish",), 2, "what"),
    ):
        ran = jiaozi(*words, code=code)
        assert said in ran.err, words
        assert ran.err.count("\n") == 1
        assert ran.out == ""
        assert jiaozi("publish", "--list").out == ""
    jiaozi("publish", "--blocks-only", "HEAD")
    assert "not published" in jiaozi("unpublish", "HEAD", "HEAD~", code=3).err
    assert jiaozi("publish", "--list").out == f"{cid}\n"
