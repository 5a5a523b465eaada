"""The two programs under comparison, each on a home of its own, run with the same words.

`Program.run` starts one process; `Pair.run` starts both at once. Nothing of the person's own
environment reaches them: HOME is empty, the time zone UTC, the locale C.UTF-8.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

TIMEOUT_S = 120
# What both pin when a home is made.
EMPTY_DIRECTORY = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
JIAOZI = Path(sys.executable).parent / "jiaozi"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one process said."""

    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        """Standard output without the last line end."""
        return os.fsdecode(self.out).rstrip("\n")

    @property
    def complaint(self) -> str:
        """The first line of standard error that begins with ``Error:``, or nothing."""
        for line in os.fsdecode(self.err).splitlines():
            if line.startswith("Error:"):
                return line
        return ""

    def good(self) -> "Answer":
        """Return itself when the process exited 0, else fail with what it said."""
        assert self.code == 0, f"exit {self.code}: {os.fsdecode(self.err)[-2000:]}"
        return self


@dataclass(frozen=True, slots=True)
class Program:
    """A command, the words every call of it begins with, and where its home is."""

    name: str
    words: tuple[str, ...]
    variable: str
    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str | bytes, stdin: bytes = b"", cwd: Path | None = None) -> Answer:
        """Run it with *words* and return its answer."""
        done = subprocess.run(
            [*self.words, *words],
            input=stdin,
            capture_output=True,
            cwd=cwd,
            env=self.environ(),
            timeout=TIMEOUT_S,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def top(self) -> "Program":
        """Return the same program and home without the leading words (``jiaozi``, not its face)."""
        return replace(self, words=self.words[:1])

    def copy(self, home: Path) -> "Program":
        """Return the program on a copy of its home at *home*."""
        shutil.copytree(self.home, home, symlinks=True)
        return replace(self, home=home)

    def environ(self) -> dict[str, str]:
        """Return the environment of its processes."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home.parent),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            self.variable: str(self.home),
            **self.environment,
        }


def kubo(program: Path, home: Path) -> Program:
    """Return a Kubo whose home is *home*."""
    return Program("kubo", (str(program),), "IPFS_PATH", home)


def jiaozi(home: Path) -> Program:
    """Return the Kubo face of the installed jiaozi whose home is *home*."""
    return Program("jiaozi", (str(JIAOZI), "ipfs"), "JIAOZI_PATH", home)


@dataclass(frozen=True, slots=True)
class Pair:
    """Kubo and jiaozi on stores that are meant to be equal."""

    kubo: Program
    ours: Program

    def run(
        self, *words: str | bytes, stdin: bytes = b"", cwd: Path | None = None
    ) -> tuple[Answer, Answer]:
        """Run both at once; returns Kubo's answer, then ours."""
        with ThreadPoolExecutor(1) as other:
            theirs = other.submit(self.kubo.run, *words, stdin=stdin, cwd=cwd)
            ours = self.ours.run(*words, stdin=stdin, cwd=cwd)
            return theirs.result(), ours

    def copy(self, directory: Path) -> "Pair":
        """Return the pair on copies of both homes, made below *directory*."""
        directory.mkdir(parents=True, exist_ok=True)
        return Pair(self.kubo.copy(directory / "kubo"), self.ours.copy(directory / "jiaozi"))


def new_kubo(program: Path, home: Path) -> Program:
    """Make a Kubo home that talks to nobody."""
    made = kubo(program, home)
    home.parent.mkdir(parents=True, exist_ok=True)
    made.run("init", "--profile=test").good()
    made.run("config", "Routing.Type", "none").good()
    made.run("config", "--json", "AutoConf.Enabled", "false").good()
    made.run("config", "--json", "Bootstrap", "[]").good()
    return made


def new_jiaozi(home: Path) -> Program:
    """Make a jiaozi home; a new one talks to nobody."""
    made = jiaozi(home)
    home.parent.mkdir(parents=True, exist_ok=True)
    made.run("init", "--profile=test").good()
    return made
