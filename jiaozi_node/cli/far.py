"""A command that only the holder of the home can do, done by its daemon and shown here."""

import json
import os
from collections.abc import Iterator
from typing import Any, BinaryIO

from jiaozi_node.commands.declare import Call, Command, ExitCode, FileSource
from jiaozi_node.node.daemon_home import DaemonHome


def values(command: Command, call: Call, home: DaemonHome) -> Iterator[Any]:
    """Yield what the handler of *command* yields in the daemon."""
    given = {
        "args": _plain(call.args),
        "options": _plain(call.options),
        "explicit": sorted(call.explicit),
        "globals": _plain(call.globals),
        "progress": call.progress.shown,
        "text": call.rendered_text,
        "files": call.files is not None,
    }
    content = None if call.files is None else _Content(call.files)
    for kind, value in home.run(command.path, given, content):
        if kind == "json":
            yield json.loads(value)
        elif kind == "bytes":
            yield value
        elif kind == "exit":
            yield ExitCode(value)
        elif kind == "note":
            call.note(value)
        elif kind == "done":
            call.progress(*value)
        elif kind == "expect":
            call.progress.expect(value)


class _Content:
    """The content given to a command, as the daemon asks for it."""

    def __init__(self, files: FileSource) -> None:
        self._streams = files.streams()
        self._open: BinaryIO | None = None

    def next(self) -> str | None:
        """Go on to the next file; return its name, None when there is none."""
        name, self._open = next(self._streams, (None, None))
        return name

    def read(self, size: int) -> bytes:
        """Return up to *size* bytes of it, b"" at its end."""
        return b"" if self._open is None else self._open.read(size)


def _plain(value: Any) -> Any:  # noqa: ANN401 - of many types
    """Return *value* as DAG-CBOR has it: lists for tuples, bytes for what is no UTF-8."""
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, str) and not value.isascii():
        data = os.fsencode(value)
        return value if value == data.decode("utf-8", "replace") else data
    return value
