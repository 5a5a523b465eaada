"""A directory held against a tree, with an index that knows much, little, or the wrong version."""

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.dag.walk import stream
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.memory import MemoryStore
from jiaozi_node.unixfs.changes import changes
from jiaozi_node.unixfs.profile import named
from jiaozi_node.worktree.compare import DELETED, MODIFIED, UNTRACKED, compare
from jiaozi_node.worktree.import_tree import Reader, import_tree
from jiaozi_node.worktree.index import StatIndex

FLAT = named("unixfs-v1-2025")
NAMES = ("a", "b", "c")
PATHS = [Path(name) for name in NAMES] + [Path(one) / two for one in NAMES for two in NAMES]


def tree_of(root: Path, store: MemoryStore) -> Cid:
    with store.writer() as writer:
        importing = import_tree(root, FLAT, writer.put)
        while True:
            try:
                next(importing)
            except StopIteration as stop:
                cid: Cid = stop.value.cid
                return cid


def index_at(path: Path) -> StatIndex:
    """An index that takes all it sees for long past: no two writes of these tests look alike."""
    index = StatIndex(path, "p")
    index._began_ns = 2**62
    return index


def naive(root: Path, tree: Cid, store: MemoryStore) -> set[tuple[str, str]]:
    """What differs, found by importing everything."""
    out: set[tuple[str, str]] = set()
    for change in stream(changes(tree, tree_of(root, store)), store.get):
        out.add((change.letter, "/".join(change.path)))
    return out


def told(root: Path, tree: Cid, get: Callable[[Cid], Block], index: StatIndex) -> dict[str, str]:
    return {
        "/".join(found.parts): found.letter
        for found in compare(str(root), tree, get, FLAT, index)
        if not found.folder
    }


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(PATHS)),
        st.tuples(st.just("link"), st.sampled_from(PATHS)),
        st.tuples(st.just("remove"), st.sampled_from(PATHS)),
        st.tuples(st.just("touch"), st.sampled_from(PATHS)),
        st.tuples(st.just("take"), st.just(Path())),  # a new version becomes the tree
        st.tuples(st.just("back"), st.just(Path())),  # the one before becomes the tree
        st.tuples(st.just("look"), st.just(Path())),
    ),
    max_size=30,
)


@settings(max_examples=120, deadline=None)
@given(STEPS)
def test_what_differs_is_told_whatever_the_index_knows(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Path]]
) -> None:
    home = tmp_path_factory.mktemp("compare")
    root = home / "root"
    root.mkdir()
    store = MemoryStore()
    trees = [tree_of(root, store)]
    for number, (what, path) in enumerate([*steps, ("look", Path())]):
        at = root / path
        if what in ("write", "link", "remove"):
            if at.parent.is_symlink() or at.parent.is_file():
                at.parent.unlink()
            if at.is_dir() and not at.is_symlink():
                shutil.rmtree(at)
            elif at.is_symlink() or at.exists():
                at.unlink()
        if what == "write":
            at.parent.mkdir(exist_ok=True)
            at.write_bytes(b"x" * number)
        elif what == "link":
            at.parent.mkdir(exist_ok=True)
            at.symlink_to("t" * (number + 1))
        elif what == "touch" and at.is_file() and not at.is_symlink():
            os.utime(at, ns=(number, number))
        elif what == "take":
            trees.append(tree_of(root, store))
        elif what == "back" and len(trees) > 1:
            trees.pop()
        elif what == "look":
            with closing(index_at(home / "index.db")) as index:
                found = told(root, trees[-1], store.get, index)
                index.save()
            tracked = {(letter, path) for path, letter in found.items() if letter != UNTRACKED}
            plain = naive(root, trees[-1], store)
            # A file where a directory was, or the reverse, is told as gone and untracked.
            assert {one for one in plain if one[0] == "D"} <= tracked
            assert {one for one in plain if one[0] == "M"} == {
                one for one in tracked if one[0] == MODIFIED
            }
            assert {one[1] for one in tracked if one[0] == DELETED} <= {
                path for letter, path in plain if letter == "D"
            }


def test_a_clean_directory_is_told_clean_without_a_block_or_an_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    for name in ("a", "b/c", "b/d/e"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    (root / "link").symlink_to("a")
    store = MemoryStore()
    tree = tree_of(root, store)
    with closing(index_at(tmp_path / "index.db")) as index:
        assert told(root, tree, store.get, index) == {}
        index.save()

    def refused(*_what: object) -> Block:
        raise AssertionError("nothing need be read")

    monkeypatch.setattr(Reader, "file", refused)
    with closing(index_at(tmp_path / "index.db")) as index:
        assert told(root, tree, refused, index) == {}
        (root / "b" / "new").write_bytes(b"")
        (root / "b" / "d" / "e").unlink()
        with closing(index_at(tmp_path / "index.db")) as again:
            assert told(root, tree, refused, again) == {"b/new": UNTRACKED, "b/d/e": DELETED}


def test_a_file_that_was_changed_is_hashed_once_and_known_as_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").write_bytes(b"one")
    (root / "b").write_bytes(b"two")
    store = MemoryStore()
    tree = tree_of(root, store)
    (root / "a").write_bytes(b"another")
    read: list[object] = []
    plain = Reader.file

    def counted(reader: Reader, *what: object) -> object:
        read.append(what[1])
        return plain(reader, *what)  # type: ignore[arg-type]

    monkeypatch.setattr(Reader, "file", counted)
    for expected in ({"a", "b"}, set(), set()):
        read.clear()
        with closing(index_at(tmp_path / "index.db")) as index:
            assert told(root, tree, store.get, index) == {"a": MODIFIED}
            index.save()
        assert set(read) == expected
