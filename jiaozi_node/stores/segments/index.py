"""The LevelDB index: multihash → `Row`, where a block lies. Derived from the segments, no bytes.

What plyvel gets wrong is kept in here (research/reliability.md F1–F9): only ``raw_iterator`` is
used, checksums are always verified, there is no bloom filter (LevelDB doesn't check its bytes), a
sentinel row shows an empty or foreign database, and a database that is damaged raises
`IndexDamaged`, upon which the store rebuilds it. The caller sees to it that nobody is inside when
it is closed.
"""

import os
import struct
from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

import plyvel

from jiaozi_node.errors import JiaoziError, Locked, Unavailable
from jiaozi_node.stores.segments import disk
from jiaozi_node.stores.segments.faults import IndexDamaged

PUBLIC = 1  # everybody may see the block
BAD = 2  # its bytes were seen not to hash to it: it isn't here, and the next put heals it
MOVED = 4  # written since the last mark in place of a row that the mark counts

SENTINEL = b"\0jiaozi"  # identity multihashes begin so, and those are never stored
_WRITE_BUFFER_BYTES = 4 * 1024 * 1024  # design §3: a larger log makes the next open slow
_CACHE_BYTES = 8 * 1024 * 1024
PAGE_ROWS = 1024

_VERSION = 1
_ROW = struct.Struct(">BBIQI")
_ROW_CRC = struct.Struct(">BBIQII")
# Errors of the system that say nothing about what the database holds.
_NOT_DAMAGE = (
    "no space",
    "quota",
    "too many open",
    "permission",
    "cannot allocate",
    "read-only",
    "not permitted",
    "temporarily unavailable",
    "file too large",
)


class Row(NamedTuple):
    """Where a block's data lie: *length* bytes at *offset* of the segment numbered *segment*."""

    segment: int
    offset: int
    length: int
    flags: int


def pack(multihash: bytes, segment: int, offset: int, length: int, flags: int) -> bytes:
    """Return a row's bytes; its checksum covers the key too."""
    body = _ROW.pack(_VERSION, flags, segment, offset, length)
    return body + crc32(body, crc32(multihash)).to_bytes(4, "big")


def unpack(multihash: bytes, data: bytes) -> Row | None:
    """Read a row; None when it is damaged."""
    if len(data) != _ROW_CRC.size:
        return None
    version, flags, segment, offset, length, crc = _ROW_CRC.unpack(data)
    if version != _VERSION or crc32(data[: _ROW.size], crc32(multihash)) != crc:
        return None
    return Row(segment, offset, length, flags)


class Index:
    """The database in the directory *path*."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._db: plyvel.DB = None

    def open(self, *, create: bool = False) -> bytes:
        """Open it and return the value of its sentinel row, ``b""`` when it has none."""
        try:
            self._db = plyvel.DB(
                self.path,
                create_if_missing=create,
                error_if_exists=create,
                paranoid_checks=True,
                write_buffer_size=_WRITE_BUFFER_BYTES,
                lru_cache_size=_CACHE_BYTES,
                compression=None,
            )
            return self._db.get(SENTINEL, verify_checksums=True) or b""
        except plyvel.Error as fault:
            raise self.fault(fault) from fault

    def close(self) -> None:
        """Close the database; nobody may be using it."""
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def forget(self) -> None:
        """Drop the handle in a forked child without running its destructor, which would write."""
        import ctypes  # noqa: PLC0415 - only a child that was forked with an open store needs it

        if self._db is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._db))
            self._db = None

    def get(self, multihash: bytes) -> Row | None:
        """Return the row of *multihash*; raises `IndexDamaged`."""
        try:
            data = self._db.get(multihash, verify_checksums=True)
        except plyvel.Error as fault:
            raise self.fault(fault) from fault
        if data is None:
            return None
        row = unpack(multihash, data)
        if row is None:
            raise IndexDamaged(self.path, f"the row of {multihash.hex()} fails its checksum")
        return row

    def get_many(self, multihashes: Iterable[bytes]) -> list[Row | None]:
        """Return the rows of *multihashes*; raises `IndexDamaged`."""
        get = self._db.get
        try:
            found = [(one, get(one, verify_checksums=True)) for one in multihashes]
        except plyvel.Error as fault:
            raise self.fault(fault) from fault
        rows = [None if data is None else unpack(one, data) for one, data in found]
        for row, (multihash, data) in zip(rows, found, strict=True):
            if row is None and data is not None:
                raise IndexDamaged(self.path, f"the row of {multihash.hex()} fails its checksum")
        return rows

    def write(self, puts: Iterable[tuple[bytes, bytes]], deletes: Iterable[bytes] = ()) -> None:
        """Set and remove rows in one batch, unsynced."""
        disk.step("rows")
        try:
            batch = self._db.write_batch()
            for key, value in puts:
                batch.put(key, value)
            for key in deletes:
                batch.delete(key)
            batch.write()
        except plyvel.Error as fault:
            raise self.fault(fault) from fault

    def identify(self, index_id: bytes) -> None:
        """Write the sentinel row, durably."""
        disk.step("rows")
        try:
            self._db.put(SENTINEL, index_id, sync=True)
        except plyvel.Error as fault:
            raise self.fault(fault) from fault
        disk.fsync_dir(self.path)

    def page(self, after: bytes) -> list[tuple[bytes, bytes]]:
        """Return up to `PAGE_ROWS` keys above *after* with their rows' bytes, the sentinel too.

        Raises `IndexDamaged` when any of them can't be read.
        """
        found: list[tuple[bytes, bytes]] = []
        try:
            with self._db.raw_iterator(verify_checksums=True, fill_cache=False) as rows:
                rows.seek(after + b"\0" if after else b"")
                while len(found) < PAGE_ROWS and rows.valid():
                    found.append(rows.item())
                    rows.next()
        except plyvel.Error as fault:
            raise self.fault(fault) from fault
        return found

    def sync(self) -> None:
        """Make every row survive a power cut.

        LevelDB syncs only the log it writes at present, but an older one may hold rows that are in
        no table yet (F7).
        """
        for name in os.listdir(self.path):
            if name.endswith(".log"):
                try:
                    fd = disk.open_file(os.path.join(self.path, name))
                except FileNotFoundError:
                    continue  # its rows are in a table by now, which LevelDB synced
                try:
                    disk.fdatasync(fd)
                finally:
                    os.close(fd)
        disk.fsync_dir(self.path)

    def fingerprint(self) -> bytes:
        """Sum up the closed database's files: names, sizes, and the bytes of logs and manifest.

        LevelDB drops what a cut or zeroed log or manifest held without a word (F2, F8); tables it
        checks as they are read.
        """
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return b""
        parts = []
        for name in sorted(names):
            if name.startswith("LO"):  # LOCK, LOG, LOG.old
                continue
            path = os.path.join(self.path, name)
            if name.endswith(".ldb"):
                parts.append(f"{name} {os.stat(path).st_size}")
                continue
            with open(path, "rb") as file:
                data = file.read()
            parts.append(f"{name} {len(data)} {crc32(data)}")
        return "\n".join(parts).encode()

    def fault(self, fault: plyvel.Error) -> JiaoziError:
        """Return what LevelDB's error means to us."""
        text = fault.args[0] if fault.args else fault
        why = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        why = why.strip()
        lower = why.lower()
        if ("lock" in lower and "unavailable" in lower) or "already held" in lower:
            return Locked(f"the index {self.path} is open in another process")
        if any(words in lower for words in _NOT_DAMAGE):
            return Unavailable(f"the index {self.path}: {why}")
        return IndexDamaged(self.path, why)


def remove(path: str) -> None:
    """Remove the database at *path*, all of it."""
    try:
        names = os.listdir(path)
    except FileNotFoundError:
        return
    for name in names:
        disk.unlink(os.path.join(path, name))
    os.rmdir(path)


def digest_of(multihash: bytes) -> int:
    """Return what a row adds to the digest of all rows."""
    return int.from_bytes(multihash[-8:], "big")
