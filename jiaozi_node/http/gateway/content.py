"""Bytes with a name, a type and an Etag: conditions, ranges, and what is sent of them.

Files, raw blocks and documents of codecs are all answered here.
"""

import os
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from jiaozi_node.http.gateway import conditions
from jiaozi_node.http.gateway.asked import Asked, Reply, answer
from jiaozi_node.http.gateway.problem import Problem
from jiaozi_node.http.gateway.ranges import Span, spans
from jiaozi_node.http.gateway.sending import Part, send
from jiaozi_node.http.quick import Whole

# Bytes of a span, in pieces.
Pieces = Callable[[Span], AsyncGenerator[Part, None]]


@dataclass(frozen=True, slots=True)
class Content:
    """*size* bytes under *etag*: *data* when all of them are at hand, else had by *pieces*.

    *modified* is the time that the content itself records, in Unix seconds.
    """

    size: int
    etag: str
    modified: int | None = None
    data: Part | None = None
    pieces: Pieces | None = None

    def span(self, span: Span) -> AsyncGenerator[Part, None]:
        """Yield the bytes of *span*."""
        if self.pieces is not None:
            return self.pieces(span)
        data = self.data if self.data is not None else b""
        return _once(data[span.start : span.start + span.length])


async def _once(data: Part) -> AsyncGenerator[Part, None]:
    yield data


async def serve(asked: Asked, content: Content) -> Reply:
    """Answer with *content* or the part of it that is asked for; ``Content-Type`` is set before."""
    given, headers = asked.request.headers, asked.headers
    headers["Etag"] = content.etag
    if content.modified is not None:
        headers["Last-Modified"] = conditions.http_date(content.modified)
    if conditions.fails(given, content.etag, content.modified):
        raise Problem(412, "the content is not in the state that the request asks for")
    if conditions.unchanged(given, content.etag, content.modified):
        return not_modified(asked)
    wanted: list[Span] = []
    if "Range" in given and conditions.range_holds(given, content.etag, content.modified):
        wanted = spans(given["Range"], content.size)
    headers["Accept-Ranges"] = "bytes"
    if len(wanted) > 1:
        return await _several(asked, content, wanted)
    status = 200
    span = Span(0, content.size)
    if wanted:
        status, span = 206, wanted[0]
        headers["Content-Range"] = span.of(content.size)
    if asked.is_head:
        return answer(asked, status, b"", {"Content-Length": str(span.length)})
    if content.data is not None:
        return answer(asked, status, bytes(content.data[span.start : span.start + span.length]))
    if not span.length:
        return answer(asked, status)
    return await send(asked, status, content.span(span), span.length)


def not_modified(asked: Asked) -> Whole:
    """Answer that the client has it already."""
    headers = asked.headers
    for name in ("Content-Type", "Content-Disposition", "Last-Modified", "Content-Length"):
        headers.pop(name, None)
    return answer(asked, 304)


async def _several(asked: Asked, content: Content, wanted: list[Span]) -> Reply:
    """Answer with several ranges, a part of ``multipart/byteranges`` for each."""
    boundary = f"jiaozi-{os.urandom(12).hex()}"
    media = asked.headers["Content-Type"]
    heads = [
        f"\r\n--{boundary}\r\nContent-Type: {media}\r\n"
        f"Content-Range: {span.of(content.size)}\r\n\r\n".encode()
        for span in wanted
    ]
    end = f"\r\n--{boundary}--\r\n".encode()
    length = sum(map(len, heads)) + sum([span.length for span in wanted]) + len(end)
    asked.headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    if asked.is_head:
        return answer(asked, 206, b"", {"Content-Length": str(length)})
    parts = _parts(content, zip(heads, wanted, strict=True), end)
    return await send(asked, 206, parts, length)


async def _parts(
    content: Content, wanted: Iterable[tuple[bytes, Span]], end: bytes
) -> AsyncGenerator[Part, None]:
    for head, span in wanted:
        yield head
        async for piece in content.span(span):
            yield piece
    yield end


SANDBOX: Final = (
    "sandbox allow-scripts allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox"
    " allow-downloads"
)
