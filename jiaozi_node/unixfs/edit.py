"""Editing trees: set and remove entries anywhere below a root; what comes out is a fresh add's CID.

Only directories on the way to a change are read and written; in a HAMT only the shards on the way.
After a change a sharded directory is judged again, enumerated no further than it takes to decide.
One that did not shrink stays sharded unread: it was over the limit before, as far as it was made
under the same profile, which is what the promise of equal CIDs rests on anyway.
"""

from collections.abc import Generator, Mapping
from typing import TypeAlias

from jiaozi_node.dag.walk import Need, gather, need
from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import blocks, build, directory, trie
from jiaozi_node.unixfs.directory import EntryMissing
from jiaozi_node.unixfs.hamt import Shard, Value
from jiaozi_node.unixfs.node import DIRECTORY, Mtime, Node
from jiaozi_node.unixfs.profile import Profile

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


def _edit_hamt(
    root: Cid,
    shard: Shard,
    changes: dict[str, _Change],
    profile: Profile,
    mode: int | None,
    mtime: Mtime | None,
) -> Edit:
    form = shard.form
    top = trie.branch_of(shard, 0, 0, None)
    grown = more = 0  # by how much the estimate and the number of entries change
    for name, change in changes.items():
        raw_name = build.name_bytes(name)
        old = yield from trie.find(top, raw_name, form)
        node = yield from _replacement(old, change, name, profile, root)
        if old is not None:
            grown -= build.link_size(old, profile)
            more -= 1
        if node is None:
            yield from trie.remove(top, raw_name, form)
        else:
            new = Value(raw_name, node.cid.raw, node.tsize)
            grown += build.link_size(new, profile)
            more += 1
            yield from trie.put(top, new, form)
    if not profile.hamt_threshold or (
        (grown < 0 or more < 0) and (yield from trie.fits(top, form, profile, mode, mtime))
    ):
        values = yield from gather(trie.values(top, form))
        made, result = build.build(values, profile, mode, mtime)
        yield from made
        return result
    out: list[Block] = []
    raw, tsize = trie.seal(top, form, profile, out, mode, mtime)
    yield from out
    return Node(Cid(raw), tsize, DIRECTORY, 0)
