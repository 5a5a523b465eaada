"""An index that is gone, torn, cut or zeroed: noticed, and replayed or rebuilt from the segments.

Every ref, commit and file reads back, with the same public bits. The homes are closed in order or
were left by a process that died.
"""

import hashlib
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import plyvel
import pytest

from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.node import visibility
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.repository import Repository
from jiaozi_node.stores.api import Change
from jiaozi_node.stores.segments.store import SegmentStore
from tests.faults import interposer as ip
from tests.faults.conftest import Show
from tests.faults.interposer import Interposer, bits
from tests.faults.model import checked
from tests.faults.places import fresh_home, put_back
from tests.faults.sizes import NAME, SEED
from tests.faults.zygote import Zygote

ROWS = 400


class Reading(NamedTuple):
    """All that a home answers: its names, and of each block its hash and who may see it."""

    names: list[tuple[str, bytes, bytes]]
    blocks: dict[bytes, tuple[bytes, bool]]


def reading(home: LocalHome) -> Reading:
    names = [row for row in home.names.everything() if row[0] != "gc"]
    store = home.blocks.inner  # type: ignore[attr-defined]
    assert isinstance(store, SegmentStore)
    found = {}
    for multihash in store.multihashes():
        cid = Cid.v1(RAW, multihash)
        data = store.get(cid).data
        found[multihash] = (hashlib.sha256(data).digest(), store.is_public([cid])[0])
    return Reading(names, found)


@pytest.fixture(scope="module")
def templates(
    tmp_path_factory: pytest.TempPathFactory, plain_zygote: Zygote
) -> tuple[dict[str, Path], Path, Path, Reading]:
    """A home closed in order and one left open; where both go, the working copy, what they say.

    A commit's tree in ``own-*`` is public by a row of public roots, as `publish` makes them.
    """
    at = tmp_path_factory.mktemp("rebuild")
    home, work, model = fresh_home(at / "at", None, plain_zygote)
    opened = LocalHome.open(home, 0)
    assert model.head is not None
    tree = Repository.at(opened, work).commit_at(model.head).tree
    opened.names.apply([Change(visibility.PUBLIC_ROOTS, tree.raw, dag_cbor.encode({}))])
    store = opened.blocks.inner  # type: ignore[attr-defined]
    assert visibility.restore(opened.names, store) > 0
    opened.close()
    shutil.copytree(home, at / "closed")
    status, _said = plain_zygote.run("rows", home, work, count=ROWS)
    assert status == 0
    shutil.copytree(home, at / "left")
    opened = LocalHome.open(home, 0)
    said = reading(opened)
    opened.close()
    public = [is_public for _, is_public in said.blocks.values()]
    assert public.count(True) > 5
    assert public.count(False) > ROWS - 5
    return {"closed": at / "closed", "left": at / "left"}, home, work, said


def _remove_index(home: Path) -> None:
    shutil.rmtree(home / "index")


def _remove_all_derived(home: Path) -> None:
    shutil.rmtree(home / "index")
    for name in ("index.mark", "index.clean"):
        (home / name).unlink(missing_ok=True)


def _cut(pattern: str, count: int) -> Callable[[Path], None]:
    def damage(home: Path) -> None:
        for path in home.glob(pattern):
            data = path.read_bytes()
            path.write_bytes(data[: max(0, len(data) - count)])

    return damage


def _zero_page(pattern: str) -> Callable[[Path], None]:
    """Zero a page of the largest file of *pattern*; where it is small, all of it."""

    def damage(home: Path) -> None:
        largest = max(home.glob(pattern), key=lambda path: path.stat().st_size)
        data = bytearray(largest.read_bytes())
        at = len(data) // 2 // 4096 * 4096
        page = data[at : at + 4096]
        data[at : at + 4096] = bytes(len(page))
        largest.write_bytes(data)

    return damage


DAMAGES: dict[str, Callable[[Path], None]] = {
    "index gone": _remove_index,
    "index, mark and clean gone": _remove_all_derived,
    "MANIFEST torn": _cut("index/MANIFEST-*", 10),
    "MANIFEST emptied": _cut("index/MANIFEST-*", 1 << 30),
    "CURRENT emptied": _cut("index/CURRENT", 1 << 30),
    "log cut": _cut("index/*.log", 3000),
    "tables cut": _cut("index/*.ldb", 100),
    "page of the MANIFEST zeroed": _zero_page("index/MANIFEST-*"),
    "page of a log zeroed": _zero_page("index/*.log"),
    "page of a table zeroed": _zero_page("index/*.ldb"),
    "mark torn": _cut("index.mark", 3),
    "mark zeroed": _zero_page("index.mark"),
    "mark gone": lambda home: (home / "index.mark").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("left", ["closed", "left"])
@pytest.mark.parametrize("way", ["fsck --repair", "just read"])
def test_a_damaged_index_comes_back(
    damage: str,
    left: str,
    way: str,
    templates: tuple[dict[str, Path], Path, Path, Reading],
    plain_zygote: Zygote,
) -> None:
    homes, home, work, expected = templates
    put_back(homes[left], home)
    if left == "closed":
        before = LocalHome.open(home, 0)
        expected = reading(before)
        before.close()
    DAMAGES[damage](home)
    if way == "fsck --repair":
        status, said = plain_zygote.run(
            "commands", home, work, commands=[["fsck", "--repair", "--json"]]
        )
        assert status in (0, 1), said
    opened = LocalHome.open(home, 0)
    try:
        found = reading(opened)
        assert found.names == expected.names
        for multihash, (digest, public) in expected.blocks.items():
            assert found.blocks[multihash][0] == digest
            # Damage that is met while reading: own blocks are private until the home is reopened.
            assert public or not found.blocks[multihash][1]
    finally:
        opened.close()
    opened = LocalHome.open(home, 0)
    try:
        assert reading(opened) == expected
        assert checked(opened)[1].exit_code == 0
    finally:
        opened.close()


def test_a_page_of_names_that_is_zeroed_is_told_of(
    templates: tuple[dict[str, Path], Path, Path, Reading], plain_zygote: Zygote
) -> None:
    homes, home, work, _expected = templates
    size = (homes["closed"] / "names.db").stat().st_size
    for at in range(0, size, 4096):
        put_back(homes["closed"], home)
        with (home / "names.db").open("r+b") as file:
            file.seek(at)
            file.write(bytes(4096))
        status, said = plain_zygote.run("commands", home, work, commands=[["fsck"]])
        assert status == 6, (at, said)
        status, said = plain_zygote.run("commands", home, work, commands=[["gc"]])
        assert status not in (0, 99), (at, said)


def test_rows_that_went_from_the_middle_are_replayed(
    templates: tuple[dict[str, Path], Path, Path, Reading],
) -> None:
    """LevelDB without sync may lose rows below newer ones: no row tells how far the index got."""
    homes, home, _work, expected = templates
    numbers = random.Random(SEED)
    wanted = [Block.of(b"%d" % number).cid.multihash for number in range(ROWS)]
    for first, count in ((0, 1), (100, 200), (ROWS - 30, 20)):
        put_back(homes["left"], home)
        database = plyvel.DB(str(home / "index"))
        gone = wanted[first : first + count]
        assert sum(database.get(key) is not None for key in gone) == count
        for key in gone:
            database.delete(key)
        database.close()
        numbers.shuffle(gone)
        opened = LocalHome.open(home, 0)
        try:
            assert opened.blocks.has([Cid.v1(RAW, key) for key in gone]) == [True] * count
            assert reading(opened) == expected
        finally:
            opened.close()


@pytest.mark.needs_interposer
def test_an_older_log_that_is_cut_below_a_newer_one(
    place: Path, zygote: Zygote, interposer: Interposer, show: Show
) -> None:
    """Rows are lost in the middle and LevelDB says nothing; the mark's sums tell."""
    began = time.monotonic()
    home, work, _model = fresh_home(place / "at", interposer, zygote)
    interposer.arm(0, 0)
    count = 95_000
    zygote.start("rows", home, work, count=count)
    said = 0
    while said < 51_000:  # beyond the first checkpoint
        said = max(int(one["count"]) for one in zygote.wait_said())
    interposer.arm(ip.STALL, 1, ops=bits(ip.SYNC), places=bits(ip.TABLE), stall_ms=20_000)
    assert zygote.wait() == 0
    zygote.said()
    logs = sorted(home.glob("index/*.log"))
    assert len(logs) == 2, "LevelDB was not caught with two logs"
    interposer.arm(0, 0)
    shutil.copytree(home, place / "template")
    cids = [Block.of(b"%d" % number).cid for number in range(count)]
    rebuilds = []
    size = logs[0].stat().st_size
    shares = (0.02, 0.9) if NAME != "nightly" else (0.01, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99)
    for share in shares:
        put_back(place / "template", home)
        with logs[0].open("r+b") as file:
            file.truncate(int(size * share))
        opened = LocalHome.open(home, 0)
        try:
            assert all(opened.blocks.has(cids)), f"rows are lost after a cut at {share}"
            for cid in random.Random(SEED).sample(cids, 300):
                opened.blocks.get(cid)
            rebuilds.append(opened.blocks.inner.rebuilds)  # type: ignore[attr-defined]
        finally:
            opened.close()
    show(
        f"older log of the index cut at {shares} of its length below a newer one: "
        f"{count} blocks stayed, rebuilds {rebuilds}, in {time.monotonic() - began:.1f} s"
    )
