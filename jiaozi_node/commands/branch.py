"""``jiaozi branch``: branches listed, made, renamed, deleted."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option
from jiaozi_node.commands.shown import short
from jiaozi_node.errors import Misuse

if TYPE_CHECKING:
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning.reflog import Note


def branch(call: Call) -> Iterator[dict[str, Any]]:
    """List branches, or do what the options say to one."""
    from jiaozi_node.node import branches
    from jiaozi_node.node.repository import Repository

    repository = Repository.at(call.home, call.cwd)
    name, other = call.args["name"], call.args["start"]
    drop, force = call.option("delete"), call.option("force_delete")
    if (drop or force) and call.option("move"):
        raise Misuse("only one of -d, -D and -m can be meant")
    if name is None:
        if drop or force or call.option("move"):
            raise Misuse("the name of a branch is missing")
        for found in branches.listed(repository):
            yield {"branch": found.name, "commit": str(found.commit), "current": found.current}
        return
    if drop or force:
        if other is not None:
            raise Misuse(f"expected one branch to delete, and {other!r} is a second")
        note = noted(repository, call, f"branch: deleted {name}")
        done, what = branches.delete(repository, name, note, force=force), "deleted"
    elif call.option("move"):
        old, new = (name, other) if other is not None else (None, name)
        note = noted(repository, call, f"branch: renamed to {new}")
        done, what = branches.rename(repository, old, new, note), "renamed"
    else:
        note = noted(repository, call, f"branch: created from {other or 'HEAD'}")
        done, what = branches.create(repository, name, other, note), "created"
    yield {"branch": done.name, "commit": str(done.commit), "current": done.current, what: True}


def noted(repository: "Repository", call: Call, why: str) -> "Note":
    """Return what the reflog is to say of this call."""
    from jiaozi_node.versioning.reflog import Note

    who = repository.author(None, call.environ, lambda _text: None)
    return Note(str(who), why, int(call.now()))


def _text(value: dict[str, Any], _call: Call) -> str:
    at = short(value["commit"])
    for what in ("deleted", "renamed", "created"):
        if what in value:
            return f"{what} branch {value['branch']} at {at}\n"
    return f"{'*' if value['current'] else ' '} {value['branch']} {at}\n"


BRANCH = Command(
    path=("branch",),
    tagline="List, make, rename or delete branches.",
    handler=branch,
    arguments=(
        Argument("name", "The branch to make; without it all are listed.", required=False),
        Argument("start", "Where it begins, HEAD if absent; with -m the new name.", required=False),
    ),
    options=(
        Option("delete", Kind.BOOL, "Delete a branch whose commits HEAD has too.", ("d",)),
        Option("force-delete", Kind.BOOL, "Delete a branch whatever it has.", ("D",)),
        Option("move", Kind.BOOL, "Rename: [OLD] NEW.", ("m",)),
    ),
    text=_text,
)
