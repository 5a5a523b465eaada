"""What differs between two UnixFS trees, found without reading what is equal.

Subtrees with one CID are never asked for, so the walk reads only what changed and works where the
rest is missing. Sharded directories are compared slot by slot (see `compare`), but listed whole by
`walked` where names came, as its caller holds them against all others. Renames are the caller's
business.
"""

from typing import NamedTuple

from jiaozi_node.dag.walk import Walk, gather
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import compare
from jiaozi_node.unixfs.compare import MAX_DEPTH, check_depth, side_by_side
from jiaozi_node.unixfs.compare import Pair as Change
from jiaozi_node.unixfs.directory import values
from jiaozi_node.unixfs.hamt import Value
from jiaozi_node.unixfs.node import Mtime

__all__ = ["MAX_DEPTH", "Change", "Folder", "changes", "walked"]

changes = compare.files


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


def walked(before: Cid | None, after: Cid | None) -> Walk[Change | Folder, None]:
    """Yield what `changes` does, and each directory that differs before what is below it."""
    # Each step: path, before, after. A stack in reverse order keeps the output sorted.
    stack: list[tuple[tuple[str, ...], Cid | None, Cid | None]] = [((), before, after)]
    while stack:
        path, old, new = stack.pop()
        if old == new:
            continue
        check_depth(path)
        was, now, unlike = yield from side_by_side(old, new)
        file_before = old if was is None else None
        file_after = new if now is None else None
        if file_before or file_after:
            yield Change(path, file_before, file_after)
        top = now or was
        if top is None:
            continue
        named = [name for name, *sides in unlike if sides[now is not None] is not None]
        if was and now and any(one.one is None for one in unlike):
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
        for name, one, other in reversed(unlike):
            stack.append(
                (
                    (*path, _text(name)),
                    None if one is None else Cid(one),
                    None if other is None else Cid(other),
                )
            )


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
