"""Trees of git become UnixFS trees, each tree and each blob once (``specs/from-git.md`` §2).

What a git id became is kept in a `Scratch`. Of a large directory the version before at the same
path is remembered, so that a change in it is an edit and not a new directory.
"""

from collections.abc import Callable, Iterable, Mapping
from struct import Struct
from typing import Final, NamedTuple

from jiaozi_node.dag.walk import Get, Need
from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import git_objects as g
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.git_objects import GitEntry
from jiaozi_node.node.git.source import Blob, Objects
from jiaozi_node.stores.scratch import Scratch
from jiaozi_node.unixfs.add import FileBuilder, add_bytes, symlink
from jiaozi_node.unixfs.build import BadEntryName, DirectoryBuilder
from jiaozi_node.unixfs.edit import edit
from jiaozi_node.unixfs.node import DIRECTORY, FILE, Node
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.worktree import names
from jiaozi_node.worktree.import_tree import Put, Sink

Parts = tuple[str, ...]
Modules = tuple[tuple[bytes, bytes], ...]  # path and commit of each submodule

MODE_FILE: Final = 0o644
MODE_OTHER: Final = 0o755  # programs and directories
LARGE_BYTES = 64 * 1024  # of a git tree whose version before is remembered: some 1,500 entries
REMEMBERED_BYTES = 64 * 1024 * 1024
MAX_EDITS = 256

_COUNTS = Struct(">QQQ")
_GIT = ".git"


class Made(NamedTuple):
    """What a git object became; *files* and *size* count all below it."""

    cid: bytes
    tsize: int
    files: int
    size: int

    def pack(self) -> bytes:
        """Return it as the scratch holds it."""
        return _COUNTS.pack(self.tsize, self.files, self.size) + self.cid

    @staticmethod
    def unpack(data: bytes) -> "Made":
        """Read what `pack` wrote."""
        return Made(data[_COUNTS.size :], *_COUNTS.unpack_from(data))


class Trees:
    """Makes trees under *profile* of those that *objects* hands out."""

    def __init__(
        self,
        objects: Objects,
        profile: Profile,
        scratch: Scratch,
        put: Put,
        get: Get,
        progress: Callable[[int, int], None],
    ) -> None:
        self._objects, self._profile, self._scratch = objects, profile, scratch
        self._sink, self.get, self._progress = Sink(put), get, progress
        self._any_modules = False
        # By path: the bytes of the git tree that was last made there, and what became of it.
        self._last: dict[Parts, tuple[bytes, Made]] = {}
        self._last_bytes = 0
        blocks, self._empty = DirectoryBuilder(profile, self._mode(MODE_OTHER)).end()
        self._sink.take(blocks)

    def tree(self, oid: bytes, parts: Parts = ()) -> Made:
        """Return what the tree *oid*, met at *parts*, becomes. As deep as the path, 256 at most."""
        known = self._scratch.get(b"t" + oid)
        if known is not None:
            return Made.unpack(known)
        if len(parts) > names.MAX_DEPTH:
            raise LimitExceeded(
                f"the depth of {names.shown(parts)}", names.MAX_DEPTH, len(parts), "names"
            )
        data = self._objects.get(oid, "tree")
        last = self._last.get(parts)
        if last is not None and len(data) >= LARGE_BYTES:
            made = self._edited(data, len(oid), parts, *last)
        else:
            made = self._built(list(g.entries(data, len(oid))), parts)
        self._note_modules(oid, data)
        if len(data) >= LARGE_BYTES:
            self._remember(parts, data, made)
        self._scratch.put(b"t" + oid, made.pack())
        return made

    def modules(self, oid: bytes) -> Modules:
        """Return the submodules of a tree that was made, in byte order of paths."""
        packed = self._scratch.get(b"m" + oid) if self._any_modules else None
        return () if packed is None else _unpacked(packed, len(oid))

    def flush(self) -> None:
        """Hand on every block."""
        self._sink.flush()

    def put(self, block: Block) -> None:
        """Hand on a block that isn't of a tree."""
        self._sink.take((block,))

    # ---- directories -----------------------------------------------------------------------

    def _built(self, entries: list[GitEntry], parts: Parts) -> Made:
        """Make a directory of all its entries."""
        builder = DirectoryBuilder(self._profile, self._mode(MODE_OTHER))
        files = size = 0
        try:
            for name, made in self._below(entries, parts):
                builder.add(name, _node(made))
                files, size = files + made.files, size + made.size
        except BadEntryName as fault:
            raise names.UnsafeName((*parts, fault.name), "it stands twice in its tree") from None
        blocks, node = builder.end()
        self._sink.take(blocks)
        return Made(node.cid.raw, node.tsize, files, size)

    def _edited(self, data: bytes, id_bytes: int, parts: Parts, before: bytes, made: Made) -> Made:
        """Make a directory of the one that stood there, by what changed."""
        gone, come = g.changed(before, data, id_bytes)
        if len(gone) + len(come) > MAX_EDITS or any(
            data.count(b" %s\0" % entry.name) > 1 for entry in come
        ):  # much to do, or a name stands twice
            return self._built(list(g.entries(data, id_bytes)), parts)
        files, size = made.files, made.size
        changes: dict[Parts, Node | None] = {}
        for name, old in self._below(gone, parts):
            changes[(name,)] = None
            files, size = files - old.files, size - old.size
        for name, new in self._below(come, parts):
            changes[(name,)] = _node(new)
            files, size = files + new.files, size + new.size
        self._sink.flush()  # its shards may not have been handed on yet
        node = self._run_edit(Cid(made.cid), changes)
        return Made(node.cid.raw, node.tsize, files, size)

    def _run_edit(self, root: Cid, changes: Mapping[Parts, Node | None]) -> Node:
        """Edit *root*; the new blocks go the way of all others."""
        work = edit(root, changes, self._profile)
        sent: Block | None = None
        while True:
            try:
                step = work.send(sent)
            except StopIteration as stop:
                node: Node = stop.value
                return node
            sent = None
            if isinstance(step, Need):
                sent = self.get(step.cid)
            else:
                self._sink.take((step,))

    def _below(self, entries: list[GitEntry], parts: Parts) -> list[tuple[str, Made]]:
        """Return names and what they became, blobs that are new read at one go."""
        fresh: dict[tuple[bytes, bytes], str] = {}
        texts: list[str] = []
        for entry in entries:
            name = entry.name.decode("utf-8", "surrogateescape")
            _check(name, parts)
            texts.append(name)
            key = self._key(entry, (*parts, name))
            if key[:1] in b"bxl" and self._scratch.get(key) is None:
                fresh.setdefault((key[:1], entry.id), name)
        if fresh:
            self._read(fresh, parts)
        out: list[tuple[str, Made]] = []
        for entry, name in zip(entries, texts, strict=True):
            key = self._key(entry, (*parts, name))
            if key[:1] == b"t":
                out.append((name, self.tree(entry.id, (*parts, name))))
            elif key[:1] == b"m":
                empty = self._empty
                out.append((name, Made(empty.cid.raw, empty.tsize, 0, 0)))
            else:
                known = self._scratch.get(key)
                if known is None:
                    raise AssertionError("a blob was read and not kept")
                out.append((name, Made.unpack(known)))
        return out

    def _key(self, entry: GitEntry, parts: Parts) -> bytes:
        """Return where the scratch has what *entry* became: a letter for its kind, and the id."""
        kind = entry.mode & g.KIND_MASK
        if kind == g.DIRECTORY:
            return b"t" + entry.id
        if kind == g.SYMLINK:
            return b"l" + entry.id
        if kind == g.SUBMODULE:
            return b"m" + entry.id
        if kind != g.FILE:
            raise Malformed(f"{names.shown(parts)} has the mode {entry.mode:o}, which git has not")
        return (b"x" if self._profile.mode and entry.mode & 0o100 else b"b") + entry.id

    def _remember(self, parts: Parts, data: bytes, made: Made) -> None:
        old = self._last.pop(parts, None)
        self._last_bytes += len(data) - (len(old[0]) if old else 0)
        self._last[parts] = data, made
        while self._last_bytes > REMEMBERED_BYTES and len(self._last) > 1:
            dropped = self._last.pop(next(iter(self._last)))
            self._last_bytes -= len(dropped[0])

    def _note_modules(self, oid: bytes, data: bytes) -> None:
        """Keep which submodules lie below a tree; most have none, which costs a search."""
        if not self._any_modules and b"160000 " not in data:
            return
        found: list[tuple[bytes, bytes]] = []
        for entry in g.entries(data, len(oid)):
            kind = entry.mode & g.KIND_MASK
            if kind == g.SUBMODULE:
                found.append((entry.name, entry.id))
                self._any_modules = True
            elif kind == g.DIRECTORY:
                below = self.modules(entry.id)
                found += [(b"%s/%s" % (entry.name, path), at) for path, at in below]
        if found:
            self._scratch.put(b"m" + oid, b"".join([b"%s\0%s" % one for one in sorted(found)]))

    # ---- files -----------------------------------------------------------------------------

    def _read(self, fresh: Mapping[tuple[bytes, bytes], str], parts: Parts) -> None:
        """Make files and symlinks of blobs, each named by a letter for its kind and its id."""
        for (kind, _oid), blob in zip(
            fresh, self._objects.blobs([oid for _kind, oid in fresh]), strict=True
        ):
            if kind == b"l":
                node = self._link(blob, (*parts, fresh[kind, blob.oid]))
            else:
                node = self._file(blob, self._mode(MODE_OTHER if kind == b"x" else MODE_FILE))
            made = Made(node.cid.raw, node.tsize, 1, node.file_bytes)
            self._scratch.put(kind + blob.oid, made.pack())
            self._progress(1, blob.size if blob.data is not None else 0)

    def _file(self, blob: Blob, mode: int | None) -> Node:
        if blob.data is not None:
            blocks, node = add_bytes(blob.data, self._profile, mode)
            self._sink.take(blocks)
            return node
        builder = FileBuilder(self._profile, mode)
        for piece in blob.pieces:
            self._sink.take(builder.feed(piece))
            self._progress(0, len(piece))
        blocks, node = builder.end()
        self._sink.take(blocks)
        return node

    def _link(self, blob: Blob, parts: Parts) -> Node:
        target = blob.data
        if target is None:
            target = next(blob.pieces)  # over any limit already
        names.check_target(target, parts)
        blocks, node = symlink(target, self._profile)
        self._sink.take(blocks)
        return node

    def _mode(self, mode: int) -> int | None:
        return mode if self._profile.mode else None


def _check(name: str, parts: Parts) -> None:
    names.check(name, parts)
    if name[0] in ".gG" or not name.isascii():
        folded = names.fold(name).split(":", 1)[0].rstrip(" .")
        if folded == _GIT or (folded[:4] == "git~" and folded[4:].isdigit()):
            raise names.UnsafeName((*parts, name), f"it may be taken for {_GIT!r}")


def _node(made: Made) -> Node:
    """Return what a directory needs to know; the kind doesn't matter to it."""
    kind = FILE if made.files else DIRECTORY
    return Node(Cid(made.cid), made.tsize, kind, made.size)


def _unpacked(packed: bytes, id_bytes: int) -> Modules:
    out: list[tuple[bytes, bytes]] = []
    at = 0
    while at < len(packed):
        stop = packed.index(b"\0", at)
        path, at = packed[at:stop], stop + 1 + id_bytes
        out.append((path, packed[stop + 1 : at]))
    return tuple(out)


def submodules(found: Iterable[tuple[bytes, bytes]]) -> list[dict[str, str | bytes]]:
    """Return submodules as ``meta.git`` has them."""
    out: list[dict[str, str | bytes]] = []
    for path, commit in found:
        try:
            text: str | bytes = path.decode()
        except UnicodeDecodeError:
            text = path
        out.append({"path": text, "commit": commit.hex()})
    return out
