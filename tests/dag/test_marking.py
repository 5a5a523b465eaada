"""Marking that was cut short goes on: it marks what a new run would, and reads nothing twice."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.dag import marking as marks
from jiaozi_node.dag.marking import Marking, Unreachable
from jiaozi_node.dag.roots import Root
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.marked import Marked, Step
from jiaozi_node.stores.memory import MemoryStore

RUN = b"one run's name.."


class Cut(Exception):
    """The process ends here."""


class Counting(MemoryStore):
    """Counts what is read, and ends the run after *most* reads."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__(blocks)
        self.read: list[bytes] = []
        self.asked: list[bytes] = []
        self.most: int | None = None

    def get(self, cid: Cid) -> Block:
        if self.most is not None and len(self.read) >= self.most:
            raise Cut
        self.read.append(cid.multihash)
        return super().get(cid)

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        self.asked += [cid.multihash for cid in cids]
        return super().has(cids)


class Notes:
    """Steps in memory."""

    def __init__(self) -> None:
        self.noted: list[Step] = []
        self._taken = self._at = 0
        self.used = False

    def steps(self) -> Iterator[Step]:
        self._taken = 0
        for at, step in enumerate(tuple(self.noted), 1):
            self._at = at
            yield step

    def take(self) -> None:
        self._taken = self._at
        self.used = True

    def add(self, step: Step) -> None:
        self.noted = [*self.noted[: self._taken], step]
        self._taken += 1
        self.used = True

    def discard(self) -> None:
        self.noted = []


def leaf(text: str) -> Block:
    return Block.of(text.encode())


def node(*links: Cid) -> Block:
    return Block.of(dag_cbor.encode(list(links)), c.DAG_CBOR)


def root(cid: Cid, recursive: bool = True) -> Root:
    return Root(cid, "pins", cid.raw, recursive)


@pytest.fixture(autouse=True)
def noted_at_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "STEP_BLOCKS", 1)


def chain(length: int) -> list[Block]:
    """Return nodes of two leaves each, every one linking the one before."""
    blocks = [leaf("end")]
    for number in range(length):
        left, right = leaf(f"left {number}"), leaf(f"right {number}")
        blocks += [left, right, node(left.cid, blocks[-1].cid, right.cid)]
    return blocks


def marked(
    store: Counting,
    roots: Sequence[Root],
    notes: marks.NotesSteps | None,
    partial: frozenset[Cid] = frozenset(),
) -> Marking:
    marking = Marking(store, partial)
    marking.mark(roots, notes)
    return marking


def test_what_was_read_before_the_cut_is_not_read_again(tmp_path: Path) -> None:
    blocks = chain(30)
    top = root(blocks[-1].cid)
    whole = marked(Counting(blocks), [top], None)
    for most in range(30):
        path = tmp_path / "cache" / str(most)
        store = Counting(blocks)
        store.most = most
        with pytest.raises(Cut):
            marked(store, [top], Marked(path, RUN))
        store.most = None
        again = marked(store, [top], Marked(path, RUN))
        assert len(again.kept) == len(whole.kept)
        assert all(block.cid.multihash in again.kept for block in blocks)
        # At most the block that was being read when it was cut, and what it was read for.
        assert len(store.read) - len(set(store.read)) <= 1
        assert len(store.asked) - len(set(store.asked)) <= 3
        assert again.resumed >= 2 * (most - 1)
        third = Counting(blocks)
        assert marked(third, [top], Marked(path, RUN)).resumed == len(whole.kept)
        assert third.read == third.asked == []


def test_a_root_that_is_gone_takes_what_it_alone_kept(tmp_path: Path) -> None:
    left, right = chain(5), chain(5)
    right[-3:] = [node(leaf("x").cid, right[-4].cid)]
    blocks = [*left, *right, leaf("x")]
    store = Counting(blocks)
    first, second = root(left[-1].cid), root(right[-1].cid)
    marked(store, [first, second], Marked(tmp_path / "m", RUN))
    store.read.clear()
    marking = marked(store, [first], Marked(tmp_path / "m", RUN))
    assert store.read == []  # the one that is left was marked before the one that went
    assert leaf("x").cid.multihash not in marking.kept
    assert left[-1].cid.multihash in marking.kept
    marked(store, [first, second], Marked(tmp_path / "n", RUN))
    store.read.clear()
    marking = marked(store, [second], Marked(tmp_path / "n", RUN))
    assert store.read != []  # what stands after the one that went is marked anew
    assert left[-1].cid.multihash not in marking.kept
    assert all(block.cid.multihash in marking.kept for block in right)


def test_a_new_root_is_walked_and_what_it_shares_is_not(tmp_path: Path) -> None:
    blocks = chain(20)
    store = Counting(blocks)
    marked(store, [root(blocks[-4].cid)], Marked(tmp_path / "m", RUN))
    store.read.clear()
    marking = marked(
        store, [root(blocks[-1].cid), root(blocks[-4].cid)], Marked(tmp_path / "m", RUN)
    )
    assert store.read == [blocks[-1].cid.multihash]
    assert len(marking.kept) == len(blocks)


def test_another_runs_file_is_not_gone_on_with(tmp_path: Path) -> None:
    blocks = chain(3)
    store = Counting(blocks)
    marked(store, [root(blocks[-1].cid)], Marked(tmp_path / "m", RUN))
    assert marked(store, [root(blocks[-1].cid)], Marked(tmp_path / "m", RUN[::-1])).resumed == 0
    assert marked(store, [root(blocks[-1].cid)], Marked(tmp_path / "m", RUN)).resumed == 0


def test_a_file_that_is_torn_or_damaged_is_believed_as_far_as_it_is_whole(tmp_path: Path) -> None:
    blocks = chain(6)
    top = root(blocks[-1].cid)
    path = tmp_path / "m"
    marked(Counting(blocks), [top], Marked(path, RUN))
    data = path.read_bytes()
    for at in range(len(data)):
        for harmed in (data[:at], data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]):
            path.write_bytes(harmed)
            store = Counting(blocks)
            marking = marked(store, [top], Marked(path, RUN))
            assert len(marking.kept) == len(blocks)
            assert marking.resumed < len(blocks) or store.read == []
            assert len(set(store.read)) == len(store.read)


def test_a_full_disk_stops_the_notes_and_not_the_marking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = chain(6)
    top = root(blocks[-1].cid)
    marked(Counting(blocks), [top], Marked(tmp_path / "m", RUN))
    monkeypatch.setattr("jiaozi_node.stores.marked.SPARE_BYTES", 1 << 60)
    other = Counting([*blocks, leaf("other")])
    marking = marked(other, [top, root(leaf("other").cid)], Marked(tmp_path / "m", RUN))
    assert len(marking.kept) == len(blocks) + 1
    assert not (tmp_path / "m").exists()
    (tmp_path / "file").write_bytes(b"")  # no directory can be made there
    assert len(marked(other, [top], Marked(tmp_path / "file" / "m", RUN)).kept) == len(blocks)


def test_a_block_that_went_missing_is_noticed_by_the_walk_that_goes_on(tmp_path: Path) -> None:
    blocks = chain(6)
    top = root(blocks[-1].cid)
    store = Counting(blocks)
    store.most = 3
    with pytest.raises(Cut):
        marked(store, [top], Marked(tmp_path / "m", RUN))
    store.most = None
    store.drop([blocks[0].cid])
    with pytest.raises(Unreachable, match=str(blocks[0].cid)):
        marked(store, [top], Marked(tmp_path / "m", RUN))


def test_what_a_partial_mark_excused_does_not_excuse_a_new_root(tmp_path: Path) -> None:
    lost = leaf("lost")
    below = node(lost.cid)
    shallow = node(below.cid, leaf("x").cid)
    other = node(below.cid)
    store = Counting([below, shallow, other, leaf("x")])
    partial = frozenset([shallow.cid])
    first = marked(store, [root(shallow.cid)], Marked(tmp_path / "m", RUN), partial=partial)
    assert lost.cid.multihash in first.kept
    with pytest.raises(Unreachable, match=str(lost.cid)):
        marked(
            store,
            [root(shallow.cid), root(other.cid)],
            Marked(tmp_path / "m", RUN),
            partial=partial,
        )


# Any DAG, any cut, any change of roots.

SHAPES = st.lists(st.lists(st.integers(0, 30), max_size=4), min_size=1, max_size=14)


@settings(max_examples=150, deadline=None)
@given(shape=SHAPES, data=st.data())
def test_going_on_marks_what_a_new_run_marks(shape: list[list[int]], data: st.DataObject) -> None:
    blocks = [leaf("0"), leaf("1")]
    for links in shape:
        blocks.append(node(*(blocks[link % len(blocks)].cid for link in links)))
    number = st.integers(0, len(blocks) - 1)
    choice = st.lists(st.tuples(number, st.booleans()), max_size=5)
    marked_partial = st.frozensets(number.map(lambda at: blocks[at].cid), max_size=2)
    gone = data.draw(st.sets(number, max_size=1))
    store = Counting([block for at, block in enumerate(blocks) if at not in gone])
    partial = data.draw(marked_partial)
    notes = Notes()
    expected: Marking | None = None
    for _turn in range(data.draw(st.integers(1, 4))):
        roots = [root(blocks[at].cid, recursive) for at, recursive in data.draw(choice)]
        store.most = len(store.read) + data.draw(st.integers(0, 12))
        with suppress(Cut, Unreachable):
            marked(store, roots, notes, partial=partial)
        store.most = None
    fault = None
    try:
        expected = marked(store, roots, None, partial=partial)
    except Unreachable as one:
        fault = one
    try:
        found = marked(store, roots, notes, partial=partial)
    except Unreachable:
        assert fault is not None
        return
    assert fault is None
    assert expected is not None
    keys = [block.cid.multihash for block in blocks]
    assert [key in found.kept for key in keys] == [key in expected.kept for key in keys]
    assert len(found.kept) == len(expected.kept)
