"""The difference of two trees is that of their files, read without what is equal."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import stream
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.memory import MemoryStore
from jiaozi_node.unixfs.add import Importer, add_bytes
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.changes import MAX_DEPTH, Change, Folder, changes, walked
from jiaozi_node.unixfs.profile import named

Files = dict[tuple[str, ...], bytes]

PROFILE = named("unixfs-v1-2025")
_NAMES = st.sampled_from(["a", "b", "ä", "c.csv", "a-b"])
_TREES = st.dictionaries(
    st.lists(_NAMES, min_size=1, max_size=3).map(tuple), st.binary(max_size=2), max_size=8
)


def _honest(files: Files) -> Files:
    """Leave out files whose path goes through another file."""
    return {
        path: data
        for path, data in files.items()
        if not any(path[:depth] in files for depth in range(1, len(path)))
    }


def _add(store: MemoryStore, files: Files) -> Cid:
    importer = Importer(PROFILE)
    importer.begin_directory("")
    with store.writer() as writer:
        _fill(importer, files, writer.put)
        blocks, node = importer.end()
        writer.put(blocks)
    return node.cid


def _fill(importer: Importer, files: Files, put: object) -> None:
    assert callable(put)
    tops = sorted({path[0] for path in files})
    for name in tops:
        if (name,) in files:
            importer.begin_file(name)
            put(importer.feed(files[(name,)]))
        else:
            importer.begin_directory(name)
            _fill(importer, {p[1:]: d for p, d in files.items() if p[0] == name}, put)
        put(importer.end()[0])


def _cid(data: bytes) -> Cid:
    return add_bytes(data, PROFILE)[1].cid


def _expected(before: Files, after: Files) -> Iterator[Change]:
    for path in before.keys() | after.keys():
        old = _cid(before[path]) if path in before else None
        new = _cid(after[path]) if path in after else None
        if old != new:
            yield Change(path, old, new)


@given(_TREES.map(_honest), _TREES.map(_honest))
def test_changes_are_those_of_the_files(before: Files, after: Files) -> None:
    store = MemoryStore()
    found = list(stream(changes(_add(store, before), _add(store, after)), store.get))
    assert sorted(found, key=str) == sorted(_expected(before, after), key=str)


@given(_TREES.map(_honest))
def test_an_empty_side_is_every_file(files: Files) -> None:
    store = MemoryStore()
    root = _add(store, files)
    added = {change.path for change in stream(changes(None, root), store.get)}
    removed = {change.path for change in stream(changes(root, None), store.get)}
    assert added == removed == set(files)
    assert list(stream(changes(root, root), store.get)) == []


def test_what_is_equal_is_never_asked_for() -> None:
    store = MemoryStore()
    same: Files = {("same", str(n)): b"x" for n in range(50)}
    before = _add(store, {**same, ("change", "f"): b"1"})
    after = _add(store, {**same, ("change", "f"): b"2"})
    asked: list[Cid] = []

    def get(cid: Cid) -> Block:
        asked.append(cid)
        return store.get(cid)

    (change,) = stream(changes(before, after), get)
    assert change.path == ("change", "f")
    assert change.letter == "M"
    assert len(asked) <= 8  # two roots and two directories, each looked at and listed


def test_a_file_that_became_a_directory_is_deleted_and_its_entries_added() -> None:
    store = MemoryStore()
    before = _add(store, {("a",): b"1"})
    after = _add(store, {("a", "b"): b"1"})
    letters = [(c.letter, c.path) for c in stream(changes(before, after), store.get)]
    assert letters == [("D", ("a",)), ("A", ("a", "b"))]


@pytest.mark.parametrize(("depth", "whole"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
def test_a_tree_too_deep_is_refused(depth: int, whole: bool) -> None:
    store = MemoryStore()
    with store.writer() as writer:
        blocks, node = add_bytes(b"deep", PROFILE)
        writer.put(blocks)
        for _ in range(depth):
            builder = DirectoryBuilder(PROFILE)
            builder.add("d", node)
            blocks, node = builder.end()
            writer.put(blocks)
    walk = stream(changes(None, node.cid), store.get)
    if whole:
        assert len(list(walk)) == 1
    else:
        with pytest.raises(LimitExceeded, match="over the limit of 256"):
            list(walk)


def test_of_a_sharded_directory_only_slots_that_differ_are_read() -> None:
    store = MemoryStore()
    small = replace(PROFILE, name="sharded", hamt_threshold=1, hamt_fanout=8)

    def sharded(changed: bytes) -> Cid:
        builder = DirectoryBuilder(small)
        with store.writer() as writer:
            for at in range(500):
                blocks, node = add_bytes(changed if at == 7 else b"x", small)
                builder.add(f"{at:03}", node)
            blocks, node = builder.end()
            writer.put(blocks)
        return node.cid

    before, after = sharded(b"1"), sharded(b"2")
    asked: list[Cid] = []

    def get(cid: Cid) -> Block:
        asked.append(cid)
        return store.get(cid)

    (change,) = stream(changes(before, after), get)
    assert change == Change(("007",), _cid(b"1"), _cid(b"2"))
    assert len(asked) <= 12  # the way to one name, on either side


def test_a_directory_tells_all_its_names_where_one_is_new() -> None:
    store = MemoryStore()
    files: Files = {("d", name): name.encode() for name in ("a", "b", "c")}
    before = _add(store, files)

    def names(new: Files) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        walk = stream(walked(before, _add(store, new)), store.get)
        return [(step.path, step.names) for step in walk if isinstance(step, Folder)]

    assert names({**files, ("d", "b"): b"other"}) == [((), ("d",)), (("d",), ("b",))]
    assert names({("d", "b"): b"b"}) == [((), ("d",)), (("d",), ())]
    came = names({**files, ("d", "B"): b"new"})
    assert came == [((), ("d",)), (("d",), ("B", "a", "b", "c"))]
    assert names({("e", "f"): b""}) == [((), ("e",)), (("d",), ("a", "b", "c")), (("e",), ("f",))]
