"""One line of progress on a terminal: bytes, files, rate and time left; nothing anywhere else."""

import os
import sys
import time
from collections.abc import Callable

_EVERY_S = 0.1


class Progress:
    """Counts files and bytes; redraws one line of standard error at most ten times a second."""

    def __init__(self, shown: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._shown = shown
        self._clock = clock
        self._start = self._drawn_at = clock()
        self._files = self._bytes = self._total = 0
        self._drawn = False

    @property
    def shown(self) -> bool:
        """Whether anybody sees it."""
        return self._shown

    def expect(self, total_bytes: int) -> None:
        """Say how many bytes there will be, so that the time left can be told."""
        self._total = total_bytes

    def advance(self, files: int, size_bytes: int) -> None:
        """Count what was done since the last call."""
        self._files += files
        self._bytes += size_bytes
        if self._shown and self._clock() - self._drawn_at >= _EVERY_S:
            self._draw()

    def finish(self) -> None:
        """Wipe the line."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False

    def _draw(self) -> None:
        self._drawn_at = self._clock()
        width = _columns()
        sys.stderr.write("\r\x1b[K" + self.line()[: width - 1])
        sys.stderr.flush()
        self._drawn = True

    def line(self) -> str:
        """Return the line as it would be drawn now."""
        elapsed_s = max(self._clock() - self._start, 1e-9)
        rate = self._bytes / elapsed_s
        parts = [f"{human(self._bytes)}", f"{self._files} files", f"{human(int(rate))}/s"]
        if self._total > self._bytes and rate > 0:
            parts[0] += f" of {human(self._total)}"
            parts.append(f"{_duration(int((self._total - self._bytes) / rate))} left")
        return " · ".join(parts)


def _columns() -> int:
    try:
        return os.get_terminal_size(2).columns
    except OSError:
        return 80


def human(size_bytes: int) -> str:
    """Return a size with a binary unit: ``1.5 MiB``."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size_bytes} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
