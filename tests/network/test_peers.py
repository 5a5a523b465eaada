"""Peers: dialled, listed, pinged, let go and kept, and what is said when they can't be had."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.network.peers import (
    MAX_ADDRESS_CHARS,
    BadAddress,
    NotConnected,
    NotDialled,
    Peers,
    peer_address,
)
from tests.network.test_bitswap import Held

ANY = "/ip4/127.0.0.1/tcp/0"
SOMEBODY = str(PeerId.of(PrivateKey(bytes(32)).public()))


@asynccontextmanager
async def running(*kept: str) -> AsyncIterator[Peers]:
    peers = Peers(PrivateKey.generate(), Held(), [ANY], kept)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peers.run)
        await peers.started.wait()
        yield peers
        nursery.cancel_scope.cancel()


async def until(true: Callable[[], object]) -> None:
    with trio.fail_after(10):
        while not true():
            await trio.sleep(0.01)


@pytest.mark.trio
async def test_a_peer_is_dialled_listed_and_let_go() -> None:
    async with running() as here, running() as there:
        [address] = there.addresses
        name = await here.connect(address)
        assert address.endswith(name)
        [ours] = here.connections()
        assert (ours.peer, ours.inbound, ours.muxer) == (name, False, "/yamux/1.0.0")
        assert address.startswith(ours.address)
        await until(lambda: there.connections())
        assert there.connections()[0].inbound
        assert await here.connect(address) == name  # again: nothing new
        assert len(here.connections()) == 1
        assert await here.disconnect(name) == name
        await until(lambda: not here.connections() and not there.connections())
        with pytest.raises(NotConnected, match="not connected to"):
            await here.disconnect(name)


@pytest.mark.trio
async def test_a_ping_takes_its_time() -> None:
    async with running() as here, running() as there:
        [took] = [took async for took in here.ping(there.addresses[0], 1)]
        assert 0 < took < 10


@pytest.mark.trio
async def test_who_cannot_be_had_is_told_of_with_what_was_tried() -> None:
    async with running() as here, running() as there:
        nobody = f"/ip4/127.0.0.1/tcp/1/p2p/{SOMEBODY}"
        with pytest.raises(NotDialled, match=r"failed to dial 12D3Koo\w+ in \d+\.\d s: ") as caught:
            await here.connect(nobody)
        assert "/ip4/127.0.0.1/tcp/1" in str(caught.value)
        with pytest.raises(NotDialled, match="failed to dial"):  # somebody else answers there
            await here.connect(there.addresses[0].rpartition("/")[0] + f"/{SOMEBODY}")
        with pytest.raises(NotDialled, match="failed to dial"):
            await here.connect(SOMEBODY)
        with pytest.raises(NotDialled, match="it is this node"):
            await here.connect(here.addresses[0])
        assert here.connections() == []


@pytest.mark.trio
async def test_a_peer_to_be_kept_is_dialled_at_once() -> None:
    async with running() as there, running(there.addresses[0]) as here:
        await until(lambda: here.connections())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "invalid peer address"),
        ("nonsense", "invalid peer address"),
        ("/ip4/127.0.0.1/tcp/1", "doesn't end with /p2p/"),
        ("/ip4/127.0.0.1/tcp/1/p2p/", "invalid peer address"),
        ("/ip4/127.0.0.1/tcp/1/p2p/xyz", "invalid peer address"),
        (f"/ip4/999.0.0.1/tcp/1/p2p/{SOMEBODY}", "invalid peer address"),
        (f"/none/1/p2p/{SOMEBODY}", "invalid peer address"),
        ("/" * (MAX_ADDRESS_CHARS + 1), f"over {MAX_ADDRESS_CHARS}"),
    ],
)
def test_what_is_no_address_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadAddress, match=said):
        peer_address(text)


@given(st.text(max_size=40) | st.text("/ip4tcp2p.0123", max_size=40))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    try:
        peer, _address = peer_address(text)
    except BadAddress:
        return
    assert PeerId.parse(str(peer)) == peer
