"""Directories read, and what nodes tell of themselves."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import gather, run
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.dag_pb import PbLink, PbNode
from jiaozi_node.formats.unixfs_pb import UnixFs
from jiaozi_node.unixfs import blocks
from jiaozi_node.unixfs.add import DirectoryBuilder, add_bytes, symlink
from jiaozi_node.unixfs.directory import Entry, EntryMissing, entries, lookup
from jiaozi_node.unixfs.profile import named
from jiaozi_node.unixfs.stat import Stat, stat
from tests.blocks import Blocks

V1 = named("unixfs-v1-2025")
NAMES = st.binary(min_size=1, max_size=12).filter(lambda raw: b"/" not in raw)


@given(st.sets(NAMES, max_size=40), st.booleans())
def test_names_of_any_bytes_are_listed_and_found(names: set[bytes], sharded: bool) -> None:
    profile = replace(V1, hamt_threshold=1 if sharded else 0)
    store = Blocks()
    file = store.add(b"x", profile)
    held = {name.decode("utf-8", "surrogateescape"): file for name in names}
    root = store.directory(held, profile)
    found = run(gather(entries(root.cid)), store.get)
    assert {entry.name for entry in found} == set(held)
    if not sharded:
        raw = [entry.name.encode("utf-8", "surrogateescape") for entry in found]
        assert raw == sorted(raw)
    for name in held:
        assert run(lookup(root.cid, name), store.get) == Entry(name, file.cid, 1)
    with pytest.raises(EntryMissing):
        run(lookup(root.cid, "thirteen bytes"), store.get)


def test_of_repeated_names_the_first_is_found() -> None:
    store = Blocks()
    one, two = store.add(b"1", V1).cid, store.add(b"2", V1).cid
    links = (PbLink(one, "a", 1), PbLink(two, "a", 1))
    root = Block.of(dag_pb.encode(PbNode(links, b"\x08\x01")), c.DAG_PB)
    store.put([root])
    assert run(lookup(root.cid, "a"), store.get).cid == one
    assert len(run(gather(entries(root.cid)), store.get)) == 2


def test_only_directories_have_entries() -> None:
    store = Blocks()
    for cid in (
        store.add(b"x", V1).cid,
        store.add(b"x", named("kubo")).cid,
        store.keep(symlink(b"x", V1)).cid,
    ):
        with pytest.raises(blocks.NotADirectory):
            run(gather(entries(cid)), store.get)
        with pytest.raises(blocks.NotADirectory):
            run(lookup(cid, "a"), store.get)


def test_the_empty_directories_everybody_knows() -> None:
    def empty(name: str, inline_limit: int = 0) -> str:
        profile = replace(named(name), inline_limit=inline_limit)
        return str(DirectoryBuilder(profile).end()[1].cid)

    assert empty("kubo") == "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
    assert empty("unixfs-v1-2025") == "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
    assert empty("kubo", 32) == "bafyaabakaieac"


def told(cid: Cid, store: Blocks) -> Stat:
    return run(stat(cid), store.get)


def test_stat_of_everything() -> None:
    store = Blocks()
    profile = named("kubo+mode+mtime")
    file = store.keep(add_bytes(b"abc", profile, 0o100644, (5, 6)))
    got = told(file.cid, store)
    assert (got.kind, got.file_bytes, got.mode, got.mtime) == ("file", 3, 0o644, (5, 6))
    assert (got.tsize, got.blocks, got.type) == (file.tsize, 0, unixfs_pb.FILE)

    raw = store.add(b"abc", V1)
    got = told(raw.cid, store)
    assert (got.kind, got.file_bytes, got.tsize, got.mode) == ("file", 3, 3, None)

    link = store.keep(symlink(b"../\xff", V1, (-1, 0)))
    got = told(link.cid, store)
    assert (got.kind, got.file_bytes, got.target, got.mtime) == ("symlink", 4, b"../\xff", (-1, 0))

    directory = store.directory({"a": file, "b": link}, profile)
    got = told(directory.cid, store)
    assert (got.kind, got.file_bytes, got.blocks, got.sharded) == ("directory", 0, 2, False)
    assert got.tsize == directory.tsize

    sharded = store.directory({"a": file, "b": link}, replace(profile, hamt_threshold=1))
    got = told(sharded.cid, store)
    assert (got.kind, got.sharded, got.type) == ("directory", True, unixfs_pb.HAMT_SHARD)
    assert got.tsize == sharded.tsize


def test_stat_of_what_is_not_unixfs() -> None:
    store = Blocks()
    linked = PbNode(
        (PbLink(store.add(b"x", V1).cid, "a", 1),),
        unixfs_pb.encode(UnixFs(unixfs_pb.SYMLINK, b"t")),
    )
    for data, codec in [
        (b"\xa0", c.DAG_CBOR),
        (b"", c.DAG_PB),
        (dag_pb.encode(linked), c.DAG_PB),
    ]:
        block = Block.of(data, codec)
        store.put([block])
        with pytest.raises(blocks.NotUnixFs):
            told(block.cid, store)


def test_inlined_nodes_need_no_store() -> None:
    profile = replace(V1, inline_limit=128)
    _blocks, node = add_bytes(b"hi", profile)
    assert told(node.cid, Blocks()).file_bytes == 2
