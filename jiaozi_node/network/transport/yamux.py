"""Yamux without a socket: many streams over one connection, each bounded by its window.

https://github.com/libp2p/specs/blob/master/yamux/README.md. What the other side may do is held
against what it was granted: more bytes than its window end the connection, more streams than there
may be are answered by a reset, and bytes nobody reads count against a budget of the connection and
of the process. Bytes go in by `Session.receive` and come out by `Session.take`; between the two
nothing waits.
"""

import struct
from collections import deque
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Final

from jiaozi_node.errors import LimitExceeded, Malformed, Unavailable

PROTOCOL: Final = "/yamux/1.0.0"
HEADER_BYTES: Final = 12
FIRST_WINDOW_BYTES: Final = 256 * 1024  # of the specification: what a stream may send unasked
WINDOW_BYTES: Final = 1024 * 1024  # what we grant a stream while it is read
MAX_STREAMS: Final = 256  # opened by the other side at a time; as many by us
MAX_HELD_BYTES: Final = 16 * 1024 * 1024  # received and not read, of one connection
MAX_HELD_BYTES_ALL: Final = 64 * 1024 * 1024  # the same, of the whole process
FRAME_BYTES: Final = 65519 - HEADER_BYTES  # with its header it fills one frame of noise
MAX_PINGS: Final = 64  # answers to pings that wait to be sent

_DATA, _WINDOW, _PING, _GO_AWAY = range(4)
_SMALL_BYTES: Final = 4096
_MAX_WINDOW: Final = 2**32 - 1
_HEAD: Final = struct.Struct(">BBHII")


class Flag(IntFlag):
    """What a frame says beside what it carries."""

    SYN = 1
    ACK = 2
    FIN = 4
    RST = 8


class YamuxFault(Malformed):
    """The other side breaks the protocol; the connection is ended with code 1."""

    def __init__(self, why: str) -> None:
        super().__init__(f"yamux: {why}")
        self.why = why


class StreamReset(Unavailable):
    """The stream was reset, by either side, or its connection is gone."""


class Budget:
    """Bytes that all connections together may hold unread."""

    def __init__(self, limit: int = MAX_HELD_BYTES_ALL) -> None:
        self.limit, self.held = limit, 0


@dataclass(slots=True, eq=False)
class Stream:
    """One stream's state; `Session` alone changes it."""

    id: int
    sendable: int = FIRST_WINDOW_BYTES
    receivable: int = FIRST_WINDOW_BYTES
    consumed: int = 0  # read since the last grant
    chunks: deque[bytearray | memoryview] = field(default_factory=deque)
    held: int = 0  # bytes in chunks
    ours_ended: bool = False
    theirs_ended: bool = False
    reset: bool = False
    granted: bool = False  # the window beyond the first was granted


@dataclass(slots=True)
class Happened:
    """What a piece of input brought: streams opened by the other side, and those that changed."""

    opened: list[Stream] = field(default_factory=list)
    changed: set[Stream] = field(default_factory=set)
    pongs: list[int] = field(default_factory=list)
    gone: int | None = None  # the code with which the other side takes its leave


class Session:
    """One connection. Raises `YamuxFault` from `receive`; `take` then has the last words."""

    def __init__(self, *, initiator: bool, budget: Budget | None = None) -> None:
        self._next = 1 if initiator else 2
        self._theirs = 0 if initiator else 1  # the parity of ids that the other side opens
        self._budget = budget or Budget()
        self.streams: dict[int, Stream] = {}
        self._opened_by_them = 0
        self.held = 0
        self._head = b""  # of a frame, not whole yet
        self._to: Stream | None = None  # whose bytes are coming in; None drops them
        self._left = 0  # of the frame that is coming in
        self._ends_after: Flag = Flag(0)
        self._out: list[bytes | memoryview] = []
        self.out_bytes = 0
        self._pings_out = 0
        self.ended = False

    # ---- what comes in

    def receive(self, data: bytes) -> Happened:
        """Take bytes of the connection and tell what happened."""
        happened = Happened()
        view = memoryview(data)
        at, end = 0, len(data)
        try:
            while at < end and not self.ended:
                if self._left:
                    size = min(self._left, end - at)
                    self._content(view[at : at + size], end, happened)
                    at += size
                    continue
                take = HEADER_BYTES - len(self._head)
                if self._head or end - at < HEADER_BYTES:
                    self._head += view[at : at + take]
                    at += take
                    if len(self._head) < HEADER_BYTES:
                        break
                    head, self._head = self._head, b""
                    self._frame(happened, *_HEAD.unpack(head))
                else:
                    self._frame(happened, *_HEAD.unpack_from(data, at))
                    at += HEADER_BYTES
        except YamuxFault:
            self.end(1)
            raise
        return happened

    def _frame(
        self, happened: Happened, version: int, kind: int, bits: int, number: int, length: int
    ) -> None:
        if version != 0:
            raise YamuxFault(f"version {version}")
        if bits > 15:
            raise YamuxFault(f"flags {bits:#x}")
        flags = Flag(bits)
        if kind == _DATA:
            self._data(flags, number, length, happened)
        elif kind == _WINDOW:
            self._window(flags, number, length, happened)
        elif kind == _PING:
            self._ping(flags, number, length, happened)
        elif kind == _GO_AWAY:
            if number:
                raise YamuxFault(f"a farewell on stream {number}")
            happened.gone = length
        else:
            raise YamuxFault(f"type {kind}")

    def _data(self, flags: Flag, number: int, length: int, happened: Happened) -> None:
        stream = self._addressed(flags, number, happened)
        if stream is not None and length:
            if stream.theirs_ended:
                raise YamuxFault(f"bytes on stream {number} behind its end")
            if length > stream.receivable:
                raise YamuxFault(
                    f"{length} bytes on stream {number}, whose window is {stream.receivable}"
                )
            stream.receivable -= length
        self._to, self._left, self._ends_after = stream, length, flags
        if not length:
            self._after(happened)

    def _content(self, piece: memoryview, whole: int, happened: Happened) -> None:
        """Take bytes of the data frame that is coming in."""
        size = len(piece)
        stream = self._to
        if stream is not None and not stream.reset:
            if self.held + size > MAX_HELD_BYTES or self._budget.held + size > self._budget.limit:
                self.reset(stream)
                happened.changed.add(stream)
            else:
                _keep(stream.chunks, piece, whole)
                stream.held += size
                self.held += size
                self._budget.held += size
                happened.changed.add(stream)
        self._left -= size
        if not self._left:
            self._after(happened)

    def _after(self, happened: Happened) -> None:
        """Do what the flags of a data frame say, behind its bytes."""
        stream, flags = self._to, self._ends_after
        self._to, self._ends_after = None, Flag(0)
        if stream is not None:
            self._ends(stream, flags, happened)

    def _ends(self, stream: Stream, flags: Flag, happened: Happened) -> None:
        if flags & Flag.RST:
            self._drop(stream)
            happened.changed.add(stream)
        elif flags & Flag.FIN and not stream.theirs_ended:
            stream.theirs_ended = True
            self._forget_when_over(stream)
            happened.changed.add(stream)

    def _window(self, flags: Flag, number: int, delta: int, happened: Happened) -> None:
        stream = self._addressed(flags, number, happened)
        if stream is None:
            return
        if stream.sendable + delta > _MAX_WINDOW:
            raise YamuxFault(f"the window of stream {number} overflows")
        if delta:
            stream.sendable += delta
            happened.changed.add(stream)
        self._ends(stream, flags, happened)

    def _ping(self, flags: Flag, number: int, value: int, happened: Happened) -> None:
        if number:
            raise YamuxFault(f"a ping on stream {number}")
        if flags & Flag.ACK:
            happened.pongs.append(value)
        elif flags & Flag.SYN:
            self._pings_out += 1
            if self._pings_out > MAX_PINGS:
                raise YamuxFault(f"over {MAX_PINGS} pings at a time")
            self._send(_PING, Flag.ACK, 0, value)
        else:
            raise YamuxFault("a ping that neither asks nor answers")

    def _addressed(self, flags: Flag, number: int, happened: Happened) -> Stream | None:
        """Return the stream of a frame; None for one that is over, or that may not be opened."""
        if not number:
            raise YamuxFault("a frame of stream 0")
        stream = self.streams.get(number)
        if not flags & Flag.SYN:
            return stream
        if stream is not None or number % 2 != self._theirs:
            raise YamuxFault(f"stream {number} can't be opened")
        if self._opened_by_them >= MAX_STREAMS:
            self._send(_WINDOW, Flag.RST, number, 0)
            return None
        stream = self.streams[number] = Stream(number)
        self._opened_by_them += 1
        self._grant(stream, Flag.ACK)
        happened.opened.append(stream)
        return stream

    # ---- what goes out

    def open(self) -> Stream:
        """Open a stream; raises `LimitExceeded` when too many are open."""
        ours = len(self.streams) - self._opened_by_them
        if ours >= MAX_STREAMS:
            raise LimitExceeded("streams of a connection", MAX_STREAMS, ours + 1, "streams")
        stream = self.streams[self._next] = Stream(self._next)
        self._next += 2
        self._grant(stream, Flag.SYN)
        return stream

    def send(self, stream: Stream, data: bytes | memoryview) -> int:
        """Queue as much of *data* as the window takes; return how many bytes.

        *data* must not change until it was taken. Raises `StreamReset`.
        """
        if stream.reset or stream.ours_ended:
            raise StreamReset(f"stream {stream.id} is over")
        size = min(len(data), stream.sendable)
        view = memoryview(data)
        for at in range(0, size, FRAME_BYTES):
            piece = view[at : min(at + FRAME_BYTES, size)]
            self._send(_DATA, Flag(0), stream.id, len(piece))
            self._out.append(piece)
            self.out_bytes += len(piece)
        stream.sendable -= size
        return size

    def finish(self, stream: Stream) -> None:
        """Say that nothing more is sent on *stream*; harmless when repeated."""
        if not stream.ours_ended and not stream.reset:
            stream.ours_ended = True
            self._send(_WINDOW, Flag.FIN, stream.id, 0)
            self._forget_when_over(stream)

    def reset(self, stream: Stream) -> None:
        """Give *stream* up in both directions; harmless when it is over."""
        if not stream.reset and stream.id in self.streams:
            self._send(_WINDOW, Flag.RST, stream.id, 0)
        self._drop(stream)

    def read(self, stream: Stream, size: int) -> bytes | None:
        """Return 1 to *size* bytes; b"" is the end, None says to wait. Raises `StreamReset`."""
        if stream.reset:
            raise StreamReset(f"stream {stream.id} was reset")
        if not stream.chunks:
            return b"" if stream.theirs_ended else None
        first = stream.chunks.popleft()
        if len(first) > size:
            view = memoryview(first)
            stream.chunks.appendleft(view[size:])
            data = bytes(view[:size])
        else:
            parts, count = [first], len(first)
            while stream.chunks and count + len(stream.chunks[0]) <= size:
                parts.append(stream.chunks.popleft())
                count += len(parts[-1])
            data = b"".join(parts)
        self._consumed(stream, len(data))
        return data

    def _consumed(self, stream: Stream, size: int) -> None:
        stream.held -= size
        self.held -= size
        self._budget.held -= size
        stream.consumed += size
        if stream.theirs_ended or stream.reset:
            return
        if not stream.granted:
            stream.granted = True
            stream.consumed += WINDOW_BYTES - FIRST_WINDOW_BYTES
        if stream.consumed * 2 >= WINDOW_BYTES:
            self._send(_WINDOW, Flag(0), stream.id, stream.consumed)
            stream.receivable += stream.consumed
            stream.consumed = 0

    def ping(self, value: int) -> None:
        """Ask for a sign of life; `Happened.pongs` has *value* when it comes."""
        self._send(_PING, Flag.SYN, 0, value & 0xFFFFFFFF)

    def end(self, code: int = 0) -> None:
        """Take leave: 0 as it should be, 1 when the other side broke the protocol, 2 when we did.

        All streams are reset.
        """
        if not self.ended:
            self._send(_GO_AWAY, Flag(0), 0, code)
            self.abandon()

    def abandon(self) -> None:
        """Take the connection for gone: all streams are reset, and nothing is said."""
        self.ended = True
        for stream in list(self.streams.values()):
            self._drop(stream)

    def take(self) -> list[bytes | memoryview]:
        """Return what is to be sent since this was last called."""
        out, self._out, self.out_bytes, self._pings_out = self._out, [], 0, 0
        return out

    def _grant(self, stream: Stream, flags: Flag) -> None:
        """Open or accept *stream*; more than the first window is granted once it is read."""
        self._send(_WINDOW, flags, stream.id, 0)

    def _send(self, kind: int, flags: Flag, number: int, length: int) -> None:
        self._out.append(_HEAD.pack(0, kind, flags, number, length))
        self.out_bytes += HEADER_BYTES

    def _forget_when_over(self, stream: Stream) -> None:
        """Free the place of a stream that ended both ways; what it holds can still be read."""
        if stream.ours_ended and stream.theirs_ended:
            self._free(stream)

    def _drop(self, stream: Stream) -> None:
        stream.reset = True
        self.held -= stream.held
        self._budget.held -= stream.held
        stream.held = 0
        stream.chunks.clear()
        self._free(stream)

    def _free(self, stream: Stream) -> None:
        if self.streams.pop(stream.id, None) is not None and stream.id % 2 == self._theirs:
            self._opened_by_them -= 1


def _keep(chunks: deque[bytearray | memoryview], piece: memoryview, whole: int) -> None:
    """Append *piece* of *whole* bytes, so that what is held takes hardly more memory than it has.

    A view keeps all that came with it, and a small object has a large head: only a piece that is
    large, and most of what it came in, stays a view.
    """
    if len(piece) >= _SMALL_BYTES and len(piece) * 2 >= whole:
        chunks.append(piece)
    elif chunks and isinstance(last := chunks[-1], bytearray) and len(last) < FRAME_BYTES:
        last += piece
    else:
        chunks.append(bytearray(piece))
