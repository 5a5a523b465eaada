"""``jiaozi reflog``: where HEAD, a branch or a tag stood before."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option
from jiaozi_node.commands.shown import quoted, short
from jiaozi_node.errors import Misuse


def reflog(call: Call) -> Iterator[dict[str, Any]]:
    """Yield every move, newest first."""
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning.refname import FAMILIES, RefName

    repository = Repository.at(call.home, call.cwd)
    text = call.args["ref"] or "HEAD"
    if text in ("HEAD", "@"):
        entries = repository.copies.reflog(repository.copy_id)
    else:
        full = text.partition("/")[0] in FAMILIES and "/" in text
        name = RefName.parse(text) if full else RefName.branch(text)
        entries = repository.refs.reflog(name)
        if next(repository.refs.reflog(name), None) is None:
            repository.refs.target(name)  # raises unless it is there
    most = call.option("max_count")
    if most is not None and most < 0:
        raise Misuse(f"--max-count can't be negative, and is {most}")
    for at, entry in enumerate(islice(entries, most)):
        yield {
            "ref": text,
            "at": at,
            "old": str(entry.old) if entry.old else None,
            "new": str(entry.new) if entry.new else None,
            "who": entry.note.who,
            "why": entry.note.why,
            "time": entry.note.time,
        }


def _text(value: dict[str, Any], _call: Call) -> str:
    where = short(value["new"]) if value["new"] else "-"
    return f"{where} {value['ref']}@{{{value['at']}}}: {quoted(value['why'])}\n"


REFLOG = Command(
    path=("reflog",),
    tagline="Show where HEAD, a branch or a tag stood before.",
    handler=reflog,
    options=(Option("max-count", Kind.INT, "Show at most so many.", ("n",)),),
    arguments=(Argument("ref", "A branch, heads/… or tags/…; HEAD if absent.", required=False),),
    text=_text,
)
