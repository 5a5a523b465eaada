"""What was imported is written out the same, with the manners of `ipfs get`."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.dag.walk import stream
from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs.add import add_bytes, symlink
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.node import Node
from jiaozi_node.unixfs.profile import PROFILES, Profile, named
from jiaozi_node.worktree import checkout
from jiaozi_node.worktree.checkout import materialize, write_tree
from jiaozi_node.worktree.import_tree import import_tree
from jiaozi_node.worktree.writer import CHECKOUT, GET, InTheWay, SafeWriter

KUBO = PROFILES["kubo"]
SHARDS = Profile("shards", hamt_threshold=40, hamt_fanout=8, chunk_size=100, file_width=3)
INLINE = Profile("inline", inline_limit=64)


class Store(dict[Cid, Block]):
    def put(self, blocks: Sequence[Block]) -> None:
        self.update((block.cid, block) for block in blocks)

    def get_block(self, cid: Cid) -> Block:
        try:
            return self[cid]
        except KeyError:
            raise BlockMissing(cid) from None

    def keep(self, made: tuple[list[Block], Node]) -> Node:
        self.put(made[0])
        return made[1]

    def tree(self, path: Path, profile: Profile) -> Cid:
        *_, last = import_tree(path, profile, self.put)
        return last.node.cid


def shape(path: Path) -> dict[str, tuple[str, bytes]]:
    found: dict[str, tuple[str, bytes]] = {}
    for place, directories, files in os.walk(path):
        for name in directories + files:
            full = os.path.join(place, name)
            key = os.path.relpath(full, path)
            if os.path.islink(full):
                found[key] = ("link", os.fsencode(os.readlink(full)))
            elif os.path.isdir(full):
                found[key] = ("directory", b"")
            else:
                with open(full, "rb") as file:
                    found[key] = ("file", file.read())
    return found


def is_name(raw: bytes) -> bool:
    return b"/" not in raw and b"\0" not in raw and raw not in (b".", b"..")


NAME = st.one_of(
    st.binary(min_size=1, max_size=6), st.sampled_from([b"a", b"b", b"A", b"\xc3\xa9", b"..."])
).filter(is_name)
TREES: st.SearchStrategy[object] = st.recursive(
    st.one_of(st.binary(max_size=400), st.just("link")),
    lambda inner: st.dictionaries(NAME, inner, max_size=5),
    max_leaves=20,
)


def plant(place: bytes, tree: object) -> None:
    if isinstance(tree, dict):
        os.mkdir(place)
        for name, below in tree.items():
            plant(place + b"/" + name, below)
    elif isinstance(tree, bytes):
        with open(place, "wb") as out:
            out.write(tree)
    else:
        os.symlink(b"../nowhere/\xff", place)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAME, TREES, max_size=4), st.sampled_from([KUBO, SHARDS, INLINE]))
def test_any_tree_comes_out_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[bytes, object], profile: Profile
) -> None:
    top = tmp_path_factory.mktemp("round")
    plant(os.fsencode(top / "in"), tree)
    store = Store()
    root = store.tree(top / "in", profile)
    assert write_tree(root, store.get_block, top / "out") == str(top / "out")
    assert shape(top / "out") == shape(top / "in")
    assert store.tree(top / "out", profile) == root


def test_modes_and_times_come_back(tmp_path: Path) -> None:
    profile = named("kubo+mode+mtime")
    source = tmp_path / "in"
    (source / "d").mkdir(parents=True)
    (source / "d" / "f").write_bytes(b"x" * 300_000)
    (source / "l").symlink_to("d/f")
    os.chmod(source / "d" / "f", 0o640)
    for path, at in ((source / "d" / "f", 5), (source / "d", 6), (source, 7)):
        os.utime(path, ns=(at, -(10**9) * 7 + at))
    os.utime(source / "l", ns=(8, 8), follow_symlinks=False)
    os.chmod(source / "d", 0o555)
    store = Store()
    root = store.tree(source, profile)
    for rules in (GET, CHECKOUT):
        out = tmp_path / rules.name
        write_tree(root, store.get_block, out, rules=rules)
        assert store.tree(out, profile) == root
        assert stat.S_IMODE(os.stat(out / "d").st_mode) == 0o555
        assert os.stat(out / "d" / "f").st_mtime_ns == -(10**9) * 7 + 5
        os.chmod(out / "d", 0o755)


def test_progress_counts_files_and_bytes(tmp_path: Path) -> None:
    store = Store()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "big").write_bytes(b"1" * 1000)
    (tmp_path / "in" / "small").write_bytes(b"2" * 10)
    (tmp_path / "in" / "l").symlink_to("x")
    root = store.tree(tmp_path / "in", SHARDS)
    seen = [0, 0]

    def count(files: int, size: int) -> None:
        seen[0] += files
        seen[1] += size

    write_tree(root, store.get_block, tmp_path / "out", progress=count)
    assert seen == [3, 1010]


# What Kubo 0.43 does with each was seen by running `ipfs get -o`.
def test_a_file_goes_into_a_directory_that_is_there(tmp_path: Path) -> None:
    store = Store()
    node = store.keep(add_bytes(b"hi", KUBO))
    (tmp_path / "d").mkdir()
    assert write_tree(node.cid, store.get_block, tmp_path / "d", name="a") == f"{tmp_path}/d/a"
    assert (tmp_path / "d" / "a").read_bytes() == b"hi"
    assert write_tree(node.cid, store.get_block, tmp_path / "d") == f"{tmp_path}/d/{node.cid}"
    (tmp_path / "d" / "b" / "x").mkdir(parents=True)
    with pytest.raises(InTheWay, match="isn't empty"):
        write_tree(node.cid, store.get_block, tmp_path / "d", name="b")


def test_a_file_replaces_a_link_and_never_follows_it(tmp_path: Path) -> None:
    store = Store()
    node = store.keep(add_bytes(b"hi", KUBO))
    link = store.keep(symlink(b"/etc/passwd", KUBO))
    (tmp_path / "canary").write_bytes(b"canary")
    (tmp_path / "out").symlink_to("canary")
    for root in (link, node):
        write_tree(root.cid, store.get_block, tmp_path / "out")
        assert (tmp_path / "canary").read_bytes() == b"canary"
    assert (tmp_path / "out").read_bytes() == b"hi"
    assert not (tmp_path / "out").is_symlink()
    (tmp_path / "d").mkdir()
    (tmp_path / "to-d").symlink_to("d")
    write_tree(node.cid, store.get_block, tmp_path / "to-d" / "f")  # a parent: the caller's word
    assert (tmp_path / "d" / "f").read_bytes() == b"hi"


def test_a_directory_merges_and_takes_no_other_place(tmp_path: Path) -> None:
    store = Store()
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "a").write_bytes(b"new")
    root = store.tree(tmp_path / "in", KUBO)
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    (out / "a").write_bytes(b"old")
    (out / "other").write_bytes(b"kept")
    write_tree(root, store.get_block, out)
    assert {name: (out / name).read_bytes() for name in ("a", "other")} == {
        "a": b"new",
        "other": b"kept",
    }
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("out")
    for name, why in (("file", "not a directory"), ("link", "symbolic link")):
        with pytest.raises(InTheWay, match=why):
            write_tree(root, store.get_block, tmp_path / name)


def test_a_device_is_never_replaced(tmp_path: Path) -> None:
    store = Store()
    node = store.keep(add_bytes(b"hi", KUBO))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InTheWay, match="device, pipe or socket"):
        write_tree(node.cid, store.get_block, tmp_path / "pipe")
    before = os.lstat(os.devnull)
    write_tree(node.cid, store.get_block, os.devnull)
    assert os.lstat(os.devnull).st_rdev == before.st_rdev


def test_a_parent_that_is_missing_is_an_error_for_a_file_only(tmp_path: Path) -> None:
    store = Store()
    node = store.keep(add_bytes(b"hi", KUBO))
    empty = store.keep(DirectoryBuilder(KUBO).end())
    with pytest.raises(Exception, match="no such file"):
        write_tree(node.cid, store.get_block, tmp_path / "a" / "b")
    write_tree(empty.cid, store.get_block, tmp_path / "a" / "b")
    assert stat.S_IMODE(os.stat(tmp_path / "a" / "b").st_mode) == 0o755


def test_a_missing_block_leaves_no_half_file(tmp_path: Path) -> None:
    store = Store()
    node = store.keep(add_bytes(bytes(range(256)) * 4, SHARDS))
    leaves = [cid for cid in store if cid != node.cid]
    del store[leaves[-1]]
    with pytest.raises(BlockMissing):
        write_tree(node.cid, store.get_block, tmp_path / "f")
    assert os.listdir(tmp_path) == []


def test_a_file_can_not_be_the_target_directory(tmp_path: Path) -> None:
    store = Store()
    node = store.keep(add_bytes(b"hi", KUBO))
    with SafeWriter(tmp_path) as writer, pytest.raises(Misuse, match="target directory"):
        list(stream(materialize(node.cid, writer), store.get_block))


def test_the_entries_of_a_directory_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    (tmp_path / "in").mkdir()
    for number in range(11):
        (tmp_path / "in" / str(number)).write_bytes(b"")
    root = store.tree(tmp_path / "in", SHARDS)
    monkeypatch.setattr(checkout, "MAX_ENTRIES", 10)
    with pytest.raises(LimitExceeded, match="entries"):
        write_tree(root, store.get_block, tmp_path / "out")
