"""What every keeper of names promises in ``stores/api.py``, a test each."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jiaozi_node.errors import Misuse
from jiaozi_node.stores.api import Change, NameConflict, Names


def test_a_row_reads_back_and_an_absent_one_is_none(names: Names) -> None:
    names.apply([Change("refs", b"main", b"one"), Change("refs", b"", b"")])
    assert names.get("refs", b"main") == b"one"
    assert names.get("refs", b"") == b""
    assert names.get("refs", b"other") is None
    assert names.get("pins", b"main") is None


def test_none_removes_and_removing_nothing_is_harmless(names: Names) -> None:
    names.apply([Change("refs", b"a", b"1")])
    names.apply([Change("refs", b"a", None), Change("refs", b"b", None)])
    assert names.get("refs", b"a") is None
    assert list(names.scan("refs")) == []


def test_scan_goes_in_byte_order_of_keys_within_kind_and_prefix(names: Names) -> None:
    keys = [b"b", b"a", b"a\xff", b"a\xff\xff", b"a\xff\xff\x01", b"\xff", b"\xff\xff", b"a\0", b""]
    names.apply([Change("refs", key, b"of " + key) for key in keys])
    names.apply([Change("refs2", b"a", b"other kind"), Change("ref", b"a", b"other kind")])
    for prefix in (b"", b"a", b"a\xff", b"\xff", b"\xff\xff", b"c"):
        expected = sorted(key for key in keys if key.startswith(prefix))
        assert list(names.scan("refs", prefix)) == [(key, b"of " + key) for key in expected]


def test_expect_compares_before_it_swaps(names: Names) -> None:
    names.apply([Change("refs", b"a", b"1", None)])
    names.apply([Change("refs", b"a", b"2", b"1")])
    names.apply([Change("refs", b"a", b"3")])
    names.apply([Change("refs", b"a", None, b"3")])
    assert names.get("refs", b"a") is None


@pytest.mark.parametrize(
    ("expect", "found"), [(None, b"now"), (b"then", b"now"), (b"", b"now")], ids=repr
)
def test_a_row_not_as_expected_is_a_conflict_that_shows_it(
    names: Names, expect: bytes | None, found: bytes
) -> None:
    names.apply([Change("refs", b"a", b"now")])
    with pytest.raises(NameConflict) as raised:
        names.apply([Change("refs", b"a", b"mine", expect)])
    assert (raised.value.kind, raised.value.key, raised.value.found) == ("refs", b"a", found)
    assert names.get("refs", b"a") == b"now"


def test_an_absent_row_is_not_what_a_value_expects(names: Names) -> None:
    with pytest.raises(NameConflict) as raised:
        names.apply([Change("refs", b"a", b"mine", b"then")])
    assert raised.value.found is None


def test_a_batch_is_applied_as_a_whole_or_not_at_all(names: Names) -> None:
    names.apply([Change("refs", b"a", b"1"), Change("refs", b"d", b"4")])
    with pytest.raises(NameConflict) as raised:
        names.apply(
            [
                Change("refs", b"b", b"2", None),
                Change("refs", b"a", None, b"1"),
                Change("refs", b"c", b"3", b"absent"),
                Change("refs", b"d", b"4", None),
            ]
        )
    assert raised.value.key == b"c"
    assert list(names.scan("refs")) == [(b"a", b"1"), (b"d", b"4")]


def test_a_change_sees_the_changes_before_it_in_the_batch(names: Names) -> None:
    names.apply([Change("refs", b"a", b"1", None), Change("refs", b"a", b"2", b"1")])
    assert names.get("refs", b"a") == b"2"


def test_no_changes_are_no_trouble(names: Names) -> None:
    names.apply([])


@pytest.mark.parametrize("count", [10, 2000])
def test_a_scan_is_one_moments_state(names: Names, count: int) -> None:
    before = {b"%05d" % number: b"old" for number in range(count)}
    names.apply([Change("pins", key, value) for key, value in before.items()])
    scan = names.scan("pins")
    seen = [next(scan)]
    names.apply([Change("pins", key, None) for key in before])
    names.apply([Change("pins", b"new", b"new"), Change("pins", b"%05d" % (count - 1), b"new")])
    seen.extend(scan)
    assert seen == sorted(before.items())
    assert len(list(names.scan("pins"))) == 2


def test_a_scan_left_early_hinders_nobody(names: Names) -> None:
    names.apply([Change("pins", b"%05d" % number, b"") for number in range(2000)])
    scan = names.scan("pins")
    next(scan)
    del scan
    names.apply([Change("pins", b"x", b"y")])
    assert names.get("pins", b"x") == b"y"


def test_closed_names_say_so(names: Names) -> None:
    names.apply([Change("pins", b"%05d" % number, b"") for number in range(2000)])
    scan = names.scan("pins")
    next(scan)
    names.close()
    names.close()
    calls: list[Callable[[], object]] = [
        lambda: names.get("pins", b"x"),
        lambda: names.apply([Change("pins", b"x", b"y")]),
        lambda: list(names.scan("pins")),
        lambda: list(scan),
    ]
    for call in calls:
        with pytest.raises(Misuse):
            call()


def test_no_update_is_lost_among_threads(names: Names) -> None:
    names.apply([Change("refs", b"count", b"0")])
    faults: list[BaseException] = []

    def count() -> None:
        try:
            done = 0
            while done < 25:
                now = names.get("refs", b"count")
                assert now is not None
                try:
                    names.apply([Change("refs", b"count", b"%d" % (int(now) + 1), now)])
                except NameConflict:
                    continue
                done += 1
        except BaseException as fault:  # noqa: BLE001 - handed to the test's own thread
            faults.append(fault)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert names.get("refs", b"count") == b"100"


def test_rows_are_there_after_reopening(lasting_names: Any, tmp_path: Path) -> None:
    first = lasting_names.empty(tmp_path / "names.db")
    first.apply([Change("refs", b"a", b"1"), Change("pins", b"b", b"2")])
    first.close()
    second = lasting_names.again(tmp_path / "names.db")
    assert list(second.scan("refs")) == [(b"a", b"1")]
    assert second.get("pins", b"b") == b"2"
    second.close()


def test_kinds_are_those_that_have_rows(names: Names) -> None:
    assert names.kinds() == []
    names.apply([Change("refs", b"a", b"1"), Change("pins", b"a", b"1")])
    assert names.kinds() == ["pins", "refs"]
    names.apply([Change("refs", b"a", None)])
    assert names.kinds() == ["pins"]


def test_the_version_moves_with_every_act_and_with_nothing_else(names: Names) -> None:
    before = names.version()
    names.apply([Change("refs", b"a", b"1")])
    after = names.version()
    assert after != before
    list(names.scan("refs"))
    with pytest.raises(NameConflict):
        names.apply([Change("refs", b"a", b"2", None)])
    assert names.version() == after


def test_everything_is_every_row_in_order(names: Names) -> None:
    assert list(names.everything()) == []
    names.apply(
        [Change("refs", b"b", b"1"), Change("refs", b"a", b"2"), Change("pins", b"z", b"3")]
    )
    assert list(names.everything()) == [
        ("pins", b"z", b"3"),
        ("refs", b"a", b"2"),
        ("refs", b"b", b"1"),
    ]


def test_everything_is_one_moments_state(names: Names) -> None:
    names.apply([Change("from", b"%04d" % n, b"x") for n in range(1500)])
    rows = names.everything()
    met = [next(rows)]
    names.apply([Change("from", b"1400", None), Change("above", b"1400", b"x")])
    names.apply([Change("zone", b"later", b"x")])
    met += rows
    assert [(kind, key) for kind, key, _ in met] == [("from", b"%04d" % n) for n in range(1500)]
