"""Two daemons, Kubo's and ours, of equal content, and the stock ``ipfs`` that calls each."""

import contextlib
import shlex
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from interop.programs import JIAOZI, Answer, Pair, Program

_READY_S = 60.0
_END_S = 20.0


@dataclass(frozen=True, slots=True)
class Side:
    """One daemon: where it listens, the client that calls it, and where that client stands."""

    daemon: Program
    address: str
    client: Program
    place: Path

    @property
    def port(self) -> int:
        """The port of the RPC, on 127.0.0.1."""
        return int(self.address.rpartition("/")[2])

    def ask(self, line: str, stdin: bytes = b"") -> Answer:
        """Run the client with the words of *line*."""
        return self.client.run(*shlex.split(line), stdin=stdin, cwd=self.place)


@dataclass(frozen=True, slots=True)
class Both:
    """The two daemons under comparison."""

    kubo: Side
    ours: Side

    def ask(self, line: str, stdin: bytes = b"") -> tuple[Answer, Answer]:
        """Ask both at once; returns Kubo's answer, then ours."""
        with ThreadPoolExecutor(1) as other:
            theirs = other.submit(self.kubo.ask, line, stdin)
            ours = self.ours.ask(line, stdin)
            return theirs.result(), ours


@contextmanager
def serving(pair: Pair, root: Path) -> Iterator[Both]:
    """Run a daemon on each home of *pair*; the clients stand in directories below *root*."""
    ours = replace(pair.ours, words=(str(JIAOZI),))
    with contextlib.ExitStack() as stack:
        sides = []
        for daemon in (pair.kubo, ours):
            address = stack.enter_context(_running(daemon))
            place = root / daemon.name / "here"
            place.mkdir(parents=True)
            client = Program(
                "ipfs", (*pair.kubo.words, "--api", address), "IPFS_PATH", root / "nobody"
            )
            sides.append(Side(daemon, address, client, place))
        yield Both(*sides)


@contextmanager
def _running(daemon: Program) -> Iterator[str]:
    """Run one daemon; yields the address of its RPC once it says that it is ready."""
    process = subprocess.Popen(
        [*daemon.words, "daemon", "--offline"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=daemon.environ(),
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    overdue = threading.Timer(_READY_S, process.kill)
    overdue.start()
    for line in process.stdout:
        said.append(line)
        if line.startswith("Daemon is ready"):
            break
    overdue.cancel()
    rest = threading.Thread(target=said.extend, args=(process.stdout,), daemon=True)
    rest.start()  # a full pipe would stop it
    try:
        assert process.poll() is None, f"{daemon.name} ended: {''.join(said)[-2000:]}"
        yield (daemon.home / "api").read_text().strip()
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        rest.join()
        process.stdout.close()
