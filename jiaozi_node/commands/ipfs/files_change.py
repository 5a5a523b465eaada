"""``ipfs files cp|mkdir|mv|rm|write|chcid|chmod|touch|chroot``: what changes the file system."""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Needs, Option
from jiaozi_node.commands.ipfs.mfs_path import (
    FLUSH,
    PARENTS,
    PREFIX,
    base,
    check_path,
    directory,
    prefix_of,
)
from jiaozi_node.errors import JiaoziError, Misuse

if TYPE_CHECKING:
    from jiaozi_node.formats.block import Block
    from jiaozi_node.node.mfs import Mfs
    from jiaozi_node.unixfs.mfs import Edit, Tree
    from jiaozi_node.unixfs.node import Node
    from jiaozi_node.unixfs.profile import Profile

_NO_UNIXFS = "cp: source must be a valid UnixFS (dag-pb or raw codec)"


def cp(call: Call) -> Iterator[None]:
    """Set an entry to what a path leads to, of the file system or of content; copy no block."""
    from jiaozi_node.commands.ipfs.files import block_of, checked, root_of
    from jiaozi_node.commands.kubo_errors import kubo_message
    from jiaozi_node.node.acts import acting
    from jiaozi_node.node.mfs import mfs_of

    mfs, flush = mfs_of(call.home), call.option("flush")
    profile = _configured(mfs)
    source = checked(call.args["source"]).rstrip("/")
    target = check_path(call.args["dest"])
    if target[-1] == "/":
        target += base(source)
    with acting(call.home) as act:
        try:
            cid = root_of(call, mfs, source)
            act.lease.keep_below(cid)
            block = block_of(call, cid)
        except JiaoziError as fault:
            shown = kubo_message(fault)
            raise Misuse(f"cp: cannot get node from path {source}: {shown}") from None
        node = _copied(block, mfs, target, flush=flush)
        mfs.begin(flush=flush)
        force, parents = bool(call.option("force")), bool(call.option("parents"))
        mfs.act(
            lambda tree: _copying(tree, target, node, profile, force=force, parents=parents),
            flush=flush,
            keep=node.cid,
        )
    yield from ()


def _copied(block: "Block", mfs: "Mfs", target: str, *, flush: bool) -> "Node":
    """Return *block* as what is copied; refuse what is no UnixFS."""
    from jiaozi_node.errors import Malformed
    from jiaozi_node.formats import cid as c
    from jiaozi_node.formats import unixfs_pb
    from jiaozi_node.unixfs import modify
    from jiaozi_node.unixfs.blocks import parse
    from jiaozi_node.unixfs.node import Node

    if block.cid.codec not in (c.RAW, c.DAG_PB):
        raise Misuse(_NO_UNIXFS)
    try:
        links, message, _raw = parse(block)
    except Malformed as fault:
        raise Misuse(f"{_NO_UNIXFS}: {fault}") from None
    tsize = len(block.data) + sum([link[2] or 0 for link in links])
    if flush and message.type not in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
        try:
            modify.check(block)
        except modify.NotAFile as fault:
            raise Misuse(f"cp: cannot flush the created file {target}: {fault}") from None
        return modify.collapsed(block) or Node(block.cid, tsize, "file", 0)
    return Node(block.cid, tsize, "file", 0)


def _copying(
    tree: "Tree", target: str, node: "Node", profile: "Profile", *, force: bool, parents: bool
) -> Generator[Any, Any, list["Edit"]]:
    from jiaozi_node.commands.kubo_errors import kubo_message
    from jiaozi_node.unixfs.mfs import Edit, names_of

    before: list[Edit] = []
    if parents and directory(target) != "/":
        before = yield from tree.mkdir(directory(target), profile, parents=True)
    if force and not before:
        try:
            before = yield from tree.unlink_file(target)
        except JiaoziError as fault:
            raise Misuse(f"cp: cannot unlink existing file: {kubo_message(fault)}") from None
    if before:
        return [*before, Edit(names_of(target), node.cid, node.tsize)]
    try:
        return (yield from tree.put(target, node))
    except JiaoziError as fault:
        shown = kubo_message(fault)
        raise Misuse(f"cp: cannot put node in path {target}: {shown}") from None


def _configured(mfs: "Mfs") -> "Profile":
    recipes = mfs.recipes()
    return recipes.of(recipes.base.cid_version, recipes.base.hash_code)


def mkdir(call: Call) -> Iterator[None]:
    """Make a directory."""
    from jiaozi_node.node.mfs import mfs_of

    mfs, flush = mfs_of(call.home), call.option("flush")
    path, parents = check_path(call.args["path"]), bool(call.option("parents"))
    profile = prefix_of(call, mfs.recipes())
    mfs.begin(flush=flush)
    mfs.act(lambda tree: tree.mkdir(path, profile, parents=parents), flush=flush)
    yield from ()


def mv(call: Call) -> Iterator[None]:
    """Give a file or directory another path."""
    from jiaozi_node.node.mfs import mfs_of

    mfs, flush = mfs_of(call.home), call.option("flush")
    source, target = check_path(call.args["source"]), check_path(call.args["dest"])
    mfs.begin(flush=flush)
    mfs.act(lambda tree: tree.move(source, target), flush=flush)
    yield from ()


def rm(call: Call) -> Iterator[str]:
    """Remove files or directories; yield a line for each that can't be, and fail behind them."""
    from jiaozi_node.commands.kubo_errors import kubo_message
    from jiaozi_node.node.mfs import mfs_of

    if not call.option("flush"):
        raise Misuse(
            "files rm always flushes for safety. The --flush flag cannot be set to false for this "
            "command"
        )
    mfs = mfs_of(call.home)
    recursive, force = bool(call.option("recursive")), bool(call.option("force"))
    faults: list[str] = []
    for text in call.args["path"]:
        try:
            path = check_path(text)
        except Misuse as fault:
            faults.append(f"{text} is not a valid path: {fault}")
            continue
        try:
            _remove(mfs, path, recursive=recursive, force=force)
        except JiaoziError as fault:
            faults.append(f"{path}: {kubo_message(fault)}")
    yield from faults
    if faults:
        raise Misuse("can't remove some files")


def _remove(mfs: "Mfs", path: str, *, recursive: bool, force: bool) -> None:
    mfs.act(lambda tree: tree.unlink(path, recursive=recursive, force=force), flush=True)


def write(call: Call) -> Iterator[None]:
    """Write what comes in to a file."""
    from jiaozi_node.node.mfs import mfs_of
    from jiaozi_node.node.mfs_writing import Writing
    from jiaozi_node.node.mfs_writing import write as write_file

    path = check_path(call.args["path"])
    mfs, flush = mfs_of(call.home), call.option("flush")
    files = call.files
    if files is None:
        raise Misuse("file argument 'data' is required")
    raw_leaves = call.option("raw_leaves")
    if raw_leaves is None:
        raw_leaves = call.home.config.find("Import.UnixFSRawLeaves")
    profile = prefix_of(call, mfs.recipes())
    offset, count = call.option("offset") or 0, call.option("count")
    if offset < 0:
        raise Misuse("cannot have negative write offset")
    if count is not None and count < 0:
        raise Misuse("cannot have negative byte count")
    mfs.begin(flush=flush)
    how = Writing(
        profile,
        offset,
        create=bool(call.option("create")),
        parents=bool(call.option("parents")),
        truncate=bool(call.option("truncate")),
        count=count,
        raw_leaves=raw_leaves,
        flush=flush,
    )
    streams = files.streams()

    def source() -> BinaryIO:
        for _name, stream in streams:
            return stream
        raise Misuse("expected a regular file")

    write_file(call.home, mfs, path, source, how, lambda: _time(call))
    yield from ()


def _time(call: Call) -> tuple[int, int]:
    whole, part = divmod(int(call.now() * 1e9), 1_000_000_000)
    return whole, part


def chcid(call: Call) -> Iterator[None]:
    """Give a directory another CID version or hash."""
    from jiaozi_node.node.mfs import mfs_of

    mfs, path = mfs_of(call.home), call.args["path"]
    if path == "/":
        raise Misuse(
            "cannot change CID format of the MFS root; use 'ipfs config Import.CidVersion' and "
            "'ipfs config Import.HashFunction' instead"
        )
    path = check_path(path)
    flush = call.option("flush")
    if call.option("cid_version") is None and call.option("hash") is None:
        if flush:
            mfs.flush(path)
        return
    profile = prefix_of(call, mfs.recipes())
    mfs.act(lambda tree: tree.set_profile(path, profile), flush=flush)
    yield from ()


def chmod(call: Call) -> Iterator[None]:
    """Record permissions."""
    from jiaozi_node.node.mfs import mfs_of

    path, mode = check_path(call.args["path"]), _mode(call.args["mode"])
    mfs_of(call.home).act(lambda tree: tree.set_stat(path, mode, None), flush=True)
    yield from ()


def _mode(text: str) -> int:
    """Return the permission bits of an octal number, as Go makes an ``os.FileMode`` of it."""
    from jiaozi_node.commands.ipfs.go_text import quoted

    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits or digits.strip("01234567"):
        raise Misuse(f"strconv.ParseInt: parsing {quoted(text[:64])}: invalid syntax")
    value = int(digits, 8) if len(digits) < 64 else 1 << 64
    value = -value if text[0] == "-" else value
    if not -(2**31) <= value < 2**31:
        raise Misuse(f"strconv.ParseInt: parsing {quoted(text[:64])}: value out of range")
    bits = value & 0o777
    for go, posix in ((1 << 23, 0o4000), (1 << 22, 0o2000), (1 << 20, 0o1000)):
        bits |= posix if value & go else 0
    return bits


def touch(call: Call) -> Iterator[None]:
    """Record a modification time."""
    from jiaozi_node.node.mfs import mfs_of

    path = check_path(call.args["path"])
    seconds, nanos = call.option("mtime"), call.option("mtime_nsecs") or 0
    when = (seconds + nanos // 10**9, nanos % 10**9) if seconds else _time(call)
    mfs_of(call.home).act(lambda tree: tree.set_stat(path, None, when), flush=True)
    yield from ()


def chroot(call: Call) -> Iterator[dict[str, str]]:
    """Put another root in the place of the present one; works when that can't be opened."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.go_text import cid_fault, quoted
    from jiaozi_node.errors import Malformed, Refused
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.node import mfs_rooting
    from jiaozi_node.node.local_home import LocalHome

    if not call.option("confirm"):
        raise Misuse("this is a potentially destructive operation; pass --confirm to proceed")
    shown = CidText.asked(call)
    text, root = call.args["cid"], None
    if text is not None:
        try:
            root = Cid.parse(text)
        except Malformed as fault:
            raise Misuse(f"invalid CID {quoted(text[:128])}: {cid_fault(text, fault)}") from None
    if not isinstance(call.home, LocalHome):
        raise Refused("opening repo (is the daemon running?): the daemon holds it; stop it first")
    old, new = mfs_rooting.set_root(call.home, root, shown)
    if old is None:
        yield {"Message": f"MFS root set to {shown(new)}\n"}
        return
    yield {
        "Message": f"MFS root changed from {shown(old)} to {shown(new)}\n"
        f"The old root {shown(old)} will be garbage collected unless pinned.\n"
    }


_PATH = Argument("path", "Path to write to.")

CP = Command(
    path=("ipfs", "files", "cp"),
    fetches=True,
    tagline="Add references to IPFS files and directories in MFS (or copy within MFS).",
    handler=cp,
    arguments=(
        Argument("source", "Source IPFS or MFS path to copy."),
        Argument("dest", "Destination within MFS."),
    ),
    options=(Option("force", Kind.BOOL, "Force overwrite of existing files."), PARENTS, FLUSH),
    needs=Needs.NODE,
    help="""
    The copy is lazy: it links what is there, and copies no block. A link below which blocks are
    missing is kept, with those of them that are here.
    """,
)

MKDIR = Command(
    path=("ipfs", "files", "mkdir"),
    tagline="Make directories.",
    handler=mkdir,
    arguments=(Argument("path", "Path to dir to make."),),
    options=(
        Option(
            "parents",
            Kind.BOOL,
            "No error if existing, make parent directories as needed.",
            ("p",),
        ),
        *PREFIX,
        FLUSH,
    ),
    needs=Needs.NODE,
)

MV = Command(
    path=("ipfs", "files", "mv"),
    tagline="Move files.",
    handler=mv,
    arguments=(
        Argument("source", "Source file to move."),
        Argument("dest", "Destination path for file to be moved to."),
    ),
    options=(FLUSH,),
    needs=Needs.NODE,
)

RM = Command(
    path=("ipfs", "files", "rm"),
    tagline="Remove a file from MFS.",
    handler=rm,
    arguments=(Argument("path", "File to remove.", many=True),),
    options=(
        Option("recursive", Kind.BOOL, "Recursively remove directories.", ("r",)),
        Option("force", Kind.BOOL, "Forcibly remove target at path; implies -r for directories."),
        FLUSH,
    ),
    needs=Needs.NODE,
)

WRITE = Command(
    path=("ipfs", "files", "write"),
    tagline="Append to (modify) a file in MFS.",
    handler=write,
    arguments=(_PATH, Argument("data", "Data to write.", file=True, stdin=True)),
    options=(
        Option("offset", Kind.INT64, "Byte offset to begin writing at.", ("o",)),
        Option("create", Kind.BOOL, "Create the file if it does not exist.", ("e",)),
        PARENTS,
        Option("truncate", Kind.BOOL, "Truncate the file to size zero before writing.", ("t",)),
        Option("count", Kind.INT64, "Maximum number of bytes to read.", ("n",)),
        Option(
            "raw-leaves",
            Kind.BOOL,
            "Use raw blocks for newly created leaf nodes. (experimental)",
        ),
        *PREFIX,
        FLUSH,
    ),
    needs=Needs.NODE,
    help="""
    What is written beyond the end of a file is laid out as a trickle DAG, so the CID differs from
    that of 'ipfs add'. With --flush=false a crash may undo the last changes, back to the last that
    was flushed.
    """,
)

CHCID = Command(
    path=("ipfs", "files", "chcid"),
    tagline="Change the CID version or hash function of the root node of a given path.",
    handler=chcid,
    arguments=(Argument("path", "Path to change (must not be '/')."),),
    options=(*PREFIX, FLUSH),
    needs=Needs.NODE,
)

CHMOD = Command(
    path=("ipfs", "files", "chmod"),
    tagline="Change optional POSIX mode permissions",
    handler=chmod,
    arguments=(
        Argument("mode", "Mode to apply to node (numeric notation)"),
        Argument("path", "Path to apply mode"),
    ),
    options=(FLUSH,),
    needs=Needs.NODE,
)

TOUCH = Command(
    path=("ipfs", "files", "touch"),
    tagline="Set or change optional POSIX modification times.",
    handler=touch,
    arguments=(Argument("path", "Path of target to update."),),
    options=(
        Option("mtime", Kind.INT64, "Modification time in seconds before or since the Unix Epoch."),
        Option("mtime-nsecs", Kind.UINT, "Modification time fraction in nanoseconds"),
        FLUSH,
    ),
    needs=Needs.NODE,
)

CHROOT = Command(
    path=("ipfs", "files", "chroot"),
    tagline="Change the MFS root CID.",
    handler=chroot,
    arguments=(
        Argument(
            "cid",
            "New root CID (defaults to empty directory if not specified).",
            required=False,
        ),
    ),
    options=(
        Option("confirm", Kind.BOOL, "Confirm this potentially destructive operation."),
        FLUSH,
    ),
    answer=Answer.VALUE,
    text=lambda row, _call: row["Message"],
    help="""
    For when the file system can't be opened. Without a CID it becomes an empty directory. It works
    only while no daemon holds the home.
    """,
)
