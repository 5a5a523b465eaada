"""Hooks around commits that merge, cherry-pick and revert make: asked about, told of, stopped."""

from pathlib import Path

import pytest

import jiaozi_node
from tests.commands.conftest import Run
from tests.commands.test_hooks import JIAOZI, hook
from tests.commands.test_merge import commit, parents, tip, value
from tests.commands.test_replay import subjects

# Refuses a tree that has the file "bad", and writes down each tree that it saw.
PICKY = f'echo "$JIAOZI_TREE" >> ../seen\n! {JIAOZI} cat "$JIAOZI_TREE/bad" 2>/dev/null'
TELLS = 'echo "$JIAOZI_COMMIT $JIAOZI_PARENT" >> ../told'


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """*topic* has three commits with a file each, one of them called "bad"; *main* has another."""
    jiaozi("init")
    (place / "f").write_text("f\n")
    commit(jiaozi, "first")
    jiaozi("switch", "-c", "topic")
    for name in ("one", "bad", "three"):
        (place / name).write_text(f"{name}\n")
        commit(jiaozi, name)
    jiaozi("switch", "main")
    (place / "m").write_text("m\n")
    commit(jiaozi, "on main")
    jiaozi("hooks", "--enable")
    return place


def lines(repo: Path, name: str) -> list[str]:
    path = repo.parent / name
    return path.read_text().splitlines() if path.exists() else []


def trees(jiaozi: Run, *revisions: str) -> list[str]:
    return [value(jiaozi, "log", "-n1", revision)["tree"] for revision in revisions]


def test_a_series_is_asked_about_and_told_of_commit_by_commit(jiaozi: Run, repo: Path) -> None:
    hook(repo, PICKY)
    hook(repo, TELLS, "post-commit")
    told = value(jiaozi, "cherry-pick", "topic~2", "topic")
    assert (told["kind"], len(told["commits"]), told["files"]) == ("replayed", 2, 2)
    assert lines(repo, "seen") == trees(jiaozi, "HEAD~1", "HEAD")
    ids = [tip(jiaozi, f"HEAD~{n}") for n in (2, 1, 0)]
    assert lines(repo, "told") == [f"{ids[1]} {ids[0]}", f"{ids[2]} {ids[1]}"]
    jiaozi("revert", "HEAD")
    assert len(lines(repo, "seen")) == len(lines(repo, "told")) == 3
    assert jiaozi("status", "-s").out == ""


def test_a_refusal_stops_a_series_where_it_is(jiaozi: Run, repo: Path) -> None:
    hook(repo, PICKY)
    series = ("cherry-pick", "topic~2", "topic~1", "topic")
    ran = jiaozi(*series, code=1)
    assert ran.err.endswith(
        "the pre-commit hook ended with exit code 1; nothing was committed: 'jiaozi cherry-pick"
        " --continue' asks again, --skip leaves it out, --abort gives it up\n"
    )
    assert subjects(jiaozi, 2) == ["one", "on main"]
    assert jiaozi("status", "-s").out == "A  bad\n"
    assert jiaozi("cherry-pick", "--continue", code=1).err == ran.err
    jiaozi("cherry-pick", "--skip")
    assert subjects(jiaozi, 3) == ["three", "one", "on main"]
    jiaozi("reset", "--hard", "HEAD~2")

    jiaozi(*series, code=1)
    jiaozi("cherry-pick", "--abort")
    assert subjects(jiaozi, 1) == ["on main"]
    assert jiaozi("status", "-s").out == ""

    jiaozi(*series, code=1)
    jiaozi("mv", "bad", "good")
    jiaozi("cherry-pick", "--continue")
    assert subjects(jiaozi, 3) == ["three", "bad", "one"]
    assert jiaozi("ls", "HEAD").out.split() == ["f", "good", "m", "one", "three"]
    jiaozi("reset", "--hard", "HEAD~3")

    jiaozi(*series, "--no-verify")
    assert subjects(jiaozi, 3) == ["three", "bad", "one"]


def test_a_replay_that_changes_nothing_is_not_asked_about(jiaozi: Run, repo: Path) -> None:
    hook(repo, PICKY)
    assert "would change nothing" in jiaozi("cherry-pick", "main", code=1).err
    assert "no cherry-pick is under way" in jiaozi("cherry-pick", "--abort", code=1).err
    assert lines(repo, "seen") == []


def test_what_the_user_committed_is_not_asked_about_again(jiaozi: Run, repo: Path) -> None:
    (repo / "one").write_text("main's\n")
    commit(jiaozi, "at odds")
    hook(repo, PICKY)
    jiaozi("cherry-pick", "topic~2", "topic", code=1)
    jiaozi("resolve", "--theirs", "one")
    jiaozi("commit", "-m", "settled")
    assert len(lines(repo, "seen")) == 1
    jiaozi("cherry-pick", "--continue")
    assert subjects(jiaozi, 2) == ["three", "settled"]
    assert lines(repo, "seen") == trees(jiaozi, "HEAD~1", "HEAD")


def test_a_merge_is_asked_about_and_told_of(jiaozi: Run, repo: Path) -> None:
    hook(repo, PICKY)
    hook(repo, TELLS, "post-commit")
    before = tip(jiaozi, "HEAD")
    ran = jiaozi("merge", "topic", code=1)
    assert ran.err.endswith("'jiaozi merge --continue' asks again, --abort gives it up\n")
    assert lines(repo, "told") == []
    jiaozi("merge", "--abort")
    assert tip(jiaozi, "HEAD") == before
    assert value(jiaozi, "merge", "topic~2")["kind"] == "merged"
    assert lines(repo, "seen")[-1:] == trees(jiaozi, "HEAD")
    assert lines(repo, "told") == [f"{tip(jiaozi, 'HEAD')} {before}"]
    (repo / ".jiaozi" / "hooks" / "pre-commit").unlink()
    jiaozi("merge", "topic")
    assert len(parents(jiaozi)) == 2
    assert len(lines(repo, "told")) == 2
    jiaozi("switch", "topic")
    jiaozi("merge", "main")  # a fast-forward records nothing
    assert len(lines(repo, "told")) == 2


def test_a_hook_that_may_not_run_is_spoken_of(jiaozi: Run, repo: Path) -> None:
    hook(repo, "exit 1")
    jiaozi("hooks", "--disable")
    for words in (["cherry-pick", "topic"], ["merge", "topic~2"]):
        assert "'jiaozi hooks --enable' allows" in jiaozi(*words).err
    assert jiaozi("revert", "HEAD~1", "--no-verify").err.count("pre-commit") == 0


def test_what_a_hook_calls_runs_no_hooks(jiaozi: Run, repo: Path) -> None:
    hook(repo, "exit 1")
    hook(repo, f"{JIAOZI} cherry-pick topic", "post-commit")
    (repo / "f").write_text("more\n")
    jiaozi("commit", "-a", "-m", "more", "--no-verify", "--author", "A")
    assert subjects(jiaozi, 2) == ["three", "more"]


@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_the_library_asks_too(jiaozi: Run, repo: Path) -> None:
    hook(repo, "exit 1")
    with jiaozi_node.open(repo) as opened:
        with pytest.raises(jiaozi_node.Conflict, match="hook ended with exit code 1"):
            opened.merge("topic")
        opened.abort_merge()
        assert opened.merge("topic", verify=False).kind == "merged"
    assert len(parents(jiaozi)) == 2
