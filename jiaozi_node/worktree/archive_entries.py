"""What goes into an archive of a tree, parents first; names are checked and depth is bounded.

Names are checked as `get` checks them, so that no archive of ours unpacks outside its root.
"""

import os
from typing import NamedTuple

from jiaozi_node.dag.walk import Walk, delegate, need
from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import stat
from jiaozi_node.unixfs.node import DIRECTORY
from jiaozi_node.unixfs.read import read
from jiaozi_node.unixfs.stat import Stat
from jiaozi_node.worktree import names
from jiaozi_node.worktree.checkout import Parts, held_by
from jiaozi_node.worktree.climbing import Climbing, Placed


class Entry(NamedTuple):
    """One file, directory or symlink: where it goes, what it says of itself, its first block."""

    parts: Parts
    stat: Stat
    block: Block

    def content(self) -> Walk[memoryview, None]:
        """Yield the bytes of a file."""
        return delegate(read(self.stat.cid), self.block)


def walked(
    root: Cid, at: Parts, *, sort: bool = False, whole: bool = True, climbing: bool = False
) -> Walk[Entry, None]:
    """Yield *root*, which goes to *at*, and all below it; siblings as they are, or in byte order.

    Unless *whole*, a directory *root* itself is left out, and the directories of *at* come first.
    With *climbing*, names may lead out of their directory as `climbing.Climbing` lets them.
    Raises `UnsafeName`, and `LimitExceeded` beyond 256 levels.
    """
    places = Climbing(at) if climbing else None
    pending = [Placed(at, root)]
    while pending:
        place = pending.pop()
        parts, cid, _climbed = place
        block = yield from need(cid, tuple([item.cid for item in pending[:-9:-1]]))
        found = stat.of(block)
        place.check(found.kind)
        if whole or len(parts) > len(at) or found.kind != DIRECTORY:
            yield Entry(parts, found, block)
        else:
            for depth in range(1, len(at) + 1):
                yield Entry(at[:depth], found, block)
        if found.kind == DIRECTORY:
            if len(parts) > names.MAX_DEPTH:
                where = f"the depth of {names.shown(parts)}"
                raise LimitExceeded(where, names.MAX_DEPTH, len(parts), "names")
            held = yield from held_by(block, parts)
            if places is None:
                names.check_all([entry.name for entry in held], parts, reserved=False)
            if sort:
                held.sort(key=lambda entry: os.fsencode(entry.name))
            if places is None:
                below = [Placed((*parts, entry.name), entry.cid) for entry in held]
            else:
                below = places.place(held, parts)
            below.reverse()
            pending += below


def prefix(text: str) -> Parts:
    """Return the directories that *text* names; raises `UnsafeName` for one that leads outside."""
    if text.startswith("/"):
        raise BadPrefix(text, "it begins at the root of the file system")
    parts = tuple([part for part in text.split("/") if part not in ("", ".")])
    if len(parts) > names.MAX_DEPTH:
        raise LimitExceeded("depth of a prefix", names.MAX_DEPTH, len(parts), "names")
    for at, part in enumerate(parts):
        names.check(part, parts[:at], reserved=False)
    return parts


class BadPrefix(Malformed):
    """A place in an archive that would lie outside of where it is unpacked."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"prefix {text[:80]!r}: {why}")
        self.text = text
