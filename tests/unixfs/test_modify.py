"""Writing into files: what is read is what bytes would hold; only what is touched is read."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_PB, Cid
from jiaozi_node.unixfs import blocks, modify
from jiaozi_node.unixfs.add import FileBuilder
from jiaozi_node.unixfs.chunk import Rolling
from jiaozi_node.unixfs.modify import Modifier
from jiaozi_node.unixfs.node import Node
from jiaozi_node.unixfs.profile import PROFILES, Profile
from jiaozi_node.unixfs.recipes import Recipes
from tests.blocks import Blocks

KUBO = PROFILES["kubo"]
SMALL = replace(KUBO, name="small", chunk_size=5)
RAW = replace(SMALL, name="raw", cid_version=1, raw_leaves=True)
NOW = (1_700_000_000, 5)

# An act: truncate first, the offset, what is written.
ACTS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 3000), st.binary(max_size=3000)), max_size=6
)


def now() -> tuple[int, int]:
    return NOW


def modified(
    store: Blocks, root: Cid, profile: Profile, offset: int, data: bytes, *, truncate: bool = False
) -> Node:
    modifier = Modifier(
        block_of(store, root), Recipes(profile), raw_leaves=root.version > 0, now=now
    )
    if truncate:
        store.kept(modifier.truncate())
    store.kept(modifier.seek(offset))
    if data:
        store.kept(modifier.write(data))
    return store.kept(modifier.finish())


def block_of(store: Blocks, cid: Cid) -> Block:
    return Block(cid, cid.inline) if cid.inline is not None else store.get(cid)


def added(store: Blocks, data: bytes, profile: Profile) -> Node:
    builder = FileBuilder(profile)
    store.put(builder.feed(data))
    made, node = builder.end()
    store.put(made)
    return node


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([SMALL, RAW]), st.binary(max_size=2000), ACTS)
def test_a_file_that_was_written_to_holds_what_bytes_would(
    profile: Profile, first: bytes, acts: list[tuple[bool, int, bytes]]
) -> None:
    store = Blocks()
    root = added(store, first, replace(profile, file_width=4)).cid
    model = bytearray(first)
    for truncate, offset, data in acts:
        node = modified(store, root, profile, offset, data, truncate=truncate)
        if truncate:
            model.clear()
        model += bytes(max(offset - len(model), 0))
        model[offset : offset + len(data)] = data
        root = node.cid
        assert store.content(root) == model
        assert node.file_bytes == len(model)
        assert blocks.parse(block_of(store, root)).message.type == unixfs_pb.FILE


def test_only_the_leaves_touched_are_read() -> None:
    store = Blocks()
    root = added(store, bytes(5 * 170), SMALL).cid
    store.asked.clear()
    modified(store, root, SMALL, 12, b"abc")
    assert len(store.asked) == 2
    store.asked.clear()
    modified(store, root, SMALL, 5 * 170, b"abcdefgh")
    assert len(store.asked) == 1


@pytest.mark.parametrize(
    (
        "step",
        "root",
    ),  # of Kubo 0.43: ``files write`` of 5,120 bytes with Import.UnixFSChunker size-5
    [
        (5120, "QmbFjMBjiWwkFgDpXBgB4bwnadw6bjzLrLZ2wgmmX3dXur"),
        (500, "QmbEm8M3LXPUB3LTjYHjQJZ6N5p19Zxt5DHhB9XHqZA1jv"),
        (1233, "QmRiR1s4PbJ8hM8DHGMEvwgBy6mMEm9dtchFmAYW7NNXSc"),
    ],
)
def test_appends_give_the_trees_that_kubo_gives(step: int, root: str) -> None:
    store = Blocks()
    block, node = modify.empty_file(SMALL)
    assert block is not None
    store.put([block])
    data = bytes(range(256)) * 20
    cid = node.cid
    for at in range(0, len(data), step):
        cid = modified(store, cid, SMALL, at, data[at : at + step]).cid
    assert str(cid) == root
    assert store.content(cid) == data


def test_a_hole_is_zeros_of_which_one_block_is_kept() -> None:
    store = Blocks()
    block, node = modify.empty_file(KUBO)
    assert block is not None
    store.put([block])
    root = modified(store, node.cid, KUBO, 4096 * 300, b"end").cid
    assert store.content(root, 4096 * 299) == bytes(4096) + b"end"
    assert len(store.held) < 20
    with pytest.raises(LimitExceeded, match="hole before a write"):
        modified(store, root, KUBO, modify.MAX_HOLE_BYTES + 4096 * 301, b"x")


def test_bytes_beside_children_are_written_where_they_are_read() -> None:
    store = Blocks()
    root = added(store, b"hello", KUBO).cid  # one node with the bytes in it
    root = modified(store, root, KUBO, 5, b" world").cid
    assert blocks.parse(store.get(root)).message.data == b"hello"
    root = modified(store, root, KUBO, 3, b"LO WO").cid
    assert store.content(root) == b"helLO WOrld"
    root = modified(store, root, KUBO, 0, b"", truncate=True).cid
    assert store.content(root) == b""


def test_what_is_cut_by_content_is_appended_so() -> None:
    profile = replace(RAW, chunker=Rolling(128 * 1024, 512 * 1024), chunk_size=128 * 1024)
    store = Blocks()
    block, node = modify.empty_file(profile)
    store.put([block] if block is not None else [])
    data = b"".join(number.to_bytes(4, "big") for number in range(300_000))
    root = modified(store, node.cid, profile, 0, data).cid
    assert store.content(root) == data
    sizes = blocks.parse(store.get(root)).message.block_sizes
    assert all(128 * 1024 <= size <= 512 * 1024 for size in sizes[:-1])


def _with_time(store: Blocks, data: bytes) -> Cid:
    made, node = modify.with_stat(
        store.get(added(store, data, SMALL).cid), Recipes(SMALL), None, (1, 0)
    )
    assert made is not None
    store.put([made])
    return node.cid


@pytest.mark.parametrize(
    ("change", "time"),
    [
        (lambda store, root: modified(store, root, SMALL, 0, b"X"), NOW),
        (lambda store, root: modified(store, root, SMALL, 3, b"more"), NOW),
        (lambda store, root: modified(store, root, SMALL, 0, b"", truncate=True), NOW),
    ],
    ids=["over", "behind", "cut"],
)
def test_a_small_file_with_a_time_gets_the_present_one(
    change: Callable[[Blocks, Cid], Node], time: tuple[int, int]
) -> None:
    store = Blocks()
    root = change(store, _with_time(store, b"abc")).cid
    assert blocks.parse(store.get(root)).message.mtime == time


def test_a_raw_file_that_gets_a_mode_is_wrapped() -> None:
    store = Blocks()
    root = added(store, b"raw", RAW).cid
    made, node = modify.with_stat(store.get(root), Recipes(RAW), 0o644, None)
    assert made is not None
    assert node.cid.version == 0
    assert blocks.parse(made).message == unixfs_pb.UnixFs(unixfs_pb.FILE, b"raw", 3, mode=0o644)


def test_a_lone_raw_leaf_is_the_file() -> None:
    store = Blocks()
    block, node = modify.empty_file(RAW)
    assert block is not None
    store.put([block])
    root = modified(store, node.cid, RAW, 0, b"four").cid
    assert root == added(store, b"four", RAW).cid
    trickle = replace(RAW, layout="trickle")
    wrapped = store.get(added(store, b"four", trickle).cid)
    lone = modify.collapsed(wrapped)
    assert lone is not None
    assert lone.cid == root
    assert modify.collapsed(store.get(root)) is None


def test_a_file_too_deep_is_refused() -> None:
    store = Blocks()
    cid = store.add(b"x", KUBO).cid
    for _ in range(modify.MAX_DEPTH):
        data = dag_pb.encode_links(
            [(cid.raw, b"", 1)],
            unixfs_pb.encode(unixfs_pb.UnixFs(unixfs_pb.FILE, None, 1, (1,))),
        )
        block = Block.of(data, DAG_PB)
        store.put([block])
        cid = block.cid
    with pytest.raises(LimitExceeded, match="depth of a file"):
        modified(store, cid, KUBO, 0, b"y")


def test_a_raw_leaf_where_a_node_must_be_is_refused() -> None:
    store = Blocks()
    wide = replace(RAW, file_width=1024)
    root = added(store, bytes(5 * 400), wide).cid  # 400 leaves, as no trickle DAG has
    with pytest.raises(modify.NotDagPb, match="expected protobuf dag node"):
        modified(store, root, RAW, 5 * 400, b"more")
