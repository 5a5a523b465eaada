"""Merging as its user sees it: clean, in dispute, gone on with, given up, tried beforehand."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from jiaozi_node.dag.walk import Get, driven
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, DAG_PB, RAW, Cid
from jiaozi_node.node import merging
from jiaozi_node.worktree.writer import SafeWriter
from tests.commands.conftest import Run
from tests.commands.test_switch import Killed, fill_the_disk, held

TEXT = "1\n2\n3\n4\n5\n6\n7\n8\n"
THEIRS = TEXT.replace("1\n", "one\n")
OURS = TEXT.replace("1\n", "eins\n")
MARKED = TEXT.replace("1\n", "<<<<<<< HEAD\neins\n=======\none\n>>>>>>> topic\n")


def commit(jiaozi: Run, message: str) -> str:
    jiaozi("add", "-A")
    return str(json.loads(jiaozi("commit", "-m", message, "--author", "A", "--json").out)["commit"])


def value(jiaozi: Run, *words: str, code: int = 0) -> dict[str, Any]:
    out = json.loads(jiaozi(*words, "--json", code=code).out)
    assert isinstance(out, dict)
    return out


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """On *topic* text, blob and gone are changed, new is new; *main* is where both began."""
    jiaozi("init")
    (place / "text").write_text(TEXT)
    (place / "blob").write_bytes(b"base\0")
    (place / "gone").write_text("here\n")
    (place / "same").write_text("same\n")
    commit(jiaozi, "first")
    jiaozi("switch", "-c", "topic")
    (place / "text").write_text(THEIRS)
    (place / "blob").write_bytes(b"theirs\0")
    (place / "gone").write_text("changed\n")
    (place / "new").write_text("new\n")
    commit(jiaozi, "on topic")
    jiaozi("switch", "main")
    return place


@pytest.fixture
def disputed(jiaozi: Run, repo: Path) -> Path:
    """As `repo`, with *main* at odds about text, blob and gone."""
    (repo / "text").write_text(OURS)
    (repo / "blob").write_bytes(b"ours\0")
    (repo / "gone").unlink()
    commit(jiaozi, "on main")
    return repo


BEFORE = {"text": OURS, "blob": "ours\0", "same": "same\n"}
DURING = {"text": MARKED, "blob": "ours\0", "same": "same\n", "new": "new\n"}


def parents(jiaozi: Run, revision: str = "HEAD") -> list[str]:
    return list(json.loads(jiaozi("show", revision, "--json").out.splitlines()[0])["parents"])


def tip(jiaozi: Run, revision: str) -> str:
    return str(json.loads(jiaozi("log", "-n1", revision, "--json").out)["commit"])


# ---- without disputes ---------------------------------------------------------------------


def test_nothing_to_do_and_a_fast_forward(jiaozi: Run, repo: Path) -> None:
    assert value(jiaozi, "merge", "main")["kind"] == "up-to-date"
    (repo / "same").write_text("work\n")
    told = value(jiaozi, "merge", "topic", "--ff-only")
    assert (told["kind"], told["commit"], told["files"]) == (
        "fast-forward", tip(jiaozi, "topic"), 4
    )  # fmt: skip
    assert (repo / "text").read_text() == THEIRS
    assert jiaozi("status", "-s").out == " M same\n"  # work elsewhere comes along
    assert "merge topic: fast-forward" in jiaozi("reflog").out.splitlines()[0]
    assert "already" in jiaozi("merge", "topic").out


def test_a_clean_merge_is_committed_with_both_parents(jiaozi: Run, repo: Path) -> None:
    (repo / "text").write_text(TEXT.replace("8\n", "eight\n"))
    ours = commit(jiaozi, "on main")
    (repo / "untracked").write_text("mine\n")
    (repo / "same").write_text("unsaved\n")
    theirs = tip(jiaozi, "topic")
    assert "merged as" in jiaozi("merge", "topic").out
    assert parents(jiaozi) == [ours, theirs]
    assert (repo / "text").read_text() == THEIRS.replace("8\n", "eight\n")
    assert (repo / "new").read_text() == "new\n"
    assert jiaozi("status", "-s").out == " M same\n?? untracked\n"
    assert "Merge branch 'topic'" in jiaozi("log", "-n1").out
    jiaozi("restore", "same")
    (repo / "untracked").unlink()
    assert (
        json.loads(jiaozi("add", ".", "--json").out)["tree"]
        == json.loads(jiaozi("log", "-n1", "--json").out)["tree"]
    )  # the tree that a fresh import makes


def test_a_forward_merge_can_be_given_a_commit_and_a_message(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    main, topic = tip(jiaozi, "main"), tip(jiaozi, "topic")
    told = value(jiaozi, "merge", "--no-ff", "-m", "Topic", "-m", "It is done.", "topic")
    assert told["kind"] == "merged"
    assert parents(jiaozi) == [main, topic]
    assert "Topic\n\n    It is done." in jiaozi("log", "-n1").out
    jiaozi("switch", "-c", "side", "main~1")
    jiaozi("merge", "--no-ff", topic)
    assert f"Merge commit '{topic}' into side" in jiaozi("log", "-n1").out


def test_only_forward_is_refused_where_both_moved(jiaozi: Run, disputed: Path) -> None:
    assert "no fast-forward" in jiaozi("merge", "--ff-only", "topic", code=5).err
    assert held(disputed) == BEFORE
    assert jiaozi("status", "-s").out == ""


def test_a_merge_without_a_commit_waits_for_one(jiaozi: Run, repo: Path) -> None:
    (repo / "same").write_text("on main\n")
    ours, theirs = commit(jiaozi, "on main"), tip(jiaozi, "topic")
    assert value(jiaozi, "merge", "--no-commit", "topic")["kind"] == "not-committed"
    assert tip(jiaozi, "HEAD") == ours
    assert "all is settled" in jiaozi("status").out
    assert jiaozi("status", "-s").out == "M  blob\nM  gone\nA  new\nM  text\n"
    jiaozi("commit", "--author", "A")
    assert parents(jiaozi) == [ours, theirs]
    assert "Merge branch 'topic'" in jiaozi("log", "-n1").out


def test_a_detached_head_moves_on_itself(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    main, topic = tip(jiaozi, "main"), tip(jiaozi, "topic")
    jiaozi("switch", "--detach", "main")
    jiaozi("merge", "topic")
    assert "HEAD detached" in jiaozi("status").out
    assert (tip(jiaozi, "HEAD"), tip(jiaozi, "main")) == (topic, main)


def test_into_a_branch_without_commits(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = tip(jiaozi, "topic")
    fresh = repo.parent / "fresh"
    fresh.mkdir()
    monkeypatch.chdir(fresh)
    jiaozi("init")
    (fresh / "new").write_text("in the way\n")
    assert "new" in jiaozi("merge", topic, code=5).err
    (fresh / "new").unlink()
    assert value(jiaozi, "merge", topic)["kind"] == "fast-forward"
    assert tip(jiaozi, "main") == topic
    assert (fresh / "text").read_text() == THEIRS


def test_unrelated_histories_merge_against_nothing(
    jiaozi: Run, repo: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = place.parent / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    jiaozi("init")
    (other / "else").write_text("else\n")
    theirs = commit(jiaozi, "apart")
    monkeypatch.chdir(repo)
    assert "no commit in common" in jiaozi("merge", theirs).err
    assert (repo / "else").read_text() == "else\n"
    assert (repo / "text").read_text() == TEXT


# ---- in dispute ---------------------------------------------------------------------------


def test_disputes_are_listed_marked_and_nothing_is_committed(jiaozi: Run, disputed: Path) -> None:
    before = tip(jiaozi, "HEAD")
    told = value(jiaozi, "merge", "topic", code=1)
    assert told["kind"] == "in-dispute"
    assert [(one["path"], one["kind"], one["marked"]) for one in told["conflicts"]] == [
        ("blob", "both-modified", False),
        ("gone", "modify-delete", False),
        ("text", "both-modified", True),
    ]
    assert held(disputed) == DURING
    assert tip(jiaozi, "HEAD") == before
    assert jiaozi("status", "--porcelain").out == "UU blob\nDU gone\nA  new\nUU text\n"
    status = value(jiaozi, "status")
    assert [one["change"] for one in status["unmerged"]] == ["UU", "DU", "UU"]
    assert status["under_way"] == {"what": "merge", "to_do": 0}
    assert not status["clean"]
    assert "both changed:    text (both-modified)" in jiaozi("status").out
    assert jiaozi("resolve").out.count("CONFLICT") == 3


def test_what_is_in_dispute_is_never_committed(jiaozi: Run, disputed: Path) -> None:
    jiaozi("merge", "topic", code=1)
    before = tip(jiaozi, "HEAD")
    assert "CONFLICT (modify-delete): gone" in jiaozi("merge", "--continue", code=1).out
    assert value(jiaozi, "merge", "--continue", code=1)["kind"] == "in-dispute"
    for words in (("-m", "x"), ("-a", "-m", "x"), ("--allow-empty", "-m", "x")):
        assert "in dispute: blob, gone, text" in jiaozi("commit", *words, code=1).err
    assert "nothing to amend" in jiaozi("commit", "--amend", "-m", "x", code=1).err
    assert jiaozi("status", "-s").out == "UU blob\nDU gone\nA  new\nUU text\n"
    assert tip(jiaozi, "HEAD") == before
    assert held(disputed) == DURING


@pytest.mark.parametrize("last", [("merge", "--continue"), ("commit", "-m", "mine")])
def test_edited_and_added_as_in_git(jiaozi: Run, disputed: Path, last: tuple[str, ...]) -> None:
    ours, theirs = tip(jiaozi, "HEAD"), tip(jiaozi, "topic")
    jiaozi("merge", "topic", code=1)
    (disputed / "text").write_text("both\n")
    jiaozi("add", "text")
    assert jiaozi("status", "-s").out == "UU blob\nDU gone\nA  new\nM  text\n"
    jiaozi("add", "blob")
    jiaozi("add", "gone")  # it isn't there, and that settles it
    assert jiaozi("status", "-s").out == "A  new\nM  text\n"
    assert jiaozi("resolve").out == ""
    jiaozi(*last)
    assert parents(jiaozi) == [ours, theirs]
    assert held(disputed) == BEFORE | {"text": "both\n", "new": "new\n"}
    assert jiaozi("status", "-s").out == ""
    assert ("mine" if "commit" in last else "Merge branch") in jiaozi("log", "-n1").out
    assert "commit (merge)" in jiaozi("reflog").out.splitlines()[0]
    assert "no merge is under way" in jiaozi("merge", "--continue", code=1).err


def test_all_below_a_directory_is_settled_by_adding_it(jiaozi: Run, disputed: Path) -> None:
    jiaozi("merge", "topic", code=1)
    jiaozi("add", "-n", ".")
    assert len(value(jiaozi, "status")["unmerged"]) == 3  # a dry run settles nothing
    jiaozi("add", ".")
    assert jiaozi("status", "-s").out == "A  new\nM  text\n"
    assert (disputed / "text").read_text() == MARKED


def test_resolve_takes_a_side_or_a_file(jiaozi: Run, disputed: Path, tmp_path: Path) -> None:
    jiaozi("merge", "topic", code=1)
    (disputed / "text").write_text("half done\n")
    assert "2 still in dispute" in jiaozi("resolve", "--theirs", "gone").out
    assert (disputed / "gone").read_text() == "changed\n"
    jiaozi("resolve", "--ours", "text")
    assert (disputed / "text").read_text() == OURS
    (tmp_path / "third").write_bytes(b"third\0")
    assert "nothing is in dispute" in jiaozi("resolve", "--file", tmp_path / "third", "blob").out
    assert jiaozi("status", "-s").out == "M  blob\nA  gone\nA  new\n"
    jiaozi("resolve", "--theirs", "blob")  # thought better of it
    jiaozi("merge", "--continue")
    assert held(disputed) == {
        "text": OURS, "blob": "theirs\0", "gone": "changed\n", "new": "new\n", "same": "same\n"
    }  # fmt: skip
    assert jiaozi("status", "-s").out == ""


def test_resolve_says_what_it_cannot_do(jiaozi: Run, disputed: Path) -> None:
    assert "nothing there is in dispute" in jiaozi("resolve", "--ours", "text", code=3).err
    jiaozi("merge", "topic", code=1)
    assert "say how" in jiaozi("resolve", "text", code=2).err
    assert "only one of" in jiaozi("resolve", "--ours", "--theirs", "text", code=2).err
    assert "of which paths" in jiaozi("resolve", "--ours", code=2).err
    assert "one path" in jiaozi("resolve", "--file", "same", "text", "blob", code=2).err
    assert "same: nothing there" in jiaozi("resolve", "--ours", "text", "same", code=3).err
    assert jiaozi("resolve", "--file", "missing", "text", code=None).code != 0
    assert "empty path" in jiaozi("resolve", "--ours", "", code=2).err
    assert held(disputed) == DURING
    assert len(value(jiaozi, "status")["unmerged"]) == 3


def test_given_up_all_is_as_it_was(jiaozi: Run, disputed: Path) -> None:
    (disputed / "same").write_text("unsaved\n")
    (disputed / "mine").write_text("untracked\n")
    before = tip(jiaozi, "HEAD")
    jiaozi("merge", "topic", code=1)
    (disputed / "text").write_text("half done\n")
    jiaozi("resolve", "--theirs", "blob", "gone")
    (disputed / "staged").write_text("staged meanwhile\n")
    jiaozi("add", "staged")
    assert "given up" in jiaozi("merge", "--abort").out
    assert tip(jiaozi, "HEAD") == before
    assert held(disputed) == BEFORE | {
        "same": "unsaved\n", "mine": "untracked\n", "staged": "staged meanwhile\n"
    }  # fmt: skip
    assert jiaozi("status", "-s").out == " M same\n?? mine\n?? staged\n"
    assert "no merge is under way" in jiaozi("merge", "--abort", code=1).err


def test_giving_up_never_drops_an_edit_of_what_was_no_dispute(jiaozi: Run, disputed: Path) -> None:
    jiaozi("merge", "topic", code=1)
    (disputed / "new").write_text("edited since\n")
    assert "new" in jiaozi("merge", "--abort", code=5).err
    assert held(disputed) == DURING | {"new": "edited since\n"}
    assert len(value(jiaozi, "status")["unmerged"]) == 3
    jiaozi("restore", "new")
    jiaozi("merge", "--abort")
    assert held(disputed) == BEFORE


# ---- what may not be ----------------------------------------------------------------------


def test_unsaved_and_staged_work_stops_a_merge(jiaozi: Run, disputed: Path) -> None:
    (disputed / "text").write_text("unsaved\n")
    assert "text" in jiaozi("merge", "topic", code=5).err
    jiaozi("restore", "text")
    (disputed / "new").write_text("untracked, in the way\n")
    assert "new" in jiaozi("merge", "topic", code=5).err
    (disputed / "new").unlink()
    (disputed / "same").write_text("staged\n")
    jiaozi("add", "same")
    assert "changes are staged in same" in jiaozi("merge", "topic", code=5).err
    assert held(disputed) == BEFORE | {"same": "staged\n"}
    assert jiaozi("status", "-s").out == "M  same\n"


def test_in_the_midst_of_a_merge_no_other_and_no_switch(jiaozi: Run, disputed: Path) -> None:
    jiaozi("merge", "topic", code=1)
    for words in (
        ("merge", "topic"), ("switch", "topic"), ("switch", "-c", "x", "topic"), ("revert", "HEAD"),
        ("cherry-pick", "topic"), ("reset", "--soft", "HEAD~1"),
    ):  # fmt: skip
        assert "a merge is under way" in jiaozi(*words, code=5).err
    assert "x" not in jiaozi("branch").out.split()
    assert held(disputed) == DURING
    for words in (("cherry-pick", "--continue"), ("revert", "--abort")):
        assert "is under way here" in jiaozi(*words, code=1).err


@pytest.mark.parametrize("option", ["--hard", "--mixed"])
def test_a_reset_ends_a_merge(jiaozi: Run, disputed: Path, option: str) -> None:
    jiaozi("merge", "topic", code=1)
    jiaozi("reset", option)
    assert "no merge is under way" in jiaozi("merge", "--abort", code=1).err
    assert held(disputed) == (BEFORE if option == "--hard" else DURING)
    assert jiaozi("status", "-s").out == ("" if option == "--hard" else " M text\n?? new\n")


def test_words_that_do_not_go_together(jiaozi: Run, disputed: Path) -> None:
    for words, said in (
        ((), "say which version"),
        (("--ff-only", "--no-ff", "topic"), "only one of"),
        (("--continue", "--abort"), "write merge"),
        (("--continue", "topic"), "write merge"),
        (("--abort", "--no-ff"), "doesn't go with --no-ff"),
        (("--strategy", "recursive", "topic"), "write ours or theirs"),
        (("--into", "main", "topic"), "goes with --dry-run"),
    ):
        assert said in jiaozi("merge", *words, code=2).err
    assert "nowhere" in jiaozi("merge", "nowhere", code=3).err
    assert held(disputed) == BEFORE


def test_unlike_profiles_are_refused_and_what_to_do_is_said(
    jiaozi: Run, repo: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = place.parent / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    jiaozi("init", "--profile", "unixfs-v0-2015")
    (other / "x").write_text("x\n")
    theirs = commit(jiaozi, "apart")
    monkeypatch.chdir(repo)
    for words in (("merge",), ("merge", "-n"), ("cherry-pick",), ("revert",)):
        said = jiaozi(*words, theirs, code=5).err
        assert "unixfs-v1-2025" in said
        assert "unixfs-v0-2015" in said
        assert "jiaozi convert REV BRANCH" in said
    assert jiaozi("status", "-s").out == ""


def test_a_parent_that_is_missing_is_named(jiaozi: Run, disputed: Path, tmp_path: Path) -> None:
    base = tip(jiaozi, "HEAD~1")
    theirs = tip(jiaozi, "topic")
    tree = json.loads(jiaozi("log", "-n1", "topic", "--json").out)["tree"]
    for cid in (theirs, tree):
        block = jiaozi("ipfs", "block", "get", cid).raw
        (tmp_path / cid).write_bytes(block)
    shutil.rmtree(tmp_path / "home")
    shutil.rmtree(disputed / ".jiaozi")
    jiaozi("init")
    commit(jiaozi, "begun anew")
    for cid, codec in ((theirs, "dag-cbor"), (tree, "dag-pb")):
        jiaozi("ipfs", "block", "put", f"--cid-codec={codec}", tmp_path / cid)
    said = jiaozi("merge", theirs, code=3).err
    assert base in said
    assert "dag import" in said
    assert jiaozi("status", "-s").out == ""


def test_a_broken_attributes_file_names_its_line(jiaozi: Run, disputed: Path) -> None:
    (disputed / ".jiaoziattributes").write_text("*.txt merge=text\n*.csv merge=csv\n")
    commit(jiaozi, "rules")
    assert "line 2" in jiaozi("merge", "topic", code=2).err
    assert jiaozi("status", "-s").out == ""


def test_more_disputes_than_are_kept_are_refused(
    jiaozi: Run, disputed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jiaozi_node.versioning import merge_state

    monkeypatch.setattr(merge_state, "MAX_CONFLICTS", 2)
    assert "conflicts is 3 paths, over the limit of 2" in jiaozi("merge", "topic", code=2).err
    assert held(disputed) == BEFORE
    assert jiaozi("status", "-s").out == ""


# ---- one side wins -------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_strategy_decides_every_dispute_for_one_side(
    jiaozi: Run, disputed: Path, side: str
) -> None:
    (disputed / "text").write_text(OURS.replace("8\n", "acht\n"))
    commit(jiaozi, "more")
    assert value(jiaozi, "merge", "-X", side, "topic")["kind"] == "merged"
    kept = OURS if side == "ours" else THEIRS
    expected = {
        "text": kept.replace("8\n", "acht\n"),  # what is no dispute comes from both
        "blob": f"{side}\0",
        "same": "same\n",
        "new": "new\n",
    }
    assert held(disputed) == expected | ({"gone": "changed\n"} if side == "theirs" else {})


# ---- beforehand ---------------------------------------------------------------------------


def test_a_dry_run_tells_and_writes_nothing(jiaozi: Run, disputed: Path) -> None:
    told = value(jiaozi, "merge", "--dry-run", "topic", code=1)
    assert [one["path"] for one in told["conflicts"]] == ["blob", "gone", "text"]
    assert "3 paths in dispute" in jiaozi("merge", "-n", "topic", code=1).out
    told = value(jiaozi, "merge", "-n", "--into", "main~1", "topic")
    assert told["kind"] == "fast-forward"
    assert told["tree"] == json.loads(jiaozi("log", "-n1", "topic", "--json").out)["tree"]
    assert "a clean merge" in jiaozi("merge", "-n", "-X", "ours", "topic").out
    assert "no fast-forward" in jiaozi("merge", "-n", "--ff-only", "topic", code=5).err
    assert held(disputed) == BEFORE
    assert jiaozi("status", "-s").out == ""
    assert value(jiaozi, "merge", "topic", code=1)["conflicts"]


def test_a_dry_run_needs_no_working_copy(
    jiaozi: Run, disputed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main, topic = tip(jiaozi, "main"), tip(jiaozi, "topic")
    elsewhere = disputed.parent / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    told = value(jiaozi, "merge", "--dry-run", "--into", main, topic, code=1)
    assert [one["path"] for one in told["conflicts"]] == ["blob", "gone", "text"]
    assert value(jiaozi, "merge", "-n", "--into", f"{main}~1", topic)["kind"] == "fast-forward"
    assert "--into" in jiaozi("merge", "--dry-run", topic, code=2).err
    assert "topic" in jiaozi("merge", "--dry-run", "--into", main, "topic", code=3).err


def test_a_dry_run_is_content_with_the_blocks_it_needs(
    jiaozi: Run, disputed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (disputed / "far" / "below").mkdir(parents=True)
    (disputed / "far" / "below" / "here").write_text("elsewhere\n")
    commit(jiaozi, "more")
    words = ("merge", "-n", "--into", tip(jiaozi, "main"), tip(jiaozi, "topic"))
    asked: set[Cid] = set()
    real = driven

    def noting(walk: Any, get: Get, take: Any) -> Any:
        def noted(cid: Cid) -> Block:
            asked.add(cid)
            return get(cid)

        return real(walk, noted, take)

    with monkeypatch.context() as patched:
        patched.setattr(merging, "driven", noting)
        told = value(jiaozi, *words, code=1)
    for place in ("main:same", "topic:new", "topic:gone", "main:far/below/here"):
        assert Cid.parse(json.loads(jiaozi("stat", place, "--json").out)["cid"]) not in asked
    held = {cid: jiaozi("ipfs", "block", "get", str(cid)).raw for cid in asked}
    monkeypatch.setenv("JIAOZI_PATH", str(tmp_path / "other home"))
    monkeypatch.chdir(tmp_path)
    jiaozi("ipfs", "init")
    codecs = {RAW: "raw", DAG_PB: "dag-pb", DAG_CBOR: "dag-cbor"}
    for cid, data in held.items():
        (tmp_path / "block").write_bytes(data)
        jiaozi("ipfs", "block", "put", f"--cid-codec={codecs[cid.codec]}", "block")
    assert value(jiaozi, *words, code=1) == told


# ---- kills --------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["merge", "abort", "resolve"])
def test_what_a_kill_cut_short_the_next_command_finishes(
    jiaozi: Run, disputed: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    def put(*_given: object) -> None:
        raise Killed

    words = {
        "merge": ("merge", "topic"),
        "abort": ("merge", "--abort"),
        "resolve": ("resolve", "--theirs", "."),
    }[act]
    if act != "merge":
        jiaozi("merge", "topic", code=1)
        (disputed / "text").write_text("half done\n")
    with monkeypatch.context() as patched:
        patched.setattr(SafeWriter, "put", put)
        with pytest.raises(Killed):
            jiaozi(*words)
    (disputed / "later").write_text("work done in between\n")
    status = jiaozi("status", "-s").out
    after = {
        "merge": (DURING, "UU blob\nDU gone\nA  new\nUU text\n"),
        "abort": (BEFORE, ""),
        "resolve": (
            DURING | {"text": THEIRS, "blob": "theirs\0", "gone": "changed\n"},
            "M  blob\nA  gone\nA  new\nM  text\n",
        ),
    }[act]
    assert held(disputed) == after[0] | {"later": "work done in between\n"}
    assert status == after[1] + "?? later\n"


def test_a_merge_that_fails_midway_is_undone(
    jiaozi: Run, disputed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        fill_the_disk(patched, 1)
        assert "no space" in jiaozi("merge", "topic", code=None).err
    assert held(disputed) == BEFORE
    assert jiaozi("status", "-s").out == ""
    assert "no merge is under way" in jiaozi("merge", "--abort", code=1).err


def test_what_can_not_even_be_undone_is_told_and_lost_nowhere(
    jiaozi: Run, disputed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (disputed / "same").write_text("unsaved\n")
    before = tip(jiaozi, "HEAD")
    with monkeypatch.context() as patched:
        fill_the_disk(patched, 1, stays=True)
        said = jiaozi("merge", "-X", "theirs", "topic", code=4).err
    assert "no space" in said
    assert "'jiaozi status' tells which" in said
    assert tip(jiaozi, "HEAD") == before
    assert "under way" not in jiaozi("status").out
    assert (disputed / "same").read_text() == "unsaved\n"
    assert jiaozi("status", "-s").out == " M blob\n M same\n"
    jiaozi("restore", "blob")
    assert held(disputed) == BEFORE | {"same": "unsaved\n"}


def test_a_copied_working_copy_is_in_the_midst_of_the_merge_too(
    jiaozi: Run, disputed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jiaozi("merge", "topic", code=1)
    other = disputed.parent / "copied"
    shutil.copytree(disputed, other, symlinks=True)
    monkeypatch.chdir(other)
    assert len(value(jiaozi, "status")["unmerged"]) == 3
    jiaozi("resolve", "--ours", ".")
    jiaozi("merge", "--continue")
    assert len(parents(jiaozi)) == 2
    monkeypatch.chdir(disputed)
    assert len(value(jiaozi, "status")["unmerged"]) == 3


# ---- hooks and signatures -----------------------------------------------------------------


def test_a_hook_may_refuse_a_merge_which_then_waits(jiaozi: Run, repo: Path) -> None:
    (repo / "same").write_text("on main\n")
    before = commit(jiaozi, "on main")
    path = repo / ".jiaozi" / "hooks" / "pre-commit"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\ntest ! -e new\n")
    path.chmod(0o755)
    jiaozi("hooks", "--enable")
    assert "pre-commit hook" in jiaozi("merge", "topic", code=1).err
    assert tip(jiaozi, "HEAD") == before
    assert "all is settled" in jiaozi("status").out
    assert "pre-commit hook" in jiaozi("merge", "--continue", code=1).err
    path.write_text("#!/bin/sh\n")
    assert value(jiaozi, "merge", "--continue")["kind"] == "merged"
    assert parents(jiaozi) == [before, tip(jiaozi, "topic")]
    jiaozi("reset", "--hard", "HEAD~1")
    path.write_text("#!/bin/sh\nexit 1\n")
    assert value(jiaozi, "merge", "--no-verify", "topic")["kind"] == "merged"
    jiaozi("reset", "--hard", "HEAD~1")
    path.write_text("#!/bin/sh\ntest -e new\n")
    assert value(jiaozi, "merge", "topic")["commit"] == tip(jiaozi, "HEAD")


def test_a_merge_can_be_signed(jiaozi: Run, disputed: Path) -> None:
    assert disputed.exists()
    jiaozi("merge", "-X", "ours", "-S", "topic")
    jiaozi("revert", "-m", "1", "-S", "HEAD")
    for revision in ("HEAD", "HEAD~1"):
        assert "good" in jiaozi("log", "-n1", "--show-signature", revision).out.lower()


def test_diff_tells_what_is_in_dispute_and_how_to_see_its_sides(
    jiaozi: Run, disputed: Path
) -> None:
    jiaozi("merge", "topic", code=1)
    out = jiaozi("diff").out
    assert out.startswith("* in dispute: blob (both-modified); 'jiaozi diff CID CID' compares\n")
    assert "* in dispute: gone (modify-delete)" in out
    sides = {row["path"]: row for row in map(json.loads, jiaozi("diff", "--json").out.splitlines())}
    text = sides["text"]
    assert (text["change"], text["kind"]) == ("U", "both-modified")
    for side in ("base", "ours", "theirs"):
        assert f"  {side:6} {text[side]}\n" in out
    assert jiaozi("cat", text["theirs"]).out == jiaozi("cat", "topic:text").out
    both = jiaozi("diff", text["ours"], text["theirs"]).out
    assert f"-{OURS.splitlines()[0]}\n+{THEIRS.splitlines()[0]}\n" in both
    marked = out.partition("* in dispute: text")[2]
    assert "the patch is from ours" in marked.splitlines()[0]
    assert "\n+<<<<<<< HEAD\n eins\n+=======\n+one\n+>>>>>>> topic\n" in marked
    assert jiaozi("diff", "--name-status").out == "U\tblob\nU\tgone\nU\ttext\n"
    assert jiaozi("diff", "--name-only", "text").out == "text\n"
    assert " blob | in dispute\n" in jiaozi("diff", "--stat").out
    assert jiaozi("diff", "--staged", "--name-status").out == "U\tblob\nU\tgone\nU\ttext\nA\tnew\n"
    assert jiaozi("diff", "--exit-code", code=1).out == out
    (disputed / "text").write_text("settled\n")
    (disputed / "blob").unlink()
    assert "+settled\n" in jiaozi("diff").out
    jiaozi("add", "text")
    assert "text" not in jiaozi("diff").out
    jiaozi("merge", "--abort")
    assert jiaozi("diff").out == ""
