"""Editing: whatever the way, the tree's CID is that of a fresh add of the same files."""

from dataclasses import replace
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import gather, run
from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs import blocks, hamt
from jiaozi_node.unixfs.add import DirectoryBuilder, Node
from jiaozi_node.unixfs.build import build
from jiaozi_node.unixfs.directory import EntryMissing, entries
from jiaozi_node.unixfs.edit import edit
from jiaozi_node.unixfs.profile import Profile, named
from jiaozi_node.unixfs.stat import stat
from tests.blocks import Blocks

Tree: TypeAlias = "dict[str, bytes | Tree]"

V1 = named("unixfs-v1-2025")


def small(estimator: str, threshold: int, width: int, fanout: int) -> Profile:
    return replace(
        V1,
        name="small",
        size_estimator=estimator,
        hamt_threshold=threshold,
        directory_width=width,
        hamt_fanout=fanout,
    )


PROFILES = st.builds(
    small,
    st.sampled_from(["links", "block", "disabled"]),
    st.sampled_from([0, 1, 100, 200, 300, 400]),
    st.sampled_from([0, 1, 3, 6]),
    st.sampled_from([8, 16, 256]),
)
# Few names, so that changes meet; of unlike lengths, so that sizes cross the threshold.
NAMES = st.sampled_from(["a", "b", "bb", "c" * 40, "d", "e", "\udcff", "é", "f" * 90, "g", "h"])
CONTENT = st.sampled_from([b"", b"x", b"y" * 50])
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.dictionaries(NAMES, CONTENT, max_size=8),
    lambda inner: st.dictionaries(NAMES, st.one_of(CONTENT, inner), max_size=8),
    max_leaves=12,
)


def added(tree: Tree, profile: Profile, store: Blocks) -> Node:
    """Add *tree* afresh."""
    nodes: dict[str, Node] = {}
    for name, value in tree.items():
        nodes[name] = (
            store.add(value, profile) if isinstance(value, bytes) else added(value, profile, store)
        )
    return store.directory(nodes, profile)


def difference(
    old: Tree, new: Tree, profile: Profile, store: Blocks, above: tuple[str, ...] = ()
) -> dict[tuple[str, ...], Node | None]:
    """Return changes that lead from *old* to *new*, directories by what is in them."""
    changes: dict[tuple[str, ...], Node | None] = {}
    for name in old.keys() | new.keys():
        path = (*above, name)
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if after is None:
            changes[path] = None
        elif isinstance(after, bytes):
            changes[path] = store.add(after, profile)
        elif isinstance(before, dict) and after and before:
            changes |= difference(before, after, profile, store, path)
        elif isinstance(before, dict):
            changes[path] = added(after, profile, store)
        else:
            if before is not None:
                changes[path] = None
            inner = difference({}, after, profile, store, path)
            changes |= inner if inner else {path: added(after, profile, store)}
    return changes


@given(TREES, TREES, PROFILES)
def test_an_edit_equals_a_fresh_add(old: Tree, new: Tree, profile: Profile) -> None:
    """Threshold crossed both ways, shards collapsed, directories nested, made and replaced."""
    store, fresh = Blocks(), Blocks()
    root = added(old, profile, store)
    result = store.edited(edit(root.cid, difference(old, new, profile, store), profile))
    expected = added(new, profile, fresh)
    assert result == expected
    for cid in fresh.held:
        assert cid in store.held or fresh.held[cid].data == b""


@given(
    st.lists(st.sampled_from([f"n{at}" for at in range(60)]), max_size=60),
    st.lists(st.tuples(st.integers(0, 79), st.booleans()), max_size=40),
    st.sampled_from([8, 64]),
)
def test_a_trie_forgets_its_history(
    begin: list[str], steps: list[tuple[int, bool]], fanout: int
) -> None:
    """Always sharded: entries come and go one at a time, and nothing of it shows."""
    profile = small("links", 1, 0, fanout)
    store = Blocks()
    file = store.add(b"x", profile)
    held = dict.fromkeys(begin, file)
    held["always"] = file
    root = store.directory(held, profile).cid
    for number, there in steps:
        name = f"n{number}"
        if not there and name not in held:
            continue
        root = store.edited(edit(root, {(name,): file if there else None}, profile)).cid
        if there:
            held[name] = file
        else:
            del held[name]
    assert root == Blocks().directory(held, profile).cid


def test_one_change_in_a_big_directory_touches_its_way_only() -> None:
    profile = replace(V1, hamt_threshold=10_000)
    store = Blocks()
    file = store.add(b"x", profile)
    held = {f"file-{at:05}": file for at in range(20_000)}
    root = store.directory(held, profile)
    before = set(store.held)
    store.asked.clear()
    changed = store.edited(edit(root.cid, {("file-00007",): store.add(b"y", profile)}, profile))
    assert len(store.asked) <= 3
    assert len(set(store.held) - before) <= 4
    held["file-00007"] = store.add(b"y", profile)
    assert changed == Blocks().directory(held, profile)


def test_a_shrunken_directory_is_enumerated_only_until_decided() -> None:
    profile = replace(V1, hamt_threshold=10_000)
    store = Blocks()
    file = store.add(b"x", profile)
    held = {f"file-{at:05}": file for at in range(20_000)}
    root = store.directory(held, profile)
    store.asked.clear()
    store.edited(edit(root.cid, {("file-00007",): None}, profile))
    assert len(store.asked) < 40  # of over 3,000


def test_files_are_never_read() -> None:
    """Only directories on the way: the rest may be missing, as in a partial clone."""
    store = Blocks()
    file = store.add(b"content", V1)
    sub = store.directory({"a": file}, V1)
    root = store.directory({"sub": sub, "b": file, "other": sub}, V1)
    del store.held[file.cid]
    new = store.add(b"new", V1)
    store.edited(edit(root.cid, {("sub", "c"): new}, V1))
    assert set(store.asked) == {root.cid, sub.cid}


def test_from_nothing() -> None:
    store = Blocks()
    file = store.add(b"x", V1)
    made = store.edited(edit(None, {("a", "b", "c"): file, ("d",): file}, V1))
    assert made == added({"a": {"b": {"c": b"x"}}, "d": b"x"}, V1, Blocks())
    assert store.edited(edit(None, {}, V1)) == added({}, V1, Blocks())


def test_a_path_and_one_below_it_apply_in_that_order() -> None:
    store = Blocks()
    file = store.add(b"x", V1)
    root = added({"a": b"was a file"}, V1, store)
    changes = {("a", "b"): file, ("a",): None}
    assert store.edited(edit(root.cid, changes, V1)) == added({"a": {"b": b"x"}}, V1, Blocks())
    other = added({"k": b"x"}, V1, store)
    changes = {("a", "b"): file, ("a",): other}
    expected = added({"a": {"b": b"x", "k": b"x"}}, V1, Blocks())
    assert store.edited(edit(root.cid, changes, V1)) == expected


def test_mode_and_mtime_of_a_directory_stay() -> None:
    profile = replace(named("kubo+mode+mtime"), directory_width=2)
    store = Blocks()
    file = store.add(b"x", profile)
    for count in (1, 2, 3, 4):
        builder = DirectoryBuilder(profile, 0o750, (1, 2))
        for at in range(count):
            builder.add(str(at), file)
        root = store.keep(builder.end())
        changes: list[dict[tuple[str, ...], Node | None]] = [{("z",): file}, {("0",): None}]
        for change in changes:
            changed = store.edited(edit(root.cid, change, profile))
            told = run(stat(changed.cid), store.get)
            assert (told.mode, told.mtime) == (0o750, (1, 2))


def test_directories_stay_when_they_become_empty() -> None:
    store = Blocks()
    root = added({"a": {"b": b"x"}}, V1, store)
    assert store.edited(edit(root.cid, {("a", "b"): None}, V1)) == added({"a": {}}, V1, Blocks())


def test_another_fanout_is_rebuilt() -> None:
    old, new = small("links", 1, 0, 16), small("links", 1, 0, 256)
    store = Blocks()
    file = store.add(b"x", old)
    held = {str(at): file for at in range(100)}
    root = store.directory(held, old)
    assert store.edited(edit(root.cid, {("0",): file}, new)) == Blocks().directory(held, new)


def test_repeated_names_are_kept_unless_named() -> None:
    """Kubo holds such blocks; only what is asked may go."""
    store = Blocks()
    one, two = store.add(b"1", V1), store.add(b"2", V1)
    values = [hamt.Value(b"a", one.cid.raw, 1), hamt.Value(b"a", two.cid.raw, 1)]
    root = store.keep(build(values, V1, None, None))
    kept = store.edited(edit(root.cid, {("b",): one}, V1))
    names = [entry.name for entry in run(gather(entries(kept.cid)), store.get)]
    assert names == ["a", "a", "b"]
    gone = store.edited(edit(root.cid, {("a",): None}, V1))
    assert gone == added({}, V1, Blocks())


@pytest.mark.parametrize("profile", [V1, small("links", 1, 0, 256)], ids=["basic", "hamt"])
def test_what_can_t_be_done_is_said(profile: Profile) -> None:
    store = Blocks()
    root = added({"a": b"x", "d": {"e": b"x"}}, profile, store).cid
    file = store.add(b"x", profile)

    def attempt(changes: dict[tuple[str, ...], Node | None], at: Cid = root) -> None:
        store.edited(edit(at, changes, profile))

    with pytest.raises(EntryMissing):
        attempt({("nope",): None})
    with pytest.raises(EntryMissing):
        attempt({("d", "nope"): None})
    with pytest.raises(EntryMissing):
        attempt({("new", "nope"): None})
    with pytest.raises(blocks.NotADirectory):
        attempt({("a", "b"): file})
    with pytest.raises(blocks.NotADirectory):
        attempt({("a",): file}, file.cid)
    with pytest.raises(Misuse, match="path"):
        attempt({(): file})
    with pytest.raises(LimitExceeded):
        attempt({("a",) * 257: file})
    with pytest.raises(Misuse, match="name"):
        attempt({("a/b",): file})
    with pytest.raises(BlockMissing):
        Blocks().edited(edit(root, {("z",): file}, profile))
