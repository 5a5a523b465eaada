"""The one door to the disk: every write, sync, rename and removal of the store goes through here.

Fault tests set `hook`, which is called with the name of each operation before it is done and may
raise ``OSError`` or kill the process: so each can be counted, failed and interrupted in turn.
"""

import contextlib
import os
from collections.abc import Callable, Sequence

hook: Callable[[str], None] | None = None

_MAX_PARTS = 1024  # IOV_MAX of Linux
_ADVISES = hasattr(os, "posix_fadvise")  # not on macOS
_COPY_BELOW = 16 * 1024  # parts smaller than this on average are joined: one copy, one buffer


def step(name: str) -> None:
    """Tell the hook that the operation *name* comes next."""
    if hook is not None:
        hook(name)


def create(path: str) -> int:
    """Make the file *path*, which mustn't exist; return a descriptor to read and write it."""
    step("create")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def open_file(path: str, *, write: bool = False) -> int:
    """Open the existing file *path*."""
    return os.open(path, (os.O_RDWR if write else os.O_RDONLY) | os.O_NOFOLLOW | os.O_CLOEXEC)


def write_at(fd: int, parts: Sequence[bytes], size: int, offset: int) -> None:
    """Write all of *parts*, *size* bytes in all, at *offset*; large ones are not copied."""
    if len(parts) > 1 and size < _COPY_BELOW * len(parts):
        parts = (b"".join(parts),)
    for at in range(0, len(parts), _MAX_PARTS):
        some = parts[at : at + _MAX_PARTS]
        wanted = size if len(parts) <= _MAX_PARTS else sum(map(len, some))
        step("write")
        done = os.pwritev(fd, some, offset)
        if done < wanted:  # interrupted, or the disk is nearly full
            rest = memoryview(b"".join(some))[done:]
            while rest:
                step("write")
                rest = rest[os.pwrite(fd, rest, offset + wanted - len(rest)) :]
        offset += wanted


def fdatasync(fd: int) -> None:
    """Make the data of *fd* durable, and its size."""
    step("fdatasync")
    os.fdatasync(fd)


def fsync_dir(path: str) -> None:
    """Make the names in the directory *path* durable."""
    step("fsync_dir")
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace(path: str, data: bytes) -> None:
    """Put *data* at *path*, durably on return: readers see the old bytes or the new."""
    aside = path + ".new"
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        write_at(fd, (data,), len(data), 0)
        step("fsync")
        os.fsync(fd)
    finally:
        os.close(fd)
    step("rename")
    os.rename(aside, path)
    fsync_dir(os.path.dirname(path))


def unlink(path: str) -> None:
    """Remove the file *path*; one that isn't there is no error."""
    step("unlink")
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def begin_writeback(fd: int, offset: int, size: int) -> None:
    """Have the disk begin with what was written there, without waiting: a later sync finds less.

    Nothing is promised by it. Linux starts writing pages which aren't needed and keeps them until
    they are written, so the hint of `forget`, given early, is Python's way to sync_file_range.
    """
    forget(fd, offset, size)


def forget(fd: int, offset: int, size: int) -> None:
    """Let the page cache go of what was written and synced: others need it more."""
    if _ADVISES:
        with contextlib.suppress(OSError):  # a hint: some file systems take none
            os.posix_fadvise(fd, offset, size, os.POSIX_FADV_DONTNEED)


def free_bytes(path: str) -> int:
    """Return how much the file system of *path* will still take from us."""
    room = os.statvfs(path)
    return room.f_bavail * room.f_frsize


def reserve(path: str, size: int) -> None:
    """Make the file *path* of *size* bytes that really take up the disk."""
    step("reserve")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, size)
    finally:
        os.close(fd)
