"""Importing: bytes are pushed in, blocks come out; the CIDs are those Kubo gives.

`add_bytes` takes a whole small file, `FileBuilder` a file of any size in constant memory,
`DirectoryBuilder` (of ``build.py``) a directory, `Importer` a tree. Nothing here reads or stores.
To hash on several threads map `leaf` over chunks of ``profile.chunk_size`` bytes and hand the
results, in order, to `FileBuilder.push_leaf`: hashlib frees the GIL while it hashes.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats import unixfs_pb, varint
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.unixfs_pb import UnixFs
from jiaozi_node.unixfs import layout
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.chunk import Cutter
from jiaozi_node.unixfs.layout import Balanced, Child, Trickle
from jiaozi_node.unixfs.node import DIRECTORY, FILE, SYMLINK, Mtime, Node, stored_mode
from jiaozi_node.unixfs.profile import Profile

__all__ = [
    "DIRECTORY",
    "FILE",
    "SYMLINK",
    "DirectoryBuilder",
    "FileBuilder",
    "Importer",
    "Leaf",
    "Node",
    "add_bytes",
    "leaf",
    "symlink",
]

Data: TypeAlias = bytes | bytearray | memoryview

MAX_TARGET_BYTES = 64 * 1024  # of a symlink; Linux stops at 4,096


class Leaf(NamedTuple):
    """A hashed chunk, and its block unless it was only hashed or lies in its identity CID."""

    child: Child
    block: Block | None


def leaf(profile: Profile, data: Data, keep: bool = True) -> Leaf:
    """Make the leaf of one chunk. Pure, so it may run on any thread.

    *data* is copied when it isn't ``bytes``. Without *keep* no block is made, which spares copies.
    """
    size = len(data)
    if profile.raw_leaves:
        if not keep and profile.hash_code == mh.SHA2_256 and size > profile.inline_limit:
            return Leaf(Child(b"\x01\x55\x12\x20" + sha256(data).digest(), size, size), None)
        if not isinstance(data, bytes):
            data = bytes(data)
        raw = profile.seal_raw(data)
        return Leaf(Child(raw, size, size), _kept(raw, data) if keep else None)
    head, tail = _frame(unixfs_pb.FILE if profile.layout == "balanced" else unixfs_pb.RAW, size)
    whole = len(head) + size + len(tail)
    if not keep and profile.hash_code == mh.SHA2_256 and whole > profile.inline_limit:
        digest = sha256(head)
        digest.update(data)
        digest.update(tail)
        return Leaf(Child(profile.pb_sha256_head + digest.digest(), whole, size), None)
    framed = b"".join((head, data, tail))
    raw = profile.seal_pb(framed)
    return Leaf(Child(raw, whole, size), _kept(raw, framed) if keep else None)


def _frame(kind: int, size: int) -> tuple[bytes, bytes]:
    """Return what stands before and behind *size* bytes of data in a dag-pb leaf."""
    length = varint.encode(size)
    tail = b"\x18" + length
    if not size:  # boxo leaves out Data which is nil
        return b"\x0a\x04\x08%c" % kind, tail
    inner = b"\x08%c\x12%b" % (kind, length)
    return b"\x0a" + varint.encode(len(inner) + size + len(tail)) + inner, tail


def _kept(raw: bytes, data: bytes) -> Block | None:
    """Return the block, or None when the CID carries it itself."""
    if raw[0] == 1 and raw[2] == 0:
        return None
    return Block(Cid(raw), data)


def add_bytes(
    data: bytes,
    profile: Profile,
    mode: int | None = None,
    mtime: Mtime | None = None,
    keep: bool = True,
) -> tuple[list[Block], Node]:
    """Add a file which is at hand whole; a file of one chunk costs little beyond its hash.

    Without *keep* no blocks are returned: only the CIDs are wanted.
    """
    size = len(data)
    if (
        size > profile.chunk_size
        or mode is not None
        or mtime is not None
        or profile.layout != "balanced"
    ):
        builder = FileBuilder(profile, mode, mtime, keep)
        blocks = builder.feed(data)
        more, node = builder.end()
        return blocks + more, node
    if profile.raw_leaves:
        tsize = size
        raw = profile.seal_raw(data)
    else:
        if 0x80 <= size < 0x3F00:  # most small files: both lengths take two bytes
            length = bytes((size & 0x7F | 0x80, size >> 7))
            whole = size + 8
            head = bytes((whole & 0x7F | 0x80, whole >> 7))
            data = b"\x0a%b\x08\x02\x12%b%b\x18%b" % (head, length, data, length)
        else:
            before, behind = _frame(unixfs_pb.FILE, size)
            data = b"%b%b%b" % (before, data, behind)
        tsize = len(data)
        raw = profile.seal_pb(data)
    cid = Cid(raw)
    node = Node(cid, tsize, FILE, size)
    if not keep or (raw[2] == 0 and raw[0] == 1):
        return [], node
    return [Block(cid, data)], node


class FileBuilder:
    """Builds one file from pieces of any length; keeps one chunk and the spine of the tree.

    *mode* and *mtime* go into the root, which must not be a raw leaf. Without *keep* no blocks are
    returned. Each leaf is told to *on_leaf*, in the order of the file.
    """

    def __init__(
        self,
        profile: Profile,
        mode: int | None = None,
        mtime: Mtime | None = None,
        keep: bool = True,
        on_leaf: Callable[[Child], None] | None = None,
    ) -> None:
        mode = stored_mode(mode)
        if profile.raw_leaves and (mode is not None or mtime is not None):
            raise Misuse("raw leaves can't hold mode or modification time")
        self._profile = profile
        self._mode, self._mtime, self._keep = mode, mtime, keep
        self._chunk = profile.chunk_size
        self._cutter = Cutter(profile.chunker) if profile.chunker is not None else None
        self._pieces: list[Data] = []  # an unfinished chunk …
        self._held = 0  # … and its bytes so far
        self._blocks: list[Block] = []
        close = layout.closer(profile, self._blocks if keep else None)
        shape = Balanced if profile.layout == "balanced" else Trickle
        self._tree = shape(profile.file_width, close)
        self._leaves = 0
        self._on_leaf = on_leaf
        # A lone leaf of a balanced file is its root: with mode or mtime it waits for a second one.
        self._waits = shape is Balanced and (mode is not None or mtime is not None)
        self._first: bytes | None = None

    def feed(self, data: Data) -> list[Block]:
        """Take more of the file; return the blocks finished by it. *data* may be reused after."""
        if self._cutter is not None:
            for piece in self._cutter.feed(data):
                self._cut(piece)
            return self._taken()
        size = len(data)
        chunk = self._chunk
        at = 0
        if self._held:
            at = min(chunk - self._held, size)
            self._pieces.append(bytes(data[:at]) if at < size else _owned(data))
            self._held += at
            if self._held < chunk:
                return self._taken()
            self._cut(b"".join(self._pieces))
            self._pieces, self._held = [], 0
        if size - at >= chunk:
            if at == 0 and size == chunk:
                self._cut(data)
                return self._taken()
            view = memoryview(data)
            while size - at >= chunk:
                self._cut(view[at : at + chunk])
                at += chunk
        if at < size:
            self._pieces.append(_owned(data) if at == 0 else bytes(memoryview(data)[at:]))
            self._held = size - at
        return self._taken()

    def push_leaf(self, made: Leaf) -> list[Block]:
        """Take a chunk hashed elsewhere; all but the last must be ``profile.chunk_size`` long.

        Not to be mixed with `feed`, nor for files with mode or mtime, nor where content decides.
        """
        if self._waits or self._held or self._cutter is not None:
            raise Misuse(
                "leaves can't be pushed into a file fed, cut by content, or with mode or mtime"
            )
        self._push(made)
        return self._taken()

    def end(self) -> tuple[list[Block], Node]:
        """Finish the file; return the remaining blocks and its node."""
        if self._cutter is not None:
            for piece in self._cutter.end():
                self._cut(piece)
        if self._held:
            self._cut(b"".join(self._pieces))
            self._pieces, self._held = [], 0
        if self._waits:
            root = self._lone_root(self._first or b"")
        else:
            if not self._leaves and isinstance(self._tree, Balanced):
                self._push(leaf(self._profile, b"", self._keep))
            root = self._tree.end(self._mode, self._mtime)
        node = Node(Cid(root.cid), root.tsize, FILE, root.file_bytes)
        return self._taken(), node

    def _cut(self, data: Data) -> None:
        """Take one chunk."""
        if self._waits:
            if self._first is None:
                self._first = _owned(data)
                return
            self._push(leaf(self._profile, self._first, self._keep))
            self._first, self._waits = None, False
        self._push(leaf(self._profile, data, self._keep))

    def _push(self, made: Leaf) -> None:
        self._leaves += 1
        if self._on_leaf is not None:
            self._on_leaf(made.child)
        if made.block is not None:
            self._blocks.append(made.block)
        self._tree.push(made.child)

    def _lone_root(self, data: bytes) -> Child:
        """Make the only leaf of a file with mode or mtime."""
        return _sealed(
            self._profile,
            UnixFs(
                unixfs_pb.FILE,
                data or None,
                len(data),
                mode=self._mode,
                mtime=self._mtime,
            ),
            self._blocks,
        )

    def _taken(self) -> list[Block]:
        """Hand over the finished blocks, the list itself staying with the tree."""
        if not self._blocks or not self._keep:
            return []
        blocks = self._blocks[:]
        self._blocks.clear()
        return blocks


def _owned(data: Data) -> bytes:
    return data if isinstance(data, bytes) else bytes(data)


def _sealed(profile: Profile, message: UnixFs, out: list[Block]) -> Child:
    """Make a dag-pb node without links, appending its block to *out*."""
    body = unixfs_pb.encode(message)
    data = b"\x0a" + varint.encode(len(body)) + body
    raw = profile.seal_pb(data)
    block = _kept(raw, data)
    if block is not None:
        out.append(block)
    return Child(raw, len(data), message.file_size or 0)


def symlink(
    target: bytes, profile: Profile, mtime: Mtime | None = None
) -> tuple[list[Block], Node]:
    """Make a symlink to *target*, which is not looked at. Kubo keeps no mode for symlinks."""
    if len(target) > MAX_TARGET_BYTES:
        raise LimitExceeded("symlink target", MAX_TARGET_BYTES, len(target))
    blocks: list[Block] = []
    child = _sealed(profile, UnixFs(unixfs_pb.SYMLINK, target, mtime=mtime), blocks)
    return blocks, Node(Cid(child.cid), child.tsize, SYMLINK, len(target))


class _OpenFile(NamedTuple):
    name: str
    builder: FileBuilder


class _OpenDirectory(NamedTuple):
    name: str
    builder: DirectoryBuilder


class Importer:
    """Builds a tree from begin, feed and end; each `end` puts what it closes into what is open.

    The outermost thing begun is the root; its name is not used.
    """

    def __init__(self, profile: Profile, keep: bool = True) -> None:
        self._profile = profile
        self._keep = keep
        self._open: list[_OpenFile | _OpenDirectory] = []

    def begin_directory(
        self, name: str, mode: int | None = None, mtime: Mtime | None = None
    ) -> None:
        """Open a directory inside the open one, or as the root."""
        self._inside()
        builder = DirectoryBuilder(self._profile, mode, mtime, self._keep)
        self._open.append(_OpenDirectory(name, builder))

    def begin_file(self, name: str, mode: int | None = None, mtime: Mtime | None = None) -> None:
        """Open a file inside the open directory, or as the root."""
        self._inside()
        self._open.append(_OpenFile(name, FileBuilder(self._profile, mode, mtime, self._keep)))

    def feed(self, data: Data) -> list[Block]:
        """Give the open file more bytes; return the blocks finished by them."""
        top = self._open[-1] if self._open else None
        if not isinstance(top, _OpenFile):
            raise Misuse("bytes came while no file was open")
        return top.builder.feed(data)

    def end(self) -> tuple[list[Block], Node]:
        """Close what was opened last; return its remaining blocks and its node."""
        if not self._open:
            raise Misuse("nothing is open")
        top = self._open.pop()
        blocks, node = top.builder.end()
        self._put(top.name, node)
        return blocks, node

    def add_node(self, name: str, node: Node) -> None:
        """Put a node made elsewhere into the open directory."""
        self._inside()
        self._put(name, node)

    def add_file(
        self, name: str, data: bytes, mode: int | None = None, mtime: Mtime | None = None
    ) -> tuple[list[Block], Node]:
        """Add a file which is at hand whole."""
        self._inside()
        blocks, node = add_bytes(data, self._profile, mode, mtime, self._keep)
        self._put(name, node)
        return blocks, node

    def add_symlink(
        self, name: str, target: bytes, mtime: Mtime | None = None
    ) -> tuple[list[Block], Node]:
        """Add a symlink to *target*."""
        self._inside()
        blocks, node = symlink(target, self._profile, mtime)
        self._put(name, node)
        return blocks if self._keep else [], node

    def _put(self, name: str, node: Node) -> None:
        if self._open:
            top = self._open[-1]
            if isinstance(top, _OpenDirectory):
                top.builder.add(name, node)

    def _inside(self) -> None:
        if self._open and isinstance(self._open[-1], _OpenFile):
            raise Misuse("a file is open: it holds bytes, not entries")
