"""Editing trees: set and remove entries anywhere below a root; what comes out is a fresh add's CID.

Only directories on the way to a change are read and written; in a HAMT only the shards on the way.
After a change a sharded directory is judged again, enumerated no further than it takes to decide.
One that did not shrink stays sharded unread: it was over the limit before, as far as it was made
under the same profile, which is what the promise of equal CIDs rests on anyway.
"""

from collections.abc import Generator, Mapping
from typing import TypeAlias

from jiaozi_node.dag.walk import Lookup, Need, Walk, gather, need
from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.dag_pb import RawLink
from jiaozi_node.unixfs import blocks, build, directory, hamt, shards
from jiaozi_node.unixfs.directory import EntryMissing
from jiaozi_node.unixfs.hamt import Shape, Shard, Value
from jiaozi_node.unixfs.node import DIRECTORY, Mtime, Node
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.unixfs.read import SOON

Parts: TypeAlias = tuple[str, ...]
Edit: TypeAlias = Generator[Need | Block, Block | None, Node]

MAX_DEPTH = 256


class _Untouched:
    """Marks a name whose own entry stays: only something below it changes."""


_UNTOUCHED = _Untouched()


class _Change:
    """What is to become of one name: its new node, None to remove it, and changes below it."""

    __slots__ = ("below", "node")

    def __init__(self) -> None:
        self.node: Node | _Untouched | None = _UNTOUCHED
        self.below: dict[str, _Change] = {}


def edit(root: Cid | None, changes: Mapping[Parts, Node | None], profile: Profile) -> Edit:
    """Set (node) or remove (None) the entries of *changes* in the tree at *root*.

    Yields new blocks between its needs and returns the new root. Without *root* the tree begins
    empty. Directories are made as needed and stay when they become empty; they keep their mode and
    mtime. A change at a path and others below it apply in that order. Raises `EntryMissing` for
    removing what isn't there, `blocks.NotADirectory` for a path through a file,
    `build.BadEntryName`, and `LimitExceeded` beyond 256 levels.
    """
    top = _Change()
    for path, node in changes.items():
        if not path:
            raise Misuse("a change needs a path: the root itself can't be set")
        if len(path) > MAX_DEPTH:
            raise LimitExceeded("depth of a change", MAX_DEPTH, len(path), "levels")
        at = top
        for part in path:
            at = at.below.setdefault(part, _Change())
        at.node = node
    return (yield from _edit(root, top.below, profile))


def _edit(root: Cid | None, changes: dict[str, _Change], profile: Profile) -> Edit:
    """Apply *changes* to one directory; as deep as their paths are, 256 at most."""
    if root is None:
        return (yield from _edit_basic([], changes, profile, None, None, None))
    links, message, raw = blocks.parse((yield from need(root)))
    if raw is not None or message.type not in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
        raise blocks.NotADirectory(root)
    mode = None if message.mode is None else message.mode & 0o7777 or None
    if message.type == unixfs_pb.DIRECTORY:
        values = [Value(name or b"", cid, tsize or 0) for cid, name, tsize in links]
        return (yield from _edit_basic(values, changes, profile, mode, message.mtime, root))
    shard = Shard.parse(links, message)
    if shard.form.fanout != profile.hamt_fanout:  # made under another profile
        values = yield from gather(directory.shard_values(shard, 0, 0))
        return (yield from _edit_basic(values, changes, profile, mode, message.mtime, root))
    return (yield from _edit_hamt(root, shard, changes, profile, mode, message.mtime))


def _replacement(
    old: Value | None, change: _Change, name: str, profile: Profile, parent: Cid | None
) -> Generator[Need | Block, Block | None, Node | None]:
    """Return the node that *change* puts under *name*, where *old* stands; None removes."""
    base = change.node
    if not change.below:
        if isinstance(base, _Untouched):
            raise Misuse(f"no change for {name!r}")
        if base is None and old is None:
            raise EntryMissing(parent, name)
        return base
    if isinstance(base, _Untouched):
        inner = None if old is None else Cid(old.cid)
    else:
        inner = None if base is None else base.cid
    return (yield from _edit(inner, change.below, profile))


def _edit_basic(
    values: list[Value],
    changes: dict[str, _Change],
    profile: Profile,
    mode: int | None,
    mtime: Mtime | None,
    root: Cid | None,
) -> Edit:
    """Edit a directory whose entries are all known; repeated names fall together."""
    known: dict[bytes, Value] = {}
    kept: list[Value] = []
    names = {build.name_bytes(name): name for name in changes}
    for value in values:
        if value.name in names:
            known.setdefault(value.name, value)
        else:
            kept.append(value)
    for raw_name, name in names.items():
        old = known.get(raw_name)
        node = yield from _replacement(old, changes[name], name, profile, root)
        if node is not None:
            kept.append(Value(raw_name, node.cid.raw, node.tsize))
    made, result = build.build(kept, profile, mode, mtime)
    yield from made
    return result


# --------------------------------------------------------------------------------------- HAMTs


class _Stub:
    """A shard that was not read."""

    __slots__ = ("cid", "tsize")

    def __init__(self, cid: bytes, tsize: int) -> None:
        self.cid, self.tsize = cid, tsize


class _Branch:
    """A shard that was read: what is in each slot, and its CID and Tsize while it is unchanged."""

    __slots__ = ("clean", "slots")

    def __init__(self, slots: dict[int, "_Slot"], clean: tuple[bytes, int] | None) -> None:
        self.slots, self.clean = slots, clean


_Slot: TypeAlias = Value | _Stub | _Branch


def _branch(shard: Shard, path: int, level: int, clean: tuple[bytes, int] | None) -> _Branch:
    slots: dict[int, _Slot] = {}
    form = shard.form
    for link, slot in zip(shard.links, shard.slots, strict=True):
        value = hamt.value_of(link, form, path << form.bits | slot, level + 1)
        slots[slot] = _Stub(link[0], link[2] or 0) if value is None else value
    return _Branch(slots, clean)


def _edit_hamt(
    root: Cid,
    shard: Shard,
    changes: dict[str, _Change],
    profile: Profile,
    mode: int | None,
    mtime: Mtime | None,
) -> Edit:
    form = shard.form
    trie = _branch(shard, 0, 0, None)
    grown = more = 0  # by how much the estimate and the number of entries change
    for name, change in changes.items():
        raw_name = build.name_bytes(name)
        old = yield from _find(trie, raw_name, form)
        node = yield from _replacement(old, change, name, profile, root)
        if old is not None:
            grown -= build.link_size(old, profile)
            more -= 1
        if node is None:
            yield from _remove(trie, raw_name, form)
        else:
            new = Value(raw_name, node.cid.raw, node.tsize)
            grown += build.link_size(new, profile)
            more += 1
            yield from _set(trie, new, form)
    if not profile.hamt_threshold or (
        (grown < 0 or more < 0) and (yield from _fits(trie, form, profile, mode, mtime))
    ):
        values = yield from gather(_values(trie, form))
        made, result = build.build(values, profile, mode, mtime)
        yield from made
        return result
    out: list[Block] = []
    raw, tsize = _seal(trie, form, profile, out, mode, mtime)
    yield from out
    return Node(Cid(raw), tsize, DIRECTORY, 0)


def _descend(trie: _Branch, name: bytes, form: Shape) -> Lookup[list[tuple[_Branch, int]]]:
    """Return the branches and slots on the way to where *name* is or would be, last one last."""
    hashed = hamt.name_hash(name)
    way: list[tuple[_Branch, int]] = []
    branch, level = trie, 0
    while True:
        slot = form.slot(hashed, level)
        way.append((branch, slot))
        there = branch.slots.get(slot)
        if isinstance(there, _Stub):
            there = yield from _read(there, hashed, level + 1, form)
            branch.slots[slot] = there
        if not isinstance(there, _Branch):
            return way
        branch, level = there, level + 1


def _read(stub: _Stub, hashed: int, level: int, form: Shape) -> Lookup[_Branch]:
    if level >= form.max_depth:
        raise hamt.MalformedShard(f"deeper than the {form.max_depth} levels of a hash")
    shard = yield from directory.load(Cid(stub.cid), form)
    path = hashed >> hamt.HASH_BITS - form.bits * level
    return _branch(shard, path, level, (stub.cid, stub.tsize))


def _find(trie: _Branch, name: bytes, form: Shape) -> Lookup[Value | None]:
    branch, slot = (yield from _descend(trie, name, form))[-1]
    there = branch.slots.get(slot)
    return there if isinstance(there, Value) and there.name == name else None


def _set(trie: _Branch, new: Value, form: Shape) -> Lookup[None]:
    way = yield from _descend(trie, new.name, form)
    for branch, _slot in way:
        branch.clean = None
    branch, slot = way[-1]
    there = branch.slots.get(slot)
    level = len(way)
    # Two names in one slot: deeper shards until their hashes part.
    if isinstance(there, Value) and there.name != new.name:
        ours, theirs = hamt.name_hash(new.name), hamt.name_hash(there.name)
        while True:
            deeper = _Branch({}, None)
            branch.slots[slot] = deeper
            branch, slot, other = deeper, form.slot(ours, level), form.slot(theirs, level)
            if slot != other:
                branch.slots[other] = there
                break
            level += 1
    branch.slots[slot] = new


def _remove(trie: _Branch, name: bytes, form: Shape) -> Lookup[None]:
    way = yield from _descend(trie, name, form)
    for branch, _slot in way:
        branch.clean = None
    branch, slot = way.pop()
    del branch.slots[slot]
    # A shard left with a lone entry gives it to its parent: else history would show in the CID.
    while way:
        parent, slot = way.pop()
        if len(branch.slots) > 1:
            return
        rest = next(iter(branch.slots.values()), None)
        if rest is None:
            del parent.slots[slot]
        elif isinstance(rest, Value):
            parent.slots[slot] = rest
        else:
            return
        branch = parent


def _values(trie: _Branch, form: Shape) -> Walk[Value, None]:
    """Yield the entries of *trie*, reading the shards that were not read."""
    pending: list[tuple[_Slot, int, int]] = [(trie, 0, 0)]
    while pending:
        item, path, level = pending.pop()
        if isinstance(item, Value):
            yield item
        elif isinstance(item, _Stub):
            if level >= form.max_depth:
                raise hamt.MalformedShard(f"deeper than the {form.max_depth} levels of a hash")
            near = [other for other, _path, _level in pending[: -SOON - 1 : -1]]
            soon = tuple([Cid(other.cid) for other in near if isinstance(other, _Stub)])
            shard = yield from directory.load(Cid(item.cid), form, soon)
            yield from directory.shard_values(shard, path, level)
        else:
            for slot, there in item.slots.items():
                pending.append((there, path << form.bits | slot, level + 1))


def _fits(
    trie: _Branch, form: Shape, profile: Profile, mode: int | None, mtime: Mtime | None
) -> Lookup[bool]:
    """Tell whether *trie* would be a basic directory now, reading until that is decided."""
    by_size = profile.size_estimator != "disabled"
    size = build.basic_size(mode, mtime) if profile.size_estimator == "block" else 0
    count = 0
    walk = _values(trie, form)
    sent: Block | None = None
    while True:
        try:
            step = walk.send(sent)
        except StopIteration:
            return True
        sent = None
        if isinstance(step, Need):
            sent = yield step
            continue
        count += 1
        size += build.link_size(step, profile)
        if (by_size and size > profile.hamt_threshold) or (
            profile.directory_width and count > profile.directory_width
        ):
            walk.close()
            return False


def _seal(
    branch: _Branch,
    form: Shape,
    profile: Profile,
    out: list[Block],
    mode: int | None = None,
    mtime: Mtime | None = None,
) -> tuple[bytes, int]:
    """Write the changed shards from below; as deep as a hash has levels, 21 at most."""
    if branch.clean is not None:
        return branch.clean
    links: list[RawLink] = []
    bitfield = 0
    for slot in sorted(branch.slots):
        there = branch.slots[slot]
        bitfield |= 1 << slot
        prefix = form.prefixes[slot]
        if isinstance(there, Value):
            links.append((there.cid, prefix + there.name, there.tsize))
        elif isinstance(there, _Stub):
            links.append((there.cid, prefix, there.tsize))
        else:
            cid, tsize = _seal(there, form, profile, out)
            links.append((cid, prefix, tsize))
    return shards.seal(links, bitfield, form, profile, out, mode, mtime)
