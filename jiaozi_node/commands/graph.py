"""A history drawn in text, as ``git log --graph`` draws it.

Each commit stands in a column; a column is what still waits for a commit to be drawn. Below a
commit its column goes on as its parents. Where a parent has a column already the lines join, and
lines move one place to the left per row until each stands in its own column; one of them may cross
several in a row, on underscores. A merge whose first parent stands to the left of it leans to the
left. To a merge of many, rows before it make room. The rules are those of git 2.39, and so is the
drawing.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from enum import Enum


class _Row(Enum):
    """What the row drawn last was, as far as the next one cares."""

    OTHER = 0
    MERGE = 1
    COLLAPSE = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """The rows of one commit: some *before* its own, its *own*, some *after*, and *rest* for all
    further lines. *gap* is the row above it where commits are set apart, else None.
    """

    gap: str | None
    before: tuple[str, ...]
    own: str
    after: tuple[str, ...]
    rest: str


@dataclass(slots=True)
class Graph:
    """Draws commits in the order in which they are told: none before all of its children."""

    _columns: list[Hashable] = field(default_factory=list)
    _last: _Row = _Row.OTHER
    _last_index: int = 0  # the column of the commit drawn last
    _last_added: int = 0  # how many columns it added
    _was: dict[int, int] = field(default_factory=dict)  # places of lines as last collapsed

    def draw(self, commit: Hashable, parents: Sequence[Hashable], *, gap: bool = False) -> Picture:
        """Draw *commit*, whose drawn parents are *parents*; with *gap* a row above it."""
        shape = _Shape(self._columns, commit, parents)
        wide = self._widening(shape)
        above: str | None = None
        if gap and wide:
            above = wide.pop(0)
            self._last = _Row.OTHER
        elif gap:
            above = shape.padded(self._waiting(shape))
            self._last = _Row.OTHER
        if wide:
            self._last = _Row.OTHER
        own = shape.padded(self._own(shape))
        self._last = _Row.OTHER
        after = []
        if len(parents) > 1:
            after.append(shape.padded(self._merge(shape)))
            self._last = _Row.MERGE
        while not shape.settled():
            self._was = shape.collapse()
            after.append(shape.padded(shape.row))
            self._last = _Row.COLLAPSE
        self._columns = shape.after
        self._last_index, self._last_added = shape.index, shape.added
        rest = shape.padded("| " * len(shape.after))
        return Picture(above, tuple(wide), own, tuple(after), rest)

    def _widening(self, shape: "_Shape") -> list[str]:
        """Return the rows that push what is right of a merge of three or more out of its way."""
        if len(shape.parents) < 3 or shape.index >= len(shape.before) - 1:
            return []
        rows = []
        for at in range(2 * shape.dashes):
            out = []
            for column in range(len(shape.before)):
                if column == shape.index:
                    out.append("|" + " " * at)
                elif column < shape.index:
                    out.append("|")
                else:
                    slants = self._leans(column) if at == 0 else True
                    out.append("\\" if slants else "|")
            rows.append(shape.padded(" ".join([*out, ""])))
        return rows

    def _leans(self, column: int) -> bool:
        """Tell whether the row before, of a merge, pushed *column* to the right."""
        return self._last is _Row.MERGE and self._last_index < column

    def _waiting(self, shape: "_Shape") -> str:
        """Return a row in which nothing moves, room for the dashes of a merge included."""
        out = []
        for column in range(len(shape.before)):
            wide = column == shape.index and len(shape.parents) > 2
            out.append("|" + " " * (2 * (len(shape.parents) - 2) if wide else 1))
        return "".join(out)

    def _own(self, shape: "_Shape") -> str:
        out = []
        for column in range(shape.index):
            slides = self._last is _Row.COLLAPSE and self._was.get(2 * column + 1) == column
            out.append("/ " if slides and shape.places.get(2 * column, -1) < column else "| ")
        out.append("*" + ("--" * (shape.dashes - 1) + "-." if shape.dashes > 0 else "") + " ")
        for column in range(shape.index + 1, len(shape.before)):
            if shape.added > 1:
                leans = True
            elif shape.added == 1:
                leans = self._leans(column) and self._last_added > 0
            else:
                slides = self._last is _Row.COLLAPSE and self._was.get(2 * column + 1) == column
                out.append("/ " if slides and shape.places.get(2 * column, -1) < column else "| ")
                continue
            out.append("\\ " if leans else "| ")
        return "".join(out)

    def _merge(self, shape: "_Shape") -> str:
        """Return the row below a merge, in which its parents part."""
        out = []
        crossing = False  # a line to the first parent, which stands to the left
        for column in range(shape.index):
            out.append("|")
            if not shape.left or column != shape.index - 1:
                out.append("_" if crossing else " ")
            crossing = crossing or shape.before[column] == shape.parents[0]
        marks = "/|\\" if shape.left else "|\\"
        for at in range(len(shape.parents)):
            mark = marks[min(at, len(marks) - 1)]
            out.append(mark)
            last = at == len(shape.parents) - 1
            if mark == "\\" and (shape.added > 0 or not last):
                out.append(" ")
        if shape.added == 0:
            out.append(" ")
        right = len(shape.before) - shape.index - 1
        return "".join(out) + ("\\ " if shape.added > 0 else "| ") * right


class _Shape:
    """The columns before and after one commit, and where each line stands in between.

    *places* says for a place in the row, two of which make a column, which column of *after* the
    line there goes to.
    """

    def __init__(
        self, columns: Sequence[Hashable], commit: Hashable, parents: Sequence[Hashable]
    ) -> None:
        self.before, self.parents = list(columns), list(parents)
        known = commit in columns
        self.index = self.before.index(commit) if known else len(self.before)
        self.after: list[Hashable] = []
        self.places: dict[int, int] = {}
        self.left = False  # a merge whose first parent stands to the left of it
        self.added = 0  # columns that a merge adds; -1: its last line joins the next at once
        self.width = 0
        self.row = ""
        for column, waiting in enumerate([*self.before, *([] if known else [commit])]):
            if column != self.index:
                self._place(self._column_of(waiting))
                continue
            for at, parent in enumerate(parents):
                to = self._column_of(parent)
                if at == 0 and len(parents) > 1:
                    self._part(column, to)
                else:
                    self._place(to)
            if not parents:
                self.width += 2
        self.dashes = len(parents) - 3 + (not self.left) if len(parents) > 2 else 0

    def settled(self) -> bool:
        """Tell whether every line stands in its own column."""
        return all(to == place // 2 for place, to in self.places.items())

    def padded(self, row: str) -> str:
        """Return *row* as wide as all rows of this commit."""
        return row.ljust(self.width)

    def collapse(self) -> dict[int, int]:
        """Move the lines on by one row, which is put into `row`; return where they stand.

        Lines only move to the left: by one place, or by two across a line that stands in the way.
        The first that moves does so as far as it can.
        """
        moved: dict[int, int] = {}
        across: tuple[int, int] | None = (
            None  # of the line on underscores: from where, and to where
        )
        for place, to in sorted(self.places.items()):
            if 2 * to == place:
                moved[place] = to
                continue
            beside = moved.get(place - 1)
            if beside == to:
                continue  # joined
            moved[place - 1 if beside is None else place - 2] = to
            if across is None:
                across = (place if beside is None else place - 1), to
                moved.update(dict.fromkeys(range(2 * to + 3, place - 2, 2), to))
        stand = dict(moved)
        out = []
        flat = False
        for place in range(max(moved, default=-1) + 1):
            going = moved.get(place)
            if going is None:
                out.append(" ")
            elif 2 * going == place:
                out.append("|")
            elif across is not None and going == across[1] and place != across[0] - 1:
                flat = True
                out.append("_")
                if place != 2 * going + 3:
                    del moved[place]
            else:
                if flat and across is not None and place < across[0]:
                    del moved[place]
                out.append("/")
        self.places = moved
        self.row = "".join(out)
        return stand

    def _column_of(self, commit: Hashable) -> int:
        if commit not in self.after:
            self.after.append(commit)
        return self.after.index(commit)

    def _part(self, column: int, to: int) -> None:
        """Place the line to the first parent of a merge that stands in *column*."""
        steps = column - to
        self.left = steps > 0
        self.added = len(self.parents) - (2 if self.left else 1)
        if self.left:
            self.places[self.width - (2 * steps - 3 if steps > 1 else 1)] = to
        else:
            self.places[self.width] = to
            self.width += 2

    def _place(self, to: int) -> None:
        """Place a line that goes to the column *to*."""
        if self.added > 0 and self.places.get(self.width - 2) == to:
            self.places[self.width - 2] = to
            self.added = -1
        else:
            self.places[self.width] = to
            self.width += 2
