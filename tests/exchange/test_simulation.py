"""Seeded networks in virtual time: peers that lie, stall, flood and vanish among honest ones.

Whatever the seed: every want ends, by its block or by a stated failure; what a steady honest peer
has is got; no byte is taken that wasn't verified; what is kept stays bounded, and goes.
"""

import os
from collections.abc import Callable, Iterable, Iterator

import pytest

from jiaozi_node.exchange import serving
from jiaozi_node.exchange.effects import NotFetched
from jiaozi_node.exchange.framing import framed
from jiaozi_node.exchange.message import Entry, Message, Payload, Presence, encode
from jiaozi_node.exchange.prefix import prefix_of
from jiaozi_node.exchange.version import Version
from jiaozi_node.exchange.want import Session
from jiaozi_node.formats import cid as c
from jiaozi_node.formats.block import Block
from tests.exchange import consistent
from tests.exchange.network import Blocks, Node, World

SEEDS = range(int(os.environ.get("JIAOZI_SEEDS", "200")))
PATIENCE_S = 30.0
CODECS = (c.RAW, c.DAG_PB, c.DAG_CBOR)
Answer = Callable[[Message], Iterable[Message]]


def answering(one: Callable[[Entry], Presence | Payload | None]) -> Answer:
    """Return an answer of one message for each, made entry by entry."""

    def answer(message: Message) -> Iterator[Message]:
        out = [one(entry) for entry in message.entries if not entry.cancel]
        payload = tuple(item for item in out if isinstance(item, Payload))
        presences = tuple(item for item in out if isinstance(item, Presence))
        if payload or presences:
            yield Message((), payload, presences)

    return answer


def says_has(entry: Entry) -> Presence | None:
    return Presence(entry.raw, True) if entry.have else None


def denies(entry: Entry) -> Presence:
    return Presence(entry.raw, False)


def sends_other_bytes(entry: Entry) -> Presence | Payload:
    if entry.have:
        return Presence(entry.raw, True)
    return Payload(prefix_of(entry.raw), b"not this " + entry.raw[-4:])


def has_then_denies(entry: Entry) -> Presence:
    return Presence(entry.raw, entry.have)


def silent(_message: Message) -> Iterable[Message]:
    return ()


LIARS: dict[str, Answer] = {
    "says it has everything": answering(says_has),
    "denies everything": answering(denies),
    "sends other bytes": answering(sends_other_bytes),
    "has it until asked": answering(has_then_denies),
    "silent": silent,
}


def flood(world: World, kind: int) -> Iterator[bytes]:
    """Yield what a flooding peer sends at once."""

    def raws(count: int) -> Iterator[bytes]:
        for _ in range(count):
            yield b"\x01\x55\x12\x20" + world.random.randbytes(32)

    if kind == 0:
        for _ in range(3):
            yield framed(encode(Message(tuple(Entry(raw, 9, tell=True) for raw in raws(1500)))))
    elif kind == 1:
        yield framed(encode(Message((), (), tuple(Presence(raw, True) for raw in raws(500)))))
    elif kind == 2:
        data = world.random.randbytes(1000)
        for _ in range(4):
            yield framed(encode(Message((), (Payload(b"\x01\x55\x12\x20", data),) * 20)))
    else:
        yield framed(b"\x0a\x04\x0a\x02\x10\x01" * 50)


class Scene:
    """A network made from a seed: who is there, who has what, what is wanted."""

    def __init__(self, seed: int) -> None:
        self.world = world = World(seed)
        rnd = world.random
        self.blocks = [
            Block.of(rnd.randbytes(rnd.choice((0, 40, 900, 3_000, 20_000))), rnd.choice(CODECS))
            for _ in range(rnd.choice((1, 8, 60, 200)))
        ]
        self.blocks = list({block.cid: block for block in self.blocks}.values())
        self.absent = [Block.of(rnd.randbytes(8)) for _ in range(rnd.randrange(3))]
        self.me = world.node("me", Blocks([Block.of(b"public"), Block.of(b"x" * 5000)]))
        self._honest()
        self._others()
        self.sessions: dict[Session, list[Block]] = {}
        for at in range(rnd.randint(1, 3)):
            self._session(at)

    def _honest(self) -> None:
        world, rnd = self.world, self.world.random
        held = rnd.choices(range(rnd.randint(1, 4)), k=len(self.blocks))
        self.honest: list[Node] = []
        for number in sorted(set(held)):
            own = [one for one, at in zip(self.blocks, held, strict=True) if at == number]
            own += rnd.sample(self.blocks, rnd.randrange(len(self.blocks) + 1) // 2)
            hidden = {own[0].cid} if rnd.random() < 0.2 else set()
            node = world.node(
                f"honest {number}",
                Blocks(
                    (one for one in own if one.cid not in hidden),
                    (one for one in own if one.cid in hidden),
                ),
            )
            self.honest.append(node)
            self._connect(node.name, rnd.choice((0.0, 0.0, rnd.random() * 4)))
            if hidden:
                late = rnd.uniform(1, 8)
                world.at(late, lambda n=node: n.publish(list(n.blocks.private)))  # type: ignore[misc]

    def _others(self) -> None:
        world, rnd = self.world, self.world.random
        for number in range(rnd.randrange(4)):
            name = rnd.choice(list(LIARS))
            world.scripted(f"liar {number}: {name}", LIARS[name])
            self._connect(f"liar {number}: {name}", rnd.choice((0.0, rnd.random() * 2)))
        for number in range(rnd.randrange(3)):  # honest, and gone at some moment, perhaps back
            own = rnd.sample(self.blocks, rnd.randint(1, len(self.blocks)))
            name = world.node(f"vanishes {number}", Blocks(own)).name
            self._connect(name, 0.0)
            gone = rnd.expovariate(3)
            world.at(gone, lambda n=name: world.disconnect("me", n))  # type: ignore[misc]
            if rnd.random() < 0.4:
                self._connect(name, gone + rnd.random())
        for number in range(rnd.randrange(3)):
            name, kind = f"floods {number}", rnd.randrange(4)
            world.scripted(name, silent, lambda k=kind: flood(world, k))  # type: ignore[misc]
            self._connect(name, rnd.random())

    def _connect(self, name: str, when: float) -> None:
        rnd = self.world.random
        latency_s = rnd.choice((0.0005, 0.02, 0.2))
        bytes_per_s = rnd.choice((2e5, 5e6, 1e8))
        version = Version.V1_1 if rnd.random() < 0.1 else Version.V1_2
        self.world.at(when, lambda: self.world.connect("me", name, latency_s, bytes_per_s, version))

    def _session(self, number: int) -> None:
        rnd = self.world.random
        session = self.me.bitswap.session(PATIENCE_S)
        wanted = rnd.sample(self.blocks, rnd.randint(1, len(self.blocks)))
        if number == 0:
            wanted = list(self.blocks) + self.absent
        self.sessions[session] = wanted
        cids = [block.cid for block in wanted]
        if rnd.random() < 0.3:  # a reader: one after another, with what comes soon
            for at in range(0, len(cids), 10):
                group, soon = cids[at : at + 10], cids[at + 10 : at + 20]
                self.world.at(
                    number * 0.3 + at * 0.001,
                    lambda g=group, s=soon: self.me.want(session, g, s),  # type: ignore[misc]
                )
        else:
            self.world.at(number * 0.3, lambda: self.me.want(session, cids))

    def check(self) -> None:
        """Look at all that must hold when everything has happened."""
        me = self.me
        absent = {block.cid for block in self.absent}
        for session, wanted in self.sessions.items():
            got = me.delivered.get(session, [])
            failed = me.failed.get(session, {})
            for block in got:
                assert Block.checked(block.cid, block.data)
            assert len({block.cid for block in got}) == len(got)
            assert {block.cid for block in got} | failed.keys() == {one.cid for one in wanted}
            assert failed.keys() <= absent, {cid: str(fault) for cid, fault in failed.items()}
            assert all(isinstance(fault, NotFetched) for fault in failed.values())
        assert me.bitswap.wantlist == []
        assert me.bitswap.deadline is None or me.bitswap.deadline > self.world.now
        server = me.bitswap._server
        assert server.held <= len(self.world.peers) * serving.MAX_WANTS
        for name in list(me.links):
            self.world.disconnect("me", name)
        self.check_empty(me)

    @staticmethod
    def check_empty(node: Node) -> None:
        """Nothing is left of anybody."""
        bitswap = node.bitswap
        fetcher, server = bitswap._fetcher, bitswap._server
        assert not bitswap._peers
        assert not bitswap._ready
        assert not bitswap._of_client
        assert bitswap._under_way == 0
        assert not fetcher._partners
        assert not fetcher._wants
        assert not fetcher.ready
        assert server.held == 0
        assert not server._waiting
        assert not server._clients


@pytest.mark.parametrize("part", range(8))
def test_every_want_ends_and_nothing_unverified_is_taken(part: int) -> None:
    for seed in SEEDS:
        if seed % 8 == part:
            scene = Scene(seed)
            scene.world.run(120)
            try:
                scene.check()
            except AssertionError as fault:
                fault.add_note(f"seed {seed}")
                raise


@pytest.mark.parametrize("part", range(4))
def test_counts_and_places_are_right_after_every_event(part: int) -> None:
    for seed in range(1000, 1000 + len(SEEDS) // 4):
        if seed % 4 == part:
            scene = Scene(seed)
            if len(scene.blocks) > 60:
                continue
            try:
                scene.world.run(120, lambda b=scene.me.bitswap: consistent.check(b))  # type: ignore[misc]
                scene.check()
            except AssertionError as fault:
                fault.add_note(f"seed {seed}")
                raise


class Swarm:
    """Nodes that have a part each and want all; what one fetched it serves. Links come and go."""

    def __init__(self, seed: int) -> None:
        self.world = world = World(seed)
        rnd = world.random
        count = rnd.randint(2, 6)
        self.blocks = [Block.of(rnd.randbytes(rnd.choice((50, 2_000, 30_000)))) for _ in range(40)]
        parts = [self.blocks[at::count] for at in range(count)]
        self.nodes = [world.node(f"node {at}", Blocks(part)) for at, part in enumerate(parts)]
        self.sessions: dict[Session, Node] = {}
        for at, node in enumerate(self.nodes):
            node.shares = True
            if at:
                self._link(node.name, rnd.choice(self.nodes[:at]).name)
            for other in self.nodes[:at]:
                if rnd.random() < 0.3:
                    self._link(node.name, other.name)
            world.at(rnd.random(), lambda n=node: self._begin(n))  # type: ignore[misc]

    def _link(self, one: str, other: str) -> None:
        world, rnd = self.world, self.world.random
        latency_s, bytes_per_s = rnd.choice((0.001, 0.1)), rnd.choice((1e6, 1e8))

        def connect() -> None:
            world.connect(one, other, latency_s, bytes_per_s)

        world.at(rnd.random() * 0.5, connect)
        for _ in range(rnd.randrange(3)):
            gone = rnd.random() * 4
            world.at(gone, lambda: world.disconnect(one, other))
            world.at(gone + rnd.random(), connect)
        world.at(6, connect)

    def _begin(self, node: Node) -> None:
        rnd = self.world.random
        session = node.bitswap.session(PATIENCE_S)
        wanted = [one.cid for one in self.blocks if one.cid.multihash not in node.blocks.public]
        self.sessions[session] = node
        node.want(session, wanted)
        passing = node.bitswap.session(PATIENCE_S)  # it wants some of them too, and gives up
        node.want(passing, rnd.sample(wanted, len(wanted) // 2))

        def give_up() -> None:
            node.bitswap.cancel(passing, wanted[:5], self.world.now)
            node.pump()
            node.bitswap.close(passing, self.world.now)
            node.pump()

        self.world.at(self.world.now + rnd.random(), give_up)

    def check_all(self) -> None:
        for node in self.nodes:
            consistent.check(node.bitswap)


@pytest.mark.parametrize("part", range(4))
def test_a_swarm_gets_all_that_any_of_it_has(part: int) -> None:
    for seed in range(len(SEEDS) // 2):
        if seed % 4 != part:
            continue
        swarm = Swarm(seed)
        swarm.world.run(90, swarm.check_all if not seed % 10 else lambda: None)
        for session, node in swarm.sessions.items():
            assert not node.failed.get(session), f"seed {seed}"
            have = node.blocks.public.keys()
            assert {one.cid.multihash for one in swarm.blocks} <= have, f"seed {seed}"
            assert node.expelled == [], f"seed {seed}"
        for node in swarm.nodes:
            for other in list(node.links):
                swarm.world.disconnect(node.name, other)
        for node in swarm.nodes:
            Scene.check_empty(node)


def _served_in(crowd: int) -> float:
    """Return how long an honest peer takes, beside *crowd* who ask for much and read slowly."""
    world = World(1)
    blocks = [Block.of(world.random.randbytes(20_000)) for _ in range(300)]
    world.node("server", Blocks(blocks))
    wants = framed(encode(Message(tuple(Entry(one.cid.raw, 99, tell=True) for one in blocks))))

    def asks_and_floods() -> Iterator[bytes]:
        yield wants
        yield from flood(world, 1)

    for at in range(crowd):
        world.scripted(f"crowd {at}", silent, asks_and_floods)
        world.connect("server", f"crowd {at}", 0.01, 20_000)
    honest = world.node("honest")
    session = honest.bitswap.session(PATIENCE_S)
    honest.want(session, [one.cid for one in blocks])
    world.connect("server", "honest", 0.01, 10e6)
    world.run(60)
    assert len(honest.delivered[session]) == len(blocks)
    return max(honest.ended_at.values())


def test_an_honest_peer_is_served_as_quickly_beside_a_crowd() -> None:
    assert _served_in(80) <= 2 * _served_in(0)
