"""What `rm` does: files go from the directory and from the stage.

What is saved nowhere else is refused, as in git: content that is only in the file, or only in the
stage. A path in dispute is settled by it. Files go first and the stage after them, so a kill in
between leaves files that `status` calls deleted, which `restore` brings back and the same `rm`
again finishes. A directory that is emptied stays: empty ones are tracked like any other. One that
is removed and holds what isn't tracked stays on disk with that.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from jiaozi_node.dag.walk import run, stream
from jiaozi_node.errors import JiaoziError, Misuse, Refused
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.node import moving, settling
from jiaozi_node.node.pathspec import matched
from jiaozi_node.node.repository import Repository
from jiaozi_node.node.status import Parts, path_text, stat_index
from jiaozi_node.unixfs.changes import Change, Folder, walked
from jiaozi_node.unixfs.node import DIRECTORY
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.worktree.look import Look

_SHOWN = 5
_BOTH = "what is staged is neither in HEAD nor in the file; -f drops it"
_STAGED = "staged and not committed; --cached keeps the file, -f drops it"
_EDITED = "changed and not staged; --cached keeps the file, -f drops it"


class Unsaved(Refused):
    """What would be removed is saved nowhere else; nothing was changed."""

    def __init__(self, paths: Sequence[str], why: str) -> None:
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        super().__init__(f"{', '.join(paths[:_SHOWN])}{more}: {why}")
        self.paths, self.why = tuple(paths), why


@dataclass(frozen=True, slots=True)
class Removed:
    """The files that went, and the tree of the stage after that."""

    paths: tuple[str, ...]
    tree: Cid


def remove(
    repository: Repository,
    texts: Sequence[str],
    directory: str,
    *,
    cached: bool = False,
    recursive: bool = False,
    force: bool = False,
    dry_run: bool = False,
) -> Removed:
    """Remove *texts*, paths or globs relative to *directory*; with *cached* from the stage alone.

    Raises `NothingThere`, `Unsaved` unless *force*, `Misuse` for a directory unless *recursive*.
    """
    with repository.acting() as me:
        had, stage = me.stages.get(me.copy_id), me.staged_tree()
        disputed = settling.disputed(me)
        named = matched(me, stage, texts, directory, disputed)
        for parts, cid in named.items():
            if not recursive and cid is not None and _is_directory(me, cid):
                where = path_text(parts) or "."
                raise Misuse(f"not removing the directory {where!r} without -r")
        steps = [step for parts, cid in named.items() for step in _steps(me, parts, cid)]
        files = {step.path: step.before for step in steps if isinstance(step, Change)}
        if not force:
            known = {parts: cid for parts, cid in files.items() if parts not in disputed}
            _check(me, stage, known, cached=cached)
        paths = tuple(path_text(parts) for parts in files)
        if dry_run:
            return Removed(paths, stage)
        if not cached:
            _write(me, steps)
        if () in named:
            tree = me.empty_tree()
        else:
            gone = [parts for parts, cid in named.items() if cid is not None]
            tree = moving.carried(me, stage, dict.fromkeys(gone))
        me.restage(had, tree, tuple(named))
        return Removed(paths, tree)


def _is_directory(repository: Repository, cid: Cid) -> bool:
    return cid.codec != RAW and run(stat(cid), repository.home.blocks.get).kind == DIRECTORY


def _steps(repository: Repository, parts: Parts, cid: Cid | None) -> Iterator[Change | Folder]:
    """Yield what is to go of *cid*, which stands at *parts*: directories before what they hold."""
    if cid is None:  # in dispute, and only on disk
        yield Change(parts, None, None)
        return
    found: Iterator[Change | Folder] = stream(walked(cid, None), repository.home.blocks.get)
    for step in found:
        yield step._replace(path=(*parts, *step.path))


def _check(
    repository: Repository, stage: Cid, files: Mapping[Parts, Cid | None], *, cached: bool
) -> None:
    """Raise `Unsaved` for what would be lost. A file that went already loses nothing, as in git."""
    head = repository.head_commit()
    tree = repository.commit_at(head).tree if head is not None else None
    staged = {change.path for change in repository.changed(tree, stage)}
    found: dict[str, list[str]] = {why: [] for why in (_BOTH, _STAGED, _EDITED)}
    with stat_index(repository) as index, Look(repository.root, repository.profile, index) as look:
        for parts, cid in files.items():
            if (cached and parts not in staged) or not look.is_file(parts):
                continue
            edited = look.at(parts) != cid
            if edited and parts in staged:
                found[_BOTH].append(path_text(parts))
            elif not cached and (edited or parts in staged):
                found[_EDITED if edited else _STAGED].append(path_text(parts))
    for why, paths in found.items():
        if paths:
            raise Unsaved(paths, why)


def _write(repository: Repository, steps: list[Change | Folder]) -> None:
    """Remove the files; when one can't be removed bring the others back, and say why."""
    try:
        moving.write(repository, steps)
    except (JiaoziError, OSError):
        back = [step._replace(before=None, after=step.before) for step in steps]
        with suppress(JiaoziError, OSError):  # what is still gone then, the stage has
            moving.write(repository, back, careful=True)
        raise
