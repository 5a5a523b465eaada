"""A few threads that take tasks in order, each of which keeps what it made until it is asked for.

For work that lets go of the interpreter's lock, so that cores do it side by side: reading a file,
hashing. Much lighter to load than ``concurrent.futures``, which brings logging along.
"""

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, TypeVar

Made = TypeVar("Made")

MAX_WORKERS = 4


class Task(Generic[Made]):
    """Something that is to be made once, by whichever thread gets to it."""

    __slots__ = ("_fault", "_made", "_make", "_skipped", "done")

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make: Callable[[], Made] | None = make
        self._made: list[Made] = []
        self._fault: BaseException | None = None
        self._skipped = False
        self.done = threading.Lock()  # held until it is made
        self.done.acquire()

    def __call__(self) -> None:
        """Make it, unless nobody wants it any more; never raises."""
        make, self._make = self._make, None
        try:
            if make is not None and not self._skipped:
                self._made.append(make())
        except BaseException as fault:  # noqa: BLE001 - raised again in the caller's thread
            self._fault = fault
        finally:
            self.done.release()

    def skip(self) -> None:
        """Don't begin, if it hasn't begun."""
        self._skipped = True

    def result(self) -> Made:
        """Wait until it is made and hand it over, or raise what making it raised; once."""
        self.done.acquire()
        if self._fault is not None:
            raise self._fault
        return self._made.pop()


class Crew:
    """Daemon threads, started with the first task. Use as a context manager."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = available() if workers is None else workers
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def begin(self, make: Callable[[], Made]) -> Task[Made]:
        """Have *make* called by the next thread that is free."""
        if not self._threads:
            for number in range(self.workers):
                thread = threading.Thread(target=self._work, name=f"crew-{number}", daemon=True)
                thread.start()
                self._threads.append(thread)
        task = Task(make)
        self._tasks.put(task)
        return task

    def __enter__(self) -> "Crew":
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

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            if task is None:
                return
            task()
            del task  # what it made belongs to whoever asked


def available() -> int:
    """Return how many workers this process may keep busy."""
    return min(MAX_WORKERS, len(os.sched_getaffinity(0)) if _HAS_AFFINITY else os.cpu_count() or 1)


_HAS_AFFINITY = hasattr(os, "sched_getaffinity")
