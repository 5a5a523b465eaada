"""Peer ids: the multihash of a public key in libp2p's protobuf form, and its three texts.

``12D3Koo…``, ``16Uiu2…`` and ``Qm…`` are bare base58 of the multihash; ``k51…`` and ``bafz…`` are
CIDs of the codec libp2p-key, ``k51…`` being how IPNS names are written. Keys of at most 42 bytes,
so all of Ed25519 and Secp256k1, stand in the id itself.
https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md
"""

from dataclasses import dataclass
from typing import Final

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import multibase
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.cid import LIBP2P_KEY, Cid, base58_decode, base58_encode
from jiaozi_node.formats.key_types import VerifyKey, read_public

MAX_TEXT_CHARS: Final = 128  # checked before base58, which is quadratic
_MAX_INLINE_KEY_BYTES: Final = 42  # peer-ids.md


class InvalidPeerId(Malformed):
    """Text or bytes that are not a peer id."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"invalid peer id {what}: {why}")
        self.what, self.why = what, why


@dataclass(frozen=True, slots=True, order=True)
class PeerId:
    """Who a peer is, by the multihash of its public key."""

    multihash: bytes

    def __post_init__(self) -> None:
        shown = self.multihash[:16].hex()
        try:
            code, digest = mh.split(self.multihash)
        except Malformed as fault:
            raise InvalidPeerId(shown, str(fault)) from None
        if code == mh.IDENTITY:
            if not 0 < len(digest) <= _MAX_INLINE_KEY_BYTES:
                raise InvalidPeerId(shown, f"an inline key of {len(digest)} bytes")
        elif code != mh.SHA2_256 or len(digest) != 32:
            raise InvalidPeerId(shown, f"hash {code:#x} of {len(digest)} bytes")

    @staticmethod
    def of(key: VerifyKey) -> "PeerId":
        """Return the id of *key*."""
        data = key.protobuf()
        inline = len(data) <= _MAX_INLINE_KEY_BYTES
        return PeerId(mh.of(mh.IDENTITY if inline else mh.SHA2_256, data))

    @staticmethod
    def parse(text: str) -> "PeerId":
        """Read any of the texts; raises `InvalidPeerId`, or `LimitExceeded` for long ones."""
        if len(text) > MAX_TEXT_CHARS:
            raise LimitExceeded("peer id", MAX_TEXT_CHARS, len(text), "characters")
        try:
            if text.startswith(("1", "Qm")):
                return PeerId(base58_decode(text))
            cid = Cid.parse(text)
        except InvalidPeerId:
            raise
        except Malformed as fault:
            raise InvalidPeerId(repr(text), str(fault)) from None
        if cid.codec != LIBP2P_KEY:
            raise InvalidPeerId(repr(text), "a CID whose codec is not libp2p-key")
        return PeerId(cid.multihash)

    @property
    def key(self) -> VerifyKey | None:
        """The public key when the id holds it, None when it holds a hash.

        Raises `keys.InvalidKey` or `keys.UnsupportedKey` when what it holds is no key.
        """
        code, digest = mh.split(self.multihash)
        return read_public(digest) if code == mh.IDENTITY else None

    @property
    def cid(self) -> Cid:
        """The id as a CID of the codec libp2p-key."""
        return Cid.v1(LIBP2P_KEY, self.multihash)

    @property
    def ipns_name(self) -> str:
        """The id as IPNS writes it: ``k51…``, fit for a DNS label."""
        return multibase.encode("base36", self.cid.raw)

    def __str__(self) -> str:
        return base58_encode(self.multihash)
