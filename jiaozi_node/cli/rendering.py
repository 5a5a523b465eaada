"""What a handler yields, as bytes on a stream: JSON, a command's text, or the bytes themselves."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from jiaozi_node.cli import output
from jiaozi_node.cli.memory import LARGE_BYTES
from jiaozi_node.commands.declare import Call, Command, ExitCode, Length


class Takes(Protocol):
    """Where bytes go."""

    def write(self, data: bytes | bytearray | memoryview, /) -> object:
        """Take *data*."""
        ...


def render(
    command: Command,
    call: Call,
    values: Iterator[Any],
    out: Takes,
    *,
    as_json: bool,
    before_text: Callable[[], None],
    when_large: Callable[[], None],
) -> int:
    """Write *values* to *out*; return the exit code.

    *before_text* is called ahead of lines, *when_large* once behind the first large piece.
    """
    tuned = False
    code = 0
    for value in values:
        if isinstance(value, ExitCode):
            code = int(value)
        elif isinstance(value, Length):
            continue
        elif isinstance(value, bytes | bytearray | memoryview):
            out.write(value)
            if not tuned and len(value) >= LARGE_BYTES:
                when_large()
                tuned = True
        elif as_json or command.text is None:
            before_text()
            output.write_json(out, value)
        else:
            text = command.text(value, call)
            if text is not None:
                before_text()
                output.write_text(out, text)
    return code
