"""What peers are told and sent, in which order, and what is kept for them at most."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from jiaozi_node.errors import Misuse
from jiaozi_node.exchange import bitswap as whole
from jiaozi_node.exchange import serving
from jiaozi_node.exchange.bitswap import Bitswap
from jiaozi_node.exchange.effects import Expel, Send
from jiaozi_node.exchange.framing import Frames
from jiaozi_node.exchange.message import Entry, Message, Presence, decode
from jiaozi_node.exchange.version import Version
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from tests.exchange.network import Blocks

SMALL = Block.of(b"small")
LARGE = Block.of(b"large " * 1000)
OLD = Block.of_v0(b"version 0")
HIDDEN = Block.of(b"private")
ABSENT = Block.of(b"absent")


class Wire:
    """A bitswap of ours, seen by its peers."""

    def __init__(self, *blocks: Block, private: tuple[Block, ...] = ()) -> None:
        self.blocks = Blocks(blocks, private)
        self.bitswap = Bitswap(self.blocks)
        self.now = 0.0
        self.expelled: list[str] = []

    def connect(self, peer: str, version: Version = Version.V1_2) -> None:
        self.bitswap.connected(peer, version, self.now)

    def say(self, peer: str, *entries: Entry, full: bool = False) -> None:
        self.bitswap.received(peer, Message(entries, full=full), self.now)

    def take(self) -> Iterator[tuple[str, Message]]:
        """Yield what is sent, which is not yet written."""
        for effect in self.bitswap.take(self.now):
            if isinstance(effect, Send):
                (data,) = Frames().feed(effect.data)
                yield effect.peer, decode(data)
            elif isinstance(effect, Expel):
                self.expelled.append(effect.peer)

    def answers(self, peer: str) -> Iterator[Message]:
        """Yield what *peer* gets, reading all of it."""
        while sent := [message for to, message in self.take() if to == peer]:
            yield from sent
            self.bitswap.sent(peer, self.now)

    def answer(self, peer: str, *entries: Entry, full: bool = False) -> Message:
        """Return what *peer* gets for *entries*, which is one message or none."""
        self.say(peer, *entries, full=full)
        got = list(self.answers(peer))
        assert len(got) <= 1
        return got[0] if got else Message()


def block(one: Block, priority: int = 1, tell: bool = True) -> Entry:
    return Entry(one.cid.raw, priority, tell=tell)


def have(one: Block, tell: bool = True) -> Entry:
    return Entry(one.cid.raw, have=True, tell=tell)


def cancel(one: Block) -> Entry:
    return Entry(one.cid.raw, cancel=True)


@pytest.fixture
def wire() -> Wire:
    wire = Wire(SMALL, LARGE, OLD, private=(HIDDEN,))
    wire.connect("peer")
    return wire


def test_wants_are_answered(wire: Wire) -> None:
    got = wire.answer("peer", block(LARGE), block(OLD), have(ABSENT), block(HIDDEN))
    assert {(one.prefix, one.data) for one in got.payload} == {
        (bytes.fromhex("01551220"), LARGE.data),
        (bytes.fromhex("00701220"), OLD.data),
    }
    assert got.presences == (Presence(ABSENT.cid.raw, False), Presence(HIDDEN.cid.raw, False))


def test_a_want_have_is_answered_by_have_or_by_a_small_block(wire: Wire) -> None:
    got = wire.answer("peer", have(LARGE), have(SMALL))
    assert got.presences == (Presence(LARGE.cid.raw, True),)
    assert [one.data for one in got.payload] == [SMALL.data]
    assert wire.bitswap.wantlist_of("peer") == []


def test_who_did_not_ask_is_not_told_of_absence_and_waits_all_the_same(wire: Wire) -> None:
    assert wire.answer("peer", block(ABSENT, tell=False)) == Message()
    assert wire.bitswap.wantlist_of("peer") == [ABSENT.cid]


def test_what_turns_public_goes_to_who_waits(wire: Wire) -> None:
    wire.connect("other")
    wire.connect("left")
    big = Block.of(b"big and private" * 1000)
    wire.blocks.private[big.cid.multihash] = big.data
    wire.answer("peer", block(HIDDEN), have(big))
    wire.answer("other", block(big))
    wire.say("left", block(big))
    wire.bitswap.disconnected("left", 0)
    found = [HIDDEN.cid.multihash, big.cid.multihash]
    for multihash in found:
        wire.blocks.public[multihash] = wire.blocks.private.pop(multihash)
    wire.bitswap.appeared(found)
    got = dict(wire.take())
    assert [one.data for one in got["peer"].payload] == [HIDDEN.data]
    assert got["peer"].presences == (Presence(big.cid.raw, True),)
    assert [one.data for one in got["other"].payload] == [big.data]
    assert got.keys() == {"peer", "other"}
    assert wire.bitswap.wantlist_of("peer") == []


def test_what_turns_private_before_it_is_sent_is_not_sent(wire: Wire) -> None:
    wire.say("peer", block(LARGE))
    wire.blocks.private[LARGE.cid.multihash] = wire.blocks.public.pop(LARGE.cid.multihash)
    (got,) = wire.answers("peer")
    assert got == Message(presences=(Presence(LARGE.cid.raw, False),))


def test_cancelled_wants_are_not_answered(wire: Wire) -> None:
    wire.say("peer", block(LARGE), have(ABSENT))
    assert wire.answer("peer", cancel(LARGE), cancel(ABSENT), cancel(SMALL)) == Message()
    assert wire.bitswap.wantlist_of("peer") == []


def test_a_full_list_takes_away_all_that_is_not_in_it(wire: Wire) -> None:
    wire.say("peer", block(LARGE), block(ABSENT))
    got = wire.answer("peer", block(LARGE), full=True)
    assert [one.data for one in got.payload] == [LARGE.data]
    assert wire.bitswap.wantlist_of("peer") == []


def test_a_want_block_takes_the_place_of_a_want_have_and_not_the_other_way(wire: Wire) -> None:
    wire.say("peer", block(LARGE), have(LARGE))
    (got,) = wire.answers("peer")
    assert [one.data for one in got.payload] == [LARGE.data]
    assert got.presences == ()
    wire.answer("peer", have(ABSENT))
    wire.answer("peer", block(ABSENT))
    wire.answer("peer", have(ABSENT))
    big = Block.of(ABSENT.data)
    wire.blocks.public[big.cid.multihash] = big.data
    wire.bitswap.appeared([big.cid.multihash])
    (got,) = wire.answers("peer")
    assert [one.data for one in got.payload] == [ABSENT.data]


def test_a_block_that_is_being_written_is_not_sent_twice(wire: Wire) -> None:
    wire.say("peer", block(LARGE))
    assert len(list(wire.take())) == 1
    wire.say("peer", block(LARGE))
    assert list(wire.take()) == []
    wire.bitswap.sent("peer", 0)
    assert list(wire.take()) == []
    assert len(wire.answer("peer", block(LARGE)).payload) == 1


def test_blocks_go_by_priority_and_then_by_age() -> None:
    blocks = [Block.of(bytes((at,)) * 200_000) for at in range(6)]
    wire = Wire(*blocks)
    wire.connect("peer")
    priorities = (1, 5, 5, 9, 1, 2)
    wire.say("peer", *(block(one, p) for one, p in zip(blocks, priorities, strict=True)))
    sent = [one.data[0] for message in wire.answers("peer") for one in message.payload]
    assert sent == [3, 1, 2, 5, 0, 4]


def test_messages_hold_a_measure_of_blocks() -> None:
    huge = [Block.of(bytes((at,)) * (2 << 20)) for at in range(2)]
    small = [Block.of(at.to_bytes(2, "big") * 1000) for at in range(300)]
    wire = Wire(*huge, *small)
    wire.connect("peer")
    wire.say("peer", *map(block, huge), *map(block, small))
    sizes = [[len(one.data) for one in message.payload] for message in wire.answers("peer")]
    assert sizes[:2] == [[2 << 20], [2 << 20]]
    assert sum(map(len, sizes)) == 302
    for one in sizes[2:]:
        assert sum(one) < serving.TARGET_BYTES + 2000
    assert [one.pending_bytes for one in wire.answers("peer")] == []


def test_one_message_at_a_time_and_what_gathers_goes_together(wire: Wire) -> None:
    wire.say("peer", have(ABSENT))
    assert len(list(wire.take())) == 1
    wire.say("peer", block(SMALL))
    wire.say("peer", have(LARGE))
    assert list(wire.take()) == []
    wire.bitswap.sent("peer", 0)
    ((_, got),) = wire.take()
    assert len(got.payload) == 1
    assert len(got.presences) == 1


def test_older_peers_get_blocks_alone() -> None:
    wire = Wire(SMALL, LARGE, OLD)
    wire.connect("1.1", Version.V1_1)
    wire.connect("1.0", Version.V1_0)
    got = wire.answer("1.1", block(LARGE), have(LARGE), have(ABSENT), block(OLD))
    assert {one.data for one in got.payload} == {LARGE.data, OLD.data}
    assert got.presences == ()
    got = wire.answer("1.0", block(LARGE), block(OLD))
    assert [one.data for one in got.payload] == [OLD.data]


@pytest.mark.parametrize(
    "raw",
    [
        Cid.v1(c.RAW, mh.of(mh.IDENTITY, b"inline")).raw,
        b"\x01\x55\x12\x20" + bytes(31),
        b"\x01" * 169,
        b"\x03\x55\x12\x20" + bytes(32),
        b"\x01\x55\x11\x04" + bytes(4),
    ],
    ids=["identity", "cut short", "too long", "version 3", "digest too short"],
)
def test_cids_that_nobody_may_ask_for_are_passed_over(wire: Wire, raw: bytes) -> None:
    got = wire.answer("peer", Entry(raw, tell=True), have(ABSENT))
    assert got.presences == (Presence(ABSENT.cid.raw, False),)
    assert wire.bitswap.tally.passed_over == 1


# Limits


def _blocks(count: int, seed: int = 0, size: int = 40) -> list[Block]:
    return [Block.of(f"{seed} {at}".encode().ljust(size)) for at in range(count)]


def test_a_message_has_1024_wants_that_count(wire: Wire) -> None:
    wire.say("peer", *(block(one, tell=False) for one in _blocks(1030)), cancel(_blocks(1)[0]))
    assert len(wire.bitswap.wantlist_of("peer")) == 1023
    assert wire.bitswap.tally.passed_over == 6


def test_a_peer_has_1024_wants_the_oldest_absent_one_goes(wire: Wire) -> None:
    blocks = _blocks(1100)
    for one in blocks:
        wire.say("peer", block(one))
    assert wire.bitswap.wantlist_of("peer") == [one.cid for one in blocks[76:]]
    assert wire.bitswap._server.held == 1024


def test_among_wants_for_blocks_that_are_here_a_higher_priority_wins() -> None:
    blocks = _blocks(1030)
    wire = Wire(*blocks)
    wire.connect("peer")
    wire.connect("other")
    for at, one in enumerate(blocks[:1024]):
        wire.say("peer", block(one, 10 + at))
    wire.say("peer", block(blocks[1024], 10), block(blocks[1025], 11), block(ABSENT, 99))
    wants = set(wire.bitswap.wantlist_of("peer"))
    assert blocks[0].cid not in wants
    assert blocks[1025].cid in wants
    assert blocks[1024].cid not in wants
    assert ABSENT.cid not in wants
    assert len(wants) == 1024


def test_presences_that_wait_have_a_limit(wire: Wire) -> None:
    for seed in range(6):
        wire.say("peer", *map(have, _blocks(1024, seed)))
    sizes = [len(message.presences) for message in wire.answers("peer")]
    assert sum(sizes) == serving.MAX_WAITING_PRESENCES
    assert max(sizes) == serving.MAX_SENT_PRESENCES


@pytest.mark.parametrize(
    "times", [500, pytest.param(10_000, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_floods_of_wants_take_bounded_memory_and_are_forgotten(times: int) -> None:
    wire = Wire()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    most = 0
    for peer in range(200):
        wire.connect(f"peer {peer}")
        for at in range(0, times, 500):
            wire.say(f"peer {peer}", *_flood(peer, at, 500))
        most = max(most, tracemalloc.get_traced_memory()[0] - before)
    assert most < 64 << 20
    shares = [len(wire.bitswap.wantlist_of(f"peer {peer}")) for peer in range(200)]
    assert min(shares) == serving.MAX_WANTS_OF_ALL // 200
    assert max(shares) <= serving.MAX_WANTS
    for peer in range(200):
        wire.bitswap.disconnected(f"peer {peer}", 0)
    assert wire.bitswap._server.held == 0
    gc.collect()
    left = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert left < 1 << 20


def _flood(peer: int, first: int, count: int) -> Iterator[Entry]:
    for at in range(first, first + count):
        yield Entry(b"\x01\x55\x12\x20" + (peer << 32 | at).to_bytes(32, "big"))


def test_cancelling_and_asking_again_does_not_pile_up(wire: Wire) -> None:
    list(wire.take())
    wire.say("peer", have(ABSENT))
    list(wire.take())  # under way, never read
    for _ in range(5000):
        wire.say("peer", block(LARGE))
        wire.say("peer", cancel(LARGE))
    client = wire.bitswap._peers["peer"].client
    assert len(client.queue) < 200
    assert client.pending_bytes == 0


def test_who_does_not_read_gives_way_to_who_waits() -> None:
    huge = Block.of(bytes(2 << 20))
    wire = Wire(huge, LARGE)
    stuck = [f"stuck {at}" for at in range(16)]
    for peer in stuck:
        wire.connect(peer)
        wire.say(peer, block(huge))
    assert len(list(wire.take())) == 16
    assert wire.bitswap._under_way == whole.MAX_UNDER_WAY_BYTES
    wire.connect("honest")
    wire.say("honest", block(LARGE))
    assert list(wire.take()) == []
    due = wire.bitswap.deadline
    assert due == whole.STUCK_S
    wire.now = due
    wire.bitswap.tick(wire.now)
    list(wire.take())
    assert wire.expelled
    for peer in wire.expelled:
        wire.bitswap.disconnected(peer, wire.now)
    assert [to for to, _ in wire.take()] == ["honest"]
    assert wire.bitswap.deadline is None


def test_accounts_are_kept_and_the_last_of_former_peers_too(wire: Wire) -> None:
    wire.answer("peer", block(LARGE))
    receipt = wire.bitswap.receipt("peer")
    assert receipt == ("peer", 6000.0, 6000, 0, 1)
    wire.bitswap.disconnected("peer", 0)
    assert wire.bitswap.receipt("peer") == receipt
    wire.connect("peer")
    assert wire.bitswap.receipt("peer") == receipt
    assert wire.bitswap.receipt("nobody") == ("nobody", 0.0, 0, 0, 0)
    for at in range(1100):
        wire.connect(f"one of many {at}")
        wire.answer(f"one of many {at}", block(SMALL))
        wire.bitswap.disconnected(f"one of many {at}", 0)
    assert len(wire.bitswap._ledger._former) == 1024
    assert wire.bitswap.tally.blocks_sent == 1101
    assert wire.bitswap.tally.data_sent == 6000 + 1100 * 5


def test_a_peer_is_connected_once_and_gone_quietly(wire: Wire) -> None:
    with pytest.raises(Misuse, match="peer is connected already"):
        wire.connect("peer")
    wire.bitswap.disconnected("nobody", 0)
    wire.say("nobody", block(LARGE))
    wire.bitswap.sent("nobody", 0)
    assert list(wire.take()) == []
    assert wire.bitswap.peers == ["peer"]
