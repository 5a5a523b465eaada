"""Progress of long work on a terminal: bytes, files, rate, time left; nothing anywhere else.

The drawing is rich's, imported when work has gone on for a while and somebody is looking.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

_PATIENCE_S = 0.5  # shorter work shows nothing
_EVERY_S = 0.1


class Progress:
    """Counts files and bytes; called with what was done since the last call.

    *shown* says whether anybody is looking; if not, counting is all it does.
    """

    def __init__(self, shown: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.shown = shown
        self.files = self.size_bytes = 0
        self._total_bytes: int | None = None
        self._clock = clock
        self._next_s = clock() + _PATIENCE_S
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __call__(self, files: int, size_bytes: int) -> None:
        """Count *files* and *size_bytes* more; redraw if it is time."""
        self.files += files
        self.size_bytes += size_bytes
        if self.shown and self._clock() >= self._next_s:
            self._next_s = self._clock() + _EVERY_S
            self._draw()

    def expect(self, total_bytes: int) -> None:
        """Say how many bytes there will be, so that the time left can be told."""
        self._total_bytes = total_bytes

    def finish(self) -> None:
        """Wipe what was drawn; later work draws anew."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None

    def _draw(self) -> None:
        if self._bar is None:
            self._bar = _bar()
            self._task = self._bar.add_task("", total=None)
            self._bar.start()
        if self._task is not None:
            self._bar.update(
                self._task,
                completed=self.size_bytes,
                total=self._total_bytes,
                description=f"{self.files} files",
            )
            self._bar.refresh()


def _bar() -> "Bar":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
    )
