"""Files of a working copy go from one tree to another, safe against edits and kills.

Only what differs is written. Before the first file is touched the intent is a row of names.db
(``specs/names.md`` §6); it goes in the batch that moves HEAD and stage. Who opens the working copy
and finds the row finishes the writing, or undoes it when that can't be done; a file that is neither
as it was nor as it is to be is somebody's own work then, and left alone.
"""

import os
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from stat import S_ISDIR
from typing import Any, TypeVar

from jiaozi_node.dag.walk import Need, driven, run, stream
from jiaozi_node.errors import Conflict, JiaoziError, Malformed, Refused
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.node.repository import INTENTS, Repository
from jiaozi_node.node.status import Parts, path_text, stat_index
from jiaozi_node.stores.api import Change as RowChange
from jiaozi_node.stores.api import Family
from jiaozi_node.unixfs.changes import Change, Folder, walked
from jiaozi_node.unixfs.edit import edit
from jiaozi_node.unixfs.node import DIRECTORY, FILE, Node
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.versioning import merges, rows
from jiaozi_node.versioning.fields import Plain
from jiaozi_node.versioning.merges import Under
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.workingcopies import Head
from jiaozi_node.worktree.alone import BeingWritten, alone, remove_left
from jiaozi_node.worktree.checkout import materialize
from jiaozi_node.worktree.index import StatIndex
from jiaozi_node.worktree.look import Look
from jiaozi_node.worktree.writer import InTheWay, SafeWriter, temp_prefix

Result = TypeVar("Result")

RENAME = "rename"  # the intent of `renaming`
OVERWRITE = "overwrite"  # that of `overwriting`

_SHOWN = 5
_OVERLAPPING = 100  # steps; for fewer, threads don't pay


class Unsaved(Refused):
    """Files would be overwritten whose content is saved nowhere; nothing was changed."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        super().__init__(
            f"unsaved changes would be overwritten in {', '.join(paths[:_SHOWN])}{more};"
            " commit them, or 'jiaozi restore' them"
        )
        self.paths = paths


class NoDirectory(Malformed):
    """The tree of a version, which must be a directory, is a file."""

    def __init__(self, tree: Cid) -> None:
        super().__init__(f"tree must link a directory, and {tree} is a file")
        self.tree = tree


@dataclass(frozen=True, slots=True)
class Turn:
    """What is under way in the working copy *was* this and is *now* that; None is nothing."""

    was: Under | None
    now: Under | None


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to be: files go from the tree *before* to *after*, then the rest in one batch.

    The stage becomes *stage*. HEAD is attached or detached at *head*, or what it stands for
    advances from *old* to *commit*, or stays. *turn* is what becomes of a merge under way.
    """

    before: Cid
    after: Cid
    stage: Cid
    note: Note
    head: Head | None = None
    old: Cid | None = None
    commit: Cid | None = None
    turn: Turn | None = None


def steps(repository: Repository, before: Cid, after: Cid) -> list[Change | Folder]:
    """Return what has to be written, in byte order of paths, directories first.

    Raises `NoDirectory` when one of both is a file.
    """
    walk: Iterator[Change | Folder] = stream(walked(before, after), repository.home.blocks.get)
    found = list(walk)
    if any(not step.path and isinstance(step, Change) for step in found[:2]):
        check_directory(repository, before)
        check_directory(repository, after)
    return found


def check_directory(repository: Repository, tree: Cid) -> None:
    """Raise `NoDirectory` when the tree of a version is a file."""
    if run(stat(tree), repository.home.blocks.get).kind != DIRECTORY:
        raise NoDirectory(tree)


def carried_along(
    repository: Repository, before: Cid, after: Cid, to_write: list[Change | Folder]
) -> Cid:
    """Return *after* with what is staged beyond *before*; raises `Unsaved`."""
    changed = repository.changed(before, repository.staged_tree())
    mine = {change.path: change.after for change in changed}
    check(repository, to_write, staged=mine)
    differing = {step.path for step in to_write if isinstance(step, Change)}
    along = {path: cid for path, cid in mine.items() if path not in differing}
    return carried(repository, after, along)


def go(repository: Repository, intent: Intent) -> int:
    """Do what *intent* says; return how many files were written. Raises `Unsaved`."""
    to_write = steps(repository, intent.before, intent.after)
    check(repository, to_write)
    carry_out(repository, intent, to_write)
    return files(to_write)


def files(to_write: list[Change | Folder]) -> int:
    """Return how many of *to_write* are files."""
    return sum(isinstance(step, Change) for step in to_write)


def carry_out(repository: Repository, intent: Intent, to_write: list[Change | Folder]) -> None:
    """Do what *intent* says, its `steps` being *to_write*."""
    if not to_write:
        _settle(repository, intent, None)
        return
    data = _row(intent)
    begin = [beginning(repository.copy_id, intent)]
    if intent.turn is not None:
        begin.append(_turning(repository, intent.turn.was, intent.turn.now))
    with alone(repository.root):
        repository.home.names.apply(begin)
        _write_or_undo(repository, intent, to_write, _temp(data), careful=False)
        _settle(repository, intent, data)


def beginning(working_copy: str, intent: Intent) -> RowChange:
    """Return the change by which *intent* is under way; who opens the working copy finishes it."""
    return RowChange(INTENTS, rows.key(working_copy), _row(intent), expect=None)


def resume(repository: Repository) -> None:
    """Finish, or undo, what a process left under way; one that is still at it is let be."""
    try:
        with alone(repository.root), repository.acting() as me:
            _resume(me)
    except BeingWritten:
        pass


def _resume(me: Repository) -> None:
    at = rows.key(me.copy_id)
    data = me.home.names.get(INTENTS, at)
    if data is None:
        return
    what = rows.read(INTENTS, at, data, dict).get("what")
    if what == RENAME:
        from jiaozi_node.node import renaming  # noqa: PLC0415 - it stands on this module

        renaming.resume(me, data)
    elif what == OVERWRITE:
        from jiaozi_node.node import overwriting  # noqa: PLC0415 - likewise

        overwriting.resume(me, data)
    else:
        intent = rows.read(INTENTS, at, data, _intent)
        to_write = steps(me, intent.before, intent.after)
        places = {step.path if isinstance(step, Folder) else step.path[:-1] for step in to_write}
        remove_left(me.root, _temp(data), places | {()})
        _write_or_undo(me, intent, to_write, _temp(data), careful=True)
        _settle(me, intent, data)


def _write_or_undo(
    repository: Repository,
    intent: Intent,
    to_write: list[Change | Folder],
    temp: str,
    *,
    careful: bool,
) -> None:
    """Write the files; when that can't be done, write back, forget the intent, and say why."""
    try:
        write(repository, to_write, careful=careful, temp=temp)
    except (JiaoziError, OSError) as fault:
        try:
            back = steps(repository, intent.after, intent.before)
            write(repository, back, careful=True, temp=temp)
        except (JiaoziError, OSError):
            fault.add_note("some files are as they were to be; 'jiaozi status' tells which")
        _forget(repository, intent)
        raise


def _settle(repository: Repository, intent: Intent, data: bytes | None) -> None:
    """Move HEAD and stage, and drop the row, in one batch; *data* None: there is no row yet."""
    copy, turn = repository.copy_id, intent.turn
    also = [repository.stages.setting(copy, repository.stages.get(copy), intent.stage)]
    if data is not None:
        also.append(RowChange(INTENTS, rows.key(copy), None, expect=data))
    elif turn is not None:
        also.append(_turning(repository, turn.was, turn.now))
    try:
        if intent.head is not None:
            repository.copies.move(copy, intent.head, intent.note, also)
        elif intent.commit is not None:
            repository.copies.advance(copy, intent.old, intent.commit, intent.note, also)
        else:
            repository.home.names.apply(also)
    except (Conflict, Refused):
        if data is not None:
            back = steps(repository, intent.after, intent.before)
            write(repository, back, careful=True, temp=_temp(data))
            _forget(repository, intent)
        raise


def _forget(repository: Repository, intent: Intent) -> None:
    gone = [RowChange(INTENTS, rows.key(repository.copy_id), None)]
    if intent.turn is not None:
        gone.append(_turning(repository, intent.turn.now, intent.turn.was))
    repository.home.names.apply(gone)


def _turning(repository: Repository, old: Under | None, new: Under | None) -> RowChange:
    return repository.merges.setting(repository.copy_id, old, new)


def _temp(data: bytes) -> str:
    """Return what the temporary files of the intent in the row *data* are called."""
    return temp_prefix(sha256(data).digest()[:6])


# ---- files -------------------------------------------------------------------------------


def write(
    repository: Repository,
    to_write: list[Change | Folder],
    *,
    careful: bool = False,
    temp: str | None = None,
) -> None:
    """Make the directory what *to_write* leads to; *careful* passes over what isn't as expected.

    *temp* is what temporary names begin with.
    """
    get = repository.home.blocks.get
    with stat_index(repository) as index, Look(repository.root, repository.profile, index) as look:
        if careful:
            to_write = [
                step for step in to_write if isinstance(step, Folder) or _expected(look, step)
            ]
        written = _Written(repository, index)
        with SafeWriter(repository.root, temp=temp, placed=written.learn) as writer:
            for step in reversed(to_write):
                if step.after is not None or not step.path:
                    continue
                there = look.stat(step.path)
                if there is not None and S_ISDIR(there.st_mode) == isinstance(step, Folder):
                    try:
                        writer.remove(step.path)
                    except InTheWay:  # it holds what isn't tracked, and stays
                        continue
            if len(to_write) > _OVERLAPPING:
                writer.overlap()
            for step in to_write:
                if step.after is None:
                    continue
                if isinstance(step, Folder):
                    if step.path and careful and look.is_file(step.path):
                        continue
                    writer.directory(step.path, step.names, step.mode, step.mtime)
                    continue
                written.expected[step.path] = step.after
                if step.after.codec == RAW:  # what nearly all small files are, spelt out
                    writer.put(step.path, get(step.after).data)
                    continue
                for _files, _bytes in stream(materialize(step.after, writer, step.path), get):
                    pass


class _Written:
    """Remembers the files that were written, so that nobody need hash them again."""

    def __init__(self, repository: Repository, index: StatIndex) -> None:
        self._repository, self._index = repository, index
        self.expected: dict[Parts, Cid] = {}  # what is being written

    def learn(self, parts: Parts, found: os.stat_result) -> None:
        cid = self.expected.pop(parts, None)
        if cid is not None:
            size = found.st_size
            tsize = size if cid.codec == RAW else _node(self._repository, cid).tsize
            self._index.learn_written(os.fsencode("/".join(parts)), found, cid, tsize)


def _expected(look: Look, step: Change) -> bool:
    found = look.at(step.path)
    return found is None or found == step.before


def check(
    repository: Repository,
    to_write: list[Change | Folder],
    *,
    staged: Mapping[Parts, Cid | None] | None = None,
) -> None:
    """Raise `Unsaved` when a step would overwrite what is only on disk, or *staged* otherwise."""
    staged = staged or {}
    gone = {step.path for step in to_write if step.after is None}
    found: list[str] = []
    with stat_index(repository) as index, Look(repository.root, repository.profile, index) as look:
        for step in to_write:
            if not step.path:
                continue
            if isinstance(step, Folder):
                in_the_way = step.after is not None and look.is_file(step.path)
                if in_the_way and step.path not in gone:
                    found.append(path_text(step.path))
                continue
            if step.path in staged and staged[step.path] != step.after:
                found.append(path_text(step.path))
                continue
            there = look.stat(step.path)
            if there is None:
                continue
            if S_ISDIR(there.st_mode):
                if step.after is not None and not look.holds_only(step.path, gone):
                    found.append(path_text(step.path))
                continue
            now = look.at(step.path, there)
            if now is None or now not in (step.before, step.after):
                found.append(path_text(step.path))
    if found:
        raise Unsaved(tuple(dict.fromkeys(found)))


def carried(repository: Repository, tree: Cid, mine: Mapping[Parts, Cid | None]) -> Cid:
    """Return *tree* with *mine* set in it; None removes. The blocks are stored.

    What goes with a directory that a file takes the place of needn't be in *tree*.
    """
    if not mine:
        return tree
    files = {path for path, cid in mine.items() if cid is not None}
    changes = {
        path: None if cid is None else _node(repository, cid)
        for path, cid in mine.items()
        if cid is not None or not any(path[:depth] in files for depth in range(1, len(path)))
    }
    return stored(repository, edit(tree, changes, repository.profile)).cid


def stored(repository: Repository, work: Generator[Need | Block, Block | None, Result]) -> Result:
    """Drive *work* to its end, storing the blocks that it puts out; return its result."""
    blocks = repository.home.blocks
    with blocks.writer(Family.OWN) as writer:
        return driven(work, blocks.get, lambda block: writer.put((block,)))


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
    row: dict[str, Any] = {
        "what": "switch" if intent.turn is None else "merge",
        "before": intent.before,
        "after": intent.after,
        "stage": intent.stage,
        "who": intent.note.who,
        "why": intent.note.why,
        "time": intent.note.time,
    }
    if intent.head is not None:
        row["head"] = _head_map(intent.head)
    if intent.old is not None:
        row["old"] = intent.old
    if intent.commit is not None:
        row["commit"] = intent.commit
    if intent.turn is not None:
        if intent.turn.was is not None:
            row["was"] = merges.to_map(intent.turn.was)
        if intent.turn.now is not None:
            row["now"] = merges.to_map(intent.turn.now)
    return rows.write(row)


def _head_map(head: Head) -> dict[str, Any]:
    if head.branch is not None:
        return {"branch": head.branch}
    return {} if head.commit is None else {"commit": head.commit}


def _intent(row: Plain) -> Intent:
    what = row["what"]
    if what not in ("switch", "merge"):
        raise ValueError(f"no such act: {what!r:.40}")
    head = row.get("head")
    was, now = row.get("was"), row.get("now")
    turn = Turn(
        None if was is None else merges.from_map(was), None if now is None else merges.from_map(now)
    )
    return Intent(
        row["before"],
        row["after"],
        row["stage"],
        Note(row["who"], row["why"], row["time"]),
        None if head is None else Head(head.get("branch"), head.get("commit")),
        row.get("old"),
        row.get("commit"),
        turn if what == "merge" else None,
    )
