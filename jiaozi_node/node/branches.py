"""Branches made, renamed and deleted; going to one is ``switching``."""

from collections.abc import Iterator
from dataclasses import dataclass

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import Conflict, JiaoziError, Malformed, Misuse, NotFound, Refused
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import switching
from jiaozi_node.node.repository import Repository
from jiaozi_node.versioning import history, revision
from jiaozi_node.versioning.earlier import switched
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.refname import RefName, check_name, is_cid_text
from jiaozi_node.versioning.refs import CheckedOut
from jiaozi_node.versioning.workingcopies import Head


class BranchExists(Conflict):
    """A branch of that name is there already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a branch {name!r} already")
        self.name = name


class NotMerged(Refused):
    """A branch has commits that HEAD doesn't have."""

    def __init__(self, name: str, tip: Cid) -> None:
        super().__init__(
            f"branch {name!r} has commits that HEAD lacks, up to {tip}; 'jiaozi branch -D' drops it"
        )
        self.name, self.tip = name, tip


class NoCommit(NotFound):
    """A branch can't begin where there is no commit yet."""

    def __init__(self) -> None:
        super().__init__("there is no commit yet that a branch could begin at")


class NotABranch(NotFound):
    """What was to be a branch is a tag, or another name of a commit."""

    def __init__(self, text: str, commit: str, what: str = "commit") -> None:
        super().__init__(
            f"{text!r} is {what} {commit} and no branch; 'jiaozi switch --detach {text}' goes there"
        )
        self.text, self.commit = text, commit


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch, its tip, and whether this working copy is on it."""

    name: str
    commit: Cid
    current: bool


@dataclass(frozen=True, slots=True)
class Switched:
    """Where a switch went, and how many files it wrote; *branch* None is a detached HEAD."""

    branch: str | None
    commit: Cid | None
    files: int


def listed(repository: Repository) -> Iterator[Branch]:
    """Yield every branch in order of names."""
    here = repository.head.branch
    for ref, target in repository.refs.list("heads/"):
        yield Branch(ref.name, target, ref.name == here)


def create(repository: Repository, name: str, start: str | None, note: Note) -> Branch:
    """Make a branch at the revision *start*, or HEAD."""
    ref = RefName.branch(name)
    if repository.refs.get(ref) is not None:
        raise BranchExists(name)
    commit = _start(repository, start)
    repository.refs.cas(ref, None, commit, note)
    return Branch(name, commit, False)


def delete(repository: Repository, name: str, note: Note, *, force: bool) -> Branch:
    """Delete a branch; unless *force*, only one whose commits HEAD has too."""
    ref = RefName.branch(name)
    target = repository.refs.target(ref)
    if repository.head.branch == name:
        raise CheckedOut(name, repository.copy_id)
    if not force:
        head = repository.head_commit()
        get = repository.home.blocks.get
        if head is None or not run(history.is_ancestor(target, head), get):
            raise NotMerged(name, target)
    repository.refs.delete(ref, target, note)
    return Branch(name, target, False)


def rename(repository: Repository, old: str | None, new: str, note: Note) -> Branch:
    """Give the branch *old*, by default the present one, the name *new*.

    The new one stands before the old one goes, so a kill in between leaves both.
    """
    head = repository.head
    name = old if old is not None else head.branch
    if name is None:
        raise NotFound("HEAD is detached: say which branch to rename")
    check_name(new)
    ref, other = RefName.branch(name), RefName.branch(new)
    if repository.refs.get(other) is not None:
        raise BranchExists(new)
    here = name == head.branch
    holder = repository.copies.holder(repository.id, name)
    if holder not in (None, repository.copy_id):
        switching.from_elsewhere(name, str(holder))
    target = repository.refs.get(ref)
    if target is None:
        if not here:
            repository.refs.target(ref)  # raises
        raise NoCommit
    repository.refs.cas(other, None, target, note)
    if here:
        repository.copies.move(repository.copy_id, Head(branch=new), note)
    repository.refs.delete(ref, target, note)
    return Branch(new, target, here)


def before(repository: Repository, text: str) -> str:
    """Return the branch that ``@{-n}`` means; raises `NoMove`, or `NotABranch` for a commit."""
    name = revision.came_from(text, repository.places())
    if is_cid_text(name):
        raise NotABranch(text, name)
    return name


def switch(
    repository: Repository,
    target: str,
    who: str,
    now: int,
    *,
    create: bool = False,
    start: str | None = None,
    detach: bool = False,
) -> Switched:
    """Go to the branch *target*, to a new one at *start*, or *detach* HEAD at any revision.

    ``-`` is the branch before. Raises `NotABranch`, `NoMove`, `moving.Unsaved`.
    """
    if (create and detach) or (start is not None and not create):
        raise Misuse("write switch BRANCH, switch -c NEW [START] or switch --detach REV")
    if target == "-" and not create:
        target = "@{-1}"
    if target.startswith("@{-") and not (create or detach):
        target = before(repository, target)
    came_from = repository.head.branch or str(repository.head_commit())
    note = Note(who, switched(came_from, target), now)
    if create:
        commit, written = go_new(repository, target, start, note)
    elif detach:
        commit, written = go_detached(repository, target, note)
    else:
        commit, written = go(repository, target, note)
    return Switched(None if detach else target, commit, written)


def go(repository: Repository, name: str, note: Note) -> tuple[Cid | None, int]:
    """Switch to the branch *name*; return its tip and how many files were written."""
    try:
        ref = RefName.branch(name)
        commit = repository.refs.get(ref)
    except Malformed:
        _no_branch(repository, name)
        raise
    if commit is None:
        if repository.head.branch == name:
            return None, 0
        _no_branch(repository, name)
        repository.refs.target(ref)  # raises
        raise NoCommit
    if repository.head.branch == name:
        return commit, 0
    return commit, switching.switch(repository, Head(branch=name), commit, note)


def _no_branch(repository: Repository, text: str) -> None:
    """Raise `NotABranch` when *text* is a revision all the same."""
    try:
        commit = repository.resolve(text)
    except JiaoziError:
        return
    try:
        tag = repository.refs.get(RefName.tag(text))
    except Malformed:
        tag = None
    raise NotABranch(text, str(commit), "commit" if tag is None else "a tag of commit")


def go_detached(repository: Repository, revision: str, note: Note) -> tuple[Cid, int]:
    """Detach HEAD at *revision*."""
    commit = repository.resolve(revision)
    return commit, switching.switch(repository, Head(None, commit), commit, note)


def go_new(
    repository: Repository, name: str, start: str | None, note: Note
) -> tuple[Cid | None, int]:
    """Make the branch *name* at *start* and switch to it; without a commit it stays unborn.

    Where files would be overwritten nothing is made.
    """
    ref = RefName.branch(name)
    if repository.refs.get(ref) is not None:
        raise BranchExists(name)
    if start is None and repository.head_commit() is None:
        repository.copies.move(repository.copy_id, Head(branch=name), note)
        return None, 0
    commit = _start(repository, start)
    switching.check(repository, commit)
    repository.refs.cas(ref, None, commit, note)
    return commit, switching.switch(repository, Head(branch=name), commit, note)


def _start(repository: Repository, start: str | None) -> Cid:
    if start is not None:
        return repository.resolve(start)
    commit = repository.head_commit()
    if commit is None:
        raise NoCommit
    return commit
