"""The segment files: their names, their descriptors, and the files of drops beside them.

``pub-00000001.car`` takes what everybody may see, ``own-00000002.car`` what this node's user alone;
numbers are given once, across both. ``….drops`` names sections whose rows were dropped, so that a
rebuild of the index doesn't bring them back (``specs/segments.md`` §6).
"""

import os
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import NamedTuple
from zlib import crc32

from jiaozi_node.errors import Corrupt
from jiaozi_node.stores.api import Family
from jiaozi_node.stores.segments import disk
from jiaozi_node.stores.segments.index import Row

MAX_OPEN = 128
_PREFIX = {Family.OWN: "own", Family.PUBLIC: "pub"}
_FAMILY = {"own": Family.OWN, "pub": Family.PUBLIC}
_DROP = struct.Struct(">QQB")
_DROP_BYTES = _DROP.size + 4


class Segment:
    """One segment: how far it is given out (*tail*), written, synced and covered by the mark.

    *begun* is how far the disk was asked to begin, which promises nothing. *limit* is where what
    may be acknowledged ends, for one whose writing failed. *live_rows* and *live_bytes* count rows
    that point into it, *all_bytes* the data of all its blocks.
    """

    __slots__ = (
        "all_bytes",
        "begun",
        "closed",
        "condemned",
        "created",
        "drops",
        "family",
        "fault",
        "limit",
        "live_bytes",
        "live_rows",
        "marked",
        "number",
        "synced",
        "syncing",
        "tail",
        "written",
    )

    def __init__(self, number: int, family: Family) -> None:
        self.number, self.family = number, family
        self.tail = self.written = self.begun = self.synced = self.marked = 0
        self.live_rows = self.live_bytes = self.all_bytes = self.drops = 0
        self.closed = self.condemned = self.created = self.syncing = False
        self.limit: int | None = None
        self.fault: str | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{_PREFIX[self.family]}-{self.number:08d}.car"


class Drop(NamedTuple):
    """One record of a file of drops: the section's data at *offset* have no row any more."""

    offset: int
    digest: int
    flags: int


class Files:
    """The directory *path* of segments; descriptors are kept for the `MAX_OPEN` used last."""

    def __init__(self, path: str, when_idle: Callable[[Callable[[], None]], None]) -> None:
        self.path = path
        self._when_idle = when_idle
        self._fds: OrderedDict[int, int] = OrderedDict()
        self._writing: dict[int, int] = {}  # never closed under a writer's hands; see `settled`
        self._unsynced_drops: dict[int, Segment] = {}
        self._lock = threading.Lock()

    def listed(self) -> dict[int, tuple[Family, int]]:
        """Return the family and size of every segment there is, by number."""
        found: dict[int, tuple[Family, int]] = {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                name = entry.name
                prefix, _, digits = name[:-4].partition("-")
                if name[-4:] != ".car" or prefix not in _FAMILY or not digits.isdecimal():
                    continue
                number = int(digits)
                if number in found:
                    raise Corrupt(f"two segments in {self.path} have the number {number}")
                found[number] = (_FAMILY[prefix], entry.stat(follow_symlinks=False).st_size)
        return found

    def create(self, segment: Segment) -> None:
        """Make the file; its name is durable on return, before any row can tell of it."""
        fd = disk.create(os.path.join(self.path, segment.name))
        try:
            disk.fsync_dir(self.path)
        except BaseException:
            os.close(fd)
            raise
        segment.created = True
        with self._lock:
            self._writing[segment.number] = fd

    def fd(self, segment: Segment) -> int:
        """Return a descriptor of the file; good for as long as the caller is counted by the guard.

        Raises ``FileNotFoundError``.
        """
        with self._lock:
            fd = self._writing.get(segment.number)
            if fd is not None:
                return fd
            fd = self._fds.get(segment.number)
            if fd is not None:
                if len(self._fds) > MAX_OPEN // 2:
                    self._fds.move_to_end(segment.number)
                return fd
        return self._keep(segment.number, disk.open_file(os.path.join(self.path, segment.name)))

    def writing(self, segment: Segment) -> int:
        """Return a descriptor to write by, of a file made when it isn't there; see `settled`."""
        fd = self._writing.get(segment.number)
        if fd is None:
            if segment.created:
                fd = disk.open_file(os.path.join(self.path, segment.name), write=True)
                with self._lock:
                    self._writing[segment.number] = fd
            else:
                self.create(segment)
                fd = self._writing[segment.number]
        return fd

    def settled(self, segment: Segment) -> None:
        """Let go of the descriptor of a segment that nobody writes or syncs any more."""
        with self._lock:
            fd = self._writing.pop(segment.number, None)
        if fd is not None:
            self._when_idle(lambda: os.close(fd))

    def _keep(self, number: int, fd: int) -> int:
        with self._lock:
            there = self._fds.setdefault(number, fd)
            old = self._fds.popitem(last=False)[1] if len(self._fds) > MAX_OPEN else None
        if there != fd:
            os.close(fd)
        if old is not None:
            self._when_idle(lambda: os.close(old))
        return there

    def remove(self, segment: Segment) -> None:
        """Remove the file and its drops; readers who are inside keep what they have open."""
        self.settled(segment)
        with self._lock:
            fd = self._fds.pop(segment.number, None)
            self._unsynced_drops.pop(segment.number, None)
        if fd is not None:
            self._when_idle(lambda: os.close(fd))
        disk.unlink(os.path.join(self.path, segment.name))
        disk.unlink(self._drops_path(segment))

    def drop(self, segment: Segment, rows: Iterable[tuple[int, Row]]) -> None:
        """Note that the sections of *rows*, with their digests, are dropped; see `sync_drops`."""
        parts = []
        for digest, row in rows:
            body = _DROP.pack(row.offset, digest, row.flags)
            parts.append(body + crc32(body).to_bytes(4, "big"))
        path = self._drops_path(segment)
        disk.step("open")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            data = b"".join(parts)
            disk.write_at(fd, (data,), len(data), segment.drops * _DROP_BYTES)
        finally:
            os.close(fd)
        segment.drops += len(parts)
        self._unsynced_drops[segment.number] = segment

    def sync_drops(self) -> None:
        """Make the records of drops durable."""
        if not self._unsynced_drops:
            return
        for segment in self._unsynced_drops.values():
            fd = disk.open_file(self._drops_path(segment))
            try:
                disk.fdatasync(fd)
            finally:
                os.close(fd)
        disk.fsync_dir(self.path)
        self._unsynced_drops.clear()

    def drops(self, segment: Segment) -> list[Drop]:
        """Return the records of the segment's file of drops; a damaged one counts for none."""
        try:
            with open(self._drops_path(segment), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return []
        found = []
        for at in range(0, len(data) - _DROP_BYTES + 1, _DROP_BYTES):
            body = data[at : at + _DROP.size]
            if crc32(body).to_bytes(4, "big") == data[at + _DROP.size : at + _DROP_BYTES]:
                found.append(Drop(*_DROP.unpack(body)))
            else:
                found.append(Drop(0, 0, 0))  # keeps the count; no section's data lie at 0
        return found

    def close(self) -> None:
        """Close every descriptor; nobody may be using one."""
        with self._lock:
            fds = [*self._fds.values(), *self._writing.values()]
            self._fds.clear()
            self._writing.clear()
        for fd in fds:
            os.close(fd)

    def forget(self) -> None:
        """Drop the descriptors in a forked child."""
        self._lock = threading.Lock()
        self.close()

    def _drops_path(self, segment: Segment) -> str:
        return os.path.join(self.path, segment.name[:-4] + ".drops")
