"""What was likely meant: near names of commands and paths, and how to go to what is no branch."""

from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.commands.test_merge import commit, tip


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init")
    (place / "measured").mkdir()
    (place / "measured" / "penguins.csv").write_text("id\n")
    (place / "readme").write_text("r\n")
    commit(jiaozi, "first")
    jiaozi("tag", "v1")
    return place


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("comit", "; did you mean commit?"),
        ("SWITCH", "; did you mean switch"),
        ("cherrypick", "; did you mean cherry-pick"),
        ("xyzzy", ""),
        ("c" * 100, ""),
    ],
)
def test_a_mistyped_command_is_answered_with_those_like_it(
    jiaozi: Run, place: Path, word: str, meant: str
) -> None:
    assert place.exists()
    ran = jiaozi(word, code=2)
    assert ran.err.startswith(f'jiaozi: Unknown Command "{word}"{meant}')
    assert ran.err.count("\n") == 1
    assert jiaozi("ipfs", "ad", code=1).err == 'Error: Unknown Command "ad"\n'  # as Kubo has it


def test_a_mistyped_path_is_answered_with_names_of_that_directory(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    for words in (["cat"], ["ls"], ["show"], ["diff", "HEAD"], ["stat"]):
        ran = jiaozi(*words, "HEAD:measured/penguin.csv", code=3)
        assert "; did you mean 'measured/penguins.csv'?" in ran.err
        assert ran.err.count("\n") == 1
    assert "did you mean 'measured'?" in jiaozi("cat", "v1:mesured/penguins.csv", code=3).err
    assert "did you mean" not in jiaozi("cat", "HEAD:readme/x", code=3).err
    assert "did you mean" not in jiaozi("cat", "HEAD:nothing/like/it", code=3).err


def test_what_is_no_branch_is_gone_to_detached(jiaozi: Run, repo: Path) -> None:
    head = tip(jiaozi, "HEAD")
    (repo / "readme").write_text("second\n")
    commit(jiaozi, "second")
    for text, what in (
        ("v1", f"a tag of commit {head}"), ("HEAD~1", f"commit {head}"), (head, f"commit {head}"),
    ):  # fmt: skip
        ran = jiaozi("switch", text, code=3)
        hint = f"'jiaozi switch --detach {text}' goes there"
        assert ran.err == f"jiaozi: {text!r} is {what} and no branch; {hint}\n"
    assert "did you mean 'main'?" in jiaozi("switch", "mian", code=3).err
    assert jiaozi("switch", "a..b", code=2).err.count("\n") == 1
    jiaozi("switch", "--detach", "v1")
    assert tip(jiaozi, "HEAD") == head
