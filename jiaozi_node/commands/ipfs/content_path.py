"""Arguments that name content: a path, an ``ipfs:`` URI or a bare CID, refused in Kubo's words."""

from typing import TYPE_CHECKING

from jiaozi_node.commands.declare import Call
from jiaozi_node.errors import LimitExceeded, Malformed, Misuse

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.unixfs.resolve import Path, Resolved


def parse(text: str) -> "Path":
    """Read *text* as Kubo's commands do; raises `Malformed`, or `Misuse` for a name (``/ipns/``).

    A fault is told of what was typed, not of what it was taken for.
    """
    from jiaozi_node.commands.ipfs.go_text import cid_fault, quoted
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.unixfs.resolve import InvalidPath, Path, split

    try:
        namespace, segments = split(text)
    except InvalidPath:
        raise Malformed(f"invalid path {quoted(text)}: {_why(text)}") from None
    if namespace == "ipns":
        raise Misuse("could not resolve name")
    try:
        root = Cid.parse(segments[0])
    except LimitExceeded:
        raise
    except Malformed as fault:
        shown = _as_path(text)
        why = cid_fault(segments[0], fault) if shown.startswith("/") else _SHORT
        raise Malformed(f"invalid path {quoted(shown)}: {why}") from None
    return Path(root, segments[1:], namespace)


def resolve(call: Call, text: str) -> "Resolved":
    """Follow *text* through the blocks of the home to the block it leads to."""
    from jiaozi_node.dag.walk import run
    from jiaozi_node.unixfs import resolve as r

    return run(r.resolve(parse(text)), call.home.blocks.get)


def resolve_whole(call: Call, text: str) -> "Cid":
    """Follow *text* to a block; a remainder inside the block is dropped, as Kubo drops it."""
    return resolve(call, text).cid


_SHORT = "path does not have enough components"


def _as_path(text: str) -> str:
    """Return a URI as the path it stands for, else *text*."""
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() in ("ipfs", "ipns"):
        return f"/{scheme.lower()}/{rest.removeprefix('//')}"
    return text


def _why(text: str) -> str:
    if text.startswith("/"):
        segments = [part for part in text.split("/") if part not in ("", ".")]
        if len(segments) >= 2 and segments[0] not in ("ipfs", "ipns", "ipld"):
            from jiaozi_node.commands.ipfs.go_text import quoted

            return f"unknown namespace: {quoted(segments[0])}"
    return _SHORT
