"""Directories side by side: the names that differ, found without reading what is equal.

HAMTs of one fanout are compared slot by slot, and a shard that the caller may skip is never asked
for. Where forms differ (basic beside sharded, unlike fanouts) all entries of that directory are
read, and of no other. Each block is asked for once, however many sides hold it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeAlias

from jiaozi_node.dag.walk import Lookup, Walk, gather, need
from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import dag_pb, dag_pb_pair, unixfs_pb
from jiaozi_node.formats.block import Block, within
from jiaozi_node.formats.cid import DAG_PB, RAW, Cid
from jiaozi_node.formats.dag_pb import RawLink
from jiaozi_node.formats.dag_pb_pair import Unlike
from jiaozi_node.formats.unixfs_pb import UnixFs
from jiaozi_node.unixfs import blocks, directory, hamt
from jiaozi_node.unixfs.hamt import Shape, Shard, Value
from jiaozi_node.unixfs.read import SOON

_RAW = bytes((1, RAW))  # how a CID of version 1 begins
MAX_DEPTH = 256  # directories below each other

# What stands in one place on each side, None for nothing; only ever compared with each other.
Keys: TypeAlias = tuple[object, ...]
Skip: TypeAlias = Callable[[Keys], bool]

_Slot: TypeAlias = "Value | Cid | None"  # an entry, a shard that was not read, or nothing
_Place: TypeAlias = "tuple[tuple[_Slot, ...], int, int]"  # the sides, slots on the way, how many


class Opened:
    """A directory whose root block was read; its links are read when they are asked for."""

    __slots__ = ("_block", "_links", "message", "named")

    def __init__(
        self,
        block: Block,
        message: UnixFs,
        named: dict[bytes, bytes] | None,
        links: list[RawLink] | None = None,
    ) -> None:
        self._block, self.message, self._links = block, message, links
        # Each link's own bytes by name, of a basic directory in the usual form.
        self.named = named

    @staticmethod
    def of(block: Block) -> "Opened | None":
        """Read *block*; None for a file or symlink."""
        if block.cid.codec == DAG_PB and (quick := dag_pb.links_by_name(block.data)) is not None:
            named, payload = quick
            with suppress(Malformed):  # said below, with the block's name
                message = unixfs_pb.decode(payload or b"")
                if message.type == unixfs_pb.DIRECTORY:
                    return Opened(block, message, named)
        links, message, _raw = blocks.parse(block)
        if message.type not in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
            return None
        return Opened(block, message, None, links)

    @property
    def cid(self) -> Cid:
        """Its CID."""
        return self._block.cid

    @property
    def links(self) -> list[RawLink]:
        """The links as they are on the wire."""
        if self._links is None:
            self._links = blocks.parse(self._block).links
        return self._links

    def value(self, name: bytes) -> Value | None:
        """Return the entry *name* of `named`, its link read."""
        link = self.named.get(name) if self.named else None
        if link is None:
            return None
        try:
            ((cid, _name, tsize),) = dag_pb.decode_links(link)[0]
        except Malformed as fault:
            raise within(self._block.cid, fault) from None
        return Value(name, cid, tsize or 0)


class Row(NamedTuple):
    """A name, and the entry under it on each side."""

    name: bytes
    sides: tuple[Value | None, ...]


def opened(cid: Cid | None, soon: tuple[Cid, ...] = ()) -> Lookup[Opened | None]:
    """Read the root of a directory; None for no CID, and for a file or symlink."""
    if cid is None or cid.codec == RAW:
        return None
    return Opened.of((yield from need(cid, soon)))


def differing(sides: Sequence[Opened | None], skip: Skip) -> Walk[Row, None]:
    """Yield the names at which *skip* of the entries' CIDs is false, in no order.

    *skip* sees what stands in a place on each side, and MUST be false unless it would be true of
    every name below, and true where all sides are equal. It is asked of whole slots too. Of
    repeated names the first counts.
    """
    shards = [
        None
        if side is None or side.message.type != unixfs_pb.HAMT_SHARD
        else Shard.parse(side.links, side.message)
        for side in sides
    ]
    forms = {shard.form.fanout: shard.form for shard in shards if shard is not None}
    flat = any(
        side is not None and shard is None for side, shard in zip(sides, shards, strict=True)
    )
    if flat or len(forms) != 1:
        yield from _by_name(sides, shards, skip)
        return
    (form,) = forms.values()
    pending: list[_Place] = []
    tables = [_table(shard, 0, 0) for shard in shards]
    yield from _step(tables, 0, 0, form, skip, pending)
    while pending:
        places, path, level = pending.pop()
        known: dict[Cid, dict[int, _Slot]] = {}
        wanted = [place for place in places if isinstance(place, Cid)]
        if level >= form.max_depth:
            raise hamt.MalformedShard(f"deeper than the {form.max_depth} levels of a hash")
        near = [place for other in pending[: -SOON - 1 : -1] for place in other[0]]
        soon = (*wanted[1:], *[cid for cid in near if isinstance(cid, Cid)])
        for cid in wanted:
            if cid not in known:
                shard = yield from directory.load(cid, form, soon)
                known[cid] = _table(shard, path, level)
        tables = []
        for place in places:
            if place is None:
                tables.append({})
            elif isinstance(place, Cid):
                tables.append(known[place])
            else:  # an entry beside shards: as if it stood alone in one of its own
                tables.append({form.slot(hamt.name_hash(place.name), level): place})
        yield from _step(tables, path, level, form, skip, pending)


def _table(shard: Shard | None, path: int, level: int) -> dict[int, _Slot]:
    """Return what is in each slot of *shard*, *level* deep behind the slots *path*."""
    out: dict[int, _Slot] = {}
    if shard is not None:
        form = shard.form
        for link, slot in zip(shard.links, shard.slots, strict=True):
            value = hamt.value_of(link, form, path << form.bits | slot, level + 1)
            out[slot] = Cid(link[0]) if value is None else value
    return out


def _step(
    tables: Sequence[dict[int, _Slot]],
    path: int,
    level: int,
    form: Shape,
    skip: Skip,
    pending: list[_Place],
) -> Walk[Row, None]:
    """Compare one shard of each side: yield names that differ, note shards that do."""
    for slot in sorted(set().union(*tables)):
        places = tuple([table.get(slot) for table in tables])
        if skip(tuple([place[:2] if isinstance(place, Value) else place for place in places])):
            continue
        if any(isinstance(place, Cid) for place in places):
            pending.append((places, path << form.bits | slot, level + 1))
            continue
        values = [place if isinstance(place, Value) else None for place in places]
        for name in {value.name for value in values if value is not None}:
            row = [value if value is not None and value.name == name else None for value in values]
            if not skip(tuple([value and value.cid for value in row])):
                yield Row(name, tuple(row))


def _by_name(
    sides: Sequence[Opened | None], shards: Sequence[Shard | None], skip: Skip
) -> Walk[Row, None]:
    """Compare directories, all entries at hand: basic ones, or ones of unlike forms."""
    if all(side is None or side.named is not None for side in sides):
        yield from _by_bytes(sides, skip)
        return
    tables: list[dict[bytes, Value]] = []
    for side, shard in zip(sides, shards, strict=True):
        table: dict[bytes, Value] = {}
        if shard is not None:
            for value in (yield from gather(directory.shard_values(shard, 0, 0))):
                table.setdefault(value.name, value)
        elif side is not None:
            for cid, name, tsize in side.links:
                table.setdefault(name or b"", Value(name or b"", cid, tsize or 0))
        tables.append(table)
    for name in sorted(set().union(*tables)):
        row = [table.get(name) for table in tables]
        if not skip(tuple([value and value.cid for value in row])):
            yield Row(name, tuple(row))


def _by_bytes(sides: Sequence[Opened | None], skip: Skip) -> Iterator[Row]:
    """Compare basic directories, reading only links that aren't the same on all sides."""
    tables = [{} if side is None or side.named is None else side.named for side in sides]
    first, *others = tables
    names: set[bytes] = set()
    for other in others:
        names |= {name for name, link in first.items() if other.get(name) != link}
        names |= other.keys() - first.keys()
    for name in sorted(names):
        row = [None if side is None else side.value(name) for side in sides]
        if not skip(tuple([value and value.cid for value in row])):
            yield Row(name, tuple(row))


class Pair(NamedTuple):
    """A file or symlink at *path* that is on one of two sides, or on both with unlike CIDs."""

    path: tuple[str, ...]
    before: Cid | None
    after: Cid | None

    @property
    def letter(self) -> str:
        """git's letter: A added, D deleted, M modified."""
        return "A" if self.before is None else "D" if self.after is None else "M"


def files(before: Cid | None, after: Cid | None) -> Walk[Pair, None]:
    """Yield the files that differ between two trees, in byte order of paths.

    None stands for an empty tree. A directory that became a file is all of its files gone and one
    come; directories themselves are not told of. Raises `LimitExceeded` beyond 256 levels.
    """
    # A stack in reverse order keeps the output sorted.
    stack = [Pair((), before, after)]
    while stack:
        pair = stack.pop()
        path, old, new = pair
        if old == new:
            continue
        check_depth(path)
        was, now, unlike = yield from side_by_side(old, new)
        leaves = Pair(path, None if was else old, None if now else new)
        if leaves.before or leaves.after:
            yield leaves
        below = _below(path, unlike)
        if len(path) < MAX_DEPTH:
            count = _leaves(unlike)
            yield from below[:count]
            del below[:count]
        stack += reversed(below)


def _below(path: tuple[str, ...], unlike: list[Unlike]) -> list[Pair]:
    return [
        Pair(
            (*path, name.decode("utf-8", "surrogateescape")),
            None if one is None else Cid(one),
            None if other is None else Cid(other),
        )
        for name, one, other in unlike
    ]


def _leaves(unlike: list[Unlike]) -> int:
    """Return how many come first of which no side has a block to look into."""
    for count, (_name, one, other) in enumerate(unlike):
        if (one is not None and one[:2] != _RAW) or (other is not None and other[:2] != _RAW):
            return count
    return len(unlike)


def check_depth(path: tuple[str, ...]) -> None:
    """Raise `LimitExceeded` for a path of too many names."""
    if len(path) > MAX_DEPTH:
        what = f"depth of the tree below {path[0]!r}"
        raise LimitExceeded(what, MAX_DEPTH, len(path), "names")


def side_by_side(
    old: Cid | None, new: Cid | None
) -> Lookup[tuple[Opened | None, Opened | None, list[Unlike]]]:
    """Read what two CIDs are the roots of; return both as `opened` does, and the names that differ.

    These come in byte order.
    """
    was: Opened | None
    now: Opened | None
    if old is None and new is not None and new.codec == DAG_PB:
        block = yield from need(new)
        if (whole := _whole(block)) is not None:
            now, held = whole
            return None, now, [Unlike(name, None, cid) for name, cid in held]
        was, now = None, Opened.of(block)
    elif new is None and old is not None and old.codec == DAG_PB:
        block = yield from need(old)
        if (whole := _whole(block)) is not None:
            was, held = whole
            return was, None, [Unlike(name, cid, None) for name, cid in held]
        was, now = Opened.of(block), None
    elif old is None or new is None or old.codec != DAG_PB or new.codec != DAG_PB:
        was, now = (yield from opened(old)), (yield from opened(new))
    else:
        one, other = (yield from need(old, (new,))), (yield from need(new))
        quick = dag_pb_pair.unlike(one.data, other.data)
        if quick is not None:
            unlike, data = quick
            with suppress(Malformed):  # said below, with the block's name
                message = unixfs_pb.decode(data)
                if message.type == unixfs_pb.DIRECTORY:
                    return Opened(one, message, None), Opened(other, message, None), unlike
        was, now = Opened.of(one), Opened.of(other)
    if was is None and now is None:
        return None, None, []
    rows: list[Row] = yield from gather(differing((was, now), _equal))
    rows.sort()
    return was, now, [Unlike(name, a and a.cid, b and b.cid) for name, (a, b) in rows]


def _whole(block: Block) -> tuple[Opened, list[tuple[bytes, bytes]]] | None:
    """Return a basic directory in the usual form, and all that it holds; None for others."""
    quick = dag_pb_pair.held(block.data)
    if quick is not None:
        held, data = quick
        with suppress(Malformed):  # said by whoever reads it otherwise
            message = unixfs_pb.decode(data)
            if message.type == unixfs_pb.DIRECTORY:
                return Opened(block, message, None), held
    return None


def _equal(keys: Keys) -> bool:
    return keys[0] == keys[1]
