"""The two orders in which a history is told; both put every commit before its parents.

*By generation*: greatest first, then latest, so that a log can begin before the history is known
and never goes by clocks alone. *Topological*: as git draws graphs, each line of history to its end
before the next is begun. Both explore by falling generation and no further than they must
(``specs/commit-dag.md`` §5.3).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

from jiaozi_node.dag.walk import Lookup, Walk
from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import history
from jiaozi_node.versioning.history import Absent, ParentMissing


class Outline(NamedTuple):
    """What walks need of a commit."""

    cid: Cid
    parents: tuple[Cid, ...]
    generation: int
    time: int
    tree: Cid


class Narrowed(NamedTuple):
    """What is made of a commit: the *parents* to go on with, and whether it is *shown* itself."""

    parents: tuple[Cid, ...]
    shown: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A commit met on a walk, the parents that are followed, and whether it is to be shown."""

    outline: Outline
    parents: tuple[Cid, ...]
    shown: bool


# Reads the commit *cid*, a parent of *child*; what is wanted soon comes last. See `history.read`.
Load: TypeAlias = Callable[[Cid, Cid | None, tuple[Cid, ...]], Lookup[Outline]]
Narrow: TypeAlias = Callable[[Outline], Lookup[Narrowed]]

_Queued: TypeAlias = tuple[int, int, bytes, Outline]  # greatest generation, then latest


def load(cid: Cid, child: Cid | None = None, soon: tuple[Cid, ...] = ()) -> Lookup[Outline]:
    """Read the commit *cid*; raises `ParentMissing`."""
    return outline(cid, (yield from history.read(cid, child, soon)))


def outline(cid: Cid, commit: commits.Commit) -> Outline:
    """Return what walks need of *commit*."""
    return Outline(cid, commit.parents, commit.generation, commit.time, commit.tree)


def every_parent(found: Outline) -> Lookup[Narrowed]:
    """Follow all parents and show everything."""
    return Narrowed(found.parents, True)
    yield  # a lookup that asks for nothing


def first_parent(found: Outline) -> Lookup[Narrowed]:
    """Follow first parents only."""
    return Narrowed(found.parents[:1], True)
    yield


class Exploration:
    """The part of a history that was read so far, and what comes next by generation.

    Commits of *without* are neither read nor told. A commit that isn't here ends its line.
    """

    def __init__(
        self, load: Load, narrow: Narrow = every_parent, without: frozenset[Cid] = frozenset()
    ) -> None:
        self._load, self._narrow, self._without = load, narrow, without
        self._queue: list[_Queued] = []
        self.begun: dict[Cid, int] = {}  # the times of the tips that are here
        self.generations: dict[Cid, int] = {}  # of each commit met; 0 when it isn't here

    @property
    def highest(self) -> int:
        """The generation of what comes next, 0 when nothing does."""
        return -self._queue[0][0] if self._queue else 0

    def begin(self, tips: Iterable[Cid]) -> Lookup[tuple[Absent, ...]]:
        """Read *tips*; return those that aren't here."""
        absent = []
        for tip in tips:
            if tip not in self._without and tip not in self.generations:
                found = yield from self._arrive(tip, None, ())
                if found is None:
                    absent.append(Absent(tip, None))
                else:
                    self.begun[tip] = found.time
        return tuple(absent)

    def pop(self) -> Lookup[Step]:
        """Return the next commit, all of whose children were returned before."""
        found = heappop(self._queue)[3]
        narrowed = yield from self._narrow(found)
        parents = tuple([cid for cid in narrowed.parents if cid not in self._without])
        return Step(found, parents, narrowed.shown)

    def expand(self, step: Step) -> Lookup[tuple[Absent, ...]]:
        """Read the parents of *step*; return those that aren't here and weren't told of.

        Raises `WrongGeneration` when the parents belie it.
        """
        absent = []
        cid, known = step.outline.cid, self.generations
        for at, parent in enumerate(step.parents):
            if parent in known:
                continue
            if (yield from self._arrive(parent, cid, step.parents[at + 1 :])) is None:
                absent.append(Absent(parent, cid))
        history.check_generation(step.outline, [known[parent] for parent in step.parents])
        return tuple(absent)

    def _arrive(self, cid: Cid, child: Cid | None, soon: tuple[Cid, ...]) -> Lookup[Outline | None]:
        try:
            found = yield from self._load(cid, child, soon)
        except ParentMissing:
            self.generations[cid] = 0
            return None
        self.generations[cid] = found.generation
        heappush(self._queue, (-found.generation, -found.time, cid.raw, found))
        return found


def by_generation(tips: Iterable[Cid], exploration: Exploration) -> Walk[Step | Absent, None]:
    """Yield *tips* and their ancestors, greatest generation first.

    Each comes before its parents are read. Tips are commits (see `history.peel`).
    What isn't here comes as soon as that is known.
    """
    yield from (yield from exploration.begin(tips))
    while exploration.highest:
        step = yield from exploration.pop()
        yield step
        yield from (yield from exploration.expand(step))


def topological(tips: Iterable[Cid], exploration: Exploration) -> Walk[Step | Absent, None]:
    """Yield *tips* and their ancestors, line by line: what was merged before what it went into.

    Lines begin at the latest tip. Parents that aren't here are told right behind their child.
    """
    waiting: dict[Cid, Step] = {}  # explored and not told
    absent: dict[Cid, tuple[Absent, ...]] = {}
    children: dict[Cid, int] = {}  # how many followed children are still to be told

    def reach(generation: int) -> Lookup[None]:
        """Explore until all children of commits of *generation* are known."""
        while exploration.highest > generation:
            yield from explore()

    def explore() -> Lookup[None]:
        step = yield from exploration.pop()
        cid = step.outline.cid
        absent[cid] = yield from exploration.expand(step)
        here = tuple([parent for parent in step.parents if exploration.generations[parent]])
        waiting[cid] = Step(step.outline, here, step.shown)
        for parent in here:
            children[parent] = children.get(parent, 0) + 1

    yield from (yield from exploration.begin(tips))
    begun = exploration.begun
    told: set[Cid] = set()
    for tip in sorted(begun, key=lambda tip: -begun[tip]):
        yield from reach(exploration.generations[tip])
        line = [] if tip in told or tip in children else [tip]
        while line:
            cid = line.pop()
            while cid not in waiting:
                yield from explore()
            step = waiting.pop(cid)
            if cid in begun:
                told.add(cid)
            yield step
            yield from absent.pop(cid)
            for parent in step.parents:
                yield from reach(exploration.generations[parent])
                children[parent] -= 1
                if not children[parent]:
                    del children[parent]
                    line.append(parent)


def excluded(tips: Iterable[Cid], without: Iterable[Cid], load: Load) -> Lookup[frozenset[Cid]]:
    """Return what a walk from *tips* would meet of *without* and its ancestors.

    It looks no further than to where everything left is an ancestor of *without*.
    """
    without = tuple(without)
    if not without:
        return frozenset()
    out: set[Cid] = set()
    met: set[Cid] = set()
    live: set[Cid] = set()  # queued, and not known to be left out
    queue: list[_Queued] = []

    def paint(cid: Cid, child: Outline | None, left_out: bool) -> Lookup[None]:
        if left_out:
            out.add(cid)
            live.discard(cid)
        if cid in met:
            return
        met.add(cid)
        try:
            found = yield from load(cid, None if child is None else child.cid, ())
        except ParentMissing:
            return
        if child is not None and child.generation <= found.generation:
            raise commits.WrongGeneration(child.cid, child.generation, found.generation + 1)
        heappush(queue, (-found.generation, -found.time, cid.raw, found))
        if cid not in out:
            live.add(cid)

    for cid in without:
        yield from paint(cid, None, True)
    for cid in tips:
        yield from paint(cid, None, cid in out)
    while live:
        found = heappop(queue)[3]
        live.discard(found.cid)
        for parent in found.parents:
            yield from paint(parent, found, found.cid in out)
    return frozenset(out)
