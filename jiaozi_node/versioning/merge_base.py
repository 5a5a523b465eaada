"""Merge bases: the best common ancestors of two commits (``specs/merge.md`` §1).

Commits are visited by generation, greatest first, so each is seen after all of its descendants: a
common ancestor that no other descends from is known as such the moment it comes up, whatever the
clocks said. The work is bounded by a budget of commits read.
"""

from heapq import heappop, heappush
from typing import Final

from jiaozi_node.dag.walk import Lookup
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import history
from jiaozi_node.versioning.commit import Commit

BUDGET: Final = 1_000_000  # §1.4: commits read in one search

_OURS, _THEIRS, _STALE = 1, 2, 4
_COMMON = _OURS | _THEIRS


def merge_bases(ours: Cid, theirs: Cid, budget: int = BUDGET) -> Lookup[tuple[Cid, ...]]:
    """Return the best common ancestors of two commits, in byte order; () for unrelated histories.

    One commit may be the other's ancestor, and is then the only base. Raises `ParentMissing` when
    the answer depends on a commit that isn't here, `WrongGeneration` for a parent whose generation
    isn't below its child's, `LimitExceeded` beyond *budget* commits.
    """
    if ours == theirs:
        return (ours,)
    read: dict[Cid, Commit] = {}
    painted: dict[Cid, int] = {}
    queue: list[tuple[int, bytes, Cid]] = []
    live: set[Cid] = set()  # queued, and not known to be behind a base

    def paint(cid: Cid, colour: int, child: Cid | None) -> Lookup[None]:
        before = painted.get(cid, 0)
        painted[cid] = after = before | colour
        if cid not in read:
            if len(read) >= budget:
                raise LimitExceeded("search for a merge base", budget, len(read) + 1, "commits")
            read[cid] = found = yield from history.read(cid, child)
            heappush(queue, (-found.generation, cid.raw, cid))
            if not after & _STALE:
                live.add(cid)
        elif after & _STALE:
            live.discard(cid)
        if child is not None and read[cid].generation >= read[child].generation:
            above = read[cid].generation + 1
            raise commits.WrongGeneration(child, read[child].generation, above)

    yield from paint(ours, _OURS, None)
    yield from paint(theirs, _THEIRS, None)
    bases: list[Cid] = []
    while live:
        cid = heappop(queue)[2]
        live.discard(cid)
        colour = painted[cid]
        if colour == _COMMON:
            bases.append(cid)
            colour |= _STALE
        for parent in read[cid].parents:
            if not live and colour & _STALE:
                break  # what is behind the last base can't change the answer
            yield from paint(parent, colour, cid)
    return tuple(sorted(bases))
