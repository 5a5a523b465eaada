"""Asks the daemon's watch what changed in a working copy, for those who only tell of it.

Acts that record or overwrite never ask: what they must not miss they look at themselves.
"""

import os
from typing import Protocol, runtime_checkable

from jiaozi_node.dag.walk import stream
from jiaozi_node.errors import NotFound
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.home import Home
from jiaozi_node.unixfs.changes import Folder, walked
from jiaozi_node.worktree.index import StatIndex
from jiaozi_node.worktree.seeking import Mark, Seek, Seen

_MOUNTS = "/proc/self/ns/mnt"


@runtime_checkable
class Watches(Protocol):
    """A home whose holder may watch working copies."""

    def seen(
        self, root: str, identity: tuple[int, int], mounts: int, token: str | None
    ) -> Seen | None:
        """Return what changed in the directory *root* since *token*; None: look at everything.

        *identity* is its device and inode, *mounts* the inode of the asker's mount namespace.
        """
        ...


def asked(home: Home, root: str, index: StatIndex) -> tuple[Seen | None, Mark | None]:
    """Ask about *root* since the mark that *index* holds; return the answer and that mark."""
    if not isinstance(home, Watches):
        return None, None
    try:
        found, mounts = os.stat(root), os.stat(_MOUNTS).st_ino
    except OSError:
        return None, None
    data = index.mark()
    mark = None if data is None else Mark.decode(data)
    token = None if mark is None else mark.token
    return home.seen(root, (found.st_dev, found.st_ino), mounts, token), mark


def seek(home: Home, seen: Seen | None, mark: Mark | None, tree: Cid) -> Seek | None:
    """Return where to look for differences from *tree*; None: everywhere."""
    if seen is None or mark is None or seen.changed is None or seen.deep is None:
        return None
    changed = {*seen.changed, *mark.unlike}
    if mark.tree != tree:
        try:
            for step in stream(walked(mark.tree, tree), home.blocks.get):
                if isinstance(step, Folder):
                    changed.add(os.fsencode("/".join(step.path)))
        except NotFound:  # the tree of that time was collected
            return None
    return Seek(changed, seen.deep)
