"""What `log` tells: a part of history, in an order, narrowed to what somebody wants to see."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from jiaozi_node.dag.walk import Lookup, run, stream
from jiaozi_node.errors import Malformed, Misuse, NotFound
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.repository import Repository
from jiaozi_node.versioning import history, order, selection
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.history import Absent
from jiaozi_node.versioning.order import Exploration, Outline, Step
from jiaozi_node.versioning.selection import Selection

if TYPE_CHECKING:
    from jiaozi_node.versioning.touched import Touching
    from jiaozi_node.worktree.history_cache import HistoryCache

Parts = tuple[str, ...]

Matches = Callable[[Commit], bool]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. *since* and *until* are Unix seconds; *paths* () stands for the root.

    *authors* and *words* are regular expressions: one of each is to be found in author or message.
    """

    revisions: tuple[str, ...] = ()
    every: bool = False  # all branches, tags and HEAD
    paths: tuple[Parts, ...] = ()
    follow: bool = False
    first_parent: bool = False
    graph: bool = False
    reverse: bool = False
    most: int | None = None
    since: int | None = None
    until: int | None = None
    authors: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    any_case: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A commit to show. *parents* are those that a graph draws; *names* what a file was called."""

    cid: Cid
    commit: Commit
    parents: tuple[Cid, ...]
    names: tuple[Parts, ...] = ()


def log(
    repository: Repository, wanted: Wanted, now: Callable[[], float] = time.time
) -> Iterator[Told | Absent]:
    """Yield the commits that are *wanted*; one that isn't here comes as `Absent`.

    Without a graph they come by generation, with one line by line (see `order`). Dates in
    revisions are read by the clock *now*.
    """
    _check(wanted)
    found = _log(repository, wanted, _matching(wanted), now)
    if wanted.most is not None:
        found = islice(found, wanted.most)
    return iter(list(found)[::-1]) if wanted.reverse else found


def _check(wanted: Wanted) -> None:
    if wanted.most is not None and wanted.most < 0:
        raise Misuse(f"--max-count can't be negative, and is {wanted.most}")
    if wanted.follow and len(wanted.paths) != 1:
        raise Misuse(f"--follow takes one file, and {len(wanted.paths)} paths were given")
    if wanted.graph and (wanted.reverse or wanted.follow):
        other = "--reverse" if wanted.reverse else "--follow"
        raise Misuse(f"--graph and {other} don't go together")


def _log(
    repository: Repository, wanted: Wanted, matches: Matches, now: Callable[[], float]
) -> Iterator[Told | Absent]:
    get = repository.home.blocks.get
    with ExitStack() as stack:
        cache: HistoryCache | None = None
        if wanted.paths:
            # Trees and SQLite are slow to load, and only paths need them.
            from jiaozi_node.node import narrowing  # noqa: PLC0415

            cache = stack.enter_context(narrowing.remembering(repository))
        reader = _Reader(cache)
        chosen = _selection(repository, wanted, now)
        without = run(order.excluded(chosen.tips, chosen.without, reader.load), get)
        touching: Touching | None = None
        narrow = order.first_parent if wanted.first_parent else order.every_parent
        if cache is not None:
            touching = narrowing.touching(
                repository,
                wanted.paths,
                chosen,
                without,
                reader.load,
                cache,
                first_parent=wanted.first_parent,
                follow=wanted.follow,
            )
            narrow = touching.narrow
        exploration = Exploration(reader.load, narrow, without)
        walk = (order.topological if wanted.graph else order.by_generation)(
            chosen.tips, exploration
        )
        steps: Iterator[Step | Absent] = stream(walk, get)
        for step in steps:
            if isinstance(step, Absent):
                yield step
                continue
            cid = step.outline.cid
            commit = reader.told(cid)
            if not step.shown:
                continue
            try:
                commit = commit or run(history.read(cid), get)
            except history.ParentMissing:  # the cache knows it, the store doesn't any more
                yield Absent(cid, None)
                continue
            if not matches(commit):
                continue
            parents = step.parents
            if wanted.graph:
                parents = run(_drawn(step, touching, reader, matches), get)
            names = () if touching is None else touching.names.get(cid, wanted.paths)
            yield Told(cid, commit, parents, names if wanted.follow else ())


def _drawn(
    step: Step, touching: "Touching | None", reader: "_Reader", matches: Matches
) -> Lookup[tuple[Cid, ...]]:
    """Return the parents to which lines are drawn: those that will be shown."""
    parents = step.parents
    if touching is not None:
        parents = yield from touching.drawn(parents, step.outline.cid)
    if matches is _all:
        return parents
    out: tuple[Cid, ...] = ()
    for parent in parents:
        if matches((yield from history.read(parent))):
            out += (parent,)
    return out


def _selection(repository: Repository, wanted: Wanted, now: Callable[[], float]) -> Selection:
    get = repository.home.blocks.get
    if not wanted.revisions and not wanted.every and repository.head_commit() is None:
        branch = repository.head.branch
        raise NotFound(f"branch {branch!r} has no commits yet" if branch else "no commits yet")
    words = wanted.revisions
    if not wanted.every and all(
        selection.parse(word).operator == selection.WITHOUT for word in words
    ):
        words = (*words, "HEAD")
    chosen = run(selection.select(words, repository.places(now)), get)
    if not wanted.every:
        return chosen
    tips = dict.fromkeys(chosen.tips)
    targets = [target for _name, target in repository.refs.list()]
    head = repository.head_commit()
    for target in [*targets, *([] if head is None else [head])]:
        try:
            tips.setdefault(run(history.peel(target), get).cid)
        except (NotFound, Malformed):  # a tag of a directory, or what isn't here
            continue
    return Selection(tuple(tips), chosen.without)


def _all(_commit: Commit) -> bool:
    return True


def _matching(wanted: Wanted) -> Matches:
    """Return the test by which commits are shown."""
    authors = _patterns("--author", wanted.authors, wanted)
    words = _patterns("--grep", wanted.words, wanted)
    since, until = wanted.since, wanted.until
    if not authors and not words and since is None and until is None:
        return _all

    def matches(commit: Commit) -> bool:
        return (
            (since is None or commit.time >= since)
            and (until is None or commit.time <= until)
            and (not authors or any(one.search(str(commit.author)) for one in authors))
            and (not words or any(one.search(commit.message) for one in words))
        )

    return matches


def _patterns(option: str, texts: tuple[str, ...], wanted: Wanted) -> list[re.Pattern[str]]:
    flags = re.MULTILINE | (re.IGNORECASE if wanted.any_case else 0)
    out = []
    for text in texts:
        try:
            out.append(re.compile(text, flags))
        except (re.error, RecursionError, OverflowError) as fault:
            raise Misuse(f"{option} {text[:40]!r} is no regular expression: {fault}") from None
    return out


class _Reader:
    """Reads commits for a walk, and keeps each until it is told."""

    def __init__(self, cache: "HistoryCache | None") -> None:
        self._cache = cache
        self._commits: dict[Cid, Commit] = {}
        self._outlines: dict[Cid, Outline] = {}

    def load(self, cid: Cid, child: Cid | None, soon: tuple[Cid, ...]) -> Lookup[Outline]:
        """See `order.load`."""
        found = self._outlines.get(cid)
        if found is None and self._cache is not None:
            found = self._cache.outline(cid)
        if found is None:
            commit = yield from history.read(cid, child, soon)
            self._commits[cid] = commit
            found = order.outline(cid, commit)
        self._outlines[cid] = found
        return found

    def told(self, cid: Cid) -> Commit | None:
        """Forget *cid*; return its commit if it was read."""
        self._outlines.pop(cid, None)
        return self._commits.pop(cid, None)
