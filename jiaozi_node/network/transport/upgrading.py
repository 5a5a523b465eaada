"""What py-libp2p makes of a raw connection, with our noise and our yamux in place of its own."""

from typing import Final

import trio
from libp2p.abc import IMuxedConn, ISecureConn
from libp2p.crypto.keys import PrivateKey as Libp2pPrivateKey
from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID
from libp2p.protocol_muxer.exceptions import MultiselectClientError, MultiselectError
from libp2p.transport.exceptions import MuxerUpgradeFailure
from libp2p.transport.upgrader import TransportUpgrader

from jiaozi_node.formats.key_types import SignKey
from jiaozi_node.network.transport import noise, yamux
from jiaozi_node.network.transport.muxed import Muxed
from jiaozi_node.network.transport.secured import CLOSE_S, Noise, Secured
from jiaozi_node.network.transport.yamux import Budget

_NOISE: Final = TProtocol(noise.PROTOCOL)
_YAMUX: Final = TProtocol(yamux.PROTOCOL)


class Upgrader(TransportUpgrader):
    """Offers noise and yamux alone; all connections share one *budget* of unread bytes.

    py-libp2p makes its own muxer for every connection that agrees on yamux, whatever it was given,
    so the choice is made here.
    """

    def __init__(self, key: SignKey, libp2p_key: Libp2pPrivateKey, budget: Budget) -> None:
        super().__init__({_NOISE: Noise(key, libp2p_key)}, {_YAMUX: Muxed})
        self._budget = budget

    async def upgrade_connection(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        """Agree on yamux over *conn*."""
        if not isinstance(conn, Secured):
            return await super().upgrade_connection(conn, peer_id)
        agreed = False
        try:
            await self.muxer_multistream.select_transport(conn)
            agreed = True
        except (MultiselectError, MultiselectClientError) as fault:
            raise MuxerUpgradeFailure("failed to negotiate the multiplexer protocol") from fault
        finally:
            if not agreed:
                with trio.CancelScope(shield=True), trio.move_on_after(CLOSE_S):
                    await conn.close()
        return Muxed(conn, peer_id, self._budget)
