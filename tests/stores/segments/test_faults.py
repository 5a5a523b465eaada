"""Each step on the disk failed in turn: an error says so, and nothing acknowledged is lost."""

import errno
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from jiaozi_node.errors import Unavailable
from jiaozi_node.formats.block import Block
from jiaozi_node.stores.api import Family
from jiaozi_node.stores.segments import checkpoint, disk, pipeline
from jiaozi_node.stores.segments.faults import DiskFull, WritesFailed
from jiaozi_node.stores.segments.store import SegmentStore
from tests.stores.segments.given import bits, copied, failing, fate, has_all, opened, put, some

BEFORE = some(50, 300, "before ")
OWN = some(120, 300, "own ")
PUBLIC = some(120, 300, "public ")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY_BYTES", 30_000)
    monkeypatch.setattr(pipeline, "CHUNK_BYTES", 8_000)
    monkeypatch.setattr(pipeline, "BATCH_ROWS", 20)


class Acts:
    """A few acts, and what of them was acknowledged."""

    def __init__(self) -> None:
        self.here: set[Block] = set(BEFORE)
        self.gone: set[Block] = set()
        self.failed = 0

    def run(self, store: SegmentStore) -> None:
        self._try(lambda: put(store, OWN), OWN)
        self._try(lambda: put(store, PUBLIC + OWN[:20], Family.PUBLIC), PUBLIC)
        self._try(lambda: store.drop([block.cid for block in OWN[30:]]), (), OWN[30:])
        self._try(store.reclaim, ())
        self._try(lambda: put(store, OWN[60:], Family.OWN), OWN[60:])

    def _try(
        self,
        act: Callable[[], object],
        adds: "list[Block] | tuple[()]",
        drops: list[Block] | None = None,
    ) -> None:
        self.here.difference_update(drops or ())
        try:
            act()
        except (Unavailable, OSError):
            self.failed += 1
        else:
            self.here.update(adds)


def started(path: Path) -> SegmentStore:
    store = opened(path, segment_bytes=20_000)
    put(store, BEFORE)
    store.close()
    return opened(path, segment_bytes=20_000)


def steps_in_all(tmp_path: Path) -> int:
    with failing(0) as steps:
        store = started(tmp_path / "whole")
        before = len(steps)
        Acts().run(store)
        store.close()
        return len(steps) - before


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_whichever_step_fails_what_was_acknowledged_is_there(tmp_path: Path, code: int) -> None:
    total = steps_in_all(tmp_path)
    assert total > 40
    noticed = 0
    for at in range(1, total + 1, 1 if code == errno.EIO else 3):
        home = tmp_path / str(at)
        store = started(home)
        acts = Acts()
        with failing(at, errno=code) as steps:
            acts.run(store)
            reached = len(steps) >= at
        for block in acts.here:
            assert fate(store, block) == "good", (at, steps[at - 1])
        noticed += acts.failed > 0
        # The fault is over: the same store takes writes again, in the same process.
        put(store, some(5, 100, "then "))
        crashed = copied(home, tmp_path / f"{at} crashed")
        store.close()
        for path in (home, crashed):
            store = opened(path)
            for block in [*acts.here, *some(5, 100, "then ")]:
                assert fate(store, block) == "good", (at, steps[at - 1] if reached else "")
            if PUBLIC[0] in acts.here:
                assert all(bits(store, PUBLIC))
            store.close()
    assert noticed > 15


def test_interrupted_at_any_step_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """Ctrl-C comes between any two steps; what was counted must still be what is there."""
    total = steps_in_all(tmp_path)
    for at in range(1, total + 1, 4):
        home = tmp_path / str(at)
        store = started(home)
        acts = Acts()
        reached = 0

        def hook(name: str, at: int = at) -> None:
            nonlocal reached
            reached += 1
            if reached == at:
                raise KeyboardInterrupt

        disk.hook = hook
        with suppress(KeyboardInterrupt):
            acts.run(store)
        disk.hook = None
        put(store, some(5, 100, "then "))
        for block in [*acts.here, *some(5, 100, "then ")]:
            assert fate(store, block) == "good", at
        assert sum(one.live_rows for one in store.segments()) == len(list(store.rows()))
        store.reclaim()
        store.close()
        store = opened(home)
        for block in [*acts.here, *some(5, 100, "then ")]:
            assert fate(store, block) == "good", at
        store.close()


def test_a_failed_sync_is_not_asked_again_and_fails_all_who_relied_on_it(tmp_path: Path) -> None:
    store = started(tmp_path)
    with failing(1, frozenset({"fdatasync"})):
        first, second = store.writer(), store.writer()
        first.__enter__()
        second.__enter__()
        first.put(OWN[:3])
        second.put(OWN[2:5])
        with pytest.raises(WritesFailed):
            first.__exit__(None, None, None)
        with pytest.raises(WritesFailed):
            second.__exit__(None, None, None)
    crashed = copied(tmp_path, tmp_path.with_name(tmp_path.name + " crashed"))
    store.close()
    for path in (tmp_path, crashed):
        store = opened(path)
        # They may still stand in the page cache; the disk may have never seen them.
        assert store.has([block.cid for block in OWN[:5]]) == [False] * 5
        has_all(store, BEFORE)
        put(store, OWN)
        has_all(store, OWN)
        store.close()


def test_a_nearly_full_disk_refuses_writes_and_goes_on_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path, low_water_bytes=1000)
    put(store, BEFORE)
    store.close()
    monkeypatch.setattr(disk, "free_bytes", lambda _path: 999)
    store = opened(tmp_path, low_water_bytes=1000)
    with pytest.raises(DiskFull), store.writer() as writer:
        writer.put(OWN)
    has_all(store, BEFORE)
    store.drop([block.cid for block in BEFORE[:40]])  # collection works: it makes room
    assert store.reclaim() > 0
    has_all(store, BEFORE[40:])
    monkeypatch.setattr(disk, "free_bytes", lambda _path: 10_000)
    put(store, OWN)
    store.close()
    store = opened(tmp_path)
    has_all(store, BEFORE[40:] + OWN)
    store.close()


def test_the_ballast_takes_room_and_gives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path, ballast_bytes=100_000)
    assert not (tmp_path / "ballast").exists()  # a small home doesn't weigh 64 MiB
    put(store, some(200, 1000))
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= 100_000
    assert store.release_ballast()
    assert not (tmp_path / "ballast").exists()
    assert not store.release_ballast()
    store.close()
