"""The bridge: both ways of running trio keep the same promises."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

trio = pytest.importorskip("trio")

from jiaozi_node.node.bridge import Bridge, GuestBridge, PeersStopped, ThreadBridge  # noqa: E402

WAYS = [GuestBridge, ThreadBridge]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def way(request: pytest.FixtureRequest) -> type[Bridge]:
    found: type[Bridge] = request.param
    return found


def run(
    way: type[Bridge],
    work: Callable[[Bridge], Awaitable[None]],
    resident: Callable[[], Awaitable[None]] | None = None,
) -> None:
    async def main() -> None:
        async with way(resident or trio.sleep_forever) as bridge:
            async with asyncio.timeout(10):
                await work(bridge)

    asyncio.run(main())


def test_work_is_done_on_trio_and_answered(way: type[Bridge]) -> None:
    async def double(number: int) -> int:
        await trio.lowlevel.checkpoint()
        return 2 * number

    async def work(bridge: Bridge) -> None:
        assert await bridge.call(double, 21) == 42
        many = await asyncio.gather(*[bridge.call(double, number) for number in range(100)])
        assert many == [2 * number for number in range(100)]

    run(way, work)


def test_a_fault_rises_on_the_other_side(way: type[Bridge]) -> None:
    async def fail() -> None:
        await trio.lowlevel.checkpoint()
        raise KeyError("there")

    async def work(bridge: Bridge) -> None:
        with pytest.raises(KeyError, match="there"):
            await bridge.call(fail)

    run(way, work)


def test_a_call_has_a_deadline(way: type[Bridge]) -> None:
    async def work(bridge: Bridge) -> None:
        with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
            await bridge.call(trio.sleep_forever, deadline_s=0.05)

    run(way, work)


def test_who_is_cancelled_here_is_cancelled_there(way: type[Bridge]) -> None:
    ended = threading.Event()
    began = threading.Event()

    async def wait() -> None:
        began.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    async def work(bridge: Bridge) -> None:
        task = asyncio.create_task(bridge.call(wait))
        while not began.is_set():
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    run(way, work)


def test_a_stream_comes_whole_and_in_order(way: type[Bridge]) -> None:
    async def numbers(count: int) -> AsyncGenerator[int, None]:
        for number in range(count):
            await trio.lowlevel.checkpoint()
            yield number

    async def work(bridge: Bridge) -> None:
        got: list[int] = []
        async with contextlib.aclosing(bridge.stream(numbers, 1000, ahead=7)) as batches:
            async for batch in batches:
                assert len(batch) <= 7
                got += batch
        assert got == list(range(1000))

    run(way, work)


def test_who_leaves_a_stream_ends_its_source(way: type[Bridge]) -> None:
    ended = threading.Event()

    async def forever() -> AsyncGenerator[int, None]:
        try:
            while True:
                await trio.lowlevel.checkpoint()
                yield 1
        finally:
            ended.set()

    async def work(bridge: Bridge) -> None:
        async with contextlib.aclosing(bridge.stream(forever)) as batches:
            async for batch in batches:
                assert batch
                break
        assert ended.is_set()

    run(way, work)


def test_a_fault_within_a_stream_comes_behind_what_was_yielded(way: type[Bridge]) -> None:
    async def short() -> AsyncGenerator[int, None]:
        yield 1
        raise KeyError("amid")

    async def work(bridge: Bridge) -> None:
        got: list[int] = []

        async def take() -> None:
            async for batch in bridge.stream(short):
                got.extend(batch)

        with pytest.raises(KeyError, match="amid"):
            await take()
        assert got == [1]

    run(way, work)


def test_the_end_of_the_resident_is_told(way: type[Bridge]) -> None:
    async def fail() -> None:
        raise OSError("the network broke")

    async def main() -> None:
        async with way(fail) as bridge:
            fault = await asyncio.wait_for(bridge.ended, 10)
            assert isinstance(fault, OSError)
            with pytest.raises(PeersStopped):
                await bridge.call(trio.sleep, 0)

    asyncio.run(main())


def test_leaving_ends_what_is_under_way(way: type[Bridge]) -> None:
    async def main() -> None:
        async with way(trio.sleep_forever) as bridge:
            task = asyncio.create_task(bridge.call(trio.sleep_forever))
            await asyncio.sleep(0)
        with pytest.raises(PeersStopped):
            await task
        assert await bridge.ended is None

    asyncio.run(main())
