"""``jiaozi show``: one commit, and the paths that it changed."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Argument, Call, Command
from jiaozi_node.commands.log import header, shown
from jiaozi_node.commands.shown import quoted


def show(call: Call) -> Iterator[dict[str, Any]]:
    """Yield the commit, then each path that differs from its first parent."""
    from jiaozi_node.commands.signed import judged
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.node.signers import trusted

    repository = Repository.at(call.home, call.cwd)
    cid = repository.resolve(call.args["revision"] or "HEAD")
    commit = repository.commit_at(cid)
    value = shown(cid, commit, repository.decorations().get(cid, []))
    if commit.sig:
        value["signatures"] = judged(commit, trusted(call.home))
    yield value
    before = repository.commit_at(commit.parents[0]).tree if commit.parents else None
    for change in repository.changed(before, commit.tree):
        yield {
            "change": change.letter,
            "path": "/".join(change.path),
            "before": str(change.before) if change.before else None,
            "after": str(change.after) if change.after else None,
        }


def _text(value: dict[str, Any], _call: Call) -> str:
    if "change" in value:
        return f"{value['change']}\t{quoted(value['path'])}\n"
    return header(value) + "\n"


SHOW = Command(
    path=("show",),
    tagline="Show one commit.",
    handler=show,
    arguments=(Argument("revision", "Which; HEAD if absent.", required=False),),
    text=_text,
)
