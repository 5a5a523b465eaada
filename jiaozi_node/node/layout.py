"""The layout of a home: which one this version reads, and the way there from earlier ones.

A step takes a home from one layout to the next. It runs under the home's lock with no store open,
and may be cut short anywhere: ``version`` is written after it, so the step is begun again, and must
go on from whatever it left. A home of a later layout is refused by name and not touched.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from jiaozi_node.errors import Refused
from jiaozi_node.node.home import HomeMissing
from jiaozi_node.stores.atomic import replace_file

LAYOUT = "jiaozi 1"
VERSION_FILE = "version"
_NAME = "jiaozi "
_FIRST = "jiaozi 0"  # plain LevelDB: only ever written before the first release

Step: TypeAlias = Callable[[Path], None]

# From the layout of each number to the next. Jiaozi 1 is the first that was released.
STEPS: Mapping[int, Step] = MappingProxyType({})


class OtherLayout(Refused):
    """The home was written by a version of jiaozi that lays homes out in another way."""

    def __init__(self, path: Path, found: str) -> None:
        if found == _FIRST:
            way = "take its data along with 'jiaozi ipfs dag export' of the version that made it"
        else:
            way = f"it needs a version of jiaozi that knows {found!r}"
        super().__init__(
            f"the node home {path} has layout {found!r}, this version reads {LAYOUT!r}: {way}"
        )
        self.path, self.found = path, found


class KubosRepository(Refused):
    """A directory that was named as a home is a repository of Kubo's."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is a repository of Kubo's, which jiaozi leaves alone: name a directory of its"
            " own with JIAOZI_PATH, and take data along with 'ipfs dag export'"
        )
        self.path = path


def refuse_kubos(path: Path) -> None:
    """Raise `KubosRepository` where Kubo has begun to make a repository."""
    if (path / "datastore_spec").exists():  # its first file but the config, which is like ours
        raise KubosRepository(path)


def check(path: Path) -> None:
    """Raise unless *path* is a home of this version's layout, or of one that leads there."""
    found = _found(path)
    if found != LAYOUT:
        _way(path, found)


def bring_up(path: Path) -> None:
    """Take the home *path*, whose lock the caller holds, to this version's layout."""
    found = _found(path)
    if found == LAYOUT:
        return
    for number in _way(path, found):
        STEPS[number](path)
        replace_file(path / VERSION_FILE, f"{_NAME}{number + 1}\n".encode(), 0o644)


def _way(path: Path, found: str) -> range:
    """Return the numbers of the steps to take; raises `OtherLayout` where there are none."""
    if found.isascii() and found.isdecimal():
        raise KubosRepository(path)
    digits = found.removeprefix(_NAME)
    if found.startswith(_NAME) and digits.isascii() and digits.isdecimal() and len(digits) < 6:
        way = range(int(digits), int(LAYOUT.removeprefix(_NAME)))
        if way and all(number in STEPS for number in way):
            return way
    raise OtherLayout(path, found)


def _found(path: Path) -> str:
    try:
        fd = os.open(path / VERSION_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise HomeMissing(path) from None
    try:
        return os.read(fd, 64).decode("utf-8", "replace").strip()
    finally:
        os.close(fd)
