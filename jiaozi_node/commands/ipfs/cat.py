"""``ipfs cat``: the bytes of files."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Length, Option
from jiaozi_node.errors import Misuse

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid


def cat(call: Call) -> Iterator[bytes | memoryview | Length]:
    """Yield the bytes of all arguments as if they were one file; every one is found first."""
    from jiaozi_node.commands.ipfs.content_path import parse
    from jiaozi_node.commands.reading import content
    from jiaozi_node.dag.walk import run
    from jiaozi_node.unixfs.resolve import resolve
    from jiaozi_node.unixfs.stat import stat

    offset, left = call.option("offset"), call.option("length")
    if offset < 0:
        raise Misuse("cannot specify negative offset")
    if left is not None and left < 0:
        raise Misuse("cannot specify negative length")
    if left == 0:
        return
    get = call.home.blocks.get
    spans: list[tuple[Cid, int, int, bytes | None]] = []
    for text in call.args["ipfs_path"]:
        found = run(resolve(parse(call, text)), get)
        if found.remainder:
            raise Misuse(f"got invalid DAG node kind: {text}")
        node = run(stat(found.cid), get)
        if node.kind == "directory":
            raise Misuse("this dag node is a directory")
        size = node.file_bytes
        if offset > size:
            offset -= size
            continue
        length = size - offset if left is None else min(left, size - offset)
        spans.append((found.cid, offset, length, node.target))
        offset = 0
        if left is not None:
            left -= length
            if left <= 0:
                break
    yield Length(sum([length for _, _, length, _ in spans]))
    for cid, start, length, target in spans:
        if target is not None:
            yield target[start : start + length]
            continue
        yield from content(cid, start, length, start + length, get)


CAT = Command(
    path=("ipfs", "cat"),
    fetches=True,
    tagline="Show IPFS object data.",
    handler=cat,
    arguments=(
        Argument(
            "ipfs-path", "The path to the IPFS object(s) to be output.", many=True, stdin=True
        ),
    ),
    options=(
        Option("offset", Kind.INT64, "Byte offset to begin reading from.", ("o",), 0),
        Option("length", Kind.INT64, "Maximum number of bytes to read.", ("l",)),
        Option("progress", Kind.BOOL, "Stream progress data.", ("p",)),
    ),
    answer=Answer.BYTES,
    help="""
    Displays the data of UnixFS files and symlinks. --progress is taken and does nothing: bytes go
    to standard output as they are read.
    """,
)
