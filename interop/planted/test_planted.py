"""Each fault of `faults.FAULTS` makes its tests fail; without it the same tests pass."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from interop.planted.faults import FAULTS, Change, Fault

ROOT = Path(__file__).resolve().parent.parent.parent
COPIED = ("jiaozi_node", "tests", "specs", "pyproject.toml")
TIMEOUT_S = 240


def copy(to: Path) -> Path:
    """Copy what the tests need to *to*."""
    to.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, to / name)
    return to


def apply(change: Change, root: Path) -> None:
    """Make one change below *root*."""
    path = root / "jiaozi_node" / change.file
    source = path.read_text()
    assert source.count(change.old) == 1, (
        f"the fault no longer applies: {change.file} holds this {source.count(change.old)} times, "
        f"not once:\n{change.old}"
    )
    path.write_text(source.replace(change.old, change.new))


def run(root: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run *tests* against the package below *root*, and make sure that it is that one."""
    environment = {**os.environ, "PYTHONPATH": str(root), "JIAOZI_FAULTS": "small"}
    where = subprocess.run(
        [sys.executable, "-c", "import jiaozi_node; print(jiaozi_node.__file__)"],
        cwd=root, env=environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert where.startswith(str(root)), f"the copy would not be tested, but {where}"
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=root, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip


def test_without_a_fault_the_tests_pass(tmp_path: Path) -> None:
    tests = tuple(dict.fromkeys(test for fault in FAULTS for test in fault.tests))
    done = run(copy(tmp_path / "sound"), tests)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_the_fault_is_noticed(fault: Fault, tmp_path: Path) -> None:
    root = copy(tmp_path / "faulty")
    for change in fault.changes:
        apply(change, root)
    for test in fault.tests:
        done = run(root, (test,))
        # 1: tests ran and some failed. Anything else is no verdict: 0 green, 2–5 did not run.
        assert done.returncode == 1, f"{test}: exit {done.returncode}\n{done.stdout[-3000:]}"
        assert " failed" in done.stdout.splitlines()[-1]
        assert "ImportError" not in done.stdout
