"""Where the process begins: with three standard streams, names as UTF-8, and Ctrl-C in one line.

It imports next to nothing before it runs: loading a command takes longer than many a command, and
whoever presses Ctrl-C meanwhile is no more interested in a traceback than later.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def entry() -> None:
    """Run as the console script ``jiaozi``."""
    try:
        _fill_standard_streams()
        _insist_on_utf8()
        from jiaozi_node.cli.asking import ask

        words = _words()
        asked = ask(words)
        code = _main(words) if asked is None else asked
    except KeyboardInterrupt:
        os.write(2, b"jiaozi: interrupted\n")
        code = INTERRUPTED
    _leave(code)


def _words() -> list[str]:
    """Return the words given; called by the name ``ipfs``, a link to us is the Kubo face."""
    face = ["ipfs"] if os.path.basename(sys.argv[0]) == "ipfs" else []
    return [*face, *sys.argv[1:]]


def _main(words: list[str]) -> int:
    from jiaozi_node.cli.main import main, silence_stdout

    code = main(words)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
    return code


def _leave(code: int) -> "NoReturn":
    """End the process at once: everything is closed, and what is left is the interpreter's own.

    Taking that apart would cost 10 ms, a sixth of what a short command takes.
    """
    try:
        sys.stderr.flush()
    finally:  # also when nobody reads it any more
        os._exit(code)


def _fill_standard_streams() -> None:
    """Open the null device in the place of standard streams that came closed, as git does.

    Else a store's file takes the number of the missing stream, and what is printed goes into it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


def _insist_on_utf8() -> None:
    """Begin anew in Python's UTF-8 mode where the locale has another encoding.

    Names are the file system's bytes (design §4), kept as UTF-8 with surrogateescape: under
    ISO-8859-1 Python would hand out other text for the same bytes, and the CIDs would differ.
    """
    if sys.getfilesystemencoding() != "utf-8":
        words = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
        os.execv(sys.executable, words)
