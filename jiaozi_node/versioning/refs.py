"""Branches and tags of one repository: read, listed, moved by compare-and-swap with a reflog.

Follows ``specs/refs.md`` §2–§3 and §5. Every move is one `Names.apply`: the ref, its reflog entry
and what the caller adds to them stand or fall together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jiaozi_node.errors import Conflict, NotFound, Refused
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import Change, Names
from jiaozi_node.versioning import reflog, rows
from jiaozi_node.versioning.fields import Plain, SchemaBroken, is_version_block
from jiaozi_node.versioning.near import near
from jiaozi_node.versioning.reflog import Entry, Note
from jiaozi_node.versioning.refname import HEADS, RefName, check_id

KIND: Final = "refs"
SHAPES: Final = "refshapes"
CHECKOUTS: Final = "checkouts"


class RefMissing(NotFound):
    """There is no such branch or tag; *like* are names that look like it."""

    def __init__(self, name: RefName, like: tuple[str, ...] = ()) -> None:
        what = "branch" if name.family == HEADS else "tag"
        meant = f"; did you mean {' or '.join(map(repr, like))}?" if like else ""
        super().__init__(f"there is no {what} {name.name!r}{meant}")
        self.name, self.like = name, like


class RefMoved(Conflict):
    """A ref isn't where the caller of a compare-and-swap expected it; nothing was changed."""

    def __init__(self, name: RefName, expected: Cid | None, found: Cid | None) -> None:
        super().__init__(f"{name} is {found or 'absent'}, not {expected or 'absent'} as expected")
        self.name, self.expected, self.found = name, expected, found


class NamesNest(Conflict):
    """``a`` can't stand beside ``a/b``: names nest by '/' (§1.7)."""

    def __init__(self, name: RefName, beside: RefName) -> None:
        super().__init__(f"{name} can't be made beside {beside}: names nest by '/'")
        self.name, self.beside = name, beside


class CheckedOut(Refused):
    """A branch is checked out in a working copy, so it can't be deleted or checked out again."""

    def __init__(self, branch: str, working_copy: str) -> None:
        super().__init__(f"branch {branch!r} is checked out in working copy {working_copy}")
        self.branch, self.working_copy = branch, working_copy


@dataclass(frozen=True, slots=True)
class _Row:
    """A ref as it stands: its target, how often it moved, and the very bytes, for the swap."""

    target: Cid
    moves: int
    data: bytes


class Refs:
    """The refs of *repository*, whose id it is."""

    def __init__(self, names: Names, repository: str) -> None:
        check_id(repository)
        self.names, self.repository = names, repository

    def get(self, name: RefName) -> Cid | None:
        """Return what *name* points at, or None."""
        row = self._row(name)
        return None if row is None else row.target

    def target(self, name: RefName) -> Cid:
        """Return what *name* points at; raises `RefMissing`."""
        row = self._row(name)
        if row is None:
            others = (ref.name for ref, _target in self.list(f"{name.family}/"))
            raise RefMissing(name, near(name.name, others))
        return row.target

    def list(self, prefix: str = "") -> Iterator[tuple[RefName, Cid]]:
        """Yield refs and targets whose full text begins with *prefix*, in byte order."""
        start = rows.key(self.repository, "")
        for at, data in self.names.scan(KIND, start + prefix.encode(errors="surrogateescape")):
            name = RefName.parse(at[len(start) :].decode())
            yield name, _read(at, data).target

    def reflog(self, name: RefName) -> Iterator[Entry]:
        """Yield the moves of *name*, newest first; those before a deletion too."""
        return reflog.entries(self.names, self.repository, str(name))

    def cas(
        self,
        name: RefName,
        old: Cid | None,
        new: Cid | None,
        note: Note,
        also: Sequence[Change] = (),
    ) -> None:
        """Move *name* from *old* to *new*; None stands for absent. *also* goes into the same batch.

        The blocks of *new* must be durable before. Raises `RefMoved`, `NamesNest`, `CheckedOut`
        (a branch that a working copy is on isn't deleted), `NameConflict` for *also*.
        """
        rows.swap(self.names, lambda: (*self.moving(name, old, new, note), *also))

    def delete(self, name: RefName, old: Cid, note: Note) -> None:
        """Delete *name*, which must point at *old*; its reflog stays."""
        self.cas(name, old, None, note)

    def moving(
        self, name: RefName, old: Cid | None, new: Cid | None, note: Note
    ) -> tuple[Change, ...]:
        """Return the changes of a move, as the rows are now; see `cas` and `rows.swap`."""
        if new is not None and not is_version_block(new):
            raise SchemaBroken(str(name), f"can't point at {new}: not the CID of a commit")
        row = self._row(name)
        found = None if row is None else row.target
        if found != old:
            raise RefMoved(name, old, found)
        owner, ref, at = self.repository, str(name), self._key(name)
        if row is not None:
            moves, guard = row.moves, self._releasing(name) if new is None else ()
        else:
            moves, guard = reflog.count(self.names, owner, ref), self._creating(name)
        value = None if new is None else rows.write({"target": new, "moves": moves + 1})
        return (
            Change(KIND, at, value, expect=None if row is None else row.data),
            reflog.appending(owner, ref, moves, old, new, note),
            *guard,
        )

    def founding(self, targets: Mapping[RefName, Cid], note: Note) -> tuple[Change, ...]:
        """Return the changes that make *targets* the refs of a repository that never had any.

        Raises `NamesNest`.
        """
        made: list[Change] = []
        for name, target in targets.items():
            parts = name.name.split("/")
            for depth in range(1, len(parts)):
                above = RefName(name.family, "/".join(parts[:depth]))
                if above in targets:
                    raise NamesNest(name, above)
            value = rows.write({"target": target, "moves": 1})
            made.append(Change(KIND, self._key(name), value, expect=None))
            made.append(reflog.appending(self.repository, str(name), 0, None, target, note))
        shape = rows.write(len(targets))
        return (*made, Change(SHAPES, rows.key(self.repository), shape, expect=None))

    def standing(self, name: RefName, target: Cid | None) -> Change:
        """Return the change that does nothing unless *name* stops pointing at *target*; see `cas`.

        Put it into a batch that must not outlive a move of *name*. Raises `RefMoved`.
        """
        row = self._row(name)
        found = None if row is None else row.target
        if found != target:
            raise RefMoved(name, target, found)
        data = None if row is None else row.data
        return Change(KIND, self._key(name), data, expect=data)

    def _creating(self, name: RefName) -> tuple[Change, ...]:
        """Return the guard that no other creation happens in between, sure that *name* nests."""
        at = rows.key(self.repository)
        shape = self.names.get(SHAPES, at)
        parts = name.name.split("/")
        for depth in range(1, len(parts)):
            above = RefName(name.family, "/".join(parts[:depth]))
            if self._row(above) is not None:
                raise NamesNest(name, above)
        for below, _target in self.list(f"{name}/"):
            raise NamesNest(name, below)
        made = 0 if shape is None else rows.read(SHAPES, at, shape, int)
        return (Change(SHAPES, at, rows.write(made + 1), expect=shape),)

    def _releasing(self, name: RefName) -> tuple[Change, ...]:
        """Return the guard that no working copy is on the branch *name*."""
        if name.family != HEADS:
            return ()
        at = rows.key(self.repository, name.name)
        holder = self.names.get(CHECKOUTS, at)
        if holder is not None:
            raise CheckedOut(name.name, rows.read(CHECKOUTS, at, holder, str))
        return (Change(CHECKOUTS, at, None, expect=None),)

    def _row(self, name: RefName) -> _Row | None:
        at = self._key(name)
        data = self.names.get(KIND, at)
        return None if data is None else _read(at, data)

    def _key(self, name: RefName) -> bytes:
        return rows.key(self.repository, str(name))


def _read(at: bytes, data: bytes) -> _Row:
    """Read the row of a ref."""

    def shape(row: Plain) -> _Row:
        target, moves = row["target"], row["moves"]
        if not isinstance(target, Cid) or type(moves) is not int:
            raise TypeError("a ref has a link and a count")
        return _Row(target, moves, data)

    return rows.read(KIND, at, data, shape)
