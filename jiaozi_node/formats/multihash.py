"""Multihashes: a hash function's code, the digest's length, the digest.

Which functions and which digest lengths are taken follows IPIP-512 and Kubo: the functions of
`multicodec.HASHES`, digests of 20 to 128 bytes, identity up to 128.
"""

import hashlib
from collections.abc import Callable
from functools import partial

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import varint
from jiaozi_node.formats.multicodec import HASH_CODES, HASHES

IDENTITY = 0x00
SHA1 = 0x11
SHA2_256 = 0x12
SHA2_512 = 0x13
BLAKE3 = 0x1E

MIN_DIGEST_BYTES = 20  # IPIP-512
MAX_DIGEST_BYTES = 128  # IPIP-512
MAX_IDENTITY_BYTES = 128  # IPIP-512

NAMES = HASHES
CODES = HASH_CODES


class UnknownHash(Malformed):
    """A hash function that is not on the allowlist."""

    def __init__(self, code: int) -> None:
        super().__init__(f"hash function {code:#x} is not on the allowlist of IPIP-512")
        self.code = code


def _blake3(data: bytes) -> bytes:
    import blake3  # noqa: PLC0415 - a compiled module that few runs need

    return blake3.blake3(data).digest()


def _double(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def _keccak(bits: int, data: bytes) -> bytes:
    """Hash with Keccak as submitted, whose padding is not that of SHA-3."""
    from Crypto.Hash import keccak  # noqa: PLC0415 - as blake3

    return keccak.new(digest_bits=bits, data=data).digest()


def _blake2b(size: int, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=size).digest()


def _blake2s(size: int, data: bytes) -> bytes:
    return hashlib.blake2s(data, digest_size=size).digest()


_FUNCTIONS: dict[int, Callable[[bytes], bytes]] = {
    IDENTITY: bytes,
    SHA1: lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    SHA2_256: lambda data: hashlib.sha256(data).digest(),
    SHA2_512: lambda data: hashlib.sha512(data).digest(),
    0x14: lambda data: hashlib.sha3_512(data).digest(),
    0x15: lambda data: hashlib.sha3_384(data).digest(),
    0x16: lambda data: hashlib.sha3_256(data).digest(),
    0x17: lambda data: hashlib.sha3_224(data).digest(),
    0x19: lambda data: hashlib.shake_256(data).digest(64),
    0x1A: partial(_keccak, 224),
    0x1B: partial(_keccak, 256),
    0x1C: partial(_keccak, 384),
    0x1D: partial(_keccak, 512),
    BLAKE3: _blake3,
    0x56: _double,
    **{0xB200 + size: partial(_blake2b, size) for size in range(MIN_DIGEST_BYTES, 65)},
    **{0xB240 + size: partial(_blake2s, size) for size in range(MIN_DIGEST_BYTES, 33)},
}
_SHA2_256_PREFIX = b"\x12\x20"


def of(code: int, data: bytes) -> bytes:
    """Return the multihash of *data* under hash function *code*."""
    if code == SHA2_256:
        return _SHA2_256_PREFIX + hashlib.sha256(data).digest()
    function = _FUNCTIONS.get(code)
    if function is None:
        raise UnknownHash(code)
    digest = function(data)
    if code == IDENTITY and len(digest) > MAX_IDENTITY_BYTES:
        raise LimitExceeded("identity digest", MAX_IDENTITY_BYTES, len(digest))
    return varint.encode(code) + varint.encode(len(digest)) + digest


def matches(multihash: bytes, data: bytes) -> bool:
    """Tell whether *data* hashes to *multihash*, of a digest cut short as far as it goes."""
    if multihash[:2] == _SHA2_256_PREFIX and len(multihash) == 34:
        return multihash[2:] == hashlib.sha256(data).digest()
    code, digest = split(multihash)
    function = _FUNCTIONS.get(code)
    if function is None:
        raise UnknownHash(code)
    if code == IDENTITY:
        return digest == data
    return function(data)[: len(digest)] == digest


def split(multihash: bytes) -> tuple[int, bytes]:
    """Return the code and digest of *multihash*, which must be all of it and nothing more."""
    code, at = varint.decode(multihash)
    length, at = varint.decode(multihash, at)
    if length != len(multihash) - at:
        raise Malformed(
            f"multihash declares a digest of {length} bytes and holds {len(multihash) - at}"
        )
    return code, multihash[at:]


def check(multihash: bytes) -> None:
    """Raise `Malformed` unless *multihash* is well formed and its lengths and code are allowed."""
    code, digest = split(multihash)
    if code == IDENTITY:
        if len(digest) > MAX_IDENTITY_BYTES:
            raise LimitExceeded("identity digest", MAX_IDENTITY_BYTES, len(digest))
        return
    if code not in NAMES:
        raise UnknownHash(code)
    if len(digest) > MAX_DIGEST_BYTES:
        raise LimitExceeded("digest", MAX_DIGEST_BYTES, len(digest))
    if len(digest) < MIN_DIGEST_BYTES:
        raise Malformed(f"digest is {len(digest)} bytes, under the minimum of {MIN_DIGEST_BYTES}")
