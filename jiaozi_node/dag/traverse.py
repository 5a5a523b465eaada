"""Links followed from a root, depth first, each block before what it links: the order of Kubo's
``refs -r`` and ``dag export``.

Iterative, so a chain of any length is walked; memory grows with what was seen and with the links
on the way down, never with what a block declares. Which fields are links is the codec's to say.
"""

from typing import NamedTuple, TypeAlias

from jiaozi_node.dag.walk import Lookup, Walk, need
from jiaozi_node.errors import Malformed
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import codecs, dag_pb
from jiaozi_node.formats.block import Block, within
from jiaozi_node.formats.cid import Cid

SOON = 32  # how many of the next siblings a need names


class Link(NamedTuple):
    """A link as its block has it. Only dag-pb names its links; *name* is empty elsewhere."""

    cid: Cid
    name: str


def links_of(block: Block) -> list[Link]:
    """Return the links of *block* in block order, with repeats; raw blocks have none.

    Raises `codecs.UnknownCodec` for a block that can't be looked into.
    """
    codec = block.cid.codec
    if codec == c.RAW:
        return []
    try:
        if codec == c.DAG_PB:
            return [
                Link(Cid(raw), name.decode("utf-8", "surrogateescape") if name else "")
                for raw, name, _tsize in dag_pb.decode_links(block.data)[0]
            ]
        return [Link(cid, "") for cid in codecs.links(codec, block.data)]
    except codecs.UnknownCodec:
        raise
    except Malformed as fault:
        raise within(block.cid, fault) from None


class Visit(NamedTuple):
    """One step of a traversal: a block, the block that links it, how deep, and the link's name.

    The root has no *parent* and depth 0. *block* is None for a raw leaf that was not fetched.
    """

    cid: Cid
    parent: Cid | None
    depth: int
    name: str
    block: Block | None


# CIDs met, and how deep: handed to several traversals, none visits what another did.
Seen: TypeAlias = dict[bytes, int]


class _Frame:
    """A block whose links are being followed."""

    __slots__ = ("at", "cid", "links")

    def __init__(self, cid: Cid, links: list[Link]) -> None:
        self.cid, self.links, self.at = cid, links, 0


def descend(
    root: Cid,
    max_depth: int | None = None,
    unique: bool = True,
    fetch_leaves: bool = True,
    seen: Seen | None = None,
) -> Walk[Visit, None]:
    """Visit *root* and all that is linked from it, down to *max_depth* links.

    With *unique* each CID is visited once, but followed again when it is met nearer to the root
    than before and *max_depth* cut it off there. Without, all paths are followed, and there can be
    more of them than anybody can wait for. Without *fetch_leaves* raw blocks, which link nothing,
    are visited unfetched. A *seen* shared with other traversals keeps this one off what they met
    below their roots.
    """
    if seen is None:
        seen = {}
    if root.codec == c.RAW and not fetch_leaves:
        yield Visit(root, None, 0, "", None)
        return
    block = yield from need(root)
    yield Visit(root, None, 0, "", block)
    if max_depth is not None and max_depth <= 0:
        return
    stack = [_Frame(root, links_of(block))]
    while stack:
        frame = stack[-1]
        if frame.at == len(frame.links):
            stack.pop()
            continue
        cid, name = frame.links[frame.at]
        frame.at += 1
        depth = len(stack)
        deeper = max_depth is None or depth < max_depth
        show = True
        if unique:
            before = seen.get(cid.raw)
            if before is not None and (max_depth is None or before <= depth):
                continue
            show = before is None
            seen[cid.raw] = depth
        if cid.codec == c.RAW and not fetch_leaves:
            if show:
                yield Visit(cid, frame.cid, depth, name, None)
            continue
        soon = tuple([link.cid for link in frame.links[frame.at : frame.at + SOON]])
        block = yield from need(cid, soon)
        if show:
            yield Visit(cid, frame.cid, depth, name, block)
        if deeper:
            links = links_of(block)
            if links:
                stack.append(_Frame(cid, links))


class Extent(NamedTuple):
    """How much a DAG is: distinct blocks and their bytes. Identity CIDs count, as in Kubo."""

    blocks: int
    size_bytes: int


def measure(root: Cid, seen: Seen | None = None) -> Lookup[Extent]:
    """Fetch everything below *root* once; raises for the first block that can't be had.

    What is in *seen* was fetched before: it is neither fetched nor counted again.
    """
    blocks = size = 0
    walk = descend(root, seen=seen)
    sent: Block | None = None
    while True:
        try:
            step = walk.send(sent)
        except StopIteration:
            return Extent(blocks, size)
        sent = None
        if not isinstance(step, Visit):
            sent = yield step
        elif step.block is not None:
            blocks += 1
            size += len(step.block.data)
