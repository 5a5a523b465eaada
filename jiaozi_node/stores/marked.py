"""How far a collection has marked, noted in a file: a run that was killed goes on from there.

Losing the file, or its end, costs marking anew and nothing else, so nothing here is synced. A
record that is torn or damaged ends the reading.

Layout: ``jiaozi marked 1\\n``, 16 bytes that name the run, then records: u32 length, u32 CRC-32,
body; integers are big-endian. A body is the DAG-CBOR of a `Step` as a list, CIDs as bytes.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Any, Final, NamedTuple, TypeAlias
from zlib import crc32

from jiaozi_node.errors import JiaoziError
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.depth import Value

_MAGIC = b"jiaozi marked 1\n"
_HEAD = Struct(">II")
SPARE_BYTES: Final = 64 * 1024 * 1024  # what must be free: collecting is to make room, not take it

Root: TypeAlias = tuple[bytes, bool]  # a CID's bytes, and whether all below it is kept too


class Step(NamedTuple):
    """What was marked since the step before, and what was left to do then. CIDs are their bytes."""

    roots: tuple[Root, ...]  # those begun; the last may be under way
    kept: bytes  # the last 8 bytes of each multihash, one after another
    walked: tuple[bytes, ...]  # blocks that were looked into
    excused: tuple[tuple[bytes, bool, bytes], ...]  # a root, and what a partial mark stands above
    ahead: tuple[bytes, ...]  # what was still to be walked below the last root
    loose: bool  # the walk is that of what partial marks stand above


class Marked:
    """The steps of the run named *run* (16 bytes) in the file *path*."""

    def __init__(self, path: Path, run: bytes) -> None:
        self._path, self._head = path, _MAGIC + run
        self._end = self._read_to = 0

    def steps(self) -> Iterator[Step]:
        """Yield the steps noted, oldest first; none when the file is another run's.

        The caller calls `take` after each that it goes on from; those after it are forgotten.
        """
        try:
            file = self._path.open("rb")
        except OSError:
            return
        with file:
            if file.read(len(self._head)) != self._head:
                return
            while True:
                head = file.read(_HEAD.size)
                if len(head) < _HEAD.size:
                    return
                length, crc = _HEAD.unpack(head)
                if length > os.fstat(file.fileno()).st_size:
                    return
                body = file.read(length)
                if len(body) < length or crc32(body) != crc:
                    return
                step = _step(body)
                if step is None:
                    return
                self._read_to = file.tell()
                yield step

    def take(self) -> None:
        """Keep the step that `steps` yielded last, and those before it."""
        self._end = self._read_to

    def add(self, step: Step) -> None:
        """Note a step behind those taken and added; raises ``OSError``."""
        body = dag_cbor.encode(_value(step))
        record = _HEAD.pack(len(body), crc32(body)) + body
        if not self._end:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            self._path.unlink(missing_ok=True)
        room = os.statvfs(self._path.parent)
        if room.f_bavail * room.f_frsize < SPARE_BYTES + len(record):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(self._path, flags, 0o600), "wb") as file:
            if not self._end:
                file.write(self._head)
                self._end = len(self._head)
            file.truncate(self._end)
            file.seek(self._end)
            file.write(record)
        self._end += len(record)

    @property
    def used(self) -> bool:
        """Whether any step was taken or added."""
        return self._end > 0

    def discard(self) -> None:
        """Remove the file, whoever's it is; where it can't be, no later run believes it."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._end = 0


def _value(step: Step) -> Value:
    return [
        [list(root) for root in step.roots],
        step.kept,
        list(step.walked),
        [list(one) for one in step.excused],
        list(step.ahead),
        step.loose,
    ]


def _step(body: bytes) -> Step | None:
    """Read a step, whose checksum was right; None when it isn't what this version writes."""
    try:
        value: Any = dag_cbor.decode(body)
        roots, kept, walked, excused, ahead, loose = value
        return Step(
            tuple([(cid, recursive) for cid, recursive in roots]),
            kept,
            tuple(walked),
            tuple([(root, recursive, cid) for root, recursive, cid in excused]),
            tuple(ahead),
            loose,
        )
    except (JiaoziError, TypeError, ValueError):
        return None
