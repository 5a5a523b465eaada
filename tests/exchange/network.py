"""A network in virtual time: nodes that speak bitswap over links with latency and bandwidth.

All that happens is an event at a moment, taken up in order; a seed makes it happen the same way
again. Messages are bytes, as on a wire. Peers that misbehave are `Scripted`.
"""

import heapq
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from jiaozi_node.errors import JiaoziError, NotFound
from jiaozi_node.exchange.bitswap import Bitswap
from jiaozi_node.exchange.effects import Deliver, Expel, Fail, Seek, Send
from jiaozi_node.exchange.framing import Frames, framed
from jiaozi_node.exchange.message import Message, decode, encode
from jiaozi_node.exchange.serving import Supply
from jiaozi_node.exchange.version import Version
from jiaozi_node.exchange.want import Session
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid


class Blocks:
    """The blocks of a node: those in *private* are here, and nobody else sees them."""

    def __init__(self, blocks: Iterable[Block] = (), private: Iterable[Block] = ()) -> None:
        self.public = {block.cid.multihash: block.data for block in blocks}
        self.private = {block.cid.multihash: block.data for block in private}

    def size(self, multihash: bytes) -> int | None:
        data = self.public.get(multihash)
        return None if data is None else len(data)

    def get(self, cid: Cid) -> Block:
        data = self.public.get(cid.multihash)
        if data is None:
            raise NotFound(f"{cid} is not here")
        return Block(cid, data)


@dataclass
class Link:
    """One direction between two peers."""

    latency_s: float
    bytes_per_s: float
    free_at: float = 0.0
    frames: Frames = field(default_factory=Frames)
    up: bool = True


class Peer:
    """Somebody on the network."""

    def __init__(self, world: "World", name: str) -> None:
        self.world, self.name = world, name
        self.links: dict[str, Link] = {}

    def connected(self, other: str, version: Version) -> None: ...

    def disconnected(self, other: str) -> None: ...

    def got(self, other: str, data: bytes) -> None: ...


class Node(Peer):
    """A node of ours."""

    def __init__(
        self, world: "World", name: str, blocks: Blocks | None, supply: Supply | None
    ) -> None:
        super().__init__(world, name)
        self.blocks = blocks or Blocks()
        self.bitswap = Bitswap(supply or self.blocks)
        self.delivered: dict[Session, list[Block]] = {}
        self.failed: dict[Session, dict[Cid, JiaoziError]] = {}
        self.ended_at: dict[tuple[Session, Cid], float] = {}
        self.sought: list[Cid] = []
        self.expelled: list[str] = []
        self.shares = False  # what it fetched is its own to serve
        self._alarm: float | None = None

    def connected(self, other: str, version: Version) -> None:
        self.bitswap.connected(other, version, self.world.now)
        self.pump()

    def disconnected(self, other: str) -> None:
        self.bitswap.disconnected(other, self.world.now)
        self.pump()

    def got(self, other: str, data: bytes) -> None:
        try:
            message = decode(data)
        except JiaoziError:
            self.world.disconnect(self.name, other)
            return
        self.bitswap.received(other, message, self.world.now)
        self.pump()

    def want(self, session: Session, cids: Iterable[Cid], soon: Iterable[Cid] = ()) -> None:
        """Ask for what didn't come before, as one does who stores what comes."""
        here = {block.cid for block in self.delivered.get(session, ())}
        left = ([cid for cid in some if cid not in here] for some in (cids, soon))
        self.bitswap.want(session, next(left), self.world.now, next(left))
        self.pump()

    def publish(self, multihashes: Sequence[bytes]) -> None:
        for multihash in multihashes:
            self.blocks.public[multihash] = self.blocks.private.pop(multihash)
        self.bitswap.appeared(multihashes)
        self.pump()

    def pump(self) -> None:
        world = self.world
        came: list[Block] = []
        for effect in self.bitswap.take(world.now):
            match effect:
                case Send(peer, data):
                    world.send(self.name, peer, data, self._sent)
                case Deliver(session, block):
                    self.delivered.setdefault(session, []).append(block)
                    self.ended_at[session, block.cid] = world.now
                    if self.shares:
                        came.append(block)
                case Fail(session, cid, fault):
                    self.failed.setdefault(session, {})[cid] = fault
                    self.ended_at[session, cid] = world.now
                case Seek(cid):
                    self.sought.append(cid)
                case Expel(peer, _why):
                    self.expelled.append(peer)
                    world.disconnect(self.name, peer)
        if came:
            self.blocks.public.update((block.cid.multihash, block.data) for block in came)
            self.bitswap.appeared([block.cid.multihash for block in came])
            self.pump()
            return
        due = self.bitswap.deadline
        if due is not None and (self._alarm is None or due < self._alarm):
            self._alarm = due
            world.at(due, self._tick)

    def _tick(self) -> None:
        if self._alarm is not None and self._alarm <= self.world.now:
            self._alarm = None
        self.bitswap.tick(self.world.now)
        self.pump()

    def _sent(self, peer: str) -> None:
        self.bitswap.sent(peer, self.world.now)
        self.pump()


class Scripted(Peer):
    """A peer that answers each message by *answer*, and begins with *greet*."""

    def __init__(
        self,
        world: "World",
        name: str,
        answer: Callable[[Message], Iterable[Message]],
        greet: Callable[[], Iterable[bytes]] = tuple,
    ) -> None:
        super().__init__(world, name)
        self._answer, self._greet = answer, greet

    def connected(self, other: str, version: Version) -> None:
        for data in self._greet():
            self.world.send(self.name, other, data)

    def got(self, other: str, data: bytes) -> None:
        for message in self._answer(decode(data)):
            self.world.send(self.name, other, framed(encode(message)))


class World:
    """All peers, the time, and what is going to happen."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.peers: dict[str, Peer] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, when: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (max(when, self.now), self._count, act))

    def node(
        self, name: str, blocks: Blocks | None = None, *, supply: Supply | None = None
    ) -> Node:
        node = Node(self, name, blocks, supply)
        self.peers[name] = node
        return node

    def scripted(
        self,
        name: str,
        answer: Callable[[Message], Iterable[Message]],
        greet: Callable[[], Iterable[bytes]] = tuple,
    ) -> None:
        self.peers[name] = Scripted(self, name, answer, greet)

    def connect(
        self,
        one: str,
        other: str,
        latency_s: float = 0.01,
        bytes_per_s: float = 50e6,
        version: Version = Version.V1_2,
    ) -> None:
        ours, theirs = self.peers[one], self.peers[other]
        if other in ours.links:
            return
        ours.links[other] = Link(latency_s, bytes_per_s)
        theirs.links[one] = Link(latency_s, bytes_per_s)
        ours.connected(other, version)
        if one in theirs.links:
            theirs.connected(one, version)

    def disconnect(self, one: str, other: str) -> None:
        for name, peer in ((one, other), (other, one)):
            link = self.peers[name].links.pop(peer, None)
            if link is not None:
                link.up = False
                self.peers[name].disconnected(peer)

    def send(
        self, one: str, other: str, data: bytes, sent: Callable[[str], None] | None = None
    ) -> None:
        link = self.peers[one].links.get(other)
        if link is None:
            return
        link.free_at = max(link.free_at, self.now) + len(data) / link.bytes_per_s

        def written() -> None:
            if link.up and sent is not None:
                sent(other)

        def arrived() -> None:
            for message in link.frames.feed(data):
                if not link.up:
                    return
                self.peers[other].got(one, message)

        self.at(link.free_at, written)
        self.at(link.free_at + link.latency_s, arrived)

    def run(self, until: float, between: Callable[[], None] = lambda: None) -> None:
        """Let everything happen up to the moment *until*, calling *between* after each event."""
        while self._events and self._events[0][0] <= until:
            self.now, _, act = heapq.heappop(self._events)
            act()
            between()
        self.now = until
