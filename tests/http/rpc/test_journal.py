"""What the RPC was asked: kept for a while, within bounds, and never secrets."""

from jiaozi_node.http.rpc.journal import KEPT_S, MAX_ENTRIES, MAX_TEXT_CHARS, Journal
from tests.work import lines_run


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_request_is_there_while_it_is_at_work_and_for_an_hour_behind() -> None:
    clock = Clock()
    journal = Journal(clock)
    with journal.noting("pin/ls", ["Qm"], {"type": "all"}):
        [row] = journal.rows()
        assert row["Active"]
        assert row["EndTime"] == "0001-01-01T00:00:00Z"
        clock.now += 2 * KEPT_S
        assert journal.rows() == [row]
    [row] = journal.rows()
    assert (row["Active"], row["Command"], row["Args"]) == (False, "pin/ls", ["Qm"])
    assert row["Options"] == {"type": "all"}
    assert (row["StartTime"], row["EndTime"]) == ("1970-01-12T13:46:40Z", "1970-01-12T15:46:40Z")
    clock.now += KEPT_S + 1
    assert journal.rows() == []


def test_what_has_ended_is_forgotten_when_told() -> None:
    clock = Clock()
    journal = Journal(clock)
    with journal.noting("log/tail", [], {}):
        with journal.noting("id", [], {}):
            pass
        journal.clear()
        assert [row["Command"] for row in journal.rows()] == ["log/tail"]
    clock.now += 10
    assert journal.rows()
    journal.keep(5)
    assert journal.rows() == []


def test_entries_have_a_limit() -> None:
    journal = Journal(Clock())
    for _ in range(MAX_ENTRIES + 5):
        with journal.noting("id", [], {}):
            pass
    numbers = [row["ID"] for row in journal.rows()]
    assert numbers == list(range(5, MAX_ENTRIES + 5))
    with journal.noting("cat", ["x" * 10_000] * 200, {"o": "y" * 10_000}):
        row = journal.rows()[-1]
    assert len(row["Args"]) == 100
    assert set(map(len, row["Args"])) == {MAX_TEXT_CHARS}
    assert len(row["Options"]["o"]) == MAX_TEXT_CHARS


def test_a_request_costs_the_same_however_many_are_kept() -> None:
    journal = Journal(Clock())

    def one() -> None:
        with journal.noting("id", [], {}):
            pass

    one()
    few = lines_run(one)
    for _ in range(MAX_ENTRIES):
        one()
    assert lines_run(one) < few + 10
