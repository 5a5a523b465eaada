"""The prefix of a CID, which blocks come with, and the multihash of the data it came with.

A block is named by what it hashes to, never by what a peer says it is. Wants are kept by multihash,
as blocks are in the store: version and codec of a CID don't change which bytes are meant.
"""

from typing import Final

from jiaozi_node.errors import Malformed
from jiaozi_node.exchange.message import V0_PREFIX
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats import varint
from jiaozi_node.formats.block import MAX_BYTES
from jiaozi_node.formats.cid import Cid

_USUAL_BYTES: Final = 36  # of a CID of version 1, codec of one byte, sha2-256
_SHA2_256: Final = b"\x12\x20"
_V1_TO_HASH: Final = frozenset({b"\x01\x55\x12\x20", b"\x01\x70\x12\x20", b"\x01\x71\x12\x20"})


def multihash_in(raw: bytes) -> bytes | None:
    """Return the multihash in the bytes of a CID; None when they are no CID that may be asked for.

    Identity CIDs are none: they carry their block.
    """
    if len(raw) == _USUAL_BYTES and raw[:4] in _V1_TO_HASH:
        return raw[2:]
    if len(raw) == 34 and raw[:2] == _SHA2_256:
        return raw
    try:
        multihash = Cid(raw).multihash
    except Malformed:
        return None
    return None if multihash[0] == mh.IDENTITY else multihash


def prefix_of(raw: bytes) -> bytes:
    """Return the prefix of the CID whose bytes are *raw*: all but the digest."""
    if raw[0] == 0x12:
        return V0_PREFIX
    if len(raw) == _USUAL_BYTES and raw[2:4] == _SHA2_256:
        return raw[:4]
    at = 0
    for _ in range(4):  # version, codec, hash function, length of the digest
        at = varint.decode(raw, at)[1]
    return raw[:at]


def multihash_of(prefix: bytes, data: bytes) -> bytes | None:
    """Return what *data* hashes to under *prefix*.

    None when that can't have been wanted: a prefix that is none, identity, a hash or a length that
    is not on the allowlist or that we can't compute, a block over 2 MiB.
    """
    if len(data) > MAX_BYTES:
        return None
    if prefix in _V1_TO_HASH or prefix == V0_PREFIX:
        return mh.of(mh.SHA2_256, data)
    try:
        version, at = varint.decode(prefix)
        _codec, at = varint.decode(prefix, at)
        code, at = varint.decode(prefix, at)
        length, at = varint.decode(prefix, at)
        if version != 1 or code == mh.IDENTITY or at != len(prefix):
            return None
        if not mh.MIN_DIGEST_BYTES <= length <= mh.MAX_DIGEST_BYTES:
            return None
        digest = mh.split(mh.of(code, data))[1][:length]
    except Malformed:
        return None
    if len(digest) != length:
        return None
    return varint.encode(code) + varint.encode(length) + digest
