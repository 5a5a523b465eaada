"""Our noise behind py-libp2p's interfaces: a handshake over a raw connection, then sealed bytes.

What is read comes in pieces of 64 KiB at most, so that no turn of the loop decrypts more (decision
0003), and what is written leaves in one call for many frames.
"""

from collections.abc import Iterable
from typing import Final

import trio
from libp2p.abc import IRawConnection, ISecureConn, ISecureTransport
from libp2p.connection_types import ConnectionType
from libp2p.crypto.keys import PrivateKey as Libp2pPrivateKey
from libp2p.crypto.keys import PublicKey as Libp2pPublicKey
from libp2p.crypto.serialization import deserialize_public_key
from libp2p.io.exceptions import IncompleteReadError, IOException
from libp2p.peer.id import ID
from libp2p.security.exceptions import HandshakeFailure
from multiaddr import Multiaddr

from jiaozi_node.errors import JiaoziError
from jiaozi_node.formats.key_types import SignKey, VerifyKey
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.network.transport.noise import (
    Handshake,
    Opener,
    Sealer,
    check_voucher,
    framed,
    vouch,
)

READ_BYTES: Final = 64 * 1024
WRITE_BYTES: Final = 64 * 1024  # sealed between two chances for others to run
HANDSHAKE_S: Final = 10.0
CLOSE_S: Final = 1.0


class ConnectionLost(IOException):
    """The connection ended, or what came over it could not be opened."""


class Noise(ISecureTransport):
    """Secures connections of the peer with *key*; *libp2p_key* is the same for py-libp2p."""

    def __init__(self, key: SignKey, libp2p_key: Libp2pPrivateKey) -> None:
        self._key, self._libp2p_key = key, libp2p_key

    async def secure_inbound(self, conn: IRawConnection) -> "Secured":
        """Shake hands with whoever dialled us."""
        return await self._shaken(conn, None, initiator=False)

    async def secure_outbound(self, conn: IRawConnection, peer_id: ID) -> "Secured":
        """Shake hands with *peer_id*, whom we dialled; anybody else is refused."""
        return await self._shaken(conn, PeerId(peer_id.to_bytes()), initiator=True)

    async def _shaken(
        self, conn: IRawConnection, wanted: PeerId | None, *, initiator: bool
    ) -> "Secured":
        shake = Handshake(initiator=initiator)
        voucher = vouch(self._key, shake.static)
        held = bytearray()

        async def read() -> bytes:
            head = await _exactly(conn, held, 2)
            return shake.read(await _exactly(conn, held, head[0] << 8 | head[1]))

        done = False
        try:
            with trio.fail_after(HANDSHAKE_S):
                if initiator:
                    await conn.write(framed(shake.write()))
                    key = check_voucher(await read(), shake.their_static, wanted)
                    await conn.write(framed(shake.write(voucher)))
                else:
                    await read()
                    await conn.write(framed(shake.write(voucher)))
                    key = check_voucher(await read(), shake.their_static, wanted)
            done = True
        except trio.TooSlowError:
            raise HandshakeFailure(f"noise: no handshake within {HANDSHAKE_S:g} s") from None
        except (JiaoziError, IOException) as fault:
            raise HandshakeFailure(str(fault)) from fault
        finally:
            if not done:  # whoever is cancelled here leaves the connection to us
                with trio.CancelScope(shield=True), trio.move_on_after(CLOSE_S):
                    await conn.close()
        sealing, opening = shake.split()
        return Secured(conn, self._libp2p_key, key, Sealer(sealing), Opener(opening), bytes(held))


async def _exactly(conn: IRawConnection, held: bytearray, size: int) -> bytes:
    while len(held) < size:
        data = await conn.read(READ_BYTES)
        if not data:
            raise IncompleteReadError("the connection ended amid the handshake")
        held += data
    data = bytes(held[:size])
    del held[:size]
    return data


class Secured(ISecureConn):
    """A connection whose bytes nobody between reads or changes."""

    def __init__(
        self,
        conn: IRawConnection,
        our_key: Libp2pPrivateKey,
        their_key: VerifyKey,
        sealer: Sealer,
        opener: Opener,
        held: bytes = b"",
    ) -> None:
        self.is_initiator = conn.is_initiator
        self._conn = conn
        self._our_key, self._their_key = our_key, their_key
        self._sealer, self._opener = sealer, opener
        self._plain = bytearray()
        for piece in opener.feed(held):
            self._plain += piece

    async def receive(self) -> list[bytes]:
        """Return what has come, in pieces; no piece is the end. Raises `ConnectionLost`."""
        if self._plain:
            plain = [bytes(self._plain)]
            self._plain.clear()
            return plain
        while True:
            try:
                data = await self._conn.read(READ_BYTES)
                pieces = self._opener.feed(data)
            except (IOException, JiaoziError) as fault:
                raise ConnectionLost(str(fault)) from fault
            if pieces or not data:
                return pieces

    async def send(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Send *pieces*, as few writes as may be."""
        batch: list[bytes] = []
        size = 0
        try:
            for part in self._sealer.frames(pieces):
                batch.append(part)
                size += len(part)
                if size >= WRITE_BYTES:
                    await self._conn.write(b"".join(batch))
                    batch, size = [], 0
            if batch:
                await self._conn.write(b"".join(batch))
        except (IOException, JiaoziError) as fault:
            raise ConnectionLost(str(fault)) from fault

    async def read(self, n: int | None = None) -> bytes:
        """Return up to *n* bytes, at least one but at the end."""
        if not self._plain:
            for piece in await self.receive():
                self._plain += piece
        size = len(self._plain) if n is None or n < 0 else n
        data = bytes(self._plain[:size])
        del self._plain[:size]
        return data

    async def write(self, data: bytes) -> None:
        """Send *data*."""
        await self.send([data])

    async def close(self) -> None:
        """Close the raw connection."""
        await self._conn.close()

    def get_local_peer(self) -> ID:
        """See `ISecureConn`."""
        return ID.from_pubkey(self._our_key.get_public_key())

    def get_local_private_key(self) -> Libp2pPrivateKey:
        """See `ISecureConn`."""
        return self._our_key

    def get_remote_peer(self) -> ID:
        """See `ISecureConn`."""
        return ID(PeerId.of(self._their_key).multihash)

    def get_remote_public_key(self) -> Libp2pPublicKey:
        """See `ISecureConn`."""
        return deserialize_public_key(self._their_key.protobuf())

    def get_remote_address(self) -> tuple[str, int] | None:
        """See `IRawConnection`."""
        return self._conn.get_remote_address()

    def get_transport_addresses(self) -> list[Multiaddr]:
        """See `IRawConnection`."""
        return self._conn.get_transport_addresses()

    def get_connection_type(self) -> ConnectionType:
        """See `IRawConnection`."""
        return self._conn.get_connection_type()
