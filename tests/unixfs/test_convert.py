"""A converted tree is what a fresh import of the same files gives."""

from collections.abc import Mapping
from typing import TypeAlias, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import driven, run
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import profile as profiles
from jiaozi_node.unixfs.add import Importer, add_bytes
from jiaozi_node.unixfs.blocks import NotADirectory
from jiaozi_node.unixfs.convert import converted
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.unixfs.stat import stat

Tree: TypeAlias = Mapping[str, Union[bytes, str, "Tree"]]  # a file, a symlink, a directory

NAMES = ("unixfs-v1-2025", "unixfs-v0-2015", "kubo", "unixfs-v1-2025+mode")
CHUNKS = 600 * 1024  # over two chunks of one profile, below one of another

leaves = st.binary(max_size=40) | st.text("abc/.", min_size=1, max_size=9)
trees = st.recursive(
    st.dictionaries(st.text("abcä", min_size=1, max_size=4), leaves, max_size=4),
    lambda below: st.dictionaries(
        st.text("abcä", min_size=1, max_size=4), leaves | below, max_size=4
    ),
    max_leaves=12,
)


class Store:
    def __init__(self) -> None:
        self.held: dict[Cid, Block] = {}

    def keep(self, *blocks: Block) -> None:
        self.held.update((block.cid, block) for block in blocks)

    def add(self, tree: Tree, profile: Profile) -> Cid:
        """Import *tree* as `jiaozi add` does."""
        importer = Importer(profile)

        def put(name: str, value: object) -> Cid | None:
            if isinstance(value, bytes):
                blocks, node = importer.add_file(name, value)
            elif isinstance(value, str):
                blocks, node = importer.add_symlink(name, value.encode())
            else:
                assert isinstance(value, Mapping)
                importer.begin_directory(name)
                for below in value:
                    put(below, value[below])
                blocks, node = importer.end()
            self.keep(*blocks)
            return node.cid

        root = put("", tree)
        assert root is not None
        return root

    def convert(self, root: Cid, profile: Profile) -> Cid:
        return driven(converted(root, profile), self.held.__getitem__, self.keep)


@given(trees, st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_it_is_a_fresh_import(tree: Tree, one: str, other: str) -> None:
    store = Store()
    before, after = profiles.named(one), profiles.named(other)
    root = store.convert(store.add(tree, before), after)
    assert root == Store().add(tree, after)
    assert store.convert(root, before) == Store().add(tree, before)


@pytest.mark.parametrize("profile", NAMES[:2])
def test_large_files_and_sharded_directories_too(profile: str) -> None:
    many: Tree = {f"name-{number:05}": b"%d" % number for number in range(6000)}
    tree: Tree = {"many": many, "large": b"\0\1\2" * (CHUNKS // 3), "empty": {}, "nothing": b""}
    store = Store()
    for source in NAMES[:2]:
        root = store.add(tree, profiles.named(source))
        assert store.convert(root, profiles.named(profile)) == Store().add(
            tree, profiles.named(profile)
        )


def test_modes_and_times_stay_where_they_are_recorded() -> None:
    store, profile = Store(), profiles.named("unixfs-v1-2025+mode+mtime")
    importer = Importer(profile)
    importer.begin_directory("", 0o700, (5, 6))
    blocks, _node = importer.add_file("f", b"x", 0o755, (1, 2))
    store.keep(*blocks)
    blocks, node = importer.end()
    store.keep(*blocks)
    modes = store.convert(node.cid, profiles.named("unixfs-v1-2025+mode"))
    found = run(stat(modes), store.held.__getitem__)
    assert (found.mode, found.mtime) == (0o700, None)
    assert store.convert(node.cid, profile) == node.cid
    plain = store.convert(node.cid, profiles.named("unixfs-v1-2025"))
    assert plain == Store().add({"f": b"x"}, profiles.named("unixfs-v1-2025"))


def test_a_file_is_no_tree() -> None:
    store, profile = Store(), profiles.named("unixfs-v1-2025")
    blocks, node = add_bytes(b"x", profile)
    store.keep(*blocks)
    with pytest.raises(NotADirectory):
        store.convert(node.cid, profile)
