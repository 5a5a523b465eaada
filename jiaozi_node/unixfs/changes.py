"""What differs between two UnixFS trees, found without reading what is equal.

Subtrees with one CID are never asked for, so the walk reads only what changed and works where the
rest is missing. Sharded directories are compared slot by slot (see `compare`), but listed whole for
`walked`, whose caller has use for every name. Renames are the caller's business.
"""

from collections.abc import Mapping
from typing import NamedTuple

from jiaozi_node.dag.walk import Lookup, Walk, gather
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.unixfs import compare
from jiaozi_node.unixfs.compare import Pair
from jiaozi_node.unixfs.directory import Entry, entries
from jiaozi_node.unixfs.node import DIRECTORY, Mtime
from jiaozi_node.unixfs.stat import Stat, stat

MAX_DEPTH = 256  # directories below each other


class Change(NamedTuple):
    """A file or symlink at *path* that is in one tree, or in both with unlike CIDs."""

    path: tuple[str, ...]
    before: Cid | None
    after: Cid | None

    @property
    def letter(self) -> str:
        """git's letter: A added, D deleted, M modified."""
        return "A" if self.before is None else "D" if self.after is None else "M"


class Folder(NamedTuple):
    """A directory at *path* whose CID is not the same in both trees, the root included.

    *before* and *after* are None where there is no directory. *names* are its entries in the later
    tree, or in the earlier one when it went; *mode* and *mtime* likewise.
    """

    path: tuple[str, ...]
    before: Cid | None
    after: Cid | None
    names: tuple[str, ...]
    mode: int | None
    mtime: Mtime | None


def changes(before: Cid | None, after: Cid | None) -> Walk[Change, None]:
    """Yield the changes that make *after* of *before*, in byte order of paths.

    None stands for an empty tree. A directory that became a file (or the reverse) is all of its
    files deleted and one added. Directories themselves are not reported: an empty one that came or
    went changes the root's CID and yields nothing.
    """
    walk = compare.files(before, after)
    sent: Block | None = None
    while True:
        try:
            step = walk.send(sent)
        except StopIteration:
            return
        sent = yield Change(*step) if isinstance(step, Pair) else step


def walked(before: Cid | None, after: Cid | None) -> Walk[Change | Folder, None]:
    """Yield what `changes` does, and each directory that differs before what is below it."""
    # Each step: path, before, after. A stack in reverse order keeps the output sorted.
    stack: list[tuple[tuple[str, ...], Cid | None, Cid | None]] = [((), before, after)]
    while stack:
        path, old, new = stack.pop()
        if old == new:
            continue
        if len(path) > MAX_DEPTH:
            raise LimitExceeded(
                f"depth of the tree below {path[0]!r}", MAX_DEPTH, len(path), "names"
            )
        was = yield from _below(old)
        now = yield from _below(new)
        file_before = old if was is None else None
        file_after = new if now is None else None
        if file_before or file_after:
            yield Change(path, file_before, file_after)
        if was is None and now is None:
            continue
        top = now if now is not None and now.stat is not None else was
        if top is not None and top.stat is not None:
            there = (old if was and was.stat else None, new if now and now.stat else None)
            yield Folder(path, *there, tuple(top.held), top.stat.mode, top.stat.mtime)
        old_held = was.held if was else {}
        new_held = now.held if now else {}
        for name in sorted(old_held.keys() | new_held.keys(), key=_bytes, reverse=True):
            one, other = old_held.get(name), new_held.get(name)
            if one != other:
                stack.append(((*path, name), one, other))


class _Held(NamedTuple):
    """What a directory holds; *stat* is None where nothing stands."""

    stat: Stat | None
    held: Mapping[str, Cid]


_NOTHING = _Held(None, {})


def _below(cid: Cid | None) -> Lookup[_Held | None]:
    """Return the entries of a directory, none where there is nothing, None for a file."""
    if cid is None:
        return _NOTHING
    if cid.codec == RAW:
        return None
    found = yield from stat(cid)
    if found.kind != DIRECTORY:
        return None
    listed: list[Entry] = yield from gather(entries(cid))
    return _Held(found, {entry.name: entry.cid for entry in listed})


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
