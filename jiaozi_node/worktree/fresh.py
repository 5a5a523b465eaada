"""A directory that isn't there yet: filled under a temporary name, then put in its place whole.

A file in it needs no temporary name and no renaming of its own, which is half of what writing a
small file costs. The rules of `writer` hold: names are checked before anything is made, files are
made new in a directory that nobody else has, and nothing is ever opened through a symlink. What
stands in the place gives way as for `SafeWriter.directory`; where that is a directory already, the
files go into it one by one.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from errno import EEXIST, ENOTDIR, ENOTEMPTY

from jiaozi_node.worktree.names import UnsafeName
from jiaozi_node.worktree.writer import Parts, SafeWriter, not_written

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class NewDirectory:
    """The directory *parts* below the target of *writer*, to hold files called *names*.

    Use it as a context manager: it takes its place when the ``with`` ends normally, else nothing is
    left. *notes* makes `known` tell the stat of files afterwards.
    """

    def __init__(
        self, writer: SafeWriter, parts: Parts, names: Sequence[str], *, notes: bool = False
    ) -> None:
        self.parts, self._writer, self._names = parts, writer, frozenset(names)
        self._here, self._temp, self._fd = writer.beside(parts, names)
        self._stats: dict[str, os.stat_result] | None = {} if notes else None
        self._placed_ns = 0

    def put(self, name: str, data: bytes) -> None:
        """Write one file, all of it, with the mode that the umask gives."""
        if name not in self._names:
            raise UnsafeName((*self.parts, name), "it wasn't named when its directory was begun")
        try:
            fd = os.open(name, _CREATE, 0o666, dir_fd=self._fd)
            try:
                done = os.write(fd, data) if data else 0
                while done < len(data):
                    done += os.write(fd, memoryview(data)[done:])
                if self._stats is not None:
                    self._stats[name] = os.fstat(fd)
            finally:
                os.close(fd)
        except OSError as fault:
            raise not_written((*self.parts, name), fault) from None

    def known(self) -> dict[str, os.stat_result]:
        """Return the lstat of files, of those for which it is sure to be that of no later file.

        Nobody could write to a file before its directory stood in its place. Whoever does so later
        gives it a later time, unless the clock still shows the tick in which we wrote it.
        """
        found, placed_ns = self._stats or {}, self._placed_ns
        return {name: stat for name, stat in found.items() if stat.st_mtime_ns < placed_ns}

    def __enter__(self) -> "NewDirectory":
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        self.end(place=kind is None)

    def end(self, *, place: bool) -> None:
        """Put the directory in its place, or leave nothing of it."""
        try:
            if place:
                self._place()
        finally:
            if not self._placed_ns:
                self._discard()
            os.close(self._fd)
            os.close(self._here)

    def _place(self) -> None:
        name = self.parts[-1]
        try:
            try:
                self._rename(name)
            except OSError as fault:
                if fault.errno in (ENOTEMPTY, EEXIST):
                    self._merge()
                    return
                if fault.errno != ENOTDIR:
                    raise
                os.unlink(name, dir_fd=self._here)  # a file or symlink gives way
                self._rename(name)
            # What a rename last changed of the directory is the directory itself.
            self._placed_ns = os.fstat(self._fd).st_ctime_ns
        except OSError as fault:
            raise not_written(self.parts, fault) from None

    def _rename(self, name: str) -> None:
        os.rename(self._temp, name, src_dir_fd=self._here, dst_dir_fd=self._here)

    def _merge(self) -> None:
        """Give each file its place in the directory that came in the way."""
        there = self._writer.enter(self.parts)
        for name in os.listdir(self._fd):
            os.rename(name, name, src_dir_fd=self._fd, dst_dir_fd=there)

    def _discard(self) -> None:
        """Remove what was written under the temporary name."""
        with suppress(OSError):
            for name in os.listdir(self._fd):
                os.unlink(name, dir_fd=self._fd)
            os.rmdir(self._temp, dir_fd=self._here)
