"""``jiaozi log``: the history of a revision, newest first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option
from jiaozi_node.commands.shown import moment, quoted, short
from jiaozi_node.commands.signed import lines as signatures
from jiaozi_node.errors import Misuse, NotFound

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.versioning.commit import Commit


def log(call: Call) -> Iterator[dict[str, Any]]:
    """Yield commits; a parent that isn't here comes as a row that says so."""
    from jiaozi_node.dag.walk import stream
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning import history

    most = call.option("max_count")
    if most is not None and most < 0:
        raise Misuse(f"--max-count can't be negative, and is {most}")
    repository = Repository.at(call.home, call.cwd)
    wanted: str | None = call.args["revision"]
    if wanted is None and repository.head_commit() is None:
        raise NotFound(f"branch {repository.head.branch!r} has no commits yet")
    tip = repository.resolve(wanted or "HEAD")
    names = repository.decorations()
    trusted = None
    if call.option("show_signature"):
        from jiaozi_node.commands import signed
        from jiaozi_node.node import signers

        trusted = signers.trusted(call.home)
    walk = history.log((tip,), first_parent=call.option("first_parent"), partial=True)
    for count, visit in enumerate(stream(walk, call.home.blocks.get)):
        if most is not None and count >= most:
            return
        if isinstance(visit, history.Absent):
            yield {"commit": str(visit.cid), "missing": True}
        elif isinstance(visit, history.Visit):
            value = shown(visit.cid, visit.commit, names.get(visit.cid, []))
            if call.option("show_signature"):
                value["signatures"] = signed.judged(visit.commit, trusted)
            yield value


def shown(cid: "Cid", commit: "Commit", names: list[str]) -> dict[str, Any]:
    """Return a commit as ``--json`` has it."""
    value: dict[str, Any] = {
        "commit": str(cid),
        "parents": [str(parent) for parent in commit.parents],
        "tree": str(commit.tree),
        "author": _agent(commit.author),
        "time": commit.time,
        "tz": commit.tz or 0,
        "message": commit.message,
        "generation": commit.generation,
        "profile": commit.profile,
    }
    if commit.committer is not None:
        value["committer"] = _agent(commit.committer)
    if commit.authored is not None:
        value["authored"] = commit.authored
    if commit.meta:
        value["meta"] = _plain(commit.meta)
    if commit.stats is not None:
        value["stats"] = {"files": commit.stats.files, "bytes": commit.stats.bytes}
    if names:
        value["refs"] = names
    return value


def _plain(meta: Any) -> Any:  # noqa: ANN401 - whatever a commit may hold
    """Return *meta* as DAG-JSON has it: links and bytes too."""
    import json

    from jiaozi_node.formats import dag_json
    from jiaozi_node.versioning import fields

    return json.loads(dag_json.encode(fields.thawed(meta)))


def _agent(agent: Any) -> dict[str, Any]:  # noqa: ANN401 - Agent, imported only to check types
    value = {"name": agent.name, "email": agent.email, "id": agent.id}
    return {key: text for key, text in value.items() if text is not None}


def header(value: dict[str, Any]) -> str:
    """Return the lines of a commit as git shows them."""
    names = f" ({', '.join(quoted(name) for name in value['refs'])})" if "refs" in value else ""
    author = value["author"]
    email = f" <{quoted(author['email'])}>" if "email" in author else ""
    lines = [f"commit {value['commit']}{names}", *signatures(value.get("signatures", []))]
    if len(value["parents"]) > 1:
        lines.append("Merge: " + " ".join(short(parent) for parent in value["parents"]))
    lines.append(f"Author: {quoted(author['name'])}{email}")
    lines.append(f"Date:   {moment(value.get('authored', value['time']), value['tz'])}")
    lines.append("")
    lines += [f"    {quoted(line)}".rstrip() for line in value["message"].splitlines()]
    return "\n".join(lines) + "\n"


def _text(value: dict[str, Any], call: Call) -> str:
    if value.get("missing"):
        return f"commit {value['commit']} is not here\n"
    if call.option("oneline"):
        names = f" ({', '.join(quoted(name) for name in value['refs'])})" if "refs" in value else ""
        subject = next((line for line in value["message"].splitlines() if line.strip()), "")
        rows = [f"    {line}\n" for line in signatures(value.get("signatures", []))]
        return f"{short(value['commit'])}{names} {quoted(subject)}\n{''.join(rows)}"
    return header(value) + "\n"


LOG = Command(
    path=("log",),
    tagline="Show the history of a revision.",
    handler=log,
    arguments=(Argument("revision", "Where to begin; HEAD if absent.", required=False),),
    options=(
        Option("oneline", Kind.BOOL, "One line for each commit."),
        Option("max-count", Kind.INT, "Show at most so many.", ("n",)),
        Option("first-parent", Kind.BOOL, "Follow first parents only."),
        Option("show-signature", Kind.BOOL, "Check the signatures and tell of them."),
    ),
    text=_text,
)
