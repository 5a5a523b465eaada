"""Random commands against a model, with kills among them: what is there is what the model says.

Each sequence is a repository of its own in one home. Every command exits as the model predicts and
leaves the files that it predicts; every few commands, and at the end, branches, tags, HEAD, stage
and what is under way are compared too. A command that is killed, at any of its writes, syncs,
renames and rows, leaves what was before it or what comes after it.
"""

import os
import random
import shutil
import signal
import time
from collections import Counter
from pathlib import Path
from typing import ClassVar

import pytest

from jiaozi_node.cli.main import main
from jiaozi_node.dag.walk import stream
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import resolving
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.repository import Repository
from jiaozi_node.unixfs.changes import changes
from jiaozi_node.unixfs.read import read
from tests.faults.conftest import Show
from tests.faults.sequence_model import (
    KEPT,
    PATHS,
    REFUSED,
    Commit,
    Model,
    Tree,
    Words,
    value_of,
    written,
)
from tests.faults.sizes import SEED, SIZES
from tests.faults.zygote import Zygote

COMMANDS = 26  # of each sequence
CHECKED_EVERY = 8
KILLED_ONE_IN = 10
MOST_CALLS = 20  # of a command before it is killed

Capture = pytest.CaptureFixture[str]

NAMES = ("main", "one", "two")
IN_ONE_HOME = 20  # sequences; gc goes through all of them
MERGES = ("merge", "revert", "cherry-pick")
TYPED: dict[Words, Words] = {
    ("status",): ("status", "--porcelain", "--exit-code"),
    ("log",): ("log", "--oneline"),
    ("diff",): ("diff", "--name-status"),
    ("diff", "--staged"): ("diff", "--name-status", "--staged"),
}


class Machine:
    """One sequence: a model and the working copy at *work* that must be like it."""

    def __init__(
        self, rng: random.Random, zygote: Zygote, home: Path, work: Path, capture: Capture
    ) -> None:
        self.rng, self.zygote, self.home, self.work = rng, zygote, home, work
        self.capture = capture
        self.cids: dict[int, Cid] = {}
        self.did: list[str] = []
        # Two branches that went apart: what begins as one line seldom does by chance.
        self.next: list[Words] = []
        for branch in ("one", "main"):
            path = rng.choice(PATHS)
            self.next += [
                ("switch", branch), ("write", path, str(rng.randrange(3, 6))), ("add", path),
                ("commit", "-m", branch),
            ]  # fmt: skip
        first: Tree = {path: rng.randrange(3) for path in PATHS if rng.random() < 0.7}
        first[KEPT] = 0
        (work / "d").mkdir(parents=True)
        for path, value in first.items():
            (work / path).write_bytes(written(path, value))
        self.model = Model([Commit((), first)], {"main": 0, "one": 0}, self.order)
        self.model.stage, self.model.disk = dict(first), dict(first)
        os.chdir(work)
        for words in (("init",), ("add", "."), ("commit", "-m", "first"), ("branch", "one")):
            assert main(words) == 0

    # ---- one step --------------------------------------------------------------------------

    def words(self) -> Words:
        """Choose a command; one that would be refused is chosen again, mostly."""
        if self.next:
            return self.next.pop(0)
        words = self.any_words()
        while self.model.after(words)[0] == REFUSED and self.rng.random() < 0.7:
            words = self.any_words()
        if words[0] == "mv" and self.model.after(words)[0] == 0:
            # What moved is written anew: else it passes for a rename, in merges that the model
            # makes path by path.
            target = words[2]
            self.next = [("write", target, str(self.rng.randrange(3))), ("add", target)]
        return words

    def any_words(self) -> Words:
        rng, model = self.rng, self.model
        path, name, other = rng.choice(PATHS), rng.choice(NAMES), rng.choice(PATHS)
        number = str(rng.randrange(3))
        commit = ("commit", "-m", self.message())
        if model.under is not None and rng.random() < 0.6:
            path = rng.choice(sorted(model.under.sides))
            what = model.under.what
            return rng.choice((
                ("resolve", rng.choice(("--ours", "--theirs")), path), ("add", path), ("add", "-A"),
                commit, (what, "--abort"), ("rm", path), (what, "--continue"),
                ("write", path, number),
            ))  # fmt: skip
        dirty, free = model.dirty, not model.under
        below = model.ancestors(model.at)
        apart = [one for one, tip in model.branches.items() if tip not in below]
        if apart and not dirty and rng.random() < 0.25:
            return ("merge", rng.choice(apart))
        every = ("commit", "-a", "-m", self.message())
        if dirty and free and rng.random() < 0.25:
            return every
        ways: list[tuple[float, Words]] = [
            (7, ("write", path, number)),
            (1, ("delete", path)),
            (2, ("add", path)),
            (2, ("add", rng.choice((".", "-A")))),
            (1, ("rm", path)),
            (free, ("mv", path, other)),
            (3, commit),
            (free, every),
            (2, ("branch", name)),
            (0.3, ("branch", "-d", name)),
            (2 if dirty else 8, ("switch", name)),
            (1, ("switch", "-c", name)),
            (2, ("merge", name)),
            (0.5, (rng.choice(MERGES), rng.choice(("--abort", "--continue")))),
            (1, ("revert", name)),
            (1, ("cherry-pick", name)),
            (1, ("resolve", "--ours", path)),
            (0.5, ("tag", f"t{rng.randrange(3)}")),
            (free, ("restore", path)),
            (free, ("restore", "--staged", path)),
            (0.7, ("reset", rng.choice(("--soft", "--mixed", "--hard")), name)),
            (1, ("status",)),
            (1, ("diff",)),
            (0.5, ("diff", "--staged")),
            (0.5, ("log",)),
            (0.3, ("gc",)),
        ]
        return rng.choices([words for _, words in ways], [weight for weight, _ in ways])[0]

    def step(self) -> str | None:
        """Do one command; return its name when it was killed."""
        follows = bool(self.next)
        words = self.words()
        expected, then = self.model.after(words)
        self.did.append(" ".join(words))
        if words[0] in ("write", "delete"):
            self.touch(words, then)
        elif not follows and self.rng.randrange(KILLED_ONE_IN) == 0:
            at = self.rng.randint(1, MOST_CALLS)
            self.did[-1] += f" [to be killed at call {at}]"
            code, _said = self.zygote.run(
                "struck", self.home, self.work, words=TYPED.get(words, words), at=at
            )
            if code == -signal.SIGKILL:
                self.did[-1] += " !"
                self.reopen(words, expected, then)
                return " ".join(word for word in words[:2] if word == words[0] or word[0] == "-")
            self.exits(code, expected)
        else:
            self.capture.readouterr()
            self.exits(main(TYPED.get(words, words)), expected)
            lines = self.model.printed(words)
            if lines is not None:
                out = self.capture.readouterr().out.splitlines()
                if words == ("log",):
                    out = ["" for _line in out]
                assert sorted(out) == sorted(lines), f"it prints {out}, not {lines}"
        self.model = then
        assert disk(self.work) == self.model.disk, "the files"
        return None

    def touch(self, words: Words, then: Model) -> None:
        path = words[1]
        if path in then.disk:
            (self.work / path).write_bytes(written(path, then.disk[path]))
        elif path in self.model.disk:
            (self.work / path).unlink()

    def exits(self, code: int, expected: int) -> None:
        assert code == expected if expected != REFUSED else code != 0, f"it exits with {code}"

    def message(self) -> str:
        return f"{len(self.did)}"

    # ---- what is there ---------------------------------------------------------------------

    def reopen(self, words: Words, expected: int, then: Model) -> None:
        """After a kill: the next command makes good, and it is as before or as after.

        What isn't one act may be in between; the few that overwrite files because that was asked
        for leave no file of their own, and come to their end when they are given again.
        """
        assert main(("status",)) == 0
        left = list(self.work.rglob(".jz-*"))
        assert not left, f"files that were being written are left: {left}"
        if words[0] == "restore" or words[:2] == ("reset", "--hard"):
            self.exits(main(words), expected)
            models = [then]
        else:
            models = [then, self.model, *self.model.midway(words)]
        faults: list[str] = []
        for model in models:
            try:
                self.check(model)
            except AssertionError as fault:
                faults.append(str(fault).splitlines()[0])
                continue
            self.model = model
            return
        raise AssertionError(f"after the kill it is none of: {'; '.join(faults)}")

    def check(self, model: Model) -> None:
        """Compare everything."""
        assert disk(self.work) == model.disk, f"files {disk(self.work)}, not {model.disk}"
        home = LocalHome.open(self.home, 0)
        try:
            repository = Repository.at(home, self.work)
            trees = Trees(home)
            refs = {str(name): target for name, target in repository.refs.list()}
            names = {f"heads/{name}": number for name, number in model.branches.items()}
            names |= {f"tags/{name}": number for name, number in model.tags.items()}
            assert refs.keys() == names.keys(), f"refs {sorted(refs)}, not {sorted(names)}"
            for name, number in names.items():
                self.same(repository, trees, refs[name], number, model)
            assert repository.head.branch == model.head
            stage = trees.at(repository.staged_tree())
            assert stage == model.stage, f"the stage {stage}, not {model.stage}"
            under = repository.merges.get(repository.copy_id)
            assert (under and under.what) == (model.under and model.under.what), "what is under way"
            open_ = {"/".join(found.path) for found in resolving.in_dispute(repository)}
            assert open_ == (model.under.open if model.under else set()), f"in dispute {open_}"
        finally:
            home.close()

    def same(
        self, repository: Repository, trees: "Trees", tip: Cid, number: int, model: Model
    ) -> None:
        """Compare a commit and all below it; what was compared before is known by its CID."""
        waiting = [(tip, number)]
        while waiting:
            cid, at = waiting.pop()
            if at in self.cids:
                assert self.cids[at] == cid, f"commit {at} is another"
                continue
            found, expected = repository.commit_at(cid), model.commits[at]
            assert trees.at(found.tree) == expected.tree, f"the tree of commit {at}"
            assert len(found.parents) == len(expected.parents), f"the parents of commit {at}"
            self.cids[at] = cid
            waiting += zip(found.parents, expected.parents, strict=True)

    def order(self, number: int) -> bytes:
        """Return the CID of a commit; what isn't known yet is looked up."""
        if number not in self.cids:
            self.check(self.model)
        return self.cids[number].raw


class Trees:
    """Trees of a home as the model has them."""

    known: ClassVar[dict[Cid, Tree]] = {}

    def __init__(self, home: LocalHome) -> None:
        self.get = home.blocks.get

    def at(self, cid: Cid) -> Tree:
        if cid not in self.known:
            found: Tree = {}
            for change in stream(changes(None, cid), self.get):
                assert change.after is not None
                path = "/".join(change.path)
                found[path] = value_of(path, b"".join(stream(read(change.after), self.get)))
            self.known[cid] = found
        return dict(self.known[cid])


def disk(work: Path) -> Tree:
    """Return the files of a working copy; anything else that lies there is an error."""
    found: Tree = {}
    for here, directories, files in os.walk(work):
        if here == str(work):
            directories.remove(".jiaozi")
        for name in files:
            path = os.path.relpath(os.path.join(here, name), work)
            found[path] = value_of(path, Path(here, name).read_bytes())
    return found


@pytest.fixture
def environment(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(place / "nobody"))
    monkeypatch.setenv("LOGNAME", "tester")
    monkeypatch.chdir(place)
    return place


def test_sequences_of_commands(
    environment: Path,
    plain_zygote: Zygote,
    show: Show,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: Counter[str] = Counter()
    kills: Counter[str] = Counter()
    began = time.process_time()
    for number in range(SIZES.sequences):
        rng = random.Random(f"{SEED}:{number}")
        work = environment / f"work-{number}"
        home = environment / f"home-{number // IN_ONE_HOME}"
        monkeypatch.setenv("JIAOZI_PATH", str(home))
        machine = Machine(rng, plain_zygote, home, work, capsys)
        try:
            for step in range(COMMANDS):
                under = machine.model.under
                cut = machine.step()
                counts["disputes"] += under is None and machine.model.under is not None
                if cut is not None:
                    kills[cut] += 1
                elif step % CHECKED_EVERY == CHECKED_EVERY - 1:
                    machine.check(machine.model)
            machine.check(machine.model)
        except Exception as fault:
            told = "\n  ".join(machine.did)
            raise AssertionError(f"sequence {number} of seed {SEED}: {fault}\n  {told}") from fault
        counts["merges"] += sum(len(commit.parents) > 1 for commit in machine.model.commits)
        counts["commits"] += len(machine.model.commits)
        if number % IN_ONE_HOME == IN_ONE_HOME - 1:
            assert main(("fsck",)) == 0
            os.chdir(environment)
            shutil.rmtree(home)
    took = time.process_time() - began
    show(
        f"sequences: {SIZES.sequences} of {COMMANDS} commands in {took:.1f} s of CPU here;"
        f" {counts['commits']} commits, {counts['merges']} merges, {counts['disputes']} in"
        f" dispute; killed {kills.total()}: {dict(kills.most_common())}"
    )
    assert counts["merges"] > SIZES.sequences // 10
    assert counts["disputes"] > SIZES.sequences // 10
    assert kills.total() > SIZES.sequences // 4
