"""How what is under way ends: it is committed, or given up, and nothing unsaved is lost."""

from collections.abc import Callable
from dataclasses import replace

from jiaozi_node.errors import Conflict
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import moving, settling
from jiaozi_node.node.committing import USUAL, How, Unresolved
from jiaozi_node.node.moving import Intent, Turn
from jiaozi_node.node.repository import Committed, Repository
from jiaozi_node.node.settling import as_on_disk, is_within
from jiaozi_node.versioning import conflict
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.conflict import Path
from jiaozi_node.versioning.merge_state import MergeState
from jiaozi_node.versioning.merges import Under
from jiaozi_node.versioning.reflog import Note


class NothingUnderWay(Conflict):
    """There is no merge, cherry-pick or revert that could go on or be given up."""

    def __init__(self, what: str) -> None:
        super().__init__(f"no {what} is under way here")
        self.what = what


def under_way(repository: Repository, what: str) -> Under:
    """Return the *what* that is under way; raises `NothingUnderWay`."""
    under = repository.merges.get(repository.copy_id)
    if under is None or under.what != what:
        raise NothingUnderWay(what)
    return under


def check_settled(repository: Repository, what: str) -> None:
    """Raise `NothingUnderWay`, or `Unresolved` when the *what* under way is in dispute."""
    state = settling.state_of(repository, under_way(repository, what))
    if state is not None and state.open:
        raise Unresolved(what, state.open)


def conclude(
    repository: Repository,
    what: str,
    author: Agent,
    now: int,
    message: str | None = None,
    how: How = USUAL,
) -> Committed:
    """Commit what is under way and settled. Raises `NothingUnderWay`, `committing.Unresolved`."""
    with repository.acting() as me:
        under = under_way(me, what)
        return me.commit(message or under.message, author, now, how=how)


def abort(repository: Repository, what: str, note: Note) -> int:
    """Bring files, stage and HEAD back to before the act; return how many files were written.

    What was changed or staged elsewhere since stays in the files. Raises `NothingUnderWay`, and
    `moving.Unsaved` for edits of files that the act wrote, unless they are in dispute.
    """
    with repository.acting() as me:
        under = under_way(me, what)
        head = me.head_commit()
        # Commits that are no part of the series are not taken back.
        back = under.start if head == under.head else head
        return _give_up(me, under, back, None, note)


def skip(repository: Repository, what: str, note: Note) -> int:
    """Leave out the commit that is in dispute, or else the next; the rest stays to be replayed."""
    with repository.acting() as me:
        under = under_way(me, what)
        if under.state is None:
            rest = replace(under, todo=under.todo[1:]) if under.todo[1:] else None
            me.home.names.apply((me.merges.setting(me.copy_id, under, rest),))
            return 0
        return _give_up(me, under, under.head, under.after(under.head), note)


def _give_up(
    repository: Repository, under: Under, back: Cid | None, now: Under | None, note: Note
) -> int:
    """Go back to the commit *back*; *now* is what is under way then."""
    head, state = repository.head_commit(), settling.state_of(repository, under)
    target = repository.head_tree() if back is None else repository.commit_at(back).tree
    stage = repository.staged_tree()
    # What the stage has beyond the act is no part of it: it stays on disk.
    touched = _touched(repository, target, state)
    elsewhere = {
        change.path: change.before
        for change in repository.changed(target, stage)
        if not touched(change.path)
    }
    before = moving.carried(repository, stage, elsewhere)
    if state is not None:  # where markers were edited, that goes
        before = as_on_disk(repository, before, [found.path for found in state.open])
    moves = head != back
    intent = Intent(
        before,
        target,
        target,
        note,
        old=head if moves else None,
        commit=back if moves else None,
        turn=Turn(under, now),
    )
    return moving.go(repository, intent)


def _touched(
    repository: Repository, target: Cid, state: MergeState | None
) -> Callable[[Path], bool]:
    """Return what tells whether the act wrote, or put in dispute, the file at a path."""
    wrote = repository.head_tree() if state is None else state.tree
    exact = {change.path for change in repository.changed(target, wrote)}
    below: list[Path] = []
    for found in () if state is None else state.conflicts:
        exact.update((found.path, *found.renamed))
        if found.kind == conflict.FILE_DIRECTORY:
            below.append(found.path)
    return lambda path: path in exact or is_within(path, below)
