"""A block: bytes, and the CID that they were seen to hash to.

``Block.of`` hashes and ``Block.checked`` verifies, so whoever holds a `Block` may trust it.
"""

from typing import NamedTuple

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.cid import Cid

MAX_BYTES = 2 * 1024 * 1024  # bitswap's largest block


class HashMismatch(Malformed):
    """Bytes that don't hash to the CID they came under."""

    def __init__(self, cid: Cid, size_bytes: int) -> None:
        super().__init__(f"{size_bytes} bytes that came as {cid} don't match its hash")
        self.cid, self.size_bytes = cid, size_bytes


def within(cid: Cid, fault: Malformed) -> Malformed:
    """Return *fault* with the block it was found in named first: ``raise within(cid, fault)``."""
    if str(cid) not in str(fault):
        fault.args = (f"block {cid}: {fault}",)
    return fault


class Block(NamedTuple):
    """Data under its CID. Build one with `of` or `checked`."""

    cid: Cid
    data: bytes

    @staticmethod
    def of(data: bytes, codec: int = c.RAW, hash_code: int = mh.SHA2_256) -> "Block":
        """Hash *data* under a version 1 CID."""
        return Block(Cid.v1(codec, mh.of(hash_code, data)), data)

    @staticmethod
    def of_v0(data: bytes) -> "Block":
        """Hash dag-pb *data* under a version 0 CID."""
        return Block(Cid.v0(mh.of(mh.SHA2_256, data)), data)

    @staticmethod
    def checked(cid: Cid, data: bytes, max_bytes: int = MAX_BYTES) -> "Block":
        """Return the block when *data* hashes to *cid*, else raise `HashMismatch`."""
        if len(data) > max_bytes:
            raise LimitExceeded(f"block {cid}", max_bytes, len(data))
        if not mh.matches(cid.multihash, data):
            raise HashMismatch(cid, len(data))
        return Block(cid, data)
