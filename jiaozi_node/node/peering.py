"""The node's peers as the daemon sees them: begun and ended with it, called from its loop.

What runs on trio is ``network``; this stands on asyncio's side of the bridge. It fetches blocks for
readers (see `fetch.Exchange`) and keeps what comes, and lets peers have what turns public.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

import trio

from jiaozi_node.dag.walk import Need
from jiaozi_node.errors import JiaoziError, Malformed, Refused
from jiaozi_node.formats.block import Block
from jiaozi_node.network.bitswap import Fetching
from jiaozi_node.network.peers import DIAL_S, Connection, Peers
from jiaozi_node.node import keyring
from jiaozi_node.node.bridge import Bridge, GuestBridge
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.supply import PublicSupply
from jiaozi_node.stores.api import Family

Answer = TypeVar("Answer")

START_S: Final = 15.0
MAX_UNKEPT_BYTES: Final = 32 * 1024 * 1024  # fetched and not written yet, before readers wait
MAX_CAME_BYTES: Final = 48 * 1024 * 1024
LOOK_EVERY_S: Final = 0.5  # whether blocks that peers wait for have turned public
LOOKED_AT: Final = 10_000  # of them each time
MAX_KEPT_PEERS: Final = 256

_TCP: Final = re.compile(r"/(ip4|ip6|dns4|dns6|dns)/[^/]+/tcp/[0-9]{1,5}\Z")
_log = logging.getLogger(__name__)


class PrivateNetwork(Refused):
    """The home has a key of a private network, and this version would speak in the open."""

    def __init__(self) -> None:
        super().__init__(
            "the node home has a swarm.key, and private networks are not in this version: "
            "take it away, or run the daemon with --offline"
        )


def listen_on(home: LocalHome) -> list[str]:
    """Return the addresses of ``Addresses.Swarm`` that can be listened on; tell of the others."""
    found = home.config.find("Addresses.Swarm", [])
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Malformed("Addresses.Swarm in the configuration is not a list of addresses")
    for text in texts:
        if not _TCP.match(text):
            _log.warning("Addresses.Swarm: %s is passed over: of TCP only", text)
    return [text for text in texts if _TCP.match(text)]


def kept_peers(home: LocalHome) -> list[str]:
    """Return where the peers of ``Peering.Peers`` are, to whom we stay connected."""
    found = home.config.find("Peering.Peers", [])
    if not isinstance(found, list) or len(found) > MAX_KEPT_PEERS:
        raise Malformed("Peering.Peers in the configuration is not a list of peers")
    kept = []
    for one in found:
        if not isinstance(one, dict) or not isinstance(one.get("ID"), str):
            raise Malformed("Peering.Peers in the configuration holds what is no peer")
        kept += [f"{address}/p2p/{one['ID']}" for address in one.get("Addrs") or [] if address]
    return kept


class Peering:
    """The peers of *home*, at work; made by `begun`."""

    def __init__(self, home: LocalHome, bridge: Bridge, peers: Peers) -> None:
        self._home, self._bridge, self._peers = home, bridge, peers
        self._fetching: dict[Family, Fetching] = {}
        self._unkept: dict[Family, list[Block]] = {}
        self._unkept_bytes = 0
        self._unkept_keys: set[bytes] = set()
        # What came last: it may not be on disk yet, and is not asked for again so soon.
        self._came: dict[tuple[Family, bytes], Block] = {}
        self._came_bytes = 0
        self._room = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def ended(self) -> "asyncio.Future[BaseException | None]":
        """Done when the peers' side is: with its fault, or None."""
        return self._bridge.ended

    # ---- blocks

    async def fetch(self, need: Need, family: Family) -> Block:
        """See `fetch.Exchange`; raises `NotFetched` when no peer has the block."""
        while self._unkept_bytes > MAX_UNKEPT_BYTES:
            self._room.clear()
            await self._room.wait()
        came = self._came.get((family, need.cid.multihash))
        if came is not None:
            if not self._home.segments.has([came.cid])[0]:  # not yet, or collected meanwhile
                self._write_soon(family, came)
            return Block(need.cid, came.data)
        block = await self._bridge.call(self._get, need, family, deadline_s=3600.0)
        self._keep(family, block)
        return block

    def asking(self) -> Callable[[Need], Block]:
        """Return what fetches a block for a thread, and waits for it there.

        What it returns is durable: a command may go on to name it.
        """
        loop = asyncio.get_running_loop()

        async def kept(need: Need) -> Block:
            block = await self.fetch(need, Family.PUBLIC)
            while block.cid.multihash in self._unkept_keys:
                self._room.clear()
                await self._room.wait()
            return block

        def ask(need: Need) -> Block:
            return asyncio.run_coroutine_threadsafe(kept(need), loop).result()

        return ask

    async def _get(self, need: Need, family: Family) -> Block:
        fetching = self._fetching.get(family)
        if fetching is None:
            spare = partial(self._bridge.to_asyncio_with, self._keep, family)
            fetching = self._fetching[family] = self._peers.bitswap.fetching(spare=spare)
        soon = [cid for cid in need.soon if (family, cid.multihash) not in self._came]
        fresh = [cid for cid in soon if not fetching.asked(cid)]
        here = self._home.segments.has(fresh)
        return await fetching.get(
            need.cid, [cid for cid, had in zip(fresh, here, strict=True) if not had]
        )

    def _keep(self, family: Family, block: Block) -> None:
        """Have *block* at hand for a while, and written soon.

        Who asks again for what has just come may get no answer: boxo takes it for being sent.
        """
        key = family, block.cid.multihash
        if key in self._came:
            return
        self._came[key] = block
        self._came_bytes += len(block.data)
        while self._came_bytes > MAX_CAME_BYTES:
            self._came_bytes -= len(self._came.pop(next(iter(self._came))).data)
        self._write_soon(family, block)

    def _write_soon(self, family: Family, block: Block) -> None:
        """Have *block* written: it can be fetched again, so nobody need wait for that."""
        if block.cid.multihash in self._unkept_keys:
            return
        self._unkept.setdefault(family, []).append(block)
        self._unkept_keys.add(block.cid.multihash)
        self._unkept_bytes += len(block.data)
        if self._keeping is None:
            self._keeping = asyncio.ensure_future(self._keep_all())

    async def _keep_all(self) -> None:
        try:
            while self._unkept:
                family, blocks = self._unkept.popitem()
                try:
                    await asyncio.to_thread(self._write, family, blocks)
                except (JiaoziError, OSError):  # they were handed over; only the copy is lost
                    _log.exception("fetched blocks could not be kept")
                self._unkept_bytes -= sum([len(block.data) for block in blocks])
                self._unkept_keys.difference_update([block.cid.multihash for block in blocks])
                self._room.set()
        finally:
            self._keeping = None

    def _write(self, family: Family, blocks: Sequence[Block]) -> None:
        with self._home.blocks.writer(family) as writer:
            writer.put(blocks)

    def turned_public(self, multihashes: Sequence[bytes]) -> None:
        """Let peers have the blocks of *multihashes*, if they wait for them."""
        if not self.ended.done():
            self._bridge.to_trio(partial(self._peers.bitswap.appeared, list(multihashes)))

    async def _look(self) -> None:
        """Let peers have blocks that have turned public, or come, since they asked. On trio."""
        bitswap, supply = self._peers.bitswap, PublicSupply(self._home.segments)
        while True:
            await trio.sleep(LOOK_EVERY_S)
            waiting = bitswap.machine.waiting(LOOKED_AT)
            here = [one for one in waiting if supply.size(one) is not None]
            if here:
                bitswap.appeared(here)

    # ---- peers

    @property
    def addresses(self) -> list[str]:
        """Where we listen, each with our peer id."""
        return self._peers.addresses

    async def do(
        self, work: Callable[[Peers], Awaitable[Answer]], deadline_s: float = 3600.0
    ) -> Answer:
        """Have *work* done on the peers' side."""
        return await self._bridge.call(work, self._peers, deadline_s=deadline_s)

    async def connections(self) -> list[Connection]:
        """Return all connections."""

        async def work(peers: Peers) -> list[Connection]:
            return peers.connections()

        return await self.do(work)

    async def connect(self, text: str, timeout_s: float = DIAL_S) -> str:
        """See `Peers.connect`."""
        return await self.do(lambda peers: peers.connect(text, timeout_s))

    async def disconnect(self, text: str) -> str:
        """See `Peers.disconnect`."""
        return await self.do(lambda peers: peers.disconnect(text))

    def from_threads(self) -> "PeersFromThreads":
        """Return the same for handlers, which wait on threads."""
        return PeersFromThreads(self, asyncio.get_running_loop())

    def pings(self, text: str, count: int) -> AsyncGenerator[list[float], None]:
        """See `Peers.ping`; in batches."""
        return self._bridge.stream(self._peers.ping, text, count)

    async def _resident(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._peers.run)
            await self._peers.started.wait()
            nursery.start_soon(self._look)

    async def close(self) -> None:
        """Write what is unwritten."""
        while self._keeping is not None:
            await asyncio.wait({self._keeping})


class PeersFromThreads:
    """See `commands.declare.SeesPeers`."""

    def __init__(self, peering: Peering, loop: asyncio.AbstractEventLoop) -> None:
        self._peering, self._loop = peering, loop

    def addresses(self) -> list[str]:
        """Return where we listen, each with our peer id."""
        return self._peering.addresses

    def connections(self) -> list[Connection]:
        """Return all connections."""
        return self._wait(self._peering.connections())

    def connect(self, text: str) -> str:
        """See `Peers.connect`."""
        return self._wait(self._peering.connect(text))

    def disconnect(self, text: str) -> str:
        """See `Peers.disconnect`."""
        return self._wait(self._peering.disconnect(text))

    def ping(self, text: str, count: int) -> Iterator[float]:
        """See `Peers.ping`."""
        pings = self._peering.pings(text, count)
        try:
            while True:
                try:
                    yield from self._wait(anext(pings))
                except StopAsyncIteration:
                    return
        finally:
            self._wait(pings.aclose())

    def _wait(self, work: Awaitable[Answer]) -> Answer:
        async def waiting() -> Answer:
            return await work

        return asyncio.run_coroutine_threadsafe(waiting(), self._loop).result()


@asynccontextmanager
async def begun(home: LocalHome, way: type[Bridge] = GuestBridge) -> AsyncIterator[Peering]:
    """Have the peers of *home* at work for the span of an ``async with``."""
    if (home.path / "swarm.key").exists():
        raise PrivateNetwork
    supply = PublicSupply(home.segments)
    peers = Peers(keyring.own(home), supply, listen_on(home), kept_peers(home))
    held: list[Peering] = []

    async def resident() -> None:
        await held[0]._resident()

    bridge = way(resident)
    peering = Peering(home, bridge, peers)
    held.append(peering)
    async with bridge:
        started = asyncio.ensure_future(bridge.call(peers.started.wait, deadline_s=START_S))
        both: set[asyncio.Future[Any]] = {started, bridge.ended}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if bridge.ended.done() and (fault := bridge.ended.result()) is not None:
            started.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await started
            raise fault
        await started
        loop = asyncio.get_running_loop()

        def told(multihashes: Sequence[bytes]) -> None:
            loop.call_soon_threadsafe(peering.turned_public, multihashes)

        home.when_public.append(told)
        try:
            yield peering
        finally:
            home.when_public.remove(told)
            await peering.close()
