"""New directories written by processes of our own, two at most, while this one reads blocks.

Few files are written here: starting a process takes as long as writing a thousand of them. Of
50,000 small files on two cores they make 1.0 s of 2.8. What a process was at when it failed, or
when we do, is left nowhere: see `fresh`.
"""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress

from jiaozi_node.dag.crew import available
from jiaozi_node.errors import Unavailable
from jiaozi_node.worktree import hand
from jiaozi_node.worktree.fresh import NewDirectory
from jiaozi_node.worktree.writer import Parts, SafeWriter

ENOUGH = 2_000  # files after which processes are started
PROCESSES = 2
MESSAGE_BYTES = 512 * 1024  # of files sent at once
PIPE_BYTES = 1024 * 1024

Known = dict[Parts, dict[str, bytes]]  # the `stat_bytes` of files

_CODE = (
    "import sys; sys.path[:] = bytes.fromhex(sys.argv.pop()).decode('utf-8', 'surrogateescape')"
    ".split('\\0'); from {0} import main; main()"
)


class Hands:
    """Writes directories that aren't there. Use as a context manager; then `known` is complete.

    What fails in a process is raised by a later call or at the end of the ``with``.
    """

    def __init__(self, writer: SafeWriter, root: int, processes: int | None = None) -> None:
        self._writer, self._root = writer, root
        cores = available()
        self._wanted = (
            (min(PROCESSES, cores) if cores > 1 else 0) if processes is None else processes
        )
        self._running: list[subprocess.Popen[bytes]] = []
        self._files = self._directories = 0
        self.known: Known = {}

    def write(self, parts: Parts, names: list[str], files: Iterable[tuple[str, bytes]]) -> None:
        """Make the directory *parts* with *files*, which are called *names*."""
        if self._files >= ENOUGH and self._wanted and not self._running:
            self._running = [_started(self._root) for _ in range(self._wanted)]
        self._files += len(names)
        self._directories += 1
        if not self._running:
            directory = NewDirectory(self._writer, parts, names, notes=True)
            with directory:
                for name, data in files:
                    directory.put(name, data)
            self._note(hand.told(directory))
            return
        one = self._running[self._directories % len(self._running)]
        self._send(one, ("begin", parts, tuple(names)))
        batch: list[tuple[str, bytes]] = []
        size = 0
        for name, data in files:
            batch.append((name, data))
            size += len(data)
            if size >= MESSAGE_BYTES:
                self._send(one, ("files", tuple(batch)))
                batch, size = [], 0
        self._send(one, ("files", tuple(batch)))
        self._send(one, ("end",))

    def __enter__(self) -> "Hands":
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        running, self._running = self._running, []
        faults = [fault for one in running if (fault := self._ended(one)) is not None]
        if faults and kind is None:
            raise faults[0]

    def _send(self, one: "subprocess.Popen[bytes]", message: hand.Message) -> None:
        if one.stdin is None:
            raise AssertionError("a process without a pipe")
        try:
            hand.send(one.stdin, message)
        except BrokenPipeError:
            self._running.remove(one)
            raise self._ended(one) or Unavailable("a process that wrote files ended") from None

    def _ended(self, one: "subprocess.Popen[bytes]") -> Exception | None:
        """Wait for a process; take what it knows, or return what failed."""
        if one.stdin is None or one.stdout is None:
            raise AssertionError("a process without pipes")
        with suppress(BrokenPipeError):
            one.stdin.close()
        with one.stdout as source:
            answer = next(hand.received(source), None)
        code = one.wait()
        if answer is None:
            return Unavailable(f"a process that wrote files ended with {code}, saying nothing")
        if answer[0] == "failed":
            return hand.FAMILIES[answer[1]](answer[2])
        for told in answer[1]:
            self._note(told)
        return None

    def _note(self, told: hand.Message) -> None:
        parts, stats = told
        self.known[parts] = dict(stats)


def _started(root: int) -> "subprocess.Popen[bytes]":
    """Start a process that writes below the directory open at *root*."""
    modules = os.fsencode("\0".join(sys.path)).hex()
    code = _CODE.format(hand.__name__)
    words = (sys.executable, "-I", "-S", "-X", "utf8", "-c", code, str(root), modules)
    try:
        started = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            pass_fds=(root,),
        )  # fmt: skip
    except OSError as fault:
        raise Unavailable(f"can't start a process that writes files: {fault.strerror}") from None
    wider = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux
    if wider is not None and started.stdin is not None:
        with suppress(OSError):
            fcntl.fcntl(started.stdin.fileno(), wider, PIPE_BYTES)
    return started
