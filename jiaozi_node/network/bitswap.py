"""Bitswap on py-libp2p: the state machine of ``exchange`` with streams, a clock and waiters.

Each peer has one stream of ours, on which everything to it goes; answers come on streams of its
own. A peer is served and asked once it has agreed on a version, and forgotten with its last
connection. All here runs on trio.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import trio
from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from libp2p.custom_types import TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.basic_host import BasicHost
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.id import ID
from multiaddr import Multiaddr

from jiaozi_node.errors import JiaoziError, Unavailable
from jiaozi_node.exchange.bitswap import Bitswap
from jiaozi_node.exchange.effects import Deliver, Effect, Expel, Fail, Send
from jiaozi_node.exchange.framing import Frames
from jiaozi_node.exchange.message import decode
from jiaozi_node.exchange.serving import Supply
from jiaozi_node.exchange.version import PROTOCOLS
from jiaozi_node.exchange.want import Session
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid

READ_BYTES: Final = 256 * 1024
GREETING_S: Final = 10.0  # how long a peer may take to agree on a version
WRITE_S: Final = 120.0  # how long it may take to read one message
BANNED_S: Final = 600.0  # how long a peer that was let go isn't heard again
MAX_BANNED: Final = 10_000
MAX_SPARE_BYTES: Final = 8 * 1024 * 1024  # blocks of a session that came before they were asked for

_OFFERED: Final = [TProtocol(name) for name in PROTOCOLS]
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Peer:
    """A connected peer; *known* is set when it is known whether it speaks bitswap."""

    known: trio.Event = field(default_factory=trio.Event)
    speaks: bool = False
    send: trio.MemorySendChannel[bytes] | None = None
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)


class Fetching:
    """The wants of one walk, or of several one after the other; close it when it ends."""

    def __init__(
        self, service: "BitswapService", session: Session, spare: Callable[[Block], None] | None
    ) -> None:
        self._service, self._session, self._take_spare = service, session, spare
        self._waiting: dict[bytes, list[_Wait]] = {}
        self._spare: dict[bytes, Block] = {}
        self._spare_bytes = 0
        self._asked: set[bytes] = set()

    async def get(self, cid: Cid, soon: Sequence[Cid] = ()) -> Block:
        """Return the block of *cid*, verified; what is wanted *soon* is asked for along with it.

        Raises `NotFetched`, or `Unavailable` when the service ends.
        """
        await trio.lowlevel.checkpoint()
        if mh.matches(cid.multihash, b""):  # Kubo says that it has none
            return Block(cid, b"")
        raw = cid.raw
        spare = self._spare.pop(raw, None)
        if spare is not None:
            self._spare_bytes -= len(spare.data)
            self._asked.discard(raw)
        fresh = [one for one in soon if one.raw not in self._asked]
        if self._spare_bytes >= MAX_SPARE_BYTES:
            fresh = []
        self._asked.update([one.raw for one in fresh])
        service = self._service
        if spare is not None:
            if fresh:
                service.want(self._session, (), fresh)
            return spare
        wait = _Wait()
        self._waiting.setdefault(raw, []).append(wait)
        service.want(self._session, (cid,), fresh)
        try:
            await wait.over.wait()
        except trio.Cancelled:
            others = self._waiting.get(raw, [])
            if wait in others:
                others.remove(wait)
            if not others:
                self._waiting.pop(raw, None)
                service.cancel(self._session, (cid,))
            raise
        self._asked.discard(raw)
        if wait.fault is not None:
            raise wait.fault
        if wait.block is None:
            raise AssertionError("a wait ended with nothing")
        return wait.block

    def asked(self, cid: Cid) -> bool:
        """Tell whether *cid* was asked for as wanted soon, and hasn't come."""
        return cid.raw in self._asked

    def close(self) -> None:
        """Want nothing more."""
        self._service.close(self._session)
        self._spare.clear()
        self._spare_bytes = 0
        self.end(Unavailable("the fetching was ended"))

    def deliver(self, block: Block) -> None:
        """Take a block that came."""
        raw = block.cid.raw
        waiting = self._waiting.pop(raw, None)
        if waiting is not None:
            for wait in waiting:
                wait.block = block
                wait.over.set()
        elif self._take_spare is not None:
            self._asked.discard(raw)
            self._take_spare(block)
        elif raw in self._asked:
            self._spare[raw] = block
            self._spare_bytes += len(block.data)

    def fail(self, cid: Cid, fault: JiaoziError) -> None:
        """Take note that a block can't be had."""
        self._asked.discard(cid.raw)
        for wait in self._waiting.pop(cid.raw, ()):
            wait.fault = fault
            wait.over.set()

    def end(self, fault: JiaoziError) -> None:
        """Let all who wait know of *fault*."""
        for waiting in list(self._waiting.values()):
            for wait in waiting:
                wait.fault = fault
                wait.over.set()
        self._waiting.clear()


@dataclass(eq=False)
class _Wait:
    over: trio.Event = field(default_factory=trio.Event)
    block: Block | None = None
    fault: JiaoziError | None = None


class BitswapService(INotifee):
    """The bitswap of *host*, serving from *supply*; `run` it beside the host.

    *expelled* is told of peers that are let go, and why.
    """

    def __init__(
        self,
        host: BasicHost,
        supply: Supply,
        expelled: Callable[[str, str], None] = lambda _peer, _why: None,
    ) -> None:
        self.machine = Bitswap(supply)
        self._host, self._expelled = host, expelled
        self._peers: dict[str, _Peer] = {}
        self._fetching: dict[Session, Fetching] = {}
        self._banned: dict[str, float] = {}
        self._nursery: trio.Nursery | None = None
        self._sooner = trio.Event()
        self._ended = False

    async def run(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:  # noqa: ANN401
        """Serve and fetch until cancelled; a nursery's ``start`` tells when it is at work."""
        network = self._host.get_network()
        for name in PROTOCOLS:
            self._host.set_stream_handler(TProtocol(name), self._read)
        network.register_notifee(self)
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                for connections in list(network.connections.values()):
                    for connection in connections:
                        self._greet(str(connection.muxed_conn.peer_id))
                task_status.started()
                await self._alarm()
        finally:
            self._ended, self._nursery = True, None
            for name in PROTOCOLS:
                self._host.remove_stream_handler(TProtocol(name))
            for fetching in list(self._fetching.values()):
                fetching.end(Unavailable("the network is stopping"))

    # ---- wants

    def fetching(
        self, patience_s: float | None = None, spare: Callable[[Block], None] | None = None
    ) -> Fetching:
        """Begin to fetch; *patience_s* is how long a block may take before it is given up.

        Blocks that come before they are asked for go to *spare*, or are held for a while.
        """
        machine = self.machine
        session = machine.session() if patience_s is None else machine.session(patience_s)
        made = self._fetching[session] = Fetching(self, session, spare)
        return made

    def want(self, session: Session, cids: Iterable[Cid], soon: Iterable[Cid]) -> None:
        """See `Bitswap.want`."""
        if self._ended:
            raise Unavailable("the network is stopping")
        self.machine.want(session, cids, trio.current_time(), soon)
        self._pump()

    def cancel(self, session: Session, cids: Iterable[Cid]) -> None:
        """See `Bitswap.cancel`."""
        self.machine.cancel(session, cids, trio.current_time())
        self._pump()

    def close(self, session: Session) -> None:
        """See `Bitswap.close`."""
        self._fetching.pop(session, None)
        self.machine.close(session, trio.current_time())
        self._pump()

    def appeared(self, multihashes: Iterable[bytes]) -> None:
        """Blocks came or turned public: peers that wait for them get them."""
        self.machine.appeared(multihashes)
        self._pump()

    def banned(self, peer: str) -> bool:
        """Tell whether *peer* was let go lately."""
        until = self._banned.get(peer)
        if until is None:
            return False
        if until > trio.current_time():
            return True
        del self._banned[peer]
        return False

    # ---- peers come and go

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        """See `INotifee`."""
        self._greet(str(conn.muxed_conn.peer_id))

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:
        """See `INotifee`: the last connection takes the peer with it."""
        peer_id = conn.muxed_conn.peer_id
        if not network.connections.get(peer_id):
            self._lose(str(peer_id))

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None:
        """See `INotifee`."""

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None:
        """See `INotifee`."""

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None:
        """See `INotifee`."""

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None:
        """See `INotifee`."""

    def _greet(self, name: str) -> None:
        if name in self._peers or self._nursery is None:
            return
        if self.banned(name):
            self._nursery.start_soon(self._host.disconnect, ID.from_string(name))
            return
        peer = self._peers[name] = _Peer()
        self._nursery.start_soon(self._talk, name, peer)

    def _lose(self, name: str) -> None:
        peer = self._peers.pop(name, None)
        if peer is None:
            return
        peer.scope.cancel()
        peer.known.set()
        if peer.speaks:
            self.machine.disconnected(name, trio.current_time())
            self._pump()

    async def _talk(self, name: str, peer: _Peer) -> None:
        """Agree on a version, then write what there is to write, for as long as it is connected."""
        with peer.scope:
            try:
                with trio.fail_after(GREETING_S):
                    stream = await self._open(name)
            except (BaseLibp2pError, trio.TooSlowError) as fault:
                _log.debug("%s speaks no bitswap: %s", name, fault)
                peer.known.set()
                return
            send, receive = trio.open_memory_channel[bytes](1)
            peer.send, peer.speaks = send, True
            version = PROTOCOLS[str(stream.get_protocol())]
            self.machine.connected(name, version, trio.current_time())
            peer.known.set()
            self._pump()
            async for data in receive:
                try:
                    with trio.fail_after(WRITE_S):
                        stream = await self._write(name, stream, data)
                except (BaseLibp2pError, trio.TooSlowError) as fault:
                    _log.debug("%s takes no messages: %s", name, fault)
                    break
                self.machine.sent(name, trio.current_time())
                self._pump()
            with trio.CancelScope(shield=True), trio.move_on_after(1):
                await self._host.disconnect(ID.from_string(name))
        self._lose(name)

    async def _open(self, name: str) -> INetStream:
        return await self._host.new_stream(ID.from_string(name), _OFFERED)

    async def _write(self, name: str, stream: INetStream, data: bytes) -> INetStream:
        """Write on *stream*, or on another one when the peer has closed it; return which."""
        try:
            await stream.write(data)
        except BaseLibp2pError:
            stream = await self._open(name)
            await stream.write(data)
        return stream

    async def _read(self, stream: INetStream) -> None:
        """Take what a peer writes on a stream of its own, until it ends it."""
        name = str(stream.muxed_conn.peer_id)
        self._greet(name)
        peer = self._peers.get(name)
        if peer is None:
            await stream.reset()
            return
        await peer.known.wait()
        frames = Frames()
        whole = False
        try:
            while peer.speaks and self._peers.get(name) is peer:
                data = await stream.read(READ_BYTES)
                for message in frames.feed(data):
                    self.machine.received(name, decode(message), trio.current_time())
                self._pump()
        except StreamEOF:
            whole = frames.empty
        except BaseLibp2pError:
            pass
        except JiaoziError as fault:
            self._expel(name, str(fault))
        finally:  # boxo opens a stream for every message: one left open each is soon too many
            with trio.CancelScope(shield=True), trio.move_on_after(1):
                await (stream.close() if whole else stream.reset())

    # ---- what is to be done

    def _pump(self) -> None:
        """Do what the machine asks for."""
        machine = self.machine
        while effects := machine.take(trio.current_time()):
            for effect in effects:
                self._do(effect)
        self._sooner.set()

    def _do(self, effect: Effect) -> None:
        if isinstance(effect, Send):
            peer = self._peers.get(effect.peer)
            if peer is not None and peer.send is not None:
                peer.send.send_nowait(effect.data)
        elif isinstance(effect, Deliver):
            if fetching := self._fetching.get(effect.session):
                fetching.deliver(effect.block)
        elif isinstance(effect, Fail):
            if fetching := self._fetching.get(effect.session):
                fetching.fail(effect.cid, effect.fault)
        elif isinstance(effect, Expel):
            self._expel(effect.peer, effect.why)

    def _expel(self, name: str, why: str) -> None:
        _log.info("peer %s is let go: %s", name, why)
        now = trio.current_time()
        if len(self._banned) >= MAX_BANNED:
            self._banned = {peer: until for peer, until in self._banned.items() if until > now}
        if len(self._banned) < MAX_BANNED:
            self._banned[name] = now + BANNED_S
        self._expelled(name, why)
        self._lose(name)
        if self._nursery is not None:
            self._nursery.start_soon(partial(self._host.disconnect, ID.from_string(name)))

    async def _alarm(self) -> None:
        """Tell the machine the time when it wants to know."""
        while True:
            self._sooner = trio.Event()
            due = self.machine.deadline
            if due is None:
                await self._sooner.wait()
                continue
            with trio.move_on_at(due):
                await self._sooner.wait()
            if trio.current_time() >= due:
                self.machine.tick(trio.current_time())
                self._pump()
