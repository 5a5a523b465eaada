"""Who is asked for a block, who next, and which bytes are taken for it."""

import sys
from collections.abc import Callable, Iterable

import pytest

from jiaozi_node.exchange import want as wants
from jiaozi_node.exchange.bitswap import Bitswap
from jiaozi_node.exchange.effects import Deliver, Effect, Expel, Fail, NotFetched, Seek, Send
from jiaozi_node.exchange.framing import Frames
from jiaozi_node.exchange.message import Entry, Message, Payload, Presence, decode
from jiaozi_node.exchange.prefix import prefix_of
from jiaozi_node.exchange.version import Version
from jiaozi_node.exchange.want import Session
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from tests.exchange.network import Blocks, World

ONE = Block.of(b"one")
TWO = Block.of(b"two" * 1000, c.DAG_CBOR)


class Asker:
    """A bitswap that wants blocks, and what it says to peers; each message is read at once."""

    def __init__(self, *peers: str, version: Version = Version.V1_2) -> None:
        self.bitswap = Bitswap(Blocks())
        self.now = 0.0
        self.effects: list[Effect] = []
        self.said: dict[str, list[Entry]] = {}
        for peer in peers:
            self.connect(peer, version)
        self.session = self.bitswap.session(30)

    def connect(self, peer: str, version: Version = Version.V1_2) -> None:
        self.bitswap.connected(peer, version, self.now)
        self.pump()

    def leave(self, peer: str) -> None:
        self.bitswap.disconnected(peer, self.now)
        self.pump()

    def want(
        self, *blocks: Block, soon: Iterable[Block] = (), session: Session | None = None
    ) -> None:
        soon_cids = [one.cid for one in soon]
        cids = [one.cid for one in blocks]
        self.bitswap.want(session or self.session, cids, self.now, soon_cids)
        self.pump()

    def sends(self, peer: str, *blocks: Block) -> None:
        payload = tuple(Payload(prefix_of(one.cid.raw), one.data) for one in blocks)
        self.bitswap.received(peer, Message(payload=payload), self.now)
        self.pump()

    def says(self, peer: str, here: bool, *blocks: Block) -> None:
        presences = tuple(Presence(one.cid.raw, here) for one in blocks)
        self.bitswap.received(peer, Message(presences=presences), self.now)
        self.pump()

    def wait(self, until: float) -> None:
        while (due := self.bitswap.deadline) is not None and due <= until:
            self.now = max(self.now, due)
            self.bitswap.tick(self.now)
            self.pump()
        self.now = until

    def pump(self) -> None:
        while effects := self.bitswap.take(self.now):
            for effect in effects:
                if isinstance(effect, Send):
                    (data,) = Frames().feed(effect.data)
                    self.said.setdefault(effect.peer, []).extend(decode(data).entries)
                    self.bitswap.sent(effect.peer, self.now)
                else:
                    self.effects.append(effect)

    def heard(self, peer: str) -> list[tuple[str, Cid]]:
        """Return what was said to *peer* since this was asked last."""
        return [
            ("cancel" if one.cancel else "have?" if one.have else "block", Cid(one.raw))
            for one in self.said.pop(peer, [])
        ]

    @property
    def got(self) -> list[Block]:
        return [one.block for one in self.effects if isinstance(one, Deliver)]

    @property
    def failed(self) -> list[str]:
        return [str(one.fault) for one in self.effects if isinstance(one, Fail)]

    @property
    def expelled(self) -> list[str]:
        return [one.peer for one in self.effects if isinstance(one, Expel)]


def test_one_peer_is_asked_for_the_block_and_the_others_whether_they_have_it() -> None:
    asker = Asker("a", "b", "c")
    asker.want(ONE)
    assert asker.heard("c") == [("block", ONE.cid)]
    assert asker.heard("a") == asker.heard("b") == [("have?", ONE.cid)]
    asker.sends("c", ONE)
    assert asker.got == [ONE]
    assert asker.heard("a") == asker.heard("b") == [("cancel", ONE.cid)]
    assert asker.heard("c") == []
    assert asker.bitswap.wantlist == []


def test_who_served_last_is_asked_first() -> None:
    asker = Asker("a", "b", "c")
    asker.want(ONE)
    asker.sends("a", ONE)
    asker.said.clear()
    asker.want(TWO, session=asker.bitswap.session())
    assert asker.heard("a") == [("block", TWO.cid)]


def test_a_denied_want_is_asked_of_who_said_have() -> None:
    asker = Asker("a", "b")
    asker.want(ONE)
    asker.says("a", True, ONE)
    asker.said.clear()
    asker.says("b", False, ONE)
    assert asker.heard("a") == [("block", ONE.cid)]


def test_have_after_all_denied_is_followed() -> None:
    asker = Asker("a", "b")
    asker.want(ONE)
    asker.says("b", False, ONE)
    asker.says("a", False, ONE)
    assert asker.effects == [Seek(ONE.cid)]
    asker.said.clear()
    asker.says("a", True, ONE)
    assert asker.heard("a") == [("block", ONE.cid)]


def test_what_a_peer_that_left_was_asked_for_is_asked_of_others() -> None:
    asker = Asker("a", "b")
    asker.want(ONE)
    asker.says("a", True, ONE)
    asker.said.clear()
    asker.leave("b")
    assert asker.heard("a") == [("block", ONE.cid)]


def test_a_new_peer_is_asked_for_what_nobody_has() -> None:
    asker = Asker()
    asker.want(ONE, TWO)
    asker.wait(5)
    asker.connect("late")
    assert set(asker.heard("late")) == {("block", ONE.cid), ("block", TWO.cid)}
    asker.sends("late", ONE, TWO)
    assert asker.got == [ONE, TWO]


def test_a_new_peer_is_asked_for_so_much_and_the_next_for_what_others_miss() -> None:
    asker = Asker()
    for at in range(600):
        asker.want(Block.of(b"%d" % at), session=asker.bitswap.session(30))
    asked = []
    for peer in ("a", "b", "c"):
        asker.connect(peer)
        asked.append({cid for _, cid in asker.heard(peer)})
    assert [len(cids) for cids in asked] == [256, 256, 256]
    assert len(set().union(*asked)) == 600


def test_silence_has_others_asked_and_either_block_is_taken() -> None:
    asker = Asker("a", "b")
    asker.want(ONE)
    asker.says("a", True, ONE)
    assert ("block", ONE.cid) not in asker.heard("a")
    asker.wait(2.1)
    assert asker.heard("a") == [("block", ONE.cid)]
    assert asker.heard("b") == [("block", ONE.cid)]
    asker.sends("b", ONE)
    assert asker.got == [ONE]
    assert asker.heard("a") == [("cancel", ONE.cid)]
    asker.sends("a", ONE)
    tally = asker.bitswap.tally
    assert (tally.blocks_received, tally.duplicate_blocks, tally.duplicate_data) == (1, 1, 3)
    assert tally.unwanted_blocks == 0


def test_all_are_asked_again_after_a_while() -> None:
    asker = Asker("a")
    asker.want(ONE)
    for until in (5.1, 15.1):
        asker.says("a", False, ONE)
        asker.said.clear()
        asker.wait(until - 0.2)
        assert asker.heard("a") == []
        asker.wait(until)
        assert asker.heard("a") == [("block", ONE.cid)]


def test_a_want_fails_in_time_and_says_what_was_tried() -> None:
    asker = Asker("a", "b", "c")
    asker.want(ONE)
    asker.says("a", False, ONE)
    asker.says("b", False, ONE)
    asker.wait(29.9)
    assert asker.failed == []
    asker.wait(30)
    assert asker.failed == [
        f"block {ONE.cid} could not be fetched in 30 s: 3 peers asked, 2 of them without it"
    ]
    assert asker.bitswap.wantlist == []
    assert asker.heard("a")[-1] == ("cancel", ONE.cid)


def test_with_no_peer_all_wants_of_a_session_fail() -> None:
    asker = Asker()
    asker.want(*(Block.of(bytes((at,))) for at in range(100)))
    asker.wait(30)
    assert len(asker.failed) == 100
    assert all(text.endswith("no peer was there to ask") for text in asker.failed)
    assert asker.bitswap.deadline is None


def test_what_is_likely_needed_waits_behind_and_its_failure_is_not_told() -> None:
    asker = Asker("a")
    asker.want(ONE)
    asker.sends("a", ONE)
    asker.said.clear()
    later = [Block.of(b"later %d" % at) for at in range(3)]
    asker.want(TWO, soon=later)
    assert [cid for _, cid in asker.heard("a")] == [TWO.cid, *(one.cid for one in later)]
    asker.wait(120)
    assert len(asker.failed) == 1
    asker.want(*later, soon=later)
    asker.wait(240)
    assert len(asker.failed) == 4


def test_what_was_only_likely_and_is_needed_now_goes_first() -> None:
    asker = Asker()
    later = [Block.of(b"later %d" % at) for at in range(40)]
    asker.want(ONE, soon=later)
    asker.want(later[39])
    asker.connect("a")
    assert [cid for _, cid in asker.heard("a")][:2] == [ONE.cid, later[39].cid]


def test_two_sessions_share_a_want_and_both_get_the_block() -> None:
    asker = Asker("a")
    other = asker.bitswap.session()
    asker.want(ONE)
    asker.want(ONE, session=other)
    assert asker.heard("a") == [("block", ONE.cid)]
    asker.bitswap.close(asker.session, asker.now)
    asker.pump()
    assert asker.heard("a") == []
    asker.sends("a", ONE)
    assert [one.session for one in asker.effects if isinstance(one, Deliver)] == [other]


def test_a_session_that_goes_on_takes_over_the_wants_of_one_that_ends() -> None:
    asker = Asker()
    other = asker.bitswap.session()
    asker.want(ONE)
    asker.want(ONE, session=other)
    asker.bitswap.close(asker.session, asker.now)
    asker.connect("a")
    assert asker.heard("a") == [("block", ONE.cid)]


def test_one_block_under_two_cids_is_handed_over_under_both() -> None:
    asker = Asker("a")
    again = Block(Cid.v0(mh.of(mh.SHA2_256, ONE.data)), ONE.data)
    asker.want(ONE, again)
    assert asker.heard("a") == [("block", ONE.cid)]
    asker.sends("a", ONE)
    assert asker.got == [ONE, again]


def test_wants_end_when_their_session_does() -> None:
    asker = Asker("a", "b")
    asker.want(ONE, TWO)
    asker.said.clear()
    asker.bitswap.cancel(asker.session, [ONE.cid], asker.now)
    asker.pump()
    assert asker.heard("a") == asker.heard("b") == [("cancel", ONE.cid)]
    asker.bitswap.close(asker.session, asker.now)
    asker.pump()
    assert asker.heard("a") == asker.heard("b") == [("cancel", TWO.cid)]
    asker.want(ONE)
    assert asker.bitswap.wantlist == []
    asker.wait(1000)
    assert asker.effects == []


def test_identity_cids_are_answered_from_themselves() -> None:
    asker = Asker("a")
    inline = Block.of(b"inline", c.RAW, mh.IDENTITY)
    asker.want(inline)
    assert asker.got == [inline]
    assert asker.heard("a") == []


@pytest.mark.parametrize("code", sorted(mh._FUNCTIONS.keys() - {mh.IDENTITY}))
def test_blocks_of_every_allowed_hash_are_taken(code: int) -> None:
    asker = Asker("a")
    one = Block.of(b"hashed otherwise", c.DAG_JSON, code)
    asker.want(one)
    asker.sends("a", one)
    assert asker.got == [one]


def test_older_peers_are_asked_for_blocks_and_their_silence_is_a_denial() -> None:
    asker = Asker("old", version=Version.V1_1)
    asker.connect("new")
    asker.want(ONE)
    assert asker.heard("old") == [("block", ONE.cid)]
    asker.says("new", False, ONE)
    asker.wait(2.1)
    assert Seek(ONE.cid) in asker.effects


def _many(count: int) -> list[Block]:
    return [Block.of(b"%d of many" % at) for at in range(count)]


def test_each_of_many_wants_that_a_peer_denies_is_asked_for() -> None:
    asker, blocks = Asker("a"), _many(100)
    asker.want(*blocks)
    asked: set[Cid] = set()
    while heard := asker.heard("a"):
        asked.update(cid for _, cid in heard)
        asker.says("a", False, *(one for one in blocks if one.cid in {cid for _, cid in heard}))
    assert asked == {one.cid for one in blocks}
    assert asker.now == 0


def test_a_provider_who_denies_16_in_a_row_is_one_no_longer() -> None:
    asker, blocks = Asker("a", "b"), _many(200)
    asker.want(blocks[0])
    asker.says("a", True, blocks[0])
    asker.sends("b", blocks[0])
    asker.said.clear()
    asker.want(*blocks[1:])
    told = [cid for _, cid in asker.heard("b")]
    mine = [one for one in blocks if one.cid in told]
    asker.says("b", False, *mine[:16])
    asker.heard("b")
    elsewhere = [cid for what, cid in asker.heard("a") if what == "block"]
    assert {one.cid for one in mine[:16]} <= set(elsewhere)
    by_cid = {one.cid: one for one in blocks}
    while asked := [by_cid[cid] for what, cid in asker.heard("a") if what == "block"] + [
        by_cid[cid] for cid in elsewhere
    ]:
        elsewhere = []
        asker.sends("a", *asked)
    assert [what for what, _ in asker.heard("b")].count("block") == 0
    assert len(asker.got) == 200 - len(mine) + 16


def test_a_late_peer_gets_less_and_again_when_it_answers() -> None:
    asker, blocks = Asker("a"), _many(200)
    asker.want(blocks[0])
    asker.sends("a", blocks[0])
    asker.said.clear()
    asker.want(*blocks[1:])
    first = asker.heard("a")
    assert len(first) == 33
    asker.wait(2.1)
    partner = asker.bitswap._peers["a"].partner
    assert partner.late
    assert partner.window == 16
    assert asker.heard("a") == []
    asker.sends("a", *blocks[1:31])
    assert not partner.late
    assert asker.heard("a") != []


def test_no_message_has_a_want_and_its_cancel() -> None:
    """Kubo takes both for a cancel, in whichever order they stand."""
    asker = Asker("a")
    asker.want(TWO)
    asker.bitswap._peers["a"].sending = True
    asker.want(ONE)
    asker.bitswap.cancel(asker.session, [ONE.cid, TWO.cid], 0)
    asker.want(TWO)
    asker.heard("a")
    asker.bitswap.sent("a", 0)
    asker.pump()
    assert sorted(asker.heard("a")) == sorted([("cancel", ONE.cid), ("block", TWO.cid)])


def test_a_session_that_gets_blocks_goes_on_however_long_it_takes() -> None:
    asker, blocks = Asker("a"), _many(60)
    asker.want(*blocks)
    for one in blocks:
        asker.wait(asker.now + 1.5)
        asker.sends("a", one)
    assert asker.now > 2 * asker.session.patience_s
    assert asker.failed == []
    assert len(asker.got) == 60


# What is taken

WRONG: dict[str, Payload] = {
    "another block": Payload(b"\x01\x55\x12\x20", b"another"),
    "identity": Payload(b"\x01\x55\x00\x03", ONE.data),
    "its hash cut to one byte": Payload(b"\x01\x55\x12\x01", ONE.data),
    "a prefix that is none": Payload(b"\xff", ONE.data),
    "another hash": Payload(b"\x01\x55\x13\x40", ONE.data),
    "over 2 MiB": Payload(b"\x01\x55\x12\x20", bytes((2 << 20) + 1)),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_not_wanted_is_not_taken_and_the_third_time_is_enough(wrong: Payload) -> None:
    asker = Asker("a", "b")
    asker.want(ONE)
    for times in range(1, 4):
        assert asker.expelled == []
        asker.bitswap.received("b", Message(payload=(wrong,)), 0)
        asker.pump()
        assert asker.bitswap.tally.unwanted_blocks == times
    assert asker.expelled == ["b"]
    assert asker.got == []
    asker.sends("a", ONE)
    assert asker.got == [ONE]


def test_nothing_is_hashed_from_who_was_asked_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asker = Asker("a")
    asker.want(ONE)
    asker.connect("b")

    def never(code: int, data: bytes) -> bytes:
        raise AssertionError("hashed")

    asker.bitswap._peers["b"].partner.owed.clear()
    monkeypatch.setattr(mh, "of", never)
    asker.sends("b", ONE, TWO)
    assert asker.got == []
    assert asker.bitswap.tally.unwanted_blocks == 2


def test_strays_of_a_peer_that_serves_are_forgiven() -> None:
    asker = Asker("a")
    for at in range(300):
        one = Block.of(b"%d" % at)
        asker.want(one)
        asker.sends("a", one)
        if at % 100 == 50:
            asker.sends("a", Block.of(b"stray"))
    assert asker.bitswap.tally.unwanted_blocks == 3
    assert asker.expelled == []


def test_a_peer_owes_at_most_4096_blocks() -> None:
    asker = Asker("a")
    partner = asker.bitswap._peers["a"].partner
    for at in range(5000):
        one = Block.of(b"%d" % at)
        asker.want(one)
        asker.bitswap.cancel(asker.session, [one.cid], 0)
        asker.pump()
    assert len(partner.owed) == wants.MAX_OWED
    assert not partner.flying
    assert not partner.cancels


# Many at a time


def _fetched(speeds: tuple[float, ...], blocks: list[Block]) -> dict[str, int]:
    """Return how many blocks each of several peers sent, which differ in bytes a second."""
    world = World()
    me = world.node("me")
    names = [f"peer {at}" for at in range(len(speeds))]
    for name, speed in zip(names, speeds, strict=True):
        world.node(name, Blocks(blocks))
        world.connect("me", name, 0.01, speed)
    session = me.bitswap.session()
    me.want(session, [one.cid for one in blocks])
    world.run(300)
    assert len(me.delivered[session]) == len(blocks)
    return {name: me.bitswap.receipt(name).received_bytes // 10_000 for name in names}


def test_wants_are_split_evenly_among_equals_and_by_speed_among_others() -> None:
    blocks = [Block.of(at.to_bytes(2, "big") * 5_000) for at in range(1_500)]
    equal = _fetched((5e6, 5e6, 5e6), blocks)
    assert min(equal.values()) > 350
    unequal = _fetched((1e6, 16e6), blocks)
    assert unequal["peer 1"] > 6 * unequal["peer 0"]


def _calls(act: Callable[[], object]) -> int:
    count = 0

    def counting(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(counting)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def test_the_work_for_a_want_does_not_grow_with_how_many_there_are() -> None:
    def work(count: int) -> int:
        blocks = [Block.of(b"%d" % at) for at in range(count)]
        world = World()
        me = world.node("me")
        for at in range(3):
            world.node(f"peer {at}", Blocks(blocks))
            world.connect("me", f"peer {at}")
        session = me.bitswap.session()

        def go() -> None:
            me.want(session, [one.cid for one in blocks])
            world.run(60)

        calls = _calls(go)
        assert len(me.delivered[session]) == count
        return calls

    few, many = work(1_000), work(8_000)
    assert many < 8.5 * few


def test_failures_carry_what_they_say() -> None:
    fault = NotFetched(ONE.cid, 1, 0, 2.5)
    assert str(fault) == (
        f"block {ONE.cid} could not be fetched in 2.5 s: 1 peer asked, 0 of them without it"
    )
    assert (fault.asked, fault.denied, fault.waited_s) == (1, 0, 2.5)
