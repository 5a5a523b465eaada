"""Values of the layers below as the objects that `schemas` describes."""

import json
from typing import Any

from jiaozi_node.formats import dag_json
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.diffing import Delta
from jiaozi_node.node.listing import Listed
from jiaozi_node.node.merging import Outcome
from jiaozi_node.versioning import fields
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.conflict import Conflict
from jiaozi_node.versioning.drivers.outcome import Cell
from jiaozi_node.versioning.repositories import Repository
from jiaozi_node.versioning.tag import Tag

_SIDES = ("base", "ours", "theirs")


def repository(row: Repository) -> dict[str, Any]:
    """Return a `Repository`."""
    return {
        "id": row.id,
        "name": row.alias,
        "profile": row.profile,
        "head": row.head,
        "created": row.created,
    }


def branch(name: str, target: Cid) -> dict[str, Any]:
    """Return a `Branch`."""
    return {"name": name, "commit": str(target)}


def tag(name: str, target: Cid, block: Tag | None) -> dict[str, Any]:
    """Return a `Tag`; *block* is None for a light one."""
    value: dict[str, Any] = {"name": name, "target": str(target)}
    if block is None:
        return value
    return value | {
        "object": str(block.object),
        "tagger": agent(block.tagger),
        "time": block.time,
        "message": block.message,
        "signed": bool(block.sig),
    }


def agent(who: Agent) -> dict[str, Any]:
    """Return an `Agent`."""
    found = {"name": who.name, "email": who.email, "id": who.id}
    return {key: text for key, text in found.items() if text is not None}


def commit(cid: Cid, one: Commit) -> dict[str, Any]:
    """Return a `Commit`, without its refs."""
    value: dict[str, Any] = {
        "commit": str(cid),
        "tree": str(one.tree),
        "parents": [str(parent) for parent in one.parents],
        "profile": one.profile,
        "generation": one.generation,
        "author": agent(one.author),
        "time": one.time,
        "message": one.message,
        "subject": one.subject,
        "signed": bool(one.sig),
    }
    if one.committer is not None:
        value["committer"] = agent(one.committer)
    if one.tz is not None:
        value["tz"] = one.tz
    if one.authored is not None:
        value["authored"] = one.authored
    if one.stats is not None:
        value |= {"files": one.stats.files, "bytes": one.stats.bytes}
    if one.meta:
        value["meta"] = json.loads(dag_json.encode(fields.thawed(one.meta)))
    return value


def content(cid: Cid) -> str:
    """Return where a gateway has *cid*."""
    return f"/ipfs/{cid}"


def entry(one: Listed) -> dict[str, Any]:
    """Return an `Entry`."""
    return {
        "name": one.name,
        "kind": one.kind,
        "cid": str(one.cid),
        "size": one.file_bytes,
        "content": content(one.cid),
    }


def change(delta: Delta) -> dict[str, Any]:
    """Return a `Change`."""
    value = {"change": delta.letter, "path": delta.path}
    if delta.source is not None:
        value["from"] = delta.source_path
    if delta.before is not None:
        value["before"] = str(delta.before)
    if delta.after is not None:
        value["after"] = str(delta.after)
    return value


def conflict(one: Conflict) -> dict[str, Any]:
    """Return a `Conflict`."""
    value: dict[str, Any] = {"path": _path(one.path), "kind": one.kind, "marked": one.marked}
    for side in _SIDES:
        found: Cid | None = getattr(one, side)
        if found is not None:
            value[side] = str(found)
    if one.renamed:
        value["renamed"] = [_path(path) for path in one.renamed]
    if one.cells:
        value["cells"] = [_cell(cell) for cell in one.cells]
    return value


def merge(ours: Cid, theirs: Cid, outcome: Outcome, most: int) -> dict[str, Any]:
    """Return a `Merge` with at most *most* conflicts."""
    value: dict[str, Any] = {
        "kind": outcome.kind,
        "ours": str(ours),
        "theirs": str(theirs),
        "tree": str(outcome.tree),
        "bases": [str(cid) for cid in outcome.bases],
        "conflicts": [conflict(one) for one in outcome.conflicts[:most]],
        "disputed": len(outcome.conflicts),
    }
    return value if outcome.base is None else value | {"base": str(outcome.base)}


def _path(parts: tuple[str, ...]) -> str:
    return "/".join(parts) or "."


def _cell(one: Cell) -> dict[str, str]:
    sides = {name: getattr(one, name) for name in ("row", "column", *_SIDES)}
    return {
        name: data.decode("utf-8", "surrogateescape")
        for name, data in sides.items()
        if data is not None
    }
