"""A py-libp2p host of ours: TCP, and the noise and yamux of ``network/transport`` on it."""

from typing import Final

from libp2p.crypto.ed25519 import Ed25519PrivateKey
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.keys import PrivateKey as Libp2pPrivateKey
from libp2p.crypto.serialization import deserialize_private_key
from libp2p.host.basic_host import BasicHost
from libp2p.network.auto_connector import AutoConnector
from libp2p.network.config import ConnectionConfig
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.transport.tcp.tcp import TCP

from jiaozi_node.formats.key_types import SignKey
from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.network.transport.upgrading import Upgrader
from jiaozi_node.network.transport.yamux import Budget

LOW_WATER: Final = 32  # Kubo's, as the next two: connections above the high one are cut to this
HIGH_WATER: Final = 96
GRACE_S: Final = 20.0
MAX_CONNECTIONS: Final = 1024


def libp2p_key_of(key: SignKey) -> Libp2pPrivateKey:
    """Return *key* as py-libp2p holds it, which reads no Ed25519 key that others write."""
    if isinstance(key, PrivateKey):
        return Ed25519PrivateKey.from_bytes(key.seed)
    return deserialize_private_key(key.protobuf())


def new_host(key: SignKey, budget: Budget | None = None) -> BasicHost:
    """Return a host of the peer with *key*; nothing listens until it is run."""
    libp2p_key = libp2p_key_of(key)
    pair = KeyPair(libp2p_key, libp2p_key.get_public_key())
    peer = ID.from_pubkey(pair.public_key)
    known = PeerStore()
    known.add_key_pair(peer, pair)
    upgrader = Upgrader(key, libp2p_key, budget or Budget())
    # With one connection for each peer a dial is over when the first address has answered.
    config = ConnectionConfig(
        min_connections=0,
        low_watermark=LOW_WATER,
        high_watermark=HIGH_WATER,
        max_connections=MAX_CONNECTIONS,
        max_connections_per_peer=1,
        grace_period=GRACE_S,
    )
    swarm = Swarm(peer, known, upgrader, [TCP()], connection_config=config)
    swarm.auto_connector = _NoDials(swarm)
    return BasicHost(swarm)


class _NoDials(AutoConnector):
    """py-libp2p dials any peer that it has heard of until it has hundreds; we dial on purpose."""

    async def maybe_connect(self) -> None:
        """Dial nobody."""
