"""The merge bases are the common ancestors that no other common ancestor descends from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning.commit import WrongGeneration
from jiaozi_node.versioning.history import ParentMissing
from jiaozi_node.versioning.merge_base import merge_bases
from tests.versioning.histories import Histories, dags


def _naive(histories: Histories, ours: Cid, theirs: Cid) -> tuple[Cid, ...]:
    common = histories.ancestors([ours]) & histories.ancestors([theirs])
    behind = {other for cid in common for other in histories.ancestors([cid]) if other != cid}
    return tuple(sorted(common - behind))


@given(dags(), st.data())
def test_bases_are_those_of_the_naive_search(
    dag: tuple[Histories, list[Cid]], data: st.DataObject
) -> None:
    histories, made = dag
    ours, theirs = data.draw(st.sampled_from(made)), data.draw(st.sampled_from(made))
    expected = _naive(histories, ours, theirs)
    assert run(merge_bases(ours, theirs), histories.get) == expected
    assert run(merge_bases(theirs, ours), histories.get) == expected


def test_a_criss_cross_has_two_bases() -> None:
    histories = Histories()
    root = histories.commit("root")
    a, b = histories.commit("a", root), histories.commit("b", root)
    left, right = histories.commit("left", a, b), histories.commit("right", b, a)
    assert run(merge_bases(left, right), histories.get) == tuple(sorted((a, b)))


def test_unrelated_histories_have_none() -> None:
    histories = Histories()
    assert run(merge_bases(histories.commit("a"), histories.commit("b")), histories.get) == ()


def test_the_search_reads_what_is_above_the_base_and_little_more() -> None:
    histories = Histories()
    line = histories.line(200)
    ours, theirs = histories.commit("ours", line[-1]), histories.commit("theirs", line[-3])
    histories.asked.clear()
    assert run(merge_bases(ours, theirs), histories.get) == (line[-3],)
    assert len(histories.asked) <= 6


@pytest.mark.parametrize(("budget", "enough"), [(20, True), (19, False)])
def test_the_budget_is_kept(budget: int, enough: bool) -> None:
    histories = Histories()
    line = histories.line(20)
    found = merge_bases(line[-1], line[0], budget)
    if enough:
        assert run(found, histories.get) == (line[0],)
        return
    with pytest.raises(LimitExceeded, match="search for a merge base is 20 commits"):
        run(found, histories.get)
    assert len(histories.asked) == 19


def test_a_missing_commit_is_named_when_it_matters_only() -> None:
    histories = Histories()
    line = histories.line(5)
    ours, theirs = histories.commit("ours", line[-1]), histories.commit("theirs", line[-1])
    del histories.blocks[line[0]]
    assert run(merge_bases(ours, theirs), histories.get) == (line[-1],)
    del histories.blocks[line[-1]]
    with pytest.raises(ParentMissing) as caught:
        run(merge_bases(ours, theirs), histories.get)
    assert caught.value.parent == line[-1]


def test_a_lying_generation_is_refused() -> None:
    histories = Histories()
    line = histories.line(4)
    liar = histories.commit("liar", line[-1], generation=2)
    other = histories.commit("other", line[0])
    with pytest.raises(WrongGeneration):
        run(merge_bases(liar, other), histories.get)
