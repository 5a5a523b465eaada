"""Garbage that is collected by itself: when, and that its end is prompt and loses nothing."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jiaozi_node.dag.pin import Pins
from jiaozi_node.errors import Misuse
from jiaozi_node.formats.block import Block
from jiaozi_node.node import collector as module
from jiaozi_node.node.collector import Collector, Plan, plan_of
from jiaozi_node.node.config import Config
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.stores.api import Family


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LocalHome]:
    made = LocalHome.create(tmp_path / "home")
    yield made
    made.close()


def fill(home: LocalHome, pinned: int, other: int) -> list[Block]:
    blocks = [Block.of(b"%d" % number + bytes(1000)) for number in range(pinned + other)]
    with home.blocks.writer(Family.PUBLIC) as writer:
        writer.put(blocks)
    for block in blocks[:pinned]:
        Pins(home.names).add(block.cid)
    return blocks


def config(**datastore: object) -> Config:
    return Config(Path("unused"), json.loads(json.dumps({"Datastore": datastore})))


def test_the_plan_is_the_configs() -> None:
    assert plan_of(config()) == Plan(3600.0, 9_000_000_000)
    found = plan_of(config(GCPeriod="90s", StorageMax="1MiB", StorageGCWatermark=50))
    assert found == Plan(90.0, 524_288)
    assert plan_of(config(GCPeriod="0")).period_s == 0


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("GCPeriod", "often", "Datastore.GCPeriod is not a duration: 'often'"),
        ("GCPeriod", 5, "Datastore.GCPeriod is not a duration: '5'"),
        ("GCPeriod", "-1s", "Datastore.GCPeriod is '-1s', not between 0s and 8784h"),
        ("GCPeriod", "9000h", "Datastore.GCPeriod is '9000h', not between 0s and 8784h"),
        ("StorageGCWatermark", 101, "Datastore.StorageGCWatermark is 101, not a number"),
        ("StorageGCWatermark", True, "Datastore.StorageGCWatermark is True, not a number"),
        ("StorageMax", "much", "Datastore.StorageMax is not a size: 'much'"),
    ],
)
def test_a_wrong_plan_names_its_key(key: str, value: object, says: str) -> None:
    with pytest.raises(Misuse, match=f"^{says}"):
        plan_of(config(**{key: value}))


def test_it_collects_only_above_the_mark(home: LocalHome) -> None:
    blocks = fill(home, pinned=3, other=5)
    assert not Collector(home, Plan(1.0, 10**9)).look()
    assert all(home.blocks.has([block.cid for block in blocks]))
    one = Collector(home, Plan(1.0, 0))
    assert one.look()
    assert home.blocks.has([block.cid for block in blocks]) == [True] * 3 + [False] * 5
    assert (one.done.runs, one.done.blocks, one.done.looks) == (1, 5, 1)
    assert one.done.block_bytes == 5 * 1001


def test_it_looks_each_period_until_it_is_ended(home: LocalHome) -> None:
    fill(home, pinned=0, other=4)
    waits: list[float] = []

    def wait(ended: threading.Event, seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > 2 or ended.is_set()

    one = Collector(home, Plan(7.0, 0), wait=wait)
    one.start()
    one._thread.join(20)
    assert waits == [7.0] * 3
    assert (one.done.looks, one.done.blocks) == (2, 4)
    assert one.stop(1)


def test_a_fault_is_logged_and_the_next_look_may_go_well(
    home: LocalHome, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocks = fill(home, pinned=0, other=1)
    sizes: Iterator[int | Exception] = iter([OSError(5, "disk"), ValueError("odd"), 1000, 10])

    def size(_home: object) -> int:
        found = next(sizes)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(module, "size_bytes", size)
    turns = iter([False, False, False, True])
    one = Collector(home, Plan(1.0, 100), wait=lambda _event, _s: next(turns))
    one.start()
    one._thread.join(20)
    assert (one.done.faults, one.done.runs) == (2, 1)
    assert [record.getMessage() for record in caplog.records] == [
        "collecting garbage: [Errno 5] disk", "collecting garbage failed",
    ]  # fmt: skip
    assert home.blocks.has([blocks[0].cid]) == [False]


def test_an_end_amid_a_collection_leaves_the_rest_for_the_next(home: LocalHome) -> None:
    blocks = fill(home, pinned=2, other=10)
    one = Collector(home, Plan(1.0, 0))
    one._end.set()
    with pytest.raises(module._Ended):
        one.look()
    assert one.stop(1)
    assert home.blocks.has([block.cid for block in blocks[:2]]) == [True, True]
    assert Collector(home, Plan(1.0, 0)).look()  # nothing of the first is in its way
    assert sum(home.blocks.has([block.cid for block in blocks])) == 2
