"""A gateway over a home of the test's own; ``serving`` makes one with settings or wiring."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest_asyncio

from jiaozi_node.http.gateway.gateway import Gateway
from jiaozi_node.http.gateway.settings import Settings
from jiaozi_node.http.gateway.wiring import Wiring
from jiaozi_node.node.fetch import Exchange, Fetch
from jiaozi_node.node.local_home import LocalHome
from tests.http.gateway.wire import Node, listen

Serving = Callable[..., Awaitable[Node]]


@pytest_asyncio.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    ends: list[Callable[[], Awaitable[Any]]] = []

    async def make(
        settings: Settings | None = None,
        wiring: Wiring | None = None,
        exchange: Exchange | None = None,
    ) -> Node:
        home = LocalHome.create(tmp_path / f"home{len(ends)}")
        fetch = Fetch(lambda: home.segments, exchange=exchange)
        gateway = Gateway(fetch, settings, wiring)
        server, door, port = await listen(home, gateway)

        async def end() -> None:
            server.close()
            await door.shut(5)
            fetch.close()
            home.close()

        ends.append(end)
        return Node(home, fetch, gateway, port)

    yield make
    for end in ends:
        await end()


@pytest_asyncio.fixture
async def node(serving: Serving) -> Node:
    return await serving()
