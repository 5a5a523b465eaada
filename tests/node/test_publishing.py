"""What is published is public and kept, what is taken back is neither, whenever it is killed."""

import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from jiaozi_node.dag.pin import Pins
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, RAW, Cid
from jiaozi_node.node import publishing, visibility
from jiaozi_node.node.collecting import collect
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.publishing import make_private, make_public, settle
from jiaozi_node.node.supply import PublicSupply
from jiaozi_node.node.visibility import NotPublished, published
from jiaozi_node.stores.api import BlockMissing, Change, Family
from jiaozi_node.stores.memory import MemoryNames
from tests.exchange.network import Blocks, World

NOW = 1_700_000_000
LEAVES = [Block.of(b"leaf %d" % at) for at in range(6)]


def linking(*blocks: Block) -> Block:
    return Block.of(dag_cbor.encode([block.cid for block in blocks]), DAG_CBOR)


LOWER = linking(LEAVES[0], LEAVES[1])
UPPER = linking(LOWER, LEAVES[2])
OTHER = linking(LEAVES[1], LEAVES[3])
ALL = (*LEAVES, LOWER, UPPER, OTHER)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LocalHome]:
    made = LocalHome.create(tmp_path / "home")
    put(made, *ALL)
    yield made
    made.close()


def put(home: LocalHome, *blocks: Block, family: Family = Family.OWN) -> None:
    with home.blocks.writer(family) as writer:
        writer.put(blocks)


def public(home: LocalHome, *blocks: Block) -> set[Block]:
    blocks = blocks or ALL
    said = home.segments.is_public([block.cid for block in blocks])
    return {block for block, yes in zip(blocks, said, strict=True) if yes}


def rebuilt(home: LocalHome) -> set[Block]:
    """Return what is public after the index was lost."""
    home.close()
    shutil.rmtree(home.path / "index")
    again = LocalHome.open(home.path)
    try:
        return public(again)
    finally:
        again.close()


def gc(home: LocalHome) -> set[Block]:
    gone = {one.cid.multihash for one in collect(home, NOW)}
    return {block for block in ALL if block.cid.multihash in gone}


def test_what_is_published_is_public_with_all_below(home: LocalHome) -> None:
    assert public(home) == set()
    done = make_public(home, UPPER.cid)
    assert (done.blocks, done.changed) == (5, 5)
    assert public(home) == {UPPER, LOWER, *LEAVES[:3]}
    assert list(published(home.names)) == [UPPER.cid]
    again = make_public(home, UPPER.cid)
    assert again.changed == 0
    assert rebuilt(home) == {UPPER, LOWER, *LEAVES[:3]}


def test_what_is_taken_back_is_private_but_for_what_others_lead_to(home: LocalHome) -> None:
    put(home, LEAVES[0], family=Family.PUBLIC)
    make_public(home, UPPER.cid)
    make_public(home, OTHER.cid)
    assert make_private(home, UPPER.cid) == 3
    left = {OTHER, LEAVES[1], LEAVES[3], LEAVES[0]}
    assert public(home) == left
    with pytest.raises(NotPublished, match=r"is not published; 'jiaozi publish --list'"):
        make_private(home, UPPER.cid)
    assert list(published(home.names)) == [OTHER.cid]
    assert rebuilt(home) == left


def test_a_walk_ends_at_what_is_published_and_that_stays_when_the_upper_goes(
    home: LocalHome,
) -> None:
    make_public(home, LOWER.cid)
    done = make_public(home, UPPER.cid)
    assert (done.blocks, done.changed) == (2, 2)
    make_private(home, UPPER.cid)
    assert public(home) == {LOWER, *LEAVES[:2]}
    make_public(home, UPPER.cid)
    make_private(home, LOWER.cid)
    assert public(home) == {UPPER, LOWER, *LEAVES[:3]}
    assert rebuilt(home) == {UPPER, LOWER, *LEAVES[:3]}


def test_what_is_not_all_here_is_not_published(home: LocalHome) -> None:
    absent = Block.of(b"absent")
    for top in (linking(LEAVES[4], absent), linking(LEAVES[4], linking(absent))):
        put(home, top)
        with pytest.raises(BlockMissing):
            make_public(home, top.cid)
    assert public(home) == set()
    assert list(published(home.names)) == []
    with pytest.raises(BlockMissing):
        make_public(home, absent.cid)


def test_what_is_published_is_kept_until_it_is_taken_back(home: LocalHome) -> None:
    make_public(home, UPPER.cid)
    kept = {UPPER, LOWER, *LEAVES[:3]}
    assert gc(home) == {*ALL} - kept
    make_private(home, UPPER.cid)
    assert gc(home) == kept


def test_a_public_segment_stays_public_whatever_is_taken_back(home: LocalHome) -> None:
    put(home, *LEAVES, family=Family.PUBLIC)
    make_public(home, UPPER.cid)
    assert make_private(home, UPPER.cid) == 2
    assert public(home) == set(LEAVES)


def test_an_identity_root_and_a_raw_one(home: LocalHome) -> None:
    make_public(home, LEAVES[0].cid)
    inline = Block.of(b"inline", RAW, 0)
    assert make_public(home, inline.cid).blocks == 0
    assert public(home) == {LEAVES[0]}


class Cut(BaseException):
    """Stands for a kill."""


def test_what_is_cut_short_is_finished_by_the_next_act(
    home: LocalHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut at each durable step of a publish and of an unpublish, the home is opened anew."""
    all_of_it = {UPPER, LOWER, *LEAVES[:3]}
    for act in ("publish", "unpublish"):
        step = 0
        while True:
            step += 1
            if act == "publish" and UPPER.cid in list(published(home.names)):
                make_private(home, UPPER.cid)
            elif act == "unpublish":
                make_public(home, UPPER.cid)
            with monkeypatch.context() as patch:
                finished = _cut_at(home, act, step, patch)
            home.close()
            home = LocalHome.open(home.path)
            named = UPPER.cid in list(published(home.names))
            if not named:  # what is not said to be published isn't, and can't get so by itself
                assert rebuilt_copy(home) == set()
            else:
                assert rebuilt_copy(home) == all_of_it
            settle(home)
            assert public(home) == (all_of_it if named else set())
            assert public(home) == rebuilt_copy(home)
            if finished:
                assert named == (act == "publish")
                break
        assert step > 2
    home.close()


def _cut_at(home: LocalHome, act: str, step: int, patch: pytest.MonkeyPatch) -> bool:
    """Begin *act* and cut it off before its *step*-th change; tell whether there were fewer."""
    left = step

    def counted(inner: object) -> object:
        def change(*args: object) -> object:
            nonlocal left
            left -= 1
            if not left:
                raise Cut
            return inner(*args)  # type: ignore[operator]

        return change

    patch.setattr(home.names, "apply", counted(home.names.apply))
    patch.setattr(home.segments, "set_public", counted(home.segments.set_public))
    patch.setattr(visibility, "AT_ONCE", 2)
    patch.setattr(publishing, "AT_ONCE", 2)
    try:
        if act == "publish":
            make_public(home, UPPER.cid)
        else:
            make_private(home, UPPER.cid)
    except Cut:
        return False
    return True


def rebuilt_copy(home: LocalHome) -> set[Block]:
    """Return what a copy of *home* without its index says is public."""
    names = MemoryNames()
    names.apply([Change(*row) for row in home.names.everything()])
    bits = {key for key, row in home.segments.rows() if home.segments._pipe.catalogue.is_pub(row)}
    bits.update(visibility.reachable(names, home.segments))
    return {block for block in ALL if block.cid.multihash in bits}


def test_any_sequence_leaves_the_bits_that_a_rebuild_gives(home: LocalHome) -> None:
    rnd = random.Random(5)
    out: set[Cid] = set()
    tops = (UPPER, LOWER, OTHER, LEAVES[2], LEAVES[5])
    for _ in range(60):
        root = rnd.choice(tops).cid
        if root in out:
            make_private(home, root)
        else:
            make_public(home, root)
        out ^= {root}
        assert public(home) == rebuilt_copy(home)
        assert set(published(home.names)) == out


def test_who_waits_gets_what_is_published_and_only_that(home: LocalHome) -> None:
    """A peer pulls a private history: it hears DONT_HAVE, then the blocks, once they are public."""
    Pins(home.names).add(UPPER.cid)
    world = World()
    me, peer = world.node("me", supply=PublicSupply(home.segments)), world.node("peer", Blocks())

    def appeared(multihashes: Sequence[bytes]) -> None:
        me.bitswap.appeared(multihashes)
        me.pump()

    home.when_public.append(appeared)
    session = peer.bitswap.session(30)
    wanted = [UPPER, LOWER, *LEAVES]
    peer.want(session, [block.cid for block in wanted])
    world.connect("peer", "me")
    world.run(5)
    assert peer.delivered == {}
    assert set(peer.sought) == {block.cid for block in wanted}
    make_public(home, UPPER.cid)
    world.run(6)
    assert set(peer.delivered[session]) == {UPPER, LOWER, *LEAVES[:3]}
    make_private(home, UPPER.cid)
    again = peer.bitswap.session(2)
    peer.want(again, [UPPER.cid])
    world.run(60)
    assert again not in peer.delivered
