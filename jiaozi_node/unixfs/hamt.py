"""HAMTs: directories sharded over many blocks by the murmur3 hash of the names.

A shard has up to *fanout* slots. A slot holds an entry, linked under slot and name, or where
several names meet a deeper shard, linked under the slot alone. Which slots are taken says a
big-endian bit field without leading zero bytes. Slots are counted by log2(fanout) bits of the hash
per level, high bits first. Nothing a block declares is trusted: see `Shard.parse`.
https://specs.ipfs.tech/unixfs/ (HAMTDirectory)
"""

from typing import Final, NamedTuple

import mmh3

from jiaozi_node.errors import LimitExceeded, Malformed, Refused
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.dag_pb import RawLink
from jiaozi_node.formats.unixfs_pb import UnixFs
from jiaozi_node.unixfs.fanout import MAX_FANOUT, MIN_FANOUT, is_fanout

MURMUR3: Final = 0x22
HASH_BITS: Final = 64


class Value(NamedTuple):
    """An entry of a directory: the bytes of its name, the raw CID, and Tsize. Sorts by name."""

    name: bytes
    cid: bytes
    tsize: int


class MalformedShard(Malformed):
    """A block of a sharded directory that breaks a rule."""

    def __init__(self, why: str) -> None:
        super().__init__(f"invalid directory shard: {why}")


class TooDeep(Refused):
    """Names whose hashes agree in all bits a HAMT can use."""

    def __init__(self) -> None:
        super().__init__("sharded directory too deep: two names have the same hash")


def name_hash(name: bytes) -> int:
    """Return murmur3-x64-64 of *name* as a number; the first slot is in its highest bits."""
    first: int = mmh3.mmh3_x64_128_utupledigest(name)[0]  # hash64's flags fail when positional
    return first


class Shape(NamedTuple):
    """What follows from a fanout: bits per level, and how slots are written before names."""

    fanout: int
    bits: int
    prefixes: tuple[bytes, ...]
    width: int

    def slot(self, hashed: int, level: int) -> int:
        """Return the slot at *level*, the root's being 0; raises `TooDeep` beyond the hash."""
        shift = HASH_BITS - self.bits * (level + 1)
        if shift < 0:
            raise TooDeep
        return hashed >> shift & self.fanout - 1

    @property
    def max_depth(self) -> int:
        """The number of levels a hash is good for."""
        return HASH_BITS // self.bits


_SHAPES: dict[int, Shape] = {}


def shape(fanout: int) -> Shape:
    """Return the shape of *fanout*; raises `MalformedShard` unless it may be one."""
    found = _SHAPES.get(fanout)
    if found is None:
        if fanout > MAX_FANOUT:
            raise LimitExceeded("HAMT fanout", MAX_FANOUT, fanout, "slots")
        if not is_fanout(fanout):
            raise MalformedShard(f"fanout {fanout} is not a power of 2 from {MIN_FANOUT} up")
        width = len(f"{fanout - 1:X}")
        prefixes = tuple([f"{slot:0{width}X}".encode("ascii") for slot in range(fanout)])
        found = _SHAPES[fanout] = Shape(fanout, fanout.bit_length() - 1, prefixes, width)
    return found


class Shard(NamedTuple):
    """A shard that was checked: its links in order of the slots they stand in."""

    form: Shape
    links: list[RawLink]
    slots: list[int]

    @staticmethod
    def parse(links: list[RawLink], message: UnixFs, parent: Shape | None = None) -> "Shard":
        """Check a shard's links against its bit field; *parent* is its parent's shape.

        Raises `MalformedShard`, or `LimitExceeded` for a fanout over 1,024. Afterwards there is one
        link per set bit, in order, under the prefix of its slot.
        """
        if message.type != unixfs_pb.HAMT_SHARD:
            raise MalformedShard(f"a {unixfs_pb.KINDS[message.type]} stands where a shard must")
        if message.hash_type != MURMUR3:
            raise MalformedShard(f"hash function {message.hash_type} is not murmur3")
        form = shape(message.fanout or 0)
        if parent is not None and form is not parent:
            raise MalformedShard(f"fanout {form.fanout} below a shard of {parent.fanout}")
        bits = message.data or b""
        if len(bits) > form.fanout // 8:
            raise MalformedShard(f"bit field of {len(bits)} bytes for {form.fanout} slots")
        bitfield = int.from_bytes(bits, "big")
        if bitfield.bit_count() != len(links):
            raise MalformedShard(f"{bitfield.bit_count()} slots taken by {len(links)} links")
        if parent is not None and not links:
            raise MalformedShard("an empty shard below another")
        slots: list[int] = []
        width, prefixes = form.width, form.prefixes
        for _cid, name, _tsize in links:
            lowest = bitfield & -bitfield
            bitfield ^= lowest
            slot = lowest.bit_length() - 1
            if name is None or name[:width] != prefixes[slot]:
                raise MalformedShard(f"link {name!r} stands in slot {slot}")
            slots.append(slot)
        return Shard(form, links, slots)

    def find(self, slot: int) -> RawLink | None:
        """Return the link in *slot*, if it is taken."""
        try:
            return self.links[self.slots.index(slot)]
        except ValueError:
            return None


def value_of(link: RawLink, form: Shape, hashed_path: int, level: int) -> Value | None:
    """Return the entry behind *link*, or None when it links a deeper shard.

    *hashed_path* are the slots on the way, *level* how many: the name must hash that way, which
    also keeps one shard from being linked from many slots to multiply entries.
    """
    cid, name, tsize = link
    if name is None or len(name) == form.width:
        return None
    name = name[form.width :]
    if name_hash(name) >> HASH_BITS - form.bits * level != hashed_path:
        raise MalformedShard(f"entry {name!r} doesn't hash to where it stands")
    return Value(name, cid, tsize or 0)
