"""What fsck finds in a real home, what it mends, and how it says what is lost."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from jiaozi_node.dag.pin import Pins
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.second_opinion import agrees
from jiaozi_node.node.fsck import Finding, Report, fsck
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.repository import Repository
from jiaozi_node.stores.api import Change, Family
from jiaozi_node.stores.segments.index import Index, Row
from jiaozi_node.stores.segments.store import SegmentStore
from jiaozi_node.versioning.agent import Agent

NOW = 1_700_000_000
ADA = Agent("Ada")
GARBAGE = Block.of(b"garbage " * 100)
PINNED = Block.of(b"pinned " * 100)
TOP = Block.of(dag_cbor.encode([PINNED.cid]), c.DAG_CBOR)


class Place:
    """A home that is closed between two things done to it."""

    def __init__(self, path: Path, work: Path) -> None:
        self.path, self.work = path, work
        LocalHome.create(path).close()

    def inside(self, act: Callable[[LocalHome], object]) -> None:
        home = LocalHome.open(self.path)
        try:
            act(home)
        finally:
            home.close()

    def check(self, repair: bool = False) -> tuple[list[Finding], Report]:
        home = LocalHome.open(self.path)
        found = []
        try:
            steps = fsck(home, NOW, repair=repair)
            while True:
                try:
                    found.append(next(steps))
                except StopIteration as stop:
                    return found, stop.value
        finally:
            home.close()

    def spoil(self, block: Block) -> None:
        """Flip a bit of *block* at rest."""
        for file in (self.path / "segments").glob("*.car"):
            data = file.read_bytes()
            at = data.find(block.data)
            if at >= 0:
                file.write_bytes(data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :])
                return
        raise AssertionError("the block is in no segment")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A home with a commit, a pin of two blocks, and garbage."""
    made = Place(tmp_path / "home", tmp_path / "work")

    def fill(home: LocalHome) -> None:
        repository = Repository.init(
            home, made.work, profile=None, alias="work", branch="main", now=NOW
        )[0]
        (made.work / "a").write_text("a file " * 100)
        repository.stage([str(made.work / "a")])
        repository.commit("first", ADA, NOW)
        with home.blocks.writer() as writer:
            writer.put([GARBAGE])
        with home.blocks.writer(Family.PUBLIC) as writer:
            writer.put([PINNED, TOP])
        Pins(home.names).add(TOP.cid)

    made.inside(fill)
    return made


def test_a_sound_home_is_clean(place: Place) -> None:
    found, report = place.check()
    assert found == []
    assert report.exit_code == 0
    assert report.blocks == 7  # garbage and an empty tree among them
    assert report.reachable == 5
    assert report.rows > 5


def test_damaged_garbage_is_told_of_and_dropped_by_a_repair(place: Place) -> None:
    place.spoil(GARBAGE)
    found, report = place.check()
    assert [(one.where, one.item, one.lost, one.repaired) for one in found] == [
        ("blocks", str(GARBAGE.cid), False, False)
    ]
    assert report.exit_code == 1
    found, report = place.check(repair=True)
    assert [one.repaired for one in found] == [True]
    assert report.exit_code == 1
    assert place.check()[0] == []


def test_a_damaged_block_that_a_pin_needs_is_lost_and_never_dropped(place: Place) -> None:
    place.spoil(PINNED)
    for repair in (False, True):
        found, report = place.check(repair)
        assert report.exit_code == 6
        assert [(one.where, one.item, one.lost) for one in found] == [
            ("blocks", str(PINNED.cid), True)
        ]
        assert f"pins {TOP.cid} needs it" in found[0].what
    place.inside(lambda home: put(home, PINNED))
    assert place.check()[0] == []


def put(home: LocalHome, *blocks: Block) -> None:
    with home.blocks.writer() as writer:
        writer.put(blocks)


@pytest.mark.parametrize("gone", [PINNED, TOP], ids=["leaf", "root"])
def test_a_missing_block_is_lost_and_named_with_the_row_that_needs_it(
    place: Place, gone: Block
) -> None:
    place.inside(lambda home: home.blocks.drop([gone.cid]))
    found, report = place.check()
    assert report.exit_code == 6
    assert [(one.item, one.what) for one in found] == [
        (str(gone.cid), f"it is missing; pins {TOP.cid} needs it")
    ]


def test_what_a_partial_mark_excuses_is_no_finding(place: Place) -> None:
    def withdraw(home: LocalHome) -> None:
        home.blocks.drop([PINNED.cid])
        value = dag_cbor.encode({"why": "withdrawn"})
        home.names.apply([Change("partials", PINNED.cid.raw, value)])

    place.inside(withdraw)
    assert place.check()[0] == []


# Names.


def meddle(place: Place, sql: str) -> None:
    db = sqlite3.connect(place.path / "names.db")
    assert db.execute(sql).rowcount > 0
    db.commit()
    db.close()


def test_a_damaged_row_of_names_is_lost(place: Place) -> None:
    meddle(place, "UPDATE names SET value = substr(value, 2) WHERE kind = 'refs'")
    found, report = place.check()
    assert report.exit_code == 6
    assert any(one.where == "names" and one.item == "refs" and one.lost for one in found)


def test_a_lost_row_of_names_is_noticed_and_a_repair_goes_on_from_what_is_here(
    place: Place,
) -> None:
    meddle(place, "DELETE FROM names WHERE kind = 'pins'")
    found, report = place.check()
    assert report.exit_code == 6
    assert "0 rows of pins are here and 1 were recorded" in found[0].what
    assert place.check(repair=True)[1].exit_code == 6
    assert place.check()[1].exit_code == 0


def test_nothing_is_dropped_while_names_are_not_all_there(place: Place) -> None:
    meddle(place, "DELETE FROM names WHERE kind = 'pins'")
    place.spoil(PINNED)
    found, _ = place.check(repair=True)
    assert not any(one.repaired for one in found if one.where == "blocks")


def test_a_row_that_is_not_what_its_kind_says_is_lost(place: Place) -> None:
    place.inside(lambda home: home.names.apply([Change("pins", b"no cid", dag_cbor.encode(1))]))
    found, report = place.check()
    assert report.exit_code == 6
    assert [one.item for one in found] == ["pins no cid"]


def test_names_that_went_back_are_lost_and_accepted_by_a_repair(
    place: Place, tmp_path: Path
) -> None:
    names = place.path / "names.db"
    shutil.copy(names, tmp_path / "old")
    place.inside(lambda home: Pins(home.names).add(GARBAGE.cid))
    shutil.copy(tmp_path / "old", names)
    found, report = place.check()
    assert report.exit_code == 6
    assert found[0].what == "it is older than it was: 1 acts are gone"
    assert place.check(repair=True)[1].exit_code == 6
    assert place.check()[1].exit_code == 0


def test_no_names_at_all_is_lost(place: Place) -> None:
    (place.path / "names.db").unlink()
    found, report = place.check()
    assert report.exit_code == 6
    assert found[0].item == "names.db"


def test_rows_of_an_unknown_kind_are_told_of(place: Place) -> None:
    place.inside(lambda home: home.names.apply([Change("x", b"", dag_cbor.encode(1))]))
    found, report = place.check()
    assert report.exit_code == 1
    assert [(one.where, one.item) for one in found] == [("names", "x")]


def test_rows_that_lead_nowhere_are_forgotten_by_a_repair(place: Place) -> None:
    stage = dag_cbor.encode({"tree": TOP.cid})
    nobody = dag_cbor.encode("nobody")
    rows = [Change("stages", b"nobody", stage), Change("aliases", b"ghost", nobody)]
    place.inside(lambda home: home.names.apply(rows))
    found, report = place.check()
    assert report.exit_code == 1
    assert sorted(one.item for one in found) == ["aliases ghost", "stages nobody"]
    assert place.check(repair=True)[1].repaired == 2
    assert place.check()[0] == []


# History.


def test_a_commit_that_breaks_the_schema_is_found(place: Place) -> None:
    bad = Block.of(dag_cbor.encode({"type": "jiaozi/commit", "v": 1}), c.DAG_CBOR)

    def act(home: LocalHome) -> None:
        put(home, bad)
        ref, value = next(home.names.scan("refs"))
        row = dag_cbor.decode(value)
        assert isinstance(row, dict)
        home.names.apply([Change("refs", ref, dag_cbor.encode({**row, "target": bad.cid}))])

    place.inside(act)
    found, report = place.check()
    assert report.exit_code == 6
    assert [one.item for one in found] == [str(bad.cid)]


def test_the_second_decoder_takes_what_ours_takes() -> None:
    value = {"a": [1, -5, 2**63, None, True, "ü", b"\0", 1.5, TOP.cid], "bb": {"c": {}}}
    data = dag_cbor.encode(value)
    assert agrees(data)
    assert not agrees(data + b"\0")
    assert not agrees(b"\x18\x01")  # one in two bytes


# Segments and index.


def test_an_index_that_is_deleted_is_rebuilt_with_the_same_public_bits(place: Place) -> None:
    def state(home: LocalHome) -> None:
        assert home.blocks
        store = home._segments
        assert isinstance(store, SegmentStore)
        for multihash in store.multihashes():
            cid = Cid.v1(c.RAW, multihash)
            states[-1][multihash] = (store.is_public([cid])[0], store.get(cid).data)

    own = Block.of(b"private")
    top = Block.of(dag_cbor.encode([own.cid]), c.DAG_CBOR)

    def publish(home: LocalHome) -> None:
        """Make two blocks of own segments public, as `publish` will."""
        put(home, own, top)
        Pins(home.names).add(top.cid)
        home.names.apply([Change("publicroots", top.cid.raw, dag_cbor.encode({}))])
        assert home._segments is not None
        home._segments.set_public([own.cid.multihash, top.cid.multihash], True)

    states: list[dict[bytes, tuple[bool, bytes]]] = [{}]
    place.inside(publish)
    place.inside(state)
    assert states[0][own.cid.multihash][0]
    assert not states[0][GARBAGE.cid.multihash][0]
    shutil.rmtree(place.path / "index")
    found, report = place.check(repair=True)
    assert [(one.where, one.item, one.repaired) for one in found] == [("store", "index", True)]
    assert report.exit_code == 1
    states.append({})
    place.inside(state)
    assert states[1] == states[0]
    assert place.check()[0] == []


def test_a_row_that_the_index_lost_is_brought_back(place: Place) -> None:
    def lose(home: LocalHome) -> None:
        assert home.blocks.has([PINNED.cid]) == [True]
        assert home._segments is not None
        index: Index = home._segments._index
        index.write((), [PINNED.cid.multihash])
        home._segments._pipe.catalogue.account(
            PINNED.cid.multihash, rows[PINNED.cid.multihash], None
        )

    rows: dict[bytes, Row] = {}

    def note(home: LocalHome) -> None:
        assert home.blocks.has([PINNED.cid]) == [True]
        assert home._segments is not None
        rows.update(dict(home._segments.rows()))

    place.inside(note)
    place.inside(lose)
    found, report = place.check()
    assert report.exit_code == 1, found
    assert [one.where for one in found] == ["store", "blocks"]
    assert "its row is lost" in found[1].what
    found, report = place.check(repair=True)
    assert report.exit_code == 1
    assert [one.repaired for one in found] == [True]
    assert place.check()[0] == []


def test_a_dropped_block_is_no_finding(place: Place) -> None:
    place.inside(lambda home: home.blocks.drop([GARBAGE.cid]))
    assert place.check()[0] == []
