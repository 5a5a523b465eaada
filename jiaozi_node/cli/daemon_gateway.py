"""The daemon's gateway: its listeners, and the file ``gateway`` that tells tools their URL."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from jiaozi_node.cli.memory import reuse_freed
from jiaozi_node.commands.ipfs.go_text import duration_s
from jiaozi_node.http.gateway.gateway import Gateway
from jiaozi_node.http.gateway.names import HomeNames
from jiaozi_node.http.gateway.settings import settings_of
from jiaozi_node.http.gateway.target import MAX_LINE_BYTES
from jiaozi_node.http.gateway.wiring import Wiring
from jiaozi_node.http.guard import Door
from jiaozi_node.http.listening import Listener, begin_all, wanted
from jiaozi_node.node.fetch import Fetch
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.stores.atomic import replace_file


@asynccontextmanager
async def gateway(
    home: LocalHome, fetch: Fetch, left_s: Callable[[], float], environ: Mapping[str, str]
) -> AsyncIterator[list[Listener]]:
    """Serve the gateway on ``Addresses.Gateway``; *left_s* says how long its end may take."""
    reuse_freed()
    config = home.config
    settings = settings_of(config.shown(), duration_s)
    fetch.timeout_s = settings.retrieval_s
    names = HomeNames(home, environ, time.time)
    served = Gateway(fetch, settings, Wiring(names=names))
    door = Door(served, line_bytes=MAX_LINE_BYTES, quick=served.quick)
    key = "Addresses.Gateway"
    listeners = await begin_all(door, wanted(key, config.find(key)))
    file = home.path / "gateway"
    try:
        urls = [one.address.url for one in listeners if one.address.port]
        if urls:
            await asyncio.to_thread(replace_file, file, urls[0].encode(), 0o644)
        yield listeners
    finally:
        with contextlib.suppress(FileNotFoundError):
            file.unlink()
        for one in listeners:
            one.close()
        await door.shut(left_s())
        names.close()
