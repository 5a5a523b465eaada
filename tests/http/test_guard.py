"""Connections that keep us waiting are closed, those that we keep waiting are not; and counted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from jiaozi_node.http.guard import Door, Handler

pytestmark = pytest.mark.asyncio

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


async def _read_all(request: web.BaseRequest) -> web.StreamResponse:
    body = await request.read()
    return web.Response(body=b"%d" % len(body))


@asynccontextmanager
async def listening(handler: Handler = _read_all, **limits: float) -> AsyncIterator[int]:
    door = Door(handler, **limits)  # type: ignore[arg-type]
    server = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await door.server.shutdown(0)


@pytest.mark.parametrize(
    "sent",
    [
        b"",  # silent from the beginning
        b"POST / HT",  # half a request line
        HEAD,  # headers that never end
        HEAD + b"Content-Length: 5\r\n\r\nab",  # half a body
        HEAD + b"\r\n" + HEAD,  # an answer, and then half a head
        HEAD + b"\r\n",  # an answer, and then nothing
    ],
    ids=["silent", "line", "headers", "body", "second", "idle"],
)
async def test_whoever_keeps_us_waiting_is_let_go(sent: bytes) -> None:
    async with listening(header_s=0.05, body_s=0.05, idle_s=0.05) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        got = await reader.read()  # to the end: the node closes
        assert got.count(b"200 OK") == (HEAD + b"\r\n" in sent)
        writer.close()


async def test_a_body_that_trickles_is_waited_for() -> None:
    """Each piece gives more time; all of it takes longer than one pause may."""
    async with listening(header_s=5, body_s=0.3, idle_s=5) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        loop = asyncio.get_running_loop()
        started = loop.time()
        writer.write(HEAD + b"Content-Length: 1000000\r\n\r\n")
        sent = 0
        while loop.time() - started < 0.6:
            writer.write(b"x")
            sent += 1
            await asyncio.sleep(0)
        writer.write(b"x" * (1_000_000 - sent))
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        writer.close()


async def test_a_handler_that_takes_its_time_is_not_the_clients_fault() -> None:
    async def slow(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.4)  # the time that passes is what is tested
        return web.Response()

    async with listening(slow, header_s=0.05, body_s=0.05, idle_s=0.05) as port:
        for body in (b"\r\n", b"Content-Length: 1\r\n\r\nx"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HEAD + body)
            assert b"200 OK" in await reader.read()
            writer.close()


async def test_who_takes_nothing_of_an_answer_is_cut_off() -> None:
    """Else a worker that wants to send it would wait for ever."""
    over = asyncio.Event()

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(64 * 1024))
        finally:
            over.set()

    async with listening(endless, write_s=0.1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(HEAD + b"\r\n")
        await over.wait()
        got = await reader.read()
        assert b"chunked" in got
        assert not got.endswith(b"\r\n0\r\n\r\n")  # cut off, and so not to be taken for whole
        writer.close()


async def test_who_takes_an_answer_slowly_gets_all_of_it() -> None:
    size = 4 * 1024 * 1024

    async def large(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(size // 65536):
            await response.write(bytes(65536))
        return response

    async with listening(large, write_s=0.2, idle_s=60) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65536)
        writer.write(HEAD + b"Connection: close\r\n\r\n")
        got = 0
        loop = asyncio.get_running_loop()
        began = loop.time()
        while data := await reader.read(65536):
            got += len(data)
            while loop.time() - began < 0.5 * got / size:  # takes longer than a pause may
                await asyncio.sleep(0)
        assert got > size
        writer.close()


async def test_connections_are_counted() -> None:
    async with listening(connections=3, of_one=2) as port:
        first = await asyncio.open_connection("127.0.0.1", port)
        second = await asyncio.open_connection("127.0.0.1", port)
        third, unwanted = await asyncio.open_connection("127.0.0.1", port)
        assert await third.read() == b""
        unwanted.close()
        for reader, writer in (first, second):
            writer.write(HEAD + b"Connection: close\r\n\r\n")
            assert b"200 OK" in await reader.read()
            writer.close()
        again, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"Connection: close\r\n\r\n")
        assert b"200 OK" in await again.read()
        writer.close()


async def test_a_compressed_body_is_not_inflated() -> None:
    async with listening() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope"
        )
        assert (await reader.read()).endswith(b"\r\n\r\n4")
        writer.close()
