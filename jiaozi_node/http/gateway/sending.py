"""Bodies on their way: in large writes, and never ended as if whole when they are not.

The first piece goes out at once; small ones behind it are joined, since each write costs as much as
a few KiB. When a block can't be had the connection is closed without the end that HTTP asks for:
the client sees that something is missing.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from aiohttp import web

from jiaozi_node.errors import JiaoziError
from jiaozi_node.http.gateway.asked import Asked, begun
from jiaozi_node.http.quick import QuickRequest
from jiaozi_node.node.fetch import WouldWait

Part = bytes | memoryview

_JOIN_BYTES: Final = 64 * 1024
_TURN_PARTS: Final = 64
_log = logging.getLogger(__name__)


async def send(
    asked: Asked, status: int, parts: AsyncGenerator[Part, None], length: int | None = None
) -> web.StreamResponse:
    """Answer with *parts*, the first of which is had before the status is sent.

    Raises what having the first raises; later faults cut the connection.
    """
    request = asked.request
    if isinstance(request, QuickRequest):
        raise WouldWait
    async with aclosing(parts):
        first = await anext(parts, b"")
        response = begun(asked, status, length)
        await response.prepare(request)
        if asked.is_head:
            await response.write_eof()
            return response
        waiting: list[Part] = [first]
        size = _JOIN_BYTES  # the first waits for nothing
        taken = 0
        try:
            while True:
                taken += 1
                if not taken % _TURN_PARTS:  # blocks held and sockets that take all wait for none
                    await asyncio.sleep(0)
                if size >= _JOIN_BYTES:
                    await _write(response, waiting)
                    waiting, size = [], 0
                part = await anext(parts, None)
                if part is None:
                    break
                if len(part) >= _JOIN_BYTES and waiting:
                    await _write(response, waiting)
                    waiting, size = [], 0
                waiting.append(part)
                size += len(part)
            if waiting:
                await _write(response, waiting)
            await response.write_eof()
        except JiaoziError as fault:
            _log.warning("%s cut short: %s", ascii(asked.path), ascii(str(fault)))
            if waiting:
                await _write(response, waiting)
            cut(asked)
    return response


async def _write(response: web.StreamResponse, parts: list[Part]) -> None:
    data = parts[0] if len(parts) == 1 else b"".join(parts)
    if data:
        await response.write(data)


def cut(asked: Asked, *, at_once: bool = False) -> None:
    """Close the connection in the middle of an answer, *at_once* without what is on its way."""
    transport = asked.request.transport
    if transport is not None:
        if at_once:
            transport.abort()
        else:
            transport.close()
