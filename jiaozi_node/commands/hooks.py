"""``jiaozi hooks``: which hooks a working copy has, and whether they may run."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Call, Command, Kind, Option
from jiaozi_node.commands.shown import quoted
from jiaozi_node.errors import Misuse


def hooks(call: Call) -> Iterator[dict[str, Any]]:
    """List the hooks, after allowing or forbidding them if that is asked for."""
    from jiaozi_node.node import hooks as ours
    from jiaozi_node.node.repository import Repository

    yes, no = bool(call.option("enable")), bool(call.option("disable"))
    if yes and no:
        raise Misuse("only one of --enable and --disable can be meant")
    repository = Repository.at(call.home, call.cwd)
    if yes or no:
        ours.enable(repository, yes)
    for found in ours.listed(repository):
        yield {
            "hook": found.name,
            "path": found.path,
            "executable": found.program,
            "enabled": found.enabled,
        }


def _text(value: dict[str, Any], _call: Call) -> str:
    state = "not enabled" if not value["enabled"] else "enabled"
    if not value["executable"]:
        state += ", but no executable file"
    return f"{value['hook']}: {state} ({quoted(value['path'])})\n"


HOOKS = Command(
    path=("hooks",),
    tagline="List, allow or forbid the hooks of a working copy.",
    handler=hooks,
    options=(
        Option("enable", Kind.BOOL, "Let the hooks of this working copy run from now on."),
        Option("disable", Kind.BOOL, "Let them run no more."),
    ),
    text=_text,
    help="""
    Hooks are executable files in .jiaozi/hooks: pre-commit runs before a commit is made and stops
    it by an exit code other than 0 (--no-verify passes it over); post-commit runs after. That goes
    for every new commit, of commit, merge, cherry-pick and revert; git asks for the first alone.
    A fast-forward makes none. A merge or a series that is stopped is under way, its files written:
    --continue asks again, --skip leaves the commit out, --abort gives it up.
    That they may run is kept in the node home for this one directory: a clone or a copy runs none.

    A hook runs at the root of the working copy, reads nothing from standard input, and what it
    prints goes to standard error. It may call jiaozi, and what pre-commit stages is committed;
    the hooks of what it calls don't run. After hooks.timeout seconds of the configuration (600)
    it is ended. It finds in its environment:

    JIAOZI_TREE         the CID of the tree that is committed: jiaozi cat "$JIAOZI_TREE/a.csv"
    JIAOZI_PARENT       the CID of the commit before, JIAOZI_PARENT_TREE its tree; empty if none
    JIAOZI_COMMIT       the CID of the new commit, in post-commit
    JIAOZI_BRANCH       the branch; empty when HEAD is detached
    JIAOZI_ROOT         the root of the working copy, JIAOZI_REPOSITORY the repository's id
    JIAOZI_HOOK         its own name, JIAOZI_PATH the node home
    """,
)
