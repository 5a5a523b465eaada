"""Blocks that prove an answer: those that a path goes through, then those of its end by scope.

The trustless gateway's ``dag-scope`` and ``entity-bytes`` (https://specs.ipfs.tech/http-gateways/
trustless-gateway/), depth first. With a *sent* set each block comes once (``dups=n``); without one
it comes whenever the walk meets it. Identity CIDs carry their block and never come.
"""

from collections.abc import Generator
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from jiaozi_node.dag.traverse import SOON, links_of
from jiaozi_node.dag.walk import Need, Walk, delegate, need
from jiaozi_node.errors import JiaoziError, Malformed
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import blocks, directory, read

Sent = set[bytes]
Result = TypeVar("Result")


class Scope(Enum):
    """How much of the DAG below a path's end is wanted."""

    BLOCK = "block"
    ENTITY = "entity"
    ALL = "all"


class Bytes(NamedTuple):
    """The bytes *first* … *last* of an entity, inclusive; negative ones count from its end.

    *last* None stands for the last byte there is.
    """

    first: int
    last: int | None

    def within(self, size: int) -> tuple[int, int]:
        """Return offset and length in an entity of *size* bytes; length 0 where they miss it."""
        first = max(0, size + self.first) if self.first < 0 else self.first
        if self.last is None:
            last = size - 1
        else:
            last = size + self.last if self.last < 0 else min(self.last, size - 1)
        return first, max(0, last - first + 1)


def recorded(
    walk: Generator[Need | Any, Block | None, Result], sent: Sent | None
) -> Walk[Block, Result]:
    """Drive *walk* for the blocks it asks for, which are put out; its own output isn't."""
    try:
        step = next(walk)
        while True:
            if not isinstance(step, Need):
                step = next(walk)
                continue
            try:
                asked = yield step
            except JiaoziError as fault:
                step = walk.throw(fault)
                continue
            if asked is not None and _fresh(asked.cid, sent):
                yield asked
            step = walk.send(asked)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        walk.close()


def _fresh(cid: Cid, sent: Sent | None) -> bool:
    """Tell whether the block of *cid* is to come, and note that it does."""
    if sent is None:
        return True
    if cid.raw in sent:
        return False
    sent.add(cid.raw)
    return True


def terminus(
    root: Cid, scope: Scope, span: Bytes | None, sent: Sent | None, known: Block | None = None
) -> Walk[Block, None]:
    """Yield the blocks of *scope* at *root*, the end of a path.

    *known* is the block of *root* when the path led into it: it came already.
    """
    block = known
    if block is None:
        block = yield from need(root)
        if root.inline is None and _fresh(root, sent):
            yield block
    if scope is Scope.ALL:
        yield from _below(block, sent)
    elif scope is Scope.ENTITY and known is None:
        yield from _entity(block, span, sent)


def _entity(block: Block, span: Bytes | None, sent: Sent | None) -> Walk[Block, None]:
    """Yield what a file's bytes or a directory's entries need besides the root *block*."""
    cid = block.cid
    if cid.codec != c.DAG_PB:
        return
    try:
        parsed = blocks.parse(block)
        kind = parsed.message.type
        size = read.file_bytes(cid, parsed) if kind in (unixfs_pb.FILE, unixfs_pb.RAW) else 0
    except Malformed:
        return  # not UnixFS: the block alone tells so
    if kind == unixfs_pb.HAMT_SHARD:
        yield from recorded(delegate(directory.values(cid), block), sent)
    elif kind in (unixfs_pb.FILE, unixfs_pb.RAW) and parsed.links:
        offset, length = (0, size) if span is None else span.within(size)
        if length:
            yield from recorded(delegate(read.read(cid, offset, length), block), sent)


def _below(root: Block, sent: Sent | None) -> Walk[Block, None]:
    """Yield everything that *root* leads to, each block before what it links.

    What is left to visit is a list, next one last: a chain of any length keeps one item in it.
    """
    pending = _links(root, sent)
    while pending:
        cid = pending.pop()
        inline = cid.inline
        if inline is not None:
            pending += _links(Block(cid, inline), sent)
            continue
        if not _fresh(cid, sent):
            continue
        block = yield from need(cid, tuple(pending[: -SOON - 1 : -1]))
        yield block
        pending += _links(block, sent)


def _links(block: Block, sent: Sent | None) -> list[Cid]:
    if block.cid.codec in (c.JSON, c.CBOR):
        return []  # the plain ones have no links, by definition
    links = [link.cid for link in links_of(block)]
    if sent is not None:
        links = [cid for cid in links if cid.raw not in sent]
    links.reverse()
    return links
