"""A client that sends exactly what it is told to, and reads answers by hand."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jiaozi_node.formats import car
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.http.gateway.gateway import Gateway
from jiaozi_node.http.gateway.target import MAX_LINE_BYTES
from jiaozi_node.http.guard import Door
from jiaozi_node.node.fetch import Fetch
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.stores.api import Family

VECTORS = Path(__file__).parents[3] / "specs" / "vectors" / "gateway"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as it came; *whole* tells that it ended as HTTP asks for."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool = True

    def __getitem__(self, name: str) -> str:
        return self.headers[name.lower()]

    def get(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(slots=True)
class Node:
    """A home, and a gateway on a port of 127.0.0.1."""

    home: LocalHome
    fetch: Fetch
    gateway: Gateway
    port: int
    sent: list[str] = field(default_factory=list)

    def put(self, *blocks: Block, family: Family = Family.PUBLIC) -> None:
        with self.home.blocks.writer(family) as writer:
            writer.put(blocks)

    def load(self, name: str) -> Cid:
        """Put the blocks of a fixture; return its first root."""
        with (VECTORS / f"{name}.car").open("rb") as file:
            reader = car.read(file)
            self.put(*reader)
            return reader.roots[0]

    async def get(self, target: Any, method: str = "GET", **headers: str) -> Answer:
        """Ask for *target* as it stands; ``_`` in names of headers stands for ``-``."""
        given = {"Host": f"127.0.0.1:{self.port}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        return await self.send(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode(), method)

    async def head(self, target: Any, **headers: str) -> Answer:
        return await self.get(target, "HEAD", **headers)

    async def send(self, raw: bytes, method: str = "GET") -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            return await read(reader, method)
        finally:
            writer.close()
            await writer.wait_closed()


async def read(reader: asyncio.StreamReader, method: str = "GET") -> Answer:
    """Read one response."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "surrogateescape")
    status, *lines = head.split("\r\n")[:-2]
    headers = {}
    for line in lines:
        name, value = line.split(": ", 1)
        assert name.lower() not in headers, line
        headers[name.lower()] = value
    code = int(status.split()[1])
    if method == "HEAD" or code in (204, 304):
        return Answer(code, headers, b"")
    try:
        if headers.get("transfer-encoding") == "chunked":
            body = await _chunks(reader)
            return Answer(code, headers, b"".join(body[:-1]), body[-1] == b"")
        length = int(headers["content-length"])
        return Answer(code, headers, await reader.readexactly(length))
    except asyncio.IncompleteReadError as cut:
        return Answer(code, headers, cut.partial, whole=False)


async def _chunks(reader: asyncio.StreamReader) -> list[bytes]:
    """Read chunks; the last is empty when it came."""
    out: list[bytes] = []
    while line := await reader.readline():
        size = int(line, 16)
        data = await reader.readexactly(size + 2)
        out.append(data[:-2])
        if not size:
            break
    return out or [b"?"]


async def listen(home: LocalHome, gateway: Gateway) -> tuple[asyncio.Server, Door, int]:
    door = Door(gateway, line_bytes=MAX_LINE_BYTES, quick=gateway.quick)
    server = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
    return server, door, server.sockets[0].getsockname()[1]
