"""``ipfs refs`` and ``ipfs refs local``: what blocks link, and which are here."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option
from jiaozi_node.errors import JiaoziError, Misuse, NotFound


def refs(call: Call) -> Iterator[dict[str, str]]:
    """Yield ``{"Ref", "Err"}`` rows; a root that can't be walked ends in a row of its fault."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.content_path import resolve_whole
    from jiaozi_node.commands.kubo_errors import kubo_message
    from jiaozi_node.dag.traverse import Seen, descend
    from jiaozi_node.dag.walk import stream

    shown = CidText.asked(call)
    template: str = call.option("format")
    if call.option("edges"):
        if template != "<dst>":
            raise Misuse("using format argument with edges is not allowed")
        template = "<src> -> <dst>"
    depth: int | None = call.option("max_depth") if call.option("recursive") else 1
    if depth is not None and depth < 0:
        depth = None
    roots = [resolve_whole(call, text) for text in call.args["ipfs_path"]]
    unique = bool(call.option("unique"))
    seen: Seen = {}
    for root in roots:
        walk = descend(root, depth, unique, seen=seen if unique else None)
        try:
            for visit in stream(walk, call.home.blocks.get):
                if visit.parent is None:
                    continue
                text = shown(visit.cid)
                if template != "<dst>":
                    source = shown(visit.parent)
                    text = template.replace("<src>", source).replace("<dst>", text)
                    text = text.replace("<linkname>", visit.name)
                yield {"Ref": text, "Err": ""}
        except JiaoziError as fault:
            yield {"Ref": "", "Err": kubo_message(fault)}


def local(call: Call) -> Iterator[dict[str, str]]:
    """Yield a row for every block here, as a raw CID of version 1: stores know multihashes."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.formats.cid import RAW, Cid

    shown = CidText.asked(call)
    for multihash in call.home.blocks.multihashes():
        yield {"Ref": shown(Cid.v1(RAW, multihash)), "Err": ""}


def _text(row: dict[str, Any], _call: Call) -> str:
    if row["Err"]:
        raise NotFound(row["Err"])
    return f"{row['Ref']}\n"


REFS = Command(
    path=("ipfs", "refs"),
    fetches=True,
    tagline="List links (references) from an object.",
    handler=refs,
    arguments=(
        Argument("ipfs-path", "Path to the object(s) to list refs from.", many=True, stdin=True),
    ),
    options=(
        Option(
            "format",
            Kind.TEXT,
            "Emit edges with given format. Tokens: <src> <dst> <linkname>.",
            default="<dst>",
        ),
        Option("edges", Kind.BOOL, "Emit edge format: `<from> -> <to>`.", ("e",)),
        Option("unique", Kind.BOOL, "Omit duplicate refs from output.", ("u",)),
        Option("recursive", Kind.BOOL, "Recursively list links of child nodes.", ("r",)),
        Option("max-depth", Kind.INT, "Only for recursive refs: the deepest to list.", default=-1),
    ),
    text=_text,
)

LOCAL = Command(
    path=("ipfs", "refs", "local"),
    tagline="List all local references.",
    handler=local,
    text=_text,
)
