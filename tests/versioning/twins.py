"""A history of files twice: in a git repository on disk, and as our commits in memory.

Everything git is asked is compared by the names of commits, which are their messages.
"""

import os
import random
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from tests.versioning.histories import Histories
from tests.versioning.trees import Tree, Trees

Files = dict[str, bytes]
FIRST_S = 1_600_000_000
PATHS = ("a", "b", "d/e", "d/f", "d/g/h")


class Twins:
    """The history of *dag*, the parents of each commit by number, with *files* in each."""

    def __init__(self, place: Path, dag: Sequence[Sequence[int]], files: Sequence[Files]) -> None:
        self.place = place
        self.history = Histories()
        self.trees = Trees()
        self.commits: list[Cid] = []
        for at, parents in enumerate(dag):
            tree = self.trees.tree(nested(files[at]))
            above = [self.commits[parent] for parent in parents]
            self.commits.append(self.history.commit(str(at), *above, time=time_of(at), tree=tree))
        self._git("init", "-q")
        script = b"".join(_fast(at, parents, files[at]) for at, parents in enumerate(dag))
        self._git("fast-import", "--quiet", input=script)

    def get(self, cid: Cid) -> Block:
        if cid in self.history.blocks:
            return self.history.get(cid)
        return self.trees.get(cid)

    def name(self, cid: Cid) -> str:
        return self.history.commits[cid].message

    def git(self, *words: str) -> list[str]:
        """Return the lines that git prints, without blanks at their ends."""
        out = self._git(*words).decode()
        return [line.rstrip() for line in out.splitlines()]

    def _git(self, *words: str, input: bytes | None = None) -> bytes:
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.place), "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", "-c", "init.defaultBranch=main", *words],
            cwd=self.place,
            env=environ,
            input=input,
            capture_output=True,
            check=True,
        )
        return done.stdout


def time_of(at: int) -> int:
    return FIRST_S + at * 10


def nested(files: Files) -> Tree:
    out: Tree = {}
    for path, data in files.items():
        *above, name = path.split("/")
        here = out
        for part in above:
            here = here.setdefault(part, {})
        here[name] = data
    return out


def shapes(draw: random.Random, size: int) -> list[list[int]]:
    """Return a random history: few roots, lines, merges of two and of up to five."""
    dag: list[list[int]] = []
    for at in range(size):
        most = draw.choices(range(6), (5, 55, 25, 8, 4, 3))[0] if at else 0
        near = range(max(0, at - draw.choice((3, 5, 10))), at)
        dag.append(draw.sample(near, min(most, len(near))))
    return dag


def contents(draw: random.Random, dag: Sequence[Sequence[int]]) -> list[Files]:
    """Return files for each commit: a parent's, with few changes; git keeps no empty directory."""
    made: list[Files] = []
    for parents in dag:
        files: Files = {"always": b""}
        for parent in parents:
            files |= made[parent] if draw.random() < 0.7 else {}
        for path in draw.sample(PATHS, draw.choice((0, 0, 1, 1, 2))):
            if draw.random() < 0.25:
                files.pop(path, None)
            else:
                files[path] = draw.choice((b"1", b"2", b"3"))
        made.append(files)
    return made


def masked(lines: Sequence[str]) -> list[str]:
    """Return the lines of ``git log --pretty=short`` without the hashes."""
    return [re.sub(r"(commit|Merge:) [0-9a-f ]+$", r"\1 X", line) for line in lines]


def _fast(at: int, parents: Sequence[int], files: Files) -> bytes:
    lines = [
        f"commit refs/heads/b{at}",
        f"mark :{at + 1}",
        f"committer A <a@b> {time_of(at)} +0000",
        f"data {len(str(at))}",
        str(at),
    ]
    lines += [f"{'merge' if nth else 'from'} :{up + 1}" for nth, up in enumerate(parents)]
    lines.append("deleteall")
    out = "\n".join(lines).encode() + b"\n"
    for path, data in files.items():
        out += f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"
    return out + b"\n"
