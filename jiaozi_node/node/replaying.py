"""Cherry-pick and revert: what one commit changed is made, or unmade, on top of HEAD.

Each is a merge whose base isn't a common ancestor but the commit's own parent, or for a revert the
commit itself (``specs/merge.md`` §8). A series is worked out before a file is touched; files go to
its end, or to the first commit that leaves disputes, in one turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import Conflict, LimitExceeded, Misuse
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import committing, ending, merging, moving, settling
from jiaozi_node.node.branches import NoCommit
from jiaozi_node.node.committing import USUAL, How
from jiaozi_node.node.merging import IN_DISPUTE
from jiaozi_node.node.moving import Intent, Turn
from jiaozi_node.node.repository import Repository
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import history, merge, merges
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.conflict import Conflict as Dispute
from jiaozi_node.versioning.drivers.outcome import Labels
from jiaozi_node.versioning.merge import Options
from jiaozi_node.versioning.merge_commits import UnlikeProfiles
from jiaozi_node.versioning.merge_state import MergeState
from jiaozi_node.versioning.merges import PICK, Under
from jiaozi_node.versioning.reflog import Note

REPLAYED: Final = "replayed"
PAUSED: Final = "paused"
MAX_SERIES: Final = 1000  # §8.5

_SHORT = 20


class ChangesNothing(Conflict):
    """A commit whose replay would change nothing; nothing was changed."""

    def __init__(self, what: str, cid: Cid, started: bool) -> None:
        how = f"'jiaozi {what} --skip' leaves it out" if started else "leave it out"
        super().__init__(f"the {what} of {cid} would change nothing here; {how}")
        self.cid = cid


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to: the commits that were made, and what is in dispute in the next one.

    *kind* is `REPLAYED`, `IN_DISPUTE`, or `PAUSED`: the next is staged, and waits to be committed.
    *at* is the commit that is in dispute or waits.
    """

    kind: str
    commits: tuple[Cid, ...]
    tree: Cid
    at: Cid | None = None
    conflicts: tuple[Dispute, ...] = ()
    files: int = 0


def replay(
    repository: Repository,
    what: str,
    series: Sequence[Cid],
    author: Agent,
    now: int,
    mainline: int | None = None,
    how: How = USUAL,
    *,
    pause: bool = False,
) -> Replayed:
    """Cherry-pick or revert (*what*) the commits of *series*, in order.

    *mainline* says which parent of a merge counts; of *how* the signer does. With *pause* it stops
    before each commit is made, and `go_on` makes it. Raises
    `merges.UnderWay`, `StagedChanges`, `moving.Unsaved`, `ChangesNothing`, `UnlikeProfiles`,
    `ParentMissing`, and `Misuse` for a merge without *mainline*; nothing was changed then.
    """
    if len(series) > MAX_SERIES:
        raise LimitExceeded(f"a series to {what}", MAX_SERIES, len(series), "commits")
    with repository.acting() as me:
        me.merges.check_none(me.copy_id)
        head = me.head_commit()
        if head is None:
            raise NoCommit
        under = Under(what, None, head, head, "", tuple(series), mainline)
        return _on(me, None, under, author, now, how, pause=pause)


def go_on(
    repository: Repository,
    what: str,
    author: Agent,
    now: int,
    how: How = USUAL,
    *,
    pause: bool = False,
) -> Replayed:
    """Commit what is settled, and replay the rest of the series. Raises `committing.Unresolved`."""
    with repository.acting() as me:
        under = ending.under_way(me, what)
        made: tuple[Cid, ...] = ()
        if under.state is not None:
            made = (me.commit(under.message, author, now, how=how).cid,)
        return _rest(me, author, now, made, how, pause=pause)


def skip(
    repository: Repository,
    what: str,
    author: Agent,
    now: int,
    how: How = USUAL,
    *,
    pause: bool = False,
) -> Replayed:
    """Leave out the commit that is in dispute, and replay the rest of the series."""
    with repository.acting() as me:
        ending.skip(me, what, Note(str(author), f"{what}: skipped", now))
        return _rest(me, author, now, (), how, pause=pause)


def _rest(
    repository: Repository,
    author: Agent,
    now: int,
    made: tuple[Cid, ...],
    how: How,
    *,
    pause: bool,
) -> Replayed:
    under = repository.merges.get(repository.copy_id)
    if under is None:
        return Replayed(REPLAYED, made, repository.staged_tree())
    done = _on(repository, under, under, author, now, how, pause=pause)
    return replace(done, commits=(*made, *done.commits))


@dataclass(slots=True)
class _Way:
    """How far a series got in blocks alone: the commit *at* with *tree*, and what stopped it."""

    at: Cid
    tree: Cid
    made: list[Cid] = field(default_factory=list)
    stopped: MergeState | None = None
    message: str = ""
    todo: tuple[Cid, ...] = ()


def _on(
    repository: Repository,
    was: Under | None,
    under: Under,
    author: Agent,
    now: int,
    how: How,
    *,
    pause: bool,
) -> Replayed:
    """Replay what *under* has to do, on HEAD; *was* is what the row says now."""
    merging.check_nothing_staged(repository, under.what)
    head = repository.head_commit()
    if head is None:
        raise NoCommit
    before = repository.commit_at(head).tree
    way = _Way(head, before)
    _work_out(repository, under, way, author, now, how, started=was is not None, pause=pause)
    state, after, then = way.stopped, way.tree, None
    if state is not None:
        after = state.tree
        kept = settling.kept(repository, state)
        then = replace(under, state=kept, head=way.at, message=way.message, todo=way.todo)
    subject = repository.commit_at(way.at).subject
    note = Note(str(author), f"{under.what}: {subject}", now)
    intent = Intent(before, after, after, note, turn=Turn(was, then))
    if way.made:
        intent = replace(intent, old=head, commit=way.at)
    files = moving.go(repository, intent)
    if state is None:
        return Replayed(REPLAYED, tuple(way.made), after, files=files)
    kind = IN_DISPUTE if state.conflicts else PAUSED
    return Replayed(kind, tuple(way.made), after, state.theirs, state.conflicts, files)


def _work_out(
    repository: Repository,
    under: Under,
    way: _Way,
    author: Agent,
    now: int,
    usual: How,
    *,
    started: bool,
    pause: bool,
) -> None:
    """Make the commits of the series until one is in dispute; HEAD stays where it is.

    With *pause* the first isn't made.
    """
    what = under.what
    for number, cid in enumerate(under.todo, 1):
        merging.keep_below(repository, cid)
        commit = repository.commit_at(cid)
        base, theirs = _sides(repository, what, cid, under.mainline)
        name = f"{str(cid)[:_SHORT]} {commit.subject}".rstrip()
        labels = Labels("HEAD", name if what == PICK else f"parent of {name}")
        work = merge.merge(base, way.tree, theirs, repository.profile, Options(labels=labels))
        found = moving.stored(repository, work)
        message, who, how = commit.message, author, replace(usual, parents=(way.at,))
        if what == PICK:
            who, how = commit.author, committing.credited(commit, author, how)
        else:
            message = _revert_message(cid, commit, under.mainline)
        if found.tree == way.tree and not found.conflicts:
            raise ChangesNothing(what, cid, started)
        if found.conflicts or pause:
            way.stopped = MergeState(base, way.at, cid, found.tree, found.conflicts)
            way.message, way.todo = message, under.todo[number:]
            break
        made = commits.encode(committing.made(repository, found.tree, message, who, now, None, how))
        merging.put(repository, made)
        way.at, way.tree = made.cid, found.tree
        way.made.append(made.cid)


def theirs_of(repository: Repository, under: Under, state: MergeState) -> Cid:
    """Return the tree that counts as theirs in what is under way."""
    if under.what == merges.MERGE:
        return repository.commit_at(state.theirs).tree
    return _sides(repository, under.what, state.theirs, under.mainline)[1]


def _sides(
    repository: Repository, what: str, cid: Cid, mainline: int | None
) -> tuple[Cid | None, Cid]:
    """Return the trees that count as base and theirs when *cid* is replayed (§8.1)."""
    commit = repository.commit_at(cid)
    parent: Cid | None = None
    if len(commit.parents) > 1 and mainline is None:
        raise Misuse(
            f"{cid} is a merge: say with -m which of its {len(commit.parents)} parents counts"
        )
    if mainline is not None and not 1 <= mainline <= len(commit.parents):
        raise Misuse(f"{cid} has {len(commit.parents)} parents, and no parent {mainline}")
    profiles = [commit.profile]
    if commit.parents:
        number = 1 if mainline is None else mainline
        above = run(history.read(commit.parents[number - 1], cid), repository.home.blocks.get)
        parent = above.tree
        profiles.append(above.profile)
    for profile in profiles:
        if profile != repository.profile.name:
            raise UnlikeProfiles(repository.profile.name, profile)
    if what == PICK:
        return parent, commit.tree
    return commit.tree, repository.empty_tree() if parent is None else parent


def _revert_message(cid: Cid, commit: Commit, mainline: int | None) -> str:
    against = ""
    if mainline is not None:
        against = f", reversing\nchanges made to {commit.parents[mainline - 1]}"
    return f'Revert "{commit.subject}"\n\nThis reverts commit {cid}{against}.\n'
