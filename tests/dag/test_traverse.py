"""Traversal: Kubo's order, each block once or every path, and bombs that can't hold it up."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.traverse import Extent, Link, Visit, descend, links_of, measure
from jiaozi_node.dag.walk import gather, run, stream
from jiaozi_node.formats import car, codecs
from jiaozi_node.formats import cid as c
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.depth import Value
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs.profile import named
from tests.blocks import Blocks
from tests.outcome import outcome

VECTORS = Path(__file__).parents[2] / "specs" / "vectors" / "car"
KUBO = json.loads((VECTORS / "kubo-trees.json").read_text())


def boxed(value: Value, store: Blocks) -> Cid:
    block = Block.of(codecs.encode(c.DAG_CBOR, value), c.DAG_CBOR)
    store.put([block])
    return block.cid


def visits(store: Blocks, root: Cid, depth: int | None = None, unique: bool = True) -> list[Visit]:
    return run(gather(descend(root, depth, unique)), store.get)


@pytest.mark.parametrize("name", sorted(KUBO))
def test_the_order_is_kubo_s(name: str) -> None:
    """What `ipfs refs -r -u` printed for these trees, behind their root."""
    store = Blocks()
    with (VECTORS / name).open("rb") as file:
        store.put(car.read(file))
    found = visits(store, Cid.parse(KUBO[name]["root"]))
    assert [str(visit.cid) for visit in found] == KUBO[name]["blocks"]


def diamond(store: Blocks) -> tuple[Cid, Cid, Cid, Cid]:
    """Return root, left, right and what both link; the root links it too, last."""
    leaf = boxed({"l": "eaf"}, store)
    left, right = boxed({"a": leaf, "n": 1}, store), boxed({"a": leaf, "n": 2}, store)
    return boxed([left, right, leaf], store), left, right, leaf


def test_once_or_along_every_path() -> None:
    store = Blocks()
    root, left, right, leaf = diamond(store)
    assert [visit.cid for visit in visits(store, root)] == [root, left, leaf, right]
    every = visits(store, root, unique=False)
    assert [(visit.cid, visit.parent, visit.depth) for visit in every] == [
        (root, None, 0),
        (left, root, 1),
        (leaf, left, 2),
        (right, root, 1),
        (leaf, right, 2),
        (leaf, root, 1),
    ]


def test_depth() -> None:
    store = Blocks()
    root, left, right, leaf = diamond(store)
    assert [visit.cid for visit in visits(store, root, 0)] == [root]
    assert [visit.cid for visit in visits(store, root, 1)] == [root, left, right, leaf]
    assert [visit.cid for visit in visits(store, root, 2)] == [root, left, leaf, right]


def test_what_was_cut_off_deep_is_followed_when_met_nearer() -> None:
    """As Kubo's refs: a block first seen at the depth limit is looked into when seen above it."""
    store = Blocks()
    end = boxed("end", store)
    low = boxed([end], store)
    far = boxed([low], store)
    root = boxed([far, low], store)
    assert [visit.cid for visit in visits(store, root, 2)] == [root, far, low, end]


def test_names_of_links() -> None:
    store = Blocks()
    profile = named("kubo")
    root = store.directory(
        {"b": store.add(b"1", profile), "\udcff": store.add(b"2", profile)}, profile
    )
    assert [visit.name for visit in visits(store, root.cid)] == ["", "b", "\udcff"]
    held = boxed({"k": root.cid}, store)
    assert [link.name for link in links_of(store.held[held])] == [""]


def test_a_missing_block_is_said_before_it_is_visited() -> None:
    store = Blocks()
    root, left, _right, leaf = diamond(store)
    del store.held[leaf]
    walk = stream(descend(root), store.get)
    assert [next(walk).cid, next(walk).cid] == [root, left]
    with pytest.raises(BlockMissing):
        next(walk)


def test_leaves_need_not_be_fetched() -> None:
    store = Blocks()
    profile = named("unixfs-v1-2025")
    file = store.add(b"x", profile)
    root = store.directory({"a": file}, profile)
    del store.held[file.cid]
    found = run(gather(descend(root.cid, fetch_leaves=False)), store.get)
    assert [visit.cid for visit in found] == [root.cid, file.cid]
    assert found[1].block is None
    assert run(gather(descend(file.cid, fetch_leaves=False)), store.get)[0].cid == file.cid


def test_several_roots_share_what_was_seen() -> None:
    store = Blocks()
    root, left, right, leaf = diamond(store)
    seen: dict[bytes, int] = {}
    first = run(gather(descend(left, seen=seen)), store.get)
    second = run(gather(descend(root, seen=seen)), store.get)
    assert [visit.cid for visit in first] == [left, leaf]
    assert [visit.cid for visit in second] == [root, left, right]


def test_a_long_chain_is_walked_without_recursion() -> None:
    """A history of 20,000 commits, one behind the other."""
    store = Blocks()
    tip = boxed({"parents": []}, store)
    for number in range(20_000):
        tip = boxed({"n": number, "parents": [tip]}, store)
    assert run(measure(tip), store.get).blocks == 20_001


def test_a_bomb_is_measured_once() -> None:
    store = Blocks()
    top = boxed("leaf", store)
    for _level in range(60):
        top = boxed([top, top], store)
    assert run(measure(top), store.get).blocks == 61
    assert len(store.asked) == 61
    walk = stream(descend(top, unique=False), store.get)
    assert [next(walk).depth for _turn in range(62)][-1] == 60


def test_measure_counts_identity_blocks() -> None:
    store = Blocks()
    root = boxed([Cid.parse("bafkqaaa"), Cid.parse("bafkqabtimvwgy3yk")], store)
    assert run(measure(root), store.get) == Extent(3, len(store.held[root].data) + 6)


def test_codecs_we_can_t_look_into_are_named() -> None:
    store = Blocks()
    block = Block.of(b"tree 0\0", c.GIT_RAW)
    store.put([block])
    with pytest.raises(codecs.UnknownCodec, match="git-raw"):
        visits(store, boxed([block.cid], store))


@given(st.integers(0, 2**32), st.integers(1, 30))
def test_unique_visits_are_what_can_be_reached(seed: int, size: int) -> None:
    """Against the plain definition, on random DAGs."""
    chance = random.Random(seed)
    store = Blocks()
    made: list[Cid] = []
    for number in range(size):
        below = [chance.choice(made) for _link in range(chance.randrange(4)) if made]
        made.append(boxed([number, *below], store))
    reach = {made[-1]}
    grown = True
    while grown:
        more = {link.cid for cid in reach for link in links_of(store.held[cid])} - reach
        reach |= more
        grown = bool(more)
    found = [visit.cid for visit in visits(store, made[-1])]
    assert len(found) == len(set(found))
    assert set(found) == reach


def links_of_bytes(codec: int) -> Callable[[bytes], list[Link]]:
    return lambda data: links_of(Block.of(data, codec))


@given(st.binary(max_size=60), st.sampled_from([c.DAG_PB, c.DAG_CBOR, c.DAG_JSON]))
def test_any_bytes_are_links_or_an_error(data: bytes, codec: int) -> None:
    links, fault = outcome(links_of_bytes(codec), data)
    assert fault is not None or isinstance(links, list)
