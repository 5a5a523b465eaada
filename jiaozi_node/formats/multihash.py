"""Multihashes: a hash function's code, the digest's length, the digest.

Which functions and which digest lengths are taken follows IPIP-512: the allowlist below, digests
of 20 to 128 bytes, identity up to 128.
"""

import hashlib
from collections.abc import Callable

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import varint

IDENTITY = 0x00
SHA1 = 0x11
SHA2_256 = 0x12
SHA2_512 = 0x13
BLAKE3 = 0x1E

MIN_DIGEST_BYTES = 20  # IPIP-512
MAX_DIGEST_BYTES = 128  # IPIP-512
MAX_IDENTITY_BYTES = 128  # IPIP-512

NAMES = {
    IDENTITY: "identity",
    SHA1: "sha1",
    SHA2_256: "sha2-256",
    SHA2_512: "sha2-512",
    BLAKE3: "blake3",
}
CODES = {name: code for code, name in NAMES.items()}

# IPIP-512's allowlist beyond what we can compute: a CID may name these, a block may not.
# sha3, shake, keccak and blake2 are computed from issue C on.
KNOWN = frozenset(
    NAMES.keys()
    | {0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x56, 0x1012}
    | set(range(0xB201 + 19, 0xB240 + 1))  # blake2b-160 … 512
    | set(range(0xB241 + 19, 0xB260 + 1))  # blake2s-160 … 256
)


class UnknownHash(Malformed):
    """A hash function that is not on the allowlist, or that this version can't compute."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(f"hash function {NAMES.get(code, hex(code))} {why}")
        self.code = code


def _blake3(data: bytes) -> bytes:
    import blake3  # noqa: PLC0415 - a compiled module that few runs need

    return blake3.blake3(data).digest()


_FUNCTIONS: dict[int, Callable[[bytes], bytes]] = {
    IDENTITY: bytes,
    SHA1: lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    SHA2_256: lambda data: hashlib.sha256(data).digest(),
    SHA2_512: lambda data: hashlib.sha512(data).digest(),
    BLAKE3: _blake3,
}
_SHA2_256_PREFIX = b"\x12\x20"


def of(code: int, data: bytes) -> bytes:
    """Return the multihash of *data* under hash function *code*."""
    if code == SHA2_256:
        return _SHA2_256_PREFIX + hashlib.sha256(data).digest()
    function = _FUNCTIONS.get(code)
    if function is None:
        raise UnknownHash(code, "can't be computed by this version")
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
        raise UnknownHash(code, "can't be computed by this version")
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
    if code not in KNOWN:
        raise UnknownHash(code, "is not on the allowlist of IPIP-512")
    if len(digest) > MAX_DIGEST_BYTES:
        raise LimitExceeded("digest", MAX_DIGEST_BYTES, len(digest))
    if len(digest) < MIN_DIGEST_BYTES:
        raise Malformed(f"digest is {len(digest)} bytes, under the minimum of {MIN_DIGEST_BYTES}")
