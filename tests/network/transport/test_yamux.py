"""Yamux: two sessions against a model, and what a hostile one may not do."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.network.transport import yamux
from jiaozi_node.network.transport.yamux import (
    FIRST_WINDOW_BYTES,
    FRAME_BYTES,
    MAX_STREAMS,
    WINDOW_BYTES,
    Budget,
    Happened,
    Session,
    Stream,
    StreamReset,
    YamuxFault,
)

SYN, ACK, FIN, RST = 1, 2, 4, 8
DATA, WINDOW, PING, GO_AWAY = range(4)


def frame(kind: int, flags: int, number: int, length: int, data: bytes = b"") -> bytes:
    return struct.pack(">BBHII", 0, kind, flags, number, length) + data


def passed(source: Session, target: Session) -> Happened:
    return target.receive(b"".join(source.take()))


def opened(budget: Budget | None = None) -> tuple[Session, Stream, Session, Stream]:
    """Return two sessions and the two ends of one stream."""
    here, there = Session(initiator=True), Session(initiator=False, budget=budget)
    ours = here.open()
    [theirs] = passed(here, there).opened
    passed(there, here)
    return here, ours, there, theirs


def read_all(session: Session, stream: Stream) -> bytes:
    out = b""
    while data := session.read(stream, 100_000):
        out += data
    return out


def test_what_is_sent_arrives_and_ends() -> None:
    here, ours, there, theirs = opened()
    assert here.send(ours, b"hello") == 5
    here.finish(ours)
    assert passed(here, there).changed == {theirs}
    assert there.read(theirs, 3) == b"hel"
    assert there.read(theirs, 3) == b"lo"
    assert there.read(theirs, 3) == b""
    assert here.read(ours, 3) is None
    there.send(theirs, b"bye")
    there.finish(theirs)
    passed(there, here)
    assert read_all(here, ours) == b"bye"
    assert here.streams == there.streams == {}
    with pytest.raises(StreamReset):
        here.send(ours, b"more")


def test_the_window_is_what_may_be_under_way() -> None:
    here, ours, there, theirs = opened()
    data = bytes(3 * WINDOW_BYTES)
    assert here.send(ours, data) == FIRST_WINDOW_BYTES
    assert here.send(ours, data) == 0
    passed(here, there)
    assert there.held == FIRST_WINDOW_BYTES
    assert len(there.read(theirs, 10) or b"") == 10
    assert passed(there, here).changed == {ours}
    assert here.send(ours, data) == WINDOW_BYTES - FIRST_WINDOW_BYTES + 10
    passed(here, there)
    assert len(read_all(there, theirs)) == WINDOW_BYTES
    passed(there, here)
    assert WINDOW_BYTES // 2 < here.send(ours, data) <= WINDOW_BYTES
    assert there.held == 0


def test_frames_fill_those_of_noise() -> None:
    here, ours, there, _ = opened()
    here.send(ours, bytes(200_000))
    pieces = here.take()
    assert [len(piece) for piece in pieces[:2]] == [12, FRAME_BYTES]
    assert len(pieces) == 2 * -(-200_000 // FRAME_BYTES)
    assert there.receive(b"".join(pieces)).opened == []


def test_a_reset_ends_both_ways() -> None:
    here, ours, there, theirs = opened()
    here.send(ours, b"lost")
    passed(here, there)
    there.reset(theirs)
    assert there.held == 0
    assert passed(there, here).changed == {ours}
    for session, stream in ((here, ours), (there, theirs)):
        with pytest.raises(StreamReset):
            session.read(stream, 1)
        with pytest.raises(StreamReset):
            session.send(stream, b"x")
    assert here.streams == there.streams == {}


def test_pings_are_answered() -> None:
    here, _, there, _ = opened()
    here.ping(7)
    passed(here, there)
    assert passed(there, here).pongs == [7]


def test_leave_is_taken_once() -> None:
    here, ours, there, theirs = opened()
    here.end()
    here.end()
    assert passed(here, there).gone == 0
    assert here.take() == []
    with pytest.raises(StreamReset):
        here.read(ours, 1)
    assert not theirs.reset  # the other side decides


@settings(max_examples=80)
@given(data=st.data())
def test_any_exchange_is_what_a_model_says(data: st.DataObject) -> None:
    sessions = Session(initiator=True), Session(initiator=False)
    ends: list[list[Stream | None]] = []
    sent: list[list[bytes]] = []
    got: list[list[bytes]] = []
    wires = [bytearray(), bytearray()]
    for _ in range(data.draw(st.integers(1, 40))):
        side = data.draw(st.integers(0, 1))
        act = data.draw(st.sampled_from(["open", "send", "read", "finish", "deliver", "deliver"]))
        session = sessions[side]
        mine = [at for at, pair in enumerate(ends) if pair[side] is not None]
        if act == "open" and len(ends) < 5:
            pair: list[Stream | None] = [None, None]
            pair[side] = session.open()
            ends.append(pair)
            sent.append([b"", b""])
            got.append([b"", b""])
        elif act == "deliver":
            wires[side] += b"".join(session.take())
            size = data.draw(st.integers(0, len(wires[side])))
            happened = sessions[1 - side].receive(bytes(wires[side][:size]))
            del wires[side][:size]
            for stream in happened.opened:
                [at] = [
                    n for n, two in enumerate(ends) if (mate := two[side]) and mate.id == stream.id
                ]
                ends[at][1 - side] = stream
        elif mine:
            at = data.draw(st.sampled_from(mine))
            own = ends[at][side]
            assert own is not None
            if act == "send" and not own.ours_ended:
                piece = data.draw(st.binary(max_size=30) | st.just(b"x" * 100_000))
                sent[at][side] += piece[: session.send(own, piece)]
            elif act == "read":
                got[at][side] += session.read(own, data.draw(st.integers(1, 200_000))) or b""
            elif act == "finish":
                session.finish(own)
    for _ in range(3):
        for side in (0, 1):
            wires[side] += b"".join(sessions[side].take())
            happened = sessions[1 - side].receive(bytes(wires[side]))
            wires[side].clear()
            for stream in happened.opened:
                [at] = [
                    n for n, two in enumerate(ends) if (mate := two[side]) and mate.id == stream.id
                ]
                ends[at][1 - side] = stream
    for at, both in enumerate(ends):
        for side, end in enumerate(both):
            assert end is not None
            got[at][side] += read_all(sessions[side], end)
            assert got[at][side] == sent[at][1 - side]
    assert [session.held for session in sessions] == [0, 0]


# ---- what may not be done


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        (b"\1" + bytes(11), "version 1"),
        (frame(4, 0, 0, 0), "type 4"),
        (frame(DATA, 16, 1, 0), "flags 0x10"),
        (frame(DATA, SYN, 0, 0), "stream 0"),
        (frame(WINDOW, 0, 0, 5), "stream 0"),
        (frame(PING, SYN, 3, 0), "a ping on stream 3"),
        (frame(PING, 0, 0, 0), "neither asks nor answers"),
        (frame(GO_AWAY, 0, 3, 0), "a farewell on stream 3"),
        (frame(DATA, SYN, 2, 0), "stream 2 can't be opened"),
        (frame(DATA, SYN, 1, 0) * 2, "stream 1 can't be opened"),
        (frame(DATA, SYN, 1, 1 << 20), "1048576 bytes on stream 1, whose window is 262144"),
        (frame(WINDOW, SYN, 1, 2**32 - 1), "the window of stream 1 overflows"),
        (frame(DATA, SYN | FIN, 1, 0) + frame(DATA, 0, 1, 1, b"x"), "behind its end"),
    ],
)
def test_a_broken_rule_ends_the_connection(wire: bytes, said: str) -> None:
    session = Session(initiator=False)
    with pytest.raises(YamuxFault, match=said):
        session.receive(wire)
    assert b"".join(session.take()).endswith(frame(GO_AWAY, 0, 0, 1))
    assert session.ended


def test_bytes_over_the_window_are_not_taken() -> None:
    here, _, there, theirs = opened()
    assert here
    there.receive(frame(DATA, 0, 1, FIRST_WINDOW_BYTES) + bytes(FIRST_WINDOW_BYTES))
    with pytest.raises(YamuxFault, match="1 bytes on stream 1, whose window is 0"):
        there.receive(frame(DATA, 0, 1, 1) + b"x")
    assert there.held == theirs.held == 0


def test_streams_over_the_cap_are_reset() -> None:
    session = Session(initiator=False)
    numbers = range(1, 2 * (MAX_STREAMS + 10), 2)
    happened = session.receive(b"".join(frame(WINDOW, SYN, number, 0) for number in numbers))
    assert len(happened.opened) == len(session.streams) == MAX_STREAMS
    answers = b"".join(session.take())
    assert answers.count(frame(WINDOW, RST, 2 * MAX_STREAMS + 1, 0)) == 1
    session.reset(happened.opened[0])
    assert len(session.receive(frame(WINDOW, SYN, 999_999, 0)).opened) == 1


def test_we_open_no_more_than_the_cap() -> None:
    session = Session(initiator=True)
    for _ in range(MAX_STREAMS):
        session.open()
    with pytest.raises(LimitExceeded, match="streams of a connection"):
        session.open()


def test_unread_bytes_have_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamux, "MAX_HELD_BYTES", 600_000)
    session = Session(initiator=False)
    wire = b"".join(
        frame(DATA, SYN, number, FIRST_WINDOW_BYTES) + bytes(FIRST_WINDOW_BYTES)
        for number in (1, 3, 5)
    )
    happened = session.receive(wire)
    assert [stream.reset for stream in happened.opened] == [False, False, True]
    assert session.held == 2 * FIRST_WINDOW_BYTES
    assert frame(WINDOW, RST, 5, 0) in b"".join(session.take())


def test_connections_share_a_budget() -> None:
    budget = Budget(FIRST_WINDOW_BYTES + 10)
    first, second = (Session(initiator=False, budget=budget) for _ in range(2))
    [kept] = first.receive(
        frame(DATA, SYN, 1, FIRST_WINDOW_BYTES) + bytes(FIRST_WINDOW_BYTES)
    ).opened
    [lost] = second.receive(frame(DATA, SYN, 1, 100) + bytes(100)).opened
    assert (kept.reset, lost.reset) == (False, True)
    first.abandon()
    assert budget.held == 0


def test_small_pieces_take_little_memory() -> None:
    session = Session(initiator=False)
    session.receive(frame(WINDOW, SYN, 1, 0))
    padding = frame(WINDOW, 0, 1, 0) * 1000
    for _ in range(1000):
        session.receive(frame(DATA, 0, 1, 1) + b"x" + padding)
    [stream] = session.streams.values()
    assert len(stream.chunks) == 1
    assert session.read(stream, 5000) == b"x" * 1000


def test_pings_that_nobody_takes_end_the_connection() -> None:
    session = Session(initiator=False)
    session.receive(frame(PING, SYN, 0, 1) * yamux.MAX_PINGS)
    session.take()
    with pytest.raises(YamuxFault, match="over 64 pings"):
        session.receive(frame(PING, SYN, 0, 1) * (yamux.MAX_PINGS + 1))


def test_bytes_for_a_stream_that_is_over_are_dropped() -> None:
    here, ours, there, theirs = opened()
    there.reset(theirs)
    here.send(ours, b"on its way")
    assert passed(here, there).changed == set()
    assert there.held == 0


_FRAMES = st.tuples(
    st.integers(0, 5), st.integers(0, 20), st.integers(0, 6), st.integers(0, 2**32 - 1)
)


@given(st.lists(_FRAMES, max_size=20), st.binary(max_size=60))
def test_any_frames_are_taken_or_end_the_connection(
    frames: list[tuple[int, int, int, int]], tail: bytes
) -> None:
    session = Session(initiator=False)
    try:
        session.receive(b"".join(frame(*one) for one in frames) + tail)
    except YamuxFault:
        assert session.ended
    assert session.held <= yamux.MAX_HELD_BYTES
