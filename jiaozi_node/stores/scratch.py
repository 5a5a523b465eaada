"""A table for the length of one act: bytes to bytes, mostly in memory, never beyond a bound of it.

What was used lately is in two dictionaries, a young and an old one; when the young one is full the
old one's rows go to a temporary SQLite file, which no name leads to and nothing syncs.
"""

import sqlite3
from types import TracebackType

from jiaozi_node.errors import Unavailable

HELD = 50_000  # rows of each dictionary


class Scratch:
    """The table; use as a context manager, which throws it away."""

    def __init__(self, held: int = HELD) -> None:
        self._held = held
        self._young: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}
        self._db: sqlite3.Connection | None = None

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def get(self, key: bytes) -> bytes | None:
        """Return what was last put under *key*, or None."""
        value = self._young.get(key)
        if value is not None:
            return value
        value = self._old.get(key)
        if value is None and self._db is not None:
            try:
                row = self._db.execute("SELECT value FROM t WHERE key = ?", (key,)).fetchone()
            except sqlite3.Error as fault:
                raise _failed(fault) from None
            value = None if row is None else row[0]
        if value is not None:
            self.put(key, value)
        return value

    def put(self, key: bytes, value: bytes) -> None:
        """Keep *value* under *key*."""
        if len(self._young) >= self._held:
            self._spill()
        self._young[key] = value

    def _spill(self) -> None:
        try:
            if self._old:
                if self._db is None:
                    self._db = _temporary()
                self._db.executemany("INSERT OR REPLACE INTO t VALUES (?, ?)", self._old.items())
        except sqlite3.Error as fault:
            raise _failed(fault) from None
        self._old, self._young = self._young, {}


def _temporary() -> sqlite3.Connection:
    db = sqlite3.connect("", isolation_level=None)  # "": a file of its own that is gone on close
    db.executescript(
        "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
        "CREATE TABLE t (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
        "BEGIN;"
    )
    return db


def _failed(fault: sqlite3.Error) -> Unavailable:
    return Unavailable(f"a temporary table can't be kept: {fault}")
