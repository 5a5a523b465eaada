"""A merge with disputes, kept as blocks until they are settled (``specs/merge.md`` §6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from jiaozi_node.dag.walk import Lookup, need
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning import conflict
from jiaozi_node.versioning import fields as f
from jiaozi_node.versioning.conflict import Conflict, Path
from jiaozi_node.versioning.drivers.outcome import Cell

TYPE: Final = "jiaozi/merge-state"
PAGE_TYPE: Final = "jiaozi/conflicts"
VERSION: Final = 1

MAX_CONFLICTS: Final = 100_000  # §6.3
MAX_CELLS: Final = 1_000  # §6.3: of one conflict
MAX_PAGES: Final = 16_384  # what one block has room for
MAX_PATH_BYTES: Final = 256 * 256  # 256 names of 255 bytes

_PAGE_BYTES = 512 * 1024  # of conflicts, as estimated; a page may go over by its last one
_CELL_SIDES = ("base", "ours", "theirs")


@dataclass(frozen=True, slots=True)
class MergeState:
    """What was merged, and how far it got.

    *ours* is HEAD's commit, *theirs* the one merged, picked or reverted, *base* the tree both were
    measured against and *tree* what came out, with its *conflicts*, those that are settled too.
    """

    base: Cid | None
    ours: Cid
    theirs: Cid
    tree: Cid
    conflicts: tuple[Conflict, ...] = ()

    def __post_init__(self) -> None:
        if self.base is not None:
            f.check_tree("base", self.base)
        f.check_links("ours", (self.ours,), 1)
        f.check_links("theirs", (self.theirs,), 1)
        f.check_tree("tree", self.tree)
        if len(self.conflicts) > MAX_CONFLICTS:
            raise LimitExceeded("conflicts", MAX_CONFLICTS, len(self.conflicts), "paths")
        for found in self.conflicts:
            if len(found.cells) > MAX_CELLS:
                where = f"cells in dispute of {'/'.join(found.path)!r}"
                raise LimitExceeded(where, MAX_CELLS, len(found.cells), "cells")

    @property
    def open(self) -> tuple[Conflict, ...]:
        """The conflicts that are not settled."""
        return tuple([found for found in self.conflicts if not found.settled])


def encode(state: MergeState) -> list[Block]:
    """Return the blocks of *state*, its own last; raises `LimitExceeded`."""
    pages: list[Block] = []
    page: list[dict[str, Any]] = []
    size = 0
    for found in state.conflicts:
        item = _conflict_map(found)
        item_size = _size(item)
        if page and size + item_size > _PAGE_BYTES:
            pages.append(_page(page))
            page, size = [], 0
        page.append(item)
        size += item_size
    if page:
        pages.append(_page(page))
    out: dict[str, Any] = {"type": TYPE, "v": VERSION}
    if state.base is not None:
        out["base"] = state.base
    out |= {"ours": state.ours, "theirs": state.theirs, "tree": state.tree}
    if pages:
        out["conflicts"] = [block.cid for block in pages]
    return [*pages, f.seal(TYPE, out)]


def decode(cid: Cid) -> Lookup[MergeState]:
    """Read a state and its pages; raises `NewerSchema`, `SchemaBroken`, `LimitExceeded`."""
    rest = f.open_block((yield from need(cid)), TYPE, VERSION)
    links = f.take_list(rest, "conflicts")
    f.check_links("conflicts", links, MAX_PAGES)
    found: list[Conflict] = []
    for at, link in enumerate(links):
        page = f.open_block((yield from need(link, links[at + 1 :])), PAGE_TYPE, VERSION)
        items = f.take_list(page, "conflicts")
        _nothing_left(page, "")
        if len(found) + len(items) > MAX_CONFLICTS:
            raise LimitExceeded("conflicts", MAX_CONFLICTS, len(found) + len(items), "paths")
        found += [_conflict(item, f"conflicts[{n}]") for n, item in enumerate(items)]
    state = MergeState(
        f.take_optional(rest, "base"),
        f.take(rest, "ours"),
        f.take(rest, "theirs"),
        f.take(rest, "tree"),
        tuple(found),
    )
    _nothing_left(rest, "")
    return state


def _page(items: list[dict[str, Any]]) -> Block:
    return f.seal(PAGE_TYPE, {"type": PAGE_TYPE, "v": VERSION, "conflicts": items})


def _size(item: dict[str, Any]) -> int:
    """Return about how many bytes a conflict takes, rather too many."""
    cells = sum([64 + sum(map(len, cell.values())) for cell in item.get("cells", ())])
    return 256 + len(item["path"]) + sum(map(len, item.get("renamed", ()))) + cells


def _conflict_map(found: Conflict) -> dict[str, Any]:
    out: dict[str, Any] = {"path": _joined(found.path), "kind": found.kind}
    sides = zip(_CELL_SIDES, (found.base, found.ours, found.theirs), strict=True)
    out |= {side: cid for side, cid in sides if cid is not None}
    if found.marked:
        out["marked"] = True
    if found.cells:
        out["cells"] = [_cell_map(cell) for cell in found.cells]
    if found.renamed:
        out["renamed"] = [_joined(path) for path in found.renamed]
    if found.settled:
        out["settled"] = True
    return out


def _cell_map(cell: Cell) -> dict[str, bytes]:
    sides = (cell.row, cell.column, cell.base, cell.ours, cell.theirs)
    named = zip(("row", "column", *_CELL_SIDES), sides, strict=True)
    return {key: value for key, value in named if value is not None}


def _conflict(item: object, where: str) -> Conflict:
    if not isinstance(item, dict):
        raise f.SchemaBroken(where, "must be a map")
    rest, dot = dict(item), f"{where}."
    kind = f.take(rest, "kind", dot)
    if kind not in conflict.KINDS:
        raise f.SchemaBroken(f"{dot}kind", f"is none we know: {f.shown(kind)}")
    marked, settled = (_take_true(rest, key, dot) for key in ("marked", "settled"))
    base, ours, theirs = (f.take_optional(rest, side, dot) for side in _CELL_SIDES)
    for side, cid in zip(_CELL_SIDES, (base, ours, theirs), strict=True):
        if cid is not None and not isinstance(cid, Cid):
            raise f.SchemaBroken(dot + side, "must be a link")
    cells = f.take_list(rest, "cells", dot)
    if len(cells) > MAX_CELLS:
        raise LimitExceeded(f"{dot}cells", MAX_CELLS, len(cells), "cells")
    renamed = f.take_list(rest, "renamed", dot)
    if len(renamed) not in (0, 2):
        raise f.SchemaBroken(f"{dot}renamed", "must be two paths")
    path = _split(f.take(rest, "path", dot), f"{dot}path")
    _nothing_left(rest, dot)
    return Conflict(
        path,
        kind,
        base,
        ours,
        theirs,
        marked,
        tuple([_cell(cell, f"{dot}cells[{at}]") for at, cell in enumerate(cells)]),
        tuple([_split(path, f"{dot}renamed") for path in renamed]),
        settled,
    )


def _take_true(rest: dict[str, Any], key: str, dot: str) -> bool:
    value = f.take_optional(rest, key, dot)
    if value not in (None, True):
        raise f.SchemaBroken(f"{dot}{key}", "must be true or absent")
    return value is True


def _cell(item: object, where: str) -> Cell:
    if not isinstance(item, dict):
        raise f.SchemaBroken(where, "must be a map")
    rest = dict(item)
    row = f.take(rest, "row", f"{where}.")
    sides = [f.take_optional(rest, key, f"{where}.") for key in ("column", *_CELL_SIDES)]
    if not isinstance(row, bytes) or any(not isinstance(side, bytes | None) for side in sides):
        raise f.SchemaBroken(where, "must hold bytes")
    _nothing_left(rest, f"{where}.")
    return Cell(row, *sides)


def _joined(path: Sequence[str]) -> bytes:
    return "/".join(path).encode("utf-8", "surrogateescape")


def _split(value: object, where: str) -> Path:
    if not isinstance(value, bytes):
        raise f.SchemaBroken(where, "must be bytes")
    if len(value) > MAX_PATH_BYTES:
        raise LimitExceeded(where, MAX_PATH_BYTES, len(value))
    path = tuple(value.decode("utf-8", "surrogateescape").split("/")) if value else ()
    if "" in path:
        raise f.SchemaBroken(where, "has an empty name")
    return path


def _nothing_left(rest: dict[str, Any], where: str) -> None:
    # The state is ours alone and never leaves the home: an unknown key is a mistake.
    for key in rest:
        raise f.SchemaBroken(f"{where}{f.shown(key)}", "is not a field of this version")
