"""``.jiaozi/index.db``: what files hashed to when last looked at, so that they needn't be again.

A cache: losing it, or throwing it away when SQLite or a checksum finds it damaged, costs a rehash
and nothing else; damage is told as a `Notice`. A record speaks for a file of the same size, mtime,
ctime and inode. Git's racy rule: a file touched at or after the moment at which the index began to
look could be touched again within the clock's tick and look the same, so no record is kept of it;
that moment is read from the clock of the file system itself. Design §5.

A row holds one directory, so that reading it costs as much as one file did: packed records, and the
CID of the tree's node if the directory was seen to be just that; what changes a record clears it.
"""

import os
import sqlite3
import warnings
from collections.abc import Mapping
from contextlib import suppress
from struct import Struct
from struct import error as StructError
from typing import Final, NamedTuple
from zlib import crc32

from jiaozi_node.errors import Malformed, Misuse, Notice
from jiaozi_node.formats.cid import Cid
from jiaozi_node.worktree.entry import STAT_BYTES, stat_bytes
from jiaozi_node.worktree.scan import unread

VERSION = 3
WAIT_S = 1.0  # for another command that is saving
LOADED_ENTRIES = 200_000  # held at once, of directories that are unchanged: about 60 MB

# Not the file's fault: busy, locked, read-only, I/O error, full, can't be opened.
_PASSING = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    )
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS directories (path BLOB PRIMARY KEY, tree BLOB, records BLOB, sum INT);
"""

_HEAD = Struct("<II")  # how many records, and how long each is
_TSIZE = Struct("<Q")
_CID_AT = STAT_BYTES + _TSIZE.size + 1  # behind the stat, the Tsize and the length of the CID

# In the place of a stat: of a directory, of a symlink, of nothing a record may be used for.
NO_STAT: Final = b"\xff" * STAT_BYTES


class Known(NamedTuple):
    """What a file is known to hash to: its CID and the Tsize of the link to it."""

    cid: Cid
    tsize: int


def cid_bytes(record: bytes) -> bytes:
    """Return the CID of a record."""
    return record[_CID_AT : _CID_AT + record[_CID_AT - 1]]


def _record(stat: bytes, cid: bytes, tsize: int) -> bytes:
    return b"%b%b%c%b" % (stat, _TSIZE.pack(tsize), len(cid), cid)


class Directory:
    """The records of one directory by name.

    *tree* is the CID of the node that the directory was when every record was right, in which case
    there is a record of every name in it; None when that isn't known.
    """

    __slots__ = ("changed", "records", "tree")

    def __init__(self, tree: bytes | None, records: dict[str, bytes]) -> None:
        self.tree, self.records, self.changed = tree, records, False

    def settle(self, tree: bytes, held: Mapping[str, bytes]) -> None:
        """Note that the directory is the node *tree*, whose names and CIDs are *held*.

        Call it when all files in it have a record that fits. A directory or symlink gets one that
        tells no more than its CID; records of other names are dropped.
        """
        records = self.records
        for name in [name for name in records if name not in held]:
            del records[name]
        for name, cid in held.items():
            record = records.get(name)
            if record is None or cid_bytes(record) != cid:
                records[name] = _record(NO_STAT, cid, 0)
        self.tree, self.changed = tree, True


class StatIndex:
    """The stat cache at *path*, for CIDs made by *recipe* (a profile's name and options).

    Rows of another recipe are dropped. Nothing is written before `save`. Paths are the file
    system's bytes, relative to the working copy, with ``/`` between names.
    """

    def __init__(self, path: str | os.PathLike[str], recipe: str, wait_s: float = WAIT_S) -> None:
        self.path, self.recipe, self._wait_s = os.fspath(path), recipe, wait_s
        self._loaded: dict[bytes, Directory] = {}
        self._entries = 0
        self._db: sqlite3.Connection | None = None
        self._closed = self._told = False
        self._began_ns = 0
        self._mark: bytes | None = None
        try:
            self._open()
        except sqlite3.DatabaseError as fault:
            self._recover(fault)

    def directory(self, path: bytes) -> Directory:
        """Return what is known of the directory *path*, ``b""`` for the top, to be read.

        It is good until `directory` is called for others: unchanged ones are let go of.
        """
        found = self._loaded.get(path)
        if found is None:
            if self._entries > LOADED_ENTRIES:
                self._loaded = {at: one for at, one in self._loaded.items() if one.changed}
                self._entries = 0
            found = self._loaded[path] = self._read(path)
            self._entries += len(found.records)
        return found

    def find(self, path: bytes, found: os.stat_result) -> Known | None:
        """Return what the file *path*, whose lstat is *found*, hashes to, if that is certain."""
        above, name = _split(path)
        record = self.directory(above).records.get(name)
        stat = stat_bytes(found)
        if record is None or not stat or not record.startswith(stat):
            return None
        return Known(Cid(cid_bytes(record)), _TSIZE.unpack_from(record, STAT_BYTES)[0])

    def learn(self, path: bytes, found: os.stat_result, cid: Cid, tsize: int) -> None:
        """Remember what *path* hashed to; *found* is its lstat from before it was read."""
        if found.st_mtime_ns >= self._began_ns or found.st_ctime_ns >= self._began_ns:
            self.forget(path)
        else:
            self.learn_written(path, found, cid, tsize)

    def learn_written(self, path: bytes, found: os.stat_result, cid: Cid, tsize: int) -> None:
        """Remember what was written to *path*; *found* is its lstat, which no later one is like."""
        stat = stat_bytes(found)
        if not stat:
            self.forget(path)
            return
        above, name = _split(path)
        record = _record(stat, cid.raw, tsize)
        directory = self.directory(above)
        old = directory.records.get(name)
        if old != record:
            directory.records[name] = record
            directory.changed = True
            if old is None or cid_bytes(old) != cid.raw:
                directory.tree = None

    def learn_whole(
        self,
        path: bytes,
        tree: Cid,
        held: Mapping[str, tuple[bytes, int]],
        stats: Mapping[str, bytes],
    ) -> None:
        """Remember a directory that was written whole: *tree*, which holds CIDs and Tsizes.

        *stats* are the `stat_bytes` of files, of those of which no later file has the same.
        """
        get = stats.get
        records = {
            name: _record(get(name) or NO_STAT, cid, tsize) for name, (cid, tsize) in held.items()
        }
        found = self.directory(path)
        found.tree, found.records, found.changed = tree.raw, records, True

    def forget(self, path: bytes) -> None:
        """Drop what is known of *path*."""
        above, name = _split(path)
        directory = self.directory(above)
        if directory.records.pop(name, None) is not None:
            directory.tree, directory.changed = None, True

    def mark(self) -> bytes | None:
        """Return what `set_mark` left; the caller knows whether it is whole."""
        if self._db is None:
            return None
        try:
            row = self._db.execute("SELECT value FROM meta WHERE key = 'mark'").fetchone()
        except sqlite3.DatabaseError as fault:
            self._recover(fault)
            return None
        return row[0] if row and isinstance(row[0], bytes) else None

    def set_mark(self, mark: bytes) -> None:
        """Keep *mark* with what was learnt until now, once `save` is called."""
        self._mark = mark

    def save(self) -> None:
        """Write what was learnt and forgotten. A damaged or locked file costs a later rehash."""
        if self._closed:
            raise Misuse("the stat index is closed")
        changed = {at: one for at, one in self._loaded.items() if one.changed}
        if self._db is None or not (changed or self._mark):
            return
        try:
            with self._db:
                if self._mark:
                    self._db.execute(
                        "INSERT OR REPLACE INTO meta VALUES ('mark', ?)", (self._mark,)
                    )
                self._db.executemany(
                    "DELETE FROM directories WHERE path = ?",
                    [(path,) for path, one in changed.items() if not one.records],
                )
                self._db.executemany(
                    "INSERT OR REPLACE INTO directories VALUES (?, ?, ?, ?)",
                    (_row(path, one) for path, one in changed.items() if one.records),
                )
        except sqlite3.DatabaseError as fault:
            if fault.sqlite_errorcode & 0xFF not in _PASSING:
                self._recover(fault)
            return
        self._mark = None
        for one in changed.values():
            one.changed = False
        self._entries = sum(len(one.records) for one in self._loaded.values())

    def close(self) -> None:
        """Release the file, without saving; closing twice is harmless."""
        self._closed = True
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self) -> None:
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            try:
                os.utime(fd)
                self._began_ns = os.fstat(fd).st_mtime_ns
            finally:
                os.close(fd)
        except OSError as fault:
            raise unread(self.path, fault) from None
        self._db = sqlite3.connect(self.path, timeout=self._wait_s)
        self._db.text_factory = bytes  # what rotted need not be text
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")  # a torn row has a wrong sum
        wanted = f"{VERSION} {self.recipe}"
        found = self._meta()
        if found != wanted:
            with self._db:
                for table in ("files", "directories", "meta"):
                    self._db.execute(f"DROP TABLE IF EXISTS {table}")
                self._db.executescript(_SCHEMA)
                self._db.execute("INSERT INTO meta VALUES ('recipe', ?)", (wanted,))

    def _read(self, path: bytes) -> Directory:
        """Read one row; an empty directory where there is none, or a damaged one."""
        if self._db is None:
            return Directory(None, {})
        try:
            row = self._db.execute(
                "SELECT tree, records, sum FROM directories WHERE path = ?", (path,)
            ).fetchone()
        except sqlite3.DatabaseError as fault:
            self._recover(fault)
            row = None
        try:
            return Directory(None, {}) if row is None else _directory(path, *row)
        except (Malformed, TypeError, ValueError, StructError):
            self._tell()
            return Directory(None, {})

    def _meta(self) -> str | None:
        """Return the recipe of the rows in the file; None when it is new."""
        if self._db is None:
            return None
        try:
            row = self._db.execute("SELECT value FROM meta WHERE key = 'recipe'").fetchone()
        except sqlite3.OperationalError:
            return None
        return os.fsdecode(row[0]) if row and isinstance(row[0], bytes) else None

    def _recover(self, fault: sqlite3.DatabaseError) -> None:
        """Go on without the file when it is busy or out of reach, else with a new one."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if fault.sqlite_errorcode & 0xFF in _PASSING:
            return
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                os.unlink(self.path + suffix)
        self._open()
        self._tell()

    def _tell(self) -> None:
        """Say that the file was damaged, once."""
        if not self._told:
            self._told = True
            told = f"{self.path} was damaged: it is made anew, and files are read once more"
            warnings.warn(Notice(told), stacklevel=2)


def _split(path: bytes) -> tuple[bytes, str]:
    above, _, name = path.rpartition(b"/")
    return above, name.decode("utf-8", "surrogateescape")


def _row(path: bytes, directory: Directory) -> tuple[bytes, bytes | None, bytes, int]:
    """Return a directory as a row: names, each ending in NUL, then records of one length."""
    records, tree = directory.records, directory.tree
    names = "\0".join((*records, "")).encode("utf-8", "surrogateescape")
    length = max(map(len, records.values()))
    packed = b"".join([record.ljust(length, b"\0") for record in records.values()])
    data = _HEAD.pack(len(records), length) + names + packed
    return path, tree, data, _sum(path, tree, data)


def _directory(path: bytes, tree: bytes | None, data: bytes, total: int) -> Directory:
    """Read a row; raises one of several errors for a damaged one."""
    if _sum(path, tree, data) != total:
        raise ValueError("the sum is wrong")
    count, length = _HEAD.unpack_from(data)
    start = len(data) - count * length
    names = data[_HEAD.size : start].decode("utf-8", "surrogateescape").split("\0")[:-1]
    if len(names) != count or length < _CID_AT:
        raise ValueError("names and records differ in number")
    packed = [data[at : at + length] for at in range(start, len(data), length)]
    return Directory(tree, dict(zip(names, packed, strict=True)))


def _sum(path: bytes, tree: bytes | None, data: bytes) -> int:
    return crc32(data, crc32(tree or b"", crc32(path)))
