"""``verify`` as a person meets it: what it says, and how it exits."""

import json
from pathlib import Path
from typing import Any

import pytest

from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.repository import Repository
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.refname import RefName
from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """Two signed versions and a signed tag of the first."""
    jiaozi("init")
    (place / "d").mkdir()
    (place / "d" / "a").write_text("one\n")
    (place / "b").write_text("b\n")
    jiaozi("add", ".")
    jiaozi("commit", "-S", "-m", "first", "--author", "A")
    jiaozi("tag", "-s", "v1", "-m", "the first")
    (place / "d" / "a").write_text("two\n")
    jiaozi("commit", "-S", "-a", "-m", "second", "--author", "A")
    return place


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def commit(jiaozi: Run, revision: str = "HEAD") -> str:
    return str(json.loads(jiaozi("log", "-n1", "--json", revision).out)["commit"])


def drop(repo: Path, cid: str) -> None:
    """Take a block out of the store, as no command does that a name leads to."""
    home = LocalHome.open(repo.parent / "home")
    assert home.blocks.drop([Cid.parse(cid)]) == 1
    home.close()


def test_all_is_well_and_counted(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    out = jiaozi("verify").out
    assert out == "verified 2 commits, 6 blocks of 845 bytes, 2 signatures: all is well\n"
    (row,) = rows(jiaozi("verify", "v1", "--deep", "--json").out)
    assert (row["tags"], row["commits"], row["signatures"], row["findings"]) == (1, 1, 2, 0)


def test_what_is_missing_is_named_by_a_path_that_leads_there(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    lost = json.loads(jiaozi("stat", "HEAD:d/a", "--json").out)["cid"]
    old = json.loads(jiaozi("stat", "v1:d/a", "--json").out)["cid"]
    drop(repo, old)
    jiaozi("verify")
    found, last = rows(jiaozi("verify", "--deep", "--json", code=1).out)
    assert found["link"] == f"{commit(jiaozi, 'v1')}/tree/d/a"
    assert (found["cid"], found["kind"], last["missing"]) == (old, "missing", 1)
    drop(repo, lost)
    lines = jiaozi("verify", code=1).out.splitlines()
    assert lines[0] == f"missing: {commit(jiaozi)}/tree/d/a: block {lost} is not here"
    assert lines[1].endswith("1 finding, of them 1 not here")


def test_bytes_that_rotted_in_the_store_are_told_apart(jiaozi: Run, repo: Path) -> None:
    (segment,) = (repo.parent / "home" / "segments").glob("own-*")
    data = segment.read_bytes()
    assert data.count(b"two\n") == 1
    segment.write_bytes(data.replace(b"two\n", b"tw0\n"))
    (found, _last) = rows(jiaozi("verify", "--json", code=6).out)
    assert (found["kind"], found["link"]) == ("damaged", f"{commit(jiaozi)}/tree/d/a")
    jiaozi("verify", "v1")


def test_a_field_changed_after_signing_is_told_with_the_key(jiaozi: Run, repo: Path) -> None:
    block = json.loads(jiaozi("ipfs", "dag", "get", commit(jiaozi)).out)
    key = block["sig"][0]["key"]
    block["message"] = "something else"
    (repo.parent / "forged.json").write_text(json.dumps(block))
    forged = jiaozi("ipfs", "dag", "put", repo.parent / "forged.json").out.strip()
    (found, _last) = rows(jiaozi("verify", forged, "--json", code=1).out)
    assert (found["kind"], found["link"]) == ("signature", f"{forged}/sig")
    assert key in found["what"]
    jiaozi("reset", "--soft", forged)
    assert f"Signed: BAD signature by {key}" in jiaozi("log", "-n1", "--show-signature").out


def test_whom_one_trusts_is_said_on_the_line_or_in_the_config(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    own = rows(jiaozi("key", "--json").out)[0]["did"]
    jiaozi("key", "other")
    jiaozi("verify", "v1", "--trust", own)
    jiaozi("verify", "v1", "--trust", "self", "--trust", "other")
    found = rows(jiaozi("verify", "v1", "--trust", "other", "--json", code=1).out)
    assert {row["kind"] for row in found[:-1]} == {"foreign"}
    assert all(own in row["what"] for row in found[:-1])
    jiaozi("ipfs", "config", "--json", "trust.keys", '["other"]')
    assert "not trusted" in jiaozi("verify", code=1).out
    jiaozi("verify", "--trust", "self")
    jiaozi("commit", "--allow-empty", "-m", "unsigned", "--author", "A")
    assert "unsigned: " in jiaozi("verify", "--trust", "self", code=1).out


def test_a_tag_block_under_another_name_is_told(jiaozi: Run, repo: Path) -> None:
    target = rows(jiaozi("tag", "--json").out)[0]["target"]
    jiaozi("verify", target)
    jiaozi("tag", "v2", target)  # a light tag on its commit
    jiaozi("verify", "v2")
    home = LocalHome.open(repo.parent / "home")
    refs = Repository.at(home, repo).refs
    refs.cas(RefName.tag("v9"), None, Cid.parse(target), Note("A", "moved by hand", 0))
    home.close()
    assert "calls itself 'v1'" in jiaozi("verify", "v9", code=1).out


def test_what_came_in_a_car_file_needs_no_working_copy(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = commit(jiaozi)
    (repo.parent / "x.car").write_bytes(jiaozi("ipfs", "dag", "export", tip).raw)
    monkeypatch.setenv("JIAOZI_PATH", str(repo.parent / "elsewhere"))
    monkeypatch.chdir(repo.parent)
    jiaozi("ipfs", "init")
    assert "not here" in jiaozi("verify", tip, code=1).out
    jiaozi("ipfs", "dag", "import", repo.parent / "x.car")
    jiaozi("verify", tip, "--deep")
    tree = json.loads(jiaozi("ipfs", "dag", "get", tip).out)["tree"]["/"]
    jiaozi("verify", tree)
    assert "not in a working copy" in jiaozi("verify", code=3).err


def test_what_is_no_version_is_refused(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    raw = json.loads(jiaozi("stat", "HEAD:b", "--json").out)["cid"]
    assert "no commit" in jiaozi("verify", raw, code=2).err
    assert "unknown revision" in jiaozi("verify", "nope", code=3).err
    assert "z6Mk0" in jiaozi("verify", "--trust", "did:key:z6Mk0", code=2).err
    assert "'nope'" in jiaozi("verify", "--trust", "nope", code=3).err
