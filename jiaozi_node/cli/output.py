"""What a terminal shows: values as text or JSON, errors as one line, families as exit codes.

This is the one place where errors become exit codes (design §7).
"""

import contextlib
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

from jiaozi_node import errors
from jiaozi_node.commands.shown import quoted

if TYPE_CHECKING:
    from jiaozi_node.cli.rendering import Takes

EXIT_CODES: dict[type[errors.JiaoziError], int] = {
    errors.Conflict: 1,
    errors.Misuse: 2,
    errors.Malformed: 2,
    errors.NotFound: 3,
    errors.Unavailable: 4,
    errors.Refused: 5,
    errors.Corrupt: 6,
    errors.Locked: 7,
}

_PIPE_BYTES = 1024 * 1024


def exit_code(error: errors.JiaoziError) -> int:
    """Return the exit code of the error's family."""
    for family in type(error).__mro__:
        code = EXIT_CODES.get(family)
        if code is not None:
            return code
    return 1


def standard_output() -> BinaryIO:
    """Return the process's standard output for bytes."""
    return sys.stdout.buffer


def widen_pipe(out: BinaryIO) -> None:
    """Let a pipe hold a whole block, so that writer and reader wait less for each other."""
    import fcntl

    wider = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux
    if wider is not None:
        with contextlib.suppress(OSError):  # not a pipe, or beyond what this user may
            fcntl.fcntl(out.fileno(), wider, _PIPE_BYTES)


def write_text(out: "Takes", text: str) -> None:
    """Write *text*, in which bytes that are not UTF-8 come out as they were."""
    out.write(text.encode("utf-8", "surrogateescape"))


def write_json(out: "Takes", value: Any) -> None:  # noqa: ANN401 - JSON
    """Write *value* as one line of JSON."""
    from jiaozi_node.commands.json_text import line

    out.write(line(value))


def complain(program: str, message: str) -> None:
    """Write one line to standard error."""
    line = f"{program}: {quoted(message)}\n"
    sys.stderr.buffer.write(line.encode("utf-8", "surrogateescape"))
    sys.stderr.buffer.flush()


def remark(message: str) -> None:
    """Write a further line to standard error, behind what was complained of."""
    sys.stderr.buffer.write(f"{quoted(message)}\n".encode("utf-8", "surrogateescape"))
    sys.stderr.buffer.flush()
