"""The daemons of the two programs, as a person starts them, on ports of the system's choice."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from interop.programs import Program

READY_S = 60
GRACE_S = 20


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that is up."""

    program: Program
    pid: int
    api: str

    @property
    def port(self) -> int:
        return int(self.api.rpartition("/")[2])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v0/"


@contextmanager
def running(program: Program, *words: str, offline: bool = True) -> Iterator[Daemon]:
    """Have the daemon of *program* run, with *words* behind ``--offline``."""
    process = subprocess.Popen(
        [*program.words, "daemon", *(["--offline"] if offline else []), *words],
        env=program.environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        _wait_ready(process)
        yield Daemon(program, process.pid, (program.home / "api").read_text().strip())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=GRACE_S)
    finally:
        process.kill()
        process.communicate()


def _wait_ready(process: "subprocess.Popen[str]") -> None:
    if process.stdout is None:
        raise RuntimeError("no pipe from the daemon")
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Daemon is ready"):
            return
    raise RuntimeError("the daemon did not begin: " + "".join(said)[-2000:])


def link_named_ipfs(directory: Path, program: Program) -> Path:
    """Make a link in *directory* by which tools start jiaozi for Kubo."""
    directory.mkdir(parents=True, exist_ok=True)
    link = directory / "ipfs"
    link.symlink_to(program.words[0])
    return link
