"""A tree looked at block by block: each is here, hashes to its CID, and is the UnixFS it must be.

Whoever drives the walk hands out blocks that were hashed; what can't be had comes as an exception
at the need, and is told of with the path that leads to it. Nothing below a bad block is guessed at.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

from jiaozi_node.dag.walk import Lookup, Walk, need
from jiaozi_node.errors import Corrupt, JiaoziError, LimitExceeded, Malformed
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs import blocks, hamt, read
from jiaozi_node.unixfs.blocks import Parsed
from jiaozi_node.unixfs.changes import MAX_DEPTH
from jiaozi_node.unixfs.hamt import Shape, Shard

SOON = 8  # how many of the next blocks a need names


class Kind(Enum):
    """In which way a link is bad."""

    MISSING = "missing"  # the block isn't here
    DAMAGED = "damaged"  # our store's bytes don't hash to the CID
    BROKEN = "broken"  # a block that isn't what its format or schema says
    GENERATION = "generation"
    SIGNATURE = "signature"
    FOREIGN = "foreign"  # signed, by a key that isn't trusted
    UNSIGNED = "unsigned"  # and keys to trust were named
    NEWER = "newer"  # of a version that we don't read


class Finding(NamedTuple):
    """A bad link: *link* is a path to it from a commit or tag, *cid* the block, *what* a line."""

    link: str
    cid: Cid
    kind: Kind
    what: str


class _Place(NamedTuple):
    """A block to look at: where, and what the block above says of it."""

    parts: tuple[str, ...]
    cid: Cid
    size_bytes: int | None = None  # of a part of a file
    shard: tuple[Shape, int, int] | None = None  # of a shard below another: form, slots, level
    depth: int = 0  # how far below the root of its file


class TreeCheck:
    """Checks trees, each block once however many hold it; *see* is told of each block's bytes."""

    def __init__(self, see: Callable[[int], None]) -> None:
        self._see = see
        self._seen: set[bytes] = set()

    def walk(self, tree: Cid, where: str) -> Walk[Finding, None]:
        """Yield what is bad below the directory *tree*, to which the path *where* leads."""
        pending = [_Place((), tree)]
        while pending:
            place = pending.pop()
            key = place.cid.raw
            if key in self._seen:
                continue
            self._seen.add(key)
            soon = tuple([later.cid for later in pending[: -SOON - 1 : -1]])
            found = yield from obtained(place.cid, "/".join((where, *place.parts)), soon)
            if isinstance(found, Finding):
                yield found
                continue
            self._see(len(found.data))
            try:
                below = _below(place, found)
            except Malformed as fault:
                link = "/".join((where, *place.parts))
                yield Finding(link, place.cid, Kind.BROKEN, str(fault))
            else:
                pending += reversed(below)


def obtained(cid: Cid, link: str, soon: tuple[Cid, ...] = ()) -> Lookup[Block | Finding]:
    """Ask for a block; one that can't be had comes as a finding."""
    try:
        return (yield from need(cid, soon))
    except BlockMissing:
        return Finding(link, cid, Kind.MISSING, f"block {cid} is not here")
    except Corrupt as fault:
        return Finding(link, cid, Kind.DAMAGED, str(fault))
    except JiaoziError as fault:
        fault.add_note(f"on the way to {link}")
        raise


def _below(place: _Place, block: Block) -> list[_Place]:
    """Return what *block* leads to, in order; raises `Malformed` unless it is what it must be."""
    parsed = blocks.parse(block)
    links, message, raw = parsed
    if place.shard is not None:
        if raw is not None:
            raise hamt.MalformedShard("a raw block stands where a shard must")
        return list(_shard(place, parsed))
    if raw is None and message.type == unixfs_pb.HAMT_SHARD and not place.depth:
        return list(_shard(place, parsed))
    if raw is None and message.type == unixfs_pb.DIRECTORY and not place.depth:
        return [_entry(place, name or b"", Cid(cid)) for cid, name, _size in links]
    if not place.parts:
        raise blocks.NotUnixFs(place.cid, "a file stands where the root directory must")
    if raw is None and message.type == unixfs_pb.SYMLINK and not place.depth:
        if links:
            raise blocks.NotUnixFs(place.cid, "a symlink has no links")
        return []
    size = read.file_bytes(place.cid, parsed)
    if place.size_bytes is not None and size != place.size_bytes:
        raise read.SizeMismatch(place.cid, place.size_bytes, size)
    if links and place.depth >= read.MAX_DEPTH:
        raise LimitExceeded(f"depth of file {place.cid}", read.MAX_DEPTH, place.depth, "levels")
    return [
        _Place(place.parts, Cid(cid), part, depth=place.depth + 1)
        for (cid, _name, _size), part in zip(links, message.block_sizes, strict=True)
    ]


def _shard(place: _Place, parsed: Parsed) -> Iterator[_Place]:
    above, path, level = place.shard or (None, 0, 0)
    shard = Shard.parse(parsed.links, parsed.message, above)
    form = shard.form
    for link, slot in zip(shard.links, shard.slots, strict=True):
        deeper = path << form.bits | slot
        value = hamt.value_of(link, form, deeper, level + 1)
        if value is not None:
            yield _entry(place, value.name, Cid(value.cid))
            continue
        if level + 1 >= form.max_depth:
            raise hamt.MalformedShard(f"deeper than the {form.max_depth} levels of a hash")
        yield _Place(place.parts, Cid(link[0]), shard=(form, deeper, level + 1))


def _entry(place: _Place, name: bytes, cid: Cid) -> _Place:
    parts = (*place.parts, name.decode("utf-8", "surrogateescape"))
    if len(parts) > MAX_DEPTH:
        raise LimitExceeded("depth of the tree", MAX_DEPTH, len(parts), "names")
    return _Place(parts, cid)
