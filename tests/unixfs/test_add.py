"""Importing: however the bytes come, the CID is one; memory doesn't grow with the file."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.formats import cid as c
from jiaozi_node.unixfs import add as unixfs_add
from jiaozi_node.unixfs.add import FileBuilder, Importer, Node, add_bytes, leaf, symlink
from jiaozi_node.unixfs.build import BadEntryName
from jiaozi_node.unixfs.profile import Profile, named
from tests.blocks import Blocks

TINY = replace(named("unixfs-v1-2025"), name="tiny", chunk_size=10, file_width=3)


def tiny_profiles() -> st.SearchStrategy[Profile]:
    return st.builds(
        lambda layout, width, chunk, raw, version, inline: replace(
            TINY,
            layout=layout,
            file_width=width,
            chunk_size=chunk,
            raw_leaves=raw,
            cid_version=version,
            inline_limit=inline,
        ),
        st.sampled_from(["balanced", "trickle"]),
        st.integers(2, 4),
        st.integers(1, 12),
        st.booleans(),
        st.sampled_from([0, 1]),
        st.sampled_from([0, 0, 5, 40]),
    )


@given(
    tiny_profiles(),
    st.lists(st.binary(max_size=40), max_size=12),
    st.none() | st.integers(0, 0o7777),
    st.none() | st.tuples(st.integers(-(2**40), 2**40), st.integers(0, 999_999_999)),
)
def test_pieces_don_t_show_in_the_cid(
    profile: Profile, pieces: list[bytes], mode: int | None, mtime: tuple[int, int] | None
) -> None:
    if mode or mtime is not None:
        profile = replace(profile, raw_leaves=False)
    whole = b"".join(pieces)
    store = Blocks()
    expected = store.keep(add_bytes(whole, profile, mode, mtime))
    assert store.content(expected.cid) == whole
    assert expected.file_bytes == len(whole)

    for keep in (True, False):
        builder = FileBuilder(profile, mode, mtime, keep)
        blocks = []
        for piece in pieces:
            buffer = bytearray(piece)
            blocks += builder.feed(memoryview(buffer))
            buffer[:] = bytes(len(buffer))  # what was fed may be reused
        more, node = builder.end()
        assert node == expected
        assert {block.cid for block in blocks + more} == (set(store.held) if keep else set())


@given(tiny_profiles(), st.binary(max_size=200))
def test_leaves_hashed_elsewhere_give_the_same_file(profile: Profile, data: bytes) -> None:
    store = Blocks()
    expected = store.keep(add_bytes(data, profile))
    for keep in (True, False):
        builder = FileBuilder(profile, keep=keep)
        blocks = []
        for at in range(0, len(data), profile.chunk_size):
            chunk = memoryview(data)[at : at + profile.chunk_size]
            blocks += builder.push_leaf(leaf(profile, chunk, keep))
        more, node = builder.end()
        assert node == expected
        assert {block.cid for block in blocks + more} == (set(store.held) if keep else set())


@pytest.mark.parametrize("size", [1, 127, 128, 4096, 0x3EFF, 0x3F00, 0x3FFF, 0x4000, 262144])
@pytest.mark.parametrize("name", ["unixfs-v0-2015", "unixfs-v1-2025"])
def test_the_short_way_of_small_files_is_the_long_one(name: str, size: int) -> None:
    """Lengths of one, two and three bytes: the framing of a leaf is written in two places."""
    data = bytes(size)
    builder = FileBuilder(named(name))
    blocks = builder.feed(data)
    more, node = builder.end()
    assert add_bytes(data, named(name)) == (blocks + more, node)


def test_a_pool_may_hash_the_leaves() -> None:
    profile = named("unixfs-v0-2015")
    data = bytes(range(256)) * 8192
    chunks = [data[at : at + profile.chunk_size] for at in range(0, len(data), profile.chunk_size)]
    builder = FileBuilder(profile)
    with ThreadPoolExecutor(2) as pool:
        for made in pool.map(lambda chunk: leaf(profile, chunk), chunks):
            builder.push_leaf(made)
    assert builder.end()[1] == add_bytes(data, profile)[1]


def test_leaves_can_t_be_mixed_with_bytes() -> None:
    builder = FileBuilder(TINY)
    builder.feed(b"abc")
    with pytest.raises(Misuse):
        builder.push_leaf(leaf(TINY, b"0123456789"))


@given(st.binary(max_size=300), tiny_profiles(), st.integers(0, 320), st.integers(0, 320))
def test_a_range_is_a_slice(data: bytes, profile: Profile, offset: int, length: int) -> None:
    store = Blocks()
    node = store.keep(add_bytes(data, profile))
    assert store.content(node.cid, offset, length) == data[offset : offset + length]
    assert store.content(node.cid, offset) == data[offset:]


@pytest.mark.parametrize("layout", ["balanced", "trickle"])
def test_memory_stays_flat(layout: str) -> None:
    """A file of 64 MiB in chunks of 4 KiB: 16,384 leaves, of which a spine is kept."""
    profile = replace(named("unixfs-v0-2015"), layout=layout, chunk_size=4096)
    piece = bytes(1 << 20)
    builder = FileBuilder(profile)
    tracemalloc.start()
    try:
        for _turn in range(64):
            builder.feed(piece)
        builder.end()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


def test_tsize_counts_every_link() -> None:
    """Twice the same leaf: the block is stored once and weighed twice, as dag-pb wants it."""
    store = Blocks()
    node = store.keep(add_bytes(b"0123456789" * 2, TINY))
    root = store.held[node.cid]
    assert len(store.held) == 2
    assert node.tsize == len(root.data) + 20


def test_raw_leaves_take_no_mode() -> None:
    with pytest.raises(Misuse, match="raw leaves"):
        add_bytes(b"x", TINY, mode=0o644)
    assert add_bytes(b"x", TINY, mode=0)[1].cid.codec == c.RAW  # no mode, as Kubo sees it


def test_mode_keeps_twelve_bits() -> None:
    profile = named("unixfs-v1-2025+mode")
    assert add_bytes(b"x", profile, mode=0o104755) == add_bytes(b"x", profile, mode=0o4755)


def test_a_tree_is_pushed_in() -> None:
    store = Blocks()
    importer = Importer(TINY)
    importer.begin_directory("ignored")
    importer.begin_directory("sub")
    importer.begin_file("a")
    store.put(importer.feed(b"0123456789ab"))
    file = store.keep(importer.end())
    link = store.keep(importer.add_symlink("l", b"a"))
    sub = store.keep(importer.end())
    store.keep(importer.add_file("b", b"b"))
    importer.add_node("c", file)
    root = store.keep(importer.end())
    fresh = Blocks()
    expected_sub = fresh.directory({"l": link, "a": file}, TINY)
    assert sub == expected_sub
    assert root == fresh.directory({"sub": sub, "c": file, "b": fresh.add(b"b", TINY)}, TINY)


def test_importer_refuses_what_makes_no_tree() -> None:
    importer = Importer(TINY)
    with pytest.raises(Misuse):
        importer.end()
    importer.begin_directory("")
    with pytest.raises(Misuse):
        importer.feed(b"x")
    importer.begin_file("a")
    with pytest.raises(Misuse):
        importer.begin_file("b")
    importer.end()
    with pytest.raises(BadEntryName, match="already"):
        importer.add_file("a", b"")


@pytest.mark.parametrize("name", ["", "a/b", "/", "\ud800"])
def test_names_no_directory_can_hold(name: str) -> None:
    importer = Importer(TINY)
    importer.begin_directory("")
    with pytest.raises(BadEntryName):
        importer.add_file(name, b"")


def test_target_of_a_symlink_is_bounded() -> None:
    assert symlink(b"x" * unixfs_add.MAX_TARGET_BYTES, TINY)[1].kind == "symlink"
    with pytest.raises(LimitExceeded):
        symlink(b"x" * (unixfs_add.MAX_TARGET_BYTES + 1), TINY)


def test_identity_nodes_have_no_blocks() -> None:
    profile = replace(named("kubo"), inline_limit=32)
    blocks, node = add_bytes(b"hi", profile)
    assert blocks == []
    assert node.cid.inline is not None
    assert node == Node(node.cid, 10, "file", 2)
