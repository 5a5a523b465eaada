"""Switching: the working copy goes from one tree to another, safe against edits and kills.

Only what differs is written. Before the first file is touched the intent is a row of names.db
(``specs/names.md`` §3); it goes in the batch that moves HEAD and stage. Who opens the working copy
and finds the row finishes the writing, or undoes it when that can't be done; a file that is neither
as it was nor as it is to be is somebody's own work then, and left alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jiaozi_node.dag.walk import run, stream
from jiaozi_node.errors import Conflict, JiaoziError, NotFound, Refused
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.node.repository import INTENTS, Repository
from jiaozi_node.node.status import Parts, path_text, stat_index
from jiaozi_node.stores.api import BlockMissing, Family
from jiaozi_node.stores.api import Change as RowChange
from jiaozi_node.unixfs import resolve
from jiaozi_node.unixfs.changes import Change, Folder, walked
from jiaozi_node.unixfs.edit import edit
from jiaozi_node.unixfs.node import FILE, Node
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.versioning import rows
from jiaozi_node.versioning.fields import Plain
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.workingcopies import Head
from jiaozi_node.worktree.checkout import materialize
from jiaozi_node.worktree.look import Look
from jiaozi_node.worktree.writer import InTheWay, SafeWriter

_SHOWN = 5


class Unsaved(Refused):
    """A switch would overwrite what is saved nowhere; nothing was changed."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        super().__init__(
            f"unsaved changes would be overwritten in {', '.join(paths[:_SHOWN])}{more};"
            " commit them, or 'jiaozi restore' them"
        )
        self.paths = paths


@dataclass(frozen=True, slots=True)
class Intent:
    """What is under way: files go from the tree *before* to *after*, then *stage* and *head*."""

    before: Cid
    after: Cid
    stage: Cid
    head: Head
    note: Note


def switch(repository: Repository, head: Head, commit: Cid, note: Note) -> int:
    """Attach or detach HEAD at *commit*; write what differs; return how many files did.

    What is staged or changed elsewhere comes along. Raises `Unsaved`, `CheckedOut`.
    """
    with repository.acting() as me:
        stage = me.staged_tree()
        old = me.head_commit()
        before = me.commit_at(old).tree if old is not None else me.empty_tree()
        after = me.commit_at(commit).tree
        steps = _steps(me, before, after)
        mine = {change.path: change.after for change in me.changed(before, stage)}
        _check(me, steps, mine)
        differing = _paths(steps)
        along = {path: cid for path, cid in mine.items() if path not in differing}
        intent = Intent(before, after, carried(me, after, along), head, note)
        if head.branch is not None and head.branch != me.head.branch:
            holder = me.copies.holder(me.id, head.branch)
            if holder is not None:
                from_elsewhere(head.branch, holder)
        _carry_out(me, intent, steps)
    return sum(isinstance(step, Change) for step in steps)


def check(repository: Repository, commit: Cid) -> None:
    """Raise `Unsaved` if a switch to *commit* would overwrite anything."""
    with repository.acting() as me:
        old = me.head_commit()
        before = me.commit_at(old).tree if old is not None else me.empty_tree()
        mine = {change.path: change.after for change in me.changed(before, me.staged_tree())}
        _check(me, _steps(me, before, me.commit_at(commit).tree), mine)


def from_elsewhere(branch: str, holder: str) -> None:
    """Raise for a branch that another working copy is on."""
    raise Refused(f"branch {branch!r} is checked out in working copy {holder}")


def beginning(working_copy: str, intent: Intent) -> RowChange:
    """Return the change by which *intent* is under way; who opens the working copy finishes it."""
    return RowChange(INTENTS, rows.key(working_copy), _row(intent), expect=None)


def resume(repository: Repository) -> None:
    """Finish, or undo, what a process left under way."""
    at = rows.key(repository.copy_id)
    data = repository.home.names.get(INTENTS, at)
    if data is None:
        return
    with repository.acting() as me:
        intent = rows.read(INTENTS, at, data, _intent)
        steps = _steps(me, intent.before, intent.after)
        _write_or_undo(me, intent, steps, careful=True)
        _settle(me, intent, data)


def _carry_out(repository: Repository, intent: Intent, steps: list[Change | Folder]) -> None:
    if not steps:
        _settle(repository, intent, None)
        return
    data = _row(intent)
    at = rows.key(repository.copy_id)
    repository.home.names.apply((RowChange(INTENTS, at, data, expect=None),))
    _write_or_undo(repository, intent, steps, careful=False)
    _settle(repository, intent, data)


def _write_or_undo(
    repository: Repository, intent: Intent, steps: list[Change | Folder], *, careful: bool
) -> None:
    """Write the files; when that can't be done, write back, forget the intent, and say why."""
    try:
        write(repository, steps, careful=careful)
    except (JiaoziError, OSError) as fault:
        try:
            back = _steps(repository, intent.after, intent.before)
            write(repository, back, careful=True)
        except (JiaoziError, OSError):
            fault.add_note("some files are as they were to be; 'jiaozi status' tells which")
        _forget(repository)
        raise


def _settle(repository: Repository, intent: Intent, data: bytes | None) -> None:
    """Move HEAD and stage, and drop the row, in one batch."""
    copy = repository.copy_id
    also = [repository.stages.setting(copy, repository.stages.get(copy), intent.stage)]
    if data is not None:
        also.append(RowChange(INTENTS, rows.key(copy), None, expect=data))
    try:
        repository.copies.move(copy, intent.head, intent.note, also)
    except (Conflict, Refused):
        if data is not None:
            write(repository, _steps(repository, intent.after, intent.before), careful=True)
            _forget(repository)
        raise


def _forget(repository: Repository) -> None:
    repository.home.names.apply((RowChange(INTENTS, rows.key(repository.copy_id), None),))


# ---- files -------------------------------------------------------------------------------


def write(repository: Repository, steps: list[Change | Folder], *, careful: bool = False) -> None:
    """Make the directory what *steps* lead to; *careful* passes over what isn't as expected."""
    get = repository.home.blocks.get
    with stat_index(repository) as index, Look(repository.root, repository.profile, index) as look:
        if careful:
            steps = [step for step in steps if isinstance(step, Folder) or _expected(look, step)]
        with SafeWriter(repository.root) as writer:
            for step in reversed(steps):
                if step.after is not None or not step.path:
                    continue
                is_folder = look.is_directory(step.path)
                if is_folder == isinstance(step, Folder) and look.exists(step.path):
                    try:
                        writer.remove(step.path)
                    except InTheWay:  # it holds what isn't tracked, and stays
                        continue
            for step in steps:
                if step.after is None:
                    continue
                if isinstance(step, Folder):
                    if step.path and careful and look.is_file(step.path):
                        continue
                    writer.directory(step.path, step.names, step.mode, step.mtime)
                else:
                    for _files, _bytes in stream(materialize(step.after, writer, step.path), get):
                        pass


def _expected(look: Look, step: Change) -> bool:
    found = look.at(step.path)
    return found is None or found == step.before


def _steps(repository: Repository, before: Cid, after: Cid) -> list[Change | Folder]:
    walk: Iterator[Change | Folder] = stream(walked(before, after), repository.home.blocks.get)
    return list(walk)


def _paths(steps: list[Change | Folder]) -> set[Parts]:
    return {step.path for step in steps if isinstance(step, Change)}


def _check(
    repository: Repository, steps: list[Change | Folder], staged: Mapping[Parts, Cid | None]
) -> None:
    """Raise `Unsaved` when a step would overwrite what is only in the stage or on disk."""
    gone = {step.path for step in steps if step.after is None}
    found: list[str] = []
    with stat_index(repository) as index, Look(repository.root, repository.profile, index) as look:
        for step in steps:
            if not step.path:
                continue
            if isinstance(step, Folder):
                in_the_way = step.after is not None and look.is_file(step.path)
                if in_the_way and step.path not in gone:
                    found.append(path_text(step.path))
                continue
            if step.path in staged and staged[step.path] != step.after:
                found.append(path_text(step.path))
            elif look.is_directory(step.path):
                if step.after is not None and not look.holds_only(step.path, gone):
                    found.append(path_text(step.path))
            else:
                now = look.at(step.path)
                fits = now is not None and now in (step.before, step.after)
                if not fits and look.exists(step.path):
                    found.append(path_text(step.path))
    if found:
        raise Unsaved(tuple(dict.fromkeys(found)))


def carried(repository: Repository, tree: Cid, mine: Mapping[Parts, Cid | None]) -> Cid:
    """Return *tree* with *mine* set in it; None removes. The blocks are stored."""
    if not mine:
        return tree
    blocks = repository.home.blocks
    changes = {path: None if cid is None else _node(repository, cid) for path, cid in mine.items()}
    made: list[Node] = []

    def noting() -> Any:  # noqa: ANN401 - a generator that keeps its result
        made.append((yield from edit(tree, changes, repository.profile)))

    with blocks.writer(Family.OWN) as writer:
        for block in stream(noting(), blocks.get):
            writer.put((block,))
    return made[0].cid


def find(repository: Repository, tree: Cid, parts: Parts) -> Cid | None:
    """Return the CID at *parts* of *tree*, or None."""
    try:
        return run(resolve.resolve(resolve.Path(tree, parts)), repository.home.blocks.get).cid
    except BlockMissing:
        raise
    except NotFound:
        return None


def _node(repository: Repository, cid: Cid) -> Node:
    """Return what a directory says of *cid*."""
    blocks = repository.home.blocks
    if cid.codec == RAW and cid.inline is None:
        size = blocks.size(cid)
        return Node(cid, size, FILE, size)
    found = run(stat(cid), blocks.get)
    return Node(cid, found.tsize, found.kind, found.file_bytes)


# ---- the row -----------------------------------------------------------------------------


def _row(intent: Intent) -> bytes:
    head: dict[str, Any] = {}
    if intent.head.branch is not None:
        head["branch"] = intent.head.branch
    elif intent.head.commit is not None:
        head["commit"] = intent.head.commit
    return rows.write(
        {
            "what": "switch",
            "before": intent.before,
            "after": intent.after,
            "stage": intent.stage,
            "head": head,
            "who": intent.note.who,
            "why": intent.note.why,
            "time": intent.note.time,
        }
    )


def _intent(row: Plain) -> Intent:
    if row["what"] != "switch":
        raise ValueError(f"no such act: {row['what']!r:.40}")
    head = Head(row["head"].get("branch"), row["head"].get("commit"))
    note = Note(row["who"], row["why"], row["time"])
    return Intent(row["before"], row["after"], row["stage"], head, note)
