"""The way into a home: the lock got means this process opens it; held means its daemon is asked.

A home held by a process that is no daemon is waited for (design §2).
"""

import os
import time
from pathlib import Path

from jiaozi_node.errors import Locked, Refused
from jiaozi_node.node.home import Home
from jiaozi_node.node.local_home import LOCK_WAIT_S, LocalHome
from jiaozi_node.stores.lock import HomeLocked

_PAUSE_S = 0.02


class HomeBusy(Locked):
    """A process that is no daemon, or no longer one that answers, holds the home."""

    def __init__(self, held: HomeLocked) -> None:
        super().__init__(f"{held}; under 'jiaozi daemon' commands work side by side")
        self.home, self.pid = held.home, held.pid


def open_home(path: Path, wait_s: float = LOCK_WAIT_S) -> Home:
    """Open the home at *path*, in this process or through the daemon that holds it.

    Raises `HomeMissing`, `OtherLayout`, and `HomeBusy` when neither can be had within *wait_s*.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            return LocalHome.open(path, 0.0)
        except HomeLocked as held:
            from jiaozi_node.node.daemon_home import DaemonHome  # noqa: PLC0415 - rarely needed
            from jiaozi_node.node.wire import connect  # noqa: PLC0415

            line = connect(path)
            if line is not None:
                return DaemonHome(path, line)
            left = until - time.monotonic()
            if left <= 0 or held.pid == os.getpid():
                raise HomeBusy(held) from None
            time.sleep(min(_PAUSE_S, left))


def open_or_make_home(path: Path) -> tuple[Home, bool]:
    """Open the home at *path*, made first when there is none; tell whether it was made."""
    if (path / "version").exists():
        return open_home(path), False
    return LocalHome.create(path), True


def refuse_database(url: str | None) -> None:
    """Raise for ``--db``: names live in the home's SQLite file until there is another place."""
    if url is not None:
        scheme = url.partition(":")[0]
        raise Refused(
            f"--db {scheme[:32]}: this version keeps names in the home's own names.db only"
        )
