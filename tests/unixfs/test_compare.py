"""Trees compared slot by slot differ where their files do, whatever form directories have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import stream
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.compare import MAX_DEPTH, Pair, files
from tests.versioning.trees import FLAT, SHARDED, Tree, Trees, edited, trees

PROFILES = st.sampled_from([FLAT, SHARDED])


def _leaves(held: Trees, tree: Tree, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Cid]:
    out: dict[tuple[str, ...], Cid] = {}
    for name, there in tree.items():
        if isinstance(there, dict):
            out |= _leaves(held, there, (*path, name))
        else:
            out[(*path, name)] = held.add(there, FLAT).cid
    return out


@given(trees().flatmap(lambda tree: st.tuples(st.just(tree), edited(tree))), PROFILES, PROFILES)
def test_files_are_those_that_differ_in_order(
    sides: tuple[Tree, Tree], one: object, other: object
) -> None:
    held = Trees()
    old, new = (_leaves(held, tree) for tree in sides)
    found = list(stream(files(held.tree(sides[0], one), held.tree(sides[1], other)), held.get))
    expected = {
        path: (old.get(path), new.get(path))
        for path in old.keys() | new.keys()
        if old.get(path) != new.get(path)
    }
    assert {path: (before, after) for path, before, after in found} == expected
    assert [p for p, _, _ in found] == sorted(expected, key=lambda p: [n.encode() for n in p])


def test_only_slots_that_differ_are_read() -> None:
    held = Trees()
    tree: Tree = {f"{at:05}": b"x" for at in range(2_000)}
    before, after = held.tree(tree, SHARDED), held.tree({**tree, "00007": b"y"}, SHARDED)
    held.asked.clear()
    found = list(stream(files(before, after), held.get))
    cids = [held.add(data, FLAT).cid for data in (b"x", b"y")]
    assert found == [Pair(("00007",), *cids)]
    assert len(held.asked) <= 14  # a path of seven shards at most on either side
    assert len(set(held.asked)) == len(held.asked)


def test_a_tree_too_deep_is_refused() -> None:
    held = Trees()
    node = held.add(b"x", FLAT)
    for _ in range(MAX_DEPTH + 1):
        node = held.directory({"d": node}, FLAT)
    with pytest.raises(LimitExceeded, match="over the limit of 256"):
        list(stream(files(None, node.cid), held.get))
