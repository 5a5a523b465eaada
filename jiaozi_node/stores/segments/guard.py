"""Who is inside the store: so that nothing is closed in use, nor used after a fork.

plyvel crashes the process when a database is closed under a reader (research/reliability.md F4),
and a closed descriptor's number soon names another file. ``with guard:`` counts a user in and out;
`close` and `exclusive` let nobody in and wait until all are out.
"""

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jiaozi_node.errors import Locked, Misuse, Unavailable

WAIT_S = 30.0

_registry_lock = threading.Lock()
_open: "weakref.WeakValueDictionary[str, Guard]" = weakref.WeakValueDictionary()


class Guard:
    """Admission to the store at *path*; a path that is open in this process is refused."""

    def __init__(self, path: str) -> None:
        self._place = os.path.realpath(path)
        self._idle = threading.Condition(threading.Lock())
        self._users = 0
        self._held = False
        self._closed: str | None = None
        self._later: list[Callable[[], None]] = []
        # Called in a forked child, which must forget the parent's files without closing them.
        self.forget: Callable[[], None] | None = None
        with _registry_lock:
            if self._place in _open:
                raise Locked(f"the block store {path} is open in this process already")
            _open[self._place] = self

    @property
    def closed(self) -> bool:
        """Whether nobody is let in any more."""
        return self._closed is not None

    @property
    def held(self) -> bool:
        """Whether somebody is inside alone, so that entering would have to wait."""
        return self._held

    def check(self) -> None:
        """Raise `Misuse` when the store is closed."""
        if self._closed is not None:
            raise Misuse(f"the block store is closed{self._closed}")

    def __enter__(self) -> None:
        with self._idle:
            while self._held and self._closed is None:
                self._idle.wait()
            self.check()
            self._users += 1

    def __exit__(self, *raised: object) -> None:
        with self._idle:
            self._users -= 1
            if not self._users:
                if self._later:
                    self._run_later()
                self._idle.notify_all()

    def when_idle(self, action: Callable[[], None]) -> None:
        """Call *action* as soon as nobody is inside: at once, or when the last user leaves."""
        with self._idle:
            self._later.append(action)
            if not self._users:
                self._run_later()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Be inside alone; the caller is no user. Raises `Unavailable` when users don't leave."""
        with self._idle:
            while self._held and self._closed is None:
                self._idle.wait()
            self.check()
            self._held = True
            if not self._idle.wait_for(lambda: not self._users, WAIT_S):
                self._held = False
                self._idle.notify_all()
                raise Unavailable("the block store is busy: a reader does not come back")
        try:
            yield
        finally:
            with self._idle:
                self._held = False
                self._idle.notify_all()

    def close(self) -> bool:
        """Let nobody in any more and wait for those inside; False when one never came out."""
        with self._idle:
            if self._closed is None:
                self._closed = ""
            out = self._idle.wait_for(lambda: not self._users and not self._held, WAIT_S)
            if out:
                self._run_later()
        with _registry_lock:
            if _open.get(self._place) is self:
                del _open[self._place]
        return out

    def poison(self) -> None:
        """Close it for a forked child, whatever state the parent's threads were in."""
        self._idle = threading.Condition(threading.Lock())
        self._closed = self._closed or " in a forked process: open it anew"
        if self.forget is not None:
            self.forget()

    def _run_later(self) -> None:
        later, self._later = self._later, []
        for action in later:
            action()


def _poison_in_child() -> None:
    global _registry_lock
    _registry_lock = threading.Lock()
    for guard in list(_open.values()):
        guard.poison()
    _open.clear()


os.register_at_fork(after_in_child=_poison_in_child)
