"""The repositories that a home holds: id, alias, profile (``specs/refs.md`` §5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jiaozi_node.errors import Conflict, NotFound
from jiaozi_node.stores.api import Change, Names
from jiaozi_node.versioning import rows
from jiaozi_node.versioning.fields import Plain, check_profile
from jiaozi_node.versioning.refname import check_alias, check_id, check_name

KIND: Final = "repositories"
ALIASES: Final = "aliases"


class RepositoryMissing(NotFound):
    """No repository here has that id or alias."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"there is no repository {wanted!r} here")
        self.wanted = wanted


class AliasTaken(Conflict):
    """Another repository of this home has that alias."""

    def __init__(self, alias: str, repository: str) -> None:
        super().__init__(f"repository {repository} is already called {alias!r}")
        self.alias, self.repository = alias, repository


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository: *id* is its IPNS name, *head* its default branch, *created* Unix seconds."""

    id: str
    alias: str
    profile: str
    head: str
    created: int

    def __post_init__(self) -> None:
        check_id(self.id)
        check_alias(self.alias)
        check_profile("profile", self.profile)
        check_name(self.head)


class Repositories:
    """The repositories of the home whose *names* these are."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def get(self, repository: str) -> Repository:
        """Return the repository of that id; raises `RepositoryMissing`."""
        return self._row(repository)[0]

    def find(self, wanted: str) -> Repository:
        """Return the repository whose alias or id *wanted* is; raises `RepositoryMissing`."""
        at = rows.key(wanted)
        named = self.names.get(ALIASES, at)
        return self.get(wanted if named is None else rows.read(ALIASES, at, named, str))

    def list(self) -> Iterator[Repository]:
        """Yield every repository, in order of ids."""
        for at, data in self.names.scan(KIND):
            yield _read(at, data)

    def adding(self, repository: Repository) -> tuple[Change, ...]:
        """Return the changes that add *repository*; raises `AliasTaken`."""
        taken = self.names.get(ALIASES, rows.key(repository.alias))
        if taken is not None:
            raise AliasTaken(
                repository.alias,
                rows.read(ALIASES, rows.key(repository.alias), taken, str),
            )
        return (
            Change(KIND, rows.key(repository.id), _write(repository), expect=None),
            Change(ALIASES, rows.key(repository.alias), rows.write(repository.id), expect=None),
        )

    def add(self, repository: Repository) -> None:
        """Add *repository*; raises `AliasTaken`, or `NameConflict` when its id is here."""
        rows.swap(self.names, lambda: self.adding(repository))

    def rename(self, repository: str, alias: str) -> None:
        """Give the repository of that id another *alias*; raises `AliasTaken`."""

        def plan() -> tuple[Change, ...]:
            old, data = self._row(repository)
            if old.alias == alias:
                return ()
            new = Repository(old.id, alias, old.profile, old.head, old.created)
            _row, named = self.adding(new)
            return (
                Change(KIND, rows.key(old.id), _write(new), expect=data),
                Change(ALIASES, rows.key(old.alias), None, expect=rows.write(old.id)),
                named,
            )

        rows.swap(self.names, plan)

    def _row(self, repository: str) -> tuple[Repository, bytes]:
        at = rows.key(repository)
        data = self.names.get(KIND, at)
        if data is None:
            raise RepositoryMissing(repository)
        return _read(at, data), data


def _read(at: bytes, data: bytes) -> Repository:
    def shape(row: Plain) -> Repository:
        return Repository(at.decode(), row["alias"], row["profile"], row["head"], row["created"])

    return rows.read(KIND, at, data, shape)


def _write(repository: Repository) -> bytes:
    return rows.write(
        {
            "alias": repository.alias,
            "profile": repository.profile,
            "head": repository.head,
            "created": repository.created,
        }
    )
