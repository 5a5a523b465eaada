"""Importing a directory gives the CIDs of its content, and refuses what moves underneath."""

import io
import os
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.dag.walk import stream
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.add import add_bytes
from jiaozi_node.unixfs.directory import entries
from jiaozi_node.unixfs.node import Node
from jiaozi_node.unixfs.profile import PROFILES, Profile, named
from jiaozi_node.unixfs.read import read
from jiaozi_node.worktree import import_tree as module
from jiaozi_node.worktree.ignore import GitRules, KuboRules
from jiaozi_node.worktree.import_tree import Added, Reader, Sink, Spared, import_stream, import_tree
from jiaozi_node.worktree.index import StatIndex
from jiaozi_node.worktree.scan import Changed, Unrecognized, Vanished

KUBO = PROFILES["kubo"]
V1 = PROFILES["unixfs-v1-2025"]


class Kept(dict[Cid, Block]):
    """A put that keeps blocks by their CID."""

    def __call__(self, blocks: Sequence[Block]) -> None:
        self.update((block.cid, block) for block in blocks)


def finish(walk: Generator[Added, None, Node]) -> tuple[list[Added], Node]:
    added = []
    while True:
        try:
            added.append(next(walk))
        except StopIteration as stop:
            node: Node = stop.value
            return added, node


def root_of(path: Path, profile: Profile = KUBO, **options: Any) -> str:
    return str(finish(import_tree(path, profile, None, **options))[1].cid)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What Kubo 0.43 was given for the CIDs below."""
    top = tmp_path / "t"
    (top / "sub" / "e").mkdir(parents=True)
    (top / ".h").mkdir()
    (top / "a").write_bytes(b"hi\n")
    (top / ".h" / "f").write_bytes(b"x\n")
    (top / "l").symlink_to("a")
    (top / "ls").symlink_to("sub")
    return top


# Each CID is what Kubo 0.43.0 printed: `ipfs add -r -n` with the options named.
def test_kubos_cids_come_out_by_its_options(tree: Path) -> None:
    (tree / "broken").symlink_to("nowhere")
    assert root_of(tree, hidden=False) == "QmfJwYpVCHFuKE7qHMjwsVZgeEioPWSSbdEPxcRCqKPaVL"
    assert root_of(tree) == "QmV5jr7XEbGkdB7pvp958Rd4ynMq6Q9NgnjavzhPYu8Vto"  # -H
    os.unlink(tree / "broken")
    follow = root_of(tree, hidden=False, follow=True)  # --dereference-symlinks
    assert follow == "QmZgmNpv6ow7rHVr7ZipPrJ1mpztDtf1Hea1SdemJoW2e2"
    no_empty = root_of(tree, hidden=False, empty_directories=False)  # --empty-dirs=false
    assert no_empty == "QmPCiywQUpvawpj73cqvnmoiavQkLgK7ZH5ia6dryYiDPs"


def test_mode_and_mtime_are_recorded_where_the_profile_says(tree: Path) -> None:
    sub = tree / "sub"
    for path in (tree / "a", sub / "e", sub, tree):
        os.utime(path, (978307200, 978307200))
    os.chmod(tree / "a", 0o4755)
    added, _ = finish(import_tree(sub, named("kubo+mtime"), None))
    kept = Kept()
    assert [item.mtime for item in added] == [(978307200, 0), (978307200, 0)]
    added, node = finish(import_tree(tree / "a", named("kubo+mode+mtime"), kept))
    assert (added[0].mode, added[0].mtime) == (0o4755, (978307200, 0))
    assert node.cid == add_bytes(b"hi\n", KUBO, 0o4755, (978307200, 0))[1].cid
    _, given = finish(import_tree(tree / "a", KUBO, None, mode=0o4755, mtime=(978307200, 0)))
    assert given.cid == node.cid


def test_children_come_before_their_directory(tree: Path) -> None:
    added, node = finish(import_tree(tree, KUBO, None))
    paths = ["/".join(item.parts) for item in added]
    assert paths == [".h/f", ".h", "a", "l", "ls", "sub/e", "sub", ""]
    assert added[-1].node == node


def test_every_block_of_the_tree_is_handed_on(tree: Path) -> None:
    (tree / "big").write_bytes(os.urandom(700_000))
    kept = Kept()
    node = finish(import_tree(tree, KUBO, kept))[1]
    found = {entry.name: entry.cid for entry in stream(entries(node.cid), kept.__getitem__)}
    assert set(found) == {".h", "a", "big", "l", "ls", "sub"}
    whole = b"".join(stream(read(found["big"]), kept.__getitem__))
    assert whole == (tree / "big").read_bytes()


@pytest.mark.parametrize("profile", [KUBO, V1], ids=lambda profile: profile.name)
def test_a_large_file_is_the_same_whoever_hashes_it(
    tmp_path: Path, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(5 * 1024 * 1024 + 13)
    (tmp_path / "f").write_bytes(data)
    expect = add_bytes(data, profile)[1]
    seen = 0

    def progress(_files: int, size: int) -> None:
        nonlocal seen
        seen += size

    for workers in (1, 2):
        for put in (None, Kept()):
            with Reader(profile, Sink(put), progress) as reader:
                monkeypatch.setattr(reader._crew, "workers", workers)
                assert reader.file(None, str(tmp_path / "f"), "")[0] == expect
            assert seen == len(data)
            seen = 0


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=3000), st.sampled_from([1, 7, 1000, 4096]))
def test_files_of_any_length_give_the_cid_of_their_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, chunk: int
) -> None:
    path = tmp_path_factory.mktemp("import") / "f"
    path.write_bytes(data)
    profile = Profile("test", chunk_size=chunk, file_width=3)
    expect = add_bytes(data, profile)[1]
    assert finish(import_tree(path, profile, None))[1] == expect
    assert import_stream(io.BytesIO(data).read, profile, None) == expect
    kept = Kept()
    import_stream(io.BytesIO(data).read, profile, kept)
    assert b"".join(stream(read(expect.cid), kept.__getitem__)) == data


def test_rules_say_what_is_left_out(tree: Path) -> None:
    (tree / ".jiaozi").mkdir()
    (tree / ".jiaoziignore").write_text("l*\nsub/\n.jiaoziignore\n")
    added, _ = finish(import_tree(tree, KUBO, None, rules=GitRules()))
    assert ["/".join(item.parts) for item in added] == [".h/f", ".h", "a", ""]
    added, _ = finish(import_tree(tree, KUBO, None, rules=KuboRules(["a", "*l*"]), hidden=False))
    assert ["/".join(item.parts) for item in added] == ["sub/e", "sub", ""]


def test_a_pipe_in_a_tree_is_refused_unless_a_rule_skips_it(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    with pytest.raises(Unrecognized, match=r"t/pipe: prw"):
        root_of(tree)
    without = root_of(tree, hidden=False, rules=KuboRules(["pipe"]))
    os.unlink(tree / "pipe")
    assert without == root_of(tree, hidden=False)


def test_a_file_that_grows_while_it_is_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in (10, 300_000, 5_000_000):
        path = tmp_path / "f"
        path.write_bytes(b"\0" * size)
        real = os.fstat
        grown = False

        def grow(fd: int, path: Path = path, real: Any = real) -> os.stat_result:
            nonlocal grown
            found: os.stat_result = real(fd)
            if not grown:
                grown = True
                with open(path, "ab") as out:
                    out.write(b"x")
            return found

        monkeypatch.setattr(os, "fstat", grow)
        with pytest.raises(Changed, match="f changed while it was read"):
            root_of(path)
        monkeypatch.setattr(os, "fstat", real)


def test_a_file_that_shrinks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"\0" * 5_000_000)
    real = os.pread

    def shrink(fd: int, size: int, offset: int) -> bytes:
        os.truncate(path, 4_500_000)
        return real(fd, size, offset)

    monkeypatch.setattr(os, "pread", shrink)
    with Reader(KUBO, Sink(None)) as reader:
        monkeypatch.setattr(reader._crew, "workers", 2)
        with pytest.raises(Changed, match="f changed"):
            reader.file(None, str(path), "")


def test_a_file_that_vanishes_or_turns_into_a_link_is_named(tree: Path) -> None:
    walk = import_tree(tree, KUBO, None, hidden=False)
    assert next(walk).parts == ("a",)
    os.unlink(tree / "l")
    with pytest.raises(Vanished, match="t/l: no such file"):
        finish(walk)
    (tree / "l").write_bytes(b"")
    with Reader(KUBO, Sink(None)) as reader, pytest.raises(Exception, match="ls"):
        reader.file(None, str(tree / "ls"), "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read_is_named(tree: Path) -> None:
    os.chmod(tree / "a", 0)
    with pytest.raises(Exception, match=r"read .*t/a: permission denied"):
        root_of(tree)


def test_files_of_proc_are_taken_as_they_come() -> None:
    if not os.path.exists("/proc/version"):
        pytest.skip("no /proc")
    with open("/proc/version", "rb") as file:
        expect = add_bytes(file.read(), KUBO)[1].cid
    assert root_of(Path("/proc/version")) == str(expect)


def test_the_index_spares_hashing_where_it_may(tmp_path: Path) -> None:
    top = tmp_path / "t"
    (top / "d").mkdir(parents=True)
    (top / "d" / "f").write_bytes(b"one")
    # An index begun a moment after the file was last changed; a utime makes the moment pass.
    index_path = tmp_path / "index.db"
    while True:
        index = StatIndex(index_path, KUBO.name)
        kept = Kept()
        node = finish(import_tree(top, KUBO, kept, spared=Spared(index, b"p/")))[1]
        if index.find(b"p/d/f", os.lstat(top / "d" / "f")):
            break
        index.close()
    index.save()
    reads: list[tuple[str, ...]] = []

    def allow(parts: tuple[str, ...], cid: Cid) -> bool:
        assert cid in kept
        reads.append(parts)
        return False

    again = Kept()
    assert finish(import_tree(top, KUBO, again, spared=Spared(index, b"p/", allow)))[1] == node
    assert reads == [("d", "f")]
    assert again == kept
    spare = Kept()
    assert finish(import_tree(top, KUBO, spare, spared=Spared(index, b"p/")))[1] == node
    assert set(kept) - set(spare) == {add_bytes(b"one", KUBO)[1].cid}
    (top / "d" / "f").write_bytes(b"two")
    changed = finish(import_tree(top, KUBO, None, spared=Spared(index, b"p/")))[1]
    assert changed.cid != node.cid
    index.close()


def test_an_import_that_is_dropped_leaves_nothing_open(tree: Path) -> None:
    (tree / "big").write_bytes(os.urandom(5_000_000))
    before = len(os.listdir("/proc/self/fd"))
    walk = import_tree(tree, KUBO, None)
    for item in walk:
        if item.parts == ("big",):
            break
    walk.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_blocks_come_in_batches(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / str(number)).write_bytes(b"%d" % number)
    sizes: list[int] = []
    finish(import_tree(tmp_path, V1, lambda blocks: sizes.append(len(blocks))))
    assert sum(sizes) == 3001
    assert max(sizes) <= module.BATCH_BLOCKS
