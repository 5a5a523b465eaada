"""Runs every suite, shows what each prints, and ends with a table: suite, ran, skipped, seconds.

Two lanes run beside each other, since most suites keep one core busy: the first prints as it goes,
what the second printed is shown when a suite of the first ends. A suite that fails doesn't keep the
others from running; any failure makes the exit code 1. Names given as arguments select suites.
"""

import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PY = str(ROOT / ".venv" / "bin" / "python")
BIN = ROOT / ".venv" / "bin"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one suite came to; *ran* and *skipped* count its checks."""

    suite: str
    ran: int
    skipped: int
    seconds: float
    ok: bool


# Runs under a name, printing to a file or, without one, to standard output.
Output = IO[bytes] | None
Suite = Callable[[str, Output], Outcome]


def command(*steps: tuple[str, ...]) -> Suite:
    """Return a suite of plain commands, each one check."""

    def run(name: str, out: Output) -> Outcome:
        started = time.monotonic()
        ok = True
        for step in steps:
            ok &= _status(step, out) == 0
        return Outcome(name, len(steps), 0, time.monotonic() - started, ok)

    return run


def pytest(*arguments: str, may_be_empty: bool = False) -> Suite:
    """Return a pytest suite; its counts come from the junit file that pytest writes."""

    def run(name: str, out: Output) -> Outcome:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "report.xml"
            line = (PY, "-m", "pytest", "-q", f"--junit-xml={report}", *arguments)
            code = _status(line, out)
            ran, skipped = _counts(report)
        ok = code == 0 or (code == 5 and may_be_empty)
        return Outcome(name, ran, skipped, time.monotonic() - started, ok)

    return run


def _status(line: tuple[str, ...], out: Output) -> int:
    """Run *line* and return its exit code."""
    return subprocess.run(line, cwd=ROOT, stdout=out, stderr=out, check=False).returncode


def _counts(report: Path) -> tuple[int, int]:
    """Return how many tests ran and how many were skipped according to *report*."""
    if not report.exists():
        return 0, 0
    suites = list(ET.parse(report).getroot().iter("testsuite"))
    total = sum(int(s.get("tests", 0)) for s in suites)
    skipped = sum(int(s.get("skipped", 0)) for s in suites)
    return total - skipped, skipped


FIRST: dict[str, Suite] = {
    "unit": pytest("-m", "not slow", "--ignore=tests/faults"),
    "kubo, seed 1": pytest("interop/kubo", "--seed", "1"),
    # What the command lines of the face answer hardly depends on the seed; `make nightly` runs all.
    "kubo, seed 2": pytest(
        "interop/kubo",
        "--seed",
        "2",
        "--ignore=interop/kubo/test_face.py",
        "--ignore=interop/kubo/test_names.py",
    ),
}
SECOND: dict[str, Suite] = {
    "clients": pytest("interop/clients"),
    "git": pytest("interop/git", "--seed", "1"),
    "lint": command((PY, "-m", "ruff", "format", "--check", "."), (PY, "-m", "ruff", "check", ".")),
    "types": command((PY, "-m", "mypy")),
    "layers": command((str(BIN / "lint-imports"),)),
    "slow": pytest("-m", "slow", "--ignore=tests/faults", may_be_empty=True),
    "faults": pytest("tests/faults"),
    "planted faults": pytest("interop/planted"),
    "demo": command(("make", "--no-print-directory", "demo")),
}


def main(wanted: list[str]) -> int:
    """Run the suites named, or all; return the exit code."""
    known = [*FIRST, *SECOND]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"no such suite: {', '.join(unknown)}; there are: {', '.join(known)}")
        return 2
    started = time.monotonic()
    told: SimpleQueue[tuple[Outcome, bytes]] = SimpleQueue()
    second = {name: suite for name, suite in SECOND.items() if name in wanted or not wanted}
    beside = Thread(target=_beside, args=(second, told))
    beside.start()
    outcomes = {}
    for name, suite in FIRST.items():
        if name in wanted or not wanted:
            print(_headline(name), flush=True)
            outcomes[name] = suite(name, None)
            outcomes.update(_shown(told))
    beside.join()
    outcomes.update(_shown(told))
    return _table([outcomes[name] for name in known if name in outcomes], started)


def _beside(suites: dict[str, Suite], told: "SimpleQueue[tuple[Outcome, bytes]]") -> None:
    """Run the second lane, handing on each outcome with what was printed."""
    for name, suite in suites.items():
        with tempfile.TemporaryFile() as out:
            outcome = suite(name, out)
            out.seek(0)
            told.put((outcome, out.read()))


def _shown(told: "SimpleQueue[tuple[Outcome, bytes]]") -> dict[str, Outcome]:
    """Print what suites of the second lane said that have ended; return their outcomes."""
    outcomes = {}
    while not told.empty():
        outcome, said = told.get()
        print(_headline(outcome.suite), flush=True)
        sys.stdout.buffer.write(said)
        sys.stdout.flush()
        outcomes[outcome.suite] = outcome
    return outcomes


def _headline(name: str) -> str:
    return f"\n── {name} " + "─" * (74 - len(name))


def _table(outcomes: list[Outcome], started: float) -> int:
    """Print the closing table and return the exit code."""
    print()
    print(f"{'suite':<16} {'ran':>6} {'skipped':>8} {'seconds':>8}")
    for o in outcomes:
        failed = "" if o.ok else "   FAILED"
        print(f"{o.suite:<16} {o.ran:>6} {o.skipped:>8} {o.seconds:>8.1f}{failed}")
    ran, skipped = sum(o.ran for o in outcomes), sum(o.skipped for o in outcomes)
    print(f"{'all, by clock':<16} {ran:>6} {skipped:>8} {time.monotonic() - started:>8.1f}")
    return 0 if all(o.ok for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
