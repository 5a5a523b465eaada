"""Revisions as a person types them: what was, where one came from, and slips of the finger."""

import json
import os
import time
from pathlib import Path

import pytest

from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR
from tests.commands.conftest import Run


def tip(jiaozi: Run, revision: str) -> str:
    made: str = json.loads(jiaozi("log", "-n1", "--json", revision).out)["commit"]
    return made


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """main has `first` and `second`, dev `first` and `other`; HEAD is on main."""
    jiaozi("init")
    for text in ("first", "second"):
        (place / "a").write_text(f"{text}\n")
        jiaozi("add", ".")
        jiaozi("commit", "-m", text, "--author", "A")
    jiaozi("switch", "-c", "dev", "HEAD~")
    (place / "a").write_text("other\n")
    jiaozi("commit", "-a", "-m", "other", "--author", "A")
    jiaozi("switch", "main")
    return place


def test_a_name_is_read_as_it_stood_before(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert jiaozi("cat", "main@{1}:a").out == "first\n"
    assert jiaozi("cat", "@{1}:a").out == "first\n"
    assert jiaozi("cat", "HEAD@{1}:a").out == "other\n"
    assert jiaozi("cat", "@{-1}:a").out == "other\n"
    assert jiaozi("cat", "@{now}:a").out == "second\n"
    assert jiaozi("cat", f"main@{{@{int(time.time())}}}~1:a").out == "first\n"
    jiaozi("reset", "--hard", "HEAD~")
    assert jiaozi("cat", "main@{1}:a").out == "second\n"
    jiaozi("branch", "-D", "dev")
    jiaozi("branch", "again", "dev@{1}")
    assert jiaozi("cat", "again:a").out == "other\n"


def test_every_line_of_the_reflog_is_a_revision(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    for ref in ("HEAD", "main", "heads/dev"):
        rows = [json.loads(line) for line in jiaozi("reflog", ref, "--json").out.splitlines()]
        assert len(rows) >= 2
        for row in rows:
            assert tip(jiaozi, f"{ref}@{{{row['at']}}}") == row["new"]
        assert jiaozi("reflog", ref, "-n1").out.split(" ")[1] == f"{ref}@{{0}}:"
    assert "negative" in jiaozi("reflog", "-n=-1", code=2).err


def test_what_the_reflog_does_not_tell_is_not_guessed(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert "has 2 moves" in jiaozi("show", "main@{2}", code=3).err
    assert "begins later" in jiaozi("show", "main@{yesterday}", code=3).err
    assert "switched 2 times" in jiaozi("show", "@{-3}", code=3).err
    assert "@1700000000" in jiaozi("show", "main@{soon}", code=2).err
    assert "no remotes" in jiaozi("show", "main@{u}", code=2).err


def test_switch_minus_goes_back(jiaozi: Run, repo: Path) -> None:
    jiaozi("switch", "-")
    assert (repo / "a").read_text() == "other\n"
    assert "on branch main" in jiaozi("switch", "-").out
    assert jiaozi("switch", "@{-1}").out.startswith("on branch dev")
    jiaozi("switch", "--detach", "main")
    jiaozi("switch", "main")
    assert "--detach" in jiaozi("switch", "-", code=3).err
    jiaozi("switch", "--detach", "-")
    assert "HEAD (no branch)" in jiaozi("status").out or "detached" in jiaozi("status").out


def test_a_slip_of_the_finger_is_answered_with_what_was_meant(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert "did you mean 'main'?" in jiaozi("show", "mian", code=3).err
    assert "did you mean 'main'?" in jiaozi("switch", "Main", code=3).err
    assert "did you mean 'dev'?" in jiaozi("branch", "-d", "devv", code=3).err
    assert "did you mean 'main'?" in jiaozi("reflog", "maim", code=3).err
    assert "did you mean" not in jiaozi("show", "quite-something-else", code=3).err


def test_diff_reads_ranges_as_git_does(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    both = jiaozi("diff", "main..dev").out
    assert "-second" in both
    assert "+other" in both
    assert "-first" in jiaozi("diff", "main...dev").out
    assert jiaozi("diff", "...dev").out == jiaozi("diff", "main...dev").out
    assert "compares two versions" in jiaozi("diff", "^main", "dev", code=2).err
    assert "one side" in jiaozi("diff", "..", code=2).err
    jiaozi("init", "--name", "elsewhere", os.path.join(repo, "sub"))


def test_a_block_that_breaks_the_schema_is_named_with_its_field(jiaozi: Run, repo: Path) -> None:
    value = json.loads(jiaozi("ipfs", "dag", "get", tip(jiaozi, "HEAD")).out)
    for change, code, said in (
        ({"time": -(2**40) * 64}, 2, "time must lie in"),
        ({"v": 9}, 5, "of version 9; this jiaozi reads version 1: it is kept and served"),
        ({"parents": None}, 2, "parents must be a list"),
    ):
        (repo / "block").write_text(json.dumps({**value, **change}))
        cid = jiaozi("ipfs", "dag", "put", repo / "block").out.strip()
        for words in (("show", cid), ("log", cid), ("switch", "--detach", cid)):
            ran = jiaozi(*words, code=code)
            assert said in ran.err
            assert cid in ran.err
            assert ran.err.count("\n") == 1
    missing = Block.of(dag_cbor.encode("nobody has it"), DAG_CBOR).cid
    (repo / "block").write_text(json.dumps({**value, "parents": [{"/": str(missing)}]}))
    cid = jiaozi("ipfs", "dag", "put", repo / "block").out.strip()
    ran = jiaozi("show", f"{cid}~", code=3)
    assert f"commit {missing}, parent of {cid}, is not here" in ran.err
    assert "jiaozi ipfs dag import FILE.car" in ran.err
