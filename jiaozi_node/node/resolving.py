"""Settling what is in dispute: for one side, or by a file of the user's.

The stage and the file become what was chosen, and the row of the merge says that it is settled; a
kill in between is made good by the next command (see `moving`).
"""

from collections.abc import Sequence

from jiaozi_node.dag.walk import gather, run
from jiaozi_node.errors import Misuse, NotFound
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import ending, finding, moving, replaying, settling
from jiaozi_node.node.moving import Intent, Turn
from jiaozi_node.node.repository import Repository
from jiaozi_node.node.settling import is_within
from jiaozi_node.node.status import path_text
from jiaozi_node.unixfs import blocks, directory
from jiaozi_node.unixfs.hamt import Value
from jiaozi_node.unixfs.meta import with_meta
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.versioning import conflict, merges
from jiaozi_node.versioning.conflict import Conflict, Path
from jiaozi_node.versioning.merge import OURS
from jiaozi_node.versioning.merge_state import MergeState
from jiaozi_node.versioning.merges import Under
from jiaozi_node.versioning.reflog import Note

Conflicts = tuple[Conflict, ...]


class NotInDispute(NotFound):
    """A path at or below which nothing is in dispute."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path_text(path) or '.'}: nothing there is in dispute")
        self.path = path


def in_dispute(repository: Repository) -> Conflicts:
    """Return what is not settled yet, in byte order of paths."""
    state = settling.state_of(repository, repository.merges.get(repository.copy_id))
    return () if state is None else state.open


def for_side(repository: Repository, within: Sequence[Path], side: str, note: Note) -> Conflicts:
    """Settle all that is in dispute *within* for `OURS` or `THEIRS`; return what that was.

    What is settled already may be named once more. Raises `NotInDispute`.
    """
    with repository.acting() as me:
        under, state = _under(me, within)
        chosen = tuple([found for found in state.conflicts if is_within(found.path, within)])
        stage = me.staged_tree()
        disputed = {found.path for found in state.conflicts}
        edits: dict[Path, Cid | None] = {}
        modes: dict[Path, int | None] = {}
        for found in chosen:
            cid = found.ours if side == OURS else found.theirs
            if found.kind == conflict.MODE and cid is not None:
                modes[found.path] = run(stat(cid), me.home.blocks.get).mode
            elif found.renamed:
                kept, dropped = found.renamed if side == OURS else found.renamed[::-1]
                edits[kept] = found.base
                if dropped not in disputed:
                    edits.setdefault(dropped)
            else:
                edits[found.path] = cid
        gone = [path for path, cid in edits.items() if cid is None]
        present = {path for path in gone if finding.find(me, stage, path) is not None}
        edits = {path: cid for path, cid in edits.items() if cid is not None or path in present}
        tree = moving.carried(me, stage, edits)
        if present:
            tree = _without_emptied(me, tree, present, _tree_of(me, under, state, side))
        for path, mode in sorted(modes.items()):
            tree = _with_mode(me, tree, path, mode)
        _settle(me, under, state, chosen, tree, note)
    return chosen


def by_file(repository: Repository, path: Path, file: str, note: Note) -> Conflicts:
    """Settle the dispute at *path* by the content of *file*, wherever that lies."""
    with repository.acting() as me:
        under, state = _under(me, (path,))
        chosen = tuple([found for found in state.conflicts if found.path == path])
        if not chosen:
            raise NotInDispute(path)
        if not path or chosen[0].renamed:
            what = f"{path_text(path) or '.'} ({chosen[0].kind})"
            raise Misuse(f"{what} is no matter of content: settle it with --ours or --theirs")
        tree = moving.carried(me, me.staged_tree(), {path: me.staging().of_file(file).cid})
        _settle(me, under, state, chosen, tree, note)
    return chosen


def _under(repository: Repository, within: Sequence[Path]) -> tuple[Under, MergeState]:
    """Return what is under way; raises `NotInDispute` for a path that it doesn't dispute."""
    under = repository.merges.get(repository.copy_id)
    state = settling.state_of(repository, under)
    for path in within:
        if state is None or not any(is_within(found.path, (path,)) for found in state.conflicts):
            raise NotInDispute(path)
    if under is None or state is None:
        raise ending.NothingUnderWay(merges.MERGE)
    return under, state


def _settle(
    repository: Repository,
    under: Under,
    state: MergeState,
    chosen: Conflicts,
    tree: Cid,
    note: Note,
) -> None:
    """Make stage and files *tree*, and the *chosen* conflicts settled."""
    paths = {found.path for found in chosen}
    now = settling.settled(repository, under, state, paths.__contains__)
    unsettled = [found.path for found in chosen if not found.settled]
    before = settling.as_on_disk(repository, repository.staged_tree(), unsettled)
    moving.go(repository, Intent(before, tree, tree, note, turn=Turn(under, now)))


def _tree_of(repository: Repository, under: Under, state: MergeState, side: str) -> Cid:
    """Return the whole tree of one side."""
    if side == OURS:
        return repository.commit_at(state.ours).tree
    return replaying.theirs_of(repository, under, state)


def _without_emptied(repository: Repository, tree: Cid, gone: set[Path], side: Cid) -> Cid:
    """Drop directories that became empty with *gone* and that *side* doesn't have (§2.5)."""
    above = {path[:depth] for path in gone for depth in range(1, len(path))}
    for path in sorted(above, key=len, reverse=True):
        here = finding.find(repository, tree, path)
        if here is None or finding.find(repository, side, path) is not None:
            continue
        if not run(gather(directory.entries(here)), repository.home.blocks.get):
            tree = moving.carried(repository, tree, {path: None})
    return tree


def _with_mode(repository: Repository, tree: Cid, path: Path, mode: int | None) -> Cid:
    """Return *tree* with another mode at *path*."""
    cid = finding.find(repository, tree, path)
    if cid is None:
        return tree
    parsed = blocks.parse(repository.home.blocks.get(cid))
    mtime = parsed.message.mtime
    work = with_meta(Value(b"", cid.raw, 0), parsed, repository.profile, mode, mtime)
    value = moving.stored(repository, work)
    return moving.carried(repository, tree, {path: Cid(value.cid)}) if path else Cid(value.cid)
