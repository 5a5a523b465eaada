"""Blocks of a scope: the fewest that prove it, against a model that looks at every leaf."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import gather, run, stream
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.memory import MemoryStore
from jiaozi_node.unixfs import blocks
from jiaozi_node.unixfs.add import add_bytes
from jiaozi_node.unixfs.profile import named
from jiaozi_node.unixfs.read import file_bytes, read
from jiaozi_node.unixfs.scope import Bytes, Scope, terminus

PROFILE = replace(named("unixfs-v1-2025"), name="tiny", chunk_size=7, file_width=3)
bounds = st.integers(-90, 90)


def stored(data: bytes, raw: bool, layout: str) -> tuple[MemoryStore, Cid]:
    store = MemoryStore()
    made, node = add_bytes(data, replace(PROFILE, raw_leaves=raw, layout=layout))
    with store.writer() as writer:
        writer.put(made)
    return store, node.cid


def naive(store: MemoryStore, cid: Cid, first: int, last: int, at: int = 0) -> list[Cid]:
    """Return the blocks below *cid*, itself too, that hold any of the bytes *first* … *last*.

    *at* is where the node begins. Every block of the file is looked at.
    """
    block = store.get(cid)
    parsed = blocks.parse(block)
    here = [cid] if at <= last and first < at + file_bytes(cid, parsed) else []
    at += len(parsed.raw if parsed.raw is not None else parsed.message.data or b"")
    for link, size in zip(parsed.links, parsed.message.block_sizes, strict=True):
        here += naive(store, Cid(link[0]), first, last, at)
        at += size
    return here


@given(st.binary(max_size=80), bounds, st.none() | bounds, st.booleans(),
       st.sampled_from(["balanced", "trickle"]))  # fmt: skip
def test_a_range_takes_the_blocks_that_hold_its_bytes(
    data: bytes, first: int, last: int | None, raw: bool, layout: str
) -> None:
    store, root = stored(data, raw, layout)
    span = Bytes(first, last)
    got = [block.cid for block in stream(terminus(root, Scope.ENTITY, span, None), store.get)]
    size = len(data)
    begin = max(0, size + first) if first < 0 else first
    end = size - 1 if last is None else (size + last if last < 0 else min(last, size - 1))
    assert got[0] == root
    assert got[1:] == ([] if begin > end else naive(store, root, begin, end)[1:])
    offset, length = span.within(size)
    asked = store_of(store, got)
    assert b"".join(stream(read(root, offset, length), asked.get)) == data[begin : end + 1]


def store_of(store: MemoryStore, cids: list[Cid]) -> MemoryStore:
    """Return a store of these blocks alone."""
    out = MemoryStore()
    with out.writer() as writer:
        writer.put([store.get(cid) for cid in cids])
    return out


@given(st.binary(max_size=80), st.booleans(), st.sampled_from(["balanced", "trickle"]))
def test_all_of_a_file_is_its_entity(data: bytes, raw: bool, layout: str) -> None:
    store, root = stored(data, raw, layout)
    for sent in (True, False):
        each = [
            run(gather(terminus(root, kind, None, set() if sent else None)), store.get)
            for kind in (Scope.ENTITY, Scope.ALL)
        ]
        assert each[0] == each[1]
        cids = [block.cid for block in each[0]]
        assert cids[0] == root
        if sent:
            assert len(cids) == len(set(cids))


def test_a_block_that_was_sent_on_the_way_does_not_come_again() -> None:
    block = Block.of(b"end")
    store = MemoryStore()
    with store.writer() as writer:
        writer.put([block])
    for sent, times in ((None, 1), ({block.cid.raw}, 0)):
        got = run(gather(terminus(block.cid, Scope.ALL, None, sent)), store.get)
        assert got == [block] * times
