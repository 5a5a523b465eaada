"""Progress is drawn on a terminal, after a while, and nowhere else."""

import subprocess
import sys

import pytest

from jiaozi_node.cli.progress import Progress


def test_a_pipe_sees_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    progress = Progress(False, lambda: now[0])
    now[0] = 10.0
    progress(1, 1)
    progress.finish()
    assert (progress.files, progress.size_bytes) == (1, 1)
    assert capsys.readouterr().err == ""


def test_short_work_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(True, lambda: 0.0)
    progress(1, 1)
    progress.finish()
    assert capsys.readouterr().err == ""


def test_long_work_shows_files_bytes_rate_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    now = [0.0]
    progress = Progress(True, lambda: now[0])
    progress.expect(400 * 1024)
    for _ in range(3):
        now[0] += 1.0
        progress(1, 100 * 1024)
    progress.finish()
    shown = capsys.readouterr().err
    assert "3 files" in shown
    assert "300.0/400.0 KiB" in shown
    assert shown.endswith("\x1b[2K"), "the line is wiped"


def test_rich_is_not_imported_before_it_draws() -> None:
    code = (
        "import sys; from jiaozi_node.cli.progress import Progress\n"
        "Progress(True)(1, 1); print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
