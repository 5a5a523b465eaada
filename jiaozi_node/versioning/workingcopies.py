"""Working copies and their HEADs (``specs/refs.md`` §4, §5).

A working copy's row says which repository it belongs to, where it was last seen, and its HEAD. A
branch is checked out in at most one of them: a claim moves in the same batch as HEAD.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from jiaozi_node.errors import Conflict, NotFound
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import Change, Names
from jiaozi_node.versioning import merges, reflog, rows, stages
from jiaozi_node.versioning.fields import Plain
from jiaozi_node.versioning.reflog import Entry, Note
from jiaozi_node.versioning.refname import RefName, check_id
from jiaozi_node.versioning.refs import CHECKOUTS, CheckedOut, Refs

KIND: Final = "workingcopies"


class WorkingCopyMissing(NotFound):
    """This home knows no working copy of that id."""

    def __init__(self, working_copy: str) -> None:
        super().__init__(f"this home knows no working copy {working_copy!r}")
        self.working_copy = working_copy


class HeadMoved(Conflict):
    """HEAD isn't at the commit that its caller expected; nothing was changed."""

    def __init__(self, expected: Cid | None, found: Cid | None) -> None:
        super().__init__(f"HEAD is {found or 'unborn'}, not {expected or 'unborn'} as expected")
        self.expected, self.found = expected, found


@dataclass(frozen=True, slots=True)
class Head:
    """Where a working copy stands: on *branch*, or detached at *commit*.

    Both None is a detached HEAD of a repository without a commit: a copied directory's.
    """

    branch: str | None = None
    commit: Cid | None = None

    def __post_init__(self) -> None:
        if self.branch is not None:
            if self.commit is not None:
                raise ValueError("HEAD is either attached or detached")
            RefName.branch(self.branch)

    @property
    def ref(self) -> RefName | None:
        """The ref of the branch when attached."""
        return None if self.branch is None else RefName.branch(self.branch)


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """A directory with files of *repository*, seen at *path* (surrogateescape) with *inode*."""

    id: str
    repository: str
    path: str
    inode: int
    head: Head
    moves: int = 0

    def __post_init__(self) -> None:
        check_id(self.id)
        check_id(self.repository)


class WorkingCopies:
    """The working copies of the home whose *names* these are."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def get(self, working_copy: str) -> WorkingCopy:
        """Return the working copy of that id; raises `WorkingCopyMissing`."""
        return self._row(working_copy)[0]

    def list(self, repository: str | None = None) -> Iterator[WorkingCopy]:
        """Yield every working copy, or those of *repository*, in order of ids."""
        for at, data in self.names.scan(KIND):
            row = _read(at, data)
            if repository is None or row.repository == repository:
                yield row

    def commit(self, working_copy: str) -> Cid | None:
        """Return the commit that HEAD stands for; None when its branch is unborn."""
        return self._commit(self.get(working_copy))

    def holder(self, repository: str, branch: str) -> str | None:
        """Return the id of the working copy that is on *branch*, or None."""
        at = rows.key(repository, branch)
        data = self.names.get(CHECKOUTS, at)
        return None if data is None else rows.read(CHECKOUTS, at, data, str)

    def reflog(self, working_copy: str) -> Iterator[Entry]:
        """Yield the moves of HEAD, newest first."""
        return reflog.entries(self.names, working_copy, reflog.HEAD)

    def adding(self, new: WorkingCopy) -> tuple[Change, ...]:
        """Return the changes that add *new* and claim its branch; raises `CheckedOut`."""
        return (
            Change(KIND, rows.key(new.id), _write(new), expect=None),
            *self._claiming(new.repository, new.id, new.head),
        )

    def add(self, new: WorkingCopy) -> None:
        """Add *new*; raises `CheckedOut`, or `NameConflict` when its id is here."""
        rows.swap(self.names, lambda: self.adding(new))

    def place(self, working_copy: str, path: str, inode: int) -> WorkingCopy:
        """Record that the directory is now at *path* with *inode*: it was moved."""

        def plan() -> tuple[Change, ...]:
            old, data = self._row(working_copy)
            new = replace(old, path=path, inode=inode)
            return () if new == old else (_replacing(old, new, data),)

        rows.swap(self.names, plan)
        return self.get(working_copy)

    def copied(self, working_copy: str, new_id: str, path: str, inode: int) -> WorkingCopy:
        """Add *new_id* for a copied directory: detached at the same commit.

        What is staged there and what is under way goes on in both.
        """

        def plan() -> tuple[Change, ...]:
            old, data = self._row(working_copy)
            new = WorkingCopy(new_id, old.repository, path, inode, Head(None, self._commit(old)))
            same = [
                Change(kind, rows.key(new.id), self.names.get(kind, rows.key(old.id)), expect=None)
                for kind in (stages.KIND, merges.KIND)
            ]
            return (Change(KIND, rows.key(old.id), data, expect=data), *self.adding(new), *same)

        rows.swap(self.names, plan)
        return self.get(new_id)

    def move(self, working_copy: str, head: Head, note: Note, also: Sequence[Change] = ()) -> None:
        """Attach or detach HEAD; *also* goes into the same batch.

        Raises `CheckedOut` when another working copy is on the branch, `NameConflict` for *also*.
        """

        def plan() -> tuple[Change, ...]:
            row, data = self._row(working_copy)
            new = replace(row, head=head, moves=row.moves + 1)
            if head.branch == row.head.branch:
                claims: tuple[Change, ...] = ()
            else:
                claims = (
                    *self._releasing(row),
                    *self._claiming(row.repository, row.id, head),
                )
            before, after = self._commit(row), self._commit(new)
            entry = reflog.appending(row.id, reflog.HEAD, row.moves, before, after, note)
            refs, ref = Refs(self.names, row.repository), head.ref
            stays = () if ref is None else (refs.standing(ref, after),)
            return (_replacing(row, new, data), *claims, *stays, entry, *also)

        rows.swap(self.names, plan)

    def advance(
        self,
        working_copy: str,
        old: Cid | None,
        new: Cid,
        note: Note,
        also: Sequence[Change] = (),
    ) -> None:
        """Move what HEAD stands for from *old* to *new*: its branch when attached, else itself.

        This is how a commit is acknowledged: branch, HEAD, both reflogs and *also* in one batch.
        Raises `HeadMoved` (as when another process committed), `NameConflict` for *also*.
        """

        def plan() -> tuple[Change, ...]:
            row, data = self._row(working_copy)
            found = self._commit(row)
            if found != old:
                raise HeadMoved(old, found)
            ref = row.head.ref
            if ref is None:
                after = replace(row, head=Head(None, new), moves=row.moves + 1)
                branch: tuple[Change, ...] = ()
            else:
                after = replace(row, moves=row.moves + 1)
                branch = Refs(self.names, row.repository).moving(ref, old, new, note)
            entry = reflog.appending(row.id, reflog.HEAD, row.moves, old, new, note)
            return (_replacing(row, after, data), *branch, entry, *also)

        rows.swap(self.names, plan)

    def forget(self, working_copy: str) -> None:
        """Drop the row, its claim and its stage; the directory itself is not touched."""

        def plan() -> tuple[Change, ...]:
            row, data = self._row(working_copy)
            at = rows.key(row.id)
            return (
                Change(KIND, at, None, expect=data),
                Change(stages.KIND, at, None),
                Change(merges.KIND, at, None),
                *self._releasing(row),
            )

        rows.swap(self.names, plan)

    def _commit(self, row: WorkingCopy) -> Cid | None:
        ref = row.head.ref
        return row.head.commit if ref is None else Refs(self.names, row.repository).get(ref)

    def _claiming(self, repository: str, working_copy: str, head: Head) -> tuple[Change, ...]:
        if head.branch is None:
            return ()
        holder = self.holder(repository, head.branch)
        if holder is not None:
            raise CheckedOut(head.branch, holder)
        at = rows.key(repository, head.branch)
        return (Change(CHECKOUTS, at, rows.write(working_copy), expect=None),)

    def _releasing(self, row: WorkingCopy) -> tuple[Change, ...]:
        if row.head.branch is None:
            return ()
        at = rows.key(row.repository, row.head.branch)
        return (Change(CHECKOUTS, at, None, expect=rows.write(row.id)),)

    def _row(self, working_copy: str) -> tuple[WorkingCopy, bytes]:
        at = rows.key(working_copy)
        data = self.names.get(KIND, at)
        if data is None:
            raise WorkingCopyMissing(working_copy)
        return _read(at, data), data


def _replacing(old: WorkingCopy, new: WorkingCopy, data: bytes) -> Change:
    return Change(KIND, rows.key(old.id), _write(new), expect=data)


def _read(at: bytes, data: bytes) -> WorkingCopy:
    def shape(row: Plain) -> WorkingCopy:
        head = Head(row["head"].get("branch"), row["head"].get("commit"))
        path = os.fsdecode(row["path"])
        return WorkingCopy(at.decode(), row["repository"], path, row["inode"], head, row["moves"])

    return rows.read(KIND, at, data, shape)


def _write(row: WorkingCopy) -> bytes:
    head: dict[str, Any] = {}
    if row.head.branch is not None:
        head["branch"] = row.head.branch
    elif row.head.commit is not None:
        head["commit"] = row.head.commit
    return rows.write(
        {
            "repository": row.repository,
            "path": os.fsencode(row.path),
            "inode": row.inode,
            "head": head,
            "moves": row.moves,
        }
    )
