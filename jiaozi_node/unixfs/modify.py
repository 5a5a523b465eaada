"""Files changed in the middle, cut and written on to, as boxo's ``DagModifier`` does it.

Only the leaves touched and the nodes above them are written anew. What is written beyond the end
goes on as a trickle DAG whatever the file was, a hole as blocks of 4,096 zeros, so the CIDs are
those of ``ipfs files write``. Where bytes are held by a node that has children too, boxo writes to
the wrong place; here they are where `read` reads them.
"""

from collections.abc import Callable, Generator, Iterator
from typing import Final, TypeAlias, TypeVar

from jiaozi_node.dag.walk import Need, need
from jiaozi_node.errors import LimitExceeded, Malformed, Misuse
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.dag_pb import RawLink
from jiaozi_node.formats.unixfs_pb import UnixFs
from jiaozi_node.unixfs import blocks
from jiaozi_node.unixfs.add import Leaf, leaf
from jiaozi_node.unixfs.chunk import Cutter
from jiaozi_node.unixfs.layout import TRICKLE_REPEAT
from jiaozi_node.unixfs.node import FILE, Mtime, Node
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.unixfs.recipes import Recipes

Result = TypeVar("Result")
Step: TypeAlias = Generator[Need | Block, Block | None, Result]

WIDTH: Final = 174  # links of a node: boxo's DefaultLinksPerBlock, which no configuration changes
HOLE_CHUNK: Final = 4096  # boxo's expandSparse
MAX_HOLE_BYTES: Final = 64 * 1024**3
# A write is laid out when more than 2 MiB came, in pieces of 32 KiB: io.Copy's over `Write`.
BATCH_BYTES: Final = 2 * 1024 * 1024 + 32 * 1024
MAX_DEPTH: Final = 64


class NotDagPb(Malformed):
    """A raw block where the last node of a trickle DAG must be."""

    def __init__(self) -> None:
        super().__init__("expected protobuf dag node")


class _Tree:
    """A dag-pb node of a file, open to change; *profile* says how it is sealed."""

    __slots__ = ("links", "message", "profile", "sizes")

    def __init__(self, profile: Profile, message: UnixFs, links: list[RawLink]) -> None:
        self.profile, self.message, self.links = profile, message, links
        self.sizes = list(message.block_sizes)

    @property
    def file_bytes(self) -> int:
        """The size it declares."""
        return self.message.file_size or 0

    def grow(self, by: int) -> None:
        self.message = self.message._replace(file_size=self.file_bytes + by)

    def add(self, cid: bytes, tsize: int, file_bytes: int) -> None:
        """Append a child."""
        self.links.append((cid, b"", tsize))
        self.sizes.append(file_bytes)
        self.grow(file_bytes)

    def pop(self) -> None:
        """Remove the last child."""
        self.links.pop()
        self.grow(-self.sizes.pop())

    def sealed(self) -> tuple[Block | None, bytes, int]:
        """Return its block, unless it lies in its CID, raw CID and Tsize."""
        message = self.message._replace(block_sizes=tuple(self.sizes))
        data = dag_pb.encode_links(self.links, unixfs_pb.encode(message))
        raw = self.profile.seal_pb(data)
        cid = Cid(raw)
        tsize = len(data) + sum([link[2] or 0 for link in self.links])
        return (Block(cid, data) if cid.inline is None else None), raw, tsize


class _Raw:
    """A raw block that is a file or a leaf."""

    __slots__ = ("data", "profile")

    def __init__(self, profile: Profile, data: bytes) -> None:
        self.profile, self.data = profile, data

    @property
    def file_bytes(self) -> int:
        return len(self.data)

    def sealed(self) -> tuple[Block | None, bytes, int]:
        raw = self.profile.seal_raw(self.data)
        cid = Cid(raw)
        return (Block(cid, self.data) if cid.inline is None else None), raw, len(self.data)


_Any: TypeAlias = _Tree | _Raw


class _Leaves:
    """Leaves to append, made of *pieces* one by one."""

    def __init__(self, profile: Profile, pieces: Iterator[bytes]) -> None:
        self._profile, self._pieces = profile, pieces
        self._ahead = next(pieces, None)
        self._last: tuple[bytes, Leaf] | None = None

    @property
    def done(self) -> bool:
        return self._ahead is None

    def next(self) -> Leaf:
        """Return the next leaf; the block of one that repeats is told of once."""
        piece, self._ahead = self._ahead or b"", next(self._pieces, None)
        if self._last is not None and self._last[0] is piece:
            return Leaf(self._last[1].child, None)
        made = leaf(self._profile, piece)
        self._last = piece, made
        return made


def _zeros(size: int) -> Iterator[bytes]:
    whole = bytes(HOLE_CHUNK)
    for _ in range(size // HOLE_CHUNK):
        yield whole
    if size % HOLE_CHUNK:
        yield bytes(size % HOLE_CHUNK)


def _pieces(data: memoryview, profile: Profile) -> Iterator[bytes]:
    """Cut *data* as the profile cuts files."""
    if profile.chunker is not None:
        cutter = Cutter(profile.chunker)
        yield from cutter.feed(data)
        yield from cutter.end()
        return
    for at in range(0, len(data), profile.chunk_size):
        yield bytes(data[at : at + profile.chunk_size])


class Modifier:
    """One file while it is written to: `truncate` and `seek`, then `write`, then `finish`.

    Each yields needs and new blocks. *now* gives the time that a file which has one gets.
    """

    def __init__(
        self, root: Block, recipes: Recipes, *, raw_leaves: bool, now: Callable[[], Mtime]
    ) -> None:
        self._recipes, self._now = recipes, now
        self._profile = recipes.like(root.cid, raw_leaves)
        self._raw_leaves = raw_leaves
        self._root = _node_of(root, recipes)
        self._buffer = bytearray()
        self._start = 0  # where the buffer stands in the file

    @property
    def size(self) -> int:
        """The size of the file without what is not laid out yet."""
        return self._root.file_bytes

    def truncate(self) -> Step[None]:
        """Cut the file to nothing."""
        if self._root.file_bytes:
            self._root = yield from self._cut(self._root)

    def seek(self, offset: int) -> Step[None]:
        """Stand at *offset*; a hole up to there is filled with zeros."""
        hole = offset - self._root.file_bytes
        if hole > 0:
            if hole > MAX_HOLE_BYTES:
                raise LimitExceeded("hole before a write", MAX_HOLE_BYTES, hole)
            yield from self._append(_zeros(hole))
        self._start = offset

    def write(self, data: bytes | memoryview) -> Step[None]:
        """Write *data* where one stands, and stand behind it."""
        view = memoryview(data)
        while view:
            room = BATCH_BYTES - len(self._buffer)
            self._buffer += view[:room]
            view = view[room:]
            if len(self._buffer) == BATCH_BYTES:
                yield from self._lay_out()

    def finish(self) -> Step[Node]:
        """Lay out the rest; return the file."""
        yield from self._lay_out()
        root = self._root
        if isinstance(root, _Tree) and self._raw_leaves:
            lone = _lone_leaf(root.links, root.message)
            if lone is not None:
                return lone
        block, raw, size = root.sealed()
        if block is not None:
            yield block
        return Node(Cid(raw), size, FILE, root.file_bytes)

    # ---- laying out ----------------------------------------------------------------------

    def _lay_out(self) -> Step[None]:
        size = len(self._buffer)
        if not size:
            return
        data = memoryview(bytes(self._buffer))
        self._buffer = bytearray()
        left = yield from self._overwrite(self._root, self._start, data, 1)
        if left:
            yield from self._append(_pieces(left, self._profile))
        self._start += size

    def _overwrite(self, node: _Any, offset: int, data: memoryview, depth: int) -> Step[memoryview]:
        """Write *data* over what is at *offset* of *node*; return what goes beyond its end."""
        if depth > MAX_DEPTH:
            raise LimitExceeded("depth of a file", MAX_DEPTH, depth, "levels")
        if isinstance(node, _Raw):
            node.data, left = _over(node.data, offset, data)
            if depth == 1:
                block, _raw, _size = node.sealed()
                if block is not None:
                    yield block  # what is appended may be linked beside it
            return left
        message = node.message
        own = message.data or b""
        if offset < len(own):
            own, data = _over(own, offset, data)
            offset = len(message.data or b"")
            node.message = message = message._replace(data=own)
        if not node.links:
            if message.mtime is not None:
                node.message = message._replace(mtime=self._now())
            return data
        at = len(own)
        for number, size in enumerate(node.sizes):
            if not data:
                break
            if at + size > offset:
                raw, name, tsize = node.links[number]
                child = _node_of((yield from need(Cid(raw))), self._recipes)
                data = yield from self._overwrite(child, offset - at, data, depth + 1)
                block, raw, _size = child.sealed()
                if block is not None:
                    yield block
                node.links[number] = (raw, name, tsize)
                offset = at + size
            at += size
        return data

    def _cut(self, node: _Any) -> Step[_Any]:
        """Cut *node* to nothing; of a file with children the first one stays, cut."""
        if isinstance(node, _Raw):
            node.data = b""
            block, _raw, _size = node.sealed()
            if block is not None:
                yield block
            return node
        if not node.links:
            message = node.message
            if message.data:
                message = message._replace(data=b"", file_size=node.file_bytes - len(message.data))
            if message.mtime is not None:
                message = message._replace(mtime=self._now())
            return _Tree(self._recipes.of(0, mh.SHA2_256), message, [])
        message = node.message._replace(file_size=0, block_sizes=())
        if message.data:
            message = message._replace(data=b"")
            return _Tree(node.profile, message, [])
        filled = next((n for n, size in enumerate(node.sizes) if size), 0)
        first = _node_of((yield from need(Cid(node.links[filled][0]))), self._recipes)
        first = yield from self._cut(first)
        block, raw, tsize = first.sealed()
        if block is not None:
            yield block
        cut = _Tree(node.profile, message, list(node.links[:filled]))
        cut.sizes = node.sizes[:filled]
        cut.add(raw, tsize, 0)
        return cut

    # ---- appending: a trickle DAG --------------------------------------------------------

    def _append(self, pieces: Iterator[bytes]) -> Step[None]:
        """Append leaves of *pieces* to the file."""
        root = self._root
        profile = self._profile
        if isinstance(root, _Raw):
            block, raw, held = root.sealed()
            if block is not None:
                yield block
            root = _Tree(profile, UnixFs(unixfs_pb.FILE, file_size=0), [])
            root.add(raw, held, held)
            profile = self._recipes.of(
                self._profile.cid_version, _hash_of(self._profile), raw_leaves=True
            )
        source = _Leaves(profile, pieces)
        self._root = root
        depth, repeat = _depth_of(root)
        if depth == 0:
            yield from self._layer(root, source)
            if source.done:
                if root.message.mtime is not None:
                    root.message = root.message._replace(mtime=self._now())
                return
            depth = 1
        yield from self._fill_last(root, depth - 1, repeat, source)
        if not source.done:
            depth += 1
        while not source.done:
            yield from self._repeat(root, depth, 0, source)
            depth += 1

    def _layer(self, node: _Tree, source: _Leaves) -> Step[None]:
        """Append leaves while there is room for them."""
        while len(node.sizes) < WIDTH and not source.done:
            child, block = source.next()
            if block is not None:
                yield block
            node.add(child.cid, child.tsize, child.file_bytes)

    def _fill(self, node: _Tree, depth: int, source: _Leaves) -> Step[None]:
        """Fill a new node: leaves, then four nodes of each depth below *depth*."""
        yield from self._layer(node, source)
        for below in range(1, depth):
            if source.done:
                return
            yield from self._repeat(node, below, 0, source)

    def _repeat(self, node: _Tree, depth: int, have: int, source: _Leaves) -> Step[None]:
        """Append new nodes of *depth* until there are four."""
        while have < TRICKLE_REPEAT and not source.done:
            child = _Tree(self._profile, UnixFs(unixfs_pb.FILE, file_size=0), [])
            yield from self._fill(child, depth, source)
            yield from self._adopt(node, child)
            have += 1

    def _adopt(self, node: _Tree, child: _Tree) -> Step[None]:
        block, raw, tsize = child.sealed()
        if block is not None:
            yield block
        node.add(raw, tsize, child.file_bytes)

    def _fill_last(self, node: _Tree, depth: int, repeat: int, source: _Leaves) -> Step[None]:
        """Fill up the last child, and the row of four that it stands in."""
        if len(node.sizes) <= WIDTH:
            return
        last = _node_of((yield from need(Cid(node.links[-1][0]))), self._recipes)
        if isinstance(last, _Raw):
            raise NotDagPb
        yield from self._append_below(last, depth - 1, source)
        node.pop()
        yield from self._adopt(node, last)
        if repeat:
            yield from self._repeat(node, depth, repeat, source)

    def _append_below(self, node: _Tree, most: int, source: _Leaves) -> Step[None]:
        if most == 0 or source.done:
            return
        depth, repeat = _depth_of(node)
        if depth == 0:
            yield from self._layer(node, source)
            depth = 1
        if depth == most:
            return
        yield from self._fill_last(node, depth, repeat, source)
        if not source.done:
            depth += 1
        while depth < most and not source.done:
            yield from self._repeat(node, depth, 0, source)
            depth += 1


def collapsed(block: Block) -> Node | None:
    """Return the raw leaf that is all of the file whose root is *block*, as a flush makes it one.

    None where the file stays as it is.
    """
    links, message, raw = blocks.parse(block)
    if raw is not None or block.cid.version == 0:
        return None
    return _lone_leaf(links, message)


def _lone_leaf(links: list[RawLink], message: UnixFs) -> Node | None:
    """Return the only leaf of a file without mode and time, when it is a raw one."""
    if len(links) != 1 or (message.mode or 0) & 0o7777 or message.mtime is not None:
        return None
    cid, size = Cid(links[0][0]), links[0][2] or 0
    return Node(cid, size, FILE, size) if cid.codec == c.RAW and not message.data else None


class NotAFile(Misuse):
    """Something was to be read or written as a file that holds no bytes of its own."""


def check(block: Block) -> None:
    """Refuse to open what is no file, in boxo's words."""
    message = blocks.parse(block).message
    if message.type == unixfs_pb.SYMLINK:
        raise NotAFile("symlinks not yet supported")
    if message.type not in (unixfs_pb.FILE, unixfs_pb.RAW):
        raise NotAFile("unsupported fsnode type for 'file'")


def with_stat(
    block: Block, recipes: Recipes, mode: int | None, mtime: Mtime | None
) -> tuple[Block | None, Node]:
    """Return the file whose root is *block* with another *mode* (0: none) or *mtime*, if given.

    A raw one is wrapped, in a node of CID version 0 as in Kubo.
    """
    node = _node_of(block, recipes, (unixfs_pb.FILE, unixfs_pb.RAW, unixfs_pb.SYMLINK))
    if isinstance(node, _Raw):
        message = UnixFs(unixfs_pb.FILE, node.data, len(node.data))
        node = _Tree(recipes.of(0, mh.SHA2_256), message, [])
    if mode is not None:
        kept = (node.message.mode or 0) & ~0o7777 | mode
        node.message = node.message._replace(mode=kept or None)
    if mtime is not None:
        node.message = node.message._replace(mtime=mtime)
    made, raw, tsize = node.sealed()
    return made, Node(Cid(raw), tsize, FILE, node.file_bytes)


def empty_file(profile: Profile) -> tuple[Block | None, Node]:
    """Return a file of nothing, as ``files write --create`` begins one."""
    block, raw, tsize = _Tree(profile, UnixFs(unixfs_pb.FILE, file_size=0), []).sealed()
    return block, Node(Cid(raw), tsize, FILE, 0)


def _node_of(
    block: Block,
    recipes: Recipes,
    kinds: tuple[int, ...] = (unixfs_pb.FILE, unixfs_pb.RAW),
) -> _Any:
    """Open *block*; its links and sizes must pair up, and it must be of one of *kinds*."""
    profile = recipes.like(block.cid)
    links, message, raw = blocks.parse(block)
    if raw is not None:
        return _Raw(profile, bytes(raw))
    if message.type not in kinds:
        raise blocks.NotUnixFs(block.cid, f"a {unixfs_pb.KINDS[message.type]} is no file")
    if len(message.block_sizes) != len(links):
        sizes = len(message.block_sizes)
        raise Malformed(f"file block {block.cid} has {len(links)} links and sizes for {sizes}")
    if message.file_size is None and message.type != unixfs_pb.SYMLINK:
        message = message._replace(file_size=len(message.data or b"") + sum(message.block_sizes))
    return _Tree(profile, message, [(cid, name or b"", tsize or 0) for cid, name, tsize in links])


def _over(old: bytes, offset: int, data: memoryview) -> tuple[bytes, memoryview]:
    """Write *data* over *old* from *offset*; return the new bytes and what is left of *data*."""
    room = max(len(old) - offset, 0)
    put = data[:room]
    return b"".join((old[:offset], put, old[offset + len(put) :])), data[room:]


def _depth_of(node: _Tree) -> tuple[int, int]:
    """Return the depth at which children are being added, and how many of its four there are."""
    count = len(node.sizes)
    if count < WIDTH:
        return 0, 0
    more = count - WIDTH
    return more // TRICKLE_REPEAT + 1, more % TRICKLE_REPEAT


def _hash_of(profile: Profile) -> int:
    return mh.IDENTITY if profile.inline_limit else profile.hash_code
