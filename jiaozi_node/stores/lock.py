"""One process owns a node home: a ``flock`` on ``repo.lock``, taken before any store opens.

LevelDB's own lock can't be relied on: a second open in the same process, or anybody who opens and
closes its ``LOCK``, releases it silently (research/reliability.md F3). So this file descriptor is
held for life, the open homes of the process are kept in a registry, and nothing else opens the file
but to read the holder's pid.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from jiaozi_node.errors import Locked

NAME = "repo.lock"
_PAUSE_S = 0.02

_registry_lock = threading.Lock()
_held: dict[Path, "HomeLock"] = {}


class HomeLocked(Locked):
    """The node home at *home* is in use by the process *pid*; None when it didn't say."""

    def __init__(self, home: Path, pid: int | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        if pid == os.getpid():
            who = f"this process ({pid})"
        super().__init__(f"the node home {home} is in use by {who}")
        self.home, self.pid = home, pid


@contextmanager
def directory_held(path: Path) -> Iterator[None]:
    """Hold the directory *path* for the ``with``: threads and processes that ask for it wait.

    For what is done in a moment; a home is held by `HomeLock`.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


class HomeLock:
    """The right to open the stores of *home*, from construction until `release`.

    Waits up to *wait_s* for another holder to let go, then raises `HomeLocked`. A home that this
    process holds already is refused at once.
    """

    def __init__(
        self,
        home: Path,
        wait_s: float = 0.0,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.home = home.resolve()
        self._fd = -1
        with _registry_lock:
            if self.home in _held:
                raise HomeLocked(home, os.getpid())
            _held[self.home] = self  # holds the place while we wait for other processes
        try:
            self._fd = self._acquire(home, wait_s, now, sleep)
        except BaseException:
            with _registry_lock:
                del _held[self.home]
            raise

    def _acquire(
        self, home: Path, wait_s: float, now: Callable[[], float], sleep: Callable[[float], None]
    ) -> int:
        fd = os.open(home / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            deadline = None
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    moment = now()
                    deadline = moment + wait_s if deadline is None else deadline
                    if moment >= deadline:
                        raise HomeLocked(home, _pid_in(fd)) from None
                    sleep(min(_PAUSE_S, deadline - moment))
            os.ftruncate(fd, 0)
            os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def release(self) -> None:
        """Let the home go; doing so twice is harmless. The file stays: to unlink it would race."""
        with _registry_lock:
            if self._fd < 0:
                return
            os.close(self._fd)
            self._fd = -1
            _held.pop(self.home, None)

    def __enter__(self) -> "HomeLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _pid_in(fd: int) -> int | None:
    """Return the pid a holder wrote; None in the moment before it did."""
    text = os.pread(fd, 32, 0).strip()
    return int(text) if text.isdigit() else None


def _forget_in_child() -> None:
    """Close a forked child's copies: they would keep the lock held when the parent has died.

    Closing doesn't unlock for the parent, whose descriptor keeps the same open file.
    """
    global _registry_lock
    _registry_lock = threading.Lock()
    for lock in _held.values():
        if lock._fd >= 0:
            os.close(lock._fd)
            lock._fd = -1
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)
