"""How ``jiaozi diff --rows`` shows tables: to programs (``specs/diff.md`` §6.2) and to a person."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.shown import quoted

if TYPE_CHECKING:
    from jiaozi_node.node.diffing import Delta, Ends
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.node.row_diffing import Read
    from jiaozi_node.versioning.attributes import Attributes
    from jiaozi_node.versioning.row_diff import Told

_SHOWN_CHARS = 60  # of a value, to a person
_MARKS = {"changed": "~", "removed": "-", "added": "+"}


def rules(repository: "Repository", told: "Ends") -> "Attributes":
    """Return the rules that say which path is which table."""
    from jiaozi_node.node import row_diffing

    return row_diffing.rules(repository, told)


def rows(
    repository: "Repository", delta: "Delta", rules: "Attributes", key: Sequence[str] | None
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one file."""
    from jiaozi_node.node import row_diffing

    for told in row_diffing.rows(repository, delta, rules, key):
        yield {"path": delta.path, **value(told)}


def value(told: "Read | Told") -> dict[str, Any]:
    """Return what was told of a table as ``--json`` has it."""
    from jiaozi_node.node.row_diffing import Read
    from jiaozi_node.versioning import row_diff

    if isinstance(told, Read):
        return {"table": {"format": told.form, "key": list(told.key) if told.key else None}}
    if isinstance(told, row_diff.Columns):
        renamed = [{"before": one, "after": other} for one, other in told.renamed]
        return {
            "columns": {
                "added": list(told.added),
                "removed": list(told.removed),
                "renamed": renamed,
                "reordered": told.reordered,
            }
        }
    if isinstance(told, row_diff.RowChange):
        cells: list[dict[str, str]] = []
        for cell in told.cells:
            sides = {"before": cell.before, "after": cell.after}
            there = {name: text for name, text in sides.items() if text is not None}
            cells.append({"column": cell.column, **there})
        return {"row": told.how, "key": dict(told.key) if told.key else None, "cells": cells}
    if isinstance(told, row_diff.NoTable):
        return {"unreadable": told.why}
    counts = {name: getattr(told, name) for name in ("added", "removed", "changed", "same")}
    return {"rows": counts}


def text(value: dict[str, Any]) -> str:
    """Return one value for a person."""
    if "change" in value:
        moved = f"{quoted(value['from'])} => " if "from" in value else ""
        return f"{value['change']} {moved}{quoted(value['path'])}\n"
    if "table" in value:
        key = value["table"]["key"]
        by = f"rows by {', '.join(map(quoted, key))}" if key else "whole rows: there is no key"
        return f"  {value['table']['format']}, {by}\n"
    if "columns" in value:
        return f"  columns: {_columns(value['columns'])}\n"
    if "row" in value:
        cells = ", ".join(_cell(value["row"], cell) for cell in value["cells"])
        key = value["key"]
        front = ""
        if key and value["row"] == "changed":
            front = ", ".join(f"{quoted(name)}={_shown(text)}" for name, text in key.items()) + ": "
        return f"  {_MARKS[value['row']]} {front}{cells}\n"
    if "unreadable" in value:
        return f"  differs; not told by rows: {quoted(value['unreadable'])}\n"
    told = [f"{count} {name}" for name, count in value["rows"].items() if count and name != "same"]
    same = value["rows"]["same"]
    if not told and same:
        return f"  all {same} rows are the same, in another order or written in another way\n"
    return f"  {', '.join([*told, *([f'{same} the same'] if same else [])]) or 'no rows'}\n"


def _columns(value: dict[str, Any]) -> str:
    parts = [f"+{quoted(name)}" for name in value["added"]]
    parts += [f"-{quoted(name)}" for name in value["removed"]]
    parts += [f"{quoted(pair['before'])} now {quoted(pair['after'])}" for pair in value["renamed"]]
    return ", ".join([*parts, *(["in another order"] if value["reordered"] else [])])


def _cell(how: str, cell: dict[str, str]) -> str:
    name = quoted(cell["column"])
    if how != "changed":
        return f"{name}={_shown(cell.get('before', cell.get('after', '')))}"
    sides = [_shown(cell[side]) if side in cell else "(none)" for side in ("before", "after")]
    return f"{name} {sides[0]} -> {sides[1]}"


def _shown(value: str) -> str:
    """Return a value on one line, in quotes where its ends couldn't be seen."""
    cut = value if len(value) <= _SHOWN_CHARS else value[: _SHOWN_CHARS - 1] + "…"
    text = quoted(cut)
    return f"'{text}'" if not text or set(text) & set(" ,=") or "->" in text else text
