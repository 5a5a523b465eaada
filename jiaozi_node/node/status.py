"""What `status` tells: HEAD against the stage, the stage against the working copy (design §5)."""

import os
from collections.abc import Container, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from jiaozi_node.dag.walk import run, stream
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.node import seeking, settling
from jiaozi_node.node.repository import Repository
from jiaozi_node.unixfs.add import add_bytes
from jiaozi_node.unixfs.changes import Change, Folder, walked
from jiaozi_node.unixfs.node import DIRECTORY
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.versioning import moves
from jiaozi_node.versioning.conflict import FILE_DIRECTORY, Conflict
from jiaozi_node.versioning.merges import Under
from jiaozi_node.worktree import compare
from jiaozi_node.worktree.compare import Difference
from jiaozi_node.worktree.index import StatIndex
from jiaozi_node.worktree.link import INDEX_NAME, place_below
from jiaozi_node.worktree.names import RESERVED
from jiaozi_node.worktree.seeking import Mark

Parts = tuple[str, ...]

# Which of base, ours and theirs is a file: what git's index would have, as git-status(1) shows it.
_LETTERS: Mapping[tuple[bool, ...], str] = {
    (True, True, True): "UU",
    (False, True, True): "AA",
    (True, True, False): "UD",
    (True, False, True): "DU",
    (False, True, False): "AU",
    (False, False, True): "UA",
    (True, False, False): "DD",
}


@dataclass(frozen=True, slots=True)
class Unmerged:
    """A path in dispute, and git's two letters for it: what ours did, and theirs."""

    path: str
    kind: str
    letters: str


class StagedChange(NamedTuple):
    """What a commit would record of a path: git's letter, and for R the *source* it had before."""

    letter: str
    path: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """How a working copy stands.

    *staged* is what a commit would record; *working* what the directory has beyond that, (letter,
    path) with git's letters. A path of a directory ends in ``/``. *under* is the merge, pick or
    revert that is under way, *unmerged* what it has in dispute, which is in neither of the others.
    """

    branch: str | None
    commit: Cid | None
    staged: tuple[StagedChange, ...]
    working: tuple[tuple[str, str], ...]
    under: Under | None = None
    unmerged: tuple[Unmerged, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.staged and not self.working and self.under is None


def status(repository: Repository, *, untracked: bool = True) -> Status:
    """Compare HEAD, stage and directory; what had to be hashed is remembered."""
    commit = repository.head_commit()
    tree = repository.staged_tree()
    head = None if commit is None else repository.commit_at(commit).tree
    under = repository.merges.get(repository.copy_id)
    unmerged = tuple(disputes(repository, under))
    apart = {found.path for found in unmerged}
    return Status(
        repository.head.branch,
        commit,
        tuple(_staged(repository, head, tree, apart)),
        tuple(
            (found.letter, path)
            for found in working(repository, tree, untracked=untracked, telling=True)
            if (path := path_text(found.parts, folder=found.folder)) not in apart
        ),
        under,
        unmerged,
    )


def disputes(repository: Repository, under: Under | None) -> Iterator[Unmerged]:
    """Yield what is in dispute and not settled, in byte order of paths."""
    state = settling.state_of(repository, under)
    for found in () if state is None else state.open:
        yield Unmerged(path_text(found.path) or ".", found.kind, letters(repository, found))


def letters(repository: Repository, found: Conflict) -> str:
    """Return git's letters for a path in dispute: U changed, A added, D deleted, on either side."""
    sides = found.base, found.ours, found.theirs
    files = [cid is not None and not _is_directory(repository, found, cid) for cid in sides]
    return _LETTERS[tuple(files)]


def _is_directory(repository: Repository, found: Conflict, cid: Cid) -> bool:
    if found.kind != FILE_DIRECTORY or cid.codec == RAW:
        return False
    return run(stat(cid), repository.home.blocks.get).kind == DIRECTORY


def staged(repository: Repository, head: Cid | None, tree: Cid) -> Iterator[tuple[str, str]]:
    """Yield what differs between two trees; of directories those that are empty on one side."""
    for change in _differing(repository, head, tree):
        yield _letter(change), path_text(change.path, folder=isinstance(change, Folder))


def _staged(
    repository: Repository, head: Cid | None, tree: Cid, apart: Container[str]
) -> Iterator[StagedChange]:
    """Yield what is `staged`, but for paths *apart*; what moved unchanged as one, as git does."""
    found = [
        (path, change)
        for change in _differing(repository, head, tree)
        if (path := path_text(change.path, folder=isinstance(change, Folder))) not in apart
    ]
    files = [change for _path, change in found if isinstance(change, Change)]
    sources: dict[Parts, Parts] = {}
    if any(one.before is None for one in files) and any(one.after is None for one in files):
        empty = add_bytes(b"", repository.profile, keep=False)[1].cid
        pairs = [(one.path, one.before, one.after) for one in files]
        origins = moves.found(pairs, (), empty)
        sources = {path: move.source for path, move in origins.items() if not move.copied}
    gone = set(sources.values())
    for path, change in found:
        if change.path in sources:
            yield StagedChange("R", path, path_text(sources[change.path]))
        elif change.after is not None or change.path not in gone:
            yield StagedChange(_letter(change), path)


def _differing(repository: Repository, head: Cid | None, tree: Cid) -> Iterator[Change | Folder]:
    walk: Iterator[Change | Folder] = stream(walked(head, tree), repository.home.blocks.get)
    for change in walk:
        if not isinstance(change, Folder) or (
            not change.names and change.path and not (change.before and change.after)
        ):
            yield change


def _letter(change: Change | Folder) -> str:
    if isinstance(change, Change):
        return change.letter
    return "A" if change.before is None else "D"


def working(
    repository: Repository,
    tree: Cid,
    *,
    untracked: bool = True,
    whole: bool = False,
    telling: bool = False,
) -> tuple[Difference, ...]:
    """Return how the directory differs from *tree*; see `compare.compare`.

    Where it is only for *telling*, a daemon that watches the directory is asked where to look.
    """
    with stat_index(repository) as index:
        home = place_below(repository.root, os.path.realpath(repository.home.path))
        seen, mark = seeking.asked(repository.home, repository.root, index) if telling else _UNASKED
        unlike: set[bytes] = set()
        found = compare.compare(
            repository.root,
            tree,
            repository.home.blocks.get,
            repository.profile,
            index,
            home=home,
            untracked=untracked,
            whole=whole,
            seek=seeking.seek(repository.home, seen, mark, tree),
            unlike=unlike,
        )
        if seen is not None:
            now = Mark(seen.token, tree, frozenset(unlike))
            if now != mark:
                index.set_mark(now.encode())
        return tuple(found)


_UNASKED: Final = (None, None)


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
