"""A block as UnixFS sees it: raw bytes, or links and a UnixFS message."""

from typing import NamedTuple

from jiaozi_node.errors import Malformed, Misuse
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block, within
from jiaozi_node.formats.cid import CODEC_NAMES, Cid
from jiaozi_node.formats.dag_pb import RawLink
from jiaozi_node.formats.unixfs_pb import UnixFs

_RAW_FILE = UnixFs(unixfs_pb.FILE)


class NotUnixFs(Malformed):
    """A block that is not part of a UnixFS tree."""

    def __init__(self, cid: Cid, why: str) -> None:
        super().__init__(f"{cid} is not UnixFS: {why}")
        self.cid = cid


class IsDirectory(Misuse):
    """The bytes of a directory were asked for."""

    def __init__(self, cid: Cid) -> None:
        super().__init__(f"{cid} is a directory")
        self.cid = cid


class NotADirectory(Misuse):
    """The entries of something that is no directory were asked for."""

    def __init__(self, cid: Cid) -> None:
        super().__init__(f"{cid} is not a directory")
        self.cid = cid


class Parsed(NamedTuple):
    """The links of a block as on the wire, its message, and whether it is raw data."""

    links: list[RawLink]
    message: UnixFs
    raw: bytes | None


def parse(block: Block) -> Parsed:
    """Read *block*; a raw one is a file. Raises `NotUnixFs`, or `Malformed` for broken bytes."""
    codec = block.cid.codec
    if codec == c.RAW:
        return Parsed([], _RAW_FILE, block.data)
    if codec != c.DAG_PB:
        raise NotUnixFs(block.cid, f"its codec is {CODEC_NAMES.get(codec, hex(codec))}")
    try:
        links, data = dag_pb.decode_links(block.data)
        if data is None:
            raise NotUnixFs(block.cid, "it has no Data")
        return Parsed(links, unixfs_pb.decode(data), None)
    except Malformed as fault:
        raise within(block.cid, fault) from None
