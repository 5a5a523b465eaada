"""The node's log: levels by subsystem under go-log's names, one line an entry, as text or JSON.

A subsystem is a package of ours (``http``, ``node``); others that are named get a level of their
own too. What is logged comes from anywhere, so control characters are escaped: an entry is a line.
"""

import contextlib
import json
import logging
import queue
import threading
import time
from collections.abc import Iterator
from typing import Final

from jiaozi_node.errors import Misuse, NotFound, Unavailable

OURS: Final = "jiaozi_node"
MAX_NAME_CHARS: Final = 64
MAX_NAMES: Final = 256
SUBSYSTEMS: Final = (
    "cli", "commands", "dag", "exchange", "formats", "http", "network", "node", "stores", "unixfs",
    "versioning", "worktree",
)  # fmt: skip
_LEVELS: Final = {  # go-log's; what Go panics for we only log
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "dpanic": logging.CRITICAL,
    "panic": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}
_NAMES: Final = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warn",
    logging.ERROR: "error",
    logging.CRITICAL: "fatal",
}
MAX_TAILS: Final = 8  # who reads the log holds a worker
_TAILED: Final = 1024  # entries that who reads the log may be behind
_tails = threading.BoundedSemaphore(MAX_TAILS)
_named: dict[str, int] = {}  # levels of subsystems that have one of their own


def level_named(text: str) -> int:
    """Return the level called *text*; raises `Misuse` in go-log's words."""
    level = _LEVELS.get(text.strip().lower())
    if level is None:
        raise Misuse(f'unrecognized level: "{text[:32]}"')
    return level


def default() -> str:
    """Return the level of subsystems without one of their own."""
    return _NAMES.get(logging.getLogger(OURS).level, "error")


def names() -> list[str]:
    """Return the subsystems, sorted."""
    return sorted({*SUBSYSTEMS, *_named})


def levels() -> dict[str, str]:
    """Return the level of every subsystem, with the default's under ``(default)``."""
    return {"(default)": default(), **{name: of(name) for name in names()}}


def of(name: str) -> str:
    """Return the level of one subsystem; raises `NotFound`."""
    if name not in SUBSYSTEMS and name not in _named:
        raise NotFound("error: No such logger")
    return _NAMES[_named[name]] if name in _named else default()


def change(name: str, level: str) -> str:
    """Set the level of *name*, ``*`` meaning all; return the level's name as go-log tells it."""
    if level == "default":
        level = default()
        if name == "*":
            return level
    number = level_named(level)
    if name == "*":
        for one in _named:
            _logger(one).setLevel(logging.NOTSET)
        _named.clear()
        logging.getLogger(OURS).setLevel(number)
        logging.getLogger().setLevel(number)
        return level
    if len(name) > MAX_NAME_CHARS or (name not in _named and len(_named) >= MAX_NAMES):
        raise Misuse(f"no more subsystems: {MAX_NAMES} of {MAX_NAME_CHARS} characters are the most")
    _named[name] = number
    _logger(name).setLevel(number)
    return level


def set_up(text: str) -> None:
    """Set the levels that *text* names: ``error``, or ``error,http=debug``; raises `Misuse`."""
    first, *others = text.split(",")
    change("*", first)
    for one in others:
        name, equals, level = one.partition("=")
        if not equals:
            raise Misuse(f"a log level is {one[:32]!r}: write LEVEL,SUBSYSTEM=LEVEL,…")
        change(name.strip(), level)


def _logger(name: str) -> logging.Logger:
    return logging.getLogger(f"{OURS}.{name.replace('/', '.')}")


def tail(level: int = logging.NOTSET) -> Iterator[str]:
    """Yield entries of *level* and above as they are logged, as JSON.

    While there are none it yields "" about once a second.
    """
    if not _tails.acquire(blocking=False):
        raise Unavailable(f"the log is read by {MAX_TAILS} clients, which is the limit")
    handler = _Queued()
    handler.setLevel(level)
    logging.getLogger().addHandler(handler)
    try:
        while True:
            try:
                yield handler.entries.get(timeout=1.0)
            except queue.Empty:
                yield ""
    finally:
        logging.getLogger().removeHandler(handler)
        _tails.release()


class _Queued(logging.Handler):
    """Keeps entries until they are read; drops the newest when nobody does."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: queue.Queue[str] = queue.Queue(_TAILED)
        self.setFormatter(AsJson())

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):
            self.entries.put_nowait(self.format(record) + "\n")


class AsText(logging.Formatter):
    """``2026-11-24T13:47:21.123Z	ERROR	http.rpc.work	cat failed``, a traceback behind it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry as lines: the first is all that was said."""
        said = _one_line(record.getMessage())
        text = f"{_moment(record)}\t{record.levelname}\t{_subsystem(record)}\t{said}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


class AsJson(logging.Formatter):
    """One JSON object a line, with go-log's keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry as one line."""
        entry = {
            "level": _NAMES.get(record.levelno, "error"),
            "ts": _moment(record),
            "logger": _subsystem(record),
            "msg": record.getMessage(),
        }
        if record.exc_info:
            entry["stacktrace"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=True, separators=(",", ":"))


def _moment(record: logging.LogRecord) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{whole}.{int(record.msecs):03d}Z"


def _subsystem(record: logging.LogRecord) -> str:
    return record.name.removeprefix(OURS + ".")


def _one_line(text: str) -> str:
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "replace").decode()
        for one in text
    )
