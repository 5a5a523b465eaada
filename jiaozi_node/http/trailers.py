"""Trailers behind a chunked answer, which aiohttp can't write: this file alone reaches into it.

It touches three private names: `StreamResponse._payload_writer`, and of `StreamWriter` `_write` and
`_eof`. A test runs them against the newest aiohttp that pyproject.toml lets in.
"""

from collections.abc import Mapping

from aiohttp.http_writer import StreamWriter
from aiohttp.web import StreamResponse


async def end(response: StreamResponse, trailers: Mapping[str, str]) -> None:
    """End a chunked *response* that was prepared, with *trailers* behind its last chunk.

    Line breaks in a value become spaces, as Go writes them.
    """
    writer = response._payload_writer
    if not isinstance(writer, StreamWriter) or not writer.chunked:
        raise RuntimeError("trailers need a chunked response under way")
    lines = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in trailers.items())
    writer.send_headers()
    writer._write(b"0\r\n" + lines.encode("utf-8", "surrogateescape") + b"\r\n")
    writer._eof = True
    await writer.drain()
    await response.write_eof()


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ").replace("\0", " ").strip()
