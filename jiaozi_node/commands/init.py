"""``jiaozi init``: a repository and a working copy, and the home where there is none."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Needs, Option


def init(call: Call) -> Iterator[dict[str, Any]]:
    """Make what is missing; a directory that is a working copy already stays as it is."""
    from jiaozi_node.node.home import home_path
    from jiaozi_node.node.opening import open_or_make_home, refuse_database
    from jiaozi_node.node.repository import Repository

    refuse_database(call.option("db"))
    directory = Path(os.path.join(call.cwd, call.args["directory"] or "."))
    at = home_path(call.environ)
    home, made_home = open_or_make_home(at)
    try:
        repository, made = Repository.init(
            home,
            directory,
            profile=call.option("profile"),
            alias=call.option("name"),
            branch=call.option("branch"),
            now=int(call.now()),
        )
        yield {
            "repository": repository.id,
            "name": repository.alias,
            "profile": repository.profile.name,
            "directory": str(repository.root),
            "home": str(at),
            "made": made,
            "made_home": made_home,
        }
    finally:
        home.close()


def _text(value: dict[str, Any], _call: Call) -> str:
    lines = [f"made the node home {value['home']}"] if value["made_home"] else []
    what = "made repository" if value["made"] else "found repository"
    lines.append(f"{what} {value['name']} ({value['repository']})")
    lines.append(f"working copy {value['directory']}, profile {value['profile']}")
    return "\n".join(lines) + "\n"


INIT = Command(
    path=("init",),
    tagline="Make a repository and a working copy.",
    handler=init,
    arguments=(Argument("directory", "Where; the present directory if absent.", required=False),),
    options=(
        Option("profile", Kind.TEXT, "The recipe of CIDs (unixfs-v1-2025 if absent)."),
        Option("name", Kind.TEXT, "The repository's name on this node; the directory's if absent."),
        Option("branch", Kind.TEXT, "The name of the first branch.", ("b",), "main"),
        Option("db", Kind.TEXT, "Refused: names are kept in the home."),
    ),
    answer=Answer.VALUE,
    needs=Needs.NOTHING,
    text=_text,
    help="""
    The directory becomes a working copy: it gets a folder .jiaozi that holds two ids and a cache.
    Blocks, branches and keys are in the node home: $JIAOZI_PATH, else $XDG_DATA_HOME/jiaozi.
    """,
)
