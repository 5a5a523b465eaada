"""``jiaozi show``: a commit and what it changed, a tag, or what stands at a path of a version."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands import diff
from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option, always
from jiaozi_node.commands.log import agent, header, person, shown
from jiaozi_node.commands.shown import moment, quoted
from jiaozi_node.commands.signed import lines as signatures
from jiaozi_node.errors import Malformed

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning.tag import Tag

MAX_COUNTED = 1000  # paths of one commit whose lines are counted unasked
_SHAPES = ("name_only", "name_status", "stat")


def show(call: Call) -> Iterator[Any]:
    """Yield each in turn: rows for commits, tags and directories, bytes of files for a person."""
    for at, text in enumerate(call.args["revision"] or ("HEAD",)):
        if at and call.rendered_text:
            yield b"\n"
        yield from _show(call, text)


def _show(call: Call, text: str) -> Iterator[Any]:
    from jiaozi_node.node import tagging
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning import revision

    path = revision.split(text)[1]
    if path is not None or _is_content(text):
        yield from _content(call, text)
        return
    repository = Repository.at(call.home, call.cwd, call.place)
    tags, about = tagging.chain(repository, text)
    for cid, tag in tags:
        yield _tag(call, cid, tag)
    if about is not None and _is_content(str(about)):
        yield from _content(call, str(about))
        return
    yield from _commit(call, repository, repository.resolve(text, call.now))


def _commit(call: Call, repository: "Repository", cid: "Cid") -> Iterator[dict[str, Any]]:
    """Yield the commit, then each path that differs from its first parent."""
    from jiaozi_node.commands.signed import judged
    from jiaozi_node.node import diffing
    from jiaozi_node.node.signers import trusted

    commit = repository.commit_at(cid)
    value = shown(cid, commit, repository.decorations().get(cid, []))
    if commit.sig:
        value["signatures"] = judged(commit, trusted(call.home))
    yield value
    before = repository.commit_at(commit.parents[0]).tree if commit.parents else None
    deltas = list(diffing.between(repository, diffing.Ends(before, commit.tree)))
    shape = next((name for name in _SHAPES if call.option(name)), "")
    patched = bool(call.option("patch"))
    if not shape and not patched and call.rendered_text:
        shape = "stat" if len(deltas) <= MAX_COUNTED else "name_status"
    added = removed = 0
    for delta in deltas:
        row = diff.told(delta)
        if patched or shape == "stat":
            lines = diffing.lines(repository, delta)
            row |= {"added": lines.added, "removed": lines.removed}
            if patched:
                row["patch"] = lines.text.decode("utf-8", "surrogateescape")
            added, removed = added + (lines.added or 0), removed + (lines.removed or 0)
        if call.rendered_text:
            row["shape"] = shape
        yield row
    if shape == "stat" and deltas:
        yield {"files": len(deltas), "added": added, "removed": removed}


def _tag(call: Call, cid: "Cid", tag: "Tag") -> dict[str, Any]:
    value = {
        "tag": tag.name,
        "cid": str(cid),
        "object": str(tag.object),
        "tagger": agent(tag.tagger),
        "time": tag.time,
        "message": tag.message,
    }
    if tag.sig:
        from jiaozi_node.commands.signed import judged
        from jiaozi_node.node.signers import trusted

        value["signatures"] = judged(tag, trusted(call.home))
    return value


def _content(call: Call, text: str) -> Iterator[Any]:
    """Yield a listing; for a person, the bytes of a file and where a symlink leads."""
    from jiaozi_node.commands.read import listed
    from jiaozi_node.commands.reading import content
    from jiaozi_node.dag.walk import run
    from jiaozi_node.node.locate import locate
    from jiaozi_node.unixfs.stat import stat

    found, get = locate(call.home, call.directory, text, call.place), call.home.blocks.get
    node = run(stat(found.cid), get)
    if call.rendered_text and node.kind == "directory":
        yield {"directory": text}
    elif call.rendered_text:
        yield from (
            [node.target or b""]
            if node.kind == "symlink"
            else content(found.cid, 0, None, node.file_bytes, get)
        )
        return
    yield from listed(found.cid, found.name, get)


def _is_content(text: str) -> bool:
    """Tell whether *text* is the CID of a file or directory, or a path below one."""
    from jiaozi_node.formats.cid import DAG_PB, RAW, Cid

    try:
        return Cid.parse(text).codec in (DAG_PB, RAW)
    except Malformed:
        return False


def _text(value: dict[str, Any], _call: Call) -> str:
    if "directory" in value:
        return f"tree {quoted(value['directory'])}\n\n"
    if "kind" in value:
        slash = "/" if value["kind"] == "directory" else ""
        return f"{quoted(value['name'])}{slash}\n"
    if "tagger" in value:
        lines = [f"tag {quoted(value['tag'])}", *signatures(value.get("signatures", []))]
        lines.append(f"Tagger: {person(value['tagger'])}")
        lines.append(f"Date:   {moment(value['time'], 0)}")
        lines += ["", *(quoted(line) for line in value["message"].splitlines()), ""]
        return "\n".join(lines) + "\n"
    if "commit" in value:
        return header(value) + "\n"
    return diff.line(value, value.get("shape", "stat"))


SHOW = Command(
    path=("show",),
    tagline="Show commits, tags, and what stands at a path of a version.",
    handler=show,
    arguments=(
        Argument(
            "revision", "A revision, REV:PATH or a CID; HEAD if absent.", required=False, many=True
        ),
    ),
    options=(
        Option("stat", Kind.BOOL, "Count the lines that came and went: the default."),
        Option("name-status", Kind.BOOL, "A letter and a path for each."),
        Option("name-only", Kind.BOOL, "A path for each."),
        Option("patch", Kind.BOOL, "Show the lines.", ("p",)),
    ),
    text=_text,
    apart=always,
    help="""
    A commit is compared with its first parent. Where more than 1,000 paths differ their lines are
    counted only with --stat.
    """,
)
