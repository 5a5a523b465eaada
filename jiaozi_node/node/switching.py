"""Switching: the working copy goes to another branch or version; what isn't saved comes along."""

from jiaozi_node.errors import Refused
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import moving
from jiaozi_node.node.moving import Intent
from jiaozi_node.node.repository import Repository
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.workingcopies import Head


def switch(repository: Repository, head: Head, commit: Cid, note: Note) -> int:
    """Attach or detach HEAD at *commit*; write what differs; return how many files did.

    What is staged or changed elsewhere comes along. Raises `moving.Unsaved`, `CheckedOut`,
    `merges.UnderWay`.
    """
    with repository.acting() as me:
        me.merges.check_none(me.copy_id)
        before = me.head_tree()
        after = me.commit_at(commit).tree
        steps = moving.steps(me, before, after)
        stage = moving.carried_along(me, before, after, steps)
        intent = Intent(before, after, stage, note, head=head)
        if head.branch is not None and head.branch != me.head.branch:
            holder = me.copies.holder(me.id, head.branch)
            if holder is not None:
                from_elsewhere(head.branch, holder)
        moving.carry_out(me, intent, steps)
    return moving.files(steps)


def check(repository: Repository, commit: Cid) -> None:
    """Raise what `switch` to *commit* would raise, having written nothing."""
    with repository.acting() as me:
        me.merges.check_none(me.copy_id)
        before, after = me.head_tree(), me.commit_at(commit).tree
        moving.carried_along(me, before, after, moving.steps(me, before, after))


def from_elsewhere(branch: str, holder: str) -> None:
    """Raise for a branch that another working copy is on."""
    raise Refused(f"branch {branch!r} is checked out in working copy {holder}")
