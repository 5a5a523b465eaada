"""Crossings between loop and thread: all of it, in order, bounded, and over when one side is."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.http.crossing import Abandoned, Inlet, Outlet

pieces = st.lists(st.binary(min_size=1, max_size=50), max_size=60)


@given(pieces, st.integers(1, 100))
def test_what_a_thread_sends_arrives_in_order(sent: list[bytes], limit: int) -> None:
    async def main() -> list[bytes]:
        outlet = Outlet(asyncio.get_running_loop(), limit)

        def work() -> None:
            for piece in sent:
                outlet.send(piece)
            outlet.end()

        thread = threading.Thread(target=work)
        thread.start()
        got: list[bytes] = []
        while batch := await outlet.receive():
            got += batch
        thread.join()
        assert await outlet.receive() == []
        return got

    assert asyncio.run(main()) == sent


@given(pieces, st.integers(1, 100))
def test_what_the_loop_puts_arrives_in_order(sent: list[bytes], limit: int) -> None:
    async def main() -> list[bytes]:
        inlet = Inlet(asyncio.get_running_loop(), limit)
        got: list[bytes] = []

        def work() -> None:
            while data := inlet.take():
                got.append(data)

        thread = threading.Thread(target=work)
        thread.start()
        for piece in sent:
            assert await inlet.put(piece)
        inlet.end()
        thread.join()
        return got

    assert asyncio.run(main()) == sent


async def _thread(work: "threading.Thread") -> None:
    await asyncio.get_running_loop().run_in_executor(None, work.join)


def test_a_thread_that_is_ahead_waits_and_is_told_when_nobody_listens() -> None:
    async def main() -> None:
        outlet = Outlet(asyncio.get_running_loop(), 10)
        sent: list[int] = []
        met: list[type[BaseException]] = []

        def work() -> None:
            try:
                for number in range(100):
                    outlet.send(b"12345")
                    sent.append(number)
            except Abandoned as told:
                met.append(type(told))

        thread = threading.Thread(target=work)
        thread.start()
        assert await outlet.receive()
        outlet.abandon()
        await _thread(thread)
        assert met == [Abandoned]
        assert len(sent) < 100
        assert outlet.abandoned

    asyncio.run(main())


def test_a_loop_that_is_ahead_waits_until_half_is_taken() -> None:
    async def main() -> None:
        inlet = Inlet(asyncio.get_running_loop(), 10)
        for _ in range(2):
            assert await inlet.put(b"12345")
        waiting = asyncio.create_task(inlet.put(b"67890"))
        await asyncio.sleep(0)
        assert not waiting.done()
        assert inlet.take() == b"12345"
        assert await waiting
        inlet.end()
        assert [inlet.take(), inlet.take(), inlet.take()] == [b"12345", b"67890", b""]

    asyncio.run(main())


def test_a_fault_of_the_loop_is_raised_behind_what_came_before() -> None:
    async def main() -> None:
        inlet = Inlet(asyncio.get_running_loop())
        await inlet.put(b"1")
        inlet.end(ConnectionResetError("gone"))
        assert inlet.take() == b"1"
        with pytest.raises(ConnectionResetError, match="gone"):
            inlet.take()

    asyncio.run(main())


def test_a_thread_that_closes_frees_a_waiting_loop() -> None:
    async def main() -> None:
        inlet = Inlet(asyncio.get_running_loop(), 1)
        assert await inlet.put(b"1")
        waiting = asyncio.create_task(inlet.put(b"2"))
        await asyncio.sleep(0)
        inlet.close()
        assert not await waiting
        assert not await inlet.put(b"3")

    asyncio.run(main())


def test_a_loop_that_abandons_ends_a_waiting_thread() -> None:
    async def main() -> None:
        inlet = Inlet(asyncio.get_running_loop())
        met: list[bool] = []

        def work() -> None:
            try:
                inlet.take()
            except Abandoned:
                met.append(True)

        thread = threading.Thread(target=work)
        thread.start()
        inlet.abandon()
        await _thread(thread)
        assert met == [True]
        assert not await inlet.put(b"1")

    asyncio.run(main())


def test_a_thread_that_pauses_is_told_when_nobody_waits() -> None:
    async def main() -> None:
        outlet = Outlet(asyncio.get_running_loop())
        outlet.pause(0)
        met: list[bool] = []

        def work() -> None:
            try:
                outlet.pause(3600)
            except Abandoned:
                met.append(True)

        thread = threading.Thread(target=work)
        thread.start()
        outlet.abandon()
        await _thread(thread)
        assert met == [True]

    asyncio.run(main())


@pytest.mark.asyncio
async def test_the_last_piece_comes_with_the_end() -> None:
    outlet = Outlet(asyncio.get_running_loop())
    assert not outlet.over
    await asyncio.to_thread(outlet.end, b"all")
    assert not outlet.over  # not received yet
    assert await outlet.receive() == [b"all"]
    assert outlet.over
    outlet.end(b"more")  # too late
    assert await outlet.receive() == []
