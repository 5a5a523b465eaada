"""What stands at single paths of a working copy now, by CID; the stat index spares hashing.

No symlink is followed on the way: behind one, nothing stands.
"""

import os
from collections.abc import Set
from stat import S_ISDIR, S_ISLNK, S_ISREG

from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.add import symlink
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.worktree.import_tree import Reader, Sink
from jiaozi_node.worktree.index import StatIndex

Parts = tuple[str, ...]


class Look:
    """Looks at paths below *root*. Use as a context manager."""

    def __init__(self, root: str, profile: Profile, index: StatIndex) -> None:
        self._root, self._profile, self._index = root, profile, index
        self._reader = Reader(profile, Sink(None))
        self._real: dict[str, bool] = {}

    def __enter__(self) -> "Look":
        self._reader.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._reader.__exit__(None, None, None)

    def at(self, parts: Parts, found: os.stat_result | None = None) -> Cid | None:
        """Return the CID of the file or symlink at *parts*, whose `stat` may be given as *found*.

        None for anything else.
        """
        found = found or self.stat(parts)
        if found is None:
            return None
        path = os.path.join(self._root, *parts)
        if S_ISLNK(found.st_mode):
            mtime = divmod(found.st_mtime_ns, 1_000_000_000) if self._profile.mtime else None
            return symlink(os.fsencode(os.readlink(path)), self._profile, mtime)[1].cid
        if not S_ISREG(found.st_mode):
            return None
        key = os.fsencode("/".join(parts))
        known = self._index.find(key, found)
        if known is not None:
            return known.cid
        node, before = self._reader.file(None, path, "")
        self._index.learn(key, before, node.cid, node.tsize)
        return node.cid

    def exists(self, parts: Parts) -> bool:
        """Tell whether anything stands at *parts*."""
        return self.stat(parts) is not None

    def is_directory(self, parts: Parts) -> bool:
        """Tell whether a directory stands at *parts*."""
        found = self.stat(parts)
        return found is not None and S_ISDIR(found.st_mode)

    def is_file(self, parts: Parts) -> bool:
        """Tell whether something stands at *parts* that is no directory."""
        found = self.stat(parts)
        return found is not None and not S_ISDIR(found.st_mode)

    def holds_only(self, parts: Parts, allowed: Set[Parts]) -> bool:
        """Tell whether all below the directory *parts* is among *allowed*."""
        top = os.path.join(self._root, *parts)
        for here, directories, files in os.walk(top):
            above = tuple(os.path.relpath(here, self._root).split(os.sep))
            if any((*above, name) not in allowed for name in (*directories, *files)):
                return False
        return True

    def stat(self, parts: Parts) -> os.stat_result | None:
        """Return the lstat of what stands at *parts*, None for nothing."""
        above = os.path.join(self._root, *parts[:-1])
        real = self._real.get(above)
        if real is None:
            real = self._real[above] = len(parts) < 2 or os.path.realpath(above) == above
        if not real:
            return None
        try:
            return os.lstat(os.path.join(above, parts[-1]))
        except (FileNotFoundError, NotADirectoryError):
            return None
