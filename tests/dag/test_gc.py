"""Collection on memory stores: what is kept, what stops it, and a machine of acts beside it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from jiaozi_node.dag.gc import Dropped, sweep
from jiaozi_node.dag.marking import Keys, Marking, Unreachable
from jiaozi_node.dag.pin import Pins
from jiaozi_node.dag.roots import Root, UnknownKind, linked, nothing, pinned, read
from jiaozi_node.dag.walk import run
from jiaozi_node.errors import Corrupt
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing, BlockWriter, Change, Family
from jiaozi_node.stores.leases import Collecting, Lease, Leased, Leases, Since
from jiaozi_node.stores.memory import MemoryNames, MemoryStore


def leaf(text: str) -> Block:
    return Block.of(text.encode())


def node(*links: Cid) -> Block:
    return Block.of(dag_cbor.encode(list(links)), c.DAG_CBOR)


A, B, GARBAGE = leaf("a"), leaf("b"), leaf("garbage")
SUB = node(B.cid)
TOP = node(A.cid, SUB.cid)
ALL = [A, B, SUB, TOP]


def root(cid: Cid, recursive: bool = True) -> Root:
    return Root(cid, "pins", cid.raw, recursive)


def collected(
    store: MemoryStore, *roots: Root, partial: frozenset[Cid] = frozenset()
) -> set[bytes]:
    """Collect, and return the multihashes that went."""
    marking = Marking(store, partial)
    with Leases().collecting() as collection:
        marking.mark(roots)
        return {one.cid.multihash for one in sweep(store, marking, collection)}


def hashes(*blocks: Block) -> set[bytes]:
    return {block.cid.multihash for block in blocks}


def test_what_roots_lead_to_stays_and_the_rest_goes() -> None:
    store = MemoryStore([*ALL, GARBAGE])
    assert collected(store, root(TOP.cid)) == hashes(GARBAGE)
    assert collected(store, root(SUB.cid)) == hashes(TOP, A)
    assert collected(store) == hashes(SUB, B)


def test_a_direct_root_keeps_itself_alone() -> None:
    store = MemoryStore(ALL)
    assert collected(store, root(TOP.cid, recursive=False)) == hashes(A, B, SUB)


def test_a_block_is_kept_whatever_version_and_codec_name_it() -> None:
    pb = Block.of(b"\x0a\x02hi", c.DAG_PB)
    store = MemoryStore([pb])
    assert collected(store, root(Cid.v0(pb.cid.multihash))) == set()
    assert collected(store, root(Cid.v1(c.RAW, pb.cid.multihash))) == set()


def test_a_block_met_as_raw_is_still_walked_under_its_codec() -> None:
    as_raw = Cid.v1(c.RAW, TOP.cid.multihash)
    store = MemoryStore(ALL)
    assert collected(store, root(as_raw), root(TOP.cid)) == set()


def test_identity_cids_are_not_looked_for_and_their_links_count() -> None:
    inline = Block.of(dag_cbor.encode([A.cid]), c.DAG_CBOR, mh.IDENTITY)
    text = Block.of(b"inline", c.RAW, mh.IDENTITY)
    top = node(inline.cid, text.cid)
    store = MemoryStore([top, A, B])
    assert collected(store, root(top.cid), root(text.cid)) == hashes(B)


def test_a_block_of_an_unknown_codec_is_kept() -> None:
    strange = Block.of(b"tree", c.GIT_RAW)
    top = node(strange.cid)
    assert collected(MemoryStore([strange, top, A]), root(top.cid)) == hashes(A)


@pytest.mark.parametrize("gone", [A, SUB, TOP, B])
def test_a_missing_block_stops_it_before_anything_is_dropped(gone: Block) -> None:
    store = MemoryStore([one for one in [*ALL, GARBAGE] if one != gone])
    with pytest.raises(Unreachable, match=f"{gone.cid}.*pins {TOP.cid}.*is missing"):
        collected(store, root(TOP.cid))
    assert store.has([GARBAGE.cid]) == [True]


def test_a_damaged_block_that_links_others_stops_it() -> None:
    store = MemoryStore([*ALL, GARBAGE])
    assert store._blocks is not None
    store._blocks[SUB.cid.multihash] += b"?"
    with pytest.raises(Unreachable, match=str(SUB.cid)):
        collected(store, root(TOP.cid))
    assert store.has([GARBAGE.cid]) == [True]


def test_what_is_missing_at_or_below_a_partial_mark_is_passed_over() -> None:
    store = MemoryStore([A, TOP, GARBAGE])
    assert collected(store, root(TOP.cid), partial=frozenset([SUB.cid])) == hashes(GARBAGE)
    store = MemoryStore([A, SUB, TOP, GARBAGE])
    assert collected(store, root(TOP.cid), partial=frozenset([SUB.cid])) == hashes(GARBAGE)
    store = MemoryStore([SUB, TOP, GARBAGE])
    with pytest.raises(Unreachable, match=str(A.cid)):
        collected(store, root(TOP.cid), partial=frozenset([SUB.cid]))
    assert collected(store, root(TOP.cid), partial=frozenset([A.cid, B.cid])) == hashes(GARBAGE)


def test_a_partial_mark_does_not_excuse_another_way_to_the_block() -> None:
    other = node(B.cid)
    top = node(SUB.cid, Block.of(dag_cbor.encode([B.cid, 1]), c.DAG_CBOR).cid)
    store = MemoryStore([top, SUB, Block.of(dag_cbor.encode([B.cid, 1]), c.DAG_CBOR), other])
    with pytest.raises(Unreachable, match=str(B.cid)):
        collected(store, root(top.cid), partial=frozenset([SUB.cid]))


def test_a_chain_of_any_length_is_walked() -> None:
    blocks = [leaf("end")]
    for _ in range(5000):
        blocks.append(node(blocks[-1].cid))
    assert collected(MemoryStore(blocks), root(blocks[-1].cid)) == set()


def test_a_dry_run_drops_nothing_and_counts_bytes() -> None:
    store = MemoryStore([*ALL, GARBAGE])
    marking = Marking(store)
    with Leases().collecting() as collection:
        marking.mark([root(TOP.cid)])
        found = list(sweep(store, marking, collection, dry_run=True))
    assert found == [Dropped(GARBAGE.cid, len(GARBAGE.data))]
    assert store.has([GARBAGE.cid]) == [True]


# Roots out of names.


def test_rows_are_read_as_their_kinds_say() -> None:
    names = MemoryNames()
    Pins(names).add(A.cid, "direct")
    names.apply(
        [
            Change("stages", b"w", dag_cbor.encode({"tree": TOP.cid})),
            Change("aliases", b"x", dag_cbor.encode([B.cid])),
        ]
    )
    readers = {"pins": pinned, "stages": linked, "aliases": nothing}
    assert list(read(names, readers)) == [
        Root(A.cid, "pins", A.cid.raw, False),
        Root(TOP.cid, "stages", b"w"),
    ]
    with pytest.raises(UnknownKind, match="aliases"):
        list(read(names, {"pins": pinned, "stages": linked}))
    names.apply([Change("stages", b"w", b"\xff")])
    with pytest.raises(Corrupt, match="stages w"):
        list(read(names, readers))


# Keys.


@given(
    st.lists(st.binary(min_size=4, max_size=36), max_size=300), st.binary(min_size=34, max_size=34)
)
@settings(max_examples=20)
def test_keys_are_a_set(found: list[bytes], other: bytes) -> None:
    keys, model = Keys(), set[int]()
    for one in found:
        short = int.from_bytes(one[-8:], "big") or 1
        assert keys.add(one) == (short not in model)
        model.add(short)
    assert len(keys) == len(model)
    assert all(one in keys for one in found)
    assert (other in keys) == ((int.from_bytes(other[-8:], "big") or 1) in model)


def test_a_key_of_zeros_is_a_key() -> None:
    keys = Keys()
    assert bytes(34) not in keys
    assert keys.add(bytes(34))
    assert not keys.add(bytes(34))
    assert bytes(34) in keys


def test_keys_grow_past_any_table() -> None:
    keys = Keys()
    for number in range(1, 20_001):
        keys.add(number.to_bytes(8, "big") * 2)
    assert len(keys) == 20_000
    assert (20_000).to_bytes(8, "big") * 2 in keys
    assert (20_001).to_bytes(8, "big") * 2 not in keys


# Leases.


def test_what_an_open_act_put_or_found_present_stays() -> None:
    leases, inner = Leases(), MemoryStore([A, GARBAGE])
    store = Leased(inner, leases)
    with leases.acting() as lease:
        act = store.under(lease)
        with act.writer() as writer:
            writer.put([B])
            assert writer.present([A.cid]) == [True]
        with leases.collecting() as collection:
            assert [one.cid for one in sweep(inner, Marking(inner), collection)] == [GARBAGE.cid]
    with leases.collecting() as collection:
        assert len(list(sweep(inner, Marking(inner), collection))) == 2


def test_a_lease_that_ends_during_a_collection_holds_until_its_end() -> None:
    leases, inner = Leases(), MemoryStore()
    store = Leased(inner, leases)
    with leases.collecting() as collection:
        marking = Marking(inner)
        marking.mark([])
        with store.writer() as writer:
            writer.put([A])  # and its row is set now: after the roots were read
        assert list(sweep(inner, marking, collection)) == []
    assert inner.has([A.cid]) == [True]


def test_a_lease_in_force_when_a_collection_begins_holds_until_its_end() -> None:
    leases, inner = Leases(), MemoryStore()
    lease = leases.begin()
    with Leased(inner, leases, lease).writer() as writer:
        writer.put([A])
    with leases.collecting() as collection:
        marking = Marking(inner)
        leases.end(lease)
        assert list(sweep(inner, marking, collection)) == []


def test_a_root_that_an_act_asks_for_during_the_sweep_is_marked_first() -> None:
    leases, inner = Leases(), MemoryStore([*ALL, GARBAGE])
    with leases.collecting() as collection:
        marking = Marking(inner)
        marking.mark([])
        with leases.acting() as lease:
            lease.keep_below(TOP.cid)
            assert [one.cid for one in sweep(inner, marking, collection)] == [GARBAGE.cid]


def test_a_root_asked_for_before_the_collection_is_marked_too() -> None:
    leases, inner = Leases(), MemoryStore([*ALL, GARBAGE])
    with leases.acting() as lease:
        lease.keep_below(TOP.cid)
        with leases.collecting() as collection:
            assert [one.cid for one in sweep(inner, Marking(inner), collection)] == [GARBAGE.cid]


def test_a_root_that_is_not_whole_keeps_what_is_here_of_it() -> None:
    leases, inner = Leases(), MemoryStore([TOP, SUB, B, GARBAGE])
    with leases.acting() as lease:
        lease.keep_below(TOP.cid)
        lease.keep_below(A.cid)
        with leases.collecting() as collection:
            assert [one.cid for one in sweep(inner, Marking(inner), collection)] == [GARBAGE.cid]


def test_one_collection_at_a_time() -> None:
    leases = Leases()
    with leases.collecting(), pytest.raises(Collecting), leases.collecting():
        pass
    with leases.collecting():
        pass


def test_a_lease_of_very_many_blocks_forgets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jiaozi_node.stores.leases.EXACT_KEYS", 100)
    monkeypatch.setattr("jiaozi_node.stores.leases.BLOOM_BYTES", 4096)
    leases = Leases()
    lease = leases.begin()
    put = [leaf(str(number)).cid.multihash for number in range(1000)]
    for at in range(0, 1000, 7):
        lease.keep(put[at : at + 7])
    assert all(map(lease.holds, put))
    others = [leaf(f"other {number}").cid.multihash for number in range(1000)]
    assert sum(map(lease.holds, others)) < 100
    assert len(lease._exact) <= 100


class Dated(MemoryStore):
    """A store that knows when each block was written, and writes none twice."""

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self.clock = 0
        self.written: dict[bytes, int] = {}
        super().__init__(blocks)

    def since_now(self) -> Since:
        moment = self.clock
        return lambda multihash: self.written.get(multihash, 0) > moment

    @contextmanager
    def writer(self, family: Family = Family.OWN) -> Iterator[BlockWriter]:
        with super().writer(family) as writer:
            yield _Telling(self, writer)

    def drop(self, cids: Iterable[Cid]) -> int:
        gone = tuple(cids)
        for cid in gone:
            self.written.pop(cid.multihash, None)
        return super().drop(gone)


class _Telling:
    def __init__(self, store: Dated, inner: BlockWriter) -> None:
        self._store, self._inner = store, inner
        self.present = inner.present

    def put(self, blocks: Iterable[Block]) -> None:
        self.put_telling(blocks)

    def put_telling(self, blocks: Iterable[Block]) -> list[bytes]:
        found = []
        for block in blocks:
            multihash = block.cid.multihash
            if self._store.has([block.cid])[0]:
                found.append(multihash)
            else:
                self._inner.put([block])
                self._store.clock += 1
                self._store.written[multihash] = self._store.clock
        return found


def left_by(inner: MemoryStore, leases: Leases) -> set[bytes]:
    """Collect with nothing marked; return what stays."""
    with leases.collecting() as collection:
        list(sweep(inner, Marking(inner), collection))
    return set(inner.multihashes())


def test_of_what_an_act_writes_nothing_is_recorded() -> None:
    leases, inner = Leases(), Dated([A, GARBAGE])
    new = [leaf(str(number)) for number in range(1000)]
    with leases.acting() as lease:
        store = Leased(inner, leases, lease)
        with store.writer() as writer:
            writer.put(iter([*new, A]))
            writer.put([B, new[0]])
            assert writer.present([A.cid, SUB.cid]) == [True, False]
        assert lease._exact == hashes(A, new[0])
        assert not lease._watched
        assert lease._bloom is None
        assert left_by(inner, leases) == hashes(*new, A, B)
    assert left_by(inner, leases) == set()


def test_what_others_write_beside_an_act_stays_until_it_ends() -> None:
    leases, inner = Leases(), Dated()
    with leases.acting() as first:
        with Leased(inner, leases, first).writer() as writer:
            writer.put([A])
        with leases.acting() as second, Leased(inner, leases, second).writer() as writer:
            writer.put([B])
        assert left_by(inner, leases) == hashes(A, B)
    assert left_by(inner, leases) == set()


def test_a_block_that_is_dropped_between_record_and_look_is_written_anew() -> None:
    leases, inner = Leases(), Dated([A])
    with leases.acting() as lease:
        with Leased(inner, leases, lease).writer() as writer:
            writer.put([GARBAGE])
            inner.drop([A.cid])
            writer.put([A])
        assert left_by(inner, leases) == hashes(A, GARBAGE)


def test_leases_that_end_during_a_collection_are_kept_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jiaozi_node.stores.leases.EXACT_KEYS", 10)
    monkeypatch.setattr("jiaozi_node.stores.leases.BLOOM_BYTES", 4096)
    here = [leaf(f"here {number}") for number in range(60)]
    leases, inner = Leases(), Dated([*here, GARBAGE])
    new = [leaf(f"new {number}") for number in range(60)]
    with leases.collecting() as collection:
        marking = Marking(inner)
        marking.mark([])
        for number in range(0, 60, 20):
            with leases.acting() as lease, Leased(inner, leases, lease).writer() as writer:
                writer.put(new[number : number + 20])
                writer.present([block.cid for block in here[number : number + 20]])
        assert len(leases.held()) == 1
        assert [one.cid for one in sweep(inner, marking, collection)] == [GARBAGE.cid]
    assert set(inner.multihashes()) == hashes(*here, *new)


# A machine: acts begin, write, name and end while collections begin, mark and sweep step by step.

WORDS = st.sampled_from("abcd")
Open = tuple[Lease, list[Cid]]  # an act's lease, and what it has put or found


_END = object()


class Acts(RuleBasedStateMachine):
    """Whatever is acknowledged and named must be here at every moment, with all below it."""

    acts: Bundle[Open] = Bundle("acts")
    store = MemoryStore

    def __init__(self) -> None:
        super().__init__()
        self.leases, self.inner, self.names = Leases(), self.store(), MemoryNames()
        self.pins = Pins(self.names)
        self.blocks: dict[Cid, list[Cid]] = {}  # every block ever made, and its links
        self.collecting: Iterator[None] | None = None

    def put(self, act: Open, block: Block, links: list[Cid]) -> None:
        with Leased(self.inner, self.leases, act[0]).writer() as writer:
            writer.put([block])
        self.blocks[block.cid] = links
        act[1].append(block.cid)

    @rule(target=acts, word=WORDS)
    def begin(self, word: str) -> Open:
        """Begin an act and put a block."""
        act: Open = (self.leases.begin(), [])
        self.put(act, leaf(word), [])
        return act

    @rule(act=acts, links=st.integers(0, 3))
    def put_above(self, act: Open, links: int) -> None:
        """Put a block that links what this act has."""
        below = act[1][-links:] if links else []
        self.put(act, node(*below), below)

    @rule(act=acts, data=st.data())
    def rely(self, act: Open, data: st.DataObject) -> None:
        """Find a leaf present, and count on it."""
        cid = data.draw(st.sampled_from([cid for cid in self.blocks if cid.codec == c.RAW]))
        with Leased(self.inner, self.leases, act[0]).writer() as writer:
            if writer.present([cid])[0]:
                act[1].append(cid)

    @rule(act=consumes(acts), recursive=st.booleans())
    def name(self, act: Open, recursive: bool) -> None:
        """Name the last block the act has, as `add` does, and end it."""
        cid = act[1][-1]
        if recursive:
            self.names.apply([Change("stages", cid.raw, dag_cbor.encode({"tree": cid}))])
        elif self.pins.get(cid) is None:
            self.pins.add(cid, "direct")
        self.leases.end(act[0])

    @rule(act=consumes(acts), data=st.data())
    def pin_what_was_found(self, act: Open, data: st.DataObject) -> None:
        """Pin any DAG ever made, as `pin add` does."""
        cid = data.draw(st.sampled_from(sorted(self.blocks)))
        act[0].keep_below(cid)
        walk = self.pins.pin(cid)
        with suppress(BlockMissing):
            run(walk, self.inner.get)
        self.leases.end(act[0])

    @rule(data=st.data())
    def unname(self, data: st.DataObject) -> None:
        """Forget a name, or nothing."""
        rows = [(kind, key) for kind, key, _ in self.names.everything()]
        if rows:
            self.names.apply([Change(*data.draw(st.sampled_from(rows)), None)])

    def collection(self) -> Iterator[None]:
        with self.leases.collecting() as collection:
            yield
            roots = list(read(self.names, {"pins": pinned, "stages": linked}))
            yield
            marking = Marking(self.inner)
            marking.mark(roots)
            yield
            for _ in sweep(self.inner, marking, collection):
                yield

    @precondition(lambda self: self.collecting is None)
    @rule()
    def begin_collection(self) -> None:
        self.collecting = self.collection()

    @precondition(lambda self: self.collecting is not None)
    @rule(steps=st.sampled_from([1, 2, 3, 9]))
    def go_on_with_collection(self, steps: int) -> None:
        assert self.collecting is not None
        for _ in range(steps):
            if next(self.collecting, _END) is _END:
                self.collecting = None
                return

    @invariant()
    def nothing_that_is_named_is_lost(self) -> None:
        stack = [
            (one.cid, one.recursive) for one in read(self.names, {"pins": pinned, "stages": linked})
        ]
        while stack:
            cid, recursive = stack.pop()
            assert self.inner.has([cid]) == [True], cid
            if recursive:
                stack += [(link, True) for link in self.blocks[cid]]

    def teardown(self) -> None:
        """With every act ended, one more collection leaves exactly what is named."""
        if self.collecting is not None:
            for _ in self.collecting:
                pass
        for lease in self.leases.held():
            self.leases.end(lease)
        for _ in self.collection():
            pass
        self.nothing_that_is_named_is_lost()
        marking = Marking(self.inner)
        marking.mark(read(self.names, {"pins": pinned, "stages": linked}))
        assert set(self.inner.multihashes()) == {
            one for one in self.inner.multihashes() if one in marking.kept
        }


class DatedActs(Acts):
    """The same where leases go by when a block was written."""

    store = Dated


TestActs, TestDatedActs = Acts.TestCase, DatedActs.TestCase
TestActs.settings = TestDatedActs.settings = settings(
    max_examples=50, stateful_step_count=40, deadline=None
)
