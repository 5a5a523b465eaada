"""What a working copy is in the midst of: a merge, cherry-pick or revert (``specs/merge.md`` §6).

The row is there from before the first file is touched until all is settled and committed, or given
up; who finds it goes on from there.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from jiaozi_node.errors import Refused
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import Change, Names
from jiaozi_node.versioning import rows
from jiaozi_node.versioning.fields import Plain

KIND: Final = "merges"

MERGE: Final = "merge"
PICK: Final = "cherry-pick"
REVERT: Final = "revert"
ACTS: Final = (MERGE, PICK, REVERT)


@dataclass(frozen=True, slots=True)
class Under:
    """An act under way.

    *state* is the block of `merge_state`; None between two commits of a series. *head* is what HEAD
    stood for when this was written, *start* what it stood for before the act. *message* is that of
    the commit to be; *todo* are the commits still to be replayed, *mainline* which of their parents
    counts.
    """

    what: str
    state: Cid | None
    head: Cid
    start: Cid
    message: str = ""
    todo: tuple[Cid, ...] = ()
    mainline: int | None = None

    def __post_init__(self) -> None:
        if self.what not in ACTS:
            raise ValueError(f"no such act: {self.what!r:.40}")
        for cid in (self.state, self.head, self.start, *self.todo):
            if cid is not None and not isinstance(cid, Cid):
                raise TypeError("what is under way names something that isn't a link")

    def after(self, commit: Cid) -> "Under | None":
        """Return what is under way when *commit* was made: the rest of a series, or nothing."""
        if not self.todo:
            return None
        # What the user commits between two of the series is no part of it.
        head = self.head if self.state is None else commit
        return replace(self, state=None, head=head, message="")


class UnderWay(Refused):
    """Something can't be done while a merge, cherry-pick or revert is under way."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"a {what} is under way: 'jiaozi {what} --continue' finishes it, --abort gives it up"
        )
        self.what = what


class Merges:
    """What is under way in the working copies whose *names* these are."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def get(self, working_copy: str) -> Under | None:
        """Return what is under way in *working_copy*, or None."""
        at = rows.key(working_copy)
        data = self.names.get(KIND, at)
        return None if data is None else rows.read(KIND, at, data, from_map)

    def check_none(self, working_copy: str) -> None:
        """Raise `UnderWay` when anything is."""
        under = self.get(working_copy)
        if under is not None:
            raise UnderWay(under.what)

    def setting(self, working_copy: str, old: Under | None, new: Under | None) -> Change:
        """Return the change that puts *new* in the place of *old*; None stands for nothing."""
        return Change(KIND, rows.key(working_copy), _row(new), expect=_row(old))


def to_map(under: Under) -> dict[str, Any]:
    """Return *under* as a row has it."""
    out: dict[str, Any] = {"what": under.what, "head": under.head, "start": under.start}
    if under.state is not None:
        out["state"] = under.state
    if under.message:
        out["message"] = under.message
    if under.todo:
        out["todo"] = list(under.todo)
    if under.mainline is not None:
        out["mainline"] = under.mainline
    return out


def from_map(row: Plain) -> Under:
    """Read what `to_map` gave."""
    return Under(
        row["what"],
        row.get("state"),
        row["head"],
        row["start"],
        row.get("message", ""),
        tuple(row.get("todo", ())),
        row.get("mainline"),
    )


def _row(under: Under | None) -> bytes | None:
    return None if under is None else rows.write(to_map(under))
