"""What each working copy has staged: one tree per working copy (``specs/refs.md`` §5).

The row is a root of garbage collection, so it is set only after the tree's blocks are durable.
"""

from typing import Final

from jiaozi_node.errors import Conflict
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import Change, NameConflict, Names
from jiaozi_node.versioning import rows
from jiaozi_node.versioning.fields import Plain

KIND: Final = "stages"


class StageMoved(Conflict):
    """Another process staged something in this working copy meanwhile; nothing was changed."""

    def __init__(self, working_copy: str, expected: Cid | None, found: Cid | None) -> None:
        super().__init__(
            f"the stage of working copy {working_copy} is {found or 'absent'},"
            f" not {expected or 'absent'} as expected"
        )
        self.working_copy, self.expected, self.found = working_copy, expected, found


class Stages:
    """The stages of the working copies whose *names* these are."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def get(self, working_copy: str) -> Cid | None:
        """Return the staged tree, or None when nothing was ever staged."""
        at = rows.key(working_copy)
        data = self.names.get(KIND, at)
        return None if data is None else rows.read(KIND, at, data, _tree)

    def setting(self, working_copy: str, old: Cid | None, new: Cid | None) -> Change:
        """Return the change that moves the stage from *old* to *new*; None stands for absent."""
        return Change(KIND, rows.key(working_copy), _row(new), expect=_row(old))

    def cas(self, working_copy: str, old: Cid | None, new: Cid | None) -> None:
        """Move the stage from *old* to *new*; raises `StageMoved`."""
        try:
            self.names.apply((self.setting(working_copy, old, new),))
        except NameConflict:
            raise StageMoved(working_copy, old, self.get(working_copy)) from None


def _row(tree: Cid | None) -> bytes | None:
    return None if tree is None else rows.write({"tree": tree})


def _tree(row: Plain) -> Cid:
    tree = row["tree"]
    if not isinstance(tree, Cid):
        raise TypeError("a stage is a link")
    return tree
