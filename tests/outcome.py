"""What a reader made of bytes: a value, or the one family of errors that input may cause."""

from collections.abc import Callable
from typing import Any

from jiaozi_node.errors import Malformed


def outcome(read: Callable[[Any], Any], source: bytes | str) -> tuple[Any, Malformed | None]:
    """Return what *read* returns and None, or None and the `Malformed` it raised.

    Anything else that it raises fails the test, and so does an error of more than one line.
    """
    try:
        return read(source), None
    except Malformed as fault:
        line = str(fault)
        if len(line.splitlines()) != 1 or len(line) > 300:
            raise AssertionError(f"not one short line: {line!r}") from fault
        return None, fault
