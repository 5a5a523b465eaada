"""``jiaozi switch``: the working copy goes to another branch or version."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.branch import noted
from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.shown import short
from jiaozi_node.errors import Misuse


def switch(call: Call) -> Iterator[dict[str, Any]]:
    """Write what differs and move HEAD; what isn't committed comes along or stops it."""
    from jiaozi_node.node import branches
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning.earlier import switched

    repository = Repository.at(call.home, call.cwd)
    target, start = call.args["branch"], call.args["start"]
    create, detach = call.option("create"), call.option("detach")
    if target == "-" and not create:
        target = "@{-1}"
    if target.startswith("@{-") and not (create or detach):
        target = branches.before(repository, target)
    if (create and detach) or (start is not None and not create):
        raise Misuse("write switch BRANCH, switch -c NEW [START] or switch --detach REV")
    came_from = repository.head.branch or str(repository.head_commit())
    note = noted(repository, call, switched(came_from, target))
    if create:
        commit, written = branches.go_new(repository, target, start, note)
    elif detach:
        commit, written = branches.go_detached(repository, target, note)
    else:
        commit, written = branches.go(repository, target, note)
    yield {
        "branch": None if detach else target,
        "commit": str(commit) if commit else None,
        "created": bool(create),
        "files": written,
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
