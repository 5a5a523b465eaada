"""`SegmentStore`: blocks in segments, found through the index; the store of every node home.

Reads check the row's checksum and then the block's hash. An act ends with the fdatasync that its
blocks need and no other. What the index lost is read again from the segments, which are the truth
(design §3, ``specs/segments.md``).
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import islice

from jiaozi_node.errors import JiaoziError, LimitExceeded, Misuse
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing, Family
from jiaozi_node.stores.segments import bulk, compact, disk, index, opening
from jiaozi_node.stores.segments import frame as frames
from jiaozi_node.stores.segments.checkpoint import Checkpoints
from jiaozi_node.stores.segments.faults import DiskFull, IndexDamaged, WritesFailed
from jiaozi_node.stores.segments.files import Files, Segment
from jiaozi_node.stores.segments.frame import Gap, Section
from jiaozi_node.stores.segments.guard import Guard
from jiaozi_node.stores.segments.index import BAD, PUBLIC, SENTINEL, Index, Row
from jiaozi_node.stores.segments.pipeline import COLD_BYTES, Pipeline
from jiaozi_node.stores.segments.sync import Syncer
from jiaozi_node.stores.verify import CorruptBlock

SEGMENT_BYTES = 512 * 1024 * 1024
LOW_WATER_BYTES = 64 * 1024 * 1024
BALLAST_BYTES = 64 * 1024 * 1024
REOPEN_ROWS = 10_000  # a log with more makes the next open slow: up to 2 s

_GROUP = 32
_ROOM_EVERY_BYTES = 16 * 1024 * 1024


class SegmentStore:
    """The blocks of the node home *path*; with *create*, its store is made when absent."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        create: bool = False,
        segment_bytes: int = SEGMENT_BYTES,
        low_water_bytes: int = LOW_WATER_BYTES,
        ballast_bytes: int = BALLAST_BYTES,
    ) -> None:
        self.path = os.fspath(path)
        self.low_water_bytes = low_water_bytes
        self.rebuilds = 0  # how often the index was rebuilt: own blocks are private again after it
        self._guard = Guard(self.path)
        self._files = Files(os.path.join(self.path, "segments"), self._guard.when_idle)
        self._index = Index(os.path.join(self.path, "index"))
        self._pipe = Pipeline(self._files, self._index, segment_bytes)
        self._syncer = Syncer(self._files)
        self._checkpoints = Checkpoints(self.path, self._pipe, self._syncer, ballast_bytes)
        self._pipe.after_chunk = self._checkpoints.when_due
        self._accepted_bytes = _ROOM_EVERY_BYTES
        self._guard.forget = self._forget
        try:
            with self._pipe.io:
                self._open(create=create)
        except BaseException:
            self._index.close()
            self._files.close()
            self._guard.close()
            raise

    # Reading

    def get(self, cid: Cid) -> Block:
        """See `api.GetsBlocks`."""
        raw = cid.raw
        multihash = raw if raw[0] == 0x12 else cid.multihash
        if multihash[0] == mh.IDENTITY:
            self._guard.check()
            return Block(cid, cid.inline or b"")
        data, row = self._read(cid, multihash)
        if row is not None and not mh.matches(multihash, data):
            self._spoiled(multihash, row)
            raise CorruptBlock(cid, f"its {len(data)} bytes don't match its hash")
        return Block(cid, data)

    def at_hand(self, cid: Cid, max_bytes: int, *, public: bool = False) -> Block | None:
        """See `api.ReadsAtHand`."""
        raw = cid.raw
        multihash = raw if raw[0] == 0x12 else cid.multihash
        if multihash[0] == mh.IDENTITY:
            return Block(cid, cid.inline or b"")
        if self._guard.held:
            return None
        entry = self._pipe.pending.get(multihash)
        data = None if entry is None else entry.data
        try:
            with self._guard:
                row = self._index.get(multihash) if entry is None else entry.row
                if row is None or (public and not row.flags & PUBLIC):
                    raise BlockMissing(cid)
                if row.length > max_bytes:
                    return None
                if data is not None:
                    return Block(cid, data)
                segment = self._pipe.catalogue.segments.get(row.segment)
                if segment is None:
                    return None
                data = os.pread(self._files.fd(segment), row.length, row.offset)
        except (IndexDamaged, OSError):
            return None  # what is to be done then takes its time
        return Block(cid, data) if mh.matches(multihash, data) else None

    def get_many(self, cids: Sequence[Cid]) -> Iterator[Block]:
        """See `many.GetsMany`."""
        for at in range(0, len(cids), bulk.GROUP):
            group = cids[at : at + bulk.GROUP]
            multihashes = [cid.multihash for cid in group]
            try:
                with self._guard:
                    found = bulk.read(self._rows(multihashes), self._segment_fd)
            except (IndexDamaged, OSError):  # told, or put right, below
                found = [None] * len(group)
            for cid, multihash, data in zip(group, multihashes, found, strict=True):
                if data is None:
                    yield self.get(cid)
                elif multihash[:2] == b"\x12\x20" and sha256(data).digest() == multihash[2:]:
                    yield Block(cid, data)  # `matches`, spelt out: of nearly all blocks
                elif mh.matches(multihash, data):
                    yield Block(cid, data)
                else:
                    yield self.get(cid)

    def sizes(self, cids: Sequence[Cid]) -> list[int]:
        """See `many.GetsMany`."""
        out: list[int] = []
        for at in range(0, len(cids), bulk.GROUP):
            group = cids[at : at + bulk.GROUP]
            rows: list[Row | None] = [None] * len(group)
            with suppress(IndexDamaged), self._guard:
                rows = self._rows([cid.multihash for cid in group])
            for cid, row in zip(group, rows, strict=True):
                out.append(self.size(cid) if row is None else row.length)
        return out

    def _rows(self, multihashes: Sequence[bytes]) -> list[Row | None]:
        """Return the rows of blocks that are in the index alone; the caller is inside the guard."""
        pending = self._pipe.pending
        rows = self._index.get_many(multihashes)
        # Bytes of what is pending may not be in their segment yet. It stays pending until the index
        # has its row, so the index is asked first: what is in neither is told by `row`.
        return [None if one in pending else row for one, row in zip(multihashes, rows, strict=True)]

    def _segment_fd(self, number: int) -> int | None:
        segment = self._pipe.catalogue.segments.get(number)
        return None if segment is None else self._files.fd(segment)

    def all_at_hand(self, cids: Sequence[Cid], *, public: bool = False) -> bool:
        """See `api.ReadsAtHand`."""
        if self._guard.held:
            return False
        wanted = PUBLIC if public else 0
        pending, index = self._pipe.pending, self._index
        try:
            with self._guard:
                for cid in cids:
                    multihash = cid.multihash
                    entry = pending.get(multihash)
                    row = index.get(multihash) if entry is None else entry.row
                    if row is None or row.flags & (wanted | BAD) != wanted:
                        return False
        except IndexDamaged:
            return False
        return True

    def size(self, cid: Cid) -> int:
        """See `api.GetsBlocks`."""
        inline = cid.inline
        if inline is not None:
            self._guard.check()
            return len(inline)
        row = self.row(cid.multihash)
        if row is None:
            raise BlockMissing(cid)
        return row.length

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        """See `api.HasBlocks`; a block whose bytes were seen to be damaged is not here."""
        answers = []
        for cid in cids:
            if cid.inline is not None:
                self._guard.check()
                answers.append(True)
                continue
            row = self.row(cid.multihash)
            here = row is not None and not row.flags & BAD
            answers.append(here or self.elsewhere(cid.multihash))
        return answers

    def elsewhere(self, multihash: bytes) -> bool:
        """Tell whether the block can be had from outside of the segments: not here."""
        return False

    def row(self, multihash: bytes) -> Row | None:
        """Return where the block lies, and its flags; None when it is not here."""
        while True:
            entry = self._pipe.pending.get(multihash)
            if entry is not None:
                self._guard.check()
                return entry.row
            try:
                with self._guard:
                    return self._index.get(multihash)
            except IndexDamaged as fault:
                self._rebuild(fault)

    def is_public(self, cids: Sequence[Cid]) -> list[bool]:
        """Say for each of *cids* whether everybody may see its block (design §7)."""
        rows = [None if cid.inline is not None else self.row(cid.multihash) for cid in cids]
        return [row is not None and row.flags & (PUBLIC | BAD) == PUBLIC for row in rows]

    def multihashes(self) -> Iterator[bytes]:
        """See `api.ListsBlocks`."""
        for multihash, _row in self.rows():
            yield multihash

    def rows(self) -> Iterator[tuple[bytes, Row]]:
        """Yield every block's multihash and row, as `multihashes` does.

        No iterator is left open in the hands of a slow consumer: whatever is here all along is met
        on some page.
        """
        with self._pipe.io:
            self._pipe.flush_rows()
        after = b""
        while True:
            try:
                with self._guard:
                    page = self._index.page(after)
                for key, value in page:
                    if key == SENTINEL:
                        continue
                    row = index.unpack(key, value)
                    if row is None:
                        raise IndexDamaged(self._index.path, f"a row of {key.hex()} is damaged")
                    yield key, row
                    after = key
            except IndexDamaged as fault:
                self._rebuild(fault)
                continue
            if not page:
                return
            after = page[-1][0]

    def _read(self, cid: Cid, multihash: bytes) -> tuple[bytes, Row | None]:
        """Return the block's bytes, with their row when they come from a file."""
        seen: Row | None = None
        while True:
            entry = self._pipe.pending.get(multihash)
            data = None if entry is None else entry.data
            if data is not None:
                self._guard.check()
                return data, None
            row: Row | None
            try:
                with self._guard:
                    row = self._index.get(multihash) if entry is None else entry.row
                    if row is None:
                        raise BlockMissing(cid)
                    segment = self._pipe.catalogue.segments.get(row.segment)
                    if segment is not None:
                        fd = self._files.fd(segment)
                        return os.pread(fd, row.length, row.offset), row
                    why = "its segment is gone"
            except IndexDamaged as fault:
                self._rebuild(fault)
                continue
            except OSError as fault:
                why = fault.strerror or str(fault)
            if row == seen:
                raise CorruptBlock(cid, why)
            seen = row  # it may have been moved meanwhile: look once more

    def _spoiled(self, multihash: bytes, row: Row) -> None:
        """Remember that a block's bytes are damaged, so that the next put of it heals it."""
        pipe = self._pipe
        with pipe.io:
            pipe.flush_rows()
            if pipe.failed is not None or self._guard.closed:
                return
            with self._guard, pipe.lock:
                if multihash not in pipe.pending and self._index.get(multihash) == row:
                    bad = row._replace(flags=row.flags | BAD)
                    self._index.write([(multihash, index.pack(multihash, *bad))])

    # Writing

    def writer(self, family: Family = Family.OWN) -> "Act":
        """See `api.PutsBlocks`."""
        self._guard.check()
        return Act(self, family)

    def _put(self, act: "Act", blocks: Iterable[Block], found: list[bytes] | None = None) -> None:
        """Put *blocks*; add to *found* the multihashes of those that were here."""
        self._guard.check()
        source = iter(blocks)
        while True:
            group = list(islice(source, _GROUP))
            if not group:
                return
            self._ready(act)
            while True:
                try:
                    with self._guard, self._pipe.lock:
                        for block in group:
                            self._put_one(act, block, found)
                    break
                except IndexDamaged as fault:
                    self._rebuild(fault)  # those of the group that were put are found pending

    def _ready(self, act: "Act") -> None:
        """Raise when nothing can be written; wait while too much is on its way."""
        pipe = self._pipe
        pipe.wait_room()
        if pipe.failed is not None:
            raise WritesFailed(self.path, pipe.failed)
        for segment, end in act.needs.items():
            if segment.limit is not None and end > segment.limit:
                raise WritesFailed(self.path, segment.fault or "a write failed")
        if self._accepted_bytes >= _ROOM_EVERY_BYTES:
            free = disk.free_bytes(self.path)
            if free < self.low_water_bytes:
                raise DiskFull(self.path, free, self.low_water_bytes)
            self._accepted_bytes = 0

    def _put_one(self, act: "Act", block: Block, found: list[bytes] | None) -> None:
        """Put a block unless it is here; the caller holds guard and lock."""
        cid, data = block
        raw = cid.raw
        if raw[0] == 0x12:
            multihash = raw
        else:
            multihash = raw[2:] if raw[1] < 0x80 else cid.multihash
            if multihash[0] == mh.IDENTITY:
                return
        pipe = self._pipe
        family = act.family
        entry = pipe.pending.get(multihash)
        old = self._index.get(multihash) if entry is None else entry.row
        flags = PUBLIC if family is Family.PUBLIC else 0
        if old is not None:
            if not old.flags & BAD and (family is Family.OWN or pipe.catalogue.is_pub(old)):
                act.rely(pipe.catalogue.segments.get(old.segment), old)
                if found is not None:
                    found.append(multihash)
                return
            flags |= old.flags & PUBLIC
        size = len(data)
        if size > frames.MAX_BLOCK_BYTES:
            raise LimitExceeded(f"block {cid}", frames.MAX_BLOCK_BYTES, size)
        act.put_bytes += size
        self._accepted_bytes += size
        cold = act.put_bytes > COLD_BYTES
        made = pipe.put(raw, multihash, data, family, flags, entry or old, cold)
        act.needs[made.segment] = made.offset + size

    def _acknowledge(self, needs: "dict[Segment, int]") -> None:
        """Return when all of *needs* is durable."""
        pipe = self._pipe
        wanted = [(one, end) for one, end in needs.items() if one.synced < end or one.limit]
        if not wanted:
            return
        self._guard.check()
        if any(one.written < end for one, end in wanted):
            with pipe.io:
                pipe.flush()
        for segment, end in wanted:
            try:
                with self._guard:
                    self._syncer.sync(segment, end)
            except OSError as fault:
                if segment.limit == segment.synced:  # the sync failed, not the write before it
                    pipe.fail(fault)
                    self._checkpoints.give_up(segment)
                raise WritesFailed(self.path, str(fault)) from fault
        if pipe.failed is not None and any(one.synced < end for one, end in wanted):
            raise WritesFailed(self.path, pipe.failed)

    def drop(self, cids: Iterable[Cid]) -> int:
        """See `api.DropsBlocks`. The segments keep the bytes until `compact.reclaim` frees them."""
        wanted = iter({cid.multihash for cid in cids if cid.inline is None})
        dropped = 0
        while group := list(islice(wanted, 1000)):
            dropped += self._alter(group, self._drop_group)
        return dropped

    def _alter(self, group: list[bytes], alter: Callable[[list[bytes]], int]) -> int:
        """Call *alter* with guard and lock held, while every row is in the index."""
        pipe = self._pipe
        if pipe.failed is not None:
            self._revive()
        while True:
            try:
                with pipe.io:
                    pipe.flush_rows()
                    if pipe.failed is not None:
                        raise WritesFailed(self.path, pipe.failed)
                    with self._guard, pipe.lock:
                        if not pipe.quiet:
                            continue
                        altered = alter(group)
                    self._checkpoints.when_due()
                    return altered
            except IndexDamaged as fault:
                self._rebuild(fault)

    def _drop_group(self, group: list[bytes]) -> int:
        rows: dict[bytes, Row] = {}
        for multihash in group:
            row = self._index.get(multihash)
            if row is not None:
                rows[multihash] = row
        by_segment: dict[int, list[tuple[int, Row]]] = {}
        for multihash, row in rows.items():
            by_segment.setdefault(row.segment, []).append((index.digest_of(multihash), row))
        with self._pipe.whole:
            self._drop_rows(rows, by_segment)
        return len(rows)

    def _drop_rows(
        self, rows: dict[bytes, Row], by_segment: dict[int, list[tuple[int, Row]]]
    ) -> None:
        catalogue = self._pipe.catalogue
        try:
            # First the note for rebuilds, then the rows: a rebuild in between knows that they went.
            for number, noted in by_segment.items():
                segment = catalogue.segments.get(number)
                if segment is not None:
                    self._files.drop(segment, noted)
            self._index.write((), rows)
        except (JiaoziError, OSError) as fault:
            self._pipe.failed = self._pipe.failed or str(fault)
            raise WritesFailed(self.path, str(fault)) from fault
        for multihash, row in rows.items():
            catalogue.account(multihash, row, None)
        self._pipe.unmarked_rows += len(rows)

    def set_public(self, multihashes: Iterable[bytes], public: bool) -> int:
        """Set or clear the public bit of rows, durably; return how many changed.

        It caches what public roots say of blocks in own segments; blocks of pub segments are
        public by their place, and a rebuild finds them so.
        """
        wanted = iter(multihashes)
        changed = 0
        while group := list(islice(wanted, 1000)):
            changed += self._alter(group, lambda group: self._set_public_group(group, public))
        if changed:
            self.checkpoint()
        return changed

    def _set_public_group(self, group: list[bytes], public: bool) -> int:
        puts = []
        for multihash in dict.fromkeys(group):
            row = self._index.get(multihash)
            if row is None or (not public and self._pipe.catalogue.is_pub(row)):
                continue
            if bool(row.flags & PUBLIC) != public:
                new = row._replace(flags=row.flags ^ PUBLIC)
                puts.append((multihash, index.pack(multihash, *new)))
        try:
            self._index.write(puts)
        except (JiaoziError, OSError) as fault:
            self._pipe.failed = self._pipe.failed or str(fault)
            raise WritesFailed(self.path, str(fault)) from fault
        self._pipe.unmarked_rows += len(puts)
        return len(puts)

    # For collection and fsck

    def since_now(self) -> Callable[[bytes], bool]:
        """See `leases.Dates`: the moment is a position in the segments."""
        pipe = self._pipe
        with pipe.lock:
            catalogue, rebuilds = pipe.catalogue, self.rebuilds
            position = catalogue.position()

        def since(multihash: bytes) -> bool:
            row = self.row(multihash)
            # A rebuild may find an earlier copy, a new start after a failure give a number again.
            if self.rebuilds != rebuilds or pipe.catalogue is not catalogue:
                return True
            return row is not None and not position.before(row)

        return since

    def segments(self) -> list[Segment]:
        """Return the segments by number, live: their counts go on changing."""
        with self._pipe.io:
            self._pipe.flush_rows()
        with self._pipe.lock:
            return [one for _number, one in sorted(self._pipe.catalogue.segments.items())]

    def scan_segment(self, segment: Segment, *, verify: bool = True) -> Iterator[Section | Gap]:
        """Yield the sections and gaps of *segment* as they lie in the file."""
        with self._pipe.io:
            self._pipe.flush()
        with self._guard:
            fd = os.dup(self._files.fd(segment))
        try:
            yield from frames.scan(fd, 0, os.fstat(fd).st_size, verify=verify)
        finally:
            os.close(fd)

    def rewrite(self, segment: Segment) -> int:
        """Copy the live blocks of *segment* to the end of its family; return their bytes.

        A block that doesn't hash to its CID stays where it is, and the segment with it. The old
        copies die; `unlink_dead` frees them.
        """
        pipe = self._pipe
        copied = 0
        sections = self.scan_segment(segment, verify=False)
        while group := list(islice(sections, _GROUP)):
            pipe.wait_room()
            if pipe.failed is not None:
                raise WritesFailed(self.path, pipe.failed)
            with self._guard, pipe.lock:
                for found in group:
                    if not isinstance(found, Section):
                        continue
                    multihash = found.multihash
                    entry = pipe.pending.get(multihash)
                    row = self._index.get(multihash) if entry is None else entry.row
                    if row is None or (row.segment, row.offset) != (segment.number, found.offset):
                        continue
                    data = os.pread(self._files.fd(segment), found.length, found.offset)
                    if row.flags & BAD or not mh.matches(multihash, data):
                        continue
                    segment.closed = True
                    cid = multihash if multihash[:2] == b"\x12\x20" else b"\x01\x55" + multihash
                    flags = row.flags & PUBLIC
                    pipe.put(cid, multihash, data, segment.family, flags, entry or row, cold=True)
                    copied += found.length
        with pipe.io:
            self._checkpoints.now()
        return copied

    def unlink_dead(self) -> int:
        """Remove the segments that no row points into; return the bytes freed.

        The rows that went are durably gone before, and the mark says which files are condemned, so
        that an interrupted removal is finished by the next open.
        """
        pipe = self._pipe
        with pipe.io:
            while True:
                self._guard.check()
                self._checkpoints.now()
                if pipe.failed is not None:
                    raise WritesFailed(self.path, pipe.failed)
                with pipe.lock:
                    if not pipe.quiet:
                        continue
                    dead = [
                        one
                        for one in pipe.catalogue.segments.values()
                        if not one.live_rows and one.created
                    ]
                    for one in dead:
                        one.closed = one.condemned = True
                    break
            if not dead:
                return 0
            self._checkpoints.now()
            if pipe.failed is not None:
                raise WritesFailed(self.path, pipe.failed)
            freed = sum(one.written for one in dead)
            with self._guard, pipe.lock:
                for one in dead:
                    del pipe.catalogue.segments[one.number]
            for one in dead:
                self._files.remove(one)
            disk.fsync_dir(self._files.path)
            return freed

    def reclaim(self) -> int:
        """Free what dropped blocks take up, where it is worth it; return the bytes freed."""
        return compact.reclaim(self)

    def release_ballast(self) -> bool:
        """Free the ballast, so that collection has room on a full disk; tell whether it was there.

        The next checkpoint after volume puts it back.
        """
        return self._checkpoints.release_ballast()

    def checkpoint(self) -> None:
        """Bring every row into the index and the mark up to date."""
        with self._pipe.io, self._guard:
            self._checkpoints.now()

    # Opening and closing

    def _open(self, *, create: bool) -> None:
        rebuilt = opening.open_store(
            self.path, self._files, self._index, self._pipe, self._checkpoints, create=create
        )
        self.rebuilds += rebuilt

    def _rebuild(self, fault: IndexDamaged) -> None:
        """Rebuild the index while the store is open; whoever finds it rebuilt already goes on."""
        pipe = self._pipe
        before = self.rebuilds
        with pipe.io:
            if self.rebuilds != before:
                return
            with self._guard.exclusive():
                pipe.flush()
                with pipe.lock:
                    pipe.discard()
                self._index.close()
                pipe.catalogue = opening.rebuilt(
                    self.path, self._files, self._index, pipe.catalogue
                )
                self._checkpoints.now()
                self.rebuilds += 1

    def _revive(self) -> None:
        """Open the store again after a failure to write.

        Neither LevelDB nor a sync can be asked again once it failed (F9); a new start from the mark
        can. Raises what opening raises when the disk still fails.
        """
        pipe = self._pipe
        with pipe.io:
            if pipe.failed is None:
                return
            why = pipe.failed
            with self._guard.exclusive():
                with pipe.lock:
                    pipe.discard()
                self._index.close()
                self._files.close()
                try:
                    pipe.failed = None
                    self._open(create=False)
                except BaseException:
                    pipe.failed = why
                    raise

    def close(self) -> None:
        """Write what is pending, wait for readers in other threads, release the files."""
        if self._guard.closed:
            return
        pipe = self._pipe
        clean = False
        try:
            with pipe.io:
                self._checkpoints.now_if_needed()
            clean = pipe.failed is None
        finally:
            out = self._guard.close()
            pipe.stop()
            with pipe.lock:
                pipe.discard()
            if out:
                with pipe.io:
                    opening.close_store(
                        self.path, self._index, pipe, clean=clean, reopen_rows=REOPEN_ROWS
                    )
                    self._files.close()

    def _forget(self) -> None:
        self._index.forget()
        self._files.forget()


class Act:
    """One act of writing; see `api.BlockWriter`. *needs*: how far each segment must be durable."""

    def __init__(self, store: SegmentStore, family: Family) -> None:
        self.family = family
        self.needs: dict[Segment, int] = {}
        self.put_bytes = 0
        self._store = store
        self._ended = False

    def __enter__(self) -> "Act":
        if self._store._pipe.failed is not None:
            self._store._revive()
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        self._ended = True
        if kind is None:
            self._store._acknowledge(self.needs)

    def put(self, blocks: Iterable[Block]) -> None:
        """See `api.BlockWriter`."""
        if self._ended:
            raise Misuse("this act of writing has ended")
        self._store._put(self, blocks)

    def put_telling(self, blocks: Iterable[Block]) -> list[bytes]:
        """See `leases.TellsFound`."""
        if self._ended:
            raise Misuse("this act of writing has ended")
        found: list[bytes] = []
        self._store._put(self, blocks, found)
        return found

    def present(self, cids: Sequence[Cid]) -> list[bool]:
        """See `api.BlockWriter`."""
        answers = []
        segments = self._store._pipe.catalogue.segments
        for cid in cids:
            if cid.inline is not None:
                answers.append(True)
                continue
            row = self._store.row(cid.multihash)
            here = row is not None and not row.flags & BAD
            if row is not None and here:
                self.rely(segments.get(row.segment), row)
            answers.append(here or self._store.elsewhere(cid.multihash))
        return answers

    def rely(self, segment: Segment | None, row: Row) -> None:
        """Have the act's end wait until *row*'s block, which another act wrote, is durable."""
        if segment is not None:
            end = row.offset + row.length
            if end > segment.synced and end > self.needs.get(segment, 0):
                self.needs[segment] = end
