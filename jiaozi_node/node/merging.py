"""Merging another version into the present one.

A merge that is clean is committed, and HEAD moves when its files are written. One that leaves
disputes is a row of names.db from before the first file is touched (``specs/merge.md`` §6): files
hold git's markers or ours, and what `ending` does, or a commit, ends it.
"""

from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from jiaozi_node.dag.walk import driven, run
from jiaozi_node.errors import Malformed, Refused
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import committing, moving, settling
from jiaozi_node.node.acts import acting
from jiaozi_node.node.committing import USUAL, How
from jiaozi_node.node.home import Home
from jiaozi_node.node.moving import Intent, Turn
from jiaozi_node.node.repository import Repository
from jiaozi_node.node.status import staged
from jiaozi_node.stores.api import Family
from jiaozi_node.stores.scratch import Scratch
from jiaozi_node.unixfs import profile as profiles
from jiaozi_node.unixfs.convert import converted
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import fields, history, merge_commits, merges
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.conflict import Conflict as Dispute
from jiaozi_node.versioning.drivers.outcome import Labels
from jiaozi_node.versioning.merge import Options, Work
from jiaozi_node.versioning.merge_commits import (
    FAST_FORWARD,
    MERGED,
    UP_TO_DATE,
    MergedCommits,
    UnlikeBase,
    UnlikeProfiles,
)
from jiaozi_node.versioning.merge_state import MergeState
from jiaozi_node.versioning.merges import Under
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.refname import RefName

IN_DISPUTE: Final = "in-dispute"
NOT_COMMITTED: Final = "not-committed"

Result = TypeVar("Result")

_SHOWN = 5
_HELD_BLOCKS = 32  # of a preview, in memory; the others wait in a temporary file


class NotForward(Refused):
    """Only a fast-forward was wanted, and both sides have commits of their own."""

    def __init__(self, name: str) -> None:
        super().__init__(f"HEAD has commits that {name!r} lacks: that is no fast-forward")
        self.name = name


class StagedChanges(Refused):
    """What is staged would be mixed with what a merge brings; nothing was changed."""

    def __init__(self, what: str, paths: tuple[str, ...]) -> None:
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        super().__init__(
            f"changes are staged in {', '.join(paths[:_SHOWN])}{more}; commit them before"
            f" the {what}, or 'jiaozi restore --staged' them"
        )
        self.paths = paths


@dataclass(frozen=True, slots=True)
class Wish:
    """How to merge. *name* is what the user calls theirs, *favour* the side that wins disputes."""

    name: str
    message: str | None = None
    only_forward: bool = False
    never_forward: bool = False
    commit: bool = True
    favour: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a merge came to; *files* were written. *commit* is HEAD's now, None in a preview.

    *kind* is `UP_TO_DATE`, `FAST_FORWARD`, `MERGED`, `IN_DISPUTE` or `NOT_COMMITTED`. *base* is the
    tree that both were measured against, None for the empty one.
    """

    kind: str
    tree: Cid
    commit: Cid | None = None
    base: Cid | None = None
    bases: tuple[Cid, ...] = ()
    conflicts: tuple[Dispute, ...] = ()
    files: int = 0


def preview(home: Home, ours: Cid, theirs: Cid, wish: Wish) -> Outcome:
    """Tell what a merge of two commits would come to; nothing is written, no working copy needed.

    Only blocks that decide something are read.
    """
    get = home.blocks.get
    mine, their = (run(history.read(cid), get) for cid in (ours, theirs))
    if mine.profile != their.profile:
        raise UnlikeProfiles(mine.profile, their.profile)
    with Scratch(_HELD_BLOCKS) as scratch:

        def again(cid: Cid) -> Block:
            data = scratch.get(cid.raw)
            return get(cid) if data is None else Block(cid, data)

        def drive(work: Work[Result]) -> Result:
            return driven(work, again, lambda block: scratch.put(block.cid.raw, block.data))

        found = _worked_out(ours, theirs, profiles.named(mine.profile), _options(wish), drive)
    kind = found.kind
    if wish.never_forward and kind == FAST_FORWARD:
        kind = MERGED
    if wish.only_forward and kind == MERGED:
        raise NotForward(wish.name)
    kind = IN_DISPUTE if found.conflicts else kind
    return Outcome(kind, found.tree, None, found.base, found.bases, found.conflicts)


def merge(
    repository: Repository,
    theirs: Cid,
    author: Agent,
    now: int,
    wish: Wish,
    tz_minutes: int | None = None,
    how: How = USUAL,
) -> Outcome:
    """Merge the commit *theirs* into HEAD.

    Raises `merges.UnderWay`, `StagedChanges`, `moving.Unsaved`, `UnlikeProfiles`, `ParentMissing`,
    `NotForward`; nothing was changed then.
    """
    if wish.message is not None:
        fields.check_message("message", wish.message)
    with repository.acting() as me:
        me.merges.check_none(me.copy_id)
        keep_below(me, theirs)
        their = me.commit_at(theirs)
        if their.profile != me.profile.name:
            raise UnlikeProfiles(me.profile.name, their.profile)
        ours = me.head_commit()
        note = Note(str(author), f"merge {wish.name}", now)
        if ours is None:
            return _forward(me, None, theirs, note, ())
        found = _worked_out(
            ours, theirs, me.profile, _options(wish), lambda work: moving.stored(me, work)
        )
        if found.kind == UP_TO_DATE:
            return Outcome(UP_TO_DATE, found.tree, ours, found.base, found.bases)
        if found.kind == FAST_FORWARD and not wish.never_forward:
            return _forward(me, ours, theirs, note, found.bases)
        if wish.only_forward:
            raise NotForward(wish.name)
        check_nothing_staged(me, merges.MERGE)
        before = me.commit_at(ours).tree
        message = wish.message or default_message(me, wish.name)
        if found.conflicts or not wish.commit:
            state = MergeState(found.base, ours, theirs, found.tree, found.conflicts)
            under = Under(merges.MERGE, settling.kept(me, state), ours, ours, message)
            intent = Intent(before, found.tree, found.tree, note, turn=Turn(None, under))
            files = moving.go(me, intent)
            kind = IN_DISPUTE if found.conflicts else NOT_COMMITTED
            return Outcome(kind, found.tree, ours, found.base, found.bases, found.conflicts, files)
        how = replace(how, parents=(ours, theirs))
        made = commits.encode(
            committing.made(me, found.tree, message, author, now, tz_minutes, how)
        )
        put(me, made)
        intent = Intent(before, found.tree, found.tree, note, old=ours, commit=made.cid)
        files = moving.go(me, intent)
        return Outcome(MERGED, found.tree, made.cid, found.base, found.bases, (), files)


def _forward(
    repository: Repository, ours: Cid | None, theirs: Cid, note: Note, bases: tuple[Cid, ...]
) -> Outcome:
    """Move HEAD on to *theirs*; what is staged or changed elsewhere comes along."""
    before, after = repository.head_tree(), repository.commit_at(theirs).tree
    steps = moving.steps(repository, before, after)
    stage = moving.carried_along(repository, before, after, steps)
    note = replace(note, why=f"{note.why}: fast-forward")
    moving.carry_out(repository, Intent(before, after, stage, note, old=ours, commit=theirs), steps)
    return Outcome(FAST_FORWARD, after, theirs, before, bases, (), moving.files(steps))


def default_message(repository: Repository, name: str) -> str:
    """Return git's words for a merge of what the user called *name*."""
    what = "commit"
    for kind, ref in (("branch", RefName.branch), ("tag", RefName.tag)):
        try:
            if repository.refs.get(ref(name)) is not None:
                what = kind
                break
        except Malformed:  # a CID, or HEAD~2
            pass
    branch = repository.head.branch
    into = f" into {branch}" if branch not in (None, "main") else ""
    return f"Merge {what} {name!r}{into}"


def keep_below(repository: Repository, commit: Cid) -> None:
    """Keep *commit*, which may be on no branch, and all below it until the act ends."""
    with acting(repository.home) as act:
        act.lease.keep_below(commit)


def check_nothing_staged(repository: Repository, what: str) -> None:
    """Raise `StagedChanges` unless the stage is HEAD's tree."""
    head, stage = repository.head_tree(), repository.staged_tree()
    if stage != head:
        raise StagedChanges(what, tuple(path for _, path in staged(repository, head, stage)))


def put(repository: Repository, block: Block) -> None:
    """Store *block*, durable when this returns."""
    with repository.home.blocks.writer(Family.OWN) as writer:
        writer.put([block])


def _options(wish: Wish) -> Options:
    return Options(labels=Labels("HEAD", wish.name), favour=wish.favour)


class _Drive(Protocol):
    """Runs work that needs blocks and makes some, which it has when it needs them again."""

    def __call__(self, work: Work[Result], /) -> Result: ...


def _worked_out(
    ours: Cid, theirs: Cid, profile: Profile, options: Options, drive: _Drive
) -> MergedCommits:
    """Merge two commits; the tree of a base that is of another profile is converted first."""
    trees: dict[Cid, Cid] = {}
    while True:
        work = merge_commits.merge_commits(ours, theirs, profile, options, trees=trees)
        try:
            return drive(work)
        except UnlikeBase as fault:
            trees[fault.commit] = drive(converted(fault.tree, profile))
