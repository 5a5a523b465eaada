"""Pins: Kubo's rules of what replaces what, who is pinned through whom, and what must be here."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.pin import AlreadyPinned, Found, NotPinned, Pin, Pins
from jiaozi_node.dag.traverse import Extent, Seen
from jiaozi_node.dag.walk import gather, run
from jiaozi_node.errors import Corrupt, LimitExceeded, Misuse
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing, Change
from jiaozi_node.stores.memory import MemoryNames
from jiaozi_node.unixfs.profile import named
from tests.blocks import Blocks

V1 = named("unixfs-v1-2025")


class Tree:
    """root/ { a, sub/ { b } } and pins over no names yet."""

    def __init__(self) -> None:
        self.store = Blocks()
        a, b = self.store.add(b"a", V1), self.store.add(b"b", V1)
        sub = self.store.directory({"b": b}, V1)
        root = self.store.directory({"a": a, "sub": sub}, V1)
        self.a, self.b, self.sub, self.root = a.cid, b.cid, sub.cid, root.cid
        self.names = MemoryNames()
        self.pins = Pins(self.names)

    def pin(self, cid: Cid, mode: str = "recursive", name: str = "") -> Extent | None:
        return run(self.pins.pin(cid, mode, name), self.store.get)

    def found(self, *cids: Cid, mode: str = "all") -> list[Found]:
        return run(self.pins.find(cids, mode), self.store.get)

    def indirect(self) -> set[Cid]:
        listed = run(gather(self.pins.indirect()), self.store.get)
        assert len(listed) == len(set(listed))
        return set(listed)


def test_a_recursive_pin_asks_for_everything_below() -> None:
    tree = Tree()
    assert tree.pin(tree.root) == Extent(4, sum(len(b.data) for b in tree.store.held.values()))
    assert list(tree.pins.ls()) == [Pin(tree.root, "recursive")]


def test_nothing_is_pinned_while_a_block_is_missing() -> None:
    tree = Tree()
    del tree.store.held[tree.b]
    with pytest.raises(BlockMissing):
        tree.pin(tree.root)
    assert list(tree.pins.ls()) == []
    tree.pin(tree.root, "direct")


def test_a_pin_is_recursive_else_direct_else_indirect() -> None:
    tree = Tree()
    tree.pin(tree.root, name="the tree")
    tree.pin(tree.sub, "direct")
    assert tree.found(tree.root, tree.sub, tree.b, tree.a) == [
        Found(tree.root, "recursive", "the tree"),
        Found(tree.sub, "direct"),
        Found(tree.b, "indirect", via=tree.root),
        Found(tree.a, "indirect", via=tree.root),
    ]
    assert tree.indirect() == {tree.a, tree.b}
    assert tree.found(tree.sub, mode="recursive") == [Found(tree.sub, None)]
    assert tree.found(tree.b, mode="direct") == [Found(tree.b, None)]
    assert tree.found(tree.sub, mode="indirect") == [Found(tree.sub, "indirect", via=tree.root)]
    with pytest.raises(Misuse, match=r"must be one of \{direct, indirect, recursive, all\}"):
        tree.found(tree.a, mode="some")


def test_what_is_pinned_itself_needs_no_walk() -> None:
    tree = Tree()
    tree.pin(tree.root)
    tree.store.asked.clear()
    tree.found(tree.root)
    assert tree.store.asked == []


def test_leaves_are_known_by_their_links() -> None:
    tree = Tree()
    tree.pin(tree.root)
    del tree.store.held[tree.b]
    assert tree.found(tree.b)[0].via == tree.root
    assert tree.indirect() == {tree.a, tree.sub, tree.b}


def test_recursive_takes_the_place_of_direct_never_the_other_way() -> None:
    tree = Tree()
    tree.pin(tree.sub, "direct", "d")
    tree.pin(tree.sub, "recursive")
    assert tree.pins.get(tree.sub) == Pin(tree.sub, "recursive")
    with pytest.raises(AlreadyPinned, match="already pinned recursively"):
        tree.pin(tree.sub, "direct")


def test_pinning_again_renames() -> None:
    tree = Tree()
    tree.pin(tree.sub, name="one")
    tree.pin(tree.sub, name="two")
    assert list(tree.pins.ls()) == [Pin(tree.sub, "recursive", "two")]
    tree.pin(tree.sub)
    assert list(tree.pins.ls("recursive")) == [Pin(tree.sub, "recursive")]


def test_removing() -> None:
    tree = Tree()
    tree.pin(tree.root)
    tree.pin(tree.sub, "direct")
    with pytest.raises(NotPinned, match=r"^not pinned or pinned indirectly$"):
        tree.pins.rm(tree.a)
    with pytest.raises(NotPinned, match="is pinned recursively"):
        tree.pins.rm(tree.root, recursive=False)
    assert tree.pins.rm(tree.sub).mode == "direct"
    assert tree.pins.rm(tree.root).mode == "recursive"
    with pytest.raises(NotPinned):
        tree.pins.rm(tree.root)
    assert tree.indirect() == set()


def test_versions_of_a_cid_are_pinned_apart() -> None:
    """Kubo keeps pins by CID: Qm… and bafy… of one block are two."""
    store = Blocks()
    v0 = store.add(b"x", named("kubo")).cid
    tree = Tree()
    tree.pins.add(v0)
    assert tree.pins.get(v0.as_v1()) is None


def test_names_are_bounded() -> None:
    tree = Tree()
    tree.pin(tree.a, name="é" * 127 + "x")
    with pytest.raises(LimitExceeded):
        tree.pin(tree.a, name="é" * 128)
    with pytest.raises(Misuse):
        tree.pin(tree.a, "indirect")


def test_a_row_that_is_no_pin_is_corrupt() -> None:
    tree = Tree()
    for cid, row in ((tree.a, b"\x01"), (tree.b, b"\xff")):
        tree.names.apply([Change("pins", cid.raw, row)])
        with pytest.raises(Corrupt):
            tree.pins.get(cid)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "rm"]),
            st.integers(0, 3),
            st.sampled_from(["recursive", "direct"]),
            st.text(max_size=5),
        ),
        max_size=20,
    )
)
def test_rows_follow_the_rules(steps: list[tuple[str, int, str, str]]) -> None:
    """Against the rules in four lines, over any sequence of acts."""
    tree = Tree()
    cids = [tree.root, tree.sub, tree.a, tree.b]
    model: dict[Cid, Pin] = {}
    for act, at, mode, name in steps:
        cid = cids[at]
        stood = model.get(cid)
        if act == "add" and mode == "direct" and stood and stood.mode == "recursive":
            with pytest.raises(AlreadyPinned):
                tree.pins.add(cid, mode, name)
        elif act == "add":
            tree.pins.add(cid, mode, name)
            model[cid] = Pin(cid, mode, name)
        elif stood is None or (stood.mode == "recursive" and mode == "direct"):
            with pytest.raises(NotPinned):
                tree.pins.rm(cid, mode == "recursive")
        else:
            assert tree.pins.rm(cid, mode == "recursive") == model.pop(cid)
    assert {pin.cid: pin for pin in tree.pins.ls()} == model


class Notes:
    """Links that were learnt."""

    def __init__(self) -> None:
        self.known: dict[bytes, Sequence[bytes]] = {}

    def links(self, cid: bytes) -> Sequence[bytes] | None:
        return self.known.get(cid)

    def learn(self, cid: bytes, links: Sequence[bytes]) -> None:
        self.known[cid] = links


def test_a_second_listing_reads_no_block_but_those_below_new_pins() -> None:
    tree, notes = Tree(), Notes()
    tree.pin(tree.root)
    first = run(gather(tree.pins.indirect(notes)), tree.store.get)
    tree.store.asked.clear()
    assert run(gather(tree.pins.indirect(notes)), tree.store.get) == first
    assert tree.store.asked == []
    assert [one.via for one in run(tree.pins.find([tree.b], "all", notes), tree.store.get)] == [
        tree.root
    ]
    assert tree.store.asked == []
    c = tree.store.add(b"c", V1)
    top = tree.store.directory({"c": c, "again": tree.store.directory({}, V1)}, V1)
    tree.pins.add(top.cid)
    listed = run(gather(tree.pins.indirect(notes)), tree.store.get)
    assert set(listed) > {*first, c.cid}
    assert tree.root not in tree.store.asked
    assert top.cid in tree.store.asked
    tree.pins.rm(tree.root)
    assert set(run(gather(tree.pins.indirect(notes)), tree.store.get)) == set(listed) - set(first)


def test_many_pins_are_set_together_or_not_at_all() -> None:
    tree = Tree()
    tree.pins.add_all([tree.a, tree.b, tree.a], name="many")
    assert {(pin.cid, pin.name) for pin in tree.pins.ls()} == {(tree.a, "many"), (tree.b, "many")}
    with pytest.raises(AlreadyPinned):
        tree.pins.add_all([tree.sub, tree.a], "direct")
    assert tree.pins.get(tree.sub) is None
    tree.pins.add_all([])


def test_what_many_have_in_common_is_fetched_once() -> None:
    tree = Tree()
    other = tree.store.directory({"sub": tree.store.directory({}, V1)}, V1)
    seen: Seen = {}
    run(tree.pins.whole(tree.root, seen=seen), tree.store.get)
    tree.store.asked.clear()
    run(tree.pins.whole(tree.root, seen=seen), tree.store.get)
    assert tree.store.asked == [tree.root]
    run(tree.pins.whole(other.cid, seen=seen), tree.store.get)
    assert list(tree.pins.ls()) == []


def test_many_pins_are_removed_together_up_to_one_that_is_not_pinned() -> None:
    tree = Tree()
    tree.pins.add_all([tree.a, tree.b, tree.sub])
    with pytest.raises(NotPinned):
        tree.pins.rm_all([tree.a, tree.root, tree.b])
    assert {pin.cid for pin in tree.pins.ls()} == {tree.b, tree.sub}
    with pytest.raises(NotPinned):
        tree.pins.rm_all([tree.b, tree.b])
    tree.pins.rm_all([tree.sub])
    assert list(tree.pins.ls()) == []
