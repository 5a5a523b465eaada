"""From blocks put to bytes written to rows in the index: one order for all acts.

Blocks get their places as they are put and gather in buffers, one for each family. A full buffer
goes to a queue that a thread of its own writes while the caller hashes on; at an act's end whoever
waits lends a hand. Rows follow their bytes, a thousand at a time. Until then readers find blocks in
`pending`. Lock order: `io`, then the guard, then `lock`.
"""

import errno
import threading
from collections import deque
from collections.abc import Callable

from jiaozi_node.stores.api import Family
from jiaozi_node.stores.segments import disk
from jiaozi_node.stores.segments.catalogue import Catalogue
from jiaozi_node.stores.segments.files import Files, Segment
from jiaozi_node.stores.segments.frame import HEADER, head
from jiaozi_node.stores.segments.index import MOVED, Index, Row, pack

CHUNK_BYTES = 1024 * 1024
QUEUE_BYTES = 16 * 1024 * 1024
WRITEBACK_BYTES = 8 * 1024 * 1024  # asking for each chunk takes the writer's time
BATCH_ROWS = 1000
COLD_BYTES = 4 * 1024 * 1024 * 1024  # what one act writes beyond leaves the page cache
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Entry:
    """A block that is put and not yet in the index; *data* is None once the bytes are written."""

    __slots__ = ("data", "flags", "length", "multihash", "offset", "old", "segment")

    def __init__(
        self,
        multihash: bytes,
        data: bytes,
        segment: Segment,
        offset: int,
        flags: int,
        old: "Row | Entry | None",
    ) -> None:
        self.multihash, self.segment, self.offset, self.flags = multihash, segment, offset, flags
        self.length = len(data)
        self.data: bytes | None = data
        self.old = old  # what it replaces, in the index or on its way there

    @property
    def row(self) -> Row:
        """The row that it will have."""
        return Row(self.segment.number, self.offset, self.length, self.flags)


class _Buffer:
    """What gathers for one family; *at* is where its first byte goes."""

    __slots__ = ("at", "cold", "entries", "parts", "segment", "size")

    def __init__(self, segment: Segment, at: int) -> None:
        self.segment, self.at = segment, at
        self.parts: list[bytes] = []
        self.entries: list[Entry] = []
        self.size = 0
        self.cold = False


class _Whole:
    """``with`` steps that belong together: whoever is interrupted between them fails the store.

    Else Ctrl-C could leave places given out and not filled, or rows written and not counted.
    """

    def __init__(self, pipe: "Pipeline") -> None:
        self._pipe = pipe

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        if kind is not None and self._pipe.failed is None:
            self._pipe.failed = "it was interrupted"


class Pipeline:
    """Takes blocks in, in order, and brings them to the disk and into the index."""

    def __init__(self, files: Files, index: Index, segment_bytes: int) -> None:
        self.io = threading.Lock()
        self.lock = threading.Condition(threading.Lock())
        self.whole = _Whole(self)
        self.pending: dict[bytes, Entry] = {}
        self.catalogue = Catalogue()
        self.files, self.index, self.segment_bytes = files, index, segment_bytes
        self.failed: str | None = None  # why nothing more is written until the store is reopened
        self.unmarked_bytes = self.unmarked_rows = self.rows_written = 0
        self.rolled = False
        # Called with `io` held after each chunk; what it does may fail the store.
        self.after_chunk: Callable[[], None] = lambda: None
        self.cold: list[tuple[Segment, int, int]] = []
        self._buffers: dict[Family, _Buffer] = {}
        self._queue: deque[_Buffer] = deque()
        self._queued_bytes = 0
        self._written: list[Entry] = []
        self._thread: threading.Thread | None = None
        self._stopping = False

    def wait_room(self) -> None:
        """Wait until the queue is short enough to put more; the caller holds nothing."""
        if self._queued_bytes > QUEUE_BYTES:
            with self.lock:
                self.lock.wait_for(lambda: self._queued_bytes <= QUEUE_BYTES or self._stopping)

    def put(
        self,
        cid: bytes,
        multihash: bytes,
        data: bytes,
        family: Family,
        flags: int,
        old: Row | Entry | None,
        cold: bool = False,
    ) -> Entry:
        """Give the block a place and queue it; the caller holds `lock`."""
        with self.whole:
            buffer = self._buffers.get(family)
            if buffer is not None and buffer.segment.closed:
                self._seal(family)
                buffer = None
            if buffer is None:
                buffer = self._buffers[family] = self._begin(family)
            segment = buffer.segment
            start = head(cid, len(data))
            offset = segment.tail + len(start)
            segment.tail = offset + len(data)
            segment.all_bytes += len(data)
            entry = Entry(multihash, data, segment, offset, flags, old)
            buffer.parts += (start, data)
            buffer.entries.append(entry)
            buffer.size += len(start) + len(data)
            buffer.cold |= cold
            self.pending[multihash] = entry
            if buffer.size >= CHUNK_BYTES:
                self._seal(family)
                if segment.tail >= self.segment_bytes:
                    segment.closed = True
                    self.rolled = True
                if self._thread is None:
                    self._start()
                self.lock.notify_all()
        return entry

    def _begin(self, family: Family) -> _Buffer:
        segment = self.catalogue.open_one(family, self.segment_bytes)
        if segment is None:
            segment = self.catalogue.new(family)
        buffer = _Buffer(segment, segment.tail)
        if segment.tail == 0:
            buffer.parts.append(HEADER)
            buffer.size = segment.tail = len(HEADER)
        return buffer

    def _seal(self, family: Family) -> None:
        buffer = self._buffers.pop(family)
        self._queue.append(buffer)
        self._queued_bytes += buffer.size

    def seal(self) -> None:
        """Queue what has gathered; the caller holds `lock`."""
        for family in list(self._buffers):
            self._seal(family)

    def flush(self) -> None:
        """Write all that was put; the caller holds `io` and not `lock`."""
        with self.lock:
            self.seal()
        while self._queue:
            self._write_next()

    def flush_rows(self) -> None:
        """Bring all that was put into the index; the caller holds `io` and not `lock`."""
        self.flush()
        if self.failed is None:
            self.write_rows()

    @property
    def quiet(self) -> bool:
        """Whether nothing waits to be written; meaningful under `lock`."""
        return not (self._queue or self._buffers or self._written)

    def _write_next(self) -> None:
        """Write the first chunk of the queue."""
        with self.whole:
            self._write_chunk()

    def _write_chunk(self) -> None:
        with self.lock:
            if not self._queue:
                return
            buffer = self._queue[0]
        segment = buffer.segment
        try:
            if self.failed is not None:
                raise OSError(self.failed)
            if buffer.at != segment.written or sum(map(len, buffer.parts)) != buffer.size:
                raise OSError("what was put was cut short")
            fd = self.files.writing(segment)
            disk.write_at(fd, buffer.parts, buffer.size, buffer.at)
        except OSError as fault:
            self._chunk_failed(segment, fault)
            return
        with self.lock:
            segment.written = buffer.at + buffer.size
            for entry in buffer.entries:
                entry.data = None
            self._written += buffer.entries
            self._queue.popleft()
            self._queued_bytes -= buffer.size
            self.unmarked_bytes += buffer.size
            self.lock.notify_all()
        self._begin_writeback(segment, fd)
        if buffer.cold:
            self.cold.append((segment, buffer.at, buffer.size))
        if len(self._written) >= BATCH_ROWS:
            self.write_rows()
        self.after_chunk()

    def _begin_writeback(self, segment: Segment, fd: int) -> None:
        """Have the disk begin now and then, so that the sync at the end finds little left."""
        begun = max(segment.begun, segment.synced)
        if segment.written - begun >= WRITEBACK_BYTES:
            disk.begin_writeback(fd, begun, segment.written - begun)
            segment.begun = segment.written

    def write_rows(self) -> None:
        """Put the rows of written blocks into the index; the caller holds `io`."""
        if self._written:
            with self.whole:
                self._write_rows(self._written)

    def _write_rows(self, entries: list[Entry]) -> None:
        catalogue = self.catalogue
        changes: list[tuple[Entry, Row | None, Row]] = []
        for entry in entries:
            old = entry.old.row if isinstance(entry.old, Entry) else entry.old
            if old is not None and (old.flags & MOVED or catalogue.marked(old)):
                entry.flags |= MOVED
            changes.append((entry, old, entry.row))
        try:
            self.index.write([(e.multihash, pack(e.multihash, *row)) for e, _, row in changes])
        except Exception as fault:  # noqa: BLE001 - LevelDB's and the system's: none may pass
            self.fail(fault)
            return
        with self.lock:
            self._written = []
            self.unmarked_rows += len(entries)
            self.rows_written += len(entries)
            pending = self.pending
            for entry, old, row in changes:
                catalogue.account(entry.multihash, old, row)
                if pending.get(entry.multihash) is entry:
                    del pending[entry.multihash]

    def _chunk_failed(self, segment: Segment, fault: OSError) -> None:
        """Give up what was to follow in *segment*, and the segment."""
        with self.lock:
            segment.closed = True
            segment.limit, segment.fault = segment.written, str(fault)
            lost = [one for one in self._queue if one.segment is segment]
            for family, buffer in list(self._buffers.items()):
                if buffer.segment is segment:
                    lost.append(self._buffers.pop(family))
            self._queue = deque(one for one in self._queue if one.segment is not segment)
            self._queued_bytes = sum(one.size for one in self._queue)
            for buffer in lost:
                for entry in buffer.entries:
                    segment.all_bytes -= entry.length
                    now = self.pending.get(entry.multihash)
                    if now is entry:
                        del self.pending[entry.multihash]
                    elif now is not None and now.old is entry:
                        now.old = entry.old
            segment.tail = segment.written
            if not segment.created:
                del self.catalogue.segments[segment.number]
            self.lock.notify_all()
        if fault.errno not in _FULL:
            self.fail(fault)

    def fail(self, fault: BaseException) -> None:
        """Write nothing more: the store has to be opened again."""
        with self.lock:
            if self.failed is None:
                self.failed = str(fault) or type(fault).__name__
            self.lock.notify_all()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="segment-writer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            with self.lock:
                while not self._queue and not self._stopping:
                    self.lock.wait()
                if self._stopping:
                    return
            with self.io:
                try:
                    self._write_next()
                except BaseException as fault:  # noqa: BLE001 - the acts under way raise it
                    self.fail(fault)
                    with self.lock:
                        self.discard()

    def discard(self) -> None:
        """Forget all that is not in the index; the caller holds `lock`."""
        self._queue.clear()
        self._buffers.clear()
        self._queued_bytes = 0
        self._written = []
        self.pending.clear()
        self.lock.notify_all()

    def stop(self) -> None:
        """End the thread; what is queued stays."""
        with self.lock:
            self._stopping = True
            self.lock.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._thread = None
        self._stopping = False
