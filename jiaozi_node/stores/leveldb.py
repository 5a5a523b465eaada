"""Blocks in a plain LevelDB, key = multihash, value = bytes: the simple reference store.

`Family` is not kept here; segments bring it (issue A2). What LevelDB and plyvel get wrong, each
measured in research/reliability.md §0, is kept inside this file:

* F1 ``iterator()`` may answer "no rows" for a damaged table: only ``raw_iterator`` is used, which
  raises. F2 a torn MANIFEST opens empty: a sentinel row is looked for at every open.
* F3 a second open in one process frees LevelDB's lock: a registry refuses it first.
* F4 closing during use crashes the process: users are counted, `close` waits for them. A forked
  child could write through its parent's handle: it finds the store closed.
* F7 LevelDB syncs only the log it writes at present, yet an older log may hold rows which are in no
  table so far: an act ends by syncing every log and the directory.
* F8 rot goes unnoticed: paranoid checks, and every block is hashed when it is read. No bloom
  filter, since LevelDB doesn't check the filter's own bytes and a flipped bit there hides rows.
"""

import os
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import plyvel

from jiaozi_node.errors import Corrupt, Locked, Misuse, NotFound, Unavailable
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing, BlockWriter, Family
from jiaozi_node.stores.atomic import sync_directory
from jiaozi_node.stores.verify import CorruptBlock, checked

_SENTINEL = b"\0jiaozi"  # identity multihashes begin so, and those are never stored
_SENTINEL_VALUE = b"blocks 1"
_BATCH_BYTES = 4 * 1024 * 1024
_WRITE_BUFFER_BYTES = 64 * 1024 * 1024  # store-measurements.md §2: 4 MiB → 130 MB/s, 64 → 366
_PAGE_ROWS = 1024
_CLOSE_WAIT_S = 30.0


class StoreMissing(NotFound):
    """There is no block store at *path*."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"there is no block store at {path}")
        self.path = path


class CorruptStore(Corrupt):
    """The database at *path* is damaged as a whole."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"the block store {path} is damaged: {why}")
        self.path, self.why = path, why


class WriteFailed(Unavailable):
    """The store at *path* couldn't write; it takes no more writes until it is opened again."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"the block store {path} can't write: {why}")
        self.path, self.why = path, why


class LevelDbStore:
    """The blocks in the LevelDB directory *path*; with *create*, it is made when absent."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        self._handle = _Handle(path, create)
        self._write_lock = threading.Lock()
        # Put but not yet in the database: readers look here first.
        self._pending: dict[bytes, bytes] = {}
        self._pending_bytes = 0
        self._unsynced = False
        self._failed: str | None = None

    def get(self, cid: Cid) -> Block:
        """See `api.GetsBlocks`."""
        inline = cid.inline
        if inline is not None:
            self._handle.check()
            return Block(cid, inline)
        return checked(cid, self._bytes_of(cid))

    def size(self, cid: Cid) -> int:
        """See `api.GetsBlocks`."""
        inline = cid.inline
        if inline is not None:
            self._handle.check()
            return len(inline)
        return len(self._bytes_of(cid))

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        """See `api.HasBlocks`."""
        pending = self._pending
        with self._handle as db:
            return [
                cid.inline is not None
                or cid.multihash in pending
                or self._stored(db, cid) is not None
                for cid in cids
            ]

    @contextmanager
    def writer(self, family: Family = Family.OWN) -> Iterator[BlockWriter]:
        """See `api.PutsBlocks`; *family* is not kept."""
        self._handle.check()
        writer = _Writer(self)
        try:
            yield writer
        finally:
            writer.ended = True
            if writer.puts:
                self._flush()
        if writer.puts:
            self._sync()

    def drop(self, cids: Iterable[Cid]) -> int:
        """See `api.DropsBlocks`."""
        dropped = 0
        wanted = {cid.multihash for cid in cids if cid.inline is None}
        with self._write_lock, self._handle as db, self._writing():
            batch = db.write_batch()
            for multihash in wanted:
                data = self._pending.pop(multihash, None)
                if data is not None:
                    self._pending_bytes -= len(data)
                if _here(db, multihash):
                    batch.delete(multihash)
                elif data is None:
                    continue
                dropped += 1
            batch.write()
        return dropped

    def multihashes(self) -> Iterator[bytes]:
        """See `api.ListsBlocks`."""
        with self._write_lock:
            self._flush_locked()
        # By pages, so that no iterator is left open in the hands of a slow consumer, which would
        # keep `close` waiting. Whatever is here all along is met on some page.
        after = b""
        while True:
            page = self._page(after)
            yield from (key for key in page if key != _SENTINEL)
            if len(page) < _PAGE_ROWS:
                return
            after = page[-1]

    def close(self) -> None:
        """Write what is pending, wait for readers in other threads, release the files."""
        if self._handle.closed:
            return
        try:
            with self._write_lock:
                self._flush_locked()
        finally:
            self._handle.close()

    def _bytes_of(self, cid: Cid) -> bytes:
        """Return the unverified bytes under *cid*."""
        data = self._pending.get(cid.multihash)
        if data is None:
            with self._handle as db:
                data = self._stored(db, cid)
            if data is None:
                raise BlockMissing(cid)
        else:
            self._handle.check()
        return data

    def _stored(self, db: plyvel.DB, cid: Cid) -> bytes | None:
        try:
            # Found bytes are hashed, so LevelDB needn't check them too (a third of a get's time);
            # but a flipped bit in a key makes its row vanish, so absence is checked. Past the
            # cache, which keeps what was never checked.
            data: bytes | None = db.get(cid.multihash, fill_cache=False)
            if data is None:
                data = db.get(cid.multihash, verify_checksums=True, fill_cache=False)
        except plyvel.Error as fault:
            raise CorruptBlock(cid, _one_line(fault)) from fault
        return data

    def _page(self, after: bytes) -> list[bytes]:
        """Return up to a page of keys above *after*; raises when any of them can't be read."""
        page: list[bytes] = []
        try:
            with self._handle as db, db.raw_iterator(verify_checksums=True) as rows:
                rows.seek(after + b"\0" if after else b"")
                while rows.valid() and len(page) < _PAGE_ROWS:
                    page.append(rows.key())
                    rows.next()
        except plyvel.Error as fault:
            raise CorruptStore(self.path, _one_line(fault)) from fault
        return page

    def _put(self, blocks: Iterable[Block]) -> None:
        self._handle.check()
        pending = self._pending
        for block in blocks:
            cid = block.cid
            if cid.inline is not None:
                continue
            with self._write_lock:
                if self._failed is not None:
                    raise WriteFailed(self.path, self._failed)
                multihash = cid.multihash
                if multihash in pending:
                    continue
                pending[multihash] = block.data
                self._pending_bytes += len(block.data)
                if self._pending_bytes >= _BATCH_BYTES:
                    self._flush_locked()

    def _flush(self) -> None:
        with self._write_lock:
            self._flush_locked()

    def _flush_locked(self) -> None:
        """Write what is pending as one batch, unsynced; the caller holds the write lock."""
        if not self._pending:
            return
        with self._handle as db, self._writing():
            batch = db.write_batch()
            for multihash, data in self._pending.items():
                # The same bytes are not written twice; damaged ones are, which heals them.
                if _intact(db, multihash, data):
                    continue
                batch.put(multihash, data)
            self._unsynced = True
            batch.write()
            self._pending.clear()
            self._pending_bytes = 0

    def _sync(self) -> None:
        """Make all that was flushed survive a power cut."""
        with self._write_lock:
            if self._failed is not None:
                raise WriteFailed(self.path, self._failed)
            if not self._unsynced:
                return  # another act's sync took ours along
            with self._handle, self._writing():
                for log in self.path.glob("*.log"):
                    # Gone meanwhile: its rows are in a table, which LevelDB syncs.
                    with suppress(FileNotFoundError):
                        _fdatasync(log)
                sync_directory(self.path)
                self._unsynced = False

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Refuse to write after a failure: neither LevelDB (F9) nor fsync can be asked again."""
        if self._failed is not None:
            raise WriteFailed(self.path, self._failed)
        try:
            yield
        except (plyvel.Error, OSError) as fault:
            self._failed = _one_line(fault)
            self._pending.clear()
            self._pending_bytes = 0
            raise WriteFailed(self.path, self._failed) from fault


class _Writer:
    def __init__(self, store: LevelDbStore) -> None:
        self.ended = False
        self.puts = False
        self._store = store

    def put(self, blocks: Iterable[Block]) -> None:
        if self.ended:
            raise Misuse("this act of writing has ended")
        self.puts = True
        self._store._put(blocks)

    def present(self, cids: Sequence[Cid]) -> list[bool]:
        return self._store.has(cids)


class _Handle:
    """The one owner of a ``plyvel.DB``: ``with handle as db`` counts a user until it is done."""

    def __init__(self, path: Path, create: bool) -> None:
        self._idle = threading.Condition()
        self._users = 0
        self._closed: str | None = None
        self._place = path.resolve()
        with _registry_lock:
            if self._place in _open:
                raise Locked(f"the block store {path} is open in this process already")
            self._db: plyvel.DB = _opened(path, create)
            _open[self._place] = self

    @property
    def closed(self) -> bool:
        return self._closed is not None

    def check(self) -> None:
        if self._closed is not None:
            raise Misuse(f"the block store is closed{self._closed}")

    def __enter__(self) -> plyvel.DB:
        with self._idle:
            if self._closed is not None:
                raise Misuse(f"the block store is closed{self._closed}")
            self._users += 1
            return self._db

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._idle:
            self._users -= 1
            if not self._users:
                self._idle.notify_all()

    def close(self) -> None:
        """Admit nobody any more, wait for the users, close."""
        with self._idle:
            if self._closed is not None:
                return
            self._closed = ""
            if not self._idle.wait_for(lambda: not self._users, _CLOSE_WAIT_S):
                # A user never came back. Whoever is in there holds a reference; the files are
                # released with it. To close now would crash the process.
                self._db = None
                return
            db, self._db = self._db, None
        db.close()
        with _registry_lock:
            _open.pop(self._place, None)

    def poison(self) -> None:
        """Forget the handle in a forked child without running its destructor, which would write."""
        import ctypes  # noqa: PLC0415 - only a child that was forked with an open store needs it

        self._idle = threading.Condition()
        if self._db is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._db))
            self._db = None
        self._closed = self._closed or " in a forked process: open it anew"


_registry_lock = threading.Lock()
_open: weakref.WeakValueDictionary[Path, _Handle] = weakref.WeakValueDictionary()


def _poison_in_child() -> None:
    global _registry_lock
    _registry_lock = threading.Lock()
    for handle in list(_open.values()):
        handle.poison()
    _open.clear()


os.register_at_fork(after_in_child=_poison_in_child)


def _opened(path: Path, create: bool) -> plyvel.DB:
    """Open the database and find the sentinel row in it; make both when there is nothing."""
    fresh = not (path / "CURRENT").exists()
    if fresh:
        if not create:
            raise StoreMissing(path)
        if path.exists() and any(name.suffix in (".ldb", ".log") for name in path.iterdir()):
            raise CorruptStore(path, "its file CURRENT is lost")
    try:
        db = plyvel.DB(
            os.fspath(path),
            create_if_missing=fresh,
            error_if_exists=fresh,
            paranoid_checks=True,
            write_buffer_size=_WRITE_BUFFER_BYTES,
            compression=None,
        )
    except plyvel.Error as fault:
        why = _one_line(fault)
        if "lock" in why and "unavailable" in why:
            raise Locked(f"the block store {path} is open in another process") from fault
        raise CorruptStore(path, why) from fault
    try:
        if fresh:
            db.put(_SENTINEL, _SENTINEL_VALUE, sync=True)
            sync_directory(path)
            sync_directory(path.parent)
        elif db.get(_SENTINEL) != _SENTINEL_VALUE:
            if not create or not _empty(db):  # a creation that was cut short may go on
                raise CorruptStore(path, "its sentinel row is lost, and other rows may be")
            db.put(_SENTINEL, _SENTINEL_VALUE, sync=True)
    except plyvel.Error as fault:
        db.close()
        raise CorruptStore(path, _one_line(fault)) from fault
    except BaseException:
        db.close()
        raise
    return db


def _empty(db: plyvel.DB) -> bool:
    with db.raw_iterator(verify_checksums=True) as rows:
        rows.seek_to_first()
        return not rows.valid()


def _intact(db: plyvel.DB, multihash: bytes, data: bytes) -> bool:
    try:
        return bool(db.get(multihash, fill_cache=False) == data)
    except plyvel.Error:
        return False


def _here(db: plyvel.DB, multihash: bytes) -> bool:
    """Tell whether there is a row; one that can't be read is one."""
    try:
        return db.get(multihash) is not None
    except plyvel.Error:
        return True


def _fdatasync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fdatasync(fd)
    finally:
        os.close(fd)


def _one_line(fault: BaseException) -> str:
    text = fault.args[0] if fault.args else fault
    return (text.decode("utf-8", "replace") if isinstance(text, bytes) else str(fault)).strip()
