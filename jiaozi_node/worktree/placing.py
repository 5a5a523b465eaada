"""Files that were written take their places while the next ones are being written.

Where a file takes another's place, ext4 sends its data to the disk first, so that a power cut
leaves one of both. That takes as long as making the file; threads wait for it.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeAlias

Parts: TypeAlias = tuple[str, ...]
# Puts the file open at a descriptor, called so in the directory of another one, in its place.
Place: TypeAlias = Callable[[int, str, Parts, int], os.stat_result | None]

_THREADS = 2
_AHEAD = 64  # files written and not in their places, each with two descriptors


class Placing:
    """Calls *place* in threads; *placed* is told, by who adds, what that returned.

    After a fault no file takes its place any more, and the next call raises it.
    """

    def __init__(self, place: Place, placed: Callable[[Parts, os.stat_result], None]) -> None:
        self._place, self._placed = place, placed
        self._work: SimpleQueue[tuple[int, str, Parts, int] | None] = SimpleQueue()
        self._room = threading.Semaphore(_AHEAD)
        self._done: deque[tuple[Parts, os.stat_result]] = deque()
        self._fault: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._run, name="placing", daemon=True) for _ in range(_THREADS)
        ]
        for thread in self._threads:
            thread.start()

    def add(self, here: int, temp: str, parts: Parts, fd: int) -> None:
        """Take the file open at *fd*, which is closed behind it; *here* stays the caller's."""
        self._room.acquire()
        self._work.put((os.dup(here), temp, parts, fd))
        self._tell()
        if self._fault is not None:
            raise self._fault

    def close(self) -> BaseException | None:
        """Wait until all is in its place; return what kept it from that. To be called once."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()
        self._tell()
        return self._fault

    def _tell(self) -> None:
        while self._done:
            self._placed(*self._done.popleft())

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            here, temp, parts, fd = item
            try:
                if self._fault is None:
                    found = self._place(here, temp, parts, fd)
                    temp = ""
                    if found is not None:
                        self._done.append((parts, found))
            except BaseException as fault:  # noqa: BLE001 - raised by who adds
                self._fault = self._fault or fault
            finally:
                os.close(fd)
                if temp:
                    with suppress(OSError):
                        os.unlink(temp, dir_fd=here)
                os.close(here)
                self._room.release()
