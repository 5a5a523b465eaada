"""Our errors in Kubo's words, for the first line of what the Kubo face complains.

Clients match these texts (research/kubo-rpc-and-gateway.md §1.5). What has no counterpart in Kubo
keeps its own sentence.
"""

from jiaozi_node.commands.declare import ClientFault
from jiaozi_node.errors import JiaoziError

CLIENT = 1  # go-ipfs-cmds' ErrClient: the caller is to blame; status 400 over HTTP


def kubo_code(error: BaseException) -> int:
    """Return the code that an answer with *error* carries."""
    return CLIENT if isinstance(error, ClientFault) else 0


def kubo_message(error: JiaoziError) -> str:
    """Return the message of *error* as Kubo would say it."""
    name = type(error).__name__
    translate = _WORDS.get(name)
    return str(error) if translate is None else translate(error)


def not_found(cid: object) -> str:
    """Return what Kubo's block store says of a block that isn't there."""
    return f"ipld: could not find {cid}"


def _missing_block(error: JiaoziError) -> str:
    return f"block was not found locally (offline): {not_found(getattr(error, 'cid', '?'))}"


def _missing_entry(error: JiaoziError) -> str:
    from jiaozi_node.commands.ipfs.go_text import quoted

    name = quoted(str(getattr(error, "name", "")))
    return f"no link named {name} under {getattr(error, 'root', '?')}"


def _missing_part(error: JiaoziError) -> str:
    """Translate `PathMissing`: a name looked up inside a value that hasn't got it."""
    from jiaozi_node.commands.ipfs.go_text import quoted

    part, text = str(getattr(error, "part", "")), str(error)
    if text.endswith("no such key"):
        return f"key not found: {quoted(part)}"
    if "the list has" in text:
        return f"key not found: {quoted(part)}"
    if text.endswith("it is a symlink"):
        return f"no link named {quoted(part)} under {getattr(error, 'cid', '?')}"
    if text.endswith(("it is a file", "it is raw data", "it is a raw")):
        kind = "bytes" if text.endswith("it is raw data") else "data.Bytes"
        return (
            f'func called on wrong kind: "LookupBySegment" called on a {kind} node '
            "(kind: bytes), but only makes sense on map or list"
        )
    return text


def _no_home(error: JiaoziError) -> str:
    return f"no IPFS repo found in {getattr(error, 'path', '?')}."


def _long_pin_name(error: JiaoziError) -> str:
    if getattr(error, "field", "") == "pin name":
        return f"pin name is {getattr(error, 'value', 0)} bytes (max 255 bytes)"
    return str(error)


def _is_directory(_error: JiaoziError) -> str:
    return "this dag node is a directory"


def _not_unixfs(error: JiaoziError) -> str:
    from jiaozi_node.formats.cid import DAG_PB, RAW

    codec = getattr(getattr(error, "cid", None), "codec", DAG_PB)
    return str(error) if codec in (DAG_PB, RAW) else "unknown node type"


# By the class's name: importing the classes would cost every command their modules.
_WORDS = {
    "BlockMissing": _missing_block,
    "EntryMissing": _missing_entry,
    "PathMissing": _missing_part,
    "HomeMissing": _no_home,
    "LimitExceeded": _long_pin_name,
    "IsADirectory": _is_directory,
    "NotUnixFs": _not_unixfs,
}
