"""Links of dag-pb nodes compared and changed by path, as Kubo's deprecated ``object`` commands do.

They know nothing of UnixFS: a sharded directory or a file so changed is broken, so the caller looks
first. What comes of a change are new nodes from the changed one up to the root.
"""

import posixpath
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, NamedTuple

from jiaozi_node.dag.walk import Lookup, Need, Walk, need
from jiaozi_node.errors import Misuse, NotFound
from jiaozi_node.formats import dag_pb
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_PB, Cid
from jiaozi_node.formats.dag_pb import RawLink

MAX_DEPTH: Final = 256
_EMPTY_DIRECTORY: Final = b"\x0a\x02\x08\x01"


class NotDagPb(Misuse):
    """A node in the way is of another codec."""

    def __init__(self, cid: Cid) -> None:
        super().__init__("expected protobuf dag node")
        self.cid = cid


class LinkMissing(NotFound):
    """A node has no link of a name."""

    def __init__(self, name: str) -> None:
        super().__init__("no link by that name")
        self.name = name


class Change(NamedTuple):
    """A link that one DAG has and another hasn't, or has otherwise; ``old`` or ``new`` is there."""

    path: str
    old: Cid | None
    new: Cid | None


@dataclass(frozen=True, slots=True)
class _Node:
    """A dag-pb node; *cid* says how its new version is hashed."""

    cid: Cid
    links: tuple[RawLink, ...]
    data: bytes | None

    @staticmethod
    def of(block: Block) -> "_Node":
        if block.cid.codec != DAG_PB:
            raise NotDagPb(block.cid)
        links, data = dag_pb.decode_links(block.data)
        return _Node(block.cid, tuple(links), data)

    def child(self, name: str) -> Cid | None:
        wanted = name.encode("utf-8", "surrogateescape")
        return next((Cid(raw) for raw, known, _ in self.links if (known or b"") == wanted), None)

    def without(self, name: str) -> "_Node":
        wanted = name.encode("utf-8", "surrogateescape")
        kept = tuple(link for link in self.links if (link[1] or b"") != wanted)
        return _Node(self.cid, kept, self.data)

    def having(self, name: str, cid: Cid, tsize: int) -> "_Node":
        link = (cid.raw, name.encode("utf-8", "surrogateescape"), tsize)
        links = sorted((*self.without(name).links, link), key=lambda one: one[1] or b"")
        return _Node(self.cid, tuple(links), self.data)

    def block(self) -> Block:
        data = dag_pb.encode_links(self.links, self.data)
        digest = mh.of(self.cid.hash_code, data)
        return Block(Cid.v0(digest) if self.cid.version == 0 else Cid.v1(DAG_PB, digest), data)

    def weight(self) -> int:
        """Return the cumulative size that a link to it declares."""
        size = len(dag_pb.encode_links(self.links, self.data))
        return size + sum(tsize or 0 for _, _, tsize in self.links)


def diff(old: Block, new: Block, prefix: str = "") -> Walk[Change, None]:
    """Yield what differs between the links of two nodes, those of equal names followed."""
    if old.cid == new.cid:
        return
    if prefix.count("/") > MAX_DEPTH:
        raise Misuse(f"the path {prefix[:64]!r} is over the limit of {MAX_DEPTH} names")
    if old.cid.codec != DAG_PB or new.cid.codec != DAG_PB:
        yield Change(prefix, old.cid, new.cid)
        return
    left, right = _Node.of(old), _Node.of(new)
    if not left.links and not right.links:
        yield Change(prefix, old.cid, new.cid)
        return
    for raw, known, _ in left.links:
        name = (known or b"").decode("utf-8", "surrogateescape")
        other = right.child(name)
        if other is None:
            continue
        left, right = left.without(name), right.without(name)
        if other != Cid(raw):
            before = yield from need(Cid(raw))
            after = yield from need(other)
            yield from diff(before, after, posixpath.join(prefix, name))
    for raw, known, _ in left.links:
        yield Change(_below(prefix, known), Cid(raw), None)
    for raw, known, _ in right.links:
        yield Change(_below(prefix, known), None, Cid(raw))


def _below(prefix: str, name: bytes | None) -> str:
    return posixpath.join(prefix, (name or b"").decode("utf-8", "surrogateescape"))


def add_link(root: Block, path: str, child: Block, *, create: bool = False) -> Lookup[list[Block]]:
    """Return new nodes, the root last, in which *path* leads to *child* in the place of all else.

    With *create*, directories that are missing on the way are made.
    """
    names = _names(path)
    if not names[-1]:
        raise Misuse("cannot create link with no name")
    chain = yield from _chain(root, names[:-1], create=create)
    weight = len(child.data) if child.cid.codec != DAG_PB else _Node.of(child).weight()
    return _rebuilt(chain, names, chain[-1].having(names[-1], child.cid, weight))


def rm_link(root: Block, path: str) -> Lookup[list[Block]]:
    """Return new nodes, the root last, in which *path* leads nowhere; raises `LinkMissing`."""
    names = _names(path)
    chain = yield from _chain(root, names[:-1], create=False)
    if chain[-1].child(names[-1]) is None:
        raise LinkMissing(names[-1])
    return _rebuilt(chain, names, chain[-1].without(names[-1]))


def _names(path: str) -> list[str]:
    names = path.split("/")
    if len(names) > MAX_DEPTH:
        raise Misuse(f"a path of {len(names)} names is over the limit of {MAX_DEPTH}")
    return names


def _chain(
    root: Block, names: list[str], *, create: bool
) -> Generator[Need, Block | None, list[_Node]]:
    """Return the nodes from the root along *names*."""
    chain = [_Node.of(root)]
    for name in names:
        cid = chain[-1].child(name)
        if cid is not None:
            chain.append(_Node.of((yield from need(cid))))
        elif create:
            chain.append(_Node.of(Block.of_v0(_EMPTY_DIRECTORY)))
        else:
            raise LinkMissing(name)
    return chain


def _rebuilt(chain: list[_Node], names: list[str], last: _Node) -> list[Block]:
    """Return the blocks of *last*, in the place of the end of *chain*, and of all above."""
    node, blocks = last, [last.block()]
    for parent, name in zip(reversed(chain[:-1]), reversed(names[:-1]), strict=True):
        node = parent.having(name, blocks[-1].cid, node.weight())
        blocks.append(node.block())
    return blocks
