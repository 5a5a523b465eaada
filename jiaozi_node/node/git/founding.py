"""``init --from-git``: a repository and a working copy out of a git repository, all or nothing.

Every block is durable before the one batch that sets every name; in it is the intent to write the
files, which whoever opens the working copy next finishes (``specs/from-git.md`` §5).
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from jiaozi_node.dag.walk import stream
from jiaozi_node.errors import Conflict, Misuse, Refused
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import moving
from jiaozi_node.node.acts import acting
from jiaozi_node.node.git.importing import History, import_history
from jiaozi_node.node.git.source import Git
from jiaozi_node.node.home import Home
from jiaozi_node.node.repository import DEFAULT_PROFILE, Repository, add_rows, new_id
from jiaozi_node.stores.api import Change
from jiaozi_node.unixfs import profile as profiles
from jiaozi_node.unixfs.changes import Change as Step
from jiaozi_node.unixfs.changes import Folder, walked
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.refname import check_alias
from jiaozi_node.versioning.refs import Refs
from jiaozi_node.versioning.repositories import AliasTaken, Repositories, RepositoryMissing
from jiaozi_node.versioning.workingcopies import Head, WorkingCopy
from jiaozi_node.worktree import link as links
from jiaozi_node.worktree.index import StatIndex
from jiaozi_node.worktree.link import Link
from jiaozi_node.worktree.look import Look

_SHOWN = 5


class WorkingCopyThere(Conflict):
    """History is imported into a new repository only."""

    def __init__(self, root: str) -> None:
        super().__init__(f"{root} is a working copy already; import into another directory")
        self.root = root


class FilesInTheWay(Refused):
    """The directory holds files other than those that HEAD has; nothing was changed."""

    def __init__(self, root: str, paths: tuple[str, ...]) -> None:
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        super().__init__(
            f"{root} holds other files than HEAD of the git repository:"
            f" {', '.join(paths[:_SHOWN])}{more}; import into an empty directory"
        )
        self.root, self.paths = root, paths


def init_from_git(
    home: Home,
    directory: Path,
    git: Git,
    *,
    profile: str | None,
    alias: str | None,
    branch: str | None,
    default: str,
    note: Note,
    progress: Callable[[int, int], None],
    warn: Callable[[str], None],
) -> tuple[Repository, History]:
    """Make *directory* a working copy of a new repository with the history of *git*.

    HEAD is on *branch* if it is given, else where git's is; *default* names the first branch where
    git's HEAD tells none.
    """
    recipe = profiles.named(profile or DEFAULT_PROFILE)
    if recipe.mtime:
        raise Misuse(f"profile {recipe.name} tracks times of files, which git doesn't keep")
    root = os.path.realpath(directory)
    _check_new(home, root, alias)
    with acting(home) as act:
        found = import_history(git, act.blocks, recipe, branch, progress, warn)
        if found.tree is not None:
            _check_files(act, root, found.tree, recipe)
        os.makedirs(root, exist_ok=True)
        id_ = new_id(act)
        head = found.head if found.tree is None else Head()
        copy = WorkingCopy(links.new_id(), id_, root, os.stat(root).st_ino, head)
        also: list[Change] = list(Refs(act.names, id_).founding(found.refs, note))
        if found.tree is not None:
            intent = moving.Intent(found.empty, found.tree, found.tree, note, head=found.head)
            also.append(moving.beginning(copy.id, intent))
        first = found.head.branch or default
        add_rows(act, id_, alias, root, recipe.name, first, copy, note.time, also)
        links.write(Link(root, id_, copy.id))
        try:
            Repository.at(act, root)
        except Exception as fault:
            at = found.head.branch or f"--detach {found.head.commit}"
            fault.add_note(f"the history is imported; 'jiaozi switch {at}' there writes the files")
            raise
    return Repository.at(home, root), found


def _check_new(home: Home, root: str, alias: str | None) -> None:
    """Refuse what would be refused at the end anyway."""
    try:
        links.read(root)
    except links.NoWorkingCopy:
        pass
    else:
        raise WorkingCopyThere(root)
    if os.path.lexists(root) and not os.path.isdir(root):
        raise Misuse(f"{root} is not a directory")
    if alias is not None:
        check_alias(alias)
        try:
            taken = Repositories(home.names).find(alias)
        except RepositoryMissing:
            return
        raise AliasTaken(alias, taken.id)


def _check_files(home: Home, root: str, tree: Cid, profile: Profile) -> None:
    """Raise `FilesInTheWay` when writing *tree* would meet something that isn't of it."""
    if not os.path.isdir(root) or not os.listdir(root):
        return
    found: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        index = StatIndex(os.path.join(scratch, links.INDEX_NAME), repr(profile))
        try:
            with Look(root, profile, index) as look:
                steps: Iterator[Step | Folder] = stream(walked(None, tree), home.blocks.get)
                for step in steps:
                    if not step.path:
                        continue
                    if isinstance(step, Folder):
                        wrong = look.is_file(step.path)
                    else:
                        wrong = look.exists(step.path) and look.at(step.path) != step.after
                    if wrong:
                        found.append("/".join(step.path))
        finally:
            index.close()
    if found:
        raise FilesInTheWay(root, tuple(found))
