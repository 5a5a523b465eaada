"""Links of dag-pb nodes changed and compared; CIDs and order are what Kubo 0.43 gave."""

import pytest

from jiaozi_node.dag import pb_editing
from jiaozi_node.dag.pb_editing import MAX_DEPTH, Change, LinkMissing, NotDagPb
from jiaozi_node.dag.walk import run, stream
from jiaozi_node.errors import Misuse
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid

EMPTY = Block.of_v0(b"\x0a\x02\x08\x01")
HI = Block.of_v0(bytes.fromhex("0a09080212036869 0a1803"))
RAW = Block.of(b"raw")


class Store:
    def __init__(self, *blocks: Block) -> None:
        self.blocks = {block.cid: block for block in blocks}

    def __call__(self, cid: Cid) -> Block:
        return self.blocks[cid]

    def added(self, root: Block, path: str, child: Block, *, create: bool = False) -> Block:
        self.blocks[child.cid] = child
        made = run(pb_editing.add_link(root, path, child, create=create), self)
        self.blocks |= {block.cid: block for block in made}
        return made[-1]

    def diff(self, old: Block, new: Block) -> list[Change]:
        return list(stream(pb_editing.diff(old, new), self))


@pytest.fixture
def store() -> Store:
    return Store(EMPTY, HI, RAW)


def test_a_link_is_added_as_kubo_adds_it(store: Store) -> None:
    assert str(HI.cid) == "QmZLRFWaz9Kypt2ACNMDzA5uzACDRiCqwdkNSP1UZsu56D"
    assert (
        str(store.added(EMPTY, "x", EMPTY).cid) == "QmV3SwRtyMFuN1vn37g76HvFtapDePF7cPA6TMgAKKdiXe"
    )
    assert str(store.added(EMPTY, "x", HI).cid) == "QmNnuCMyyS7U7heXQbSDxVFj1ZhCZSA7sz79g5Bh3xSK7W"
    deep = store.added(EMPTY, "x/y", EMPTY, create=True)
    assert str(deep.cid) == "Qmd3FrKKuFcxXPxNiM8zHREHp5cy5YKCth1cSagrAXyHUk"


def test_removing_what_was_added_leads_back(store: Store) -> None:
    one = store.added(EMPTY, "b", HI)
    two = store.added(one, "a/c", RAW, create=True)
    back = run(pb_editing.rm_link(two, "a"), store)
    assert back[-1].cid == one.cid
    replaced = store.added(two, "b", RAW)
    assert store.added(replaced, "b", HI).cid == two.cid
    again = run(pb_editing.rm_link(two, "a/c"), store)
    assert store.added(one, "a", EMPTY).cid == again[-1].cid


def test_a_node_keeps_how_it_is_hashed(store: Store) -> None:
    root = Block.of(EMPTY.data, 0x70, 0x1E)
    made = store.added(root, "x", HI)
    assert (made.cid.version, made.cid.hash_code) == (1, 0x1E)


def test_differences_go_down_where_both_have_links(store: Store) -> None:
    old = store.added(store.added(EMPTY, "d/gone", HI, create=True), "same", HI)
    new = store.added(store.added(EMPTY, "d/come", RAW, create=True), "same", HI)
    assert store.diff(old, old) == []
    assert store.diff(old, new) == [
        Change("d/gone", HI.cid, None),
        Change("d/come", None, RAW.cid),
    ]
    assert store.diff(old, EMPTY)[-1] == Change("same", HI.cid, None)
    assert store.diff(HI, EMPTY) == [Change("", HI.cid, EMPTY.cid)]
    assert store.diff(old, RAW) == [Change("", old.cid, RAW.cid)]


@pytest.mark.parametrize("path", ["none", "none/x", "d/none"])
def test_what_is_missing_is_refused(store: Store, path: str) -> None:
    root = store.added(EMPTY, "d", EMPTY)
    with pytest.raises(LinkMissing):
        run(pb_editing.rm_link(root, path), store)


def test_other_codecs_and_no_names_are_refused(store: Store) -> None:
    with pytest.raises(NotDagPb):
        run(pb_editing.add_link(RAW, "x", HI), store)
    with pytest.raises(NotDagPb):
        store.added(store.added(EMPTY, "r", RAW), "r/x", HI)
    with pytest.raises(Misuse, match="no name"):
        run(pb_editing.add_link(EMPTY, "", HI), store)


def test_paths_have_a_limit(store: Store) -> None:
    path = "/".join("x" for _ in range(MAX_DEPTH))
    deep = store.added(EMPTY, path, HI, create=True)
    with pytest.raises(Misuse, match=f"over the limit of {MAX_DEPTH}"):
        run(pb_editing.rm_link(deep, f"{path}/x"), store)
    deeper = store.added(EMPTY, "y/z", deep, create=True)
    other = store.added(EMPTY, "y/z", store.added(EMPTY, path, RAW, create=True), create=True)
    with pytest.raises(Misuse, match=f"over the limit of {MAX_DEPTH}"):
        store.diff(deeper, other)
