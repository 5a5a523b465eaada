"""An answer that is at hand whole: one write, where aiohttp's own way costs more than the reading.

It stands in for a `StreamResponse` that was prepared and ended. Head and body go out as chunked
HTTP/1.1, as every answer of the RPC does, so a client can't tell it from one that was streamed.
"""

import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter


class Whole(web.StreamResponse):
    """A 200 with *headers* and *body*, for a request of HTTP/1.1."""

    def __init__(self, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status=HTTPStatus.OK)
        self._given, self._whole = headers, body
        self._sent = False

    @property
    def body_length(self) -> int:
        """The bytes that went out behind the head."""
        return len(self._whole)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write everything, waiting only for a client that is behind."""
        if self._sent:
            return None
        self._sent = True
        keep = bool(request.keep_alive) and self._keep_alive is not False
        self._keep_alive = keep
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client went away")
        lines = [f"{name}: {value}\r\n" for name, value in self._given.items()]
        close = "" if keep else "Connection: close\r\n"
        body = self._whole
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        head = (
            f"HTTP/1.1 200 OK\r\n{''.join(lines)}Transfer-Encoding: chunked\r\n"
            f"Date: {_date()}\r\n{close}\r\n"
        ).encode("utf-8", "surrogateescape")
        transport.write(b"".join((head, chunk, b"0\r\n\r\n")))
        await request.writer.drain()
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: the end is out."""


_dated = (0, "")


def _date() -> str:
    """Return the present moment as HTTP writes it, made once a second."""
    global _dated
    now = int(time.time())
    if _dated[0] != now:
        _dated = (now, formatdate(now, usegmt=True))
    return _dated[1]
