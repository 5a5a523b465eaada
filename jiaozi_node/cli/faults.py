"""What a terminal shows of what went wrong: one line and its notes, and the exit code."""

import os

from jiaozi_node.cli import output
from jiaozi_node.commands.shown import quoted
from jiaozi_node.errors import JiaoziError, Unavailable


def told(fault: JiaoziError | OSError) -> tuple[int, bytes]:
    """Return the exit code for *fault* and what standard error gets of it."""
    error = of_system(fault) if isinstance(fault, OSError) else fault
    lines = [f"jiaozi: {error}", *getattr(error, "__notes__", ())]
    text = "".join([f"{quoted(line)}\n" for line in lines])
    return output.exit_code(error), text.encode("utf-8", "surrogateescape")


def of_system(error: OSError) -> Unavailable:
    """Return what the system refused, in a line: ``data/x: permission denied``."""
    words = (error.strerror or str(error) or type(error).__name__).lower()
    where = error.filename
    told = Unavailable(words if where is None else f"{os.fsdecode(where)}: {words}")
    for line in getattr(error, "__notes__", ()):
        told.add_note(line)
    return told
