"""Progress is one line, drawn on a terminal and nowhere else."""

import pytest

from jiaozi_node.cli.progress import Progress, human


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1 << 30, "1.0 GiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_are_for_people(size_bytes: int, text: str) -> None:
    assert human(size_bytes) == text


def test_the_line_tells_bytes_files_rate_and_time_left() -> None:
    now = [0.0]
    progress = Progress(False, lambda: now[0])
    progress.expect(400 * 1024)
    now[0] = 10.0
    progress.advance(3, 100 * 1024)
    assert progress.line() == "100.0 KiB of 400.0 KiB · 3 files · 10.0 KiB/s · 0:30 left"


def test_a_pipe_sees_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    progress = Progress(False, lambda: now[0])
    now[0] = 10.0
    progress.advance(1, 1)
    progress.finish()
    assert capsys.readouterr().err == ""


def test_a_terminal_sees_a_line_that_is_wiped(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    progress = Progress(True, lambda: now[0])
    now[0] = 10.0
    progress.advance(1, 1)
    progress.finish()
    shown = capsys.readouterr().err
    assert "1 B" in shown
    assert shown.endswith("\r\x1b[K")
