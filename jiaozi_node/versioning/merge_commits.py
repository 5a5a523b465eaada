"""Two commits merged: their bases found, several of them merged first (``specs/merge.md`` §1).

Says what is to be done and with which tree; making the commit, and moving a branch, are the
caller's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
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

NONE: Final[Mapping[Cid, Cid]] = MappingProxyType({})

MAX_VIRTUAL: Final = 16  # §1.3: virtual bases within each other


class UnlikeProfiles(Refused):
    """Trees made under different CID recipes are never merged (§1.6)."""

    def __init__(self, ours: str, theirs: str) -> None:
        super().__init__(
            f"ours is made under profile {ours}, theirs under {theirs}: can't merge;"
            " 'jiaozi convert REV BRANCH' makes a branch that can"
        )
        self.ours, self.theirs = ours, theirs


class UnlikeBase(Refused):
    """A merge base is made under another recipe than both sides; its *tree* is to be converted."""

    def __init__(self, commit: Cid, tree: Cid, profile: str) -> None:
        super().__init__(f"the merge base {commit} is made under profile {profile}: can't merge")
        self.commit, self.tree, self.profile = commit, tree, profile


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
    ours: Cid,
    theirs: Cid,
    profile: Profile,
    options: Options = DEFAULTS,
    budget: int = BUDGET,
    trees: Mapping[Cid, Cid] = NONE,
) -> Work[MergedCommits]:
    """Merge the commits *ours* and *theirs*, whose trees are made under *profile*.

    *trees* are those of commits of other profiles, converted. Yields new blocks, those of a virtual
    base included. Raises `UnlikeProfiles`, `UnlikeBase` for a base that isn't in *trees*,
    `ParentMissing`, `LimitExceeded`, and what `merge.merge` raises.
    """
    bases = _Bases(profile, options, budget, trees)
    return (yield from merge.remembering(_merged(ours, theirs, bases)))


def _merged(ours: Cid, theirs: Cid, found: "_Bases") -> Work[MergedCommits]:
    bases = yield from merge_bases(ours, theirs, found.budget)
    mine = yield from history.read(ours)
    if theirs in bases:
        return MergedCommits(UP_TO_DATE, mine.tree, mine.tree, bases)
    their = yield from history.read(theirs)
    if ours in bases:
        return MergedCommits(FAST_FORWARD, their.tree, mine.tree, bases)
    if mine.profile != their.profile:
        raise UnlikeProfiles(mine.profile, their.profile)
    base, unsettled = yield from found.tree(bases, 0)
    options = replace(found.options, unsettled=unsettled)
    merged = yield from merge.merge(base, mine.tree, their.tree, found.profile, options)
    return MergedCommits(MERGED, merged.tree, base, bases, merged.conflicts)


@dataclass(frozen=True, slots=True)
class _Bases:
    """How the bases of one merge become one tree."""

    profile: Profile
    options: Options
    budget: int
    trees: Mapping[Cid, Cid]

    def tree(self, bases: tuple[Cid, ...], depth: int) -> Work[tuple[Cid | None, frozenset[Path]]]:
        """Return the tree of *bases*, merged into one where they are several; 16 deep at most.

        The paths are those of it that stand for a dispute.
        """
        if not bases:
            return None, frozenset()
        if len(bases) > 1 and depth >= MAX_VIRTUAL:
            raise LimitExceeded("depth of virtual merge bases", MAX_VIRTUAL, depth + 1, "merges")
        tree, done = (yield from self._own(bases[0])), [bases[0]]
        unsettled: frozenset[Path] = frozenset()
        labels = Labels("one merge base", "another merge base")
        virtual = replace(self.options, virtual=True, favour=None, labels=labels)
        for other in bases[1:]:
            there = yield from self._own(other)
            below = yield from _bases_of_all(done, other, self.budget)
            base, before = yield from self.tree(below, depth + 1)
            virtual = replace(virtual, unsettled=before | unsettled)
            merged = yield from merge.merge(base, tree, there, self.profile, virtual)
            tree = merged.tree
            unsettled |= {found.path for found in merged.conflicts}
            done.append(other)
        return tree, unsettled

    def _own(self, cid: Cid) -> Lookup[Cid]:
        """Return the tree of a base, under the profile of both sides."""
        if cid in self.trees:
            return self.trees[cid]
        commit = yield from history.read(cid)
        if commit.profile != self.profile.name:
            raise UnlikeBase(cid, commit.tree, commit.profile)
        return commit.tree


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
