"""Keys listed and made; commits and tags signed with them; what log and show tell of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init", "--name", "birds")
    (place / "a").write_text("one\n")
    jiaozi("add", ".")
    return place


def keys(jiaozi: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in jiaozi("key", "--json").out.splitlines()]


def signatures(jiaozi: Run, *words: str) -> list[dict[str, Any]]:
    out = jiaozi("log", "-n1", "--show-signature", "--json", *words).out
    found = json.loads(out)["signatures"]
    assert isinstance(found, list)
    return found


def test_a_new_home_has_its_own_key_and_that_of_the_repository(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    own, of_repository = keys(jiaozi)
    assert (own["key"], own["default"]) == ("self", True)
    assert (of_repository["repository"], of_repository["default"]) == ("birds", False)
    assert jiaozi("key").out.startswith("* self did:key:z6Mk")


def test_a_key_is_made_once_and_only_under_a_good_name(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert jiaozi("key", "paper").out.startswith("made key paper: did:key:z6Mk")
    before = keys(jiaozi)
    assert "already" in jiaozi("key", "paper", code=1).err
    assert "node's own" in jiaozi("key", "self", code=1).err
    assert "can't be a name" in jiaozi("key", "a b", code=2).err
    assert "one part" in jiaozi("key", "a/b", code=2).err
    assert keys(jiaozi) == before


def test_a_commit_is_signed_with_the_node_key_unless_another_is_named(
    jiaozi: Run, repo: Path
) -> None:
    assert repo.exists()
    jiaozi("key", "paper")
    did = {row["key"]: row["did"] for row in keys(jiaozi)}
    jiaozi("commit", "-Sm", "first", "--author", "A")
    assert signatures(jiaozi) == [{"key": did["self"], "alg": "ed25519", "verdict": "good"}]
    jiaozi("commit", "--allow-empty", "-S=paper", "-m", "x", "--author", "A")
    assert [row["key"] for row in signatures(jiaozi)] == [did["paper"]]
    jiaozi("commit", "--allow-empty", f"--sign={did['paper']}", "-m", "x", "--author", "A")
    assert [row["key"] for row in signatures(jiaozi)] == [did["paper"]]
    jiaozi("ipfs", "config", "user.signingKey", "paper")
    jiaozi("commit", "--allow-empty", "-S", "-m", "x", "--author", "A")
    assert [row["key"] for row in signatures(jiaozi)] == [did["paper"]]
    assert next(row["key"] for row in keys(jiaozi) if row["default"]) == "paper"


def test_a_key_that_is_not_here_is_named_and_nothing_is_committed(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    other = "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"
    assert "'nope'" in jiaozi("commit", "-S=nope", "-m", "x", code=3).err
    assert other in jiaozi("commit", f"-S={other}", "-m", "x", code=3).err
    jiaozi("ipfs", "config", "--json", "user.signingKey", "5")
    assert "user.signingKey" in jiaozi("commit", "-S", "-m", "x", code=2).err
    assert "no commits yet" in jiaozi("log", code=3).err


def test_amending_drops_the_signature_unless_it_is_made_anew(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    jiaozi("commit", "-S", "-m", "first", "--author", "A")
    jiaozi("commit", "--amend", "-m", "better")
    assert signatures(jiaozi) == []
    jiaozi("commit", "--amend", "-S")
    assert [row["verdict"] for row in signatures(jiaozi)] == ["good"]


def test_replaying_a_commit_drops_its_signature(jiaozi: Run, repo: Path) -> None:
    jiaozi("commit", "-m", "first", "--author", "A")
    jiaozi("switch", "-c", "other")
    (repo / "b").write_text("b\n")
    jiaozi("add", ".")
    jiaozi("commit", "-S", "-m", "second", "--author", "A")
    jiaozi("switch", "main")
    jiaozi("commit", "--allow-empty", "-m", "between", "--author", "A")
    jiaozi("cherry-pick", "other")
    assert signatures(jiaozi) == []
    assert len(signatures(jiaozi, "other")) == 1


def test_log_and_show_tell_of_signatures_and_whom_one_does_not_trust(
    jiaozi: Run, repo: Path
) -> None:
    assert repo.exists()
    jiaozi("commit", "-S", "-m", "first", "--author", "A")
    own = keys(jiaozi)[0]["did"]
    line = f"Signed: good signature by {own}"
    assert f"\n{line}\nAuthor: A\n" in jiaozi("log", "--show-signature").out
    assert jiaozi("log", "--oneline", "--show-signature").out.endswith(f" first\n    {line}\n")
    assert "Signed:" not in jiaozi("log").out
    assert f"\n{line}\n" in jiaozi("show").out
    jiaozi("key", "other")
    jiaozi("ipfs", "config", "--json", "trust.keys", '"other"')
    assert "trust.keys" in jiaozi("show", code=2).err
    jiaozi("ipfs", "config", "--json", "trust", "{}")
    jiaozi("ipfs", "config", "--json", "trust.keys", '["other"]')
    assert f"{line}, which is not trusted\n" in jiaozi("show").out
    jiaozi("ipfs", "config", "--json", "trust.keys", f'["other", "{own}"]')
    assert f"{line}\n" in jiaozi("show").out
    for wrong, told in (("[5]", "trust.keys"), ('["did:key:z6Mk0OIl"]', "z6Mk0OIl")):
        jiaozi("ipfs", "config", "--json", "trust.keys", wrong)
        assert told in jiaozi("show", code=2).err


def test_a_signed_tag_needs_a_message_and_a_key(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    jiaozi("commit", "-m", "first", "--author", "A")
    assert "-m" in jiaozi("tag", "-s", "v1", code=2).err
    assert "missing" in jiaozi("tag", "-s", code=2).err
    assert "'nope'" in jiaozi("tag", "-s=nope", "v1", "-m", "x", code=3).err
    assert jiaozi("tag").out == ""
    jiaozi("tag", "-s", "v1", "-m", "the first")
    assert "tag -d NAME" in jiaozi("tag", "-s", "-d", "v1", code=2).err
    target = json.loads(jiaozi("tag", "--json").out)["target"]
    block = json.loads(jiaozi("ipfs", "dag", "get", target).out)
    assert [one["key"] for one in block["sig"]] == [keys(jiaozi)[0]["did"]]
