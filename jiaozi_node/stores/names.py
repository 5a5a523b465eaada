"""``names.db``: the rows that can't be derived, in SQLite.

WAL with ``synchronous=FULL`` makes every `apply` survive a power cut on return; each row carries a
checksum, so rot is an error and never a wrong ref (design §3). One connection under a lock serves
all threads; a long scan gets a connection of its own and so sees one moment's state while others
write.

A row that is lost leaves no wrong checksum behind, so each kind has a **tally**, written in the
same transaction: how many rows, and the sum of their checksums. A scan of a whole kind that comes
to another tally raises at its end; nothing may be collected on the word of such a scan
(research/reliability.md F1). Transactions are counted too, and the count is noted beside the
database (``names.mark``): one that goes back in time is noticed (F2).
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from zlib import crc32

from jiaozi_node.errors import Corrupt, Misuse, NotFound, Refused, Unavailable
from jiaozi_node.stores.api import ANY, Change, NameConflict
from jiaozi_node.stores.atomic import sync_directory

SCHEMA_VERSION = 2  # 1 had no tallies
MARK_NAME = "names.mark"
_BUSY_S = 10.0
_PAGE_ROWS = 512

_SCHEMA = """
CREATE TABLE names (
    kind TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID
"""
_TALLIES = """
CREATE TABLE tallies (
    kind TEXT PRIMARY KEY, rows INTEGER NOT NULL, digest INTEGER NOT NULL
) WITHOUT ROWID
"""
_COUNT = "SELECT kind, count(*), sum(crc) FROM names GROUP BY kind"
_TALLY = "SELECT rows, digest FROM tallies WHERE kind = ?"
_ALL_TALLIES = "SELECT kind, rows, digest FROM tallies WHERE kind != ''"
_ADD = (
    "INSERT INTO tallies VALUES (?, ?, ?) ON CONFLICT (kind)"
    " DO UPDATE SET rows = rows + excluded.rows, digest = digest + excluded.digest"
)
_ACTS = ""  # the kind whose tally counts transactions; no row has it
_GET = "SELECT value, crc FROM names WHERE kind = ? AND key = ?"
_SET = "INSERT OR REPLACE INTO names (kind, key, value, crc) VALUES (?, ?, ?, ?)"
_UNSET = "DELETE FROM names WHERE kind = ? AND key = ?"
_ALL = "SELECT kind, key, value, crc FROM names ORDER BY kind, key"
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
        self._wrote = False
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
                elif version == 1:
                    self._upgrade(db)
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
            tally = None if prefix else self._tally(self._open(), kind)
        if len(rows) < _PAGE_ROWS:
            digest = self._sum(kind, rows)
            for key, value, _crc in rows:
                yield key, value
            self._check_tally(kind, tally, len(rows), digest)
            return
        # Too many for one page: start over on a connection of its own, whose one SELECT is one
        # moment's state however long the consumer takes.
        with self._translated():
            own = self._connect()
        try:
            with self._translated():
                own.execute("BEGIN")
                tally = None if prefix else self._tally(own, kind)
                cursor = own.execute(*query)
            count = digest = 0
            while True:
                with self._translated():
                    rows = cursor.fetchmany(_PAGE_ROWS)
                if not rows:
                    break
                self._open()
                digest += self._sum(kind, rows)
                count += len(rows)
                for key, value, _crc in rows:
                    yield key, value
            self._check_tally(kind, tally, count, digest)
        finally:
            own.close()

    def everything(self) -> Iterator[tuple[str, bytes, bytes]]:
        """See `api.Names`."""
        self._open()
        with self._translated():
            own = self._connect()
        try:
            with self._translated():
                own.execute("BEGIN")
                recorded = {
                    kind: (rows, digest) for kind, rows, digest in own.execute(_ALL_TALLIES)
                }
                cursor = own.execute(_ALL)
            found: dict[str, list[int]] = {}
            while True:
                with self._translated():
                    rows = cursor.fetchmany(_PAGE_ROWS)
                if not rows:
                    break
                self._open()
                for kind, key, value, crc in rows:
                    yield kind, key, self._checked(kind, key, value, crc)
                    tally = found.setdefault(kind, [0, 0])
                    tally[0] += 1
                    tally[1] += crc
        finally:
            own.close()
        for kind in sorted({*recorded, *found}, key=str):
            self._check_tally(kind, recorded.get(kind, (0, 0)), *found.get(kind, (0, 0)))

    def apply(self, changes: Sequence[Change]) -> None:
        """See `api.Names`."""
        if not changes:
            return
        with self._lock, self._translated():
            db = self._open()
            db.execute("BEGIN IMMEDIATE")
            try:
                tallies = {_ACTS: [1, 0]}
                for change in changes:
                    self._apply(db, change, tallies)
                db.executemany(_ADD, [(kind, *tally) for kind, tally in tallies.items()])
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            self._wrote = True

    def _apply(self, db: sqlite3.Connection, change: Change, tallies: dict[str, list[int]]) -> None:
        kind, key, value = change.kind, change.key, change.value
        row = db.execute(_GET, (kind, key)).fetchone()
        if change.expect != ANY:
            found = None if row is None else self._checked(kind, key, *row)
            if found != change.expect:
                raise NameConflict(kind, key, found)
        if row is None and value is None:
            return
        tally = tallies.setdefault(kind, [0, 0])
        if row is not None:
            tally[0] -= 1
            tally[1] -= row[1] if isinstance(row[1], int) else 0
        if value is None:
            db.execute(_UNSET, (kind, key))
        else:
            crc = _crc(kind, key, value)
            tally[0] += 1
            tally[1] += crc
            db.execute(_SET, (kind, key, value, crc))

    def kinds(self) -> list[str]:
        """See `api.Names`."""
        with self._lock, self._translated():
            rows = self._open().execute("SELECT DISTINCT kind FROM names").fetchall()
            tallied = self._open().execute("SELECT kind FROM tallies WHERE rows > 0").fetchall()
        return sorted({str(kind) for (kind,) in (*rows, *tallied)} - {_ACTS})

    def version(self) -> int:
        """See `api.Names`."""
        with self._lock, self._translated():
            return self._tally(self._open(), _ACTS)[0]

    def went_back(self) -> int | None:
        """See `api.Names`; what was noted at the last close is compared with what is here."""
        noted = _noted(self.path.with_name(MARK_NAME))
        acts = self.version()
        return noted - acts if noted > acts else None

    def recount(self) -> None:
        """See `api.Names`: tallies and mark follow the rows."""
        with self._lock, self._translated():
            db = self._open()
            acts = max(self._tally(db, _ACTS)[0], _noted(self.path.with_name(MARK_NAME)))
            db.execute("BEGIN IMMEDIATE")
            try:
                db.execute("DELETE FROM tallies")
                db.execute("INSERT INTO tallies " + _COUNT)
                db.execute(_ADD, (_ACTS, acts + 1, 0))
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            self._wrote = True

    def close(self) -> None:
        """Release the file; a scan under way raises `Misuse` at its next page."""
        with self._lock:
            if self._db is None:
                return
            try:
                if self._wrote:
                    with self._translated():
                        self._note(self._tally(self._db, _ACTS)[0])
            finally:
                self._db.close()
                self._db = None

    def _note(self, acts: int) -> None:
        """Write the mark, unsynced: one that a power cut loses is merely not compared with."""
        mark = self.path.with_name(MARK_NAME)
        aside = mark.with_name(f".{MARK_NAME}.new")
        with suppress(OSError):  # a full disk must not keep the names from closing
            aside.write_text(f"jiaozi names {acts}\n")
            aside.replace(mark)

    def _tally(self, db: sqlite3.Connection, kind: str) -> tuple[int, int]:
        row = db.execute(_TALLY, (kind,)).fetchone()
        if row is None:
            return 0, 0
        count, digest = row
        if not (isinstance(count, int) and isinstance(digest, int)):
            raise CorruptNames(self.path, f"the tally of {kind or 'all acts'} is no number")
        return count, digest

    def _check_tally(
        self, kind: str, tally: tuple[int, int] | None, rows: int, digest: int
    ) -> None:
        if tally is not None and tally != (rows, digest):
            raise CorruptNames(
                self.path,
                f"{rows} rows of {kind} are here and {tally[0]} were recorded"
                if rows != tally[0]
                else f"the {rows} rows of {kind} are not those that were recorded",
            )

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
        db.execute(_TALLIES)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")
        self.path.chmod(0o600)
        sync_directory(self.path.parent)

    def _upgrade(self, db: sqlite3.Connection) -> None:
        """Bring a database of version 1 to this one: count its rows."""
        db.execute("BEGIN IMMEDIATE")
        db.execute(_TALLIES)
        db.execute("INSERT INTO tallies " + _COUNT)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")

    def _checked(self, kind: object, key: object, value: object, crc: object) -> bytes:
        # A flipped bit can make a row's text a number, or its bytes text.
        if (
            not (isinstance(kind, str) and isinstance(key, bytes) and isinstance(value, bytes))
            or _crc(kind, key, value) != crc
        ):
            raise CorruptNames(self.path, f"the row {kind} {key!r} fails its checksum")
        return value

    def _sum(self, kind: str, rows: Sequence[tuple[bytes, bytes, int]]) -> int:
        """Check a page of rows; return the sum of their checksums."""
        digest, name = 0, kind.encode()
        for key, value, crc in rows:
            if (
                type(value) is not bytes
                or type(key) is not bytes
                or crc != crc32(value, crc32(key, crc32(name, len(key))))
            ):
                self._checked(kind, key, value, crc)
            digest += crc
        return digest

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn SQLite's errors into ours: busy or full is `Unavailable`, broken is `Corrupt`."""
        try:
            yield
        except sqlite3.OperationalError as fault:
            raise Unavailable(f"{self.path}: {fault}") from fault
        except sqlite3.DatabaseError as fault:
            raise CorruptNames(self.path, str(fault)) from fault
        except UnicodeDecodeError as fault:  # even of its own messages, which quote the schema
            raise CorruptNames(self.path, "it holds text that is not UTF-8") from fault


def _crc(kind: str, key: bytes, value: bytes) -> int:
    """Return the checksum of a row; the key's length keeps its border with the value apart."""
    return crc32(value, crc32(key, crc32(kind.encode(), len(key))))


def _noted(mark: Path) -> int:
    """Return the transactions that a mark tells of; 0 when there is none or it can't be read."""
    try:
        words = mark.read_text("ascii").split()
    except (OSError, ValueError):
        return 0
    sound = len(words) == 3 and words[:2] == ["jiaozi", "names"] and words[2].isdigit()
    return int(words[2]) if sound else 0


def _after(prefix: bytes) -> bytes | None:
    """Return the smallest key above all that begin with *prefix*; None when there is none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else None
