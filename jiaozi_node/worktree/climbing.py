"""Names like ``../file`` in an archive of a gateway: where they lead, as long as that is inside.

Nothing that jiaozi writes to a disk takes such names. Trees have them all the same, and other
gateways send such a tree as TAR with the file in the directory that the name leads to. Only a file
may be named so, it must lead to a directory on the way to it, and the name must be free there: no
archive unpacks through a symlink, or twice to one place, because of it.
"""

from typing import NamedTuple

from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.directory import Entry
from jiaozi_node.unixfs.node import FILE
from jiaozi_node.worktree import names
from jiaozi_node.worktree.names import UnsafeName

Parts = tuple[str, ...]


class Placed(NamedTuple):
    """Where an entry goes; *climbed* when its name led there."""

    parts: Parts
    cid: Cid
    climbed: bool = False

    def check(self, kind: str) -> None:
        """Raise `UnsafeName` unless something of *kind* may go there."""
        if self.climbed and kind != FILE:
            raise UnsafeName(
                self.parts, f"a {kind} is named by a way that leads out of where it is"
            )


class Climbing:
    """Places the entries of one walk, depth first, of the tree that goes to *root*."""

    def __init__(self, root: Parts) -> None:
        self._root = root
        # The directories on the way to the present one, and the names that are taken in each.
        self._way: list[tuple[Parts, set[str]]] = []

    def place(self, held: list[Entry], parts: Parts) -> list[Placed]:
        """Say where the entries *held* by the directory at *parts* go; raises `UnsafeName`."""
        while self._way and self._way[-1][0] != parts[: len(self._way[-1][0])]:
            self._way.pop()
        plain = [entry.name for entry in held if "/" not in entry.name]
        names.check_all(plain, parts, reserved=False)
        self._way.append((parts, set(plain)))
        return [
            self._climbed(entry, parts)
            if "/" in entry.name
            else Placed((*parts, entry.name), entry.cid)
            for entry in held
        ]

    def _climbed(self, entry: Entry, parts: Parts) -> Placed:
        *up, last = entry.name.split("/")
        if any(part != ".." for part in up):
            raise UnsafeName((*parts, entry.name), "it contains '/'")
        if len(up) > len(parts) - len(self._root):
            raise UnsafeName((*parts, entry.name), "it leads out of the tree")
        names.check(last, parts, reserved=False)
        parent = parts[: len(parts) - len(up)]
        taken = next(held for at, held in self._way if at == parent)
        if last in taken:
            raise UnsafeName((*parts, entry.name), "what it leads to has an entry of that name")
        taken.add(last)
        return Placed((*parent, last), entry.cid, climbed=True)
