"""Files and trees of the user's become UnixFS nodes: scan, read, hash, hand on the blocks.

Small files take one open, one stat and one read; large ones are read and hashed by a `Crew`.
A file that changes while it is read is refused by name: its CID would be that of no version. The
names, links and kinds taken are those of `scan`; blocks come out in batches, children first.
"""

import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from stat import S_ISREG
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from jiaozi_node.dag.crew import Crew
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.add import FileBuilder, Leaf, add_bytes, leaf, symlink
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.node import FILE, Mtime, Node
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.worktree.entry import DIRECTORY, SYMLINK, Found
from jiaozi_node.worktree.hashers import in_order
from jiaozi_node.worktree.referred import Refer, Referred, TakesBlocks
from jiaozi_node.worktree.scan import Changed, Excludes, Unreadable, scan, unread

if TYPE_CHECKING:  # SQLite is not loaded where no index is used
    from jiaozi_node.worktree.index import StatIndex

Put: TypeAlias = Callable[[Sequence[Block]], None]
Progress: TypeAlias = Callable[[int, int], None]  # files and bytes since the last report
Parts: TypeAlias = tuple[str, ...]

BATCH_BYTES = 4 * 1024 * 1024  # of blocks handed on at once
BATCH_BLOCKS = 1024
PIECE_BYTES = 1024 * 1024  # what a worker reads and hashes at a time
PARALLEL_BYTES = 4 * 1024 * 1024  # smaller files are not worth waking the workers

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


class Added(NamedTuple):
    """Something that was imported, children before parents; *parts* as in `Found`."""

    parts: Parts
    node: Node
    mode: int | None
    mtime: Mtime | None


@dataclass(frozen=True, slots=True)
class Spared:
    """How an import uses what a stat index knows.

    *prefix* is put before paths, ending in ``/`` unless empty. *allow* says whether the bytes
    behind a CID need not be read again: the index spares hashing, never storing (design §3).
    """

    index: "StatIndex"
    prefix: bytes = b""
    allow: Callable[[Parts, Cid], bool] | None = None


class Sink:
    """Gathers blocks and hands them on in batches; without *put* they are dropped."""

    def __init__(self, put: Put | None) -> None:
        self.keep = put is not None
        self._put = put
        self._blocks: list[Block] = []
        self._bytes = 0

    def take(self, blocks: Sequence[Block]) -> None:
        """Take *blocks*, handing on what has gathered when it is enough."""
        self._blocks += blocks
        for block in blocks:
            self._bytes += len(block.data)
        if self._bytes >= BATCH_BYTES or len(self._blocks) >= BATCH_BLOCKS:
            self.flush()

    def flush(self) -> None:
        """Hand on what is left."""
        blocks, self._blocks, self._bytes = self._blocks, [], 0
        if blocks and self._put is not None:
            self._put(blocks)


class Reader:
    """Imports single files, opened from their directories. Use as a context manager."""

    def __init__(
        self,
        profile: Profile,
        sink: Sink,
        progress: Progress | None = None,
        refer: Refer | None = None,
    ) -> None:
        self._profile, self._sink, self._progress = profile, sink, progress
        self._refer = refer
        self._crew = Crew()
        self._piece = max(1, PIECE_BYTES // profile.chunk_size) * profile.chunk_size

    def __enter__(self) -> "Reader":
        self._crew.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._crew.__exit__(None, None, None)

    def file(
        self,
        directory: int | None,
        name: str,
        place: str,
        mode: int | None = None,
        mtime: Mtime | None = None,
        follow: bool = False,
    ) -> tuple[Node, os.stat_result]:
        """Import the file *name* in *directory*; return its node and its stat from before.

        *place* is the path of *directory*, for messages. *mode* and *mtime* are what to record
        unless the profile says to take the file's own.
        """
        try:
            fd = os.open(name, _FLAGS if follow else _FLAGS | os.O_NOFOLLOW, dir_fd=directory)
        except OSError as fault:
            raise unread(os.path.join(place, name), fault) from None
        try:
            before = os.fstat(fd)
            size = before.st_size
            if not S_ISREG(before.st_mode):
                raise Changed(os.path.join(place, name))
            profile = self._profile
            if profile.mode:
                mode = before.st_mode
            if profile.mtime:
                mtime = divmod(before.st_mtime_ns, 1_000_000_000)
            if 0 < size <= profile.chunk_size and self._refer is None:
                data = os.read(fd, size + 1)
                if len(data) != size:
                    raise Changed(os.path.join(place, name))
                blocks, node = add_bytes(data, profile, mode, mtime, self._sink.keep)
                if blocks:
                    self._sink.take(blocks)
                if self._progress is not None:
                    self._progress(1, size)
                return node, before
            path = os.path.join(place, name)
            sink: TakesBlocks = self._sink
            referred = None
            if self._refer is not None:
                sink = referred = Referred(self._refer, os.path.abspath(path), self._sink)
            told = None if referred is None else referred.leaf
            builder = FileBuilder(profile, mode, mtime, self._sink.keep, told)
            plain = mode is None and mtime is None and profile.chunker is None
            if plain and referred is None and size >= PARALLEL_BYTES and self._crew.workers > 1:
                self._parallel(fd, path, size, builder)
            else:
                self._serial(fd, path, builder, size, sink)
            blocks, node = builder.end()
            sink.take(blocks)
            after = os.fstat(fd)
            # Files of /proc and the like have size 0 and content: those are taken as they come.
            if size and (node.file_bytes != size or after.st_size != size):
                raise Changed(path)
            if after.st_mtime_ns != before.st_mtime_ns:
                raise Changed(path)
            if self._progress is not None:
                self._progress(1, 0)
            return node, before
        except OSError as fault:
            raise Unreadable(os.path.join(place, name), fault) from None
        finally:
            os.close(fd)

    def _serial(
        self, fd: int, path: str, builder: FileBuilder, size: int, sink: TakesBlocks
    ) -> None:
        """Read to the end; no further than a chunk beyond *size*, which would be a change."""
        seen = 0
        while data := os.read(fd, self._piece):
            seen += len(data)
            if size and seen > size:
                raise Changed(path)
            sink.take(builder.feed(data))
            if self._progress is not None:
                self._progress(0, len(data))

    def _parallel(self, fd: int, path: str, size: int, builder: FileBuilder) -> None:
        """Have the workers read and hash all pieces."""
        profile, keep, chunk = self._profile, self._sink.keep, self._profile.chunk_size

        def make(offset: int, length: int) -> list[Leaf]:
            made = []
            for at in range(offset, offset + length, chunk):
                wanted = min(chunk, offset + length - at)
                data = os.pread(fd, wanted, at)
                if len(data) != wanted:
                    raise Changed(path)
                made.append(leaf(profile, data, keep))
            return made

        for leaves in in_order(self._crew, make, size, self._piece):
            for made in leaves:
                self._sink.take(builder.push_leaf(made))
            if self._progress is not None:
                self._progress(0, sum([made.child.file_bytes for made in leaves]))


class _Open:
    """A directory whose entries are coming in."""

    __slots__ = ("builder", "met", "mode", "mtime", "parts", "path")

    def __init__(
        self,
        parts: Parts,
        path: str,
        profile: Profile,
        mode: int | None,
        mtime: Mtime | None,
        keep: bool,
    ) -> None:
        self.parts, self.path, self.mode, self.mtime = parts, path, mode, mtime
        self.builder = DirectoryBuilder(profile, mode, mtime, keep)
        self.met = False


def import_tree(
    root: str | os.PathLike[str],
    profile: Profile,
    put: Put | None,
    *,
    rules: Excludes | None = None,
    hidden: bool = True,
    follow: bool = False,
    empty_directories: bool = True,
    mode: int | None = None,
    mtime: Mtime | None = None,
    spared: Spared | None = None,
    progress: Progress | None = None,
    refer: Refer | None = None,
) -> Generator[Added, None, Node]:
    """Import the file, symlink or directory *root*; yield what comes in, return its node.

    Blocks go to *put* in batches, all of them before this returns; None only hashes. *rules*,
    *hidden* and *follow* are those of `scan`. Without *empty_directories* a directory with no
    entries is left out, the root excepted (as in Kubo, which keeps one that held only such).
    *mode* and *mtime* are recorded for everything, unless the profile takes each file's own. With
    *refer* the leaves of files stay where they are; the profile must make them raw.
    """
    sink = Sink(put)
    top = os.fspath(root)
    wants_stat = profile.mode or profile.mtime or spared is not None
    stack: list[_Open] = []
    last: Node | None = None

    def close() -> Added | None:
        """End the innermost directory."""
        done = stack.pop()
        if not done.met and not empty_directories and stack:
            return None
        blocks, node = done.builder.end()
        sink.take(blocks)
        if stack:
            stack[-1].builder.add(done.parts[-1], node)
        return Added(done.parts, node, done.mode, done.mtime)

    with Reader(profile, sink, progress, refer) as reader:
        for found in scan(top, rules, hidden=hidden, follow=follow, stats=wants_stat):
            parts = found.parts
            while len(stack) > len(parts):
                ended = close()
                if ended is not None:
                    yield ended
            if stack:
                stack[-1].met = True
            own_mode, own_mtime = mode, mtime
            if wants_stat and found.stat is not None:
                if profile.mode:
                    own_mode = found.stat.st_mode & 0o7777
                if profile.mtime:
                    own_mtime = divmod(found.stat.st_mtime_ns, 1_000_000_000)
            if found.kind == DIRECTORY:
                path = os.path.join(top, *parts)
                stack.append(_Open(parts, path, profile, own_mode, own_mtime, sink.keep))
                continue
            place = stack[-1].path if stack else os.path.dirname(top)
            if found.kind == SYMLINK:
                node = _link(found, place, profile, own_mtime, sink)
            elif spared is None:
                node = reader.file(found.directory, found.name, place, own_mode, own_mtime, follow)[
                    0
                ]
            else:
                node = _spared(found, place, reader, own_mode, own_mtime, follow, spared)
            if stack:
                stack[-1].builder.add(found.name, node)
            last = node
            yield Added(parts, node, own_mode, own_mtime)
        while stack:
            ended = close()
            if ended is not None:
                last = ended.node
                yield ended
        sink.flush()
    if last is None:
        raise AssertionError("a scan yielded nothing")
    return last


def import_stream(
    read: Callable[[int], bytes],
    profile: Profile,
    put: Put | None,
    *,
    mode: int | None = None,
    mtime: Mtime | None = None,
    progress: Progress | None = None,
) -> Node:
    """Import what *read* gives until it gives nothing: standard input, a pipe."""
    sink = Sink(put)
    builder = FileBuilder(profile, mode, mtime, sink.keep)
    while data := read(PIECE_BYTES):
        sink.take(builder.feed(data))
        if progress is not None:
            progress(0, len(data))
    blocks, node = builder.end()
    sink.take(blocks)
    sink.flush()
    if progress is not None:
        progress(1, 0)
    return node


def _link(found: Found, place: str, profile: Profile, mtime: Mtime | None, sink: Sink) -> Node:
    """Import a symlink."""
    try:
        target = os.readlink(found.name, dir_fd=found.directory)
    except OSError as fault:
        raise unread(os.path.join(place, found.name), fault) from None
    blocks, node = symlink(os.fsencode(target), profile, mtime)
    if sink.keep:
        sink.take(blocks)
    return node


def _spared(
    found: Found,
    place: str,
    reader: Reader,
    mode: int | None,
    mtime: Mtime | None,
    follow: bool,
    spared: Spared,
) -> Node:
    """Take from the index what a file is known to be, else import it."""
    parts = found.parts
    key = spared.prefix + os.fsencode("/".join(parts))
    if found.stat is not None:
        known = spared.index.find(key, found.stat)
        if known is not None and (spared.allow is None or spared.allow(parts, known.cid)):
            return Node(known.cid, known.tsize, FILE, found.stat.st_size)
    node, before = reader.file(found.directory, found.name, place, mode, mtime, follow)
    spared.index.learn(key, before, node.cid, node.tsize)
    return node
