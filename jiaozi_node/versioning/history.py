"""Walks over commits: ancestry, counts, tags. They ask for blocks and never fetch.

A search goes by falling generation (``specs/commit-dag.md`` §5.3) whatever the clocks said, and
stops below the generation it looks for. The orders of a log are in `order`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Protocol

from jiaozi_node.dag.walk import Lookup, need
from jiaozi_node.errors import LimitExceeded, Malformed, NotFound
from jiaozi_node.formats.block import Block, within
from jiaozi_node.formats.cid import DAG_PB, Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import fields
from jiaozi_node.versioning import tag as tags
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.tag import Tag


class ParentMissing(NotFound):
    """A commit's parent is not here: the history is partial."""

    def __init__(self, parent: Cid, child: Cid | None) -> None:
        of = "" if child is None else f", parent of {child},"
        super().__init__(
            f"commit {parent}{of} is not here; "
            "'jiaozi ipfs dag import FILE.car' brings it from a CAR that holds it"
        )
        self.parent, self.child = parent, child


class TagOfDirectory(fields.SchemaBroken):
    """A chain of tags ends at a directory, where a commit is asked for (§4.5)."""

    def __init__(self, directory: Cid) -> None:
        super().__init__(str(directory), "is a directory that a tag names, not a commit")
        self.directory = directory


@dataclass(frozen=True, slots=True)
class Visit:
    """A commit met on a walk."""

    cid: Cid
    commit: Commit

    @property
    def parents(self) -> tuple[Cid, ...]:
        """The commit's parents."""
        return self.commit.parents

    @property
    def generation(self) -> int:
        """The commit's generation."""
        return self.commit.generation


@dataclass(frozen=True, slots=True)
class Absent:
    """A commit that is not here, met as a parent of *child* (None: as a tip)."""

    cid: Cid
    child: Cid | None


_Queued = tuple[int, int, bytes, Visit]  # the order of the log: greatest generation, then time


def is_ancestor(ancestor: Cid, of: Cid) -> Lookup[bool]:
    """Tell whether *of* is *ancestor* or descends from it; looks no further than its generation.

    Raises `ParentMissing` when that depends on a commit which is not here.
    """
    if ancestor == of:
        return True
    floor = (yield from read(ancestor)).generation
    known: dict[Cid, int] = {}
    queue: list[_Queued] = []
    missing: list[tuple[Cid, Cid | None]] = []
    if not (yield from _arrive(of, None, known, queue, ())):
        missing.append((of, None))
    while queue:
        cid, commit = (visit := heappop(queue)[3]).cid, visit.commit
        if commit.generation <= floor:
            break
        if ancestor in commit.parents:
            return True
        if commit.generation == floor + 1:
            continue  # its parents are no descendants of *ancestor*
        for at, parent in enumerate(commit.parents):
            soon = commit.parents[at + 1 :]
            if parent not in known and not (yield from _arrive(parent, cid, known, queue, soon)):
                missing.append((parent, cid))
        check_generation(visit, [known[parent] for parent in commit.parents])
    if missing:
        raise ParentMissing(*missing[0])
    return False


def count(tips: Iterable[Cid], *, first_parent: bool = False) -> Lookup[int]:
    """Return how many commits *tips* and their ancestors are. Raises `ParentMissing`."""
    known: set[Cid] = set()
    waiting: list[tuple[Cid, Cid | None]] = [(tip, None) for tip in tips]
    while waiting:
        cid, child = waiting.pop()
        if cid in known:
            continue
        known.add(cid)
        commit = yield from read(cid, child)
        parents = commit.parents[:1] if first_parent else commit.parents
        waiting.extend((parent, cid) for parent in parents)
    return len(known)


def beginning(tips: Iterable[Cid], prefix: str) -> Lookup[list[Cid]]:
    """Return the commits among *tips* and their ancestors whose text begins with *prefix*, sorted.

    Tips may be tags, which are found too. What is not here is passed over, its name is not.
    """
    known: set[Cid] = set()
    waiting = list(tips)
    while waiting:
        cid = waiting.pop()
        if cid in known:
            continue
        known.add(cid)
        try:
            block = yield from need(cid)
        except BlockMissing:
            continue
        found = opened(block)
        if isinstance(found, Commit):
            waiting.extend(found.parents)
        elif fields.is_version_block(found.object):
            waiting.append(found.object)
    return sorted(cid for cid in known if str(cid).startswith(prefix))


def read(cid: Cid, child: Cid | None = None, soon: tuple[Cid, ...] = ()) -> Lookup[Commit]:
    """Return the commit *cid*; raises `ParentMissing`, naming the *child* that led here."""
    try:
        block = yield from need(cid, soon)
    except BlockMissing:
        raise ParentMissing(cid, child) from None
    return decode(block)


def decode(block: Block) -> Commit:
    """Read a commit; what breaks the schema is told with the commit's CID."""
    try:
        return commits.decode(block)
    except Malformed as fault:
        raise within(block.cid, fault) from None


def peel(cid: Cid) -> Lookup[Visit]:
    """Follow tags from *cid* to the commit at their end (§4.5).

    Raises `TagOfDirectory`, `SchemaBroken` when there is none, `LimitExceeded` for a chain that is
    too long.
    """
    for depth in range(tags.MAX_CHAIN + 1):
        if depth and cid.codec == DAG_PB:
            raise TagOfDirectory(cid)
        if not fields.is_version_block(cid):
            raise fields.SchemaBroken(str(cid), "is not the CID of a commit or tag")
        found = opened((yield from need(cid)))
        if isinstance(found, Commit):
            return Visit(cid, found)
        cid = found.object
    raise LimitExceeded("chain of tags", tags.MAX_CHAIN, tags.MAX_CHAIN + 1, "tags")


def opened(block: Block) -> Commit | Tag:
    """Read a block that is one or the other; raises `NewerSchema`, else `Malformed`."""
    try:
        return commits.decode(block)
    except fields.SchemaBroken as fault:
        if fault.field != "type" or tags.TYPE not in fault.rule:
            raise within(block.cid, fault) from None
    except Malformed as fault:
        raise within(block.cid, fault) from None
    try:
        return tags.decode(block)
    except Malformed as fault:
        raise within(block.cid, fault) from None


class HasParents(Protocol):
    """A commit, or what is known of one."""

    @property
    def cid(self) -> Cid:
        """Its CID."""
        ...

    @property
    def parents(self) -> tuple[Cid, ...]:
        """Its parents."""
        ...

    @property
    def generation(self) -> int:
        """Its generation."""
        ...


def check_generation(child: HasParents, parents: list[int]) -> None:
    """Check the generation of *child* by those of *parents* that were read (0: not here)."""
    above = 1 + max(parents, default=0)
    whole = len(parents) == len(child.parents) and all(parents)
    if child.generation != above if whole else child.generation < above:
        raise commits.WrongGeneration(child.cid, child.generation, above)


def _arrive(
    cid: Cid,
    child: Cid | None,
    known: dict[Cid, int],
    queue: list[_Queued],
    soon: tuple[Cid, ...],
) -> Lookup[bool]:
    """Read *cid* and queue it; False when it is not here."""
    try:
        commit = yield from read(cid, child, soon)
    except ParentMissing:
        known[cid] = 0
        return False
    known[cid] = commit.generation
    heappush(queue, (-commit.generation, -commit.time, cid.raw, Visit(cid, commit)))
    return True
