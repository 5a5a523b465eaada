"""What a UnixFS node says of itself, from its one block."""

from typing import NamedTuple

from jiaozi_node.dag.walk import Lookup, need
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import blocks
from jiaozi_node.unixfs.node import DIRECTORY, FILE, SYMLINK, Mtime
from jiaozi_node.unixfs.read import file_bytes


class Stat(NamedTuple):
    """A node's own account. *tsize* is the block and the declared sizes of all below.

    *file_bytes* is the declared size of a file, the length of a symlink's target, 0 for a
    directory. *blocks* counts links. *mode* is permission bits; *sharded* marks a HAMT;
    *type* is the number of the UnixFS type as Kubo's ``ls`` shows it.
    """

    cid: Cid
    kind: str
    file_bytes: int
    tsize: int
    blocks: int
    mode: int | None
    mtime: Mtime | None
    target: bytes | None
    sharded: bool
    type: int


def stat(cid: Cid) -> Lookup[Stat]:
    """Return the `Stat` of the node at *cid*; touches one block. Raises `blocks.NotUnixFs`."""
    return of((yield from need(cid)))


def of(block: Block) -> Stat:
    """Return the `Stat` of *block*."""
    cid = block.cid
    parsed = blocks.parse(block)
    links, message, raw = parsed
    tsize = len(block.data) + sum([link[2] or 0 for link in links])
    kind, size, target = DIRECTORY, 0, None
    if message.type == unixfs_pb.SYMLINK:
        if links:
            raise blocks.NotUnixFs(cid, "a symlink has links")
        target = message.data or b""
        kind, size = SYMLINK, len(target)
    elif message.type not in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
        kind, size = FILE, file_bytes(cid, parsed)
    mode = None if message.mode is None else message.mode & 0o7777 or None
    return Stat(
        cid,
        kind,
        size,
        tsize,
        len(links),
        mode,
        message.mtime,
        target,
        message.type == unixfs_pb.HAMT_SHARD,
        message.type if raw is None else unixfs_pb.FILE,
    )
