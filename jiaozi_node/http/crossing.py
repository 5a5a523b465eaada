"""Bytes between the loop and one worker thread, both ways, each bounded and in batches.

A handler is a synchronous generator on a thread; sockets belong to the loop. One crossing costs as
much as a small request, so whatever piled up while the other side was busy crosses at once
(design §2). Whoever gives up tells the other: the thread then meets `Abandoned` at its next call.
"""

import asyncio
import threading
from collections import deque
from typing import Final

OUT_BYTES: Final = 1024 * 1024  # what a thread may be ahead of the socket
IN_BYTES: Final = 2 * 1024 * 1024  # what the socket may be ahead of a thread


class Abandoned(BaseException):
    """The client left, or its time is up: the work is over. Not an error of the handler's."""


class Outlet:
    """From a thread to the loop: `send` and `end` there, `receive` here."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit_bytes: int = OUT_BYTES) -> None:
        self._loop, self._limit = loop, limit_bytes
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._pieces: list[bytes] = []
        self._held = 0
        self._ended = self._abandoned = self._told = False
        self._ready = asyncio.Event()

    # ---- the thread's side

    def send(self, data: bytes) -> None:
        """Hand over *data*, waiting while too much is on its way; raises `Abandoned`.

        No data at all only asks whether somebody waits.
        """
        with self._lock:
            while self._held >= self._limit and not self._abandoned:
                self._room.wait()
            if self._abandoned:
                raise Abandoned
            if data:
                self._pieces.append(data)
                self._held += len(data)
                self._tell()

    def pause(self, seconds: float) -> None:
        """Wait so long; raises `Abandoned` as soon as nobody waits for what comes after."""
        with self._lock:
            if self._room.wait_for(lambda: self._abandoned, seconds):
                raise Abandoned

    def end(self, last: bytes = b"") -> None:
        """Say that nothing more comes behind *last*; harmless when repeated."""
        with self._lock:
            if last and not self._ended:
                self._pieces.append(last)
                self._held += len(last)
            self._ended = True
            self._tell()

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._loop.call_soon_threadsafe(self._ready.set)

    # ---- the loop's side

    async def receive(self) -> list[bytes]:
        """Wait for what was sent since the last call; an empty list is the end."""
        while True:
            with self._lock:
                self._ready.clear()
                self._told = False
                pieces, self._pieces, self._held = self._pieces, [], 0
                self._room.notify_all()
                if pieces or self._ended:
                    return pieces
            await self._ready.wait()

    @property
    def over(self) -> bool:
        """Whether all there will be was received; asked on the loop."""
        with self._lock:
            return self._ended and not self._pieces

    def abandon(self) -> None:
        """Take nothing more: the thread is told at its next `send`."""
        with self._lock:
            self._abandoned = True
            self._room.notify_all()

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for the rest; may be asked on any thread."""
        return self._abandoned


class Inlet:
    """From the loop to a thread: `put` and `end` here, `take` there."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit_bytes: int = IN_BYTES) -> None:
        self._loop, self._limit = loop, limit_bytes
        self._lock = threading.Lock()
        self._come = threading.Condition(self._lock)
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._ended = self._abandoned = self._waited = self._closed = False
        self._fault: BaseException | None = None
        self._room = asyncio.Event()

    # ---- the loop's side

    async def put(self, data: bytes) -> bool:
        """Hand over *data*, waiting while the thread is behind; False when it takes no more."""
        while True:
            with self._lock:
                if self._closed or self._abandoned:
                    return False
                if self._held < self._limit:
                    self._pieces.append(data)
                    self._held += len(data)
                    self._come.notify()
                    return True
                self._waited = True
                self._room.clear()
            await self._room.wait()

    def fill(self, data: bytes) -> None:
        """Hand over all that comes, at once: the thread never waits for it."""
        with self._lock:
            if data:
                self._pieces.append(data)
                self._held += len(data)
            self._ended = True
            self._come.notify()

    def end(self, fault: BaseException | None = None) -> None:
        """Say that nothing more comes; *fault* is raised in the thread then."""
        with self._lock:
            self._ended, self._fault = True, fault
            self._come.notify()

    def abandon(self) -> None:
        """Give up: the thread meets `Abandoned` at its next `take`."""
        with self._lock:
            self._abandoned = True
            self._come.notify()

    # ---- the thread's side

    def take(self) -> bytes:
        """Wait for more; b"" is the end. Raises `Abandoned`, or what the loop ended with."""
        with self._lock:
            while not (self._pieces or self._ended or self._abandoned):
                self._come.wait()
            if self._abandoned:
                raise Abandoned
            if not self._pieces:
                if self._fault is not None:
                    raise self._fault
                return b""
            data = self._pieces.popleft()
            self._held -= len(data)
            if self._waited and self._held * 2 <= self._limit:
                self._waited = False
                self._loop.call_soon_threadsafe(self._room.set)
            return data

    def close(self) -> None:
        """Take no more, though more may come: the loop stops putting."""
        with self._lock:
            self._closed = True
            self._pieces.clear()
            self._held = 0
            if self._waited:
                self._waited = False
                self._loop.call_soon_threadsafe(self._room.set)
