"""Threads that read and hash the chunks of one large file, handed back in the file's order.

Each worker reads its own piece with ``pread`` and hashes it while it is warm in the cache; hashlib
and ``pread`` let go of the GIL, so that cores hash side by side. At most `WINDOW` pieces for each
worker are on their way: memory stays constant.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, TypeVar

Made = TypeVar("Made")

MAX_WORKERS = 4
WINDOW = 3  # pieces for each worker, counting the one it works on


class Hashers(Generic[Made]):
    """A few daemon threads, started when first needed. Use as a context manager."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = available() if workers is None else workers
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def in_order(self, make: Callable[[int, int], Made], size: int, piece: int) -> Iterator[Made]:
        """Yield ``make(offset, length)`` of every piece of *size* bytes, in order.

        An exception of *make* is raised here. When the caller stops early, what is under way is
        waited for, so that *make* never works on what the caller has closed.
        """
        if not self._threads:
            self._start()
        coming: deque[_Task[Made]] = deque()
        at = 0
        try:
            while at < size or coming:
                while at < size and len(coming) < WINDOW * self.workers:
                    task = _Task(make, at, min(piece, size - at))
                    coming.append(task)
                    self._tasks.put(task)
                    at += piece
                yield coming.popleft().result()
        finally:
            for task in coming:
                task.skip()
            for task in coming:
                task.done.acquire()

    def __enter__(self) -> "Hashers[Made]":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _start(self) -> None:
        for number in range(self.workers):
            thread = threading.Thread(target=self._work, name=f"hasher-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            if task is None:
                return
            task()


class _Task(Generic[Made]):
    """One piece on its way."""

    __slots__ = ("_fault", "_made", "_make", "_skipped", "_span", "done")

    def __init__(self, make: Callable[[int, int], Made], offset: int, length: int) -> None:
        self._make, self._span = make, (offset, length)
        self._made: list[Made] = []
        self._fault: BaseException | None = None
        self._skipped = False
        self.done = threading.Lock()
        self.done.acquire()

    def __call__(self) -> None:
        try:
            if not self._skipped:
                self._made.append(self._make(*self._span))
        except BaseException as fault:  # noqa: BLE001 - raised again in the caller's thread
            self._fault = fault
        finally:
            self.done.release()

    def skip(self) -> None:
        """Don't begin, if it hasn't begun."""
        self._skipped = True

    def result(self) -> Made:
        """Wait for the piece."""
        self.done.acquire()
        if self._fault is not None:
            raise self._fault
        return self._made[0]


def available() -> int:
    """Return how many workers this process may keep busy."""
    return min(MAX_WORKERS, len(os.sched_getaffinity(0)) if _HAS_AFFINITY else os.cpu_count() or 1)


_HAS_AFFINITY = hasattr(os, "sched_getaffinity")
