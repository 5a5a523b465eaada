"""A repository as somebody reads it who stands in no working copy: HEAD is its default branch."""

import heapq
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from jiaozi_node.dag.walk import run, stream
from jiaozi_node.errors import Malformed, Misuse
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.node.home import Home
from jiaozi_node.node.listing import Listed
from jiaozi_node.node.repository import Repository
from jiaozi_node.unixfs.directory import Entry, entries
from jiaozi_node.unixfs.node import FILE
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.versioning.repositories import Repositories
from jiaozi_node.versioning.repositories import Repository as Row
from jiaozi_node.versioning.workingcopies import Head, WorkingCopy

if TYPE_CHECKING:
    from jiaozi_node.versioning.revision import Places


class Browsed(Repository):
    """The repository *row* of *home*, to be read only: there is no directory, stage or merge."""

    def __init__(self, home: Home, row: Row) -> None:
        copy = WorkingCopy(row.id, row.id, "", 0, Head(branch=row.head))  # no row has this id
        super().__init__(home, row, copy, "")
        self.row = row

    @classmethod
    def find(cls, home: Home, wanted: str) -> "Browsed":
        """Return the repository of that id or alias; raises `RepositoryMissing`."""
        return cls(home, Repositories(home.names).find(wanted))

    @property
    def head(self) -> Head:
        """The default branch."""
        return Head(branch=self.row.head)

    def head_commit(self) -> Cid | None:
        """The commit of the default branch; None before the first."""
        ref = self.head.ref
        return None if ref is None else self.refs.get(ref)

    def places(self, now: Callable[[], float] = time.time) -> "Places":
        """See `Repository`; where HEAD was before nobody knows here."""
        return replace(super().places(now), moves=lambda: iter(()))


def parts_of(path: str) -> tuple[str, ...]:
    """Return the names of a path from the root of a tree; raises `Misuse` for one that goes up."""
    parts = tuple([part for part in path.split("/") if part not in ("", ".")])
    if ".." in parts:
        raise Misuse(f"{path!r}: a path in a tree can't go up with '..'")
    if any("\0" in part for part in parts):
        raise Misuse("a path can't hold NUL")
    return parts


def listed_after(home: Home, root: Cid, after: str, most: int) -> list[Listed]:
    """Return at most *most* entries of the directory *root* whose names come after *after*.

    They are in byte order. All names are gone through, and no more than that many kept.
    """
    get = home.blocks.get
    bound = os.fsencode(after)
    walk: Iterator[Entry] = stream(entries(root), get)
    later: Iterable[tuple[bytes, Entry]] = (
        (name, entry) for entry in walk if (name := os.fsencode(entry.name)) > bound or not after
    )
    found: list[Listed] = []
    for _name, entry in heapq.nsmallest(most, later, key=_name_of):
        if entry.cid.codec == RAW:
            found.append(Listed(entry.name, FILE, entry.tsize, entry.cid))
            continue
        try:
            below = run(stat(entry.cid), get)
        except Malformed:
            found.append(Listed(entry.name, "other", 0, entry.cid))
        else:
            found.append(Listed(entry.name, below.kind, below.file_bytes, entry.cid))
    return found


def _name_of(item: tuple[bytes, Entry]) -> bytes:
    return item[0]
