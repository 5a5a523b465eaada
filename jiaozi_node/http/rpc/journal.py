"""What the RPC was asked lately: `ipfs diag cmds` tells it.

Arguments of commands that take secrets are not kept, here or anywhere.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

KEPT_S: Final = 3600.0
MAX_ENTRIES: Final = 1000
MAX_TEXT_CHARS: Final = 256
_NEVER: Final = "0001-01-01T00:00:00Z"


@dataclass(slots=True)
class Entry:
    """One request; *ended* is None while it is at work."""

    number: int
    command: str
    args: tuple[str, ...]
    options: Mapping[str, Any]
    begun: float
    ended: float | None = None

    def row(self) -> dict[str, Any]:
        """Return it as Kubo has it."""
        return {
            "StartTime": _stamp(self.begun),
            "EndTime": _NEVER if self.ended is None else _stamp(self.ended),
            "Active": self.ended is None,
            "Command": self.command,
            "Options": dict(self.options),
            "Args": list(self.args),
            "ID": self.number,
        }


class Journal:
    """The requests of the last hour, at most `MAX_ENTRIES`; any thread may ask."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._count = 0
        self._kept_s = KEPT_S
        self._due = math.inf  # before this moment nothing is old enough to be forgotten
        self._lock = threading.Lock()

    @contextmanager
    def noting(
        self, command: str, args: Sequence[str], options: Mapping[str, Any]
    ) -> Iterator[None]:
        """Hold a request as under way for the ``with``."""
        with self._lock:
            entry = Entry(
                self._count,
                command,
                tuple(arg[:MAX_TEXT_CHARS] for arg in args[:100]),
                {name: _short(value) for name, value in options.items()},
                self._now(),
            )
            self._entries[self._count] = entry
            self._count += 1
            while len(self._entries) > MAX_ENTRIES:
                self._entries.popitem(last=False)
        try:
            yield
        finally:
            with self._lock:
                entry.ended = self._now()
                self._due = min(self._due, entry.ended + self._kept_s)
                self._forget()

    def rows(self) -> list[dict[str, Any]]:
        """Return the entries, oldest first."""
        with self._lock:
            self._forget()
            return [entry.row() for entry in self._entries.values()]

    def clear(self) -> None:
        """Forget all that has ended."""
        with self._lock:
            self._drop(lambda entry: entry.ended is not None)

    def keep(self, seconds: float) -> None:
        """Forget what ended more than so many seconds ago, from now on."""
        with self._lock:
            self._kept_s = seconds
            self._due = -math.inf
            self._forget()

    def _forget(self) -> None:
        now = self._now()
        if now <= self._due:
            return
        limit = now - self._kept_s
        self._drop(lambda entry: entry.ended is not None and entry.ended < limit)
        ended = [entry.ended for entry in self._entries.values() if entry.ended is not None]
        self._due = min(ended, default=math.inf) + self._kept_s

    def _drop(self, out: Callable[[Entry], bool]) -> None:
        for number in [number for number, entry in self._entries.items() if out(entry)]:
            del self._entries[number]


def _short(value: Any) -> Any:  # noqa: ANN401 - of an option
    if isinstance(value, str):
        return value[:MAX_TEXT_CHARS]
    return list(value) if isinstance(value, tuple) else value


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
