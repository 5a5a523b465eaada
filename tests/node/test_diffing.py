"""A diff reads what differs and what it was asked about, and names a block of that it misses."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jiaozi_node.dag.walk import stream
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import diffing
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.repository import Repository
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs import compare
from jiaozi_node.versioning.agent import Agent


@dataclass
class Narrow:
    """A home whose store raises for blocks that are not *allowed*, whoever asks."""

    inner: Any
    allowed: Callable[[Cid], bool]
    read: set[Cid]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @property
    def blocks(self) -> "Narrow":
        return Narrow(self.inner.blocks, self.allowed, self.read)

    def get(self, cid: Cid) -> Block:
        if not self.allowed(cid):
            raise BlockMissing(cid)
        self.read.add(cid)
        block: Block = self.inner.get(cid)
        return block

    def size(self, cid: Cid) -> int:
        return len(self.get(cid).data)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    home = LocalHome.create(tmp_path / "home")
    found, _ = Repository.init(
        home, tmp_path / "work", profile=None, alias=None, branch="main", now=1
    )
    yield found
    home.close()


def commit(repository: Repository, files: dict[str, str | None]) -> Cid:
    for name, text in files.items():
        path = Path(repository.root, name)
        path.parent.mkdir(exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    repository.stage([repository.root])
    return repository.commit("m", Agent("A"), 1, 0).cid


def narrowed(
    repository: Repository, allowed: Callable[[Cid], bool], read: set[Cid] | None = None
) -> Repository:
    out = copy.copy(repository)
    out.home = Narrow(repository.home, allowed, set() if read is None else read)
    return out


def between(
    repository: Repository, revisions: list[str], within: Sequence[tuple[str, ...]] = ()
) -> Iterator[diffing.Delta]:
    return diffing.between(repository, diffing.ends(repository, revisions), within=within)


def letters(found: Iterator[diffing.Delta]) -> list[tuple[str, str]]:
    return [(delta.letter, delta.path) for delta in found]


def test_only_directories_that_differ_are_read_and_no_file(repository: Repository) -> None:
    first = commit(repository, {"same/x": "x", "a/changed": "1", "a/kept": "k", "b/gone": "moves"})
    second = commit(repository, {"a/changed": "2", "b/gone": None, "c/came": "moves"})
    read: set[Cid] = set()
    watched = narrowed(repository, lambda _cid: True, read)
    revisions = [str(first), str(second)]
    expected = [("M", "a/changed"), ("R", "c/came")]
    assert letters(between(watched, revisions)) == expected
    trees = [repository.commit_at(cid).tree for cid in (first, second)]
    content = {
        cid
        for tree in trees
        for pair in stream(compare.files(None, tree), repository.home.blocks.get)
        for cid in (pair.before, pair.after)
    }
    assert not read & content
    assert len(read) == 2 + 2 + 4 + 1  # commits, roots, a and b on both sides, c on one
    narrow = narrowed(repository, read.__contains__)
    assert letters(between(narrow, revisions)) == expected


def test_beside_the_paths_asked_about_nothing_is_read(repository: Repository) -> None:
    first = commit(repository, {"a/x": "1", "b/y": "1"})
    second = commit(repository, {"a/x": "2", "b/y": "2"})
    roots = {repository.commit_at(cid).tree for cid in (first, second)}
    read: set[Cid] = set()
    watched = narrowed(repository, lambda _cid: True, read)
    revisions = [str(first), str(second)]
    assert letters(between(watched, revisions, within=[("a",)])) == [("M", "a/x")]
    assert len(read) == 2 + 2 + 2
    assert roots <= read
    everything = set(read)
    assert letters(between(watched, revisions)) == [("M", "a/x"), ("M", "b/y")]
    missing = read - everything
    assert missing
    narrow = narrowed(repository, everything.__contains__)
    assert letters(between(narrow, revisions, within=[("a",), ("a", "x")])) == [("M", "a/x")]
    with pytest.raises(BlockMissing) as raised:
        list(between(narrow, revisions))
    assert raised.value.cid in missing


def test_a_missing_file_matters_only_to_its_lines(repository: Repository) -> None:
    first = commit(repository, {"f": "1\n"})
    second = commit(repository, {"f": "2\n"})
    (delta,) = between(repository, [str(first), str(second)])
    narrow = narrowed(repository, lambda cid: cid != delta.before)
    assert letters(between(narrow, [str(first), str(second)])) == [("M", "f")]
    with pytest.raises(BlockMissing) as raised:
        diffing.lines(narrow, delta)
    assert raised.value.cid == delta.before


def test_a_large_file_is_not_read(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    first = commit(repository, {"f": "1\n" * 50})
    second = commit(repository, {"f": "2\n" * 51})
    (delta,) = between(repository, [str(first), str(second)])
    monkeypatch.setattr("jiaozi_node.versioning.patch.MAX_TEXT_BYTES", 101)
    assert diffing.lines(repository, delta).added is None
    monkeypatch.setattr("jiaozi_node.versioning.patch.MAX_TEXT_BYTES", 102)
    assert diffing.lines(repository, delta).added == 51
