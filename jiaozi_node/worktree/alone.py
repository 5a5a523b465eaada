"""One process at a time writes the files of a working copy; what one left by a kill is removed.

Whoever writes holds the system's lock on the directory ``.jiaozi``, which ends with the process. So
who finds an intent (``specs/names.md`` §6) and gets the lock knows that nobody is at it any more.
"""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EAGAIN

from jiaozi_node.errors import JiaoziError, Unavailable
from jiaozi_node.worktree.names import RESERVED
from jiaozi_node.worktree.writer import SafeWriter

Parts = tuple[str, ...]


class BeingWritten(Unavailable):
    """Another process writes the files of the working copy."""

    def __init__(self, root: str) -> None:
        super().__init__(f"another process is writing the files of {root}; try again later")
        self.root = root


@contextmanager
def alone(root: str) -> Iterator[None]:
    """Be the one who writes the files of the working copy *root*; raises `BeingWritten`.

    A file system without locks lets everybody in.
    """
    held = os.open(os.path.join(root, RESERVED), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            if fault.errno in (EAGAIN, EACCES):
                raise BeingWritten(root) from None
        yield
    finally:
        os.close(held)


def remove_left(root: str, temp: str, places: Iterable[Parts], below: Iterable[Parts] = ()) -> None:
    """Remove what begins with *temp* in the directories *places*, and in and below those *below*.

    No symlink is followed; what can't be removed harms nobody.
    """
    with SafeWriter(root) as writer:
        for parts in places:
            with suppress(OSError, JiaoziError):
                here = writer.enter(parts)
                _remove(here, os.listdir(here), temp)
        for parts in below:
            with suppress(OSError, JiaoziError):
                top = writer.enter(parts)
                for _path, directories, files, here in os.fwalk(".", dir_fd=top):
                    _remove(here, (*directories, *files), temp)
                    directories[:] = [name for name in directories if name != RESERVED]


def _remove(here: int, names: Iterable[str], temp: str) -> None:
    for name in names:
        if name.startswith(temp):
            with suppress(OSError):
                try:
                    os.unlink(name, dir_fd=here)
                except (IsADirectoryError, PermissionError):  # the latter on macOS
                    shutil.rmtree(name, ignore_errors=True, dir_fd=here)
