"""``.jiaozi/history.db``: what commits were found to be and to touch, so that a log of a few paths
needn't read a whole history again.

A cache beside the stat index: losing it, or throwing it away when SQLite or a row's checksum finds
it damaged, costs time and nothing else. Rows are by CID, so they never grow old; they are written
when a log ends, and only what was learnt from blocks that are here.
"""

import os
import sqlite3
from contextlib import suppress
from struct import Struct
from struct import error as StructError
from typing import Final
from zlib import crc32

from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning.order import Outline
from jiaozi_node.versioning.touched import Paths

NAME: Final = "history.db"
VERSION: Final = 1
WAIT_S: Final = 1.0  # for another command that is saving

_SCHEMA = "CREATE TABLE commits (digest BLOB PRIMARY KEY, facts BLOB, paths BLOB) WITHOUT ROWID"
_HEAD = Struct("<IQqBB")  # sum, generation, time, bytes of the tree's CID, parents
_DIGEST_BYTES = 32  # of a commit's sha2-256
_FRONT = b"\x01\x71\x12\x20"  # of a commit's CID


class HistoryCache:
    """The cache in the directory *reserved*; it opens when first asked, and may be out of reach."""

    def __init__(self, reserved: str | os.PathLike[str], wait_s: float = WAIT_S) -> None:
        self.path, self._wait_s = os.path.join(reserved, NAME), wait_s
        self._db: sqlite3.Connection | None = None
        self._opened = False
        self._held: dict[Cid, tuple[Outline, Paths]] = {}  # read, and not yet asked for its paths
        self._fresh: dict[Cid, tuple[Outline, Paths]] = {}

    def outline(self, cid: Cid) -> Outline | None:
        """Return what is remembered of the commit *cid*."""
        found = self._find(cid)
        return None if found is None else found[0]

    def paths(self, cid: Cid) -> Paths | None:
        """Return the paths that *cid* is remembered to have touched."""
        found = self._find(cid)
        self._held.pop(cid, None)
        return None if found is None else found[1]

    def learn(self, found: Outline, paths: Paths) -> None:
        """Remember a commit that was read and checked."""
        self._fresh[found.cid] = found, paths

    def save(self) -> None:
        """Write what was learnt. A damaged or busy file costs a later search."""
        if not self._fresh or (db := self._open()) is None:
            return
        rows = [(cid.raw[-_DIGEST_BYTES:], *_packed(*found)) for cid, found in self._fresh.items()]
        try:
            with db:
                db.executemany("INSERT OR REPLACE INTO commits VALUES (?, ?, ?)", rows)
        except sqlite3.DatabaseError as fault:
            self._recover(fault)
        self._fresh = {}

    def close(self) -> None:
        """Release the file, without saving; closing twice is harmless."""
        if self._db is not None:
            self._db.close()
            self._db = None
        self._opened = True

    def _find(self, cid: Cid) -> tuple[Outline, Paths] | None:
        found = self._fresh.get(cid) or self._held.get(cid)
        if found is not None or (db := self._open()) is None:
            return found
        try:
            row = db.execute(
                "SELECT facts, paths FROM commits WHERE digest = ?", (cid.raw[-_DIGEST_BYTES:],)
            ).fetchone()
        except sqlite3.DatabaseError as fault:
            self._recover(fault)
            return None
        found = None if row is None else _unpacked(cid, *row)
        if found is not None:
            self._held[cid] = found
        return found

    def _open(self) -> sqlite3.Connection | None:
        if self._opened:
            return self._db
        self._opened = True
        try:
            self._db = self._connected()
        except sqlite3.DatabaseError as fault:
            self._recover(fault)
        return self._db

    def _connected(self) -> sqlite3.Connection:
        try:
            # SQLite would follow a symlink that somebody put there, and write behind it.
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(self.path, flags, 0o644))
        except OSError as fault:
            raise sqlite3.OperationalError(str(fault)) from None
        db = sqlite3.connect(self.path, timeout=self._wait_s)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                with db:
                    db.execute("DROP TABLE IF EXISTS commits")
                    db.execute(_SCHEMA)
                    db.execute(f"PRAGMA user_version = {VERSION}")
        except BaseException:
            db.close()
            raise
        return db

    def _recover(self, fault: sqlite3.DatabaseError) -> None:
        """Go on without the file; what is damaged is removed, so that the next log begins anew."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if isinstance(fault, sqlite3.OperationalError):  # busy, read-only, full, out of reach
            return
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                os.unlink(self.path + suffix)


def _packed(found: Outline, paths: Paths) -> tuple[bytes, bytes | None]:
    rest = found.tree.raw + b"".join(parent.raw[-_DIGEST_BYTES:] for parent in found.parents)
    head = (found.generation, found.time, len(found.tree.raw), len(found.parents))
    facts = _HEAD.pack(0, *head) + rest
    total = crc32(paths.text or b"", crc32(facts[4:], crc32(found.cid.raw)))
    return _HEAD.pack(total, *head) + rest, paths.text


def _unpacked(cid: Cid, facts: object, text: object) -> tuple[Outline, Paths] | None:
    """Read a row; None for one that is damaged."""
    if not isinstance(facts, bytes) or not isinstance(text, bytes | None):
        return None
    try:
        total, generation, time, tree_bytes, parents = _HEAD.unpack_from(facts)
    except StructError:
        return None
    if total != crc32(text or b"", crc32(facts[4:], crc32(cid.raw))):
        return None
    at = _HEAD.size + tree_bytes
    links = tuple(
        [
            Cid(_FRONT + facts[start : start + _DIGEST_BYTES])
            for start in range(at, at + parents * _DIGEST_BYTES, _DIGEST_BYTES)
        ]
    )
    tree = Cid(facts[_HEAD.size : at])
    return Outline(cid, links, generation, time, tree), Paths(text)
