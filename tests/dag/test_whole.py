"""All that is missing or damaged below roots, by every path, each block looked at once."""

import pytest

from jiaozi_node.dag.whole import MAX_BAD, Wholeness
from jiaozi_node.errors import Corrupt
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, Cid
from jiaozi_node.stores.api import BlockMissing


class Store:
    def __init__(self) -> None:
        self.blocks: dict[Cid, Block] = {}
        self.asked: list[Cid] = []

    def put(self, *links: Cid, label: int = 0) -> Cid:
        block = Block.of(dag_cbor.encode({"l": list(links), "n": label}), DAG_CBOR)
        self.blocks[block.cid] = block
        return block.cid

    def get(self, cid: Cid) -> Block:
        self.asked.append(cid)
        if cid not in self.blocks:
            raise BlockMissing(cid)
        if self.blocks[cid].data == b"":
            raise Corrupt(f"block {cid}")
        return self.blocks[cid]


def leaf(number: int) -> Cid:
    return Block.of(b"leaf %d" % number).cid


@pytest.fixture
def store() -> Store:
    return Store()


def test_every_bad_block_is_told_of_and_asked_for_once(store: Store) -> None:
    missing, damaged = leaf(1), store.put(label=2)
    store.blocks[damaged] = Block(damaged, b"")
    shared = store.put(missing, label=3)
    good = store.put(label=4)
    root = store.put(shared, damaged, good, label=5)
    other = store.put(shared, label=6)
    known = Wholeness(store.get)
    assert [(bad.cid, type(bad.fault)) for bad in known.bad_below(root)] == [
        (missing, BlockMissing),
        (damaged, Corrupt),
    ]
    assert [bad.cid for bad in known.bad_below(other)] == [missing]
    assert known.bad_below(good) == ()
    assert len(store.asked) == len(set(store.asked))


def test_a_root_that_is_missing_is_bad_itself(store: Store) -> None:
    assert [bad.cid for bad in Wholeness(store.get).bad_below(leaf(1))] == [leaf(1)]


def test_a_long_chain_needs_no_recursion(store: Store) -> None:
    cid = leaf(1)
    for number in range(5000):
        cid = store.put(cid, label=number)
    assert [bad.cid for bad in Wholeness(store.get).bad_below(cid)] == [leaf(1)]


def test_the_bad_ones_told_of_have_a_limit(store: Store) -> None:
    root = store.put(*(leaf(number) for number in range(MAX_BAD + 7)))
    assert len(Wholeness(store.get).bad_below(root)) == MAX_BAD
