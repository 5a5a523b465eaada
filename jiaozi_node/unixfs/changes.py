"""What differs between two UnixFS trees, found without reading what is equal.

Subtrees with one CID are never asked for, so the walk reads only what changed and works where the
rest is missing. Names are compared entry by entry; renames are the caller's business.
"""

from collections.abc import Mapping
from typing import NamedTuple

from jiaozi_node.dag.walk import Lookup, Walk, gather
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.unixfs.directory import Entry, entries
from jiaozi_node.unixfs.node import DIRECTORY
from jiaozi_node.unixfs.stat import stat

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


def changes(before: Cid | None, after: Cid | None) -> Walk[Change, None]:
    """Yield the changes that make *after* of *before*, in byte order of paths.

    None stands for an empty tree. A directory that became a file (or the reverse) is all of its
    files deleted and one added. Directories themselves are not reported: an empty one that came or
    went changes the root's CID and yields nothing.
    """
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
        old_names = yield from _below(old)
        new_names = yield from _below(new)
        if old_names is None or new_names is None:
            # Not both are directories: report files, and walk whichever is a directory alone.
            if old_names is None and new_names is None:
                yield Change(path, old, new)
                continue
            file_before = old if old_names is None else None
            file_after = new if new_names is None else None
            if file_before or file_after:
                yield Change(path, file_before, file_after)
            old_names, new_names = old_names or {}, new_names or {}
        for name in sorted(old_names.keys() | new_names.keys(), key=_bytes, reverse=True):
            was, now = old_names.get(name), new_names.get(name)
            if was != now:
                stack.append(((*path, name), was, now))


def _below(cid: Cid | None) -> Lookup[Mapping[str, Cid] | None]:
    """Return the entries of a directory, {} where there is nothing, None for a file."""
    if cid is None:
        return {}
    if cid.codec == RAW or (yield from stat(cid)).kind != DIRECTORY:
        return None
    found: list[Entry] = yield from gather(entries(cid))
    return {entry.name: entry.cid for entry in found}


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
