"""What differs between two UnixFS trees, found without reading what is equal.

Subtrees with one CID are never asked for, so the walk reads only what changed and works where the
rest is missing. Sharded directories are compared slot by slot (see `compare`), but listed whole by
`walked` where names came, as its caller holds them against all others. Renames are the caller's
business.
"""

from typing import NamedTuple

from jiaozi_node.dag.walk import Walk, gather
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import compare
from jiaozi_node.unixfs.compare import Keys, Pair, Row, differing, opened
from jiaozi_node.unixfs.directory import values
from jiaozi_node.unixfs.hamt import Value
from jiaozi_node.unixfs.node import Mtime

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
    tree, or in the earlier one when it went; of one that is in both and has no new name, those that
    changed. *mode* and *mtime* are those of the later tree, or the earlier one.
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
        was, now = (yield from opened(old)), (yield from opened(new))
        file_before = old if was is None else None
        file_after = new if now is None else None
        if file_before or file_after:
            yield Change(path, file_before, file_after)
        top = now or was
        if top is None:
            continue
        rows: list[Row] = yield from gather(differing((was, now), _equal))
        named = [row.name for row in rows if row.sides[now is not None] is not None]
        if was and now and any(before is None for _name, (before, _after) in rows):
            listed: list[Value] = yield from gather(values(now.cid))
            named = [value.name for value in listed]
        mode, mtime = top.message.mode, top.message.mtime
        yield Folder(
            path,
            was.cid if was else None,
            now.cid if now else None,
            tuple([_text(name) for name in named]),
            None if mode is None else mode & 0o7777 or None,
            mtime,
        )
        rows.sort(reverse=True)
        for name, sides in rows:
            one, other = [None if side is None else Cid(side.cid) for side in sides]
            stack.append(((*path, _text(name)), one, other))


def _equal(keys: Keys) -> bool:
    return keys[0] == keys[1]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
