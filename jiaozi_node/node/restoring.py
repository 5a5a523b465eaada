"""Going back: files from the stage or a version, the stage from HEAD, a branch to another commit.

What these commands overwrite was asked to be overwritten; what isn't tracked is left alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jiaozi_node.errors import NotFound
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import finding, moving
from jiaozi_node.node.overwriting import overwriting
from jiaozi_node.node.repository import Repository
from jiaozi_node.node.settling import is_within
from jiaozi_node.node.status import Parts, path_text, staged, working
from jiaozi_node.node.whole import bring_back
from jiaozi_node.unixfs.changes import Change, Folder
from jiaozi_node.versioning.merges import UnderWay
from jiaozi_node.versioning.reflog import Note


class NothingThere(NotFound):
    """A path that neither the source nor the working copy tracks."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path or '.'}: nothing of that name is tracked")
        self.path = path


@dataclass(frozen=True, slots=True)
class Restored:
    """The paths that were set and those that were removed."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


def restore_files(repository: Repository, within: Sequence[Parts], source: Cid | None) -> Restored:
    """Make the files *within* what the tree *source* has, by default the stage.

    A tracked file that *source* doesn't have is removed. Raises `NothingThere`.
    """
    with repository.acting() as me:
        stage = me.staged_tree()
        tree = stage if source is None else _checked(me, source)
        for parts in within:
            if not (_stands(me, tree, parts) or _stands(me, stage, parts)):
                raise NothingThere(path_text(parts))
        return _to(me, stage, tree, within)


def check_out(repository: Repository, within: Sequence[Parts], source: Cid) -> Restored:
    """Make files and stage *within* what the tree *source* has; what it doesn't have stays.

    The files come first: a kill in between leaves them changed and not staged, and the same command
    again finishes. What is in dispute there is settled by it. Raises `NothingThere` for a path that
    *source* doesn't have.
    """
    with repository.acting() as me:
        had, stage = me.stages.get(me.copy_id), me.staged_tree()
        _checked(me, source)
        edits: dict[Parts, Cid | None] = {}
        for parts in within:
            found = finding.find(me, source, parts)
            if found is None:
                raise NothingThere(path_text(parts))
            if parts and not _stands(me, stage, parts):
                edits[parts] = found  # a directory whole, an empty one too
        whole = tuple(edits)
        for step in moving.steps(me, stage, source):
            kept = step.after is None or (isinstance(step, Folder) and (step.before or step.names))
            if not kept and is_within(step.path, within) and not is_within(step.path, whole):
                edits[step.path] = step.after
        done = _to(me, stage, source, within, overlay=True)
        new = moving.carried(me, stage, edits)
        me.restage(had, new, within)
    return done


def restore_stage(repository: Repository, within: Sequence[Parts], source: Cid | None) -> Restored:
    """Make what is staged *within* what the tree *source* has, by default HEAD's."""
    with repository.acting() as me:
        old = me.stages.get(me.copy_id)
        stage = me.staged_tree()
        head = me.head_commit()
        tree = (
            _checked(me, source)
            if source
            else (me.commit_at(head).tree if head else me.empty_tree())
        )
        found: dict[Parts, Cid | None] = {}
        for parts in within:
            if not (_stands(me, tree, parts) or _stands(me, stage, parts)):
                raise NothingThere(path_text(parts))
        for change in me.changed(stage, tree):
            if is_within(change.path, within):
                found[change.path] = change.after
        edits = {} if () in within else dict(found)
        for parts in within:
            if parts and not _stands(me, tree, parts):  # a directory goes whole
                edits = {path: cid for path, cid in edits.items() if not is_within(path, (parts,))}
                edits[parts] = None
        new = tree if () in within else moving.carried(me, stage, edits)
        if new != old:
            me.stages.cas(me.copy_id, old, new)
    return _told(found)


def reset(repository: Repository, commit: Cid, note: Note, *, stage: bool, files: bool) -> Restored:
    """Move the branch, or a detached HEAD, to *commit*; with *stage* and *files* those too.

    It gives up what is under way. With neither, that raises `merges.UnderWay`.
    """
    with repository.acting() as me:
        under = me.merges.get(me.copy_id)
        if under is not None and not stage:
            raise UnderWay(under.what)
        old, before = me.head_commit(), me.staged_tree()
        had = me.stages.get(me.copy_id)
        tree = _checked(me, me.commit_at(commit).tree)
        done = _to(me, before, tree, ((),)) if files else Restored((), ())
        new = tree if stage else before
        also = [me.stages.setting(me.copy_id, had, new), me.merges.setting(me.copy_id, under, None)]
        if old == commit:
            me.copies.move(me.copy_id, me.head, note, also)
        else:
            me.copies.advance(me.copy_id, old, commit, note, also)
    return done


def _to(
    repository: Repository,
    stage: Cid,
    tree: Cid,
    within: Sequence[Parts],
    *,
    overlay: bool = False,
) -> Restored:
    """Write what differs from *tree* within; unless *overlay* remove what only *stage* has."""
    found: dict[Parts, Cid | None] = {}
    folders: list[Parts] = []
    missing: list[tuple[Parts, Cid]] = []
    whole = () in within  # else only some of a directory may be wanted
    for entry in working(repository, tree, untracked=False, whole=whole):
        if not is_within(entry.parts, within):
            continue
        if entry.folder and whole and entry.before is not None:
            missing.append((entry.parts, entry.before))
        elif entry.folder:
            folders.append(entry.parts)
        else:
            found[entry.parts] = entry.before
    for letter, path in () if overlay else staged(repository, tree, stage):
        parts = tuple(path.rstrip("/").split("/"))
        if letter == "A" and not path.endswith("/") and is_within(parts, within):
            found.setdefault(parts, None)
    steps: list[Change | Folder] = []
    made: set[Parts] = set()
    for parts in sorted({*found, *folders}):
        cid = found.get(parts)
        if cid is not None or parts in folders:
            top = len(parts) if parts in folders else len(parts) - 1
            for depth in range(1, top + 1):
                if parts[:depth] not in made:
                    made.add(parts[:depth])
                    steps.append(Folder(parts[:depth], None, tree, (), None, None))
        if parts not in folders:
            steps.append(Change(parts, None if cid else stage, cid))
    told = _told(found)
    if not (steps or missing):
        return told
    with overwriting(repository, within) as temp:
        if steps:
            moving.write(repository, steps, temp=temp)
        came = [path_text(parts) for parts in bring_back(repository, missing, temp)]
    return Restored((*told.written, *came), told.removed)


def _checked(repository: Repository, tree: Cid) -> Cid:
    moving.check_directory(repository, tree)
    return tree


def _told(found: Mapping[Parts, Cid | None]) -> Restored:
    return Restored(
        tuple(path_text(parts) for parts, cid in found.items() if cid is not None),
        tuple(path_text(parts) for parts, cid in found.items() if cid is None),
    )


def _stands(repository: Repository, tree: Cid, parts: Parts) -> bool:
    """Tell whether *tree* has anything at *parts*."""
    return finding.find(repository, tree, parts) is not None
