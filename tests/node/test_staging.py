"""Staging everything by what differs gives the tree that importing everything gives."""

import os
import shutil
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import JiaoziError
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import staging
from jiaozi_node.node.staging import Staging
from jiaozi_node.stores.memory import MemoryStore
from jiaozi_node.unixfs import build
from jiaozi_node.unixfs.profile import Profile, named
from jiaozi_node.worktree.index import StatIndex

FLAT = named("unixfs-v1-2025")
NAMES = ("a", "b", "c")
PATHS = [Path(name) for name in NAMES] + [Path(one) / two for one in NAMES for two in NAMES]
PATHS += [Path("a") / "b" / name for name in NAMES]
_ONE = st.sampled_from(PATHS)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["write", "append", "remove", "link", "mkdir", "rename", "rules", "pipe", "odd"]
        ),
        _ONE,
        _ONE,
    ),
    max_size=6,
)


def act(root: Path, how: str, one: Path, other: Path, number: int) -> None:
    """Do something to the files; what can't be done is passed over."""
    here = root / one
    try:
        if how in ("write", "append") and here.is_fifo():
            return  # there is nobody to read it
        if how == "write":
            here.parent.mkdir(parents=True, exist_ok=True)
            here.write_text("x" * number)
        elif how == "append":
            with here.open("a") as file:
                file.write("y")
        elif how == "remove":
            if here.is_dir() and not here.is_symlink():
                shutil.rmtree(here)
            else:
                here.unlink()
        elif how == "link":
            here.symlink_to(other)
        elif how == "mkdir":
            here.mkdir(parents=True)
        elif how == "rename":
            here.rename(root / other)
        elif how == "rules":
            (here.parent / ".jiaoziignore").write_text(f"{other.name}\n")
        elif how == "pipe" and number % 3 == 0:
            os.mkfifo(here)
        elif how == "odd" and number % 3 == 0:
            (here.parent / ".JIAOZI").touch()
    except OSError:
        return


class _BothRefuse(Exception):
    """What can't be staged either way."""


class _Twice(Staging):
    """Stages both ways, and tells whether they agree."""

    agreed = 0

    def _compared(self, tree: Cid, put: staging.Put, index: StatIndex) -> Cid | None:
        told: list[object] = []
        for way in (super()._compared, self._all):
            try:
                told.append(way(tree, put, index))
            except JiaoziError as fault:
                told.append((type(fault), str(fault)))
        if told[0] is not None:  # of several that are refused either may be named
            assert told[0] == told[1] or not any(isinstance(one, Cid) for one in told)
            _Twice.agreed += 1
        if not isinstance(told[1], Cid):
            raise _BothRefuse
        return told[1]

    def _all(self, tree: Cid, put: staging.Put, _index: StatIndex) -> Cid:
        with closing(StatIndex(f"{self._root}.index", "p")) as index:
            return self._imported(self._root, (), tree, put, index, force=False).cid


def stage(store: MemoryStore, root: Path, tree: Cid, profile: Profile = FLAT) -> Cid:
    work = _Twice(store, f"{root}", root.parent / "home", profile, _quiet, dry_run=False)
    return work.of_paths([f"{root}"], tree, force=False).tree


def _quiet(_files: int, _bytes: int) -> None:
    pass


def empty(store: MemoryStore) -> Cid:
    blocks, node = build.build([], FLAT, None, None)
    with store.writer() as writer:
        writer.put(blocks)
    return node.cid


@settings(max_examples=80, deadline=None)
@given(st.lists(STEPS, max_size=5))
def test_what_differs_is_all_that_must_be_imported(
    tmp_path_factory: pytest.TempPathFactory, rounds: Sequence[list[tuple[str, Path, Path]]]
) -> None:
    root = tmp_path_factory.mktemp("copy") / "root"
    (root / ".jiaozi").mkdir(parents=True)
    store = MemoryStore()
    tree = empty(store)
    (root / "a").write_text("there is something")
    number = 0
    for steps in ([], *rounds):
        for how, one, other in steps:
            number += 1
            act(root, how, one, other, number)
        with suppress(_BothRefuse):
            tree = stage(store, root, tree)


def test_many_new_entries_are_imported_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "MAX_APART", 3)
    root = tmp_path / "root"
    (root / ".jiaozi").mkdir(parents=True)
    store = MemoryStore()
    (root / "first").touch()
    tree = stage(store, root, empty(store))
    for many in (3, 4):
        before = _Twice.agreed
        for at in range(many):
            (root / f"{many} {at}").touch()
        tree = stage(store, root, tree)
        assert _Twice.agreed - before == (many == 3)


@pytest.mark.parametrize("profile", ["unixfs-v1-2025+mode", "unixfs-v1-2025+mtime"])
def test_directories_with_modes_or_times_are_imported_whole(tmp_path: Path, profile: str) -> None:
    root = tmp_path / "root"
    (root / ".jiaozi").mkdir(parents=True)
    (root / "d").mkdir()
    (root / "d" / "file").touch()
    store = MemoryStore()
    before = _Twice.agreed
    first = stage(store, root, empty(store), named(profile))
    (root / "d").chmod(0o700)
    os.utime(root / "d", ns=(10**18, 10**18))
    assert stage(store, root, first, named(profile)) != first
    assert _Twice.agreed == before
