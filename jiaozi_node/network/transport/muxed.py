"""Our yamux behind py-libp2p's interfaces: one task reads a connection, one writes it.

Whoever waits for a stream is woken by what concerns it. What is to be sent gathers while the writer
is busy and leaves in one piece; who sends faster than the connection takes waits.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Final

import trio
from libp2p.abc import IMuxedConn, IMuxedStream
from libp2p.connection_types import ConnectionType
from libp2p.peer.id import ID
from libp2p.stream_muxer.exceptions import (
    MuxedConnUnavailable,
    MuxedStreamEOF,
    MuxedStreamError,
    MuxedStreamReset,
)
from multiaddr import Multiaddr

from jiaozi_node.errors import JiaoziError
from jiaozi_node.network.transport import noise
from jiaozi_node.network.transport.secured import ConnectionLost, Secured
from jiaozi_node.network.transport.yamux import (
    MAX_STREAMS,
    PROTOCOL,
    Budget,
    Session,
    Stream,
    StreamReset,
    YamuxFault,
)

MAX_OUT_BYTES: Final = 1024 * 1024  # queued for the writer before senders wait
MAX_WHOLE_BYTES: Final = 1024 * 1024  # of a stream that is read to its end at once
FAREWELL_S: Final = 1.0
ALIVE_EVERY_S: Final = 30.0
ALIVE_WITHIN_S: Final = 10.0


_log = logging.getLogger(__name__)


class Muxed(IMuxedConn):
    """The streams of one secured connection."""

    def __init__(self, conn: Secured, peer_id: ID, budget: Budget | None = None) -> None:
        self.peer_id = peer_id
        self.event_started = trio.Event()
        self.secured_conn = conn
        self.negotiated_muxer_protocol = PROTOCOL
        self.negotiated_security_protocol = noise.PROTOCOL
        self.on_close: Callable[[], Awaitable[None]] | None = None
        self._session = Session(initiator=conn.is_initiator, budget=budget)
        self._ends: dict[Stream, MuxedStream] = {}
        self._to_write = trio.Event()
        self._room = trio.lowlevel.ParkingLot()
        self._arrivals, self._arrived = trio.open_memory_channel[MuxedStream](MAX_STREAMS)
        self._pong: trio.Event | None = None
        self._scope = trio.CancelScope()
        self._finished = trio.Event()
        self._closing = False

    # ---- IMuxedConn

    @property
    def is_initiator(self) -> bool:
        """See `IMuxedConn`."""
        return self.secured_conn.is_initiator

    @property
    def is_established(self) -> bool:
        """See `IMuxedConn`."""
        return self.event_started.is_set() and not self.is_closed

    @property
    def is_closed(self) -> bool:
        """See `IMuxedConn`."""
        return self._closing or self._session.ended

    async def start(self) -> None:
        """Run the connection until it ends."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write_all)
                nursery.start_soon(self._watch)
                self.event_started.set()
                with self._scope:
                    await self._read_all()
                nursery.cancel_scope.cancel()
        finally:
            self._finished.set()
            with trio.CancelScope(shield=True):
                await self._ended()

    async def close(self) -> None:
        """Take leave, end all streams, close the connection; harmless when repeated."""
        if self._closing:
            return
        self._closing = True
        self._session.end()
        self._scope.cancel()
        if not self.event_started.is_set():
            await self._ended()
        else:
            await self._finished.wait()

    async def open_stream(self) -> "MuxedStream":
        """Open a stream to the other side; raises `MuxedConnUnavailable`."""
        if self.is_closed:
            raise MuxedConnUnavailable("the connection is closed")
        try:
            stream = self._session.open()
        except JiaoziError as fault:
            raise MuxedConnUnavailable(str(fault)) from None
        self._wake_writer()
        await trio.lowlevel.checkpoint()
        return self._end_of(stream)

    async def accept_stream(self) -> "MuxedStream":
        """Wait for a stream that the other side opens; raises `MuxedConnUnavailable`."""
        try:
            return await self._arrived.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            raise MuxedConnUnavailable("the connection is closed") from None

    def get_transport_addresses(self) -> list[Multiaddr]:
        """See `IMuxedConn`."""
        return self.secured_conn.get_transport_addresses()

    def get_remote_address(self) -> tuple[str, int] | None:
        """Return host and port of the other side."""
        return self.secured_conn.get_remote_address()

    def get_connection_type(self) -> ConnectionType:
        """See `IMuxedConn`."""
        return self.secured_conn.get_connection_type()

    # ---- the tasks

    async def _read_all(self) -> None:
        session = self._session
        try:
            while not session.ended:
                pieces = await self.secured_conn.receive()
                if not pieces:
                    self._say("it left")
                    return
                for piece in pieces:
                    happened = session.receive(piece)
                    for stream in happened.opened:
                        self._arrivals.send_nowait(self._end_of(stream))
                    for stream in happened.changed:
                        if end := self._ends.get(stream):
                            end.changed.unpark_all()
                    if happened.pongs and self._pong is not None:
                        self._pong.set()
                    if happened.gone is not None:
                        self._say(f"it took its leave with code {happened.gone}")
                        return
                if session.out_bytes:
                    self._wake_writer()
                    # Who makes us answer and reads no answers is read no further.
                    while session.out_bytes > MAX_OUT_BYTES:
                        await self._room.park()
            why = "we left"
        except (ConnectionLost, YamuxFault) as fault:
            why = str(fault)
        self._say(why)

    async def _write_all(self) -> None:
        session = self._session
        try:
            while True:
                await self._to_write.wait()
                self._to_write = trio.Event()
                while pieces := session.take():
                    self._room.unpark_all()
                    await self.secured_conn.send(pieces)
        except ConnectionLost as fault:
            self._say(str(fault))
            self._scope.cancel()

    async def _watch(self) -> None:
        """End a connection whose other side gives no sign of life."""
        number = 0
        while True:
            await trio.sleep(ALIVE_EVERY_S)
            self._pong = trio.Event()
            number += 1
            self._session.ping(number)
            self._wake_writer()
            with trio.move_on_after(ALIVE_WITHIN_S) as waiting:
                await self._pong.wait()
            if waiting.cancelled_caught:
                self._say(f"no sign of life within {ALIVE_WITHIN_S:g} s")
                self._scope.cancel()
                return

    async def _ended(self) -> None:
        """Say the last words, close, and wake all who wait."""
        last = self._session.take()
        if not self._session.ended:
            self._session.end()
            last += self._session.take()
        with trio.move_on_after(FAREWELL_S):
            with suppress(ConnectionLost):
                await self.secured_conn.send(last)
        with trio.move_on_after(FAREWELL_S):
            with suppress(OSError, trio.BrokenResourceError):
                await self.secured_conn.close()
        self._closing = True
        self._session.abandon()
        self._arrivals.close()
        self._room.unpark_all()
        for end in list(self._ends.values()):
            end.changed.unpark_all()
        self._ends.clear()
        if self.on_close is not None:
            await self.on_close()

    # ---- for the streams

    def _end_of(self, stream: Stream) -> "MuxedStream":
        end = self._ends[stream] = MuxedStream(self, stream)
        return end

    def _say(self, why: str) -> None:
        _log.debug("the connection to %s ends: %s", self.peer_id, why)

    def _wake_writer(self) -> None:
        self._to_write.set()

    def _forget(self, stream: Stream) -> None:
        if stream.reset or (stream.ours_ended and stream.theirs_ended and not stream.held):
            self._ends.pop(stream, None)


class MuxedStream(IMuxedStream):
    """One stream; one task may read it and one write it at a time."""

    def __init__(self, conn: Muxed, stream: Stream) -> None:
        self.muxed_conn = conn
        self.changed = trio.lowlevel.ParkingLot()
        self._conn, self._stream = conn, stream
        self._deadline: float | None = None

    async def read(self, n: int | None = None) -> bytes:
        """Return 1 to *n* bytes, or without *n* all until the end, up to a MiB.

        Raises `MuxedStreamEOF` at the end, `MuxedStreamReset`.
        """
        if n is not None and n >= 0:
            return await self._some(n) if n else b""
        whole = bytearray()
        while len(whole) <= MAX_WHOLE_BYTES:
            try:
                whole += await self._some(MAX_WHOLE_BYTES)
            except MuxedStreamEOF:
                return bytes(whole)
        await self.reset()
        raise MuxedStreamError(f"a stream of over {MAX_WHOLE_BYTES} bytes was read as a whole")

    async def _some(self, size: int) -> bytes:
        conn, stream = self._conn, self._stream
        session = conn._session
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            try:
                data = session.read(stream, size)
            except StreamReset as fault:
                conn._forget(stream)
                raise MuxedStreamReset(str(fault)) from None
            if data is None:
                with self._timed():
                    await self.changed.park()
                continue
            if session.out_bytes:
                conn._wake_writer()
            if not data:
                conn._forget(stream)
                raise MuxedStreamEOF("the stream has ended")
            await trio.lowlevel.cancel_shielded_checkpoint()
            return data

    async def write(self, data: bytes) -> None:
        """Send *data*; returns when the connection's queue has taken all of it."""
        conn, stream = self._conn, self._stream
        session = conn._session
        rest = memoryview(data if isinstance(data, bytes) else bytes(data))
        await trio.lowlevel.checkpoint()
        while rest:
            try:
                sent = session.send(stream, rest[:MAX_OUT_BYTES])
            except StreamReset as fault:
                conn._forget(stream)
                raise MuxedStreamReset(str(fault)) from None
            if sent:
                rest = rest[sent:]
                conn._wake_writer()
                while session.out_bytes > MAX_OUT_BYTES and not session.ended:
                    with self._timed():
                        await conn._room.park()
            elif rest:
                with self._timed():
                    await self.changed.park()

    async def close(self) -> None:
        """Say that nothing more is sent; what comes can still be read."""
        self._conn._session.finish(self._stream)
        self._conn._wake_writer()
        self._conn._forget(self._stream)
        await trio.lowlevel.checkpoint()

    async def reset(self) -> None:
        """Give the stream up in both directions."""
        self.drop()
        await trio.lowlevel.checkpoint()

    def drop(self) -> None:
        """Do as `reset`, at once."""
        self._conn._session.reset(self._stream)
        self._conn._wake_writer()
        self._conn._forget(self._stream)
        self.changed.unpark_all()

    def set_deadline(self, ttl: int) -> None:
        """Give every wait from now on until *ttl* seconds from now."""
        if ttl < 0:
            raise ValueError("a deadline lies ahead")
        self._deadline = trio.current_time() + ttl

    def get_remote_address(self) -> tuple[str, int] | None:
        """Return host and port of the other side."""
        return self._conn.get_remote_address()

    async def __aenter__(self) -> "MuxedStream":
        return self

    def _timed(self) -> AbstractContextManager[object]:
        return nullcontext() if self._deadline is None else trio.fail_at(self._deadline)
