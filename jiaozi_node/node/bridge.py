"""Between asyncio and trio: the one file that knows both loops (design §6, decision 0003).

asyncio has the process; trio is its guest, one thread turning both, or runs in a thread of its own:
two classes of three methods each, and the same tests. Work is called on trio and answers come back,
one by one or as a stream; each crossing has a deadline, and who is cancelled on one side is
cancelled on the other. Neither side touches the other's objects but through here.
"""

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any, Final, Self, TypeVar

import trio

from jiaozi_node.errors import Unavailable

Answer = TypeVar("Answer")

STOP_WITHIN_S: Final = 2.0  # trio's share of the daemon's grace
CALL_S: Final = 60.0
STREAM_S: Final = 3600.0
AHEAD: Final = 32  # items of a stream that may wait to be taken


class PeersStopped(Unavailable):
    """The side of the peers has ended, or is ending; the cause says why."""


class Bridge(ABC):
    """Runs *resident* on trio for the span of an ``async with``, and calls work there.

    `ended` is done when trio is: with the fault of *resident*, or with None.
    """

    def __init__(self, resident: Callable[[], Awaitable[None]]) -> None:
        self._resident = resident
        self._loop = asyncio.get_running_loop()
        self._nursery: trio.Nursery | None = None
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[BaseException | None] = self._loop.create_future()

    @abstractmethod
    def _begin(self) -> None:
        """Start `_main` on trio."""

    @abstractmethod
    def to_trio(self, act: Callable[[], object]) -> None:
        """From asyncio: have *act* run where trio's functions may be called."""

    @abstractmethod
    def to_asyncio(self, act: Callable[[], object]) -> None:
        """From trio: have *act* run where asyncio's functions may be called."""

    def to_asyncio_with(self, act: Callable[..., object], *args: object) -> None:
        """From trio: have ``act(*args)`` run where asyncio's functions may be called."""
        self.to_asyncio(partial(act, *args))

    async def _main(self) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._resident)
            self.to_asyncio(self._started)

    def _started(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _finish(self, fault: BaseException | None) -> None:
        self._nursery = None
        self._started()
        if not self.ended.done():
            self.ended.set_result(fault)

    async def __aenter__(self) -> Self:
        self._begin()
        await self._ready
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._nursery is not None:
            self.to_trio(self._nursery.cancel_scope.cancel)
        done, _pending = await asyncio.wait({self.ended}, timeout=STOP_WITHIN_S)
        if not done:
            fault = PeersStopped(f"the peers' side did not stop within {STOP_WITHIN_S:g} s")
            self.ended.set_result(fault)

    async def call(
        self, work: Callable[..., Awaitable[Answer]], *args: object, deadline_s: float = CALL_S
    ) -> Answer:
        """Run *work* as a task of trio's and return what it returns.

        Raises what it raises, `TimeoutError`, or `PeersStopped`.
        """
        answer: asyncio.Future[Answer] = self._loop.create_future()
        over: asyncio.Future[None] | None = None
        scope = trio.CancelScope()

        def settle(fault: BaseException | None, value: Answer | None) -> None:
            if over is not None and not over.done():
                over.set_result(None)
            if answer.done():
                return
            if fault is None:
                answer.set_result(value)  # type: ignore[arg-type]
            else:
                answer.set_exception(fault)

        async def run() -> None:
            value: Answer | None = None
            fault: BaseException | None = None
            try:
                scope.deadline = trio.current_time() + deadline_s
                with scope:
                    value = await work(*args)
                if scope.cancelled_caught:
                    fault = TimeoutError(f"no answer from the peers' side within {deadline_s:g} s")
            except trio.Cancelled:
                fault = PeersStopped("the peers' side is stopping")
                raise
            except Exception as risen:  # noqa: BLE001 - it rises again on the other side
                fault = risen
            finally:
                self.to_asyncio(lambda: settle(fault, value))

        def start() -> None:
            if self._nursery is None:
                self.to_asyncio(lambda: settle(PeersStopped("the peers' side has stopped"), None))
            else:
                self._nursery.start_soon(run)

        self.to_trio(start)
        try:
            return await answer
        except asyncio.CancelledError:
            over = self._loop.create_future()
            self.to_trio(scope.cancel)
            await asyncio.wait({over}, timeout=STOP_WITHIN_S)
            raise

    async def stream(
        self,
        source: Callable[..., AsyncGenerator[Answer, None]],
        *args: object,
        ahead: int = AHEAD,
        deadline_s: float = STREAM_S,
    ) -> AsyncGenerator[list[Answer], None]:
        """Yield what *source* yields on trio, in batches; at most *ahead* items wait to be taken.

        Leave it within ``contextlib.aclosing``.
        """
        ready: deque[Answer] = deque()
        more = asyncio.Event()  # set and waited for on asyncio alone
        room: list[trio.Event] = []  # the producer's, while it waits
        told = False  # whether a wake-up is on its way to asyncio

        async def feed() -> None:
            nonlocal told
            async with contextlib.aclosing(source(*args)) as items:
                async for item in items:
                    ready.append(item)
                    if not told:
                        told = True
                        self.to_asyncio(more.set)
                    if len(ready) >= ahead:
                        event = trio.Event()
                        room.append(event)
                        if len(ready) >= ahead:
                            await event.wait()

        task = asyncio.create_task(self.call(feed, deadline_s=deadline_s))
        task.add_done_callback(lambda _: more.set())
        try:
            while True:
                await more.wait()
                more.clear()
                told = False
                batch = [ready.popleft() for _ in range(len(ready))]
                while room:
                    self.to_trio(room.pop().set)
                if batch:
                    yield batch
                if task.done() and not ready:
                    break
                if task.done():
                    more.set()
            await task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


class GuestBridge(Bridge):
    """Trio as a guest of the running loop: one thread, so that a crossing is a plain call."""

    def _begin(self) -> None:
        trio.lowlevel.start_guest_run(
            self._main,
            run_sync_soon_threadsafe=self._soon_from_anywhere,
            run_sync_soon_not_threadsafe=self._soon,
            done_callback=lambda outcome: self._finish(_fault_of(outcome)),
            host_uses_signal_set_wakeup_fd=True,
        )

    def _soon(self, act: Callable[[], object]) -> None:
        self._loop.call_soon(act)

    def _soon_from_anywhere(self, act: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(act)

    def to_trio(self, act: Callable[[], object]) -> None:
        """See `Bridge`."""
        act()

    def to_asyncio(self, act: Callable[[], object]) -> None:
        """See `Bridge`."""
        act()


class ThreadBridge(Bridge):
    """Trio in a thread of its own; each crossing wakes the other thread."""

    _token: trio.lowlevel.TrioToken | None = None

    def _begin(self) -> None:
        threading.Thread(target=self._run, name="trio", daemon=True).start()

    def _run(self) -> None:
        async def main() -> None:
            self._token = trio.lowlevel.current_trio_token()
            await self._main()

        fault: BaseException | None = None
        try:
            trio.run(main)
        except BaseException as risen:  # noqa: BLE001 - it is told on the other side
            fault = risen
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            self._loop.call_soon_threadsafe(self._finish, _plain(fault))

    def to_trio(self, act: Callable[[], object]) -> None:
        """See `Bridge`."""
        if self._token is None:
            raise AssertionError("the bridge has not begun")
        try:
            self._token.run_sync_soon(act)
        except trio.RunFinishedError:
            if self._nursery is None:
                act()

    def to_asyncio(self, act: Callable[[], object]) -> None:
        """See `Bridge`."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(act)


def _fault_of(outcome: Any) -> BaseException | None:  # noqa: ANN401 - of the library ``outcome``
    return _plain(getattr(outcome, "error", None))


def _plain(fault: BaseException | None) -> BaseException | None:
    """Return the fault that the groups of nurseries are wrapped around; None when all is well."""
    while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
        fault = fault.exceptions[0]
    return None if isinstance(fault, trio.Cancelled) else fault
