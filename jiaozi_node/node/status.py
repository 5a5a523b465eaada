"""What `status` tells: HEAD against the stage, the stage against the working copy (design §5)."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from jiaozi_node.dag.walk import stream
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.repository import Repository
from jiaozi_node.unixfs.changes import Change, Folder, walked
from jiaozi_node.worktree import compare
from jiaozi_node.worktree.compare import Difference
from jiaozi_node.worktree.index import StatIndex
from jiaozi_node.worktree.link import INDEX_NAME, place_below
from jiaozi_node.worktree.names import RESERVED

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """How a working copy stands.

    *staged* is what a commit would record, (letter, path) with git's letters; *working* what the
    directory has beyond that. A path of a directory ends in ``/``.
    """

    branch: str | None
    commit: Cid | None
    staged: tuple[tuple[str, str], ...]
    working: tuple[tuple[str, str], ...]

    @property
    def clean(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.staged and not self.working


def status(repository: Repository, *, untracked: bool = True) -> Status:
    """Compare HEAD, stage and directory; what had to be hashed is remembered."""
    commit = repository.head_commit()
    tree = repository.staged_tree()
    head = None if commit is None else repository.commit_at(commit).tree
    return Status(
        repository.head.branch,
        commit,
        tuple(staged(repository, head, tree)),
        tuple(
            (found.letter, path_text(found.parts, folder=found.folder))
            for found in working(repository, tree, untracked=untracked)
        ),
    )


def staged(repository: Repository, head: Cid | None, tree: Cid) -> Iterator[tuple[str, str]]:
    """Yield what differs between two trees; of directories those that are empty on one side."""
    walk: Iterator[Change | Folder] = stream(walked(head, tree), repository.home.blocks.get)
    for change in walk:
        if not isinstance(change, Folder):
            yield change.letter, path_text(change.path)
        elif not change.names and change.path and not (change.before and change.after):
            yield "A" if change.before is None else "D", path_text(change.path, folder=True)


def working(repository: Repository, tree: Cid, *, untracked: bool = True) -> tuple[Difference, ...]:
    """Return how the directory differs from *tree*."""
    with stat_index(repository) as index:
        home = place_below(repository.root, os.path.realpath(repository.home.path))
        return tuple(
            compare.compare(
                repository.root,
                tree,
                repository.home.blocks.get,
                repository.profile,
                index,
                home=home,
                untracked=untracked,
            )
        )


@contextmanager
def stat_index(repository: Repository) -> Iterator[StatIndex]:
    """Open the stat index of the working copy; what it learnt is kept when all went well."""
    path = os.path.join(repository.root, RESERVED, INDEX_NAME)
    with closing(StatIndex(path, repr(repository.profile))) as index:
        yield index
        index.save()


def path_text(parts: Parts, *, folder: bool = False) -> str:
    """Return a path as commands show it."""
    return "/".join(parts) + "/" * folder
