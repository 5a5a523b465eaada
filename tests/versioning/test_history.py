import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.dag.walk import run, stream
from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.versioning import history as walks
from jiaozi_node.versioning import order
from jiaozi_node.versioning import tag as tags
from jiaozi_node.versioning.commit import WrongGeneration
from jiaozi_node.versioning.fields import SchemaBroken
from jiaozi_node.versioning.history import Absent, ParentMissing
from jiaozi_node.versioning.order import Step
from jiaozi_node.versioning.tag import Tag
from tests.versioning import histories
from tests.versioning.histories import ADA, TREE, Histories


def steps_of(history: Histories, *tips: Cid, first_parent: bool = False) -> list[Step | Absent]:
    narrow = order.first_parent if first_parent else order.every_parent
    exploration = order.Exploration(order.load, narrow)
    return list(stream(order.by_generation(tips, exploration), history.get))


def cid_of(step: Step | Absent) -> Cid:
    return step.cid if isinstance(step, Absent) else step.outline.cid


def logged(history: Histories, *tips: Cid, first_parent: bool = False) -> list[Cid]:
    return [cid_of(step) for step in steps_of(history, *tips, first_parent=first_parent)]


@given(histories.dags(), st.data())
def test_the_log_has_every_ancestor_once_and_before_its_parents(
    made: tuple[Histories, list[Cid]], data: st.DataObject
) -> None:
    history, every = made
    tips = data.draw(st.lists(st.sampled_from(every), max_size=3))
    order = logged(history, *tips)
    assert len(order) == len(set(order))
    assert set(order) == history.ancestors(tips)
    place = {cid: at for at, cid in enumerate(order)}
    for cid in order:
        assert all(place[parent] > place[cid] for parent in history.commits[cid].parents)
    assert run(walks.count(tips), history.get) == len(order)


@given(histories.dags(), st.data())
def test_ancestry_is_what_a_full_walk_says(
    made: tuple[Histories, list[Cid]], data: st.DataObject
) -> None:
    history, every = made
    one, other = (data.draw(st.sampled_from(every)) for _ in range(2))
    assert run(walks.is_ancestor(one, other), history.get) == (one in history.ancestors([other]))


@given(histories.dags(), st.data())
def test_a_partial_history_is_told_up_to_its_gaps(
    made: tuple[Histories, list[Cid]], data: st.DataObject
) -> None:
    history, every = made
    tip = every[-1]
    gone = data.draw(st.sets(st.sampled_from(every)))
    for cid in gone:
        del history.blocks[cid]
    steps = steps_of(history, tip)
    absent = {step.cid for step in steps if isinstance(step, Absent)}
    seen = {step.outline.cid for step in steps if isinstance(step, Step)}
    assert absent <= gone
    assert not seen & gone
    assert len(steps) == len(absent) + len(seen)
    reached = {parent for cid in seen for parent in history.commits[cid].parents} | {tip}
    assert reached == (seen | absent)


def test_newer_comes_first_among_commits_of_one_generation() -> None:
    history = Histories()
    root = history.commit("root", time=100)
    early, late = (history.commit(f"at {time}", root, time=time) for time in (1, 2))
    assert logged(history, early, late) == [late, early, root]


def test_a_clock_that_ran_ahead_does_not_put_a_parent_before_its_child() -> None:
    history = Histories()
    root = history.commit("clock wrong", time=9_999_999)
    child = history.commit("clock right", root, time=1)
    assert logged(history, root, child) == [child, root]


def test_first_parent_leaves_out_what_was_merged() -> None:
    history = Histories()
    line = history.line(3)
    side = history.commit("side", line[0])
    merge = history.commit("merge", line[2], side)
    assert logged(history, merge, first_parent=True) == [merge, *reversed(line)]
    assert side in logged(history, merge)
    assert run(walks.count([merge], first_parent=True), history.get) == 4


def test_a_missing_parent_is_named_with_its_child() -> None:
    history = Histories()
    line = history.line(3)
    del history.blocks[line[0]]
    with pytest.raises(ParentMissing) as caught:
        run(walks.read(line[0], line[1]), history.get)
    assert (caught.value.parent, caught.value.child) == (line[0], line[1])
    with pytest.raises(ParentMissing):
        run(walks.count([line[2]]), history.get)
    assert steps_of(history, line[2])[-1] == Absent(line[0], line[1])
    assert logged(history, line[2]) == [line[2], line[1], line[0]]


def test_ancestry_needs_no_block_below_the_ancestor() -> None:
    history = Histories()
    line = history.line(50)
    side = history.commit("side", line[40])
    for cid in line[:40]:
        del history.blocks[cid]
    assert run(walks.is_ancestor(line[40], line[49]), history.get)
    assert not run(walks.is_ancestor(side, line[49]), history.get)
    assert set(history.asked) <= set(line[40:]) | {side}
    with pytest.raises(ParentMissing):
        run(walks.is_ancestor(line[3], line[49]), history.get)


def test_ancestry_found_on_one_side_does_not_ask_for_what_the_other_lacks() -> None:
    history = Histories()
    line = history.line(4)
    side = history.commit("side", line[0])
    lost = history.commit("lost", side)
    merge = history.commit("merge", line[3], history.commit("s", lost))
    del history.blocks[lost]
    assert run(walks.is_ancestor(line[1], merge), history.get)
    with pytest.raises(ParentMissing):
        run(walks.is_ancestor(side, merge), history.get)


@pytest.mark.parametrize("generation", [2, 4, 2**53 - 1])
def test_a_generation_that_the_parents_belie_is_refused(generation: int) -> None:
    history = Histories()
    line = history.line(2)
    liar = history.commit("liar", line[1], generation=generation)
    with pytest.raises(WrongGeneration) as caught:
        logged(history, liar)
    assert (caught.value.cid, caught.value.expected) == (liar, 3)


def test_a_generation_below_a_known_parent_is_refused_in_a_partial_history() -> None:
    history = Histories()
    line = history.line(5)
    other = history.commit("other")
    liar = history.commit("liar", line[4], other, generation=3)
    del history.blocks[other]
    with pytest.raises(WrongGeneration):
        logged(history, liar)


def test_a_history_of_ten_thousand_is_walked_without_recursion() -> None:
    history = Histories()
    line = history.line(3000)
    assert logged(history, line[-1]) == line[::-1]


def test_a_tip_that_is_no_commit_is_malformed() -> None:
    history = Histories()
    other = history.put(Block.of(b"\xa0", DAG_CBOR))
    with pytest.raises(Malformed, match="type"):
        logged(history, other)


def tagged(history: Histories, target: Cid, times: int = 1) -> Cid:
    for number in range(times):
        target = history.put(tags.encode(Tag(target, TREE, f"v{number}", ADA, 0, "")))
    return target


def test_tags_are_followed_to_their_commit_sixteen_deep() -> None:
    history = Histories()
    (root,) = history.line(1)
    assert run(walks.peel(root), history.get).cid == root
    assert run(walks.peel(tagged(history, root, 16)), history.get).cid == root
    with pytest.raises(LimitExceeded) as caught:
        run(walks.peel(tagged(history, root, 17)), history.get)
    assert (caught.value.field, caught.value.limit) == ("chain of tags", 16)


def test_a_tag_of_a_directory_stands_for_no_commit() -> None:
    history = Histories()
    with pytest.raises(SchemaBroken, match="a directory that a tag names"):
        run(walks.peel(tagged(history, TREE)), history.get)


def test_commits_are_found_by_how_they_begin_even_past_gaps_and_tags() -> None:
    history = Histories()
    line = history.line(30)
    tag = tagged(history, line[9])
    del history.blocks[line[10]]
    found = run(walks.beginning([line[29], tag], ""), history.get)
    assert found == sorted([*line, tag])
    one = str(line[0])[:12]
    assert run(walks.beginning([tag], one), history.get) == [line[0]]
    with pytest.raises(BlockMissing):
        history.get(line[10])
