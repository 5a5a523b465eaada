"""``cat``, ``ls``, ``get`` and ``stat`` of any revision, path or CID (design §1)."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option, always
from jiaozi_node.commands.shown import moment, quoted
from jiaozi_node.errors import Conflict, Misuse

if TYPE_CHECKING:
    from jiaozi_node.dag.walk import Get
    from jiaozi_node.formats.cid import Cid

_WHAT = "REV[:path], /ipfs/…, or CID[/path]."


def cat(call: Call) -> Iterator[memoryview]:
    """Yield the bytes of every argument, one after the other."""
    from jiaozi_node.commands.reading import content
    from jiaozi_node.dag.walk import run
    from jiaozi_node.node.locate import locate
    from jiaozi_node.unixfs.stat import stat

    get = call.home.blocks.get
    offset, length = call.option("offset"), call.option("length")
    if offset < 0 or (length is not None and length < 0):
        raise Misuse("offset and length can't be negative")
    for text in call.args["what"]:
        found = locate(call.home, call.directory, text, call.place)
        node = run(stat(found.cid), get)
        yield from content(found.cid, offset, length, node.file_bytes, get)


def ls(call: Call) -> Iterator[dict[str, Any]]:
    """Yield a row for each entry; of a file, the file itself."""
    from jiaozi_node.node.locate import locate

    found = locate(call.home, call.directory, call.args["what"] or "HEAD", call.place)
    yield from listed(found.cid, found.name, call.home.blocks.get)


def listed(cid: "Cid", name: str, get: "Get") -> Iterator[dict[str, Any]]:
    """Yield what `ls` yields of *cid*, which is called *name*."""
    from jiaozi_node.dag.walk import run
    from jiaozi_node.node import listing
    from jiaozi_node.unixfs.stat import stat

    root = run(stat(cid), get)
    if root.kind != "directory":
        yield _row(name, root.kind, root.file_bytes, cid)
        return
    for entry in listing.listed(cid, get):
        yield _row(*entry)


def _row(name: str, kind: str, size_bytes: int, cid: object) -> dict[str, Any]:
    return {"name": name, "kind": kind, "size": size_bytes, "cid": str(cid)}


def _ls_text(row: dict[str, Any], call: Call) -> str:
    slash = "/" if row["kind"] == "directory" else ""
    name = quoted(row["name"]) + slash
    if not call.option("long"):
        return name + "\n"
    return f"{row['kind']:<9} {row['size']:>12} {row['cid']} {name}\n"


def get(call: Call) -> Iterator[dict[str, Any]]:
    """Write the file or tree to disk, below *output* or the present directory."""
    from jiaozi_node.node.locate import locate, target_name
    from jiaozi_node.worktree.checkout import write_tree

    found = locate(call.home, call.directory, call.args["what"])
    target = os.path.join(call.cwd, call.option("output") or target_name(found))
    if os.path.lexists(target):
        raise Conflict(f"{target} exists already; choose another place with -o")
    if call.progress.shown:
        from jiaozi_node.dag.walk import run
        from jiaozi_node.unixfs.stat import stat as look

        call.progress.expect(run(look(found.cid), call.home.blocks.get).tsize)
    # Written beside and moved, so that what was cut short is not in the way of the next try.
    aside = os.path.join(os.path.dirname(target), f".jiaozi-get-{os.urandom(6).hex()}")
    try:
        write_tree(found.cid, call.home.blocks.get, aside, progress=call.progress)
        os.rename(aside, target)
    finally:
        _remove(aside)
    yield {"cid": str(found.cid), "path": target}


def _remove(path: str) -> None:
    """Remove what an act that failed left; nothing where it went well."""
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def stat(call: Call) -> Iterator[dict[str, Any]]:
    """Yield what one path is."""
    from jiaozi_node.dag.walk import run
    from jiaozi_node.node.locate import locate
    from jiaozi_node.unixfs import stat as stats

    found = locate(call.home, call.directory, call.args["what"] or "HEAD", call.place)
    node = run(stats.stat(found.cid), call.home.blocks.get)
    value: dict[str, Any] = {
        "name": found.name,
        "kind": node.kind,
        "cid": str(found.cid),
        "size": node.file_bytes,
        "dag_size": node.tsize,
        "links": node.blocks,
        "sharded": node.sharded,
    }
    if node.mode is not None:
        value["mode"] = f"{node.mode:04o}"
    if node.mtime is not None:
        value["mtime"] = node.mtime[0] + node.mtime[1] / 1e9
    if node.target is not None:
        value["target"] = os.fsdecode(node.target)
    yield value


def _stat_text(value: dict[str, Any], _call: Call) -> str:
    lines = []
    for key, shown in value.items():
        if key == "mtime":
            text = moment(int(shown), 0)
        else:
            text = str(shown).lower() if isinstance(shown, bool) else quoted(str(shown))
        lines.append(f"{key.replace('_', ' ') + ':':<10} {text}\n")
    return "".join(lines)


CAT = Command(
    path=("cat",),
    fetches=True,
    tagline="Print a file of any revision, path or CID.",
    handler=cat,
    arguments=(Argument("what", _WHAT, many=True),),
    options=(
        Option("offset", Kind.INT64, "Where to begin, in bytes.", ("o",), 0),
        Option("length", Kind.INT64, "How many bytes at most.", ("l",)),
    ),
    answer=Answer.BYTES,
    apart=always,
)

LS = Command(
    path=("ls",),
    fetches=True,
    tagline="List a directory of any revision, path or CID.",
    handler=ls,
    arguments=(Argument("what", f"{_WHAT} HEAD if absent.", required=False),),
    options=(Option("long", Kind.BOOL, "Show kind, size and CID.", ("l",)),),
    text=_ls_text,
    apart=always,
)

GET = Command(
    path=("get",),
    fetches=True,
    tagline="Write a file or tree of any revision, path or CID to disk.",
    handler=get,
    arguments=(Argument("what", _WHAT),),
    options=(Option("output", Kind.TEXT, "Where to write it; must not exist.", ("o",)),),
    answer=Answer.VALUE,
    text=lambda value, _call: f"wrote {quoted(value['path'])}\n",
)

STAT = Command(
    path=("stat",),
    fetches=True,
    tagline="Tell kind, size and CID of what stands at a path.",
    handler=stat,
    arguments=(Argument("what", f"{_WHAT} HEAD if absent.", required=False),),
    answer=Answer.VALUE,
    text=_stat_text,
    apart=always,
)
