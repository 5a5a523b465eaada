"""``ipfs files ls|stat|read|flush``: what is in the mutable file system."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import (
    Answer,
    Argument,
    Call,
    ClientFault,
    Command,
    Kind,
    Needs,
    Option,
)
from jiaozi_node.commands.ipfs.mfs_path import FLUSH, check_path
from jiaozi_node.errors import Misuse, Unavailable

if TYPE_CHECKING:
    from jiaozi_node.formats.block import Block
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.node.mfs import Mfs
    from jiaozi_node.stores.api import BlockStore

_GO_DIRECTORY = 1 << 31
_GO_SYMLINK = 1 << 27
_GO_BITS = ((0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20))  # setuid, setgid, sticky
_GO_LETTERS = "dalTLDpSugct?"
_NOT_SET = "not set"


# ---- ls -----------------------------------------------------------------------------------


def ls(call: Call) -> Iterator[dict[str, Any]]:
    """Yield ``{"Entries"}`` of a directory, or of a file alone."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.dag.walk import gather, run
    from jiaozi_node.node.acts import acting
    from jiaozi_node.node.mfs import mfs_of
    from jiaozi_node.unixfs.folder import Folder, open_at

    path = check_path(call.args["path"] or "/")
    mfs, long = mfs_of(call.home), call.option("long")
    blocks = call.home.blocks

    def listed(tree: Any) -> Any:  # noqa: ANN401 - Lookup[list[Value] | Value | None]
        found = yield from tree.lookup(path)
        if not isinstance(found, Folder):
            return found
        # What is sealed, and all that may be large, is listed from its blocks, beside other acts.
        if found.sealed is not None or found.sharded or long:
            return None
        return (yield from gather(found.values()))

    found = mfs.look(listed)
    if found is None:
        there = mfs.at(path)
        if not there.directory:
            raise Unavailable("the directory was replaced while it was listed")
        with acting(call.home) as act:
            act.lease.keep_below(there.cid)  # whatever becomes of it meanwhile
            held = run(open_at(there.cid, mfs.recipes().base), blocks.get)
            found = run(gather(held.values()), blocks.get)
    if not isinstance(found, list):
        row = _entry(path.rpartition("/")[2])
        if long:
            from jiaozi_node.formats.cid import Cid

            row |= {"Size": _kind_and_size(blocks, Cid(found.cid))[1]}
            row["Hash"] = CidText.asked(call)(Cid(found.cid))
        yield {"Entries": [row]}
        return
    rows = []
    for value in found:
        row = _entry(value.name.decode("utf-8", "surrogateescape"))
        if long:
            from jiaozi_node.formats.cid import Cid

            cid = Cid(value.cid)
            kind, size = _kind_and_size(blocks, cid)
            row |= {"Type": int(kind), "Size": size, "Hash": str(cid)}
        rows.append(row)
    yield {"Entries": rows or None}


def _entry(name: str) -> dict[str, Any]:
    return {"Name": name, "Type": 0, "Size": 0, "Hash": ""}


def _kind_and_size(blocks: "BlockStore", cid: "Cid") -> tuple[bool, int]:
    """Return whether *cid* is a directory, and a file's size."""
    from jiaozi_node.formats import cid as c
    from jiaozi_node.formats import unixfs_pb
    from jiaozi_node.formats.block import Block
    from jiaozi_node.unixfs.blocks import parse

    if cid.codec == c.RAW:
        return False, blocks.size(cid)
    inline = cid.inline
    message = parse(blocks.get(cid) if inline is None else Block(cid, inline)).message
    if message.type in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
        return True, 0
    if message.type == unixfs_pb.SYMLINK:
        return False, len(message.data or b"")
    return False, message.file_size or 0


def _ls_text(row: dict[str, Any], call: Call) -> str:
    import os

    entries = row["Entries"] or []
    if not call.option("U"):
        entries = sorted(entries, key=lambda one: os.fsencode(one["Name"]))
    if not call.option("long"):
        return "".join([f"{one['Name']}\n" for one in entries])
    return "".join(
        [
            f"{one['Name']}{'/' * (one['Type'] == 1)}\t{one['Hash']}\t{one['Size']}\n"
            for one in entries
        ]
    )


# ---- stat ---------------------------------------------------------------------------------

DEFAULT_FORMAT = """<hash>
Size: <size>
CumulativeSize: <cumulsize>
ChildBlocks: <childs>
Type: <type>
Mode: <mode> (<mode-octal>)
Mtime: <mtime>"""


def stat(call: Call) -> Iterator[dict[str, Any]]:
    """Yield what is known of the node at a path, of the file system or of content."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.node.mfs import mfs_of

    _format(call)
    shown = CidText.asked(call)
    cid = root_of(call, mfs_of(call.home), checked(call.args["path"]))
    block = block_of(call, cid)
    row = _row(block, shown(cid))
    if call.option("with_local"):
        local, size = _local(block, call.home.blocks)
        more = {"WithLocality": True} | ({"Local": True} if local else {}) | {"SizeLocal": size}
        tail = {key: row.pop(key) for key in ("Mtime", "MtimeNsecs", "Mode") if key in row}
        row |= more | tail
    yield row


def checked(text: str) -> str:
    """Return *text*, a content path as it is, or as a path of the file system."""
    from jiaozi_node.commands.ipfs.mfs_path import content_path

    found = content_path(text)
    return found if found is not None else check_path(text)


def root_of(call: Call, mfs: "Mfs", path: str) -> "Cid":
    """Return the CID of what a path leads to, of the file system or of content."""
    from jiaozi_node.commands.ipfs.content_path import resolve_whole
    from jiaozi_node.commands.ipfs.mfs_path import content_path

    if not path or content_path(path) is None:
        return mfs.at(path).cid
    return resolve_whole(call, path)


def block_of(call: Call, cid: "Cid") -> "Block":
    """Return the block of *cid*."""
    from jiaozi_node.formats.block import Block

    inline = cid.inline
    return call.home.blocks.get(cid) if inline is None else Block(cid, inline)


def _row(block: "Block", shown: str) -> dict[str, Any]:
    from jiaozi_node.formats import cid as c
    from jiaozi_node.formats import unixfs_pb
    from jiaozi_node.unixfs.blocks import parse

    size = len(block.data)
    row = {"Hash": shown, "Size": size, "CumulativeSize": size, "Blocks": 0, "Type": "file"}
    if block.cid.codec == c.RAW:
        return row
    if block.cid.codec != c.DAG_PB:
        raise Misuse("not unixfs node (proto or raw)")
    links, message, _raw = parse(block)
    kind = message.type
    directory = kind in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD)
    file_size = 0
    if kind in (unixfs_pb.FILE, unixfs_pb.RAW):
        file_size = message.file_size or 0
    elif kind == unixfs_pb.SYMLINK:
        file_size = len(message.data or b"")
    row |= {
        "Size": file_size,
        "CumulativeSize": size + sum([link[2] or 0 for link in links]),
        "Blocks": len(links),
        "Type": "directory" if directory else "file",
    }
    if message.mtime is not None:
        row["Mtime"] = message.mtime[0]
        if message.mtime[1]:
            row["MtimeNsecs"] = message.mtime[1]
        if not row["Mtime"]:
            del row["Mtime"]
    mode = _go_mode(message.mode, kind)
    if mode:
        row["Mode"] = f"{mode:04o}"
    return row


def _go_mode(stored: int | None, kind: int) -> int:
    """Return a node's mode as Go's ``os.FileMode``, 0 for none."""
    from jiaozi_node.formats import unixfs_pb

    bits = (stored or 0) & 0o7777
    special = 0
    if kind in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
        special = _GO_DIRECTORY
    elif kind == unixfs_pb.SYMLINK:
        special = _GO_SYMLINK
    if not bits:
        return special | 0o777 if kind == unixfs_pb.SYMLINK else 0
    return bits & 0o777 | special | sum([go for posix, go in _GO_BITS if bits & posix])


def _local(root: "Block", blocks: "BlockStore") -> tuple[bool, int]:
    """Tell whether all below *root* is here, and count the bytes that are, once per link."""
    from jiaozi_node.formats import codecs
    from jiaozi_node.formats.block import Block
    from jiaozi_node.stores.api import BlockMissing

    known: dict[bytes, tuple[bool, int]] = {}
    # Each step: a block and its links left to count; what is known of it so far.
    stack = [(root, list(codecs.links(root.cid.codec, root.data)), [True, len(root.data)])]
    while True:
        block, links, told = stack[-1]
        if not links:
            stack.pop()
            known[block.cid.raw] = (bool(told[0]), int(told[1]))
            if not stack:
                return known[block.cid.raw]
            continue
        cid = links[-1]
        found = known.get(cid.raw)
        if found is None:
            inline = cid.inline
            try:
                child = blocks.get(cid) if inline is None else Block(cid, inline)
            except BlockMissing:
                found = known[cid.raw] = (False, 0)
            else:
                below = list(codecs.links(cid.codec, child.data))
                stack.append((child, below, [True, len(child.data)]))
                continue
        links.pop()
        told[0] = told[0] and found[0]
        told[1] += found[1]


def _format(call: Call) -> str:
    """Return the format asked for; raises `Misuse` for more than one."""
    only_hash, only_size = bool(call.option("hash")), bool(call.option("size"))
    given: str = call.option("format")
    if only_hash + only_size + (given != DEFAULT_FORMAT) > 1:
        raise ClientFault(
            "invalid parameters: format was set by multiple options. "
            "Only one format option is allowed"
        )
    return "<hash>" if only_hash else "<cumulsize>" if only_size else given


def _stat_text(row: dict[str, Any], call: Call) -> str:
    mode = mode_octal = mtime = seconds = nanos = _NOT_SET
    if "Mode" in row:
        bits = int(row["Mode"], 8)
        mode, mode_octal = _mode_text(bits), f"0{bits & 0o777:o}"
    if row.get("Mtime", 0) > 0:
        mtime = _time_text(row["Mtime"])
        seconds, nanos = str(row["Mtime"]), str(row.get("MtimeNsecs", 0))
    text = _format(call)
    for token, value in (
        ("hash", row["Hash"]),
        ("size", row["Size"]),
        ("cumulsize", row["CumulativeSize"]),
        ("childs", row["Blocks"]),
        ("type", row["Type"]),
        ("mode", mode),
        ("mode-octal", mode_octal),
        ("mtime", mtime),
        ("mtime-secs", seconds),
        ("mtime-nsecs", nanos),
    ):
        text = text.replace(f"<{token}>", str(value))
    text += "\n"
    if row.get("WithLocality"):
        from jiaozi_node.commands.ipfs.go_text import human_bytes

        size, whole = row["SizeLocal"], row["CumulativeSize"]
        share = f"{100 * size / whole:.2f}" if whole else "NaN"
        text += f"Local: {human_bytes(size)} of {human_bytes(whole)} ({share}%)\n"
    return text


def _mode_text(bits: int) -> str:
    """Return Go's text of a mode, in small letters as Kubo shows it."""
    kinds = "".join([char for at, char in enumerate(_GO_LETTERS) if bits & 1 << 31 - at])
    flags = "".join([char if bits & 0o400 >> at else "-" for at, char in enumerate("rwxrwxrwx")])
    return ((kinds or "-") + flags).lower()


def _time_text(seconds: int) -> str:
    """Return a time as ``6 Sep 2021, 14:18:46 UTC``."""
    import datetime

    try:
        when = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return f"{when.day} {when:%b %Y, %H:%M:%S} UTC"


# ---- read, flush --------------------------------------------------------------------------


def read(call: Call) -> Iterator[memoryview]:
    """Yield the bytes of a file."""
    from jiaozi_node.commands.kubo_errors import kubo_message
    from jiaozi_node.commands.reading import content
    from jiaozi_node.errors import JiaoziError
    from jiaozi_node.node.acts import acting
    from jiaozi_node.node.mfs import mfs_of
    from jiaozi_node.unixfs import blocks, modify
    from jiaozi_node.unixfs.folder import Folder
    from jiaozi_node.unixfs.read import file_bytes

    path = check_path(call.args["path"])
    mfs = mfs_of(call.home)
    try:
        found = mfs.look(lambda tree: tree.lookup(path))
    except JiaoziError as fault:
        raise Misuse(f"{path}: {kubo_message(fault)}") from None
    if isinstance(found, Folder):
        raise Misuse(f"{path} was not a file")
    from jiaozi_node.formats.cid import Cid

    block = block_of(call, Cid(found.cid))
    modify.check(block)
    offset, count = call.option("offset") or 0, call.option("count")
    if offset < 0:
        raise Misuse("cannot specify negative offset")
    size = file_bytes(block.cid, blocks.parse(block))
    if offset > size:
        raise Misuse(f"offset was past end of file ({offset} > {size})")
    if count is not None and count < 0:
        raise Misuse("cannot specify negative 'count'")
    if count != 0:
        with acting(call.home) as act:
            act.lease.keep_below(block.cid)  # though it be removed or written to meanwhile
            yield from content(block.cid, offset, count, size, act.blocks.get)


def flush(call: Call) -> Iterator[dict[str, str]]:
    """Make all durable; yield ``{"Cid"}`` of what is at the path."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.node.mfs import mfs_of

    shown = CidText.asked(call)
    yield {"Cid": shown(mfs_of(call.home).flush(call.args["path"] or "/").cid)}


LS = Command(
    path=("ipfs", "files", "ls"),
    tagline="List directories in the local mutable namespace.",
    handler=ls,
    arguments=(Argument("path", "Path to show listing for. Defaults to '/'.", required=False),),
    options=(
        Option("long", Kind.BOOL, "Use long listing format.", ("l",)),
        Option("U", Kind.BOOL, "Do not sort; list entries in directory order."),
        FLUSH,
    ),
    answer=Answer.VALUE,
    needs=Needs.NODE,
    text=_ls_text,
    text_only=False,
)

STAT = Command(
    path=("ipfs", "files", "stat"),
    fetches=True,
    tagline="Display file status.",
    handler=stat,
    arguments=(Argument("path", "Path to node to stat."),),
    options=(
        Option(
            "format",
            Kind.TEXT,
            "Print statistics in given format. Allowed tokens: <hash> <size> <cumulsize> <type> "
            "<childs> and optional <mode> <mode-octal> <mtime> <mtime-secs> <mtime-nsecs>.",
            default=DEFAULT_FORMAT,
        ),
        Option("hash", Kind.BOOL, "Print only hash. Implies '--format=<hash>'."),
        Option("size", Kind.BOOL, "Print only size. Implies '--format=<cumulsize>'."),
        Option("with-local", Kind.BOOL, "Compute how much of the dag is local."),
        FLUSH,
    ),
    answer=Answer.VALUE,
    needs=Needs.NODE,
    text=_stat_text,
    help="""
    Of a directory that changed, all changes are flushed first: its CID is that of what is stored.
    """,
)

READ = Command(
    path=("ipfs", "files", "read"),
    tagline="Read a file from MFS.",
    handler=read,
    arguments=(Argument("path", "Path to file to be read."),),
    options=(
        Option("offset", Kind.INT64, "Byte offset to begin reading from.", ("o",)),
        Option("count", Kind.INT64, "Maximum number of bytes to read.", ("n",)),
        FLUSH,
    ),
    answer=Answer.BYTES,
    needs=Needs.NODE,
)

FLUSH_COMMAND = Command(
    path=("ipfs", "files", "flush"),
    tagline="Flush a given path's data to disk.",
    handler=flush,
    arguments=(Argument("path", "Path to flush. Default: '/'.", required=False),),
    options=(FLUSH,),
    answer=Answer.VALUE,
    needs=Needs.NODE,
    help="""
    Everything is flushed, whatever the path: the file system is durable up to this moment, and the
    CID is that of the path.
    """,
)
