"""Alarms against a dict of moments."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.exchange.alarms import Alarms


@dataclass(eq=False)
class Sleeper:
    alarm: float | None = None


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 50), st.booleans()), max_size=60))
def test_the_next_is_the_nearest_of_those_set(steps: list[tuple[int, int, bool]]) -> None:
    alarms: Alarms[Sleeper] = Alarms()
    sleepers = [Sleeper() for _ in range(5)]
    set_for: dict[Sleeper, float] = {}
    for number, when, take in steps:
        who = sleepers[number]
        if take:
            found = alarms.due(when)
            nearest = min(set_for.values(), default=None)
            if found is None:
                assert nearest is None or nearest > when
            else:
                assert set_for.pop(found) == nearest
                assert found.alarm is None
        else:
            alarms.set(who, when)
            set_for[who] = min(set_for.get(who, when), when)
        assert alarms.next == min(set_for.values(), default=None)


def test_alarms_that_ended_do_not_pile_up() -> None:
    alarms: Alarms[Sleeper] = Alarms()
    for at in range(20_000):
        ended = Sleeper()
        alarms.set(ended, 1_000_000 - at)
        ended.alarm = None
    assert len(alarms._heap) < 2_100
    assert alarms.next is None
