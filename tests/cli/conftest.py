"""``jiaozi`` and its daemon as processes, on a home of the test's own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

JIAOZI = [sys.executable, "-m", "jiaozi_node"]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "JIAOZI_PATH": str(tmp_path / "home"),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "LC_ALL": "C.UTF-8",
    }


def jiaozi(
    environ: dict[str, str], *words: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*JIAOZI, *words], env=environ, cwd=cwd, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip


@contextmanager
def running(
    environ: dict[str, str], *words: str, port: int | None = 0
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Start a daemon; wait until it is ready; hand out the process and its lines.

    Without a *port* it listens where its config says.
    """
    home = Path(environ["JIAOZI_PATH"])
    if not (home / "version").exists():
        assert jiaozi(environ, "ipfs", "init").returncode == 0
    if port is not None:
        address = f"/ip4/127.0.0.1/tcp/{port}"
        assert jiaozi(environ, "ipfs", "config", "Addresses.API", address).returncode == 0
        anywhere = "/ip4/127.0.0.1/tcp/0"
        assert jiaozi(environ, "ipfs", "config", "Addresses.Gateway", anywhere).returncode == 0
    process = subprocess.Popen(
        [*JIAOZI, "daemon", *words], env=environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process, list(until_ready(process.stdout))
    finally:
        process.kill()
        process.communicate()


def until_ready(out: IO[str]) -> Iterator[str]:
    for line in out:
        yield line.rstrip("\n")
        if line == "Daemon is ready\n":
            return
    raise AssertionError("the daemon ended before it was ready")
