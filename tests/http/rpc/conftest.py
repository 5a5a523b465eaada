"""A node that serves the RPC on a port of 127.0.0.1, for tests that speak to it as clients do."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest_asyncio

from jiaozi_node.http.guard import Door
from jiaozi_node.http.rpc.admission import rules_of
from jiaozi_node.http.rpc.engine import Rpc
from jiaozi_node.node.local_home import LocalHome


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes
    trailers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Node:
    """The node's home and the port it listens on."""

    home: LocalHome
    port: int
    rpc: Rpc

    async def send(self, raw: bytes) -> Answer:
        """Send *raw* and read one response to its end, chunks and trailers by hand."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(raw)
        await writer.drain()
        answer = await read(reader)
        writer.close()
        await writer.wait_closed()
        return answer

    async def post(
        self, path: str, body: bytes = b"", method: str = "POST", **headers: str
    ) -> Answer:
        """Send one request to ``/api/v0/`` + *path*; ``_`` in names of headers stands for ``-``."""
        given = {"Host": f"127.0.0.1:{self.port}", "Content-Length": str(len(body))}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        return await self.send(f"{method} /api/v0/{path} HTTP/1.1\r\n{lines}\r\n".encode() + body)


async def read(reader: asyncio.StreamReader, *, head_only: bool = False) -> Answer:
    """Read one response; *head_only* is for the answer to HEAD."""
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
    headers = dict(line.split(": ", 1) for line in lines)
    body = b""
    trailers: dict[str, str] = {}
    if head_only:
        return Answer(int(status.split()[1]), headers, body, trailers)
    if headers.get("Transfer-Encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            assert await reader.readexactly(2) == b"\r\n"
        while (line := (await reader.readline()).decode().strip()) != "":
            name, value = line.split(": ", 1)
            trailers[name] = value
    else:
        body = await reader.readexactly(int(headers.get("Content-Length", "0")))
    return Answer(int(status.split()[1]), headers, body, trailers)


def form(*parts: tuple[str, str, bytes] | tuple[str, str, bytes, str]) -> dict[str, Any]:
    """Return body and Content-Type of an upload of (filename, media type, content[, field])."""
    out = []
    for filename, media, content, *field in parts:
        name = field[0] if field else "file"
        out.append(
            f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
            f"Content-Type: {media}\r\n\r\n".encode()
            + content
            + b"\r\n"
        )
    body = b"".join(out) + b"--b--\r\n"
    return {"body": body, "Content_Type": "multipart/form-data; boundary=b"}


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    home = LocalHome.create(tmp_path / "home")
    rules = rules_of({}, 5001)
    rpc = Rpc(home, lambda: rules, environ={}, at_hand=lambda: home.segments)
    server = await asyncio.get_running_loop().create_server(Door(rpc), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield Node(home, port, rpc)
    server.close()
    assert await rpc.drain(10)
    home.close()
