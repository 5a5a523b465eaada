"""A history under another profile: taken in, merged, and taken in again as it goes on."""

import json
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.commands.test_bad_input import refuses, state
from tests.commands.test_merge import commit, parents, tip, value

V0, V1 = "unixfs-v0-2015", "unixfs-v1-2025"


@pytest.fixture
def vendor(jiaozi: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Commits of another repository, made under another profile; here is one of our own."""
    other = place.parent / "vendor"
    jiaozi("init", "--name", "ours", "--profile", V1)
    jiaozi("ipfs", "config", "user.name", "A")
    (place / "own").write_text("own\n")
    commit(jiaozi, "our own")
    monkeypatch.chdir(place.parent)
    jiaozi("init", "vendor", "--profile", V0)
    monkeypatch.chdir(other)
    (other / "data").mkdir()
    for name in ("a", "b", "c"):
        (other / "data" / name).write_text(f"{name}\n" * 3)
    (other / "data" / "link").symlink_to("a")
    made = [commit(jiaozi, "theirs 1")]
    (other / "data" / "a").write_text("a, better\n")
    (other / "data" / "new").write_text("new\n")
    made.append(commit(jiaozi, "theirs 2"))
    monkeypatch.chdir(place)
    return made


def test_a_merge_of_unlike_profiles_names_the_command(
    jiaozi: Run, place: Path, vendor: list[str]
) -> None:
    for words in (["merge"], ["merge", "--dry-run"], ["cherry-pick"]):
        told = jiaozi(*words, vendor[0], code=5).err
        assert told == (
            f"jiaozi: ours is made under profile {V1}, theirs under {V0}: can't merge;"
            " 'jiaozi convert REV BRANCH' makes a branch that can\n"
        )
    assert (place / "own").exists()


def test_a_version_is_converted_and_merged(jiaozi: Run, place: Path, vendor: list[str]) -> None:
    told = value(jiaozi, "convert", vendor[0], "vendor")
    assert told["from"] == {"commit": vendor[0], "profile": V0}
    assert (told["profile"], told["branch"]) == (V1, "vendor")
    assert tip(jiaozi, "vendor") == told["commit"]
    assert parents(jiaozi, "vendor") == [vendor[0]]
    made = json.loads(jiaozi("log", "-n1", "vendor", "--json").out)
    assert (made["profile"], made["message"].splitlines()[0]) == (V1, f"Convert to {V1}")
    assert (made["author"]["name"], made["stats"]["files"]) == ("A", 4)
    jiaozi("switch", "vendor")
    assert (place / "data" / "link").readlink() == Path("a")
    assert jiaozi("status", "-s").out == ""
    fresh = jiaozi("ipfs", "add", "-rnQ", "--cid-version=1", "--chunker=size-1048576", "data")
    assert fresh.out.strip() == value(jiaozi, "stat", "HEAD:data")["cid"]
    jiaozi("switch", "main")
    assert value(jiaozi, "merge", "vendor")["kind"] == "merged"
    assert sorted(path.name for path in place.iterdir()) == [".jiaozi", "data", "own"]
    assert jiaozi("status", "-s").out == ""


def test_the_other_history_goes_on_and_so_do_we(
    jiaozi: Run, place: Path, vendor: list[str]
) -> None:
    jiaozi("convert", vendor[0], "one")
    jiaozi("merge", "one")
    (place / "data" / "b").write_text("b, as we like it\n")
    (place / "data" / "c").unlink()
    commit(jiaozi, "our changes")
    jiaozi("convert", vendor[1], "two", "-m", "The second release")
    assert "The second release" in jiaozi("log", "-n1", "two").out
    before = state(place)
    told = value(jiaozi, "merge", "--dry-run", "two")
    assert state(place) == before  # the base was converted for nobody to keep
    assert told["kind"] == "merged"
    merged = value(jiaozi, "merge", "two")
    assert (merged["kind"], merged["tree"]) == ("merged", told["tree"])
    data = {path.name: path.read_text() for path in (place / "data").iterdir()}
    assert data == {
        "a": "a, better\n", "b": "b, as we like it\n", "link": "a, better\n", "new": "new\n",
    }  # fmt: skip
    assert jiaozi("merge", "two").out == "already up to date\n"
    assert jiaozi("verify", "HEAD").code == 0


def test_what_can_not_be_converted_changes_nothing(
    jiaozi: Run, place: Path, vendor: list[str]
) -> None:
    jiaozi("branch", "taken")
    for revision, branch, told, code in (
        ("HEAD", "new", f"is made under {V1}, as this repository is", 1),
        (vendor[0], "taken", "there is a branch 'taken' already", 1),
        (vendor[0], "a..b", "a..b", 2),
        ("nowhere", "new", "unknown revision 'nowhere'", 3),
    ):
        refuses(jiaozi, place, "convert", revision, branch, told=told, code=code)
    refuses(jiaozi, place, "convert", vendor[0], "new", "-m", "\0", told="message must not", code=2)
    assert 'argument "branch" is required' in jiaozi("convert", "HEAD", code=2).err
