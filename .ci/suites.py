"""Runs every suite, shows what each prints, and ends with a table: suite, ran, skipped, seconds.

A suite that fails doesn't keep the later ones from running; any failure makes the exit code 1.
Names given as arguments select suites.
"""

import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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


Suite = Callable[[str], Outcome]


def command(*steps: tuple[str, ...]) -> Suite:
    """Return a suite of plain commands, each one check."""

    def run(name: str) -> Outcome:
        started = time.monotonic()
        ok = True
        for step in steps:
            ok &= subprocess.run(step, cwd=ROOT, check=False).returncode == 0
        return Outcome(name, len(steps), 0, time.monotonic() - started, ok)

    return run


def pytest(*arguments: str, may_be_empty: bool = False) -> Suite:
    """Return a pytest suite; its counts come from the junit file that pytest writes."""

    def run(name: str) -> Outcome:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "report.xml"
            line = [PY, "-m", "pytest", "-q", f"--junit-xml={report}", *arguments]
            code = subprocess.run(line, cwd=ROOT, check=False).returncode
            ran, skipped = _counts(report)
        ok = code == 0 or (code == 5 and may_be_empty)
        return Outcome(name, ran, skipped, time.monotonic() - started, ok)

    return run


def _counts(report: Path) -> tuple[int, int]:
    """Return how many tests ran and how many were skipped according to *report*."""
    if not report.exists():
        return 0, 0
    suites = list(ET.parse(report).getroot().iter("testsuite"))
    total = sum(int(s.get("tests", 0)) for s in suites)
    skipped = sum(int(s.get("skipped", 0)) for s in suites)
    return total - skipped, skipped


SUITES: dict[str, Suite] = {
    "lint": command((PY, "-m", "ruff", "format", "--check", "."), (PY, "-m", "ruff", "check", ".")),
    "types": command((PY, "-m", "mypy")),
    "layers": command((str(BIN / "lint-imports"),)),
    "unit": pytest("-m", "not slow"),
    "slow": pytest("-m", "slow", may_be_empty=True),
    "kubo, seed 1": pytest("interop/kubo", "--seed", "1"),
    "kubo, seed 2": pytest("interop/kubo", "--seed", "2"),
    "planted faults": pytest("interop/planted"),
    "demo": command(("make", "--no-print-directory", "demo")),
}


def main(wanted: list[str]) -> int:
    """Run the suites named, or all; return the exit code."""
    unknown = [name for name in wanted if name not in SUITES]
    if unknown:
        print(f"no such suite: {', '.join(unknown)}; there are: {', '.join(SUITES)}")
        return 2
    outcomes = []
    for name in wanted or SUITES:
        print(f"\n── {name} " + "─" * (74 - len(name)), flush=True)
        outcomes.append(SUITES[name](name))
    print()
    print(f"{'suite':<16} {'ran':>6} {'skipped':>8} {'seconds':>8}")
    for o in outcomes:
        failed = "" if o.ok else "   FAILED"
        print(f"{o.suite:<16} {o.ran:>6} {o.skipped:>8} {o.seconds:>8.1f}{failed}")
    print(
        f"{'total':<16} {sum(o.ran for o in outcomes):>6} {sum(o.skipped for o in outcomes):>8}"
        f" {sum(o.seconds for o in outcomes):>8.1f}"
    )
    return 0 if all(o.ok for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
