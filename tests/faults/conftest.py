"""Fixtures of the fault tests: what each needs of the machine, and the lines it wants to be seen.

A test whose tools are missing is skipped with the reason; the summary counts both. Lines noted with
`shown` are printed at the end of the run whether tests pass or not.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.interposer import Interposer
from tests.faults.zygote import Zygote

Show = Callable[[str], None]
_LINES = pytest.StashKey[list[str]]()
_ran: dict[str, str] = {}


def _missing(marker: str) -> str | None:
    """Return what the machine lacks for tests so marked; None when it has all."""
    if marker == "needs_root":
        return None if os.geteuid() == 0 else "root"
    if marker == "needs_loop":
        if os.geteuid() != 0 or not shutil.which("mkfs.ext4") or not shutil.which("losetup"):
            return "root, mkfs.ext4 and losetup"
        free = subprocess.run(["losetup", "-f"], capture_output=True, check=False)
        return None if free.returncode == 0 else "a free loop device"
    if marker == "needs_interposer":
        if not Path("/proc/self/fd").exists() or os.uname().sysname != "Linux":
            return "Linux with /proc"
        return None if shutil.which("cc") or shutil.which("gcc") else "a C compiler"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine can't do, and say why."""
    lacking: dict[str, str | None] = {}
    for item in items:
        for marker in ("needs_root", "needs_loop", "needs_interposer"):
            if item.get_closest_marker(marker) is None:
                continue
            if marker not in lacking:
                lacking[marker] = _missing(marker)
            if lacking[marker] is not None:
                item.add_marker(pytest.mark.skip(reason=f"needs {lacking[marker]}"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the fault tests that ran and those that were skipped."""
    if "tests/faults/" not in report.nodeid:
        return
    if report.when == "call" or report.skipped:
        _ran[report.nodeid] = report.outcome


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what the tests noted, and how many ran."""
    if not _ran:
        return
    terminalreporter.section("faults")
    for line in config.stash.get(_LINES, []):
        terminalreporter.line(line)
    skipped = sum(outcome == "skipped" for outcome in _ran.values())
    terminalreporter.line(f"faults run {len(_ran) - skipped}, skipped {skipped}")


@pytest.fixture
def show(request: pytest.FixtureRequest) -> Show:
    """Note a line for the end of the run."""
    return request.config.stash.setdefault(_LINES, []).append


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is room: a sync costs nothing, a kill leaves it whole."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or shutil.disk_usage(memory).free < 2 << 30:
        yield tmp_path
        return
    made = Path(tempfile.mkdtemp(prefix="jiaozi-faults-", dir=memory))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def interposer(tmp_path_factory: pytest.TempPathFactory) -> Interposer:
    """The library between children and the system."""
    return Interposer(tmp_path_factory.mktemp("interposer"))


@pytest.fixture(scope="session")
def zygote(interposer: Interposer) -> Iterator[Zygote]:
    """What forks children that the library meets."""
    made = Zygote(interposer.environment)
    yield made
    made.close()


@pytest.fixture(scope="session")
def plain_zygote() -> Iterator[Zygote]:
    """What forks children that nothing meets."""
    made = Zygote()
    yield made
    made.close()


@pytest.fixture(scope="session")
def other_zygote() -> Iterator[Zygote]:
    """A second one, for two children at once."""
    made = Zygote()
    yield made
    made.close()
