"""Two commits merged: their bases found, several of them merged first (``specs/merge.md`` §1).

Says what is to be done and with which tree; making the commit, and moving a branch, are the
caller's.
"""

from dataclasses import dataclass, replace
from typing import Final

from jiaozi_node.dag.walk import Lookup
from jiaozi_node.errors import LimitExceeded, Refused
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.versioning import history, merge
from jiaozi_node.versioning.conflict import Conflict, Path
from jiaozi_node.versioning.drivers.outcome import Labels
from jiaozi_node.versioning.merge import DEFAULTS, Options, Work
from jiaozi_node.versioning.merge_base import BUDGET, merge_bases

UP_TO_DATE: Final = "up-to-date"
FAST_FORWARD: Final = "fast-forward"
MERGED: Final = "merged"

MAX_VIRTUAL: Final = 16  # §1.3: virtual bases within each other


class UnlikeProfiles(Refused):
    """Trees made under different CID recipes are never merged (§1.6)."""

    def __init__(self, ours: str, theirs: str) -> None:
        super().__init__(
            f"ours is made under profile {ours}, theirs under {theirs}: can't merge; no command"
            " converts a history, so 'jiaozi get' their files and 'jiaozi add' them here"
        )
        self.ours, self.theirs = ours, theirs


@dataclass(frozen=True, slots=True)
class MergedCommits:
    """What a merge comes to: *kind*, the tree, what it was measured against, what is in dispute.

    *base* is a tree, None for the empty one; virtual when there were several *bases*.
    """

    kind: str
    tree: Cid
    base: Cid | None
    bases: tuple[Cid, ...]
    conflicts: tuple[Conflict, ...] = ()


def merge_commits(
    ours: Cid, theirs: Cid, profile: Profile, options: Options = DEFAULTS, budget: int = BUDGET
) -> Work[MergedCommits]:
    """Merge the commits *ours* and *theirs*, whose trees are made under *profile*.

    Yields new blocks, those of a virtual base included. Raises `UnlikeProfiles`, `ParentMissing`,
    `LimitExceeded`, and what `merge.merge` raises.
    """
    return (yield from merge.remembering(_merged(ours, theirs, profile, options, budget)))


def _merged(
    ours: Cid, theirs: Cid, profile: Profile, options: Options, budget: int
) -> Work[MergedCommits]:
    bases = yield from merge_bases(ours, theirs, budget)
    mine = yield from history.read(ours)
    if theirs in bases:
        return MergedCommits(UP_TO_DATE, mine.tree, mine.tree, bases)
    their = yield from history.read(theirs)
    if ours in bases:
        return MergedCommits(FAST_FORWARD, their.tree, mine.tree, bases)
    if mine.profile != their.profile:
        raise UnlikeProfiles(mine.profile, their.profile)
    base, unsettled = yield from _tree(bases, profile, options, budget, 0)
    options = replace(options, unsettled=unsettled)
    merged = yield from merge.merge(base, mine.tree, their.tree, profile, options)
    return MergedCommits(MERGED, merged.tree, base, bases, merged.conflicts)


def _tree(
    bases: tuple[Cid, ...], profile: Profile, options: Options, budget: int, depth: int
) -> Work[tuple[Cid | None, frozenset[Path]]]:
    """Return the tree of *bases*, merged into one where they are several; 16 deep at most.

    The paths are those of it that stand for a dispute.
    """
    if not bases:
        return None, frozenset()
    if len(bases) > 1 and depth >= MAX_VIRTUAL:
        raise LimitExceeded("depth of virtual merge bases", MAX_VIRTUAL, depth + 1, "merges")
    first = yield from history.read(bases[0])
    tree, done = first.tree, [bases[0]]
    unsettled: frozenset[Path] = frozenset()
    labels = Labels("one merge base", "another merge base")
    virtual = replace(options, virtual=True, favour=None, labels=labels)
    for other in bases[1:]:
        there = yield from history.read(other)
        if there.profile != first.profile:
            raise UnlikeProfiles(first.profile, there.profile)
        below = yield from _bases_of_all(done, other, budget)
        base, before = yield from _tree(below, profile, options, budget, depth + 1)
        virtual = replace(virtual, unsettled=before | unsettled)
        merged = yield from merge.merge(base, tree, there.tree, profile, virtual)
        tree = merged.tree
        unsettled |= {found.path for found in merged.conflicts}
        done.append(other)
    return tree, unsettled


def _bases_of_all(done: list[Cid], other: Cid, budget: int) -> Lookup[tuple[Cid, ...]]:
    """Return the merge bases of *other* and a commit that had all of *done* as parents."""
    found: set[Cid] = set()
    for commit in done:
        found.update((yield from merge_bases(commit, other, budget)))
    best: list[Cid] = []
    for cid in sorted(found):
        behind = False
        for rival in found - {cid}:
            behind = behind or (yield from history.is_ancestor(cid, rival))
        if not behind:
            best.append(cid)
    return tuple(best)
