"""A HAMT as a trie in memory: shards are read where one goes, changed, and written from below.

What stands in which slot follows from the names alone, so a trie that was changed is the one that a
fresh directory of the same entries would have.
"""

from typing import TypeAlias

from jiaozi_node.dag.walk import Lookup, Need, Walk
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.dag_pb import RawLink
from jiaozi_node.unixfs import build, directory, hamt, shards
from jiaozi_node.unixfs.hamt import Shape, Shard, Value
from jiaozi_node.unixfs.node import Mtime
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.unixfs.read import SOON


class Stub:
    """A shard that was not read."""

    __slots__ = ("cid", "tsize")

    def __init__(self, cid: bytes, tsize: int) -> None:
        self.cid, self.tsize = cid, tsize


class Branch:
    """A shard that was read: what is in each slot, and its CID and Tsize while it is unchanged."""

    __slots__ = ("clean", "slots")

    def __init__(self, slots: dict[int, "Slot"], clean: tuple[bytes, int] | None) -> None:
        self.slots, self.clean = slots, clean


Slot: TypeAlias = Value | Stub | Branch


def branch_of(shard: Shard, path: int, level: int, clean: tuple[bytes, int] | None) -> Branch:
    """Return *shard*, which stands *level* deep behind the slots *path*, as a branch."""
    slots: dict[int, Slot] = {}
    form = shard.form
    for link, slot in zip(shard.links, shard.slots, strict=True):
        value = hamt.value_of(link, form, path << form.bits | slot, level + 1)
        slots[slot] = Stub(link[0], link[2] or 0) if value is None else value
    return Branch(slots, clean)


def _descend(trie: Branch, name: bytes, form: Shape) -> Lookup[list[tuple[Branch, int]]]:
    """Return the branches and slots on the way to where *name* is or would be, last one last."""
    hashed = hamt.name_hash(name)
    way: list[tuple[Branch, int]] = []
    branch, level = trie, 0
    while True:
        slot = form.slot(hashed, level)
        way.append((branch, slot))
        there = branch.slots.get(slot)
        if isinstance(there, Stub):
            there = yield from _read(there, hashed, level + 1, form)
            branch.slots[slot] = there
        if not isinstance(there, Branch):
            return way
        branch, level = there, level + 1


def _read(stub: Stub, hashed: int, level: int, form: Shape) -> Lookup[Branch]:
    if level >= form.max_depth:
        raise hamt.MalformedShard(f"deeper than the {form.max_depth} levels of a hash")
    shard = yield from directory.load(Cid(stub.cid), form)
    path = hashed >> hamt.HASH_BITS - form.bits * level
    return branch_of(shard, path, level, (stub.cid, stub.tsize))


def find(trie: Branch, name: bytes, form: Shape) -> Lookup[Value | None]:
    """Return the entry *name*, if there is one."""
    branch, slot = (yield from _descend(trie, name, form))[-1]
    there = branch.slots.get(slot)
    return there if isinstance(there, Value) and there.name == name else None


def put(trie: Branch, new: Value, form: Shape) -> Lookup[None]:
    """Set an entry, in the place of one of the same name."""
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
            deeper = Branch({}, None)
            branch.slots[slot] = deeper
            branch, slot, other = deeper, form.slot(ours, level), form.slot(theirs, level)
            if slot != other:
                branch.slots[other] = there
                break
            level += 1
    branch.slots[slot] = new


def remove(trie: Branch, name: bytes, form: Shape) -> Lookup[None]:
    """Remove the entry *name*, which must be there."""
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


def values(trie: Branch, form: Shape) -> Walk[Value, None]:
    """Yield the entries of *trie* in order of hashes, reading the shards that were not read."""
    pending: list[tuple[Slot, int, int]] = [(trie, 0, 0)]
    while pending:
        item, path, level = pending.pop()
        if isinstance(item, Value):
            yield item
        elif isinstance(item, Stub):
            if level >= form.max_depth:
                raise hamt.MalformedShard(f"deeper than the {form.max_depth} levels of a hash")
            near = [other for other, _path, _level in pending[: -SOON - 1 : -1]]
            soon = tuple([Cid(other.cid) for other in near if isinstance(other, Stub)])
            shard = yield from directory.load(Cid(item.cid), form, soon)
            yield from directory.shard_values(shard, path, level)
        else:
            below = path << form.bits
            pending += [
                (item.slots[slot], below | slot, level + 1)
                for slot in sorted(item.slots, reverse=True)
            ]


def fits(
    trie: Branch, form: Shape, profile: Profile, mode: int | None, mtime: Mtime | None
) -> Lookup[bool]:
    """Tell whether *trie* would be a basic directory now, reading until that is decided."""
    by_size = profile.size_estimator != "disabled"
    size = build.basic_size(mode, mtime) if profile.size_estimator == "block" else 0
    count = 0
    walk = values(trie, form)
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


def seal(
    branch: Branch,
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
        elif isinstance(there, Stub):
            links.append((there.cid, prefix, there.tsize))
        else:
            cid, tsize = seal(there, form, profile, out)
            links.append((cid, prefix, tsize))
    branch.clean = shards.seal(links, bitfield, form, profile, out, mode, mtime)
    return branch.clean
