"""A version made under another profile comes into the repository's own, on a branch of its own.

Trees under unlike profiles can't be merged (``specs/merge.md`` §1.6): the same file has two CIDs.
What is made here is a commit on top of the other one, with the same files; it can be merged.
"""

from dataclasses import dataclass, replace

from jiaozi_node.errors import Conflict
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import committing, merging, moving
from jiaozi_node.node.branches import BranchExists
from jiaozi_node.node.committing import USUAL, How
from jiaozi_node.node.repository import Repository
from jiaozi_node.unixfs.convert import converted
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import fields
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.refname import RefName


class NothingToConvert(Conflict):
    """A version is made under the repository's profile already."""

    def __init__(self, cid: Cid, profile: str) -> None:
        super().__init__(f"{cid} is made under {profile}, as this repository is")
        self.cid, self.profile = cid, profile


@dataclass(frozen=True, slots=True)
class Converted:
    """A commit that was made: the files of *source*, whose profile was *was*."""

    branch: str
    commit: Cid
    tree: Cid
    source: Cid
    was: str


def convert(
    repository: Repository,
    source: Cid,
    branch: str,
    author: Agent,
    now: int,
    message: str | None = None,
    how: How = USUAL,
) -> Converted:
    """Make *branch*: a commit on top of *source*, with its files under the repository's profile.

    Raises `NothingToConvert`, `BranchExists`, `NoDirectory`, `BlockMissing`.
    """
    ref = RefName.branch(branch)
    if message is not None:
        fields.check_message("message", message)
    with repository.acting() as me:
        if me.refs.get(ref) is not None:
            raise BranchExists(branch)
        merging.keep_below(me, source)
        was = me.commit_at(source)
        if was.profile == me.profile.name:
            raise NothingToConvert(source, was.profile)
        moving.check_directory(me, was.tree)
        tree = moving.stored(me, converted(was.tree, me.profile))
        words = (
            message or f"Convert to {me.profile.name}\n\nThe files of {source}, {was.profile}.\n"
        )
        how = replace(how, parents=(source,))
        made = commits.encode(committing.made(me, tree, words, author, now, None, how))
        merging.put(me, made)
        note = Note(str(author), f"convert: {source}", now)
        me.refs.cas(ref, None, made.cid, note)
    return Converted(branch, made.cid, tree, source, was.profile)
