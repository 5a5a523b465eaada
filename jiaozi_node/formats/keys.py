"""Ed25519 keys: signing, libp2p's protobuf form, and did:key text.

https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md (keys), RFC 8032 (signatures),
https://w3c-ccg.github.io/did-key-spec/ (text). ``cryptography`` takes 40 ms to import, so it is
loaded by what computes with a key; bytes and text need none.
"""

import os
from dataclasses import dataclass, field
from typing import Final

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import varint
from jiaozi_node.formats.cid import base58_decode, base58_encode

ED25519: Final = 1
TYPE_NAMES: Final = {0: "RSA", 1: "Ed25519", 2: "Secp256k1", 3: "ECDSA"}

SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
MAX_KEY_BYTES: Final = 16 * 1024  # marshalled; an RSA key of 8,192 bits has 4.7 kB
MAX_DID_CHARS: Final = 128  # checked before base58, which is quadratic

_DID: Final = "did:key:z"
_DID_ED25519: Final = b"\xed\x01"  # multicodec ed25519-pub
_PUBLIC_PREFIX: Final = b"\x08\x01\x12\x20"
_PRIVATE_PREFIX: Final = b"\x08\x01\x12\x40"


class InvalidKey(Malformed):
    """Bytes or text that are not a key."""

    def __init__(self, why: str) -> None:
        super().__init__(f"invalid key: {why}")
        self.why = why


class UnsupportedKey(Malformed):
    """A well-formed key of a type that can't be used where it was met."""

    def __init__(self, key_type: str, supported: str = "Ed25519") -> None:
        super().__init__(f"keys of type {key_type} are not supported, only {supported}")
        self.key_type = key_type


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key by its 32 bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != PUBLIC_BYTES:
            raise InvalidKey(f"an Ed25519 public key has {PUBLIC_BYTES} bytes, not {len(self.raw)}")

    @property
    def type(self) -> int:
        """Its type, as libp2p numbers them."""
        return ED25519

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether *signature* is this key's over *message*."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def protobuf(self) -> bytes:
        """Return libp2p's protobuf form."""
        return _PUBLIC_PREFIX + self.raw

    @staticmethod
    def from_protobuf(data: bytes) -> "PublicKey":
        """Read libp2p's protobuf form; raises `InvalidKey` or `UnsupportedKey`."""
        return PublicKey(_ed25519_of(data))

    @property
    def did(self) -> str:
        """The key as ``did:key:z6Mk…``."""
        return _DID + base58_encode(_DID_ED25519 + self.raw)

    @staticmethod
    def from_did(text: str) -> "PublicKey":
        """Read ``did:key:z6Mk…``; raises `InvalidKey` or `UnsupportedKey`."""
        if len(text) > MAX_DID_CHARS:
            raise LimitExceeded("did:key", MAX_DID_CHARS, len(text), "characters")
        if not text.startswith(_DID):
            raise InvalidKey(f"{text!r} doesn't begin with {_DID}")
        try:
            data = base58_decode(text.removeprefix(_DID))
            code, at = varint.decode(data)
        except Malformed as fault:
            raise InvalidKey(f"{text!r}: {fault}") from None
        if data[:at] != _DID_ED25519:
            raise UnsupportedKey(f"multicodec {code:#x}")
        return PublicKey(data[at:])


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """An Ed25519 private key by its 32-byte seed (RFC 8032 §5.1.5), which no repr shows."""

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise InvalidKey(f"an Ed25519 seed has {SEED_BYTES} bytes, not {len(self.seed)}")

    @staticmethod
    def generate() -> "PrivateKey":
        """Return a new key from the system's randomness."""
        return PrivateKey(os.urandom(SEED_BYTES))

    @property
    def type(self) -> int:
        """Its type, as libp2p numbers them."""
        return ED25519

    def public(self) -> PublicKey:
        """Compute the public half."""
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

        key = ed25519.Ed25519PrivateKey.from_private_bytes(self.seed)
        return PublicKey(key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over *message*; the same each time."""
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

        return ed25519.Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    def protobuf(self) -> bytes:
        """Return libp2p's protobuf form: the seed and the public key behind it."""
        return _PRIVATE_PREFIX + self.seed + self.public().raw

    @staticmethod
    def from_protobuf(data: bytes) -> "PrivateKey":
        """Read libp2p's protobuf form, whose public half must belong to the seed."""
        body = _ed25519_of(data)
        # Old libp2p wrote the public key twice (peer-ids.md, "Ed25519").
        if len(body) not in (64, 96) or body[32:64] != body[-32:]:
            raise InvalidKey(f"an Ed25519 private key has 64 bytes, not {len(body)}")
        key = PrivateKey(body[:32])
        if key.public().raw != body[32:64]:
            raise InvalidKey("its public half belongs to another key")
        return key


def _ed25519_of(data: bytes) -> bytes:
    """Return the field Data of a key message, which must be of Ed25519."""
    key_type, body = split(data)
    if key_type != ED25519:
        raise UnsupportedKey(type_name(key_type))
    return body


def type_name(key_type: int) -> str:
    """Return what a type of key is called; a large number, which is none, is not repeated."""
    return TYPE_NAMES.get(key_type) or (str(key_type) if key_type < 256 else "unknown")


def message(key_type: int, body: bytes) -> bytes:
    """Return the key message ``{1: Type, 2: Data}``."""
    return b"\x08" + bytes((key_type,)) + b"\x12" + varint.encode(len(body)) + body


def split(data: bytes) -> tuple[int, bytes]:
    """Return type and Data of a key message.

    Only the one encoding that libp2p/specs demands is read: both fields, in order, minimal. What is
    wrong with it is said without its bytes, which may be those of a private key.
    """
    if len(data) > MAX_KEY_BYTES:
        raise LimitExceeded("key", MAX_KEY_BYTES, len(data))
    try:
        tag, at = varint.decode(data)
        if tag != 0x08:
            raise InvalidKey("another field stands where the type belongs")
        key_type, at = varint.decode(data, at)
        tag, body_at = varint.decode(data, at)
        if tag != 0x12:
            raise InvalidKey("another field stands where the data belongs")
        size, body_at = varint.decode(data, body_at)
    except InvalidKey:
        raise
    except Malformed as fault:
        raise InvalidKey(str(fault)) from None
    if size != len(data) - body_at:
        raise InvalidKey("its length is not that of its data")
    return key_type, data[body_at:]
