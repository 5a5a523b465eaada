"""Reading what an enemy made: sizes that lie, depth, bombs; and only the blocks a range needs."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import Need, run
from jiaozi_node.errors import JiaoziError, LimitExceeded, Malformed, Misuse
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.dag_pb import PbLink, PbNode
from jiaozi_node.formats.unixfs_pb import UnixFs
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs import blocks
from jiaozi_node.unixfs.add import add_bytes, symlink
from jiaozi_node.unixfs.profile import named
from jiaozi_node.unixfs.read import MAX_DEPTH, MAX_FILE_BYTES, leaf_span, read
from jiaozi_node.unixfs.stat import stat
from tests.blocks import Blocks

V1 = named("unixfs-v1-2025")
TINY = replace(V1, chunk_size=10, file_width=3)


def node(
    children: list[Block],
    sizes: list[int],
    file_size: int | None,
    data: bytes | None = None,
    kind: int = unixfs_pb.FILE,
    name: str | None = "",
) -> Block:
    """Make a file block that says whatever it is told to."""
    message = unixfs_pb.encode(UnixFs(kind, data, file_size, tuple(sizes)))
    links = tuple([PbLink(child.cid, name, 1) for child in children])
    return Block.of(dag_pb.encode(PbNode(links, message)), c.DAG_PB)


def store_of(*made: Block) -> Blocks:
    store = Blocks()
    store.put(made)
    return store


LEAF = Block.of(b"0123456789")


def test_a_range_asks_for_its_blocks_only() -> None:
    """The blocks before, between and behind it may be missing."""
    store = Blocks()
    data = bytes(range(200))
    root = store.keep(add_bytes(data, TINY))
    for offset, length, most in [(0, 1, 4), (95, 10, 6), (199, 1, 4), (200, 5, 1), (50, 0, 1)]:
        store.asked.clear()
        assert store.content(root.cid, offset, length) == data[offset : offset + length]
        assert len(store.asked) <= most
    first = Block.of(data[:10])
    del store.held[first.cid]
    assert store.content(root.cid, 10) == data[10:]
    with pytest.raises(BlockMissing):
        store.content(root.cid)


def test_needs_name_what_comes_next() -> None:
    store = Blocks()
    root = store.keep(add_bytes(bytes(range(30)), TINY))
    walk = read(root.cid)
    step = next(walk)
    needs = []
    try:
        while True:
            if isinstance(step, Need):
                needs.append(step)
                step = walk.send(store.get(step.cid))
            else:
                step = next(walk)
    except StopIteration:
        pass
    assert needs[0].soon == ()
    assert [need.cid for need in needs[2:]] == list(needs[1].soon)


@pytest.mark.parametrize("bad", [(-1, None), (0, -1)])
def test_negative_ranges_are_misuse(bad: tuple[int, int | None]) -> None:
    with pytest.raises(Misuse):
        store_of(LEAF).content(LEAF.cid, *bad)


def test_a_bomb_is_told_and_tapped_in_an_instant() -> None:
    """60 blocks, each the one below twice: 10 × 2**59 bytes; reading them all takes patience."""
    store = store_of(LEAF)
    top, size = LEAF, 10
    for _level in range(59):
        size *= 2
        top = node([top, top], [size // 2, size // 2], size)
        store.put([top])
    assert run(stat(top.cid), store.get).file_bytes == size
    assert len(store.asked) == 1
    assert store.content(top.cid, size // 2 + 7, 1) == b"7"
    assert store.content(top.cid, size - 1, 5) == b"9"
    assert len(store.asked) == 1 + 2 * 60  # one way down for each
    walk = read(top.cid)
    step = next(walk)
    while isinstance(step, Need):
        step = walk.send(store.get(step.cid))
    assert step == LEAF.data
    walk.close()


def test_depth_is_capped() -> None:
    store = store_of(LEAF)
    top = LEAF
    for _level in range(MAX_DEPTH - 1):
        top = node([top], [10], 10)
        store.put([top])
    assert store.content(top.cid) == LEAF.data
    deeper = node([top], [10], 10)
    store.put([deeper])
    with pytest.raises(LimitExceeded) as caught:
        store.content(deeper.cid)
    assert caught.value.limit == MAX_DEPTH


def test_a_file_is_no_longer_than_an_offset_can_say() -> None:
    top = node([LEAF, LEAF], [MAX_FILE_BYTES, 10], MAX_FILE_BYTES + 10)
    with pytest.raises(LimitExceeded):
        store_of(top, LEAF).content(top.cid)


LIES = {
    "a child shorter than said": node([LEAF], [11], 11),
    "a child longer than said": node([LEAF], [9], 9),
    "a file size that isn't the sum": node([LEAF], [10], 11),
    "a leaf shorter than its file size": node([], [], 5, b"1234"),
    "no sizes for the links": node([LEAF], [], 0),
    "sizes without links": node([], [10], 10),
    "more sizes than links": node([LEAF], [10, 0], 10),
    "a link with a name": node([LEAF], [10], 10, name="part"),
    "a directory among the parts": node([node([], [], None, kind=unixfs_pb.DIRECTORY)], [4], 4),
    "a symlink among the parts": node([node([], [], None, b"t", unixfs_pb.SYMLINK)], [1], 1),
    "a child of dag-cbor": node([Block.of(b"\x01", c.DAG_CBOR)], [1], 1),
    "a child without Data": node([Block.of(b"", c.DAG_PB)], [1], 1),
    "a child that isn't dag-pb": node([Block.of(b"\xff", c.DAG_PB)], [1], 1),
    "a child whose Data isn't UnixFS": node([Block.of(b"\x0a\x01\xff", c.DAG_PB)], [1], 1),
}


@pytest.mark.parametrize("rule", LIES)
def test_lies_are_refused(rule: str) -> None:
    store = store_of(
        LEAF,
        LIES[rule],
        node([], [], None, kind=unixfs_pb.DIRECTORY),
        node([], [], None, b"t", unixfs_pb.SYMLINK),
        Block.of(b"\x01", c.DAG_CBOR),
        Block.of(b"", c.DAG_PB),
        Block.of(b"\xff", c.DAG_PB),
        Block.of(b"\x0a\x01\xff", c.DAG_PB),
    )
    with pytest.raises((Malformed, blocks.IsDirectory)):
        store.content(LIES[rule].cid)


def test_data_before_links_is_read_in_that_order() -> None:
    """No importer makes it any more; the format has it."""
    top = node([LEAF, LEAF], [10, 10], 23, b"abc")
    store = store_of(top, LEAF)
    assert store.content(top.cid) == b"abc" + LEAF.data * 2
    assert store.content(top.cid, 2, 3) == b"c01"


def test_an_absent_file_size_is_the_sum() -> None:
    top = node([LEAF], [10], None)
    assert store_of(top, LEAF).content(top.cid) == LEAF.data


def test_children_without_bytes_are_not_asked_for() -> None:
    empty = node([], [], 0)
    top = node([empty] * 1000 + [LEAF], [0] * 1000 + [10], 10)
    store = store_of(top, LEAF)
    assert store.content(top.cid) == LEAF.data


def test_what_has_no_bytes() -> None:
    store = Blocks()
    directory = store.directory({}, V1)
    with pytest.raises(blocks.IsDirectory):
        store.content(directory.cid)
    link = store.keep(symlink(b"x", V1))
    with pytest.raises(blocks.NotUnixFs):
        store.content(link.cid)


def test_mutants_read_as_declared_or_are_refused() -> None:
    """1,000 files with bytes flipped, from a seed: as many bytes as declared, or an error."""
    chance = random.Random(20250817)
    data = chance.randbytes(300)
    store = Blocks()
    root = store.keep(add_bytes(data, replace(TINY, raw_leaves=False)))
    originals = list(store.held.values())
    said: list[str] = []
    for _turn in range(1000):
        victim = bytearray(chance.choice(originals).data)
        for _flip in range(chance.randrange(1, 4)):
            victim[chance.randrange(len(victim))] = chance.randrange(256)
        mutant = Block.of(
            bytes(victim[: chance.randrange(len(victim) // 2, len(victim) + 1)]), 0x70
        )
        store.put([mutant])
        store.asked.clear()
        try:
            declared = run(stat(mutant.cid), store.get)
            if declared.file_bytes < 100_000:
                assert len(store.content(mutant.cid)) == declared.file_bytes
        except JiaoziError as fault:
            said.append(str(fault))
        assert len(store.asked) <= 2 * len(originals)
    assert len(said) > 300
    assert not any("\n" in text for text in said)
    assert store.content(root.cid) == data


@given(st.binary(max_size=300), st.sampled_from([0, 1, 2, 5]))
def test_a_leaf_taken_the_short_way_is_the_leaf_taken_with_care(content: bytes, kind: int) -> None:
    message = unixfs_pb.encode(UnixFs(kind, data=content or None, file_size=len(content)))
    data = dag_pb.encode(PbNode((), message))
    span = leaf_span(data)
    whole = kind in (unixfs_pb.FILE, unixfs_pb.RAW) and bool(content)
    assert (span is not None) is whole
    if span is not None:
        assert data[span[0] : span[1]] == content


@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_leaf_in_any_other_form_is_never_taken_the_short_way(
    content: bytes, data: st.DataObject
) -> None:
    good = dag_pb.encode(PbNode((), unixfs_pb.encode_file(content, len(content), ())))
    at = data.draw(st.integers(0, len(good) - 1))
    spoiled = good[:at] + bytes((good[at] ^ data.draw(st.integers(1, 255)),)) + good[at + 1 :]
    span = leaf_span(spoiled)
    if span is not None:
        node = dag_pb.decode(spoiled)
        assert node.links == ()
        assert unixfs_pb.decode(node.data or b"").data == spoiled[span[0] : span[1]]
