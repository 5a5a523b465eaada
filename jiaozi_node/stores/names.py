"""``names.db``: the rows that can't be derived, in SQLite.

WAL with ``synchronous=FULL`` makes every `apply` survive a power cut on return; each row carries a
checksum, so rot is an error and never a wrong ref (design §3). One connection under a lock serves
all threads; a long scan gets a connection of its own and so sees one moment's state while others
write.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

from jiaozi_node.errors import Corrupt, Misuse, NotFound, Refused, Unavailable
from jiaozi_node.stores.api import ANY, Change, NameConflict
from jiaozi_node.stores.atomic import sync_directory

SCHEMA_VERSION = 1
_BUSY_S = 10.0
_PAGE_ROWS = 512

_SCHEMA = """
CREATE TABLE names (
    kind TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID
"""
_GET = "SELECT value, crc FROM names WHERE kind = ? AND key = ?"
_SET = "INSERT OR REPLACE INTO names (kind, key, value, crc) VALUES (?, ?, ?, ?)"
_UNSET = "DELETE FROM names WHERE kind = ? AND key = ?"
_SCAN = "SELECT key, value, crc FROM names WHERE kind = ? AND key >= ? ORDER BY key"
_SCAN_UNTIL = (
    "SELECT key, value, crc FROM names WHERE kind = ? AND key >= ? AND key < ? ORDER BY key"
)


class NamesMissing(NotFound):
    """There is no names.db at *path*."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"there is no database of names at {path}")
        self.path = path


class NewerSchema(Refused):
    """The names.db at *path* was written by a later jiaozi."""

    def __init__(self, path: Path, found: int) -> None:
        super().__init__(
            f"{path} has schema version {found}, this jiaozi reads up to {SCHEMA_VERSION}"
        )
        self.path, self.found = path, found


class CorruptNames(Corrupt):
    """A row or a page of names.db is damaged."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} is damaged: {why}")
        self.path, self.why = path, why


class SqliteNames:
    """The names in the SQLite file *path*; with *create*, it is made when absent."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        fresh = not path.exists()
        if fresh and not create:
            raise NamesMissing(path)
        with self._translated():
            db = self._connect()
            try:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                if version == 0:
                    self._prepare(db, create)
                elif version > SCHEMA_VERSION:
                    raise NewerSchema(path, version)
            except BaseException:
                db.close()
                raise
        self._db = db

    def get(self, kind: str, key: bytes) -> bytes | None:
        """See `api.Names`."""
        with self._lock, self._translated():
            row = self._open().execute(_GET, (kind, key)).fetchone()
        return None if row is None else self._checked(kind, key, *row)

    def scan(self, kind: str, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """See `api.Names`. The moment is that of the first ``next()``."""
        end = _after(prefix)
        query = (_SCAN, (kind, prefix)) if end is None else (_SCAN_UNTIL, (kind, prefix, end))
        with self._lock, self._translated():
            rows = self._open().execute(*query).fetchmany(_PAGE_ROWS)
        if len(rows) < _PAGE_ROWS:
            for key, value, crc in rows:
                yield key, self._checked(kind, key, value, crc)
            return
        # Too many for one page: start over on a connection of its own, whose one SELECT is one
        # moment's state however long the consumer takes.
        with self._translated():
            own = self._connect()
        try:
            with self._translated():
                cursor = own.execute(*query)
            while True:
                with self._translated():
                    rows = cursor.fetchmany(_PAGE_ROWS)
                if not rows:
                    return
                self._open()
                for key, value, crc in rows:
                    yield key, self._checked(kind, key, value, crc)
        finally:
            own.close()

    def apply(self, changes: Sequence[Change]) -> None:
        """See `api.Names`."""
        if not changes:
            return
        with self._lock, self._translated():
            db = self._open()
            db.execute("BEGIN IMMEDIATE")
            try:
                for change in changes:
                    self._apply(db, change)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _apply(self, db: sqlite3.Connection, change: Change) -> None:
        kind, key, value = change.kind, change.key, change.value
        if change.expect != ANY:
            row = db.execute(_GET, (kind, key)).fetchone()
            found = None if row is None else self._checked(kind, key, *row)
            if found != change.expect:
                raise NameConflict(kind, key, found)
        if value is None:
            db.execute(_UNSET, (kind, key))
        else:
            db.execute(_SET, (kind, key, value, _crc(kind, key, value)))

    def close(self) -> None:
        """Release the file; a scan under way raises `Misuse` at its next page."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            raise Misuse("the names are closed")
        return self._db

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        db.execute("PRAGMA synchronous = FULL")
        return db

    def _prepare(self, db: sqlite3.Connection, create: bool) -> None:
        """Make the table in an empty file; the version is written in the same transaction."""
        if db.execute("SELECT 1 FROM sqlite_master").fetchone() or not create:
            raise CorruptNames(self.path, "it has no schema version")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("BEGIN IMMEDIATE")
        db.execute(_SCHEMA)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")
        self.path.chmod(0o600)
        sync_directory(self.path.parent)

    def _checked(self, kind: str, key: bytes, value: object, crc: object) -> bytes:
        if not isinstance(value, bytes) or _crc(kind, key, value) != crc:
            raise CorruptNames(self.path, f"the row {kind} {key!r} fails its checksum")
        return value

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn SQLite's errors into ours: busy or full is `Unavailable`, broken is `Corrupt`."""
        try:
            yield
        except sqlite3.OperationalError as fault:
            raise Unavailable(f"{self.path}: {fault}") from fault
        except sqlite3.DatabaseError as fault:
            raise CorruptNames(self.path, str(fault)) from fault


def _crc(kind: str, key: bytes, value: bytes) -> int:
    """Return the checksum of a row; the key's length keeps its border with the value apart."""
    return crc32(value, crc32(key, crc32(kind.encode(), len(key))))


def _after(prefix: bytes) -> bytes | None:
    """Return the smallest key above all that begin with *prefix*; None when there is none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else None
