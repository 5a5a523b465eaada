"""Sharded directories: thresholds, depth, and shards made by an enemy."""

import random
from dataclasses import replace

import pytest

from jiaozi_node.dag.walk import gather, run
from jiaozi_node.errors import JiaoziError, Malformed
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.dag_pb import RawLink
from jiaozi_node.formats.unixfs_pb import UnixFs
from jiaozi_node.unixfs import hamt
from jiaozi_node.unixfs.add import Node
from jiaozi_node.unixfs.directory import EntryMissing, entries, lookup
from jiaozi_node.unixfs.edit import edit
from jiaozi_node.unixfs.profile import Profile, named
from jiaozi_node.unixfs.stat import stat
from tests.blocks import Blocks

V1 = named("unixfs-v1-2025")
SHARDED = replace(V1, hamt_threshold=1, size_estimator="links")
FILE = Block.of(b"x")


def many(count: int, profile: Profile, store: Blocks) -> Node:
    file = store.add(b"x", profile)
    return store.directory({f"entry-{at}": file for at in range(count)}, profile)


@pytest.mark.parametrize("fanout", [8, 16, 32, 64, 128, 256, 512, 1024])
def test_what_went_in_is_found(fanout: int) -> None:
    store = Blocks()
    root = many(500, replace(SHARDED, hamt_fanout=fanout), store)
    found = run(gather(entries(root.cid)), store.get)
    assert {entry.name for entry in found} == {f"entry-{at}" for at in range(500)}
    for at in (0, 7, 499):
        assert run(lookup(root.cid, f"entry-{at}"), store.get).cid == FILE.cid
    for name in ("entry-500", "", "00", "\udcff", "\ud800"):
        with pytest.raises(EntryMissing):
            run(lookup(root.cid, name), store.get)


def test_a_lookup_reads_the_way_only() -> None:
    store = Blocks()
    root = many(5000, SHARDED, store)
    store.asked.clear()
    run(lookup(root.cid, "entry-4711"), store.get)
    assert len(store.asked) <= 3


@pytest.mark.parametrize(("size", "sharded"), [(262144, False), (262145, True)])
def test_exactly_at_the_threshold_it_stays_basic(size: int, sharded: bool) -> None:
    """The estimate of links: names and CIDs of 36 bytes."""
    store = Blocks()
    profile = replace(V1, size_estimator="links")
    file = store.add(b"x", profile)
    names = [f"{at:064}" for at in range(2600)]
    rest = size - 2600 * 100
    count, last = divmod(rest, 200)
    names += ["n" * 160 + f"{at:04}" for at in range(count)]
    names.append("z" * (last - 36))
    assert sum(len(name) + 36 for name in names) == size
    root = store.directory(dict.fromkeys(names, file), profile)
    assert run(stat(root.cid), store.get).sharded == sharded


def test_too_many_levels_are_refused() -> None:
    """Two names of one hash can't be in one HAMT. These collide in all 64 bits by construction."""
    form = hamt.shape(256)
    with pytest.raises(hamt.TooDeep):
        form.slot(1, 8)
    assert hamt.shape(8).max_depth == 21
    with pytest.raises(hamt.TooDeep):
        hamt.shape(8).slot(1, 21)


def shard(
    links: list[RawLink],
    bits: bytes | None,
    fanout: int | None = 256,
    hash_type: int | None = hamt.MURMUR3,
    kind: int = unixfs_pb.HAMT_SHARD,
) -> Block:
    """Make a shard that says whatever it is told to."""
    message = unixfs_pb.encode(UnixFs(kind, bits, hash_type=hash_type, fanout=fanout))
    return Block.of(dag_pb.encode_links(links, message), c.DAG_PB)


def standing(name: bytes, fanout: int = 256, level: int = 0) -> tuple[RawLink, bytes]:
    """Return the link of *name* where it belongs at *level*, and the bit field of it alone."""
    form = hamt.shape(fanout)
    slot = form.slot(hamt.name_hash(name), level)
    bits = (1 << slot).to_bytes(fanout // 8, "big").lstrip(b"\0")
    return (FILE.cid.raw, form.prefixes[slot] + name, 1), bits


LINK, BITS = standing(b"a")
SLOT = LINK[1] or b""
WRONG = (LINK[0], b"00" + SLOT[2:], 1)
SUB = (FILE.cid.raw, SLOT[:2], 1)

REFUSED = {
    "fanout missing": shard([LINK], BITS, None),
    "fanout 0": shard([], None, 0),
    "fanout 4": shard([], None, 4),
    "fanout 12": shard([], None, 12),
    "fanout 2048": shard([LINK], BITS, 2048),
    "fanout 2**63": shard([LINK], BITS, 1 << 63),
    "hash function sha2-256": shard([LINK], BITS, hash_type=0x12),
    "hash function missing": shard([LINK], BITS, hash_type=None),
    "bit field too long": shard([LINK], b"\0" * 32 + BITS),
    "bit field of 1 MiB": shard([LINK], bytes(1 << 20) + BITS),
    "more bits than links": shard([LINK], b"\xff" * 32),
    "more links than bits": shard([LINK, LINK], BITS),
    "links and no bits": shard([LINK], None),
    "bits and no links": shard([], BITS),
    "link in the wrong slot": shard([WRONG], BITS),
    "link without a prefix": shard([(LINK[0], b"a", 1)], BITS),
    "link without a name": shard([(LINK[0], None, 1)], BITS),
    "prefix in lower case": shard([(LINK[0], SLOT.lower(), 1)], BITS)
    if SLOT[:2] != SLOT[:2].lower()
    else shard([(LINK[0], b"8" + SLOT, 1)], BITS),
    "prefix too wide": shard([(LINK[0], b"0" + SLOT, 1)], BITS),
    "name hashed to another slot": shard([(LINK[0], b"00zzz", 1)], b"\x01"),
    "a raw block for a shard": shard([SUB], BITS),
    "a CID that isn't one": shard([(b"\x01\x02", SLOT, 1)], BITS),
}


@pytest.mark.parametrize("rule", REFUSED)
def test_bad_shards_are_refused(rule: str) -> None:
    store = Blocks()
    store.put([REFUSED[rule], FILE])
    root = REFUSED[rule].cid
    with pytest.raises(Malformed):
        run(gather(entries(root)), store.get)
    with pytest.raises((Malformed, EntryMissing)):
        run(lookup(root, "a"), store.get)
    assert len(store.asked) <= 4


def test_a_child_with_another_fanout_is_refused() -> None:
    link, bits = standing(b"a", 16, 1)
    child = shard([link], bits, 16)
    top = shard([(child.cid.raw, SLOT[:2], 1)], BITS)
    store = Blocks()
    store.put([top, child])
    with pytest.raises(hamt.MalformedShard, match="fanout"):
        run(gather(entries(top.cid)), store.get)
    with pytest.raises(hamt.MalformedShard, match="fanout"):
        run(lookup(top.cid, "a"), store.get)


def test_an_empty_child_is_refused() -> None:
    child = shard([], None)
    top = shard([(child.cid.raw, SLOT[:2], 1)], BITS)
    store = Blocks()
    store.put([top, child])
    with pytest.raises(hamt.MalformedShard, match="empty"):
        run(gather(entries(top.cid)), store.get)


def test_a_bomb_of_shards_raises_at_its_first_entry() -> None:
    """One shard under all 256 slots of one under all 256 …: 256**7 entries, were they believed."""
    store = Blocks()
    link, bits = standing(b"a", level=7)
    bottom = shard([link], bits)
    store.put([bottom])
    for _level in range(7):
        links: list[RawLink] = [(bottom.cid.raw, prefix, 1) for prefix in hamt.shape(256).prefixes]
        bottom = shard(links, b"\xff" * 32)
        store.put([bottom])
    with pytest.raises(hamt.MalformedShard, match="hash"):
        run(gather(entries(bottom.cid)), store.get)
    assert len(store.asked) <= 8


def test_shards_deeper_than_the_hash_are_refused() -> None:
    store = Blocks()
    name = b"a"
    hashed = hamt.name_hash(name)
    form = hamt.shape(256)
    below = shard([standing(name, level=7)[0]], standing(name, level=7)[1])
    store.put([below])
    # Eight levels down the hash is used up; a ninth has no bits to stand on.
    for level in (7, 6, 5, 4, 3, 2, 1, 0):
        slot = form.slot(hashed, level)
        bits = (1 << slot).to_bytes(32, "big").lstrip(b"\0")
        below = shard([(below.cid.raw, form.prefixes[slot], 1)], bits)
        store.put([below])
    with pytest.raises(hamt.MalformedShard, match="deeper"):
        run(gather(entries(below.cid)), store.get)
    with pytest.raises((EntryMissing, hamt.MalformedShard)):
        run(lookup(below.cid, "a"), store.get)
    with pytest.raises(hamt.MalformedShard, match="deeper"):
        store.edited(edit(below.cid, {("a",): None}, SHARDED))


def test_mutants_are_refused_or_whole() -> None:
    """1,000 shards with bytes changed, from a seed: an error of one line, or entries which all
    stand where their names hash; no more blocks are asked for than the tree has."""
    chance = random.Random(499)
    store = Blocks()
    many(300, SHARDED, store)
    shards = [block for block in store.held.values() if block.cid.codec == c.DAG_PB]
    said: list[str] = []
    for _turn in range(1000):
        victim = bytearray(chance.choice(shards).data)
        match chance.randrange(3):
            case 0:
                victim[chance.randrange(len(victim))] ^= 1 << chance.randrange(8)
            case 1:
                del victim[chance.randrange(len(victim)) :]
            case _:
                at = chance.randrange(len(victim))
                victim[at : at + chance.randrange(9)] = chance.randbytes(chance.randrange(9))
        mutant = Block.of(bytes(victim), c.DAG_PB)
        store.put([mutant])
        for walk in (gather(entries(mutant.cid)), edit(mutant.cid, {}, SHARDED)):
            store.asked.clear()
            try:
                store.kept(walk)
            except JiaoziError as fault:
                said.append(str(fault))
            assert len(store.asked) <= len(shards)
    assert len(said) > 1000
    assert not any("\n" in text for text in said)
