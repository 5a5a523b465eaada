"""``jiaozi diff``: what differs between versions, the stage and the files."""

import os
from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Argument, Call, Command, ExitCode, Kind, Option
from jiaozi_node.commands.shown import quoted


def diff(call: Call) -> Iterator[dict[str, Any] | ExitCode]:
    """Yield each path that differs, with its patch where a person reads it."""
    from jiaozi_node.node import diffing
    from jiaozi_node.node.repository import Repository

    repository = Repository.at(call.home, call.cwd)
    paths: tuple[str, ...] = call.args["path"]
    within = [diffing.parts_of(repository, os.path.join(call.cwd, path)) for path in paths]
    counted = call.option("stat")
    listed = call.option("name_status") or call.option("name_only")
    found = files = added = removed = 0
    for delta in diffing.between(
        repository, call.args["revision"], staged=call.option("staged"), within=within
    ):
        found += 1
        value: dict[str, Any] = {
            "change": delta.letter,
            "path": delta.path,
            "before": str(delta.before) if delta.before else None,
            "after": str(delta.after) if delta.after else None,
        }
        if counted or (call.rendered_text and not listed):
            lines = diffing.lines(repository, delta)
            value |= {"added": lines.added, "removed": lines.removed}
            if not counted:
                value["patch"] = lines.patch
            files, added = files + 1, added + (lines.added or 0)
            removed += lines.removed or 0
        yield value
    if counted and found:
        yield {"files": files, "added": added, "removed": removed}
    if call.option("exit_code") and found:
        yield ExitCode(1)


def _text(value: dict[str, Any], call: Call) -> str:
    if "path" not in value:
        plural = "" if value["files"] == 1 else "s"
        return f" {value['files']} file{plural} changed, +{value['added']} -{value['removed']}\n"
    path = quoted(value["path"])
    if call.option("name_only"):
        return f"{path}\n"
    if call.option("name_status"):
        return f"{value['change']}\t{path}\n"
    if call.option("stat"):
        if value["added"] is None:
            return f" {path} | binary\n"
        return f" {path} | +{value['added']} -{value['removed']}\n"
    patch: str = value["patch"]
    return patch


DIFF = Command(
    path=("diff",),
    tagline="Show what differs between versions, stage and files.",
    handler=diff,
    arguments=(
        Argument(
            "revision",
            "Between two; from one to the files; without, from the stage to the files.",
            required=False,
            many=True,
        ),
        Argument("path", "Only these, behind --.", required=False, many=True, dashed=True),
    ),
    options=(
        Option("staged", Kind.BOOL, "To the stage, from HEAD or the revision.", ("cached",)),
        Option("stat", Kind.BOOL, "Count the lines that came and went."),
        Option("name-status", Kind.BOOL, "A letter and a path for each."),
        Option("name-only", Kind.BOOL, "A path for each."),
        Option("exit-code", Kind.BOOL, "Exit with 1 when something differs."),
    ),
    text=_text,
)
