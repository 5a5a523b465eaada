"""Connections that keep to the clock: aiohttp itself waits for headers and bodies for ever.

A connection has `HEADER_S` to send the head of a request, and between two pieces of a body it may
pause `BODY_S`; idle between requests it is closed after `IDLE_S` (research: F10). Who takes nothing
of an answer for `WRITE_S` is cut off: a worker may be waiting to send. The number of connections is
bounded in all and for each address. Bodies are never inflated.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from jiaozi_node.http import quick
from jiaozi_node.http.quick import Quick

HEADER_S: Final = 10.0
BODY_S: Final = 30.0
WRITE_S: Final = 30.0
IDLE_S: Final = 60.0
MAX_CONNECTIONS: Final = 4096
MAX_CONNECTIONS_OF_ONE: Final = 1024
MAX_LINE_BYTES: Final = 1024 * 1024  # Kubo's clients put arguments into the request line
MAX_FIELD_BYTES: Final = 64 * 1024
READ_BYTES: Final = 256 * 1024
_SHUT_TICK_S: Final = 0.02
_NEVER_S: Final = 1e8

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _Phase(Enum):
    """What a connection is about."""

    HEAD = 1  # the head of a request is awaited, or has begun
    BUSY = 2  # a request is being answered
    IDLE = 3  # between two requests


class Guarded(RequestHandler):
    """One connection, closed when it keeps us waiting."""

    __slots__ = ("_address", "_door", "_phase", "_plain", "_stuck_s", "_timer", "_until")

    def __init__(self, door: "Door", **how: Any) -> None:  # noqa: ANN401 - aiohttp's options
        super().__init__(door.server, **how)
        self._door = door
        self._address: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._phase = _Phase.HEAD
        self._plain = door.quick is not None  # aiohttp's parser holds no part of a message
        self._until = 0.0
        self._stuck_s: float | None = None  # since when nothing of an answer is taken

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the connection in, or close it when there are too many."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else "socket"
        if not self._door.enter(address):
            self.force_close()
            return
        self._address = address
        self._until = self._loop.time() + self._door.header_s
        self._check()

    def data_received(self, data: bytes) -> None:
        """Note what came: the beginning of a head, all of it, or a piece of a body."""
        if self._plain and not self.is_busy() and self._quickly(data):
            return
        super().data_received(data)
        now = self._loop.time()
        if self.is_busy():
            self._phase, self._until = _Phase.BUSY, now + self._door.body_s
        elif self._phase is not _Phase.HEAD:
            self._phase, self._until = _Phase.HEAD, now + self._door.header_s

    def pause_writing(self) -> None:
        """Note that the client is behind."""
        super().pause_writing()
        self._stuck_s = self._loop.time()

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        super().resume_writing()
        self._stuck_s = None

    def _quickly(self, data: bytes) -> bool:
        """Answer at once, if that can be done; tell whether it was."""
        transport, door = self.transport, self._door
        if transport is None or door.quick is None or transport.is_closing():
            return False
        request = quick.read(data, transport)
        # What aiohttp is given is one whole message, or this connection stays with it.
        self._plain = request is not None
        if request is None or transport.get_write_buffer_size():
            return False
        answer = door.quick(request)
        if answer is None:
            return False
        transport.write(answer)
        self._phase, self._until = _Phase.IDLE, self._loop.time() + door.idle_s
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        if self._timer is not None:
            self._timer.cancel()
        if self._address is not None:
            self._door.leave(self._address)
            self._address = None
        super().connection_lost(exc)

    def is_busy(self) -> bool:
        """Tell whether a request is being answered, or waits for it."""
        return bool(self._request_in_progress or self._messages)

    def comes_in(self) -> bool:
        """Tell whether there may be more to come of a request that is being answered."""
        request = self._current_request
        return self.is_busy() and (request is None or not request.content.is_eof())

    def _check(self) -> None:
        """Close when time is up; look again later otherwise."""
        now = self._loop.time()
        if self._stuck_s is not None and now >= self._stuck_s + self._door.write_s:
            self._door.late += 1
            if self.transport is not None:
                self.transport.abort()  # closing would wait for what is not taken
            return
        if self.is_busy():
            request = self._current_request
            ours = request is None or request.content.is_eof() or self._reading_paused
            if self._phase is not _Phase.BUSY or ours:  # we keep them waiting, not they us
                self._phase, self._until = _Phase.BUSY, now + self._door.body_s
        elif self._phase is _Phase.BUSY:
            self._phase, self._until = _Phase.IDLE, now + self._door.idle_s
        if now >= self._until:
            self._door.late += self._phase is not _Phase.IDLE
            self.force_close()
            return
        self._timer = self._loop.call_later(self._door.tick_s, self._check)


class Door:
    """Counts who is in, and makes the connections of one listener."""

    def __init__(
        self,
        handler: Handler,
        *,
        header_s: float = HEADER_S,
        body_s: float = BODY_S,
        write_s: float = WRITE_S,
        idle_s: float = IDLE_S,
        connections: int = MAX_CONNECTIONS,
        of_one: int = MAX_CONNECTIONS_OF_ONE,
        line_bytes: int = MAX_LINE_BYTES,
        quick: Quick | None = None,
    ) -> None:
        self.header_s, self.body_s, self.idle_s = header_s, body_s, idle_s
        self.line_bytes, self.quick = line_bytes, quick
        self.write_s = write_s
        self.tick_s = min(1.0, header_s / 4, body_s / 4, write_s / 4)
        self._limit, self._of_one = connections, of_one
        self._inside: Counter[str] = Counter()
        self.let_in = self.refused = self.late = 0  # so far
        self.server: web.Server = web.Server(handler, handler_cancellation=True)

    def __call__(self) -> Guarded:
        """Make the protocol of a new connection."""
        return Guarded(
            self,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=_NEVER_S,  # ours comes first
            max_line_size=self.line_bytes,
            max_field_size=MAX_FIELD_BYTES,
            read_bufsize=READ_BYTES,
            auto_decompress=False,
            lingering_time=1.0,
            access_log=None,
        )

    async def shut(self, within_s: float) -> None:
        """Close idle connections at once, others when their answer is out or time is up.

        aiohttp's own shutdown passes over what still comes in, and so would cut off uploads.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while True:
            here = [one for one in self.server.connections if isinstance(one, Guarded)]
            for one in here:
                if not one.comes_in():
                    one.close()
            if not any(one.is_busy() for one in here) or loop.time() >= until:
                break
            await asyncio.sleep(_SHUT_TICK_S)
        await self.server.shutdown(_SHUT_TICK_S)

    def enter(self, address: str) -> bool:
        """Count one more from *address*, if there is room."""
        if self._inside.total() >= self._limit or self._inside[address] >= self._of_one:
            self.refused += 1
            return False
        self._inside[address] += 1
        self.let_in += 1
        return True

    @property
    def inside(self) -> int:
        """How many are in."""
        return self._inside.total()

    def leave(self, address: str) -> None:
        """Count one less."""
        self._inside[address] -= 1
        if not self._inside[address]:
            del self._inside[address]
