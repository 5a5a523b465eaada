"""The way into a home: the lock got means this process opens it; held means its daemon is asked.

The daemon's socket comes with issue C; until then a held home is waited for, then `Locked`.
"""

from pathlib import Path

from jiaozi_node.errors import Refused
from jiaozi_node.node.home import Home
from jiaozi_node.node.local_home import LocalHome


def open_home(path: Path) -> Home:
    """Open the home at *path*; raises `HomeMissing`, `OtherLayout`, `Locked`."""
    return LocalHome.open(path)


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
