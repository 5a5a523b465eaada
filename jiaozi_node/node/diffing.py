"""What `diff` tells: paths that differ between trees, stage and working copy, and their lines.

``specs/diff.md``: what the two sides are, how renames are found, what is read and what never is.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from stat import S_ISLNK, S_ISREG
from typing import NamedTuple

from jiaozi_node.dag.walk import run, stream
from jiaozi_node.errors import Malformed, Misuse, NotFound
from jiaozi_node.formats.cid import DAG_PB, RAW, Cid
from jiaozi_node.node import finding, nearby, settling
from jiaozi_node.node.repository import Repository
from jiaozi_node.node.status import Parts, path_text, stat_index, working
from jiaozi_node.unixfs import compare
from jiaozi_node.unixfs import read as files
from jiaozi_node.unixfs.add import add_bytes
from jiaozi_node.unixfs.node import DIRECTORY, SYMLINK
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.versioning import merge_base, moves, patch, revision, selection
from jiaozi_node.versioning.conflict import Conflict
from jiaozi_node.versioning.moves import Move
from jiaozi_node.versioning.patch import CONTEXT, Patch, Side
from jiaozi_node.worktree.look import Look


class SeveralBases(Misuse):
    """``A...B`` where the histories have several merge bases; none is picked by a guess."""

    def __init__(self, text: str, bases: tuple[Cid, ...]) -> None:
        shown = ", ".join(str(base) for base in bases)
        super().__init__(f"{text}: there are several merge bases, say which to compare: {shown}")
        self.text, self.bases = text, bases


class Delta(NamedTuple):
    """A file or symlink that differs. *on_disk* says that the later one is the user's file.

    Where it *moved*, the earlier one stood at *source*: renamed, or copied.
    """

    parts: Parts
    before: Cid | None
    after: Cid | None
    on_disk: bool = False
    source: Parts | None = None
    copied: bool = False

    @property
    def letter(self) -> str:
        """git's letter."""
        if self.source is not None:
            return "C" if self.copied else "R"
        return "A" if self.before is None else "D" if self.after is None else "M"

    @property
    def path(self) -> str:
        """The path as shown."""
        return path_text(self.parts)

    @property
    def source_path(self) -> str:
        """The path it had before, as shown."""
        return path_text(self.parts if self.source is None else self.source)


class Ends(NamedTuple):
    """What is compared: two trees, or one (None: an empty one) and the stage or the files.

    *later* None stands for the files; what they are held against is the stage unless *earlier* is
    given. *name* is that of the later one where two files are compared.
    """

    earlier: Cid | None
    later: Cid | None
    name: str = "file"


def tree_of(repository: Repository, text: str) -> Cid:
    """Return what *text* means: a directory or file by its CID, a revision's tree, or REV:PATH."""
    try:
        cid = Cid.parse(text)
    except Malformed:
        cid = None
    if cid is not None and cid.codec in (DAG_PB, RAW):
        return cid
    base, path = revision.split(text)
    tree = repository.commit_at(repository.resolve(base)).tree
    parts = tuple(part for part in (path or "").split("/") if part not in ("", "."))
    found = finding.find(repository, tree, parts)
    if found is None:
        meant = nearby.hint(tree, parts, repository.home.blocks.get)
        raise NotFound(f"{text!r}: there is no {'/'.join(parts)!r} in that version{meant}")
    return found


def ends(repository: Repository, revisions: Sequence[str], *, staged: bool = False) -> Ends:
    """Return what *revisions* say to compare.

    Two: with each other, ``A..B`` being the same and ``A...B`` from their merge base to B. One:
    with the files, or the stage when *staged*. None: the stage with the files, or HEAD with it.
    """
    names, dots = _split(revisions)
    if len(names) > 2 or (len(names) == 2 and staged):
        raise Misuse(f"too many revisions: {' '.join(revisions)}; write diff [A [B]] [-- PATH]")
    if dots == "...":
        return Ends(_base(repository, *names), tree_of(repository, names[1]))
    trees = [tree_of(repository, name) for name in names]
    if len(trees) == 2:
        return Ends(trees[0], trees[1], names[1].rpartition(":")[2].rpartition("/")[2] or "file")
    if trees and not _is_directory(repository, trees[0]):
        raise Misuse(f"{names[0]} is a file; name another to compare it with")
    if staged:
        head = None if trees else repository.head_commit()
        base = repository.commit_at(head).tree if head else None
        return Ends(trees[0] if trees else base, repository.staged_tree())
    return Ends(trees[0] if trees else repository.staged_tree(), None)


def between(
    repository: Repository,
    told: Ends,
    *,
    within: Sequence[Parts] = (),
    renames: bool = True,
    find_copies: bool = False,
) -> Iterator[Delta]:
    """Yield what differs between two `ends`, in order of paths.

    Only paths *within* any of the given ones count, if any are given, and nothing beside them is
    read. Unless *renames* is false, files that moved or were copied unchanged say from where; with
    *find_copies* also those whose original is the same in both.
    """
    if told.later is None:
        found = _to_files(repository, told.earlier, within)
    else:
        found = _trees(repository, told, within)
    if not renames:
        return found
    return renamed(repository, list(found), told.earlier if find_copies else None)


def disputed(repository: Repository, within: Sequence[Parts] = ()) -> tuple[Conflict, ...]:
    """Return what is in dispute and not settled *within* the paths given, if any are."""
    state = settling.state_of(repository, repository.merges.get(repository.copy_id))
    found = () if state is None else state.open
    return tuple([one for one in found if _is_within(one.path, within)])


def on_disk(repository: Repository, one: Conflict) -> Delta | None:
    """Return how the file at a path in dispute differs from ours; None where there is none."""
    if one.ours is None or _is_directory(repository, one.ours):
        return None
    try:
        mode = os.lstat(os.path.join(repository.root, *one.path)).st_mode
    except OSError:
        return None
    if not (S_ISREG(mode) or S_ISLNK(mode)):
        return None
    with stat_index(repository) as index, Look(repository.root, repository.profile, index) as look:
        now = look.at(one.path)
    return None if now in (None, one.ours) else Delta(one.path, one.ours, now, True)


def parts_of(repository: Repository, path: str) -> Parts:
    """Return the names that lead from the root of the working copy to *path*."""
    full = os.path.abspath(path)
    if os.path.commonpath((full, repository.root)) != repository.root:
        full = os.path.join(os.path.realpath(os.path.dirname(full)), os.path.basename(full))
    if os.path.realpath(path) == repository.root:
        return ()
    if os.path.commonpath((full, repository.root)) != repository.root:
        raise Misuse(f"{path} is not in the working copy {repository.root}")
    return tuple(os.path.relpath(full, repository.root).split(os.sep))


def lines(repository: Repository, delta: Delta, context: int = CONTEXT) -> Patch:
    """Compare the two sides of *delta* line by line."""
    before = after = None
    if delta.before is not None:
        before = _side(repository, delta.source or delta.parts, delta.before)
    if delta.after is not None and delta.on_disk:
        after = _on_disk(repository, delta.parts)
    elif delta.after is not None:
        after = _side(repository, delta.parts, delta.after)
    how = "" if delta.source is None else "copy" if delta.copied else "rename"
    return patch.patch(before, after, how=how, context=context)


def _split(revisions: Sequence[str]) -> tuple[list[str], str]:
    """Return the revisions named and the dots between the two of a range."""
    names: list[str] = []
    dots = ""
    for text in revisions:
        part = selection.parse(text)
        if part.operator == selection.WITHOUT:
            raise Misuse(f"{text!r} leaves out a part of history; diff compares two versions")
        names += [part.left, part.right] if part.operator else [text]
        dots = part.operator or dots
    if dots == "..." and len(names) > 2:
        raise Misuse(f"too many revisions: {' '.join(revisions)}; A...B stands alone")
    return names, dots


def _base(repository: Repository, one: str, other: str) -> Cid:
    """Return the tree of the merge base of two revisions."""
    commits = repository.resolve(one), repository.resolve(other)
    bases = run(merge_base.merge_bases(*commits), repository.home.blocks.get)
    if not bases:
        raise NotFound(f"{one}...{other}: they have no commit in common")
    if len(bases) > 1:
        raise SeveralBases(f"{one}...{other}", bases)
    return repository.commit_at(bases[0]).tree


def _trees(repository: Repository, told: Ends, within: Sequence[Parts]) -> Iterator[Delta]:
    for parts in _outermost(within):
        old, new = [
            None if tree is None else finding.find(repository, tree, parts)
            for tree in (told.earlier, told.later)
        ]
        for change in repository.changed(old, new):
            yield Delta((*parts, *change.path) or (told.name,), change.before, change.after)


def _outermost(within: Sequence[Parts]) -> list[Parts]:
    """Return the paths of *within* that lie in no other of them, in order; the root for none."""
    out: list[Parts] = []
    for parts in sorted(set(within), key=_order):
        if not out or parts[: len(out[-1])] != out[-1]:
            out.append(parts)
    return out or [()]


def _to_files(repository: Repository, base: Cid | None, within: Sequence[Parts]) -> Iterator[Delta]:
    """Yield what differs from *base* to the user's files that are tracked."""
    stage = repository.staged_tree()
    found = {
        entry.parts: Delta(entry.parts, entry.before, entry.after, True)
        for entry in working(repository, stage, untracked=False, telling=True)
        if not entry.folder and _is_within(entry.parts, within)
    }
    if base != stage:
        for change in _trees(repository, Ends(base, stage), within):
            later = found.get(change.parts, change)
            found[change.parts] = later._replace(before=change.before)
    for parts in sorted(found, key=_order):
        delta = found[parts]
        if delta.before != delta.after:
            yield delta


def renamed(repository: Repository, found: list[Delta], tree: Cid | None = None) -> Iterator[Delta]:
    """Yield *found* with renames and copies told; *tree* is where copies' originals may stand."""
    came = [delta for delta in found if delta.before is None]
    if not came:
        yield from found
        return
    held: Iterable[compare.Pair] = ()
    if tree is not None:
        held = stream(compare.files(tree, None), repository.home.blocks.get)
    moved = moves.found(
        [(delta.parts, delta.before, delta.after) for delta in found],
        ((pair.path, pair.before) for pair in held if pair.before is not None),
        add_bytes(b"", repository.profile, keep=False)[1].cid,
    )
    gone = {move.source for move in moved.values() if not move.copied}
    for delta in found:
        move: Move | None = moved.get(delta.parts)
        if move is not None:
            yield delta._replace(before=delta.after, source=move.source, copied=move.copied)
        elif delta.after is not None or delta.parts not in gone:
            yield delta


def _side(repository: Repository, parts: Parts, cid: Cid) -> Side:
    """Return a file or symlink of a tree; one that is too large isn't read."""
    path, blocks = os.fsencode(path_text(parts)), repository.home.blocks
    mode = patch.REGULAR
    if cid.codec == RAW and cid.inline is None:
        size = blocks.size(cid)
    else:
        found = run(stat(cid), blocks.get)
        size = found.file_bytes
        if found.kind == SYMLINK:
            return Side(path, patch.SYMLINK, found.target or b"")
        if found.kind == DIRECTORY:
            raise Misuse(f"{path_text(parts)} is a directory")
        mode = _mode(repository, found.mode or 0)
    if size > patch.MAX_TEXT_BYTES:
        return Side(path, mode, None)
    return Side(path, mode, b"".join(stream(files.read(cid), blocks.get)))


def _on_disk(repository: Repository, parts: Parts) -> Side:
    """Return what stands in the working copy now; what can't be read counts as too large."""
    path = os.path.join(repository.root, *parts)
    name = os.fsencode(path_text(parts))
    try:
        found = os.lstat(path)
        if S_ISLNK(found.st_mode):
            return Side(name, patch.SYMLINK, os.fsencode(os.readlink(path)))
        mode = _mode(repository, found.st_mode)
        if not S_ISREG(found.st_mode) or found.st_size > patch.MAX_TEXT_BYTES:
            return Side(name, mode, None)
        with open(path, "rb") as file:
            data = file.read(patch.MAX_TEXT_BYTES + 1)
        return Side(name, mode, data if len(data) <= patch.MAX_TEXT_BYTES else None)
    except OSError:
        return Side(name, patch.REGULAR, None)


def _is_directory(repository: Repository, cid: Cid) -> bool:
    return cid.codec != RAW and run(stat(cid), repository.home.blocks.get).kind == DIRECTORY


def _mode(repository: Repository, mode: int) -> str:
    """Return git's word for *mode*, which counts where the profile tracks it."""
    return patch.EXECUTABLE if repository.profile.mode and mode & 0o100 else patch.REGULAR


def _is_within(path: Parts, within: Sequence[Parts]) -> bool:
    return not within or any(path[: len(parts)] == parts for parts in within)


def _order(parts: Parts) -> list[bytes]:
    return [os.fsencode(part) for part in parts]
