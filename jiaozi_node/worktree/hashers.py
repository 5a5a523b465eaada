"""The chunks of one large file read and hashed by several threads, handed back in its order.

Each worker reads its own piece with ``pread`` and hashes it while it is warm in the cache; hashlib
and ``pread`` let go of the GIL, so that cores hash side by side. At most `WINDOW` pieces for each
worker are on their way: memory stays constant.
"""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from jiaozi_node.dag.crew import Crew, Task

Made = TypeVar("Made")

WINDOW = 3  # pieces for each worker, counting the one it works on


def in_order(crew: Crew, make: Callable[[int, int], Made], size: int, piece: int) -> Iterator[Made]:
    """Yield ``make(offset, length)`` of every piece of *size* bytes, in order.

    An exception of *make* is raised here. When the caller stops early, what is under way is waited
    for, so that *make* never works on what the caller has closed.
    """
    coming: deque[Task[Made]] = deque()
    at = 0
    try:
        while at < size or coming:
            while at < size and len(coming) < WINDOW * crew.workers:
                coming.append(crew.begin(partial(make, at, min(piece, size - at))))
                at += piece
            yield coming.popleft().result()
    finally:
        for task in coming:
            task.skip()
        for task in coming:
            task.done.acquire()
