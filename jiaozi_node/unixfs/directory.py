"""Directories read: all entries, or one by name; basic and sharded alike.

A HAMT is walked shard by shard; each was checked by `Shard.parse`, and each name must hash to where
it stands, so a hostile one raises before it multiplies.
"""

from typing import NamedTuple

from jiaozi_node.dag.walk import Lookup, Walk, need
from jiaozi_node.errors import NotFound
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import blocks, hamt
from jiaozi_node.unixfs.hamt import Shape, Shard, Value
from jiaozi_node.unixfs.read import SOON

__all__ = ["Entry", "EntryMissing", "entries", "lookup", "values"]


class Entry(NamedTuple):
    """An entry of a directory. *name* holds bytes under UTF-8 with surrogateescape.

    *tsize* is what the directory declares and may be wrong.
    """

    name: str
    cid: Cid
    tsize: int


class EntryMissing(NotFound):
    """A directory has no entry of this name."""

    def __init__(self, root: Cid | None, name: str) -> None:
        super().__init__(f"no link named {name!r} under {root or 'a new directory'}")
        self.root, self.name = root, name


def entries(root: Cid) -> Walk[Entry, None]:
    """Yield the entries of the directory at *root*: a basic one's in block order, a HAMT's by hash.

    Raises `blocks.NotADirectory`.
    """
    walk = values(root)
    sent: Block | None = None
    while True:
        try:
            step = walk.send(sent)
        except StopIteration:
            return
        if isinstance(step, Value):
            sent = yield Entry(
                step.name.decode("utf-8", "surrogateescape"), Cid(step.cid), step.tsize
            )
        else:
            sent = yield step


def values(root: Cid) -> Walk[Value, None]:
    """Yield what `entries` yields, as bytes."""
    block = yield from need(root)
    links, message, raw = blocks.parse(block)
    if raw is None and message.type == unixfs_pb.DIRECTORY:
        for cid, name, tsize in links:
            yield Value(name or b"", cid, tsize or 0)
        return
    if raw is not None or message.type != unixfs_pb.HAMT_SHARD:
        raise blocks.NotADirectory(root)
    yield from shard_values(Shard.parse(links, message), 0, 0)


def shard_values(shard: Shard, path: int, level: int) -> Walk[Value, None]:
    """Yield the entries of *shard*, which stands *level* deep behind the slots *path*."""
    form = shard.form
    # What is left, next one last: an entry, or a shard with its path and level.
    pending: list[Value | tuple[Cid, int, int]] = []
    _stack(shard, path, level, pending)
    while pending:
        item = pending.pop()
        if isinstance(item, Value):
            yield item
            continue
        cid, path, level = item
        soon = tuple(
            [other[0] for other in pending[: -SOON - 1 : -1] if not isinstance(other, Value)]
        )
        shard = yield from load(cid, form, soon)
        _stack(shard, path, level, pending)


def _stack(
    shard: Shard, path: int, level: int, pending: list[Value | tuple[Cid, int, int]]
) -> None:
    form = shard.form
    for link, slot in zip(reversed(shard.links), reversed(shard.slots), strict=True):
        deeper = path << form.bits | slot
        value = hamt.value_of(link, form, deeper, level + 1)
        if value is not None:
            pending.append(value)
            continue
        if level + 1 >= form.max_depth:
            raise hamt.MalformedShard(f"deeper than the {form.max_depth} levels of a hash")
        pending.append((Cid(link[0]), deeper, level + 1))


def load(cid: Cid, parent: Shape, soon: tuple[Cid, ...] = ()) -> Lookup[Shard]:
    """Fetch and check a shard below one of shape *parent*."""
    block = yield from need(cid, soon)
    links, message, raw = blocks.parse(block)
    if raw is not None:
        raise hamt.MalformedShard("a raw block stands where a shard must")
    return Shard.parse(links, message, parent)


def lookup(root: Cid, name: str) -> Lookup[Entry]:
    """Return the entry *name* of the directory at *root*; of repeated names the first.

    Raises `EntryMissing`, `blocks.NotADirectory`.
    """
    return (yield from lookup_in((yield from need(root)), name))


def lookup_in(block: Block, name: str) -> Lookup[Entry]:
    """Return the entry *name* of the directory whose root is *block*."""
    root = block.cid
    links, message, raw = blocks.parse(block)
    try:
        wanted = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise EntryMissing(root, name) from None
    if raw is None and message.type == unixfs_pb.DIRECTORY:
        for cid, found, tsize in links:
            if found == wanted:
                return Entry(name, Cid(cid), tsize or 0)
        raise EntryMissing(root, name)
    if raw is not None or message.type != unixfs_pb.HAMT_SHARD:
        raise blocks.NotADirectory(root)
    shard = Shard.parse(links, message)
    form = shard.form
    hashed = hamt.name_hash(wanted)
    for level in range(form.max_depth):
        link = shard.find(form.slot(hashed, level))
        if link is None:
            break
        path = hashed >> hamt.HASH_BITS - form.bits * (level + 1)
        value = hamt.value_of(link, form, path, level + 1)
        if value is not None:
            if value.name == wanted:
                return Entry(name, Cid(value.cid), value.tsize)
            break
        shard = yield from load(Cid(link[0]), form)
    raise EntryMissing(root, name)
