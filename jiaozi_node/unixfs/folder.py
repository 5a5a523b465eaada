"""A directory held open: looked up and changed entry by entry, written again when it is sealed.

Of a sharded one only the shards are read that one goes through. Whether it is to be sharded is
judged at every change, as boxo's ``DynamicDirectory`` judges it, so the CIDs are Kubo's whatever
the order of changes. The profile gives the threshold; CID version and hash are the directory's own.
"""

from collections.abc import Generator
from typing import Final

from jiaozi_node.dag.walk import Lookup, Need, Walk, gather, need
from jiaozi_node.errors import JiaoziError
from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.unixfs_pb import UnixFs
from jiaozi_node.unixfs import blocks, build, hamt, trie
from jiaozi_node.unixfs.hamt import Shape, Shard, Value
from jiaozi_node.unixfs.node import DIRECTORY, Mtime, Node
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.unixfs.trie import Branch

ENTRY_BYTES: Final = 48  # what an entry is taken to hold, of those that came without a block
FOLDER_BYTES: Final = 256  # … and a directory, besides its entries


class Folder:
    """One directory. *opened* are those below it that are held open too, by name.

    *stale* names those of them that changed since the entry here was set. *sealed* is the node it
    is, None while it changed since. *held_bytes* is about what it holds, in bytes of blocks.
    """

    __slots__ = (
        "_basic", "_change", "_count", "_form", "_message", "_size", "_top",
        "held_bytes", "opened", "profile", "sealed", "stale",
    )  # fmt: skip

    def __init__(self, profile: Profile, message: UnixFs | None = None) -> None:
        self.profile = profile
        self._message = message or UnixFs(unixfs_pb.DIRECTORY)
        self._basic: dict[bytes, Value] | None = {}
        self._top: Branch | None = None
        self._form: Shape | None = None
        # The estimate of the size and the number of entries: exact of a basic directory, of a
        # sharded one no more than what it has.
        self._size, self._count = self._base(), 0
        self._change = 0  # of the size, by "links", since it is sharded or was read
        self.opened: dict[bytes, Folder] = {}
        self.stale: set[bytes] = set()
        self.sealed: Node | None = None
        self.held_bytes = FOLDER_BYTES

    @classmethod
    def of(cls, block: Block, profile: Profile) -> "Folder":
        """Open the directory whose root is *block*; raises `blocks.NotADirectory`, `Malformed`."""
        links, message, raw = blocks.parse(block)
        if raw is not None or message.type not in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
            raise blocks.NotADirectory(block.cid)
        if message.type == unixfs_pb.HAMT_SHARD:
            shard = Shard.parse(links, message)
            self = cls(profile, _plain(message))
            self._basic, self._form = None, shard.form
            self._top = trie.branch_of(shard, 0, 0, None)
        else:
            self = cls(profile, message)
            values = [Value(name or b"", cid, tsize or 0) for cid, name, tsize in links]
            self._basic = {value.name: value for value in reversed(values)}
            self._size += sum([build.link_size(value, profile) for value in self._basic.values()])
            self._count = len(self._basic)
        tsize = len(block.data) + sum([link[2] or 0 for link in links])
        self.sealed = Node(block.cid, tsize, DIRECTORY, 0)
        self.held_bytes += len(block.data)
        return self

    @property
    def sharded(self) -> bool:
        """Whether it is a HAMT now."""
        return self._top is not None

    @property
    def mode(self) -> int | None:
        """The permission bits recorded."""
        return None if self._message.mode is None else self._message.mode & 0o7777 or None

    @property
    def mtime(self) -> Mtime | None:
        """The modification time recorded."""
        return self._message.mtime

    def set_meta(self, mode: int | None, mtime: Mtime | None) -> None:
        """Record another mode and modification time."""
        self._size -= self._base()
        self._message = self._message._replace(mode=mode, mtime=mtime)
        self._size += self._base()
        self.changed()

    def set_profile(self, profile: Profile) -> None:
        """Take another CID version or hash for what is written from now on."""
        self.profile = profile
        self.changed()

    def changed(self) -> None:
        """Note that it is no longer what it was sealed as."""
        self.sealed = None
        if self._top is not None:
            self._top.clean = None

    def find(self, name: bytes) -> Lookup[Value | None]:
        """Return the entry *name*, if there is one; of one that is stale, as it was."""
        if self._basic is not None:
            return self._basic.get(name)
        top, form = self._trie()
        return (yield from self._noting(trie.find(top, name, form)))

    def values(self) -> Walk[Value, None]:
        """Yield the entries: a basic directory's by name, a sharded one's by hash."""
        if self._basic is not None:
            yield from sorted(self._basic.values())
        else:
            top, form = self._trie()
            yield from trie.values(top, form)

    def put(self, new: Value) -> Lookup[None]:
        """Set an entry, in the place of one of the same name."""
        if self._basic is not None:
            old = self._basic.get(new.name)
            if not self._outgrown(old, new):
                self._basic[new.name] = new
                self._account(old, new)
                self.changed()
                return
            yield from self._shard(self._basic)
        yield from self._put_sharded(new.name, new)

    def remove(self, name: bytes) -> Lookup[None]:
        """Remove the entry *name*, which must be there."""
        if self._basic is not None:
            self._account(self._basic.pop(name), None)
            self.changed()
        else:
            yield from self._put_sharded(name, None)

    def seal(self, out: list[Block]) -> Lookup[Node]:
        """Write what changed, and below it, appending the blocks to *out*; return what it is.

        As deep as directories are open below each other.
        """
        for name in sorted(self.stale):
            below = self.opened.get(name)
            if below is not None:
                node = yield from below.seal(out)
                yield from self.put(Value(name, node.cid.raw, node.tsize))
            self.stale.discard(name)
        if self.sealed is not None:
            return self.sealed
        if self._basic is not None:
            ordered = sorted(self._basic.values())
            data = dag_pb.encode_links(
                [(cid, name, tsize) for name, cid, tsize in ordered],
                unixfs_pb.encode(self._message),
            )
            cid = Cid(self.profile.seal_pb(data))
            if cid.inline is None:
                out.append(Block(cid, data))
            tsize = len(data) + sum([value.tsize for value in ordered])
            self.sealed = Node(cid, tsize, DIRECTORY, 0)
        else:
            top, form = self._trie()
            raw, tsize = trie.seal(top, form, self.profile, out, self.mode, self.mtime)
            self.sealed = Node(Cid(raw), tsize, DIRECTORY, 0)
        return self.sealed

    # ---- sharded or not ------------------------------------------------------------------

    def _trie(self) -> tuple[Branch, Shape]:
        if self._top is None or self._form is None:
            raise RuntimeError("the directory is not sharded")
        return self._top, self._form

    def _base(self) -> int:
        if self.profile.size_estimator != "block":
            return 0
        return build.basic_size(self.mode, self.mtime)

    def _account(self, old: Value | None, new: Value | None) -> None:
        profile = self.profile
        if new is not None:
            self._size += build.link_size(new, profile)
            self._count += 1
            self.held_bytes += ENTRY_BYTES + len(new.name)
        if old is not None:
            self._size -= build.link_size(old, profile)
            self._count -= 1

    def _outgrown(self, old: Value | None, new: Value) -> bool:
        """Tell whether a basic directory has to become a HAMT when *new* is set."""
        profile = self.profile
        if not profile.hamt_threshold:
            return False
        if profile.directory_width and old is None and self._count >= profile.directory_width:
            return True
        if profile.size_estimator == "disabled":
            return False
        size = self._size + build.link_size(new, profile)
        if old is not None:
            size -= build.link_size(old, profile)
        return size > profile.hamt_threshold

    def _shard(self, basic: dict[bytes, Value]) -> Lookup[None]:
        """Become a HAMT."""
        self._form = hamt.shape(self.profile.hamt_fanout)
        self._top = Branch({}, None)
        for value in basic.values():
            yield from trie.put(self._top, value, self._form)
        self._basic = None
        self._message = _plain(self._message)
        self._change = 0

    def _put_sharded(self, name: bytes, new: Value | None) -> Lookup[None]:
        """Set or remove the entry *name* of a HAMT, which may be a basic directory then."""
        top, form = self._trie()
        old = yield from self.find(name)
        # boxo counts the old entry under the name it has in its shard, slot and all, and the new
        # one without a name: setting an entry anew may make a directory basic that is over.
        padded = None if old is None else old._replace(name=form.prefixes[0] + name)
        nameless = None if new is None else new._replace(name=b"")
        if (yield from self._fits(padded, nameless)):
            values = yield from gather(self.values())
            self._basic = {value.name: value for value in values}
            if new is None:
                del self._basic[name]
            else:
                self._basic[name] = new
            self._top = self._form = None
            self._count = len(self._basic)
            profile = self.profile
            self._size = self._base() + sum(
                [build.link_size(value, profile) for value in self._basic.values()]
            )
            self.changed()
            return
        if new is None:
            yield from trie.remove(top, name, form)
        else:
            yield from trie.put(top, new, form)
            self._change += len(new.name) + len(new.cid)
        if padded is not None:
            self._change -= len(padded.name) + len(padded.cid)
        self._account(old, new)
        self.changed()

    def _fits(self, old: Value | None, new: Value | None) -> Lookup[bool]:
        """Tell whether it would be basic with *new* for *old*: by what it had, and their sizes."""
        profile = self.profile
        width, threshold = profile.directory_width, profile.hamt_threshold
        if not threshold:
            return False
        more = (new is not None) - (old is not None)
        by_size = profile.size_estimator != "disabled"
        grown = 0
        if by_size:
            grown = build.link_size(new, profile) if new is not None else 0
            grown -= build.link_size(old, profile) if old is not None else 0
            if self._change + grown >= 0 or self._size + grown > threshold:
                return False
        elif not width:
            return False
        if width and self._count + more > width:
            return False
        # More than is needed: so that what is removed next needs no count.
        if not (yield from self._count_up(2 * threshold if by_size else None, 2 * width)):
            return False
        return (not by_size or self._size + grown <= threshold) and (
            not width or self._count + more <= width
        )

    def _count_up(self, most_bytes: int | None, most: int) -> Lookup[bool]:
        """Count size and entries; False when there are more than asked for, or shards missing."""
        size, count = self._base(), 0
        walk = self.values()
        sent: Block | None = None
        whole = False
        while True:
            try:
                step = walk.send(sent)
            except StopIteration:
                whole = True
                break
            sent = None
            if isinstance(step, Need):
                try:
                    sent = yield step
                except JiaoziError:
                    break
                continue
            count += 1
            size += build.link_size(step, self.profile)
            if (most_bytes is not None and size > most_bytes) or (most and count > most):
                break
        walk.close()
        self._size, self._count = max(self._size, size), max(self._count, count)
        return whole

    def _noting(self, walk: Generator[Need, Block | None, Value | None]) -> Lookup[Value | None]:
        """Add what *walk* reads to what is held."""
        try:
            step = next(walk)
            while True:
                block = yield step
                self.held_bytes += 0 if block is None else len(block.data)
                step = walk.send(block)
        except StopIteration as stop:
            found: Value | None = stop.value
            return found


def _plain(message: UnixFs) -> UnixFs:
    """Return the message of a basic directory with the same mode and mtime."""
    mode = None if message.mode is None else message.mode & 0o7777 or None
    return UnixFs(unixfs_pb.DIRECTORY, mode=mode, mtime=message.mtime)


def open_at(cid: Cid, profile: Profile) -> Lookup[Folder]:
    """Open the directory at *cid*."""
    return Folder.of((yield from need(cid)), profile)
