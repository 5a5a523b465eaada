"""Which paths two trees differ at, against the naive; what is remembered of it, and what isn't."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import run
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.versioning import order, touched
from jiaozi_node.versioning.order import Outline
from jiaozi_node.versioning.touched import MAX_PATHS, Paths, Touching
from jiaozi_node.worktree.history_cache import HistoryCache
from tests.versioning import trees
from tests.versioning.histories import TREE, Histories, version_cids
from tests.versioning.trees import FLAT, SHARDED, Tree, Trees


def everywhere(tree: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    below = (
        [everywhere(there, (*path, name)) for name, there in tree.items()]
        if (isinstance(tree, dict))
        else []
    )
    return {path}.union(*below)


def at(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(tree, dict) or name not in tree:
            return None
        tree = tree[name]
    return tree


@given(trees.three(), st.sampled_from([FLAT, SHARDED]))
def test_a_path_is_touched_where_something_else_stands_at_it(
    made: tuple[Tree, Tree, Tree], profile: Any
) -> None:
    before, _, after = made
    held = Trees()
    one, other = held.tree(before, profile), held.tree(after, profile)
    found = run(touched.paths(one, other), held.get)
    assert bool(found.text) == (before != after)
    for path in (everywhere(before) | everywhere(after) | {("never",), ("a", "never")}) - {()}:
        assert found.touch(path) == (at(before, path) != at(after, path)), path
        for tree, root in ((before, one), (after, other)):
            assert (run(touched.entry(root, path), held.get) is None) == (at(tree, path) is None)


def test_all_is_touched_that_comes_with_a_directory() -> None:
    held = Trees()
    found = run(touched.paths(None, held.tree({"d": {"e": {}, "f": b"1"}})), held.get)
    assert found.text == b"\0d/e\0d/f\0"
    assert found.touch(("d",))
    assert found.touch(("d", "e"))
    assert not found.touch(("e",))
    assert run(touched.paths(None, held.tree({})), held.get).text == b"\0\0"


@pytest.mark.parametrize("profile", [FLAT, SHARDED])
def test_limits_of_what_is_remembered(profile: Any) -> None:
    held = Trees()
    for many, kept in ((MAX_PATHS, True), (MAX_PATHS + 1, False)):
        tree = held.tree({f"f{number}": b"1" for number in range(many)}, profile)
        found = run(touched.paths(None, tree), held.get)
        assert (found.text is not None) == kept
        assert kept or found.touch(("f1",)) is None


def test_many_changes_are_not_read_to_their_end() -> None:
    held = Trees()
    tree = held.tree({f"f{number}": b"1" for number in range(5000)}, SHARDED)
    blocks = len(held.held)
    held.asked.clear()
    assert run(touched.paths(None, tree), held.get) == Paths(None)
    assert len(held.asked) < blocks / 4


def test_a_block_that_is_not_here_is_told() -> None:
    held = Trees()
    one, other = held.tree({"d": {"a": b"1"}}), held.tree({"d": {"a": b"2"}})
    gone = run(touched.entry(one, ("d",)), held.get)
    assert gone is not None
    del held.held[gone]
    with pytest.raises(BlockMissing):
        run(touched.paths(one, other), held.get)


class Remembered:
    """A memory that knows of every commit that it touched nothing."""

    def paths(self, _cid: Cid) -> Paths:
        return Paths(b"")

    def learn(self, found: Outline, paths: Paths) -> None:
        raise AssertionError("there is nothing to learn")


def test_no_line_is_drawn_to_what_is_not_here_any_more() -> None:
    history = Histories()
    line = history.line(3)
    del history.blocks[line[0]]
    touching = Touching((("a",),), order.load, Remembered())
    assert run(touching.drawn([line[1]], line[2]), history.get) == ()


OUTLINES = st.builds(
    Outline,
    version_cids(),
    st.lists(version_cids(), max_size=64).map(tuple),
    st.integers(1, 2**53 - 1),
    st.integers(-(2**40), 2**40),
    st.sampled_from([TREE, Cid.parse("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")]),
)


@given(st.dictionaries(OUTLINES, st.none() | st.binary(max_size=20), max_size=5))
def test_what_was_learnt_is_remembered(known: dict[Outline, bytes | None]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        cache = HistoryCache(place)
        for found, text in known.items():
            cache.learn(found, Paths(text))
        cache.save()
        cache.close()
        again = HistoryCache(place)
        for found, text in known.items():
            assert again.outline(found.cid) == found
            assert again.paths(found.cid) == Paths(text)
        again.close()


def test_a_row_that_was_changed_is_not_believed(tmp_path: Path) -> None:
    import sqlite3

    cache = HistoryCache(tmp_path)
    found = Outline(Cid(b"\x01\x71\x12\x20" + bytes(32)), (), 1, 5, TREE)
    cache.learn(found, Paths(b"\0a\0"))
    cache.save()
    cache.close()
    for change in ("paths = x'006200'", "facts = substr(facts, 1, 9)", "facts = 5", "paths = 'x'"):
        with sqlite3.connect(cache.path) as db:
            rows = db.execute("SELECT * FROM commits").fetchall()
            db.execute(f"UPDATE commits SET {change}")
        db.close()
        again = HistoryCache(tmp_path)
        assert again.outline(found.cid) is None
        assert again.paths(found.cid) is None
        again.close()
        with sqlite3.connect(cache.path) as db:
            db.executemany("INSERT OR REPLACE INTO commits VALUES (?, ?, ?)", rows)
        db.close()


def test_a_symlink_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (tmp_path / "history.db").symlink_to("elsewhere")
    cache = HistoryCache(tmp_path)
    cache.learn(Outline(Cid(b"\x01\x71\x12\x20" + bytes(32)), (), 1, 5, TREE), Paths(b""))
    cache.save()
    cache.close()
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
