"""``jiaozi log`` as a person uses it: which commits, in which order, drawn how."""

import json
import os
from pathlib import Path

import pytest

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR
from jiaozi_node.worktree import history_cache
from tests.commands.conftest import Run


def commit(jiaozi: Run, message: str, date: str | None = None, author: str = "Ada <a@b>") -> None:
    words = ["--date", date] if date else []
    jiaozi("add", "-A")
    jiaozi("commit", "-m", message, "--author", author, "--allow-empty", *words)


def told(jiaozi: Run, *words: str) -> list[str]:
    rows = [json.loads(line) for line in jiaozi("log", "--json", *words).out.splitlines()]
    return [row.get("message", "missing") for row in rows]


def told_commit(jiaozi: Run) -> str:
    made: str = json.loads(jiaozi("log", "--json", "-n1").out)["commit"]
    return made


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """main: one, two, four; dev from two: three. `d/new` was `old` until four."""
    jiaozi("init")
    (place / "old").write_text("kept\n")
    (place / "a").write_text("1\n")
    commit(jiaozi, "one")
    (place / "a").write_text("2\n")
    commit(jiaozi, "two", author="Bob <bob@example.org>")
    jiaozi("switch", "-c", "dev")
    (place / "b").write_text("3\n")
    commit(jiaozi, "three\n\nthe BODY")
    jiaozi("switch", "main")
    (place / "d").mkdir()
    (place / "old").rename(place / "d" / "new")
    commit(jiaozi, "four")
    return place


def test_ranges_and_all(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert told(jiaozi) == ["four", "two", "one"]
    assert told(jiaozi, "main..dev") == ["three\n\nthe BODY"]
    assert told(jiaozi, "^dev", "main") == ["four"]
    assert told(jiaozi, "^dev") == ["four"]
    assert set(told(jiaozi, "main...dev")) == {"four", "three\n\nthe BODY"}
    assert set(told(jiaozi, "--all")) == {"four", "three\n\nthe BODY", "two", "one"}
    assert told(jiaozi, "HEAD~1..", "--reverse") == ["four"]
    assert told(jiaozi, "--reverse", "-n2") == ["two", "four"]
    assert told(jiaozi, "-n", "0") == []
    jiaozi("switch", "--detach", "dev")
    jiaozi("branch", "-D", "dev")
    assert len(told(jiaozi, "--all")) == 4


def test_who_when_and_what_words(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert told(jiaozi, "--author", "Bob") == ["two"]
    assert told(jiaozi, "--author", "^Ada", "--grep", "^fo") == ["four"]
    assert told(jiaozi, "--author", "BOB", "--author", "nobody") == []
    assert told(jiaozi, "-i", "--author", "BOB") == ["two"]
    assert told(jiaozi, "--all", "--grep", "^the B") == ["three\n\nthe BODY"]
    assert told(jiaozi, "--since", "1 hour ago") == told(jiaozi)
    assert told(jiaozi, "--until", "yesterday") == []
    assert told(jiaozi, "--until", "2999-01-01", "--since", "@0") == told(jiaozi)
    assert "regular expression" in jiaozi("log", "--grep", "(", code=2).err
    assert "3 days ago" in jiaozi("log", "--since", "soon", code=2).err


def test_paths_by_either_way_and_from_where_one_stands(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(jiaozi, "--", "a") == ["two", "one"]
    assert told(jiaozi, "--path", "a") == ["two", "one"]
    assert told(jiaozi, "dev", "--", "b", "old") == ["three\n\nthe BODY", "one"]
    assert told(jiaozi, "--", "old") == ["four", "one"]
    assert told(jiaozi, "--", "never") == []
    assert told(jiaozi, "--", ".") == told(jiaozi)
    assert told(jiaozi, "--", "*ew") == ["four"]
    assert told(jiaozi, "--all", "--", "[bx]") == ["three\n\nthe BODY"]
    assert told(jiaozi, "--", "?") == ["two", "one"]
    monkeypatch.chdir(repo / "d")
    assert told(jiaozi, "--", ".") == ["four"]
    assert told(jiaozi, "--", "../a") == ["two", "one"]
    assert "working copy" in jiaozi("log", "--", "../../x", code=2).err


def test_a_file_is_followed_through_moves(jiaozi: Run, repo: Path) -> None:
    (repo / "d" / "new").write_text("changed\n")
    commit(jiaozi, "five")
    (repo / "d" / "new").rename(repo / "last")
    commit(jiaozi, "six")
    assert told(jiaozi, "--", "last") == ["six"]
    assert told(jiaozi, "--follow", "--", "last") == ["six", "five", "four", "one"]
    rows = [
        json.loads(line)
        for line in jiaozi("log", "--follow", "--json", "--", "last").out.splitlines()
    ]
    assert [row["path"] for row in rows] == ["last", "d/new", "d/new", "old"]
    assert "one file" in jiaozi("log", "--follow", code=2).err
    assert "one file" in jiaozi("log", "--follow", "--", "a", "b", code=2).err
    assert "don't go together" in jiaozi("log", "--follow", "--graph", "--", "a", code=2).err
    assert "don't go together" in jiaozi("log", "--reverse", "--graph", code=2).err


def test_a_graph_stands_beside_the_text(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    lines = jiaozi("log", "--graph", "--all", "--oneline", "--decorate=false").out.splitlines()
    assert [(line[:4], line.split(" ")[-1]) for line in lines] == [
        ("* ba", "three"),
        ("| * ", "four"),
        ("|/", "|/"),
        ("* ba", "two"),
        ("* ba", "one"),
    ]
    lines = jiaozi("log", "--graph", "--all").out.splitlines()
    assert lines[1].startswith("| Author: Ada")
    assert "|     three" in lines
    assert lines[-1] == "      one"
    assert "picture" not in jiaozi("log", "--graph", "--json").out


def test_decorations_name_annotated_tags_too(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    jiaozi("tag", "-a", "v1", "-m", "first", "dev")
    assert "(dev, tag: v1)" in jiaozi("log", "--oneline", "dev").out
    assert "(HEAD -> main)" in jiaozi("log", "--oneline").out
    assert "(" not in jiaozi("log", "--oneline", "--decorate=false", "--all").out
    assert told(jiaozi, "v1", "-n1") == ["three\n\nthe BODY"]


def test_files_behind_revisions_need_no_dashes(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(jiaozi, "a") == told(jiaozi, "--", "a") == ["two", "one"]
    assert told(jiaozi, "--follow", "d/new") == ["four", "one"]
    assert told(jiaozi, "HEAD~1", "a") == ["two", "one"]
    assert told(jiaozi, "dev", "^HEAD~2", "a", "d") == ["two"]
    monkeypatch.chdir(repo / "d")
    assert told(jiaozi, "new") == told(jiaozi, ".") == ["four"]
    monkeypatch.chdir(repo)
    (repo / "dev").write_text("called like the branch\n")
    assert "'dev' is a revision and a file" in jiaozi("log", "dev", code=2).err
    assert told(jiaozi, "--", "dev") == []
    assert "'main' stands behind a path and is no file" in jiaozi("log", "a", "main", code=2).err
    assert "unknown revision 'gone'" in jiaozi("log", "gone", code=3).err
    assert jiaozi("diff", "HEAD~2", "a", "--name-status").out == "M\ta\n"


def test_the_cache_may_go_or_break_at_any_time(jiaozi: Run, repo: Path) -> None:
    cache = repo / ".jiaozi" / history_cache.NAME

    def a_page_is_spoilt() -> None:
        cache.write_bytes(cache.read_bytes()[:4096] + os.urandom(4096))

    def a_directory_is_in_its_place() -> None:
        cache.unlink()
        cache.mkdir()

    for spoil in (
        lambda: None,
        cache.unlink,
        lambda: cache.write_bytes(b"not a database" * 100),
        a_page_is_spoilt,
        a_directory_is_in_its_place,
    ):
        spoil()
        assert told(jiaozi, "--", "a") == ["two", "one"]
        assert told(jiaozi, "--", "a") == ["two", "one"]
    assert "history.db" not in jiaozi("status").out


def test_a_graph_of_nothing_and_of_a_gap(jiaozi: Run, place: Path) -> None:
    jiaozi("init")
    assert "no commits yet" in jiaozi("log", "--graph", code=3).err
    assert told(jiaozi, "--all") == []
    (place / "a").write_text("1\n")
    commit(jiaozi, "one")
    commit(jiaozi, "two")
    value = json.loads(jiaozi("ipfs", "dag", "get", told_commit(jiaozi)).out)
    gone = str(Block.of(b"\xa0", DAG_CBOR).cid)
    (place / "block").write_text(json.dumps({**value, "parents": [{"/": gone}]}))
    child = jiaozi("ipfs", "dag", "put", place / "block").out.strip()
    for words in ([], ["--graph"], ["--oneline", "--graph"]):
        ran = jiaozi("log", *words, child)
        assert f"commit {gone} is not here; 'jiaozi ipfs dag import FILE.car'" in ran.out
        assert "two" in ran.out
    assert "two" in jiaozi("log", "--graph", child, "--", "a").out
    (place / "block").write_text(
        json.dumps({**value, "generation": 3, "parents": [{"/": child}], "message": "three"})
    )
    above = jiaozi("ipfs", "dag", "put", place / "block").out.strip()
    assert told(jiaozi, above, "--", "never") == ["missing"]
    assert "two" in jiaozi("log", "--graph", above, "--", "a").out
    assert told(jiaozi, child, "--", "a") == ["two", "missing"]
    assert told(jiaozi, child, "--", "a") == ["two", "missing"]
    assert (
        f"commit {gone}, parent of {child}, is not here" in jiaozi("show", f"{child}~", code=3).err
    )
