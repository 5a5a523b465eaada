"""The peers of one node: who is connected, dialling and letting go, pings, and bitswap with them.

All of it runs on trio; ``node/peering.py`` calls it from the daemon's loop. Nobody is dialled but
whom the user, or a `Peering.Peers` entry of the configuration, names.
"""

import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import trio
from libp2p.abc import INetConn, INetStream
from libp2p.custom_types import TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.basic_host import BasicHost
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from multiaddr import Multiaddr
from multiaddr.exceptions import Error as MultiaddrError

from jiaozi_node.errors import JiaoziError, Malformed, NotFound, Unavailable
from jiaozi_node.exchange.serving import Supply
from jiaozi_node.formats.key_types import SignKey
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.network.bitswap import BitswapService
from jiaozi_node.network.host import new_host

DIAL_S: Final = 15.0
PING_S: Final = 10.0
PING_BYTES: Final = 32
REDIAL_S: Final = (5.0, 10.0, 30.0, 60.0, 300.0)  # waits between dials of a peer to be kept
MAX_ADDRESS_CHARS: Final = 1024

_PING = TProtocol("/ipfs/ping/1.0.0")
_log = logging.getLogger(__name__)


class BadAddress(Malformed):
    """Text that is no address at which a peer could be dialled."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"invalid peer address {text[:100]!r}: {why}")
        self.text = text


class NotDialled(Unavailable):
    """A peer could not be reached; *tried* says where, and what came of it."""

    def __init__(self, peer: str, tried: Sequence[str], waited_s: float) -> None:
        where = "; ".join(tried) or "no address of it is known"
        super().__init__(f"failed to dial {peer} in {waited_s:.1f} s: {where}")
        self.peer, self.tried, self.waited_s = peer, tuple(tried), waited_s


class NotConnected(NotFound):
    """A peer that should be connected isn't."""

    def __init__(self, peer: str) -> None:
        super().__init__(f"not connected to {peer}")
        self.peer = peer


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection: *inbound* when they dialled us; *protocols* of its open streams."""

    peer: str
    address: str
    inbound: bool
    muxer: str
    protocols: tuple[str, ...] = ()


def peer_address(text: str) -> tuple[PeerId, Multiaddr | None]:
    """Read ``/ip4/…/tcp/…/p2p/ID``, or a bare peer id, whose addresses must be known.

    Raises `BadAddress`.
    """
    if len(text) > MAX_ADDRESS_CHARS:
        raise BadAddress(text, f"it has {len(text)} characters, over {MAX_ADDRESS_CHARS}")
    if not text.startswith("/"):
        try:
            return PeerId.parse(text), None
        except Malformed as fault:
            raise BadAddress(text, str(fault)) from None
    head, found, name = text.rpartition("/p2p/")
    if not found:
        raise BadAddress(text, "it doesn't end with /p2p/ and a peer id")
    try:
        peer = PeerId.parse(name.rstrip("/"))
        return peer, Multiaddr(head) if head else None
    except Malformed as fault:
        raise BadAddress(text, str(fault)) from None
    except (MultiaddrError, ValueError) as fault:
        raise BadAddress(text, str(fault)) from None


class Peers:
    """The peers of the node with *key*; *listen* are its addresses, of TCP alone."""

    def __init__(
        self, key: SignKey, supply: Supply, listen: Sequence[str], kept: Sequence[str] = ()
    ) -> None:
        self.host: BasicHost = new_host(key)
        self.bitswap = BitswapService(self.host, supply)
        self._listen = [Multiaddr(text) for text in listen]
        self._kept = kept
        self.started = trio.Event()

    async def run(self) -> None:
        """Listen, serve and keep connections until cancelled."""
        async with self.host.run(listen_addrs=self._listen), trio.open_nursery() as nursery:
            await nursery.start(self.bitswap.run)
            for text in self._kept:
                nursery.start_soon(self._keep, text)
            self.started.set()

    @property
    def addresses(self) -> list[str]:
        """Where we listen, each with our peer id."""
        return [str(address) for address in self.host.get_addrs()]

    # ---- connections

    def connections(self) -> list[Connection]:
        """Return all connections, in order of peers."""
        network = self.host.get_network()
        found = [_shown(one) for held in network.connections.values() for one in held]
        return sorted(found, key=lambda one: (one.peer, one.address))

    async def connect(self, text: str, timeout_s: float = DIAL_S) -> str:
        """Connect to the peer at an address; return its id. Raises `BadAddress`, `NotDialled`."""
        peer, address = peer_address(text)
        return await self._dial(peer, address, timeout_s)

    async def _dial(self, peer: PeerId, address: Multiaddr | None, timeout_s: float) -> str:
        target = ID(peer.multihash)
        name = str(target)
        if name == str(self.host.get_id()):
            raise NotDialled(name, ["it is this node"], 0.0)
        began = trio.current_time()
        tried = [] if address is None else [str(address)]
        known = [] if address is None else [address]
        try:
            with trio.fail_after(timeout_s):
                await self.host.connect(PeerInfo(target, known))
        except trio.TooSlowError:
            tried.append("no answer in time")
        except (BaseLibp2pError, OSError, ValueError) as fault:
            tried += _reasons(fault)
        if self.host.get_network().connections.get(target):
            return name
        raise NotDialled(name, tried, trio.current_time() - began)

    async def disconnect(self, text: str) -> str:
        """Close all connections to a peer; return its id. Raises `NotConnected`, `BadAddress`."""
        peer, _ = peer_address(text)
        target = ID(peer.multihash)
        if not self.host.get_network().connections.get(target):
            raise NotConnected(str(target))
        await self.host.disconnect(target)
        return str(target)

    async def _keep(self, text: str) -> None:
        """Stay connected to the peer at *text*, dialling again when it is gone."""
        failures = 0
        while True:
            try:
                name = await self.connect(text)
                failures = 0
                target = ID.from_string(name)
                while self.host.get_network().connections.get(target):
                    await trio.sleep(REDIAL_S[0])
            except JiaoziError as fault:
                _log.info("%s", fault)
            await trio.sleep(REDIAL_S[min(failures, len(REDIAL_S) - 1)])
            failures += 1

    # ---- what peers say of themselves

    def about(self, text: str) -> dict[str, Any]:
        """Return what is known of a peer: protocols, addresses, agent; raises `BadAddress`."""
        peer, _ = peer_address(text)
        target, known = ID(peer.multihash), self.host.get_peerstore()
        with contextlib.suppress(BaseLibp2pError):
            return {
                "peer": str(target),
                "protocols": sorted(map(str, known.get_protocols(target))),
                "addresses": sorted(map(str, known.addrs(target))),
            }
        return {"peer": str(target), "protocols": [], "addresses": []}

    async def ping(self, text: str, count: int) -> AsyncGenerator[float, None]:
        """Yield how many seconds each of *count* pings took; -1 for one that was lost.

        Dials a peer that isn't connected. Raises `NotDialled`.
        """
        peer, address = peer_address(text)
        await self._dial(peer, address, DIAL_S)
        stream = await self._ping_stream(peer)
        try:
            for number in range(count):
                if number:
                    await trio.sleep(1)
                yield await _pinged(stream)
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(1):
                await stream.reset()

    async def _ping_stream(self, peer: PeerId) -> INetStream:
        try:
            with trio.fail_after(PING_S):
                return await self.host.new_stream(ID(peer.multihash), [_PING])
        except (BaseLibp2pError, trio.TooSlowError) as fault:
            raise Unavailable(f"{peer} answers no pings: {fault}") from None


async def _pinged(stream: INetStream) -> float:
    data = (
        trio.lowlevel.current_clock().current_time().hex().encode().ljust(PING_BYTES)[:PING_BYTES]
    )
    began = time.perf_counter()
    got = b""
    with trio.move_on_after(PING_S), contextlib.suppress(BaseLibp2pError):
        await stream.write(data)
        while len(got) < PING_BYTES:
            got += await stream.read(PING_BYTES - len(got))
    return time.perf_counter() - began if got == data else -1.0


def _shown(connection: INetConn) -> Connection:
    muxed = connection.muxed_conn
    addresses = connection.get_transport_addresses()
    protocols = [str(one.get_protocol()) for one in connection.get_streams() if one.get_protocol()]
    return Connection(
        peer=str(muxed.peer_id),
        address=str(addresses[0]) if addresses else "",
        inbound=not muxed.is_initiator,
        muxer=str(getattr(muxed, "negotiated_muxer_protocol", "")),
        protocols=tuple(sorted(protocols)),
    )


def _reasons(fault: BaseException) -> list[str]:
    """Say what came of a dial: the innermost causes, each once."""
    causes = [fault.__cause__] if fault.__cause__ is not None else []
    causes += list(getattr(fault.__cause__, "exceptions", ()))
    leaves = [str(one) for one in causes if str(one) and not isinstance(one, SwarmException)]
    return list(dict.fromkeys(leaves)) or [str(fault)]
