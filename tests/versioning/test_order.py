"""The two orders of a history, and what is left out of it, against the naive."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import run, stream
from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning import order
from jiaozi_node.versioning.commit import WrongGeneration
from jiaozi_node.versioning.history import Absent
from jiaozi_node.versioning.order import Exploration, Step
from tests.versioning import histories
from tests.versioning.histories import Histories


def told(history: Histories, *tips: Cid) -> Iterator[Step | Absent]:
    return stream(order.topological(tips, Exploration(order.load)), history.get)


def cids(steps: Iterator[Step | Absent]) -> list[Cid]:
    return [step.cid if isinstance(step, Absent) else step.outline.cid for step in steps]


@given(histories.dags(), st.data())
def test_line_by_line_every_ancestor_comes_once_and_before_its_parents(
    made: tuple[Histories, list[Cid]], data: st.DataObject
) -> None:
    history, every = made
    tips = data.draw(st.lists(st.sampled_from(every), max_size=4))
    found = cids(told(history, *tips))
    assert len(found) == len(set(found))
    assert set(found) == history.ancestors(tips)
    place = {cid: at for at, cid in enumerate(found)}
    for cid in found:
        assert all(place[parent] > place[cid] for parent in history.commits[cid].parents)


@given(histories.dags(), st.data())
def test_what_is_left_out_is_what_the_others_lead_to(
    made: tuple[Histories, list[Cid]], data: st.DataObject
) -> None:
    history, every = made
    some = st.lists(st.sampled_from(every), max_size=3)
    tips, without = data.draw(some), data.draw(some)
    left_out = run(order.excluded(tips, without, order.load), history.get)
    expected = history.ancestors(tips) - history.ancestors(without)
    for walk in (order.by_generation, order.topological):
        exploration = Exploration(order.load, without=left_out)
        assert set(cids(stream(walk(tips, exploration), history.get))) == expected


@given(histories.dags(), st.data())
def test_a_gap_is_told_right_behind_a_child_in_either_order(
    made: tuple[Histories, list[Cid]], data: st.DataObject
) -> None:
    history, every = made
    tip = every[-1]
    for cid in data.draw(st.sets(st.sampled_from(every[:-1] or every))):
        del history.blocks[cid]
    for walk in (order.by_generation, order.topological):
        found: Iterator[Step | Absent] = stream(walk([tip], Exploration(order.load)), history.get)
        steps = list(found)
        seen: set[Cid] = set()
        for step in steps:
            if isinstance(step, Absent):
                assert step.child is None or step.child in seen
                assert step.cid not in history.blocks
            else:
                seen.add(step.outline.cid)
        absent = [step.cid for step in steps if isinstance(step, Absent)]
        assert len(absent) == len(set(absent))


def test_what_was_merged_comes_before_what_it_went_into() -> None:
    history = Histories()
    line = history.line(3)
    side = history.commit("s1", line[0], time=100)
    side2 = history.commit("s2", side, time=101)
    merge = history.commit("merge", line[2], side2, time=102)
    assert cids(told(history, merge)) == [merge, side2, side, line[2], line[1], line[0]]


def test_a_drawing_begins_before_the_history_is_read() -> None:
    history = Histories()
    line = history.line(1000)
    side = history.commit("side", line[990])
    merge = history.commit("merge", line[-1], side)
    walk = told(history, merge)
    assert len([next(walk) for _ in range(10)]) == 10
    assert len(set(history.asked)) < 25


def test_leaving_out_looks_no_further_than_it_must() -> None:
    history = Histories()
    line = history.line(1000)
    assert run(order.excluded([line[-1]], [], order.load), history.get) == frozenset()
    assert history.asked == []
    left_out = run(order.excluded([line[-1]], [line[-4]], order.load), history.get)
    assert line[-4] in left_out
    assert len(set(history.asked)) <= 6


def test_a_generation_that_belies_the_parents_is_told_where_it_decides() -> None:
    history = Histories()
    line = history.line(4)
    liar = history.commit("liar", line[3], generation=2)
    with pytest.raises(WrongGeneration):
        run(order.excluded([liar], [line[1]], order.load), history.get)
    with pytest.raises(WrongGeneration):
        cids(told(history, liar))
