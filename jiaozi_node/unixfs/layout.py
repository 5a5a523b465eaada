"""File layouts as push builders: leaves go in one by one, nodes come out as they fill.

A builder keeps only the spine of unfinished nodes, so memory doesn't grow with the file. *balanced*
puts all leaves at one depth. *trickle* fills a node with leaves, then appends four subtrees of
depth 1, four of depth 2, … . Both follow boxo's builders exactly, as the CID depends on it.
"""

from collections.abc import Callable
from typing import NamedTuple

from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.unixfs_pb import UnixFs
from jiaozi_node.unixfs.node import Mtime
from jiaozi_node.unixfs.profile import Profile

TRICKLE_REPEAT = 4  # boxo's depthRepeat


class Child(NamedTuple):
    """A leaf or inner node as its parent links it: raw CID, Tsize, bytes of the file below."""

    cid: bytes
    tsize: int
    file_bytes: int


# Joins children under one node; takes mode and mtime, which only the root has.
Close = Callable[[list[Child], int | None, Mtime | None], Child]


def closer(profile: Profile, out: list[Block] | None) -> Close:
    """Return the function that makes an inner node, appending its block to *out* unless None."""
    seal = profile.seal_pb

    def close(children: list[Child], mode: int | None, mtime: Mtime | None) -> Child:
        sizes = tuple([child.file_bytes for child in children])
        total = sum(sizes)
        data = dag_pb.encode_links(
            [(child.cid, b"", child.tsize) for child in children],
            unixfs_pb.encode(UnixFs(unixfs_pb.FILE, None, total, sizes, None, None, mode, mtime)),
        )
        raw = seal(data)
        if out is not None:
            cid = Cid(raw)
            if cid.inline is None:
                out.append(Block(cid, data))
        return Child(raw, len(data) + sum([child.tsize for child in children]), total)

    return close


class Balanced:
    """All leaves at one depth; a level is closed when its next child comes, not before.

    So the root stays open until `end`, which may give it mode and mtime.
    """

    def __init__(self, width: int, close: Close) -> None:
        self._width = width
        self._close = close
        self._levels: list[list[Child]] = [[]]

    def push(self, leaf: Child) -> None:
        """Append a leaf."""
        row = self._levels[0]
        if len(row) < self._width:
            row.append(leaf)
        else:
            self._push(leaf, 0)

    def _push(self, child: Child, level: int) -> None:
        levels = self._levels
        while level < len(levels):
            row = levels[level]
            if len(row) < self._width:
                row.append(child)
                return
            levels[level] = [child]
            child = self._close(row, None, None)
            level += 1
        levels.append([child])

    def end(self, mode: int | None, mtime: Mtime | None) -> Child:
        """Close what is open; return the root, which is the leaf itself when there is only one."""
        levels = self._levels
        level = 0
        while level < len(levels) - 1:
            self._push(self._close(levels[level], None, None), level + 1)
            level += 1
        top = levels[level]
        return top[0] if level == 0 and len(top) == 1 else self._close(top, mode, mtime)


class _Frame:
    """An open node of a trickle tree: its children, and the subtree depths it may still take."""

    __slots__ = ("children", "depth", "max_depth", "repeat")

    def __init__(self, max_depth: int | None) -> None:
        self.children: list[Child] = []
        self.max_depth = max_depth
        self.depth, self.repeat = 1, 0


class Trickle:
    """Leaves first, then four subtrees of each depth; an empty file is a root without children."""

    def __init__(self, width: int, close: Close) -> None:
        self._width = width
        self._close = close
        self._stack = [_Frame(None)]

    def push(self, leaf: Child) -> None:
        """Append a leaf."""
        stack = self._stack
        while True:
            top = stack[-1]
            if len(top.children) < self._width:
                top.children.append(leaf)
                return
            if top.max_depth is None or top.depth < top.max_depth:
                stack.append(_Frame(top.depth))
                continue
            self._pop()

    def _pop(self) -> None:
        done = self._stack.pop()
        parent = self._stack[-1]
        parent.children.append(self._close(done.children, None, None))
        parent.repeat += 1
        if parent.repeat == TRICKLE_REPEAT:
            parent.depth, parent.repeat = parent.depth + 1, 0

    def end(self, mode: int | None, mtime: Mtime | None) -> Child:
        """Close what is open; return the root."""
        while len(self._stack) > 1:
            self._pop()
        return self._close(self._stack[0].children, mode, mtime)
