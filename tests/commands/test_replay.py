"""Cherry-pick and revert: one commit, several, in dispute, gone on with, given up."""

import json
from pathlib import Path

import pytest

from jiaozi_node.node import replaying
from tests.commands.conftest import Run
from tests.commands.test_merge import commit, parents, tip, value
from tests.commands.test_switch import held

LINES = "a\nb\nc\nd\ne\nf\ng\n"


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """*topic* has three commits: f's a changed, g new, f's g changed; *main* is where it began."""
    jiaozi("init")
    (place / "f").write_text(LINES)
    commit(jiaozi, "first")
    jiaozi("switch", "-c", "topic")
    (place / "f").write_text(LINES.replace("a\n", "A\n"))
    commit(jiaozi, "one")
    (place / "g").write_text("g\n")
    jiaozi("add", ".")
    jiaozi(
        "commit", "-m", "two", "--author", "Bea <b@x.org>", "--date", "@1000", "--meta", "k=v"
    )  # fmt: skip
    (place / "f").write_text(LINES.replace("a\n", "A\n").replace("g\n", "G\n"))
    commit(jiaozi, "three")
    jiaozi("switch", "main")
    return place


def subjects(jiaozi: Run, count: int) -> list[str]:
    rows = jiaozi("log", f"-n{count}", "--first-parent", "--json").out.splitlines()
    return [json.loads(row)["message"].splitlines()[0] for row in rows]


def test_a_picked_commit_keeps_its_author_time_and_meta(jiaozi: Run, repo: Path) -> None:
    before = tip(jiaozi, "HEAD")
    told = value(jiaozi, "cherry-pick", "topic~1")
    assert (told["kind"], told["files"]) == ("replayed", 1)
    assert held(repo) == {"f": LINES, "g": "g\n"}
    made = json.loads(jiaozi("log", "-n1", "--json").out)
    assert made["commit"] == told["commits"][0]
    assert made["author"] == {"name": "Bea", "email": "b@x.org"}
    assert (made["authored"], made["message"], made["meta"]) == (1000, "two", {"k": "v"})
    assert made["committer"] == {"name": "tester"}
    assert parents(jiaozi) == [before]
    assert "cherry-pick: two" in jiaozi("reflog").out.splitlines()[0]
    assert jiaozi("status", "-s").out == ""


def test_several_are_picked_in_order_and_reverted(jiaozi: Run, repo: Path) -> None:
    told = value(jiaozi, "cherry-pick", "topic~2", "topic~1", "topic")
    assert len(told["commits"]) == 3
    assert subjects(jiaozi, 4) == ["three", "two", "one", "first"]
    assert (repo / "f").read_text() == LINES.replace("a\n", "A\n").replace("g\n", "G\n")
    two = tip(jiaozi, "HEAD~1")
    jiaozi("revert", "HEAD~1", "HEAD~2")
    assert held(repo) == {"f": LINES.replace("g\n", "G\n")}
    assert subjects(jiaozi, 2) == ['Revert "one"', 'Revert "two"']
    assert f"This reverts commit {two}." in jiaozi("log", "-n1", "HEAD~1").out
    assert json.loads(jiaozi("log", "-n1", "--json").out)["author"] == {"name": "tester"}
    assert jiaozi("status", "-s").out == ""


def test_the_first_commit_of_all_can_be_picked_and_reverted(jiaozi: Run, repo: Path) -> None:
    jiaozi("revert", "main")
    assert held(repo) == {}
    jiaozi("cherry-pick", "topic~3")
    assert held(repo) == {"f": LINES}


@pytest.fixture
def stopped(jiaozi: Run, repo: Path) -> Path:
    """Of a series of three the second left a dispute, at g."""
    (repo / "g").write_text("main's g\n")
    commit(jiaozi, "on main")
    told = value(jiaozi, "cherry-pick", "topic~2", "topic~1", "topic", code=1)
    assert told["at"] == tip(jiaozi, "topic~1")
    assert len(told["commits"]) == 1
    assert [(one["path"], one["kind"]) for one in told["conflicts"]] == [("g", "both-added")]
    return repo


def test_a_series_stops_at_a_dispute_and_goes_on(jiaozi: Run, stopped: Path) -> None:
    assert subjects(jiaozi, 2) == ["one", "on main"]
    assert (stopped / "f").read_text() == LINES.replace("a\n", "A\n")
    assert "<<<<<<< HEAD\nmain's g\n=======\ng\n>>>>>>> " in (stopped / "g").read_text()
    assert jiaozi("status", "-s").out == "AA g\n"
    assert "1 more commit to go" in jiaozi("status").out
    assert "CONFLICT" in jiaozi("cherry-pick", "--continue", code=1).out
    (stopped / "g").write_text("settled\n")
    jiaozi("add", "g")
    assert len(value(jiaozi, "cherry-pick", "--continue")["commits"]) == 2
    assert subjects(jiaozi, 4) == ["three", "two", "one", "on main"]
    made = json.loads(jiaozi("log", "-n1", "HEAD~1", "--json").out)
    assert (made["author"]["name"], made["authored"], made["meta"]) == ("Bea", 1000, {"k": "v"})
    assert (stopped / "g").read_text() == "settled\n"
    assert "no cherry-pick is under way" in jiaozi("cherry-pick", "--continue", code=1).err


def test_a_plain_commit_ends_one_and_the_rest_waits(jiaozi: Run, stopped: Path) -> None:
    jiaozi("resolve", "--theirs", "g")
    jiaozi("commit", "-m", "two, settled")
    assert json.loads(jiaozi("log", "-n1", "--json").out)["author"]["name"] == "Bea"
    assert "1 more commit to go" in jiaozi("status").out
    assert "a cherry-pick is under way" in jiaozi("merge", "topic", code=5).err
    jiaozi("cherry-pick", "--continue")
    assert subjects(jiaozi, 3) == ["three", "two, settled", "one"]
    assert (stopped / "g").read_text() == "g\n"


def test_one_is_skipped(jiaozi: Run, stopped: Path) -> None:
    (stopped / "g").write_text("half done\n")
    jiaozi("cherry-pick", "--skip")
    assert subjects(jiaozi, 3) == ["three", "one", "on main"]
    assert (stopped / "g").read_text() == "main's g\n"
    assert jiaozi("status", "-s").out == ""


def test_what_settles_to_nothing_is_skipped(jiaozi: Run, stopped: Path) -> None:
    jiaozi("resolve", "--ours", "g")
    assert "--skip" in jiaozi("cherry-pick", "--continue", code=1).err
    assert "--allow-empty" in jiaozi("commit", "-m", "x", code=1).err
    jiaozi("cherry-pick", "--skip")
    assert subjects(jiaozi, 2) == ["three", "one"]
    assert stopped.exists()


def test_what_changes_nothing_further_on_is_skipped(jiaozi: Run, repo: Path) -> None:
    (repo / "g").write_text("main's g\n")
    commit(jiaozi, "on main")
    jiaozi("cherry-pick", "topic~1", "topic~2", "topic~2", "topic", code=1)
    jiaozi("resolve", "--theirs", "g")
    said = jiaozi("cherry-pick", "--continue", code=1).err
    assert tip(jiaozi, "topic~2") in said
    assert "--skip" in said
    assert "3 more commits to go" in jiaozi("status").out
    (repo / "own").write_text("own\n")
    commit(jiaozi, "my own")
    jiaozi("cherry-pick", "--skip")
    assert subjects(jiaozi, 4) == ["three", "one", "my own", "two"]
    assert "under way" not in jiaozi("status").out


def test_given_up_the_whole_series_is_taken_back(jiaozi: Run, stopped: Path) -> None:
    (stopped / "mine").write_text("untracked\n")
    jiaozi("cherry-pick", "--abort")
    assert held(stopped) == {"f": LINES, "g": "main's g\n", "mine": "untracked\n"}
    assert subjects(jiaozi, 1) == ["on main"]
    assert jiaozi("status", "-s").out == "?? mine\n"


def test_a_commit_made_in_between_is_not_taken_back(jiaozi: Run, stopped: Path) -> None:
    jiaozi("resolve", "--theirs", "g")
    jiaozi("commit", "-m", "two")
    (stopped / "own").write_text("own\n")
    own = commit(jiaozi, "my own")
    jiaozi("cherry-pick", "--abort")
    assert tip(jiaozi, "HEAD") == own
    assert "is under way" not in jiaozi("status").out
    assert (stopped / "own").read_text() == "own\n"


def test_a_revert_in_dispute(jiaozi: Run, repo: Path) -> None:
    jiaozi("merge", "topic")
    (repo / "g").write_text("edited\n")
    commit(jiaozi, "edited")
    told = value(jiaozi, "revert", "topic~1", code=1)
    assert [(one["path"], one["kind"]) for one in told["conflicts"]] == [("g", "modify-delete")]
    assert jiaozi("status", "-s").out == "UD g\n"
    jiaozi("resolve", "--theirs", "g")
    assert not (repo / "g").exists()
    jiaozi("revert", "--continue")
    assert subjects(jiaozi, 1) == ['Revert "two"']


def test_of_a_merge_the_parent_that_counts_is_named(jiaozi: Run, repo: Path) -> None:
    (repo / "h").write_text("h\n")
    ours = commit(jiaozi, "on main")
    jiaozi("merge", "topic")
    assert "is a merge" in jiaozi("revert", "HEAD", code=2).err
    assert "no parent 3" in jiaozi("revert", "-m", "3", "HEAD", code=2).err
    merged = tip(jiaozi, "HEAD")
    jiaozi("revert", "-m", "1", "HEAD")
    assert held(repo) == {"f": LINES, "h": "h\n"}
    assert f"{merged}, reversing\n    changes made to {ours}." in jiaozi("log", "-n1").out
    jiaozi("cherry-pick", "-m", "1", merged)
    assert (repo / "g").read_text() == "g\n"


def test_what_would_change_nothing_is_refused(jiaozi: Run, repo: Path) -> None:
    before = tip(jiaozi, "HEAD")
    assert "change nothing" in jiaozi("cherry-pick", "topic~2", "topic~2", code=1).err
    assert tip(jiaozi, "HEAD") == before
    assert held(repo) == {"f": LINES}
    assert jiaozi("status", "-s").out == ""


def test_unsaved_and_staged_work_stops_it(jiaozi: Run, repo: Path) -> None:
    (repo / "f").write_text("unsaved\n")
    assert "f" in jiaozi("cherry-pick", "topic", code=5).err
    jiaozi("add", "f")
    assert "staged in f" in jiaozi("cherry-pick", "topic", code=5).err
    assert held(repo) == {"f": "unsaved\n"}


def test_words_that_do_not_go_together(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    for words, said in (
        ((), "say which commits"),
        (("--continue", "--abort"), "write revert"),
        (("--skip", "HEAD"), "write revert"),
    ):
        assert said in jiaozi("revert", *words, code=2).err
    assert "nowhere" in jiaozi("cherry-pick", "nowhere", code=3).err
    assert "no cherry-pick is under way" in jiaozi("cherry-pick", "--skip", code=1).err


def test_a_series_has_a_limit(jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert repo.exists()
    monkeypatch.setattr(replaying, "MAX_SERIES", 2)
    said = jiaozi("cherry-pick", "topic", "topic", "topic", code=2).err
    assert "3 commits, over the limit of 2" in said
