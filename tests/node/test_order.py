"""Blocks are durable before a row names them: acts of the command line, watched as they write."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from jiaozi_node.cli.main import main
from jiaozi_node.formats import codecs, dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import roots
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.stores.api import BlockStore, BlockWriter, Change, Family, Names
from jiaozi_node.stores.leases import Leased
from jiaozi_node.stores.memory import MemoryNames, MemoryStore
from tests.gitrepo import GitRepo, needs_git

NOW = 1_700_000_000


class Watched(MemoryStore):
    """A store that tells which blocks would survive a power cut: those of acts that ended."""

    def __init__(self) -> None:
        self.durable: set[bytes] = set()
        super().__init__()

    @contextmanager
    def writer(self, family: Family = Family.OWN) -> Iterator[BlockWriter]:
        with super().writer(family) as inner:
            noting = Noting(inner)
            yield noting
        self.durable |= noting.put_

    def close(self) -> None:
        """Outlive the process that the command line thinks it is."""


class Noting:
    def __init__(self, inner: BlockWriter) -> None:
        self.inner = inner
        self.put_: set[bytes] = set()

    def put(self, blocks: Iterable[Block]) -> None:
        blocks = list(blocks)
        self.put_ |= {block.cid.multihash for block in blocks}
        self.inner.put(blocks)

    def present(self, cids: Sequence[Cid]) -> list[bool]:
        return self.inner.present(cids)


class Strict(MemoryNames):
    """Names that take no row whose blocks would not survive."""

    def __init__(self, store: Watched) -> None:
        super().__init__()
        self.store = store
        self.checked = 0

    def apply(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.value is not None:
                reader = roots.readers(NOW)[change.kind]
                for root in reader(change.kind, change.key, change.value):
                    self.see(root.cid, recursive=root.recursive)
        super().apply(changes)

    def see(self, root: Cid, *, recursive: bool) -> None:
        stack = [root]
        while stack:
            cid = stack.pop()
            assert cid.inline is not None or cid.multihash in self.store.durable, cid
            self.checked += 1
            if recursive:
                stack += codecs.links(cid.codec, self.store.get(cid).data)

    def close(self) -> None:
        """Outlive the process that the command line thinks it is."""


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Strict:
    store = Watched()
    names = Strict(store)

    def open_blocks(home: LocalHome, *, create: bool) -> BlockStore:
        home._blocks = Leased(store, home.leases)
        return home._blocks

    def open_names(home: LocalHome, *, create: bool) -> Names:
        home._names = names
        return names

    monkeypatch.setattr(LocalHome, "_open_blocks", open_blocks)
    monkeypatch.setattr(LocalHome, "_open_names", open_names)
    monkeypatch.setenv("JIAOZI_PATH", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "tester")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return names


def run(*words: str) -> None:
    assert main(words) == 0


def test_an_add_and_a_commit(names: Strict) -> None:
    run("init")
    for number in range(3):
        Path("a").write_text(f"{number}")
        Path(f"b{number}").write_text("more " * number)
        run("add", ".")
        run("commit", "-m", f"{number}")
    Path("a").write_text("tracked")
    run("commit", "-a", "-m", "last")
    assert names.checked > 20


@needs_git
def test_a_history_from_git(names: Strict, tmp_path: Path) -> None:
    git = GitRepo(tmp_path / "git")
    first = git.commit({"a": b"1", "d": {"b": b"2"}})
    git.ref("refs/heads/other", git.commit({"a": b"3"}, [first]))
    tag = b"object %s\ntype commit\ntag v1\ntagger A <a> 1 +0000\n\nx" % first.encode()
    git.ref("refs/tags/v1", git.put("tag", tag))
    run("init", "--from-git", str(git.path))
    assert names.checked > 20


def test_an_import_that_pins(names: Strict) -> None:
    run("ipfs", "init")
    Path("d").mkdir()
    for number in range(3):
        Path(f"d/{number}").write_text(f"{number}")
    before = names.checked
    run("ipfs", "add", "-r", "-q", "d")
    run("ipfs", "add", "-q", "--raw-leaves", "d/1")
    assert names.checked > before + 4


def test_blocks_and_values_that_are_pinned(names: Strict) -> None:
    run("ipfs", "init")
    Path("block").write_bytes(b"a block")
    Path("value").write_text('{"a": 1}')
    before = names.checked
    run("ipfs", "block", "put", "--pin", "block")
    run("ipfs", "dag", "put", "--pin", "value")
    assert names.checked > before + 1


def test_a_car_whose_roots_are_pinned(names: Strict, tmp_path: Path) -> None:
    from jiaozi_node.formats import car

    leaf = Block.of(b"leaf")
    top = Block.of(dag_cbor.encode([leaf.cid]), 0x71)
    parts = [car.header([top.cid]), car.section(leaf.cid, leaf.data)]
    Path("x.car").write_bytes(b"".join([*parts, car.section(top.cid, top.data)]))
    run("ipfs", "init")
    before = names.checked
    run("ipfs", "dag", "import", "x.car")
    run("ipfs", "pin", "rm", str(top.cid))
    run("ipfs", "pin", "add", str(top.cid))
    assert names.checked == before + 4
    assert os.path.exists(tmp_path / "home" / "version")


def test_a_merge_in_dispute_settled_and_a_pick(names: Strict) -> None:
    run("init")
    Path("a").write_text("base")
    run("add", ".")
    run("commit", "-m", "0")
    for branch in ("one", "other"):
        run("switch", "-c", branch, "main")
        Path("a").write_text(branch)
        run("commit", "-a", "-m", branch)
    before = names.checked
    assert main(("merge", "one")) == 1
    run("resolve", "--theirs", "a")
    run("merge", "--continue")
    run("revert", "-m", "1", "HEAD")
    assert names.checked > before + 20
