"""Group commit: acts that end at the same time share one fdatasync."""

import threading

from jiaozi_node.stores.segments import disk
from jiaozi_node.stores.segments.files import Files, Segment


class Syncer:
    """Makes segments durable up to a position, for many threads at once."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._done = threading.Condition(threading.Lock())

    def sync(self, segment: Segment, position: int) -> None:
        """Return when all below *position*, which must be written, survives a power cut.

        Raises ``OSError`` when it can't be promised: now, nor by asking this segment again, since
        the kernel reports a lost page once (research/reliability.md §2).
        """
        with self._done:
            while True:
                if segment.limit is not None and position > segment.limit:
                    raise OSError(segment.fault)
                if segment.synced >= position:
                    return
                if segment.written < position:
                    raise OSError("what was put was not written")
                if not segment.syncing:
                    break
                self._done.wait()
            segment.syncing = True
            reached = segment.written
        try:
            disk.fdatasync(self._files.fd(segment))
        except OSError as fault:
            with self._done:
                segment.fault = segment.fault or str(fault)
                segment.limit, segment.closed = segment.synced, True
            raise
        else:
            segment.synced = max(segment.synced, reached)
        finally:
            with self._done:
                segment.syncing = False
                self._done.notify_all()
