"""Hooks: programs of the user's own in ``.jiaozi/hooks``, run at the root of the working copy.

That folder is never tracked and never written by a checkout, so nothing that came from elsewhere
lies in it; whether its programs may run is said in the node home (``node/hooks.py``).
"""

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from jiaozi_node.worktree.names import RESERVED

if TYPE_CHECKING:
    import subprocess

DIRECTORY = "hooks"
PRE_COMMIT, POST_COMMIT = "pre-commit", "post-commit"
NAMES = (PRE_COMMIT, POST_COMMIT)

_STDERR = 2
_GRACE_S = 5.0  # between asking a hook to end and ending it


def place(root: str, name: str) -> str:
    """Return where the hook *name* of the working copy *root* would be."""
    return os.path.join(root, RESERVED, DIRECTORY, name)


def is_program(path: str) -> bool:
    """Tell whether *path* can be run."""
    return os.path.isfile(path) and os.access(path, os.X_OK)


def run(path: str, root: str, environ: Mapping[str, str], timeout_s: float) -> str | None:
    """Run the program *path* to its end; return why it failed, None when it didn't.

    It reads nothing, and what it writes comes out on standard error: standard output is the
    command's answer. It leads a process group, which is ended with it when time is up or when the
    user interrupts.
    """
    import subprocess  # noqa: PLC0415 - slow to load, and most have no hooks

    child: subprocess.Popen[bytes] | None = None
    try:
        with _interrupts_held_back():
            child = subprocess.Popen(
                [path],
                cwd=root,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=_STDERR,
                process_group=0,
            )
        code = child.wait(timeout_s)
    except OSError as fault:
        return f"can't be started: {(fault.strerror or str(fault)).lower()}"
    except subprocess.TimeoutExpired:
        return f"took longer than {timeout_s:g} s (hooks.timeout) and was ended"
    finally:
        if child is not None and child.returncode is None:
            _end(child)
    if code < 0:
        return f"was ended by signal {-code}"
    return f"ended with exit code {code}" if code else None


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let an interrupt arrive when the ``with`` ends.

    One that came between the birth of a child and our knowing of it would leave nobody to end it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # interrupts arrive elsewhere
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Ask the child's group to end, and end it when it doesn't."""
    from subprocess import TimeoutExpired  # noqa: PLC0415

    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        with suppress(TimeoutExpired):
            child.wait(_GRACE_S)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
