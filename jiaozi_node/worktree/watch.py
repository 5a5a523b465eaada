"""A working copy's directories watched by Linux's inotify: which of them changed since when.

``specs/watching.md``. Events stand in the kernel's queue before the call that made them returns,
and the queue is read to its end before an answer: what changed before the question is in it. After
anything that leaves us unsure (a queue that ran over, another file system, a root that went) the
watch is `lost`, and who asks looks at everything.
"""

import contextlib
import ctypes
import errno
import os
import secrets
import select
import struct
import threading
from collections.abc import Iterator
from typing import Final

from jiaozi_node.worktree.seeking import Seen

MAX_DIRECTORIES: Final = 200_000  # each costs about 1 KiB of the kernel's memory
MAX_TOLD: Final = 10_000  # directories of one answer
_READ_BYTES = 256 * 1024
_PAUSE_MS = 20  # between reads, so that one who writes all the time costs little

MODIFY, ATTRIB, CLOSE_WRITE = 0x2, 0x4, 0x8
MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x40, 0x80, 0x100, 0x200
DELETE_SELF, MOVE_SELF = 0x400, 0x800
UNMOUNT, OVERFLOW, IGNORED, IS_DIRECTORY = 0x2000, 0x4000, 0x8000, 0x4000_0000
_ONLY_DIRECTORIES = 0x0100_0000
_WATCHED = (
    MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE
    | DELETE_SELF | MOVE_SELF | _ONLY_DIRECTORIES
)  # fmt: skip
_ROOT_WENT = "its root was moved or removed"
_EVENT = struct.Struct("iIII")
_NONBLOCK, _CLOEXEC = 0o4000, 0o2000000
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

# File systems whose every change goes through this kernel, by the numbers of statfs(2).
_LOCAL = frozenset((0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0xF2F52010))


class Unwatchable(Exception):
    """The directory can't be watched, for the reason given; nobody is told, all is looked at."""


class _Place:
    """A directory that is watched, in the tree of all."""

    __slots__ = ("above", "below", "name", "watch")

    def __init__(self, above: "_Place | None", name: bytes) -> None:
        self.above, self.name = above, name
        self.below: dict[bytes, _Place] = {}
        self.watch = -1

    @property
    def path(self) -> bytes:
        names = []
        here: _Place | None = self
        while here is not None and here.above is not None:
            names.append(here.name)
            here = here.above
        return b"/".join(reversed(names))


class Watch:
    """All directories below *root*, which MUST have the *identity* (device, inode) named.

    Directories of the identities *passed* are not entered. `begin` watches them; until it has
    ended, and once `lost`, `since` answers None. Safe for threads.
    """

    def __init__(
        self,
        root: str,
        identity: tuple[int, int],
        passed: frozenset[tuple[int, int]] = frozenset(),
    ) -> None:
        self.identity = identity
        self.lost: str | None = None
        self._id = secrets.token_hex(8)
        self._passed = passed
        self._lock = threading.Lock()
        self._ready = False
        self._number = 0
        self._changed: dict[bytes, int] = {}
        self._deep: dict[bytes, int] = {}
        self._top = _Place(None, b"")
        self._places: dict[int, _Place] = {}
        self._root = self._queue = self._wake = -1
        try:
            self._root = os.open(root, _FLAGS)
            found = os.fstat(self._root)
            if (found.st_dev, found.st_ino) != identity:
                raise Unwatchable("another directory stands there")
            if _kind(self._root) not in _LOCAL:
                raise Unwatchable("its file system may change behind this kernel")
            self._queue = _libc_call("inotify_init1", _NONBLOCK | _CLOEXEC)
            self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        except (OSError, Unwatchable) as fault:
            self._release()
            raise Unwatchable(str(fault)) from None

    def begin(self) -> None:
        """Watch every directory; then read events until closed or lost. For a thread of its own."""
        try:
            with self._lock:
                self._add(self._top, self._root)
            self._enter(self._top)
            with self._lock:
                self._read()
                self._ready = self.lost is None
            poll = select.poll()
            poll.register(self._wake, select.POLLIN)
            while self.lost is None:
                poll.register(self._queue, select.POLLIN)
                poll.poll()
                with self._lock:
                    self._read()
                poll.unregister(self._queue)
                poll.poll(_PAUSE_MS)
        except (OSError, Unwatchable) as fault:
            self.lost = self.lost or str(fault)
        finally:
            self._release()

    def since(self, token: str | None) -> Seen | None:
        """Return what changed since *token*, which an earlier answer gave; None if unsure."""
        with self._lock:
            if not self._ready or self.lost is not None:
                return None
            try:
                self._read()
                if self.lost is None and not os.fstat(self._root).st_nlink:
                    self.lost = _ROOT_WENT  # of which we, who hold it open, keep the event away
                if self.lost is None and _mounted_below(self._root):
                    self.lost = "a file system is mounted in it"
            except OSError as fault:
                self.lost = str(fault)
            if self.lost is not None:
                return None
            now = f"{self._id}:{self._number}"
            id_, _, number = (token or "").partition(":")
            if id_ != self._id or not number.isdecimal() or int(number) > self._number:
                return Seen(now)
            changed, deep = (
                [path for path, at in table.items() if at > int(number)]
                for table in (self._changed, self._deep)
            )
            if len(changed) + len(deep) > MAX_TOLD:
                return Seen(now)
            return Seen(now, changed, deep)

    def close(self) -> None:
        """Have `begin` end, and `since` answer None; harmless when repeated."""
        with self._lock:
            self.lost = self.lost or "closed"
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def _release(self) -> None:
        with self._lock:
            self.lost = self.lost or "closed"
            self._places.clear()
            for fd in (self._queue, self._wake, self._root):
                if fd >= 0:
                    os.close(fd)
            self._queue = self._wake = self._root = -1

    # ---- directories

    def _enter(self, place: _Place) -> None:
        """Watch all below *place*, a few at a time: others may ask meanwhile."""
        pending = [place]
        while pending:
            here = pending.pop()
            with self._lock:
                if self.lost is not None:
                    raise Unwatchable(self.lost)
                if here.watch < 0:
                    continue  # gone again
                pending += self._listed(here)
                if len(self._places) > MAX_DIRECTORIES:
                    raise Unwatchable(f"it has over {MAX_DIRECTORIES} directories")

    def _listed(self, place: _Place) -> list[_Place]:
        """Watch the directories right below *place*, whose watch stands already; return them."""
        found = []
        here = self._opened(place)
        if here is None:
            return []
        try:
            with os.scandir(here) as listed:
                names = [
                    os.fsencode(one.name) for one in listed if one.is_dir(follow_symlinks=False)
                ]
            for name in names:
                below = self._child(place, name, here)
                if below is not None:
                    found.append(below)
        finally:
            os.close(here)
        return found

    def _child(self, above: _Place, name: bytes, here: int) -> _Place | None:
        """Watch the directory *name* of *above*, which is open at *here*; None if it is gone."""
        if above is self._top and name.lower() == b".jiaozi":
            return None
        fd = _entered(name, here)
        if fd is None:
            return None
        try:
            found = os.fstat(fd)
            if (found.st_dev, found.st_ino) in self._passed:
                return None
            if found.st_dev != self.identity[0]:
                raise Unwatchable(f"{os.fsdecode(name)} is on another file system")
            below = above.below.get(name)
            if below is None:
                below = above.below[name] = _Place(above, name)
            self._add(below, fd)
        finally:
            os.close(fd)
        return below

    def _add(self, place: _Place, fd: int) -> None:
        """Watch the very directory that is open at *fd* as *place*."""
        watch = _libc_call(
            "inotify_add_watch", self._queue, f"/proc/self/fd/{fd}".encode(), _WATCHED
        )
        before = self._places.get(watch)
        if before is not None and before is not place:
            before.watch = -1  # it was moved, and its event is still to come
        place.watch = watch
        self._places[watch] = place

    def _opened(self, place: _Place) -> int | None:
        """Open a directory name by name; None when it isn't the one that is watched any more."""
        names = place.path.split(b"/") if place is not self._top else []
        here = os.open(".", _FLAGS, dir_fd=self._root)
        for name in names:
            try:
                below = _entered(name, here)
            finally:
                os.close(here)
            if below is None:
                return None
            here = below
        return here

    def _drop(self, above: _Place, name: bytes) -> None:
        """Watch nothing at or below *name* any more."""
        pending = [place] if (place := above.below.pop(name, None)) else []
        while pending:
            here = pending.pop()
            pending += here.below.values()
            if here.watch >= 0:
                self._places.pop(here.watch, None)
                with contextlib.suppress(OSError):  # the kernel dropped it already
                    _libc_call("inotify_rm_watch", self._queue, here.watch)
                here.watch = -1

    # ---- events

    def _read(self) -> None:
        """Read the queue to its end; the caller holds the lock."""
        now = self._number + 1
        while self.lost is None:
            try:
                data = os.read(self._queue, _READ_BYTES)
            except BlockingIOError:
                break
            for watch, mask, name in _events(data):
                if self.lost is None:
                    self._take(watch, mask, name, now)
            self._number = now
        if len(self._changed) + len(self._deep) > MAX_DIRECTORIES:
            self.lost = f"over {MAX_DIRECTORIES} directories changed"

    def _take(self, watch: int, mask: int, name: bytes, now: int) -> None:
        if mask & OVERFLOW:
            self.lost = "the queue of events ran over"
            return
        place = self._places.get(watch)
        if place is None:
            return
        if mask & UNMOUNT:
            self.lost = "its file system was unmounted"
            return
        if mask & IGNORED:
            del self._places[watch]
            place.watch = -1
            return
        if mask & (DELETE_SELF | MOVE_SELF) and place is self._top:
            self.lost = _ROOT_WENT
            return
        path = place.path
        self._changed[path] = now
        if not mask & IS_DIRECTORY or not name:
            return
        if mask & (CREATE | MOVED_TO | DELETE | MOVED_FROM):
            self._drop(place, name)
        below = b"%b/%b" % (path, name) if path else name
        if mask & ATTRIB:
            self._changed[below] = now
        if mask & (CREATE | MOVED_TO):
            self._deep[below] = now
            self._arrived(place, name)

    def _arrived(self, above: _Place, name: bytes) -> None:
        """Watch a directory that is new, and all below it: what it holds is told of as deep."""
        try:
            here = self._opened(above)
            if here is None:
                return  # moved on meanwhile, of which an event tells
            try:
                below = self._child(above, name, here)
            finally:
                os.close(here)
            pending = [] if below is None else [below]
            while pending:
                pending += self._listed(pending.pop())
                if len(self._places) > MAX_DIRECTORIES:
                    raise Unwatchable(f"it has over {MAX_DIRECTORIES} directories")
        except (OSError, Unwatchable) as fault:
            self.lost = str(fault)


def _events(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(data):
        watch, mask, _cookie, size = _EVENT.unpack_from(data, at)
        at += _EVENT.size
        yield watch, mask, data[at : at + size].rstrip(b"\0")
        at += size


def _entered(name: bytes, here: int) -> int | None:
    """Open the directory *name*; None when it is gone, or something else."""
    try:
        return os.open(name, _FLAGS, dir_fd=here)
    except OSError as fault:
        if fault.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise


def _kind(fd: int) -> int:
    """Return the number of the file system that *fd* is on."""
    answer = ctypes.create_string_buffer(256)  # struct statfs is 120 bytes
    _libc_call("fstatfs", fd, answer)
    kind: int = ctypes.c_long.from_buffer(answer).value
    return kind & 0xFFFF_FFFF


def _mounted_below(root: int) -> bool:
    """Tell whether anything is mounted below the directory open at *root*."""
    path = os.readlink(f"/proc/self/fd/{root}").encode("utf-8", "surrogateescape")
    above = path.rstrip(b"/") + b"/"
    for char in (b"\\", b" ", b"\t", b"\n"):
        above = above.replace(char, b"\\%03o" % char[0])
    with open("/proc/self/mountinfo", "rb") as mounts:
        return any(line.split(b" ", 5)[4].startswith(above) for line in mounts)


def _libc_call(name: str, *args: object) -> int:
    """Call a function of the C library; raises `OSError` for -1."""
    result: int = getattr(_LIBC, name)(*args)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


_LIBC = ctypes.CDLL(None, use_errno=True)
