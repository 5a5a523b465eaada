"""Arguments that name content: a path, a URI or a bare CID, refused in Kubo's words."""

from typing import TYPE_CHECKING

from jiaozi_node.commands.declare import Call
from jiaozi_node.errors import LimitExceeded, Malformed

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.node.naming import NameSystem
    from jiaozi_node.unixfs.resolve import Path, Resolved


def parse(call: Call, text: str) -> "Path":
    """Read *text* as Kubo's commands do, a name (``/ipns/…``) as what it stands for now."""
    path = canonical(text)
    if path.startswith("/ipns/"):
        return immutable(names_of(call).resolve(path).path)
    return immutable(text)


def immutable(text: str) -> "Path":
    """Read *text*, which must be no name; raises `Malformed`.

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
        raise Malformed(f"invalid path {quoted(text)}: path was expected to be immutable")
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

    return run(r.resolve(parse(call, text)), call.home.blocks.get)


def names_of(call: Call, *, fresh: bool = False) -> "NameSystem":
    """Return what resolves names for *call*."""
    from jiaozi_node.node import naming

    return naming.of(call.home, call.environ, call.now, fresh=fresh)


def canonical(text: str) -> str:
    """Return *text*, which may be a URI or a bare CID, as a clean path; a slash at its end stays.

    Raises `Malformed` for what is none.
    """
    from jiaozi_node.commands.ipfs.go_text import quoted
    from jiaozi_node.unixfs.resolve import InvalidPath, clean

    try:
        return clean(text)
    except InvalidPath:
        raise Malformed(f"invalid path {quoted(text)}: {_why(text)}") from None


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
