"""A UnixFS tree as a ZIP stream: stored, not compressed, so that one tree has one archive for good.

What zlib makes of the same bytes differs between versions. Each header names size and CRC-32 before
the content, for which large files are read twice: readers that stream need that of stored entries.
ZIP64 where sizes, offsets or numbers ask for it (APPNOTE.TXT 6.3.10, §4.3–4.5).
"""

import os
import zlib
from collections.abc import Generator
from datetime import UTC, datetime
from struct import pack
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Final, cast

from jiaozi_node.dag.walk import Walk, each, gather
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.node import DIRECTORY, FILE, SYMLINK
from jiaozi_node.worktree import names
from jiaozi_node.worktree.archive_entries import Entry, walked
from jiaozi_node.worktree.checkout import Parts

MAX_PATH_BYTES: Final = 0xFFFF  # its length has two bytes

_ONCE_BYTES = 2 * 1024 * 1024  # a file up to here is held, a larger one read twice
_DIRECTORY_BYTES = 16 * 1024 * 1024  # of the directory at the end; beyond, it waits on disk
_SEE_ZIP64, _SEE_ZIP64_SHORT = 0xFFFFFFFF, 0xFFFF  # the number is in the ZIP64 record
_WIDE, _MANY = _SEE_ZIP64, _SEE_ZIP64_SHORT  # from which on it can't be anywhere else
_UNIX = 3 << 8
_PLAIN, _ZIP64 = 20, 45  # versions that can read it
_UTF8 = 1 << 11
_FORMS = {FILE: 0o100644, DIRECTORY: 0o040755, SYMLINK: 0o120777}
_IS_DIRECTORY = 0x10  # DOS's attribute


def version(
    root: Cid, above: Parts, now_s: int, comment: str | None = None
) -> Walk[bytes | memoryview, None]:
    """Yield the archive of what the directory *root* holds, sorted, below the directories *above*.

    A file or symlink *root* is called by the last name of *above*. *now_s* stands for absent times.
    """
    with SpooledTemporaryFile(_DIRECTORY_BYTES) as spool:
        archive = _Archive(now_s, cast("BinaryIO", spool))
        entries = walked(root, above, sort=True, whole=False)
        pieces: Walk[bytes | memoryview, None] = each(entries, archive.entry)
        yield from pieces
        yield from archive.end((comment or "").encode())


class _Archive:
    """An archive being written: how far it is, and the directory that ends it."""

    def __init__(self, now_s: int, directory: BinaryIO) -> None:
        self._now_s, self._directory = now_s, directory
        self._at = self._count = self._directory_bytes = 0

    def entry(self, entry: Entry) -> Walk[bytes | memoryview, None]:
        """Yield one entry."""
        found = entry.stat
        if found.kind == SYMLINK:
            target = found.target or b""
            names.check_target(target, entry.parts)
            yield from self._put(entry, len(target), zlib.crc32(target))
            yield target
            self._at += len(target)
        elif found.kind == FILE and found.file_bytes > _ONCE_BYTES:
            crc = yield from _crc(entry)
            yield from self._put(entry, found.file_bytes, crc)
            yield from entry.content()
            self._at += found.file_bytes
        elif found.kind == FILE:
            data = b"".join((yield from gather(entry.content())))
            yield from self._put(entry, len(data), zlib.crc32(data))
            yield data
            self._at += len(data)
        else:
            yield from self._put(entry, 0, 0)

    def _put(self, entry: Entry, size: int, crc: int) -> Walk[bytes, None]:
        """Yield the header of an entry, and note it for the directory."""
        found = entry.stat
        name = os.fsencode("/".join(entry.parts)) + b"/" * (found.kind == DIRECTORY)
        if len(name) > MAX_PATH_BYTES:
            where = f"path {names.shown(entry.parts)} in a zip"
            raise LimitExceeded(where, MAX_PATH_BYTES, len(name))
        flags = _UTF8 if not name.isascii() and _is_utf8(name) else 0
        seconds = found.mtime[0] if found.mtime else self._now_s
        moment = _dos(seconds)
        stamp = pack("<HHBi", 0x5455, 5, 1, seconds) if -(1 << 31) <= seconds < 1 << 31 else b""
        wide = pack("<HHQQ", 1, 16, size, size) if size >= _WIDE else b""
        shown = _narrow(size)
        needed = _ZIP64 if wide else _PLAIN
        extra = wide + stamp
        head = pack(
            "<HHHIIIIHH", needed, flags, 0, moment, crc, shown, shown, len(name), len(extra)
        )
        header = b"PK\3\4" + head + name + extra
        far = [size, size] if size >= _WIDE else []
        far += [self._at] if self._at >= _WIDE else []
        wide = pack(f"<HH{len(far)}Q", 1, 8 * len(far), *far) if far else b""
        needed = _ZIP64 if wide else _PLAIN
        extra = wide + stamp
        form = _FORMS[found.kind]
        mode = form & 0o170000 | (found.mode or form & 0o7777)
        row = b"PK\1\2" + pack(
            "<HHHHIIIIHHHHHII",
            _UNIX | needed,
            needed,
            flags,
            0,
            moment,
            crc,
            shown,
            shown,
            len(name),
            len(extra),
            0,
            0,
            0,
            mode << 16 | (_IS_DIRECTORY if found.kind == DIRECTORY else 0),
            _narrow(self._at),
        )
        self._directory.write(row + name + extra)
        self._directory_bytes += len(row) + len(name) + len(extra)
        self._count += 1
        self._at += len(header)
        yield header

    def end(self, comment: bytes) -> Generator[Any, Any, None]:
        """Yield the directory, and what tells where it is."""
        self._directory.seek(0)
        while piece := self._directory.read(1024 * 1024):
            yield piece
        size, start, count = self._directory_bytes, self._at, self._count
        if size >= _WIDE or start >= _WIDE or count >= _MANY:
            yield b"PK\6\6" + pack(
                "<QHHIIQQQQ", 44, _UNIX | _ZIP64, _ZIP64, 0, 0, count, count, size, start
            )
            yield b"PK\6\7" + pack("<IQI", 0, start + size, 1)
        few = count if count < _MANY else _SEE_ZIP64_SHORT
        yield (
            b"PK\5\6"
            + pack(
                "<HHHHIIH",
                0,
                0,
                few,
                few,
                _narrow(size),
                _narrow(start),
                len(comment),
            )
            + comment
        )


def _crc(entry: Entry) -> Walk[bytes, int]:
    """Read a file for its checksum."""
    crc = 0

    def add(piece: memoryview) -> Walk[bytes, None]:
        nonlocal crc
        crc = zlib.crc32(piece, crc)
        yield from ()

    yield from each(entry.content(), add)
    return crc


def _narrow(number: int) -> int:
    return number if number < _WIDE else _SEE_ZIP64


def _dos(seconds: int) -> int:
    """Return a time as DOS has it, UTC, in steps of two seconds, from 1980 to 2107."""
    first, last = 315_532_800, 4_354_819_198
    at = datetime.fromtimestamp(min(max(seconds, first), last), UTC)
    day = at.year - 1980 << 9 | at.month << 5 | at.day
    return day << 16 | at.hour << 11 | at.minute << 5 | at.second // 2


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
