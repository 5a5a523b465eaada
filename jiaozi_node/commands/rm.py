"""``jiaozi rm`` and ``mv``: files tracked no more, or under another name."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option
from jiaozi_node.commands.shown import quoted


def rm(call: Call) -> Iterator[dict[str, Any]]:
    """Remove files from the directory and the stage; yield each."""
    from jiaozi_node.node import removing
    from jiaozi_node.node.repository import Repository

    dry_run = bool(call.option("dry_run"))
    done = removing.remove(
        Repository.at(call.home, call.cwd),
        call.args["path"],
        call.cwd,
        cached=call.option("cached"),
        recursive=call.option("recursive"),
        force=call.option("force"),
        dry_run=dry_run,
    )
    for path in () if call.option("quiet") else done.paths:
        yield {"removed": path, "written": not dry_run}


def mv(call: Call) -> Iterator[dict[str, Any]]:
    """Move files; yield each from and to."""
    from jiaozi_node.node import renaming
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.node.status import path_text

    dry_run = bool(call.option("dry_run"))
    for one in renaming.move(
        Repository.at(call.home, call.cwd),
        call.args["source"],
        call.args["destination"],
        call.cwd,
        force=call.option("force"),
        dry_run=dry_run,
    ):
        source, target = path_text(one.source), path_text(one.target)
        yield {"from": source, "to": target, "written": not dry_run}


def _rm_text(value: dict[str, Any], _call: Call) -> str:
    return f"rm {quoted(value['removed'])}\n"


def _mv_text(value: dict[str, Any], _call: Call) -> str | None:
    if value["written"]:
        return None
    return f"would move {quoted(value['from'])} to {quoted(value['to'])}\n"


RM = Command(
    path=("rm",),
    tagline="Remove files from the directory and the stage.",
    handler=rm,
    arguments=(Argument("path", "Files, quoted globs, with -r directories.", many=True),),
    options=(
        Option("cached", Kind.BOOL, "From the stage alone; the file stays."),
        Option("recursive", Kind.BOOL, "Directories too.", ("r",)),
        Option("force", Kind.BOOL, "Even what is saved nowhere else.", ("f",)),
        Option("dry-run", Kind.BOOL, "Only tell what would go.", ("n",)),
        Option("quiet", Kind.BOOL, "Print nothing.", ("q",)),
    ),
    text=_rm_text,
)

MV = Command(
    path=("mv",),
    tagline="Give tracked files and directories another name.",
    handler=mv,
    arguments=(
        Argument("source", "What to move.", many=True),
        Argument("destination", "The new name, or the directory to move into."),
    ),
    options=(
        Option("force", Kind.BOOL, "Replace a file that stands there.", ("f",)),
        Option("dry-run", Kind.BOOL, "Only tell what would move.", ("n",)),
    ),
    text=_mv_text,
)
