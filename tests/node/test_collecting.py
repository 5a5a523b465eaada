"""Collection of a real home: what its names keep, what it refuses, and 200 runs beside others."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jiaozi_node.dag.gc import Dropped
from jiaozi_node.dag.marking import Unreachable
from jiaozi_node.dag.pin import Pins
from jiaozi_node.dag.roots import UnknownKind
from jiaozi_node.dag.walk import run, stream
from jiaozi_node.errors import JiaoziError, Misuse
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.node import roots
from jiaozi_node.node.acts import acting, relying
from jiaozi_node.node.collecting import RUN_KEY, Collected, NamesLost, age_s, collect
from jiaozi_node.node.fsck import fsck
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.repository import Repository
from jiaozi_node.stores.api import BlockMissing, Change, Family
from jiaozi_node.unixfs.read import read
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.stages import Stages
from jiaozi_node.worktree import link

NOW = 1_700_000_000
DAY = 24 * 3600
ADA = Agent("Ada")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LocalHome]:
    made = LocalHome.create(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def repository(home: LocalHome, tmp_path: Path) -> Repository:
    return made(home, tmp_path / "work")


def made(home: LocalHome, at: Path) -> Repository:
    return Repository.init(home, at, profile=None, alias=at.name, branch="main", now=NOW)[0]


def gc(
    home: LocalHome, now: int = NOW, *, dry_run: bool = False, reflog_s: int = roots.REFLOG_S
) -> tuple[list[Dropped], Collected]:
    found: list[Dropped] = []
    steps = collect(home, now, dry_run=dry_run, reflog_s=reflog_s)
    while True:
        try:
            found.append(next(steps))
        except StopIteration as stop:
            return found, stop.value


def put(home: LocalHome, *blocks: Block) -> None:
    with home.blocks.writer() as writer:
        writer.put(blocks)


def clean(home: LocalHome) -> bool:
    return not list(fsck(home, NOW))


def test_what_is_staged_committed_and_pinned_stays(home: LocalHome, repository: Repository) -> None:
    work = Path(repository.root)
    (work / "a").write_text("one")
    repository.stage([str(work / "a")])
    gc(home)
    first = repository.commit("first", ADA, NOW)
    (work / "a").write_text("two")
    repository.stage([str(work / "a")])
    pinned, garbage = Block.of(b"pinned"), Block.of(b"garbage")
    put(home, pinned, garbage)
    Pins(home.names).add(pinned.cid)
    assert [one.cid for one in gc(home)[0]] == [garbage.cid]
    repository.commit("second", ADA, NOW)
    assert gc(home)[0] == []
    tree = repository.commit_at(first.cid).tree
    assert home.blocks.has([first.cid, tree, pinned.cid]) == [True] * 3
    assert clean(home)


def test_a_dry_run_changes_nothing(home: LocalHome) -> None:
    garbage = Block.of(b"garbage")
    put(home, garbage)
    version = home.names.version()
    found, done = gc(home, dry_run=True)
    assert [one.cid for one in found] == [garbage.cid]
    assert (done.blocks, done.size_bytes) == (1, 7)
    assert home.names.version() == version
    assert home.blocks.has([garbage.cid]) == [True]


def deleted(home: LocalHome, repository: Repository) -> Cid:
    """Commit, then lose the commit from everything but reflogs."""
    work = Path(repository.root)
    (work / "a").write_text("only a reflog knows")
    repository.stage([str(work / "a")])
    lost = repository.commit("lost", ADA, NOW)
    for kind in ("refs", "stages"):
        home.names.apply([Change(kind, key, None) for key, _ in home.names.scan(kind)])
    gc(home)
    return lost.cid


def test_the_reflog_keeps_for_ninety_days(home: LocalHome, repository: Repository) -> None:
    lost = deleted(home, repository)
    assert gc(home, NOW + 90 * DAY)[0] == []
    assert len(list(home.names.scan("reflog"))) == 2
    found, done = gc(home, NOW + 90 * DAY + 1)
    assert lost.multihash in [one.cid.multihash for one in found]
    assert done.expired == 2
    assert home.blocks.has([lost]) == [False]
    assert clean(home)
    gc(home)  # what is left of the entries names nothing that is missing


def test_prune_forgets_the_reflog_first(home: LocalHome, repository: Repository) -> None:
    lost = deleted(home, repository)
    assert gc(home, NOW + DAY, reflog_s=DAY)[0] == []
    assert gc(home, NOW + DAY + 1, reflog_s=DAY)[0] != []
    assert home.blocks.has([lost]) == [False]


def test_numbers_of_a_pruned_reflog_go_on(home: LocalHome, repository: Repository) -> None:
    work = Path(repository.root)
    for number in range(3):
        (work / "a").write_text(str(number))
        repository.stage([str(work / "a")])
        repository.commit(f"{number}", ADA, NOW)
    gc(home, NOW + 10, reflog_s=0)
    (work / "a").write_text("more")
    repository.stage([str(work / "a")])
    repository.commit("more", ADA, NOW + 20)
    ref = repository.head.ref
    assert ref is not None
    assert [entry.number for entry in repository.refs.reflog(ref)] == [3, 2]
    assert clean(home)


@pytest.mark.parametrize(
    ("text", "seconds"), [("now", 0), ("0s", 0), ("90d", 90 * DAY), ("2w", 14 * DAY), ("5m", 300)]
)
def test_an_age_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert age_s(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "5", "-1d", "1.5d", "five d", "1y", "²d", "99999999d"])
def test_any_other_age_is_refused(text: str) -> None:
    with pytest.raises(Misuse, match="not an age"):
        age_s(text)


# What it refuses.


def test_a_reachable_block_that_is_missing_is_named(
    home: LocalHome, repository: Repository
) -> None:
    work = Path(repository.root)
    (work / "a").write_text("needed")
    staged = repository.stage([str(work / "a")])
    needed = dict(staged.added)["a"]
    gc(home)
    garbage = Block.of(b"garbage")
    put(home, garbage)
    home.blocks.drop([needed])
    with pytest.raises(Unreachable, match=f"{needed}.*stages"):
        gc(home)
    assert home.blocks.has([garbage.cid]) == [True]
    home.names.apply([Change("partials", needed.raw, dag_cbor.encode({"why": "withdrawn"}))])
    assert [one.cid for one in gc(home)[0]] == [garbage.cid]


def test_rows_of_an_unknown_kind_stop_it(home: LocalHome) -> None:
    put(home, Block.of(b"garbage"))
    home.names.apply([Change("bookmarks", b"x", dag_cbor.encode(1))])
    with pytest.raises(UnknownKind, match="bookmarks"):
        gc(home)


def test_names_that_went_back_stop_it(home: LocalHome, tmp_path: Path) -> None:
    names = tmp_path / "home" / "names.db"
    home.names.close()
    shutil.copy(names, tmp_path / "old")
    home._names = None
    kept = Block.of(b"kept")
    put(home, kept)
    Pins(home.names).add(kept.cid)
    home.names.close()
    shutil.copy(tmp_path / "old", names)
    home._names = None
    with pytest.raises(NamesLost, match="acts are gone"):
        gc(home)
    assert home.blocks.has([kept.cid]) == [True]


def test_names_made_anew_beside_blocks_stop_it(home: LocalHome, tmp_path: Path) -> None:
    put(home, Block.of(b"kept"))
    home.names.close()
    for side in (tmp_path / "home").glob("names*"):
        side.unlink()
    home._names = None
    home._open_names(create=True)
    with pytest.raises(NamesLost, match="never held a name"):
        gc(home)


def test_a_run_that_was_cut_short_is_run_again_and_says_so(home: LocalHome) -> None:
    put(home, *(Block.of(b"%d" % number) for number in range(600)))
    steps = collect(home, NOW)
    for _ in range(300):
        next(steps)
    steps.close()
    assert home.names.get(roots.PROGRESS, RUN_KEY) is not None
    assert clean(home)
    done = gc(home)[1]
    assert done.resumed
    assert home.names.get(roots.PROGRESS, RUN_KEY) is None
    assert list(home.blocks.multihashes()) == []
    assert not gc(home)[1].resumed


def test_what_was_dropped_is_given_back_to_the_disk(home: LocalHome, tmp_path: Path) -> None:
    kept = Block.of(b"kept")
    put(home, kept, *(Block.of(bytes((number,)) * 1_000_000) for number in range(20)))
    Pins(home.names).add(kept.cid)

    def size() -> int:
        return sum(file.stat().st_size for file in (tmp_path / "home" / "segments").iterdir())

    assert size() > 20_000_000
    done = gc(home)[1]
    assert done.size_bytes == 20_000_000
    assert done.freed_bytes is not None
    assert done.freed_bytes > 19_000_000
    assert size() < 1_000_000
    assert home.blocks.get(kept.cid) == kept
    assert clean(home)


def test_an_own_copy_that_a_rebuild_brings_back_is_private_garbage(
    home: LocalHome, tmp_path: Path
) -> None:
    """It lay in own-* and pub-*, and collection noted the drop where the row led: in pub-*."""
    twice, kept_own, kept_public = (Block.of(data) for data in (b"2", b"kept", b"kept too"))
    put(home, twice, kept_own)
    with home.blocks.writer(Family.PUBLIC) as writer:
        writer.put([twice, kept_public])
    for one in (kept_own, kept_public):
        Pins(home.names).add(one.cid)
    store = home._segments
    assert store is not None
    assert store.is_public([twice.cid]) == [True]
    # More of each segment stays than goes, so neither is written anew.
    assert [one.cid for one in gc(home)[0]] == [twice.cid]
    assert home.blocks.has([twice.cid]) == [False]
    assert clean(home)
    home.close()
    shutil.rmtree(tmp_path / "home" / "index")
    back = LocalHome.open(tmp_path / "home")
    try:
        assert back.blocks.has([twice.cid]) == [True]
        store = back._segments
        assert store is not None
        assert store.rebuilds == 1
        asked = [twice.cid, kept_own.cid, kept_public.cid]
        assert store.is_public(asked) == [False, False, True]
        found = list(fsck(back, NOW))
        assert [(one.where, one.item, one.lost) for one in found] == [("store", "index", False)]
    finally:
        back.close()
    back = LocalHome.open(tmp_path / "home")
    try:
        assert clean(back)
        assert [one.cid.multihash for one in gc(back)[0]] == [twice.cid.multihash]
        assert back.blocks.has(asked) == [False, True, True]
        assert clean(back)
    finally:
        back.close()
    shutil.rmtree(tmp_path / "home" / "index")
    back = LocalHome.open(tmp_path / "home")
    try:  # now both copies are noted as dropped
        assert back.blocks.has(asked) == [False, True, True]
    finally:
        back.close()


def test_a_resumable_act_that_went_quiet_keeps_for_fourteen_days(home: LocalHome) -> None:
    block = Block.of(b"half a clone")
    put(home, block)
    lease = dag_cbor.encode({"time": NOW, "roots": [block.cid]})
    home.names.apply([Change(roots.LEASES, b"clone", lease)])
    assert gc(home, NOW + 14 * DAY)[0] == []
    assert [one.cid for one in gc(home, NOW + 14 * DAY + 1)[0]] == [block.cid]
    assert list(home.names.scan(roots.LEASES)) == []


def test_a_copied_working_copy_gets_a_stage_of_its_own(
    home: LocalHome, repository: Repository, tmp_path: Path
) -> None:
    work, twin = Path(repository.root), tmp_path / "twin"
    (work / "a").write_text("first")
    repository.stage([str(work / "a")])
    repository.commit("first", ADA, NOW)
    (work / "a").write_text("staged before the copy")
    both = repository.stage([str(work / "a")]).tree
    shutil.copytree(work, twin)
    copied = Repository.at(home, twin)
    assert link.read(twin).working_copy != link.read(work).working_copy
    assert copied.staged_tree() == both
    (twin / "a").write_text("staged in the copy")
    other = copied.stage([str(twin / "a")]).tree
    (work / "a").write_text("staged in the first")
    mine = repository.stage([str(work / "a")]).tree
    gc(home, NOW + 1000 * DAY)
    assert repository.staged_tree() == mine
    assert copied.staged_tree() == other
    stages = Stages(home.names)
    assert stages.get(link.read(twin).working_copy) == other
    for tree in (mine, other):
        assert home.blocks.has([tree]) == [True]
    assert home.blocks.has([both]) == [False]
    assert clean(home)


def test_what_an_act_relies_on_is_kept_until_it_ends_and_missed_when_gone(
    home: LocalHome,
) -> None:
    leaf = Block.of(b"leaf")
    put(home, leaf)
    with acting(home) as act:
        with relying(act) as get:
            assert get(leaf.cid) == leaf
        assert gc(home)[0] == []
    with acting(home) as act:
        walk = relying(act)
        walk.__enter__()(leaf.cid)
        assert [one.cid for one in gc(home)[0]] == [leaf.cid]
        with pytest.raises(BlockMissing):
            walk.__exit__(None, None, None)


# Beside others.

CYCLES = 200


def test_collecting_beside_add_pin_and_cat_loses_nothing(home: LocalHome, tmp_path: Path) -> None:
    """Two copies stage and commit, one thread pins and unpins, one reads: all the while it runs."""
    faults: list[BaseException] = []
    over = threading.Event()
    done = {"stage": 0, "pin": 0, "cat": 0}
    pinned = Block.of(b"pinned from the beginning" * 1000)
    put(home, pinned)
    Pins(home.names).add(pinned.cid)

    def until_over(act: Callable[[int], None]) -> None:
        number = 0
        try:
            while not over.is_set():
                act(number)
                number += 1
        except BaseException as fault:  # noqa: BLE001 - it is raised again in the test's thread
            faults.append(fault)
            over.set()

    def stager(name: str) -> Callable[[int], None]:
        work = tmp_path / name
        repository = made(home, work)

        def act(number: int) -> None:
            for file in ("a", "b"):
                (work / file).write_text(f"{name} {file} {number % 7}")
            os.utime(work / "a", ns=(number + 1, number + 1))
            staged = repository.stage([str(work)])
            for path, cid in staged.added:
                text = b"".join(stream(read(cid), home.blocks.get))
                assert text.decode() == f"{name} {path} {number % 7}"
            if number % 3 == 0 and staged.added:
                repository.commit(f"{number}", ADA, NOW)
            done["stage"] += 1

        return act

    def pin(number: int) -> None:
        """Write blocks and pin them; pin what was unpinned before, if it is still here."""
        leaf = Block.of(b"pin %d" % (number % 5))
        top = Block.of(dag_cbor.encode([leaf.cid, number % 5]), 0x71)
        pins = Pins(home.names)
        with acting(home) as act:
            if number % 2:
                with act.blocks.writer() as writer:
                    writer.put([leaf, top])
            act.lease.keep_below(top.cid)
            try:
                run(pins.pin(top.cid), act.blocks.get)
            except JiaoziError:
                return
        assert home.blocks.has([top.cid, leaf.cid]) == [True, True]
        pins.rm(top.cid)
        done["pin"] += 1

    def cat(_number: int) -> None:
        assert b"".join(stream(read(pinned.cid), home.blocks.get)) == pinned.data
        done["cat"] += 1

    acts = (stager("left"), stager("right"), pin, cat)
    threads = [threading.Thread(target=until_over, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    dropped = 0
    try:
        for _cycle in range(CYCLES):
            if over.is_set():
                break
            dropped += gc(home, NOW + 1000 * DAY)[1].blocks  # the reflog keeps nothing
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not faults, faults[0]
    assert dropped > 0
    assert min(done.values()) > 5, done
    assert clean(home)
    gc(home, NOW + 1000 * DAY)
    assert clean(home)


def test_a_block_that_nothing_names_is_a_raw_cid_in_the_answer(home: LocalHome) -> None:
    top = Block.of(dag_cbor.encode([1]), 0x71)
    put(home, top)
    assert [one.cid for one in gc(home)[0]] == [Cid.v1(RAW, top.cid.multihash)]
