"""``jiaozi log``: the history of a revision, newest first."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option
from jiaozi_node.commands.parted import parted
from jiaozi_node.commands.shown import moment, quoted, short
from jiaozi_node.commands.signed import lines as signatures

if TYPE_CHECKING:
    from jiaozi_node.commands.graph import Graph, Picture
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.node.logs import Wanted
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning.agent import Agent
    from jiaozi_node.versioning.commit import Commit


def log(call: Call) -> Iterator[dict[str, Any]]:
    """Yield commits; a parent that isn't here comes as a row that says so."""
    from jiaozi_node.node import logs
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning.history import Absent

    repository = Repository.at(call.home, call.cwd, call.place)
    wanted = _wanted(call, repository)
    names = repository.decorations() if call.option("decorate") else {}
    trusted = None
    if call.option("show_signature"):
        from jiaozi_node.commands import signed
        from jiaozi_node.node import signers

        trusted = signers.trusted(call.home)
    graph: Graph | None = None
    if wanted.graph and call.rendered_text:
        from jiaozi_node.commands import graph as graphs

        graph = graphs.Graph()
    first = True
    for told in logs.log(repository, wanted, call.now):
        if isinstance(told, Absent):
            yield {"commit": str(told.cid), "missing": True}
            continue
        value = shown(told.cid, told.commit, names.get(told.cid, []))
        if told.names:
            value["path"] = "/".join(told.names[0])
        if call.option("show_signature"):
            value["signatures"] = signed.judged(told.commit, trusted)
        if graph is not None:
            gap = not first and not call.option("oneline")
            value["picture"] = graph.draw(told.cid, told.parents, gap=gap)
            first = False
        yield value


def _wanted(call: Call, repository: "Repository") -> "Wanted":
    """Return what the words of *call* ask for."""
    from jiaozi_node.node import logs

    revisions, behind = parted(call, repository)
    given = (*behind, *call.option("path"))
    paths: list[tuple[str, ...]] = []
    if given:
        from jiaozi_node.node.diffing import parts_of

        paths = [parts_of(repository, os.path.join(call.cwd, path)) for path in given]
    return logs.Wanted(
        revisions,
        every=bool(call.option("all")),
        paths=tuple(dict.fromkeys(paths)),
        follow=bool(call.option("follow")),
        first_parent=bool(call.option("first_parent")),
        graph=bool(call.option("graph")),
        reverse=bool(call.option("reverse")),
        most=call.option("max_count"),
        since=_moment(call, "since"),
        until=_moment(call, "until"),
        authors=call.option("author"),
        words=call.option("grep"),
        any_case=bool(call.option("ignore_case")),
    )


def _moment(call: Call, option: str) -> int | None:
    text: str | None = call.option(option)
    if text is None:
        return None
    from jiaozi_node.node.clock import SystemZone
    from jiaozi_node.versioning import dates

    return dates.parse(text, int(call.now()), SystemZone())


def shown(cid: "Cid", commit: "Commit", names: list[str]) -> dict[str, Any]:
    """Return a commit as ``--json`` has it."""
    value: dict[str, Any] = {
        "commit": str(cid),
        "parents": [str(parent) for parent in commit.parents],
        "tree": str(commit.tree),
        "author": agent(commit.author),
        "time": commit.time,
        "tz": commit.tz or 0,
        "message": commit.message,
        "generation": commit.generation,
        "profile": commit.profile,
    }
    if commit.committer is not None:
        value["committer"] = agent(commit.committer)
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


def agent(who: "Agent") -> dict[str, Any]:
    """Return who made something as ``--json`` has it."""
    value = {"name": who.name, "email": who.email, "id": who.id}
    return {key: text for key, text in value.items() if text is not None}


def person(who: dict[str, Any]) -> str:
    """Return an agent for a person: ``Name <mail>``."""
    email = f" <{quoted(who['email'])}>" if "email" in who else ""
    return quoted(who["name"]) + email


def header(value: dict[str, Any]) -> str:
    """Return the lines of a commit as git shows them."""
    names = f" ({', '.join(quoted(name) for name in value['refs'])})" if "refs" in value else ""
    lines = [f"commit {value['commit']}{names}", *signatures(value.get("signatures", []))]
    if len(value["parents"]) > 1:
        lines.append("Merge: " + " ".join(short(parent) for parent in value["parents"]))
    lines.append(f"Author: {person(value['author'])}")
    lines.append(f"Date:   {moment(value.get('authored', value['time']), value['tz'])}")
    lines.append("")
    lines += [f"    {quoted(line)}".rstrip() for line in value["message"].splitlines()]
    return "\n".join(lines) + "\n"


def _text(value: dict[str, Any], call: Call) -> str:
    if value.get("missing"):
        return (
            f"commit {value['commit']} is not here; 'jiaozi ipfs dag import FILE.car' brings it\n"
        )
    text = _oneline(value) if call.option("oneline") else header(value)
    picture: Picture | None = value.get("picture")
    if picture is not None:
        return _beside(picture, text.splitlines())
    return text if call.option("oneline") else text + "\n"


def _oneline(value: dict[str, Any]) -> str:
    names = f" ({', '.join(quoted(name) for name in value['refs'])})" if "refs" in value else ""
    subject = next((line for line in value["message"].splitlines() if line.strip()), "")
    rows = [f"    {line}\n" for line in signatures(value.get("signatures", []))]
    return f"{short(value['commit'])}{names} {quoted(subject)}\n{''.join(rows)}"


def _beside(picture: "Picture", lines: list[str]) -> str:
    """Return *lines* beside the rows of *picture*."""
    rows = [picture.own, *picture.after]
    rows += [picture.rest] * (len(lines) - len(rows))
    lines = lines + [""] * (len(rows) - len(lines))
    out = [] if picture.gap is None else [picture.gap]
    out += picture.before
    out += [row + line for row, line in zip(rows, lines, strict=True)]
    return "".join(f"{row.rstrip()}\n" for row in out)


LOG = Command(
    path=("log",),
    tagline="Show the history of a revision.",
    handler=log,
    arguments=(
        Argument(
            "revision",
            "Where to begin, or A..B, A...B, ^A; HEAD if absent.",
            required=False,
            many=True,
        ),
        Argument(
            "path",
            "Only what touched these; globs may be quoted.",
            False,
            many=True,
            dashed=True,
        ),
    ),
    options=(
        Option("oneline", Kind.BOOL, "One line for each commit."),
        Option("graph", Kind.BOOL, "Draw how the commits follow each other."),
        Option("max-count", Kind.INT, "Show at most so many.", ("n",)),
        Option("all", Kind.BOOL, "Begin at every branch and tag, and at HEAD."),
        Option("first-parent", Kind.BOOL, "Follow first parents only."),
        Option("since", Kind.TEXT, "Committed at that date or later.", ("after",)),
        Option("until", Kind.TEXT, "Committed at that date or before.", ("before",)),
        Option("author", Kind.TEXTS, "A regular expression found in 'Name <mail>'.", (), ()),
        Option("grep", Kind.TEXTS, "A regular expression found in the message.", (), ()),
        Option("ignore-case", Kind.BOOL, "Let case not count in --author and --grep.", ("i",)),
        Option("path", Kind.TEXTS, "As behind --.", (), ()),
        Option("follow", Kind.BOOL, "Follow the one file through unchanged moves."),
        Option("reverse", Kind.BOOL, "Oldest first, of those that would be shown."),
        Option("decorate", Kind.BOOL, "Name branches and tags; =false doesn't.", (), True),
        Option("show-signature", Kind.BOOL, "Check the signatures and tell of them."),
    ),
    text=_text,
    # Paths are looked up in the working copy, and what touched them is remembered there.
    apart=lambda args, options: not args["path"] and not options["path"],
    help="""
    Words are revisions, then paths that are there. Behind -- all are paths: what is gone, a glob,
    or what is called like a revision.

    Commits come before their parents: the greatest generation first, then the latest; with --graph
    line by line, as git draws them. Dates are 2026-05-01T14:30:00Z, @SECONDS, yesterday, '3 days
    ago' and the like.
    """,
)
