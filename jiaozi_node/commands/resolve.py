"""``jiaozi resolve``: what a merge left in dispute is listed, or settled."""

import os
from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.branch import noted
from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option
from jiaozi_node.commands.disputes import line, shown
from jiaozi_node.commands.shown import quoted
from jiaozi_node.errors import Misuse


def resolve(call: Call) -> Iterator[dict[str, Any]]:
    """List what is in dispute; or settle it for a side, or by a file."""
    from jiaozi_node.node import diffing, resolving
    from jiaozi_node.node.repository import Repository

    paths: tuple[str, ...] = call.args["path"]
    ways = [name for name in ("ours", "theirs", "file") if call.option(name)]
    if len(ways) > 1:
        raise Misuse("only one of --ours, --theirs and --file can be meant")
    if ways and not paths:
        raise Misuse(f"--{ways[0]} of which paths? '.' is all at or below the present directory")
    if paths and not ways:
        raise Misuse("say how: --ours, --theirs or --file FILE; 'jiaozi add' takes a file as it is")
    if "" in paths:
        raise Misuse("an empty path names nothing; '.' is the present directory")
    repository = Repository.at(call.home, call.cwd)
    if not ways:
        for found in resolving.in_dispute(repository):
            yield shown(found)
        return
    within = [diffing.parts_of(repository, os.path.join(call.cwd, path)) for path in paths]
    note = noted(repository, call, f"resolve: --{ways[0]}")
    if ways == ["file"]:
        if len(within) > 1:
            raise Misuse("--file settles one path")
        file = os.path.join(call.cwd, call.option("file"))
        settled = resolving.by_file(repository, within[0], file, note)
    else:
        settled = resolving.for_side(repository, within, ways[0], note)
    left = len(resolving.in_dispute(repository))
    for found in settled:
        yield {**shown(found), "settled": ways[0], "left": left}


def _text(value: dict[str, Any], _call: Call) -> str:
    if "settled" not in value:
        return line(value)
    left = (
        f"{value['left']} still in dispute" if value["left"] else "nothing is in dispute any more"
    )
    return f"settled {quoted(value['path'])} by --{value['settled']}; {left}\n"


RESOLVE = Command(
    path=("resolve",),
    tagline="Show or settle what a merge left in dispute.",
    handler=resolve,
    arguments=(Argument("path", "Files and directories.", required=False, many=True),),
    options=(
        Option("ours", Kind.BOOL, "Take what HEAD has."),
        Option("theirs", Kind.BOOL, "Take what the other version has."),
        Option("file", Kind.TEXT, "Take the content of this file.", ("F",)),
    ),
    text=_text,
)
