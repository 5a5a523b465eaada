"""``jiaozi restore`` and ``reset``: back to what was."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.branch import noted
from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.shown import short
from jiaozi_node.errors import Misuse

if TYPE_CHECKING:
    from jiaozi_node.node.restoring import Restored


def restore(call: Call) -> Iterator[dict[str, Any]]:
    """Bring paths back: files from the stage, or with ``--staged`` the stage from HEAD."""
    from jiaozi_node.node import diffing, restoring
    from jiaozi_node.node.repository import Repository

    if "" in call.args["path"]:
        raise Misuse("an empty path names nothing; '.' is the present directory")
    repository = Repository.at(call.home, call.cwd)
    within = [
        diffing.parts_of(repository, os.path.join(call.cwd, path)) for path in call.args["path"]
    ]
    text = call.option("source")
    source = None if text is None else diffing.tree_of(repository, text)
    if call.option("staged"):
        done = restoring.restore_stage(repository, within, source)
    else:
        done = restoring.restore_files(repository, within, source)
    yield {"staged": bool(call.option("staged")), **_counted(done)}


def reset(call: Call) -> Iterator[dict[str, Any]]:
    """Move the branch; the stage too unless ``--soft``; the files too with ``--hard``."""
    from jiaozi_node.node import restoring
    from jiaozi_node.node.repository import Repository

    soft, hard = bool(call.option("soft")), bool(call.option("hard"))
    if soft + hard + bool(call.option("mixed")) > 1:
        raise Misuse("only one of --soft, --mixed and --hard can be meant")
    repository = Repository.at(call.home, call.cwd)
    wanted = call.args["revision"] or "HEAD"
    commit = repository.resolve(wanted)
    note = noted(repository, call, f"reset: to {wanted}")
    done = restoring.reset(repository, commit, note, stage=not soft, files=hard)
    yield {"commit": str(commit), "branch": repository.head.branch, **_counted(done)}


def _counted(done: "Restored") -> dict[str, Any]:
    return {"restored": list(done.written), "removed": list(done.removed)}


def _restore_text(value: dict[str, Any], _call: Call) -> str:
    what = "unstaged" if value["staged"] else "restored"
    count = len(value["restored"]) + len(value["removed"])
    return f"{what} {count} path{'' if count == 1 else 's'}\n"


def _reset_text(value: dict[str, Any], _call: Call) -> str:
    return f"{value['branch'] or 'HEAD'} is at {short(value['commit'])}\n"


RESTORE = Command(
    path=("restore",),
    tagline="Bring files, or the stage, back to what they were.",
    handler=restore,
    arguments=(Argument("path", "Files and directories.", many=True),),
    options=(
        Option("staged", Kind.BOOL, "The stage, from HEAD; files are left alone.", ("S",)),
        Option("source", Kind.TEXT, "From this revision or tree.", ("s",)),
    ),
    answer=Answer.VALUE,
    text=_restore_text,
)

RESET = Command(
    path=("reset",),
    tagline="Move the branch to another commit.",
    handler=reset,
    arguments=(Argument("revision", "Which; HEAD if absent.", required=False),),
    options=(
        Option("soft", Kind.BOOL, "Leave stage and files alone."),
        Option("mixed", Kind.BOOL, "Set the stage, leave files alone; so it is without options."),
        Option("hard", Kind.BOOL, "Set the stage and overwrite the tracked files."),
    ),
    answer=Answer.VALUE,
    text=_reset_text,
)
