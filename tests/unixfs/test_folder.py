"""A directory held open is, after any changes, the one that a fresh add of its entries makes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.dag.walk import gather, run
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs import build, folder
from jiaozi_node.unixfs.blocks import NotADirectory
from jiaozi_node.unixfs.folder import Folder
from jiaozi_node.unixfs.hamt import Value
from jiaozi_node.unixfs.node import Node
from jiaozi_node.unixfs.profile import PROFILES, Profile
from tests.blocks import Blocks

KUBO = PROFILES["kubo"]
LINKS = replace(KUBO, name="links", hamt_threshold=400, hamt_fanout=8)
BLOCK = replace(PROFILES["unixfs-v1-2025"], name="block", hamt_threshold=500, hamt_fanout=16)
COUNT = replace(KUBO, name="count", directory_width=9, size_estimator="disabled", hamt_fanout=8)

NAMES = st.integers(0, 40).map(lambda number: f"n{number}{'x' * (number % 5)}".encode())
# A change: a name, and the entry's size or None to remove it; seal or reopen after it.
CHANGES = st.lists(
    st.tuples(NAMES, st.none() | st.integers(0, 1000), st.sampled_from(["", "seal", "reopen"])),
    max_size=60,
)


def entry(name: bytes, size: int) -> Value:
    return Value(name, Block.of(b"%d" % size).cid.raw, size)


def sealed(held: Folder, store: Blocks) -> Node:
    made: list[Block] = []
    node = run(held.seal(made), store.get)
    store.put(made)
    return node


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([LINKS, BLOCK, COUNT]), CHANGES)
def test_it_is_what_a_fresh_add_makes(
    profile: Profile, changes: list[tuple[bytes, int | None, str]]
) -> None:
    store = Blocks()
    held = Folder(profile)
    model: dict[bytes, Value] = {}
    for name, size, then in changes:
        there = run(held.find(name), store.get)
        assert there == model.get(name)
        if size is not None:
            model[name] = entry(name, size)
            run(held.put(model[name]), store.get)
        elif there is not None:
            del model[name]
            run(held.remove(name), store.get)
        if then:
            node = sealed(held, store)
            if then == "reopen":
                held = run(folder.open_at(node.cid, profile), store.get)
    assert sorted(run(gather(held.values()), store.get)) == sorted(model.values())
    node = sealed(held, store)
    fresh = build.build(model.values(), profile, None, None)[1]
    if held.sharded == _sharded(model, profile):
        assert node == fresh
    else:  # boxo's way: set anew, an entry of a directory that was just over makes it basic
        assert not held.sharded
        over = sum(build.link_size(value, profile) for value in model.values())
        assert over - profile.hamt_threshold <= max(map(len, model)) + 4


def _sharded(model: dict[bytes, Value], profile: Profile) -> bool:
    store = Blocks()
    made, node = build.build(model.values(), profile, None, None)
    store.put(made)
    return run(folder.open_at(node.cid, profile), store.get).sharded


def test_a_change_in_a_large_directory_reads_the_shards_on_the_way() -> None:
    store = Blocks()
    profile = replace(KUBO, hamt_threshold=1)
    made, node = build.build([entry(b"%d" % n, n) for n in range(3000)], profile, None, None)
    store.put(made)
    held = run(folder.open_at(node.cid, profile), store.get)
    store.asked.clear()
    run(held.put(entry(b"new", 1)), store.get)
    assert len(store.asked) <= 2
    sealed(held, store)
    assert len(store.asked) <= 2


def test_shards_that_are_missing_leave_it_sharded() -> None:
    store = Blocks()
    profile = replace(KUBO, hamt_threshold=2000, hamt_fanout=8)
    values = [entry(b"%d" % n, n) for n in range(60)]
    made, node = build.build(values, profile, None, None)
    store.put(made)
    held = run(folder.open_at(node.cid, profile), store.get)
    run(held.find(values[0].name), store.get)
    for cid in [cid for cid in store.held if cid != node.cid]:
        del store.held[cid]
    run(held.remove(values[0].name), store.get)
    assert held.sharded
    with pytest.raises(BlockMissing):
        run(gather(held.values()), store.get)


def test_mode_and_time_stay_through_sharding_and_back() -> None:
    store = Blocks()
    held = Folder(LINKS)
    held.set_meta(0o750, (5, 6))
    names = [b"%d" % n for n in range(30)]
    for name in names:
        run(held.put(entry(name, 1)), store.get)
    assert held.sharded
    held = run(folder.open_at(sealed(held, store).cid, LINKS), store.get)
    assert (held.mode, held.mtime) == (0o750, (5, 6))
    for name in names[1:]:
        run(held.remove(name), store.get)
    assert not held.sharded
    fresh = build.build([entry(names[0], 1)], LINKS, 0o750, (5, 6))[1]
    assert sealed(held, store) == fresh


def test_names_that_repeat_go_by_the_first_and_stay_until_it_changes() -> None:
    store = Blocks()
    twice = [entry(b"a", 1), entry(b"a", 2)]
    made, node = build.build(twice, KUBO, None, None)
    store.put(made)
    held = run(folder.open_at(node.cid, KUBO), store.get)
    assert run(held.find(b"a"), store.get) == twice[0]
    assert sealed(held, store).cid == node.cid


def test_a_file_is_no_directory() -> None:
    store = Blocks()
    file = store.add(b"file", KUBO)
    with pytest.raises(NotADirectory):
        run(folder.open_at(Cid(file.cid.raw), KUBO), store.get)
