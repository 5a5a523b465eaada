"""What a merge driver gives back (``specs/merge.md`` §5)."""

from dataclasses import dataclass
from typing import NamedTuple


class Labels(NamedTuple):
    """What the conflict markers call the two sides."""

    ours: str = "ours"
    theirs: str = "theirs"


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of one row that both sides changed; None where there is no such row or field.

    *column* is None when the row as a whole is in dispute: changed here, deleted there.
    """

    row: bytes
    column: bytes | None
    base: bytes | None
    ours: bytes | None
    theirs: bytes | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The merged content, and whether nothing in it is in dispute; *cells* says what is, by row."""

    data: bytes
    clean: bool
    cells: tuple[Cell, ...] = ()


class Unreadable(Exception):
    """Content that isn't what the driver reads; it goes to ``text`` instead (§5.6)."""
