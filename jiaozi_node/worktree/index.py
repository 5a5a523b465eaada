"""``.jiaozi/index.db``: what files hashed to when last looked at, so that they needn't be again.

A cache: losing it, or throwing it away when SQLite or a row's checksum finds it damaged, costs
a rehash and nothing else. A row speaks for a file of the same size, mtime, ctime and inode. Git's
racy rule: a file touched at or after the moment at which the index began to look could be touched
again within the clock's tick and look the same, so no row is kept of it; that moment is read from
the clock of the file system itself. Design §5.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from struct import Struct
from struct import error as StructError
from typing import NamedTuple, TypeAlias
from zlib import crc32

from jiaozi_node.errors import Misuse
from jiaozi_node.formats.cid import Cid
from jiaozi_node.worktree.scan import unread

VERSION = 2
WAIT_S = 1.0  # for another command that is saving

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
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INT, mtime_ns INT, ctime_ns INT, inode INT,
    cid BLOB, tsize INT, sum INT
) WITHOUT ROWID;
"""

_Row: TypeAlias = tuple[bytes, int, int, int, int, bytes, int, int]


class Known(NamedTuple):
    """What a file is known to hash to: its CID and the Tsize of the link to it."""

    cid: Cid
    tsize: int


class StatIndex:
    """The stat cache at *path*, for CIDs made by *recipe* (a profile's name and options).

    Rows of another recipe are dropped. Nothing is written before `save`. Paths are the file
    system's bytes, relative to the working copy, with ``/`` between names.
    """

    def __init__(self, path: str | os.PathLike[str], recipe: str, wait_s: float = WAIT_S) -> None:
        self.path, self.recipe, self._wait_s = os.fspath(path), recipe, wait_s
        self._rows: dict[bytes, _Row] = {}
        self._fresh: dict[bytes, _Row] = {}
        self._gone: set[bytes] = set()
        self._db: sqlite3.Connection | None = None
        self._closed = False
        self._began_ns = 0
        try:
            self._open()
        except sqlite3.DatabaseError as fault:
            self._recover(fault)

    def find(self, path: bytes, found: os.stat_result) -> Known | None:
        """Return what the file *path*, whose lstat is *found*, hashes to, if that is certain."""
        row = self._fresh.get(path) or self._rows.get(path)
        if (
            row is None
            or row[2] != found.st_mtime_ns
            or row[1] != found.st_size
            or row[3] != found.st_ctime_ns
            or row[4] != _signed(found.st_ino)
            or row[7] != _sum(row)
        ):
            return None
        return Known(Cid(row[5]), row[6])

    def reading(self, prefix: bytes) -> Callable[[str, os.stat_result], bytes | None]:
        """Return a quick `find` for names behind *prefix*, the path of one directory, which ends
        in ``/`` unless it is empty. It gives the bytes of the CID alone.
        """
        rows, fresh = self._rows, self._fresh

        def find(name: str, found: os.stat_result) -> bytes | None:
            path = prefix + name.encode("utf-8", "surrogateescape")
            row = fresh.get(path) or rows.get(path)
            if (
                row is None
                or row[2] != found.st_mtime_ns
                or row[1] != found.st_size
                or row[3] != found.st_ctime_ns
                or row[4] != _signed(found.st_ino)
                or row[7] != _sum(row)
            ):
                return None
            return row[5]

        return find

    def learn(self, path: bytes, found: os.stat_result, cid: Cid, tsize: int) -> None:
        """Remember what *path* hashed to; *found* is its lstat from before it was read."""
        if found.st_mtime_ns >= self._began_ns or found.st_ctime_ns >= self._began_ns:
            self.forget(path)
            return
        row = (
            path,
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
            _signed(found.st_ino),
            cid.raw,
            tsize,
            0,
        )
        self._fresh[path] = (*row[:7], _sum(row))
        self._gone.discard(path)

    def forget(self, path: bytes) -> None:
        """Drop what is known of *path*."""
        self._fresh.pop(path, None)
        if self._rows.pop(path, None) is not None:
            self._gone.add(path)

    def keep_only(self, paths: Iterable[bytes]) -> None:
        """Forget all but *paths*: the rest was not met by a scan of everything."""
        kept = set(paths)
        for path in [*self._rows, *self._fresh]:
            if path not in kept:
                self.forget(path)

    def __len__(self) -> int:
        return len(self._rows.keys() | self._fresh.keys())

    def save(self) -> None:
        """Write what was learnt and forgotten. A damaged or locked file costs a later rehash."""
        if self._closed:
            raise Misuse("the stat index is closed")
        if self._db is None or not (self._fresh or self._gone):
            return
        try:
            with self._db:
                self._db.executemany(
                    "DELETE FROM files WHERE path = ?", ((path,) for path in self._gone)
                )
                self._db.executemany(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    self._fresh.values(),
                )
        except sqlite3.DatabaseError as fault:
            if fault.sqlite_errorcode & 0xFF not in _PASSING:
                self._recover(fault)
            return
        self._rows.update(self._fresh)
        self._fresh, self._gone = {}, set()

    def close(self) -> None:
        """Release the file, without saving; closing twice is harmless."""
        self._closed = True
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self) -> None:
        """Open the file and read it whole: 50,000 rows take 60 ms, a query each takes 200."""
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
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        wanted = f"{VERSION} {self.recipe}"
        found = self._meta()
        if found != wanted:
            with self._db:
                self._db.executescript("DROP TABLE IF EXISTS files; DROP TABLE IF EXISTS meta;")
                self._db.executescript(_SCHEMA)
                self._db.execute("INSERT INTO meta VALUES ('recipe', ?)", (wanted,))
        # What a row holds is looked at when it is used, by its sum.
        self._rows = {row[0]: row for row in self._db.execute("SELECT * FROM files")}
        self._fresh, self._gone = {}, set()

    def _meta(self) -> str | None:
        """Return the recipe of the rows in the file; None when it is new."""
        if self._db is None:
            return None
        try:
            row = self._db.execute("SELECT value FROM meta WHERE key = 'recipe'").fetchone()
        except sqlite3.OperationalError:
            return None
        return str(row[0]) if row else None

    def _recover(self, fault: sqlite3.DatabaseError) -> None:
        """Go on without the file when it is busy or out of reach, else with a new one."""
        if self._db is not None:
            self._db.close()
            self._db = None
        self._rows, self._fresh, self._gone = {}, {}, set()
        if fault.sqlite_errorcode & 0xFF in _PASSING:
            return
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                os.unlink(self.path + suffix)
        self._open()


_NUMBERS = Struct("<5q").pack


def _sum(row: _Row) -> int:
    """Return the checksum of a row's other columns, -1 for a row of another shape."""
    path, size, mtime_ns, ctime_ns, inode, cid, tsize, _found = row
    try:
        return crc32(cid, crc32(path, crc32(_NUMBERS(size, mtime_ns, ctime_ns, inode, tsize))))
    except (TypeError, StructError):
        return -1


def _signed(inode: int) -> int:
    """Return *inode* as SQLite's 64 bits, which have a sign."""
    return inode - (1 << 64) if inode >= 1 << 63 else inode
