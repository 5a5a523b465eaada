"""Where a name stood before, by its reflog (``specs/refs.md`` §6.5–§6.7).

Entries come newest first. What was forgotten, or was never recorded, is an error and not a guess.
"""

import re
from collections.abc import Iterable
from datetime import UTC

from jiaozi_node.errors import NotFound
from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning.reflog import Entry

# What ``switch`` and ``checkout`` write into the reflog of HEAD.
_SWITCHED = re.compile(r"(?:switch|checkout): from (\S+) to ")


class NoMove(NotFound):
    """A reflog doesn't tell what a revision asks for."""

    def __init__(self, text: str, why: str) -> None:
        shown = text if len(text) <= 80 else text[:79] + "…"
        super().__init__(f"{shown!r} names no commit: {why}")
        self.text, self.why = text, why


def switched(came_from: str, to: str) -> str:
    """Return the line by which the reflog of HEAD tells of a switch."""
    return f"switch: from {came_from} to {to}"


def counted(entries: Iterable[Entry], n: int, current: Cid | None, text: str) -> Cid:
    """Return what a name stood for *n* moves ago; *current* is what it stands for now."""
    if n == 0 and current is not None:
        return current
    oldest: Entry | None = None
    count = 0
    for entry in entries:
        if count == n:
            return _made(entry, text)
        oldest, count = entry, count + 1
    if oldest is not None and count == n and oldest.old is not None:
        return oldest.old
    raise NoMove(text, f"its reflog has {count} move{'' if count == 1 else 's'}, from @{{0}}")


def dated(entries: Iterable[Entry], moment: int, current: Cid | None, text: str) -> Cid:
    """Return what a name stood for at *moment*, Unix seconds."""
    oldest: Entry | None = None
    for entry in entries:
        if entry.note.time <= moment:
            if oldest is None and current is not None:
                return current
            return _made(entry, text)
        oldest = entry
    if oldest is None:
        raise NoMove(text, "its reflog is empty")
    raise NoMove(text, f"its reflog begins later, at {_shown(oldest.note.time)}")


def came_from(entries: Iterable[Entry], n: int, text: str) -> str:
    """Return the branch, or the CID as text, that HEAD was at before the *n*-th last switch."""
    count = 0
    for entry in entries:
        found = _SWITCHED.match(entry.note.why)
        if found is not None:
            count += 1
            if count == n:
                return found[1]
    raise NoMove(text, f"HEAD was switched {count} time{'' if count == 1 else 's'} so far")


def _made(entry: Entry, text: str) -> Cid:
    if entry.new is None:
        bare = entry.old is None
        raise NoMove(text, "that move is forgotten" if bare else "it was deleted by that move")
    return entry.new


def _shown(time_s: int) -> str:
    from datetime import datetime  # noqa: PLC0415 - only for an error

    try:
        return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return f"@{time_s}"
