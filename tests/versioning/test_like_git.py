"""The log of a history is git's log of it: orders, drawings, ranges, paths, renames."""

import random
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from jiaozi_node.commands.graph import Graph
from jiaozi_node.dag.walk import run, stream
from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning import order
from jiaozi_node.versioning.order import Outline, Step
from jiaozi_node.versioning.touched import Parts, Paths, Touching
from tests.versioning.twins import PATHS, Twins, contents, masked, shapes

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


class Remembered:
    """A memory in a dictionary."""

    def __init__(self) -> None:
        self.known: dict[Cid, Paths] = {}

    def paths(self, cid: Cid) -> Paths | None:
        return self.known.get(cid)

    def learn(self, found: Outline, paths: Paths) -> None:
        self.known[found.cid] = paths


class Told:
    """What we tell of a history, in the words in which git is asked."""

    def __init__(self, twins: Twins, memory: Remembered | None = None) -> None:
        self.twins = twins
        self.memory = Remembered() if memory is None else memory

    def graph(
        self,
        tips: Iterable[Cid],
        without: Iterable[Cid] = (),
        paths: tuple[Parts, ...] = (),
        *,
        first_parent: bool = False,
        full: bool = False,
    ) -> list[str]:
        tips, get = tuple(tips), self.twins.get
        left_out = run(order.excluded(tips, without, order.load), get)
        narrow = order.first_parent if first_parent else order.every_parent
        touching = None
        if paths:
            bottoms = frozenset(without)
            touching = Touching(paths, order.load, self.memory, first_parent, bottoms, left_out)
            narrow = touching.narrow
        exploration = order.Exploration(order.load, narrow, left_out)
        graph, out = Graph(), list[str]()
        for step in stream(order.topological(tips, exploration), get):
            assert isinstance(step, Step)
            if not step.shown:
                continue
            cid, parents = step.outline.cid, step.parents
            if touching is not None:
                parents = run(touching.drawn(parents, cid), get)
            picture = graph.draw(cid, parents, gap=full and bool(out))
            lines = [self.twins.name(cid)]
            if full:
                merge = ["Merge: X"] if len(self.twins.history.commits[cid].parents) > 1 else []
                lines = ["commit X", *merge, "Author: A <a@b>", "", f"    {lines[0]}"]
            rows = [picture.own, *picture.after]
            rows += [picture.rest] * (len(lines) - len(rows))
            lines += [""] * (len(rows) - len(lines))
            gap = [] if picture.gap is None else [picture.gap]
            out += [
                *gap,
                *picture.before,
                *[row + line for row, line in zip(rows, lines, strict=True)],
            ]
        return [line.rstrip() for line in out]


def twins(place: Path, seed: int, size: int) -> tuple[Twins, random.Random]:
    draw = random.Random(seed)
    dag = shapes(draw, size)
    return Twins(place, dag, contents(draw, dag)), draw


@pytest.mark.parametrize("seed", range(12))
def test_graphs_are_drawn_as_git_draws_them(tmp_path: Path, seed: int) -> None:
    made, _draw = twins(tmp_path, seed, (5, 12, 25, 40)[seed % 4])
    told = Told(made)
    assert told.graph(made.commits) == made.git("log", "--graph", "--branches", "--format=%s")
    short = made.git("log", "--graph", "--branches", "--pretty=short")
    assert told.graph(made.commits, full=True) == masked(short)
    last = made.commits[-1]
    expected = made.git(
        "log", "--graph", "--first-parent", "--format=%s", f"b{len(made.commits) - 1}"
    )
    assert told.graph([last], first_parent=True) == expected


@pytest.mark.parametrize("seed", range(12))
def test_paths_and_ranges_narrow_a_history_as_git_narrows_it(tmp_path: Path, seed: int) -> None:
    made, draw = twins(tmp_path, 100 + seed, 30)
    told = Told(made)
    for _ in range(6):
        paths = draw.sample((*PATHS, "d", "d/g", "never"), draw.choice((1, 1, 2)))
        parts = tuple(tuple(path.split("/")) for path in paths)
        low, high = sorted(draw.sample(range(30), 2))
        for words, tips, without in (
            (["--branches"], made.commits, []),
            ([f"b{low}..b{high}"], [made.commits[high]], [made.commits[low]]),
        ):
            asked = ["log", "--graph", "--format=%s", *words]
            assert told.graph(tips, without) == made.git(*asked)
            if _is_clear(made, tips, without):
                assert told.graph(tips, without, parts) == made.git(*asked, "--", *paths), paths
            # What was learnt changes nothing, and neither does its being lost.
            assert Told(made).graph(tips, without, parts) == told.graph(tips, without, parts)


def _is_clear(made: Twins, tips: Iterable[Cid], without: list[Cid]) -> bool:
    """Tell whether the range borders on what was left out by name alone.

    Whether git follows a merge to another commit that is left out depends on the clocks: on whether
    it has met its descendant by then. We never do.
    """
    commits = made.history.commits
    inside = made.history.ancestors(list(tips)) - made.history.ancestors(without)
    return all(cid in inside or cid in without for one in inside for cid in commits[one].parents)
