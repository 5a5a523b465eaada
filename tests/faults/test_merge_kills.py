"""kill -9 at calls of merge, resolve, --continue, --abort, cherry-pick, mv, home and files alike.

Afterwards the working copy is as before the act or as after it, to the last file; where it was
before, the act works at the next try. Unsaved work elsewhere is never touched.
"""

import shutil
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jiaozi_node.dag.walk import stream
from jiaozi_node.node import resolving
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.repository import Repository
from jiaozi_node.unixfs.changes import changes
from tests.faults import interposer as ip
from tests.faults.conftest import Show
from tests.faults.interposer import Interposer
from tests.faults.model import checked
from tests.faults.places import commands
from tests.faults.sizes import NAME
from tests.faults.zygote import Zygote

pytestmark = pytest.mark.needs_interposer

TEXT = "1\n2\n3\n4\n5\n6\n7\n8\n"
# What leads to each act, the act, and how it exits.
ACTS: dict[str, tuple[list[list[str]], list[str], int]] = {
    "merge": ([], ["merge", "topic"], 1),
    "clean merge": ([["switch", "clean"]], ["merge", "topic"], 0),
    "resolve": ([["merge", "topic"]], ["resolve", "--theirs", "."], 0),
    "continue": ([["merge", "topic"], ["add", "."]], ["merge", "--continue"], 0),
    "abort": ([["merge", "topic"], ["resolve", "--theirs", "b"]], ["merge", "--abort"], 0),
    "move": ([], ["mv", "b", "t", "d"], 0),
    "series": ([["switch", "clean"]], ["cherry-pick", "topic~1", "topic", "main"], 1),
}


def made(place: Path, zygote: Zygote) -> tuple[Path, Path]:
    """Make a home with branches *main*, *topic* and *clean*, of which the first two are at odds."""
    home, work = place / "home", place / "work"
    work.mkdir(parents=True)
    (work / "d").mkdir()
    for name, text in (("t", TEXT), ("b", "base\0"), ("d/x", "x\n"), ("gone", "g\n"), ("s", "s\n")):
        (work / name).write_text(text)
    commands(zygote, home, work, ["init", "."], ["add", "."], ["commit", "-m", "first"])
    commands(zygote, home, work, ["branch", "clean"], ["switch", "-c", "topic"])
    (work / "t").write_text(TEXT.replace("1\n", "one\n"))
    (work / "b").write_text("theirs\0")
    commands(zygote, home, work, ["commit", "-a", "-m", "topic 1"])
    (work / "gone").write_text("changed\n")
    (work / "n").mkdir()
    (work / "n" / "new").write_text("new\n")
    (work / "d" / "x").unlink()
    (work / "link").symlink_to("t")
    commands(zygote, home, work, ["add", "-A"], ["commit", "-m", "topic 2"], ["switch", "main"])
    (work / "t").write_text(TEXT.replace("1\n", "eins\n"))
    (work / "b").write_text("ours\0")
    (work / "gone").unlink()
    commands(zygote, home, work, ["commit", "-a", "-m", "main 1"])
    return home, work


class Seen(NamedTuple):
    """How a working copy stands, without what differs between two runs: CIDs of commits."""

    files: dict[str, str]
    tree: str
    parents: int
    messages: tuple[str, ...]
    under: tuple[str, int] | None
    disputed: tuple[str, ...]
    staged: tuple[str, ...]


def seen(home: Path, work: Path) -> Seen:
    """Open the working copy, which makes good what was cut short, and look at all of it."""
    opened = LocalHome.open(home, 0)
    try:
        repository = Repository.at(opened, work)
        head = repository.head_commit()
        assert head is not None
        commit = repository.commit_at(head)
        messages, at = [], commit
        while True:
            messages.append(at.subject)
            if not at.parents:
                break
            at = repository.commit_at(at.parents[0])
        under = repository.merges.get(repository.copy_id)
        walk: Any = stream(changes(commit.tree, repository.staged_tree()), opened.blocks.get)
        return Seen(
            {
                str(path.relative_to(work)): f"-> {path.readlink()}"
                if path.is_symlink()
                else "/" if path.is_dir() else path.read_text()
                for path in sorted(work.rglob("*"))
                if ".jiaozi" not in path.parts
            },
            str(commit.tree),
            len(commit.parents),
            tuple(messages),
            None if under is None else (under.what, len(under.todo)),
            tuple("/".join(found.path) for found in resolving.in_dispute(repository)),
            tuple(f"{change.letter} {'/'.join(change.path)}" for change in walk),
        )  # fmt: skip
    finally:
        opened.close()


def put_back(template: Path, *places: Path) -> None:
    """Make each of *places* what it was, itself staying the same directory."""
    for place in places:
        for item in place.iterdir():
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item)
            else:
                item.unlink()
        shutil.copytree(template / place.name, place, symlinks=True, dirs_exist_ok=True)


@pytest.mark.parametrize("act", ACTS)
def test_killed_at_each_call(
    act: str, place: Path, zygote: Zygote, interposer: Interposer, show: Show
) -> None:
    place = place / act.replace(" ", "-")
    home, work = made(place, zygote)
    before_it, words, code = ACTS[act]
    for line in before_it:
        zygote.run("commands", home, work, commands=[line])
    (work / "s").write_text("unsaved\n")
    (work / "mine").write_text("untracked\n")
    if act == "abort":
        (work / "t").write_text("half done\n")
    template = place / "template"
    for one in (home, work):
        shutil.copytree(one, template / one.name, symlinks=True)
    before = seen(home, work)
    put_back(template, home, work)
    assert zygote.run("commands", home, work, commands=[words])[0] == code
    after = seen(home, work)
    assert after != before
    interposer.watch(place)
    outcomes: Counter[str] = Counter()
    number, began = 0, time.monotonic()
    while True:
        number += 1 if NAME == "nightly" else 3
        put_back(template, home, work)
        interposer.arm(ip.KILL, number)
        status, _said = zygote.run("commands", home, work, commands=[words])
        hit = interposer.hit
        interposer.arm(0, 0)
        if hit is None:
            assert status == code
            break
        assert status == -signal.SIGKILL
        where = f"killed at call {number} of {act}: {ip.OPS[hit[0]]}"
        found = seen(home, work)
        assert found in (before, after), where
        outcomes["after" if found == after else "before"] += 1
        if found == before:
            assert zygote.run("commands", home, work, commands=[words])[0] == code, where
            assert seen(home, work) == after, where
    opened = LocalHome.open(home, 0)
    try:
        assert checked(opened)[1].exit_code == 0
    finally:
        opened.close()
    show(
        f"{act}: {number} calls, killed {outcomes.total()} times in {time.monotonic() - began:.1f}"
        f" s: {ip.counted(outcomes)}"
    )
    assert outcomes["before"]
    assert outcomes["after"]
