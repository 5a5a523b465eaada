"""Conflicts are data: what two sides did to a path that no rule decides (``specs/merge.md`` §2)."""

from dataclasses import dataclass
from typing import Final

from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning.drivers.outcome import Cell

Path = tuple[str, ...]

BOTH_MODIFIED: Final = "both-modified"
BOTH_ADDED: Final = "both-added"
MODIFY_DELETE: Final = "modify-delete"
FILE_DIRECTORY: Final = "file-directory"
MODE: Final = "mode"
BOTH_RENAMED: Final = "both-renamed"

KINDS: Final = frozenset(
    (BOTH_MODIFIED, BOTH_ADDED, MODIFY_DELETE, FILE_DIRECTORY, MODE, BOTH_RENAMED)
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """One path in dispute: its CID on each side, None where it is not.

    *marked* says that the merged tree holds git's markers there; else it holds ours (nothing, where
    ours is None). *cells* are the fields in dispute of a table. *renamed* are the new paths, ours
    and theirs, of a file that both sides renamed. *settled* says that it was decided since.
    """

    path: Path
    kind: str
    base: Cid | None = None
    ours: Cid | None = None
    theirs: Cid | None = None
    marked: bool = False
    cells: tuple[Cell, ...] = ()
    renamed: tuple[Path, ...] = ()
    settled: bool = False
