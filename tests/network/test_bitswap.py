"""Bitswap between hosts on the loopback: what is asked for comes, verified, and nothing else."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from libp2p.custom_types import TProtocol
from libp2p.host.basic_host import BasicHost
from libp2p.peer.peerinfo import PeerInfo
from multiaddr import Multiaddr

from jiaozi_node.errors import NotFound
from jiaozi_node.exchange.effects import NotFetched
from jiaozi_node.exchange.framing import framed
from jiaozi_node.exchange.message import Entry, Message, encode
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.network.bitswap import BitswapService
from jiaozi_node.network.host import new_host

pytestmark = pytest.mark.trio

NEWEST = TProtocol("/ipfs/bitswap/1.2.0")
ANY = Multiaddr("/ip4/127.0.0.1/tcp/0")


class Held:
    """Blocks that everybody may see."""

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self.blocks = {block.cid.multihash: block for block in blocks}
        self.lies: dict[bytes, bytes] = {}

    def size(self, multihash: bytes) -> int | None:
        block = self.blocks.get(multihash)
        return None if block is None else len(block.data)

    def get(self, cid: Cid) -> Block:
        block = self.blocks.get(cid.multihash)
        if block is None:
            raise NotFound("not here")
        return Block(cid, self.lies.get(cid.multihash, block.data))


class Node:
    def __init__(self, host: BasicHost, service: BitswapService, held: Held) -> None:
        self.host, self.service, self.held = host, service, held

    @property
    def name(self) -> str:
        return str(self.host.get_id())


@asynccontextmanager
async def node(blocks: Iterable[Block] = ()) -> AsyncIterator[Node]:
    host, held = new_host(PrivateKey.generate()), Held(blocks)
    service = BitswapService(host, held)
    async with host.run(listen_addrs=[ANY]), trio.open_nursery() as nursery:
        await nursery.start(service.run)
        yield Node(host, service, held)
        nursery.cancel_scope.cancel()


async def met(here: Node, there: Node) -> None:
    await here.host.connect(PeerInfo(there.host.get_id(), there.host.get_addrs()))
    with trio.fail_after(10):
        while here.name not in there.service.machine.peers:
            await trio.sleep(0.01)
        while there.name not in here.service.machine.peers:
            await trio.sleep(0.01)


def blocks(count: int, size: int = 100) -> list[Block]:
    return [Block.of(number.to_bytes(4, "big") * (size // 4)) for number in range(count)]


async def test_a_block_is_fetched() -> None:
    [block] = blocks(1, 2 << 20)
    async with node([block]) as there, node() as here:
        await met(here, there)
        fetching = here.service.fetching()
        assert await fetching.get(block.cid) == block
        fetching.close()
        assert here.service.machine.wantlist == []
        assert here.service.machine.receipt(there.name).received_bytes == len(block.data)


async def test_many_blocks_come_ahead_of_their_turn() -> None:
    some = blocks(500)
    async with node(some) as there, node() as here:
        await met(here, there)
        fetching = here.service.fetching()
        cids = [block.cid for block in some]
        for at, block in enumerate(some):
            assert await fetching.get(block.cid, cids[at + 1 : at + 65]) == block
        fetching.close()
        assert here.service.machine.tally.messages_received < 300


async def test_two_providers_may_share_the_work() -> None:
    some = blocks(300, 4000)
    async with node(some) as first, node(some) as second, node() as here:
        await met(here, first)
        await met(here, second)
        fetching = here.service.fetching()

        async def get(block: Block) -> None:
            assert await fetching.get(block.cid) == block

        async with trio.open_nursery() as nursery:
            for block in some:
                nursery.start_soon(get, block)
        shares = [here.service.machine.receipt(one.name).received_bytes for one in (first, second)]
        assert sum(shares) >= 300 * 4000  # who has how much is up to them: tests/exchange


async def test_what_nobody_has_is_told_of() -> None:
    async with node() as there, node() as here:
        await met(here, there)
        fetching = here.service.fetching(patience_s=0.2)
        with pytest.raises(NotFetched, match="1 peer asked, 1 of them without it"):
            await fetching.get(Block.of(b"nowhere").cid)


async def test_a_block_that_appears_goes_to_who_waits() -> None:
    block = Block.of(b"late")
    async with node() as there, node() as here, trio.open_nursery() as nursery:
        await met(here, there)
        got: list[Block] = []

        async def get() -> None:
            got.append(await here.service.fetching().get(block.cid))

        nursery.start_soon(get)
        with trio.fail_after(10):
            while not there.service.machine.wantlist_of(here.name):
                await trio.sleep(0.01)
        there.held.blocks[block.cid.multihash] = block
        there.service.appeared([block.cid.multihash])
        with trio.fail_after(10):
            while not got:
                await trio.sleep(0.01)
        assert got == [block]


async def test_wrong_bytes_are_never_taken_and_others_are_asked() -> None:
    block = Block.of(b"the right bytes")
    async with node([block]) as liar, node([block]) as honest, node() as here:
        liar.held.lies[block.cid.multihash] = b"wrong"
        await met(here, liar)
        await met(here, honest)
        assert await here.service.fetching().get(block.cid) == block


async def test_who_leaves_takes_its_wants_along() -> None:
    async with node() as there, node() as here, trio.open_nursery() as nursery:
        await met(here, there)

        async def get() -> None:
            await here.service.fetching().get(Block.of(b"never").cid)

        nursery.start_soon(get)
        with trio.fail_after(10):
            while not there.service.machine.wantlist_of(here.name):
                await trio.sleep(0.01)
        await here.host.disconnect(there.host.get_id())
        with trio.fail_after(10):
            while there.service.machine.peers:
                await trio.sleep(0.01)
        assert there.service.machine.wantlist_of(here.name) == []
        nursery.cancel_scope.cancel()


async def test_a_cancelled_want_is_taken_back() -> None:
    async with node() as there, node() as here:
        await met(here, there)
        with trio.move_on_after(0.1):
            await here.service.fetching().get(Block.of(b"never").cid)
        assert here.service.machine.wantlist == []
        with trio.fail_after(10):
            while there.service.machine.wantlist_of(here.name):
                await trio.sleep(0.01)


async def test_streams_that_a_peer_ends_are_ended_here() -> None:
    """Kubo sends each message on a stream of its own, and 256 may be open."""
    [block] = blocks(1)
    message = framed(encode(Message((Entry(block.cid.raw),))))
    async with node() as there, node() as here:
        await met(here, there)
        with trio.fail_after(30):
            for _ in range(300):
                stream = await here.host.new_stream(there.host.get_id(), [NEWEST])
                await stream.write(message)
                await stream.close()
            while there.service.machine.tally.messages_received < 300:
                await trio.sleep(0.01)


async def test_bytes_that_are_no_message_end_the_connection() -> None:
    async with node() as there, node() as here:
        await met(here, there)
        stream = await here.host.new_stream(there.host.get_id(), [NEWEST])
        await stream.write(b"\x03\xff\xff\xff")
        with trio.fail_after(10):
            while here.service.machine.peers:
                await trio.sleep(0.01)
        assert there.service.banned(here.name)
