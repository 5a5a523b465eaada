"""Noise and yamux on trio: streams between two of ours, and with py-libp2p's own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import cast

import pytest
import trio
import trio.testing
from libp2p import new_host as stock_host
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.host.basic_host import BasicHost
from libp2p.network.exceptions import SwarmException
from libp2p.network.stream.exceptions import StreamEOF, StreamReset
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from multiaddr import Multiaddr

from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.network.host import new_host
from jiaozi_node.network.transport.yamux import MAX_STREAMS

pytestmark = pytest.mark.trio

ECHO = TProtocol("/echo/1")
ANY = Multiaddr("/ip4/127.0.0.1/tcp/0")
MAKERS: dict[str, Callable[[], BasicHost]] = {
    "ours": lambda: new_host(PrivateKey.generate()),
    "py-libp2p": lambda: cast("BasicHost", stock_host()),
}
PAIRS = [("ours", "ours"), ("ours", "py-libp2p"), ("py-libp2p", "ours")]


@asynccontextmanager
async def running(host: BasicHost) -> AsyncIterator[BasicHost]:
    async with host.run(listen_addrs=[ANY]):
        yield host


async def echo(stream: INetStream) -> None:
    try:
        while True:
            await stream.write(await stream.read(50_000))
    except StreamEOF:
        await stream.close()


async def met(here: BasicHost, there: BasicHost) -> None:
    await here.connect(PeerInfo(there.get_id(), there.get_addrs()))


def both(names: tuple[str, str]) -> "AbstractAsyncContextManager[tuple[BasicHost, BasicHost]]":
    @asynccontextmanager
    async def made() -> AsyncIterator[tuple[BasicHost, BasicHost]]:
        async with running(MAKERS[names[0]]()) as here, running(MAKERS[names[1]]()) as there:
            there.set_stream_handler(ECHO, echo)
            await met(here, there)
            yield here, there

    return made()


@pytest.mark.parametrize("names", PAIRS, ids=" dials ".join)
async def test_what_is_sent_comes_back(names: tuple[str, str]) -> None:
    data = bytes(range(256)) * 4096 * 3
    async with both(names) as (here, there), trio.open_nursery() as nursery:
        stream = await here.new_stream(there.get_id(), [ECHO])

        async def send() -> None:
            for at in range(0, len(data), 100_000):
                await stream.write(data[at : at + 100_000])
            await stream.close()

        nursery.start_soon(send)
        got = b""
        while len(got) < len(data):
            got += await stream.read(70_000)
        assert got == data
        with pytest.raises(StreamEOF):
            await stream.read(1)


@pytest.mark.parametrize("names", PAIRS, ids=" dials ".join)
async def test_many_streams_at_once(names: tuple[str, str]) -> None:
    async with both(names) as (here, there), trio.open_nursery() as nursery:

        async def ask(number: int) -> None:
            stream = await here.new_stream(there.get_id(), [ECHO])
            text = b"stream %d" % number * 100
            await stream.write(text)
            got = b""
            while len(got) < len(text):
                got += await stream.read(1000)
            assert got == text
            await stream.close()

        for number in range(40):
            nursery.start_soon(ask, number)


async def test_a_reset_is_told_to_who_waits() -> None:
    async with both(("ours", "ours")) as (here, there):

        async def refuse(stream: INetStream) -> None:
            await stream.read(1)
            await stream.reset()

        there.set_stream_handler(TProtocol("/no/1"), refuse)
        stream = await here.new_stream(there.get_id(), [TProtocol("/no/1")])
        await stream.write(b"x")
        with pytest.raises(StreamReset):
            await stream.read(1)


async def test_a_connection_that_ends_wakes_who_waits() -> None:
    async with both(("ours", "ours")) as (here, there):
        stream = await here.new_stream(there.get_id(), [ECHO])
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                with pytest.raises((StreamReset, StreamEOF)):
                    await stream.read(1)

            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked(0.05)
            nursery.start_soon(there.disconnect, here.get_id())


async def test_somebody_else_is_refused() -> None:
    async with running(MAKERS["ours"]()) as here, running(MAKERS["ours"]()) as there:
        other = ID.from_pubkey(stock_host().get_public_key())
        with pytest.raises(SwarmException):
            await here.connect(PeerInfo(other, there.get_addrs()))
        assert here.get_network().connections == {}


async def test_streams_have_a_cap() -> None:
    async with both(("ours", "ours")) as (here, there):
        [connection] = here.get_network().connections[there.get_id()]
        opened = [await connection.new_stream() for _ in range(MAX_STREAMS)]
        with pytest.raises(Exception, match="streams of a connection"):
            await connection.new_stream()
        for stream in opened:
            await stream.reset()
        assert await connection.new_stream()


async def test_who_does_not_read_holds_up_nobody_else() -> None:
    async with both(("ours", "ours")) as (here, there), trio.open_nursery() as nursery:
        stuck: list[INetStream] = []

        async def never(stream: INetStream) -> None:
            stuck.append(stream)
            await trio.sleep_forever()

        there.set_stream_handler(TProtocol("/stuck/1"), never)
        first = await here.new_stream(there.get_id(), [TProtocol("/stuck/1")])
        nursery.start_soon(partial(first.write, bytes(10_000_000)))
        second = await here.new_stream(there.get_id(), [ECHO])
        await second.write(b"still here")
        assert await second.read(100) == b"still here"
        nursery.cancel_scope.cancel()
