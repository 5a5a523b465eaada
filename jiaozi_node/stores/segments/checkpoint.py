"""Checkpoints: segments, then the index's logs, then `index.mark`, each durable before the next.

One is due every 64 MiB of segments or 50,000 rows, when a segment is full, and on close (design
§3). The caller holds the pipeline's ``io``. Here too the ballast is kept: a file that takes up
room until a full disk has to be worked on.
"""

import os

from jiaozi_node.stores.segments import disk
from jiaozi_node.stores.segments.catalogue import Catalogue
from jiaozi_node.stores.segments.files import Segment
from jiaozi_node.stores.segments.mark import Mark, encode
from jiaozi_node.stores.segments.pipeline import Pipeline
from jiaozi_node.stores.segments.sync import Syncer

EVERY_BYTES = 64 * 1024 * 1024
EVERY_ROWS = 50_000
MARK = "index.mark"
BALLAST = "ballast"
_ROOM_FOR_BALLAST = 4  # it is made only where it takes up a quarter of what is free, or less


class Checkpoints:
    """Takes the checkpoints of the store in *path*."""

    def __init__(self, path: str, pipe: Pipeline, syncer: Syncer, ballast_bytes: int) -> None:
        self._path, self._pipe, self._syncer = path, pipe, syncer
        self._ballast_bytes = ballast_bytes

    def when_due(self) -> None:
        """Take one if enough was written."""
        pipe = self._pipe
        if (
            pipe.rolled
            or pipe.unmarked_bytes >= EVERY_BYTES
            or pipe.unmarked_rows + len(pipe.pending) >= EVERY_ROWS
        ):
            volume = pipe.unmarked_bytes >= EVERY_BYTES
            self._take(flush=False)
            if volume:
                self._keep_ballast()

    def now_if_needed(self) -> None:
        """Take one unless the mark says already all there is to say."""
        pipe = self._pipe
        pipe.flush_rows()
        if pipe.unmarked_bytes or pipe.unmarked_rows or pipe.rolled:
            self.now()

    def now(self) -> None:
        """Bring all that was put under the mark."""
        self._take(flush=True)

    def _take(self, *, flush: bool) -> None:
        pipe = self._pipe
        if flush:
            pipe.flush_rows()
        else:
            pipe.write_rows()
        if pipe.failed is None:
            with pipe.whole:
                self._mark()

    def _mark(self) -> None:
        pipe = self._pipe
        with pipe.lock:
            pipe.rolled = False
            segments = list(pipe.catalogue.segments.values())
            ends = {one.number: one.written for one in segments if one.created}
        try:
            for one in segments:
                if one.synced < one.written and one.created:
                    self._syncer.sync(one, one.written)
            pipe.files.sync_drops()
            pipe.index.sync()
            write_mark(self._path, pipe.catalogue, pipe.catalogue.mark(ends))
        except OSError as fault:
            pipe.fail(fault)
            return
        for one in segments:
            one.marked = ends.get(one.number, 0)
        pipe.unmarked_bytes = pipe.unmarked_rows = 0
        for segment, at, size in pipe.cold:
            disk.forget(pipe.files.fd(segment), at, size)
        pipe.cold.clear()
        for one in segments:
            if one.closed and one.synced >= one.tail:
                pipe.files.settled(one)

    def give_up(self, segment: Segment) -> None:
        """Note that *segment* can't be synced any more: what follows its limit is no block's place.

        The next open would find those bytes in the page cache and believe them, though the disk
        may never have seen them.
        """
        pipe = self._pipe
        with pipe.io:
            mark = pipe.catalogue.given_up(segment)
            if mark is None:
                return
            try:
                write_mark(self._path, pipe.catalogue, mark)
            except OSError:
                return  # the disk is failing; the store is closed to writes in any case

    def release_ballast(self) -> bool:
        """Remove the ballast; tell whether it was there."""
        path = os.path.join(self._path, BALLAST)
        there = os.path.exists(path)
        disk.unlink(path)
        return there

    def _keep_ballast(self) -> None:
        path = os.path.join(self._path, BALLAST)
        size = self._ballast_bytes
        if os.path.exists(path) or disk.free_bytes(self._path) < _ROOM_FOR_BALLAST * size:
            return
        try:
            disk.reserve(path, size)
        except OSError:
            disk.unlink(path)


def write_mark(path: str, catalogue: Catalogue, mark: Mark) -> None:
    """Write *mark* as the last one of *catalogue*."""
    disk.replace(os.path.join(path, MARK), encode(mark))
    catalogue.last = mark
