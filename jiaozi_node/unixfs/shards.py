"""HAMTs written: the shards of a whole directory, or one shard of links at hand.

What stands in which slot follows from names alone, so entries may come in any order.
"""

from operator import itemgetter

from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.dag_pb import RawLink
from jiaozi_node.formats.unixfs_pb import UnixFs
from jiaozi_node.unixfs.hamt import (
    HASH_BITS,
    MURMUR3,
    Shape,
    TooDeep,
    Value,
    name_hash,
    shape,
)
from jiaozi_node.unixfs.node import Mtime
from jiaozi_node.unixfs.profile import Profile


def build(
    entries: list[Value], profile: Profile, mode: int | None, mtime: Mtime | None
) -> tuple[list[Block], bytes, int]:
    """Make the HAMT of *entries*; return its blocks, the raw CID of its root, and Tsize."""
    form = shape(profile.hamt_fanout)
    hashed = sorted([(name_hash(entry.name), entry) for entry in entries], key=itemgetter(0))
    out: list[Block] = []
    raw, tsize = _build(hashed, 0, form, profile, out, mode, mtime)
    return out, raw, tsize


def _build(
    hashed: list[tuple[int, Value]],
    level: int,
    form: Shape,
    profile: Profile,
    out: list[Block],
    mode: int | None = None,
    mtime: Mtime | None = None,
) -> tuple[bytes, int]:
    """Make the shard of entries sorted by hash; as deep as a hash has levels, 21 at most."""
    links: list[RawLink] = []
    bitfield = 0
    shift = HASH_BITS - form.bits * (level + 1)
    if shift < 0:
        raise TooDeep
    mask, prefixes = form.fanout - 1, form.prefixes
    at, end = 0, len(hashed)
    while at < end:
        upper = hashed[at][0] >> shift
        stop = at + 1
        while stop < end and hashed[stop][0] >> shift == upper:
            stop += 1
        slot = upper & mask
        bitfield |= 1 << slot
        if stop - at == 1:
            name, cid, tsize = hashed[at][1]
            links.append((cid, prefixes[slot] + name, tsize))
        else:
            cid, tsize = _build(hashed[at:stop], level + 1, form, profile, out)
            links.append((cid, prefixes[slot], tsize))
        at = stop
    return seal(links, bitfield, form, profile, out, mode, mtime)


def seal(
    links: list[RawLink],
    bitfield: int,
    form: Shape,
    profile: Profile,
    out: list[Block],
    mode: int | None = None,
    mtime: Mtime | None = None,
) -> tuple[bytes, int]:
    """Make one shard of *links* in order of their slots; return its raw CID and Tsize."""
    bits = bitfield.to_bytes((bitfield.bit_length() + 7) // 8, "big") or None
    message = unixfs_pb.encode(
        UnixFs(
            unixfs_pb.HAMT_SHARD,
            bits,
            hash_type=MURMUR3,
            fanout=form.fanout,
            mode=mode,
            mtime=mtime,
        )
    )
    data = dag_pb.encode_links(links, message)
    raw = profile.seal_pb(data)
    cid = Cid(raw)
    if cid.inline is None:
        out.append(Block(cid, data))
    return raw, len(data) + sum([tsize or 0 for _cid, _name, tsize in links])
