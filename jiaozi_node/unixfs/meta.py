"""The same file or directory with another mode and mtime."""

from collections.abc import Generator

from jiaozi_node.dag.walk import Need
from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import build
from jiaozi_node.unixfs.add import add_bytes
from jiaozi_node.unixfs.blocks import Parsed
from jiaozi_node.unixfs.compare import Opened
from jiaozi_node.unixfs.hamt import Value
from jiaozi_node.unixfs.node import Mtime
from jiaozi_node.unixfs.profile import Profile


def with_meta(
    value: Value, parsed: Parsed | Opened, profile: Profile, mode: int | None, mtime: Mtime | None
) -> Generator[Need | Block, Block | None, Value]:
    """Return *value*, whose root block is *parsed*, with that metadata; yield its new blocks."""
    if isinstance(parsed, Parsed) and parsed.raw is not None:
        made, file = add_bytes(parsed.raw, profile, mode, mtime)
        yield from made
        return Value(value.name, file.cid.raw, file.tsize)
    if parsed.message.type == unixfs_pb.DIRECTORY:  # whose size may make it a sharded one
        entries = [Value(name or b"", cid, size or 0) for cid, name, size in parsed.links]
        made, node = build.build(entries, profile, mode, mtime)
        yield from made
        return Value(value.name, node.cid.raw, node.tsize)
    message = parsed.message._replace(mode=mode, mtime=mtime)
    data = dag_pb.encode_links(parsed.links, unixfs_pb.encode(message))
    cid = Cid(profile.seal_pb(data))
    if cid.inline is None:
        yield Block(cid, data)
    return Value(
        value.name, cid.raw, len(data) + sum([size or 0 for _cid, _name, size in parsed.links])
    )
