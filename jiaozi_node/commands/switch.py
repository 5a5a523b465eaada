"""``jiaozi switch``: the working copy goes to another branch or version."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.shown import short


def switch(call: Call) -> Iterator[dict[str, Any]]:
    """Write what differs and move HEAD; what isn't committed comes along or stops it."""
    from jiaozi_node.node import branches
    from jiaozi_node.node.repository import Repository

    repository = Repository.at(call.home, call.cwd)
    create = bool(call.option("create"))
    done = branches.switch(
        repository,
        call.args["branch"],
        str(repository.author(None, call.environ, lambda _text: None)),
        int(call.now()),
        create=create,
        start=call.args["start"],
        detach=bool(call.option("detach")),
    )
    yield {
        "branch": done.branch,
        "commit": str(done.commit) if done.commit else None,
        "created": create,
        "files": done.files,
    }


def _text(value: dict[str, Any], _call: Call) -> str:
    if value["branch"] is None:
        where = f"HEAD is detached at {short(value['commit'])}"
    else:
        where = f"on {'new ' if value['created'] else ''}branch {value['branch']}"
    plural = "" if value["files"] == 1 else "s"
    return f"{where}; {value['files']} file{plural} differed\n"


SWITCH = Command(
    path=("switch",),
    tagline="Go to another branch or version.",
    handler=switch,
    arguments=(
        Argument("branch", "The branch; - is the one before; with --detach any revision."),
        Argument("start", "Where a new branch begins; HEAD if absent.", required=False),
    ),
    options=(
        Option("create", Kind.BOOL, "Make the branch first.", ("c",)),
        Option("detach", Kind.BOOL, "Leave all branches.", ("d",)),
    ),
    answer=Answer.VALUE,
    text=_text,
)
