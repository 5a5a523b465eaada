"""What `mv` does: files and directories get another name, on disk and in the stage.

What is staged moves as it is; edits that aren't staged go along in the file. Before the first
rename the intent is a row of names.db (``specs/names.md`` §3), which goes in the batch that moves
the stage: who opens the working copy and finds it does the renames that are left. A name that
somebody took meanwhile is left to him.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from stat import S_ISDIR

from jiaozi_node.errors import Conflict, Misuse, NotFound
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import finding, moving, settling
from jiaozi_node.node.moving import RENAME
from jiaozi_node.node.pathspec import located
from jiaozi_node.node.repository import INTENTS, Repository
from jiaozi_node.node.restoring import NothingThere
from jiaozi_node.node.staging import Outside
from jiaozi_node.node.status import Parts, path_text
from jiaozi_node.stores.api import Change as RowChange
from jiaozi_node.versioning import rows
from jiaozi_node.versioning.fields import Plain
from jiaozi_node.worktree.alone import alone
from jiaozi_node.worktree.link import place_below


class Taken(Conflict):
    """Something stands where a file is to go."""

    def __init__(self, path: str, how: str) -> None:
        super().__init__(f"{path} is there already{how}")
        self.path = path


@dataclass(frozen=True, slots=True)
class Move:
    """A rename: *inode* is that of what moves, *over* says that a file gives way to it."""

    source: Parts
    target: Parts
    inode: int
    over: bool


@dataclass(frozen=True, slots=True)
class _Intent:
    moves: tuple[Move, ...]
    before: Cid
    after: Cid


def move(
    repository: Repository,
    sources: Sequence[str],
    target: str,
    directory: str,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> tuple[Move, ...]:
    """Move *sources* to *target*, into it where it is a directory; all relative to *directory*.

    All is checked before the first is moved. Raises `NotFound` for a source that isn't there or
    isn't tracked, `Taken`, `Misuse`.
    """
    with repository.acting() as me:
        had, stage = me.stages.get(me.copy_id), me.staged_tree()
        planned = _planned(me, stage, sources, target, directory, force=force)
        moves = tuple(move for move, _cid in planned)
        if dry_run or not moves:
            return moves
        edits: dict[Parts, Cid | None] = dict.fromkeys(one.source for one in moves)
        edits |= {one.target: cid for one, cid in planned}
        tree = moving.carried(me, stage, edits)
        if had is None:
            me.stages.cas(me.copy_id, None, stage)
        intent = _Intent(moves, stage, tree)
        data = _row(intent)
        at = rows.key(me.copy_id)
        with alone(me.root):
            me.home.names.apply((RowChange(INTENTS, at, data, expect=None),))
            done: list[Move] = []
            try:
                for one in moves:
                    os.rename(_path(me, one.source), _path(me, one.target))
                    done.append(one)
            except OSError:
                for one in reversed(done):
                    with suppress(OSError):
                        os.rename(_path(me, one.target), _path(me, one.source))
                me.home.names.apply((RowChange(INTENTS, at, None, expect=data),))
                raise
            _settle(me, intent, data)
        return moves


def resume(repository: Repository, data: bytes) -> None:
    """Finish a move that a process left under way."""
    intent = rows.read(INTENTS, rows.key(repository.copy_id), data, _intent)
    for one in intent.moves:
        source, target = _path(repository, one.source), _path(repository, one.target)
        with suppress(OSError):
            if os.lstat(source).st_ino == one.inode and (one.over or not os.path.lexists(target)):
                os.rename(source, target)
    _settle(repository, intent, data)


def _settle(repository: Repository, intent: _Intent, data: bytes) -> None:
    copy = repository.copy_id
    repository.home.names.apply(
        (
            repository.stages.setting(copy, intent.before, intent.after),
            RowChange(INTENTS, rows.key(copy), None, expect=data),
        )
    )


# ---- what is asked for -------------------------------------------------------------------


def _planned(
    repository: Repository,
    stage: Cid,
    sources: Sequence[str],
    target: str,
    directory: str,
    *,
    force: bool,
) -> list[tuple[Move, Cid]]:
    if "" in (*sources, target):
        raise Misuse("an empty path names nothing; '.' is the present directory")
    into = located(repository, os.path.join(directory, target))
    is_directory = _is_directory(_path(repository, into))
    if len(sources) > 1 and not is_directory:
        raise Misuse(f"{target} is not a directory, and there are {len(sources)} files to move")
    found: list[tuple[Move, Cid]] = []
    taken: set[Parts] = set()
    for text in sources:
        source = located(repository, os.path.join(directory, text))
        cid = _checked_source(repository, stage, text, source)
        place = (
            (*into, source[-1]) if is_directory and not _is_same(repository, source, into) else into
        )
        inner = os.path.join(target, source[-1]) if place != into else target
        goes_in = _is_directory(_path(repository, source))
        if place[: len(source)] == source:
            raise Misuse(f"can't move {text} into itself")
        if not is_directory and target.endswith("/") and not goes_in:
            raise NotFound(f"the directory {target} is not there")
        _checked_target(repository, stage, source, place, inner, force=force and not goes_in)
        if place in taken:
            raise Misuse(f"two files would become {inner}")
        taken.add(place)
        inode = os.lstat(_path(repository, source)).st_ino
        over = os.path.lexists(_path(repository, place))
        found.append((Move(source, place, inode, over), cid))
    moving = {move.source for move, _cid in found}
    for one in moving | taken:
        for depth in range(len(one)):
            if one[:depth] in moving:
                raise Misuse(f"{path_text(one)} lies in {path_text(one[:depth])}, which moves too")
    return found


def _checked_source(repository: Repository, stage: Cid, text: str, source: Parts) -> Cid:
    """Return what the stage has at *source*."""
    if not source:
        raise Misuse("the working copy itself can't be moved; move its directory with 'mv'")
    if not os.path.lexists(_path(repository, source)):
        raise NotFound(f"{text}: no such file or directory")
    home = place_below(repository.root, os.path.realpath(repository.home.path))
    if home is not None and home[: len(source)] == source:
        raise Outside(text, "it holds the node home")
    cid = finding.find(repository, stage, source)
    if cid is None:
        raise NothingThere(text)
    if any(path[: len(source)] == source for path in settling.disputed(repository)):
        raise Conflict(f"{text} is in dispute: settle it before it is moved")
    return cid


def _checked_target(
    repository: Repository, stage: Cid, source: Parts, place: Parts, shown: str, *, force: bool
) -> None:
    above = _path(repository, place[:-1])
    if not _is_directory(above):
        raise NotFound(f"the directory {os.path.dirname(shown) or '.'} is not there")
    located(repository, _path(repository, place))  # its own name too must be one that is tracked
    path = _path(repository, place)
    if os.path.lexists(path):
        if _is_same(repository, source, place):
            return
        if _is_directory(path):
            raise Taken(shown, ", a directory")
        if not force:
            raise Taken(shown, "; -f replaces it")
    elif finding.find(repository, stage, place) is not None and not force:
        raise Taken(shown, " in the stage, though not on disk; -f replaces it")


def _is_same(repository: Repository, source: Parts, place: Parts) -> bool:
    """Tell whether *place* is *source* under a spelling that the file system takes for it.

    Two hard links of one file are both listed.
    """
    if source[:-1] != place[:-1] or source == place:
        return False
    one, other = _path(repository, source), _path(repository, place)
    try:
        same = os.path.samestat(os.lstat(one), os.lstat(other))
    except OSError:
        return False
    return same and place[-1] not in os.listdir(_path(repository, place[:-1]))


def _is_directory(path: str) -> bool:
    try:
        return S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _path(repository: Repository, parts: Parts) -> str:
    return os.path.join(repository.root, *parts)


# ---- the row -----------------------------------------------------------------------------


def _row(intent: _Intent) -> bytes:
    moves = [
        [os.fsencode("/".join(one.source)), os.fsencode("/".join(one.target)), one.inode, one.over]
        for one in intent.moves
    ]
    return rows.write(
        {"what": RENAME, "before": intent.before, "stage": intent.after, "moves": moves}
    )


def _intent(row: Plain) -> _Intent:
    moves = tuple(
        Move(_parts(source), _parts(target), inode, over)
        for source, target, inode, over in row["moves"]
    )
    return _Intent(moves, row["before"], row["stage"])


def _parts(path: bytes) -> Parts:
    return tuple(os.fsdecode(path).split("/"))
