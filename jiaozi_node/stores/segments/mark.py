"""``index.mark``: how far the index covers the segments for certain, and what it then held.

LevelDB without sync may lose rows in the middle, so no row can say how far it got; this file does.
It is written after the segments and the index were synced, and replaced as a whole
(``specs/segments.md`` §5).
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

from jiaozi_node.stores.api import Family

_HEAD = struct.Struct(">8s16sQQQII")
_PLACE = struct.Struct(">IBQQQQQI")
_CRC = struct.Struct(">I")
MAGIC = b"jzmark\0\1"

OPEN, CLOSED, CONDEMNED = 0, 1, 2


class Covered(NamedTuple):
    """One segment as the index covers it.

    Every section below *end* has its row, unless it is dead. Nothing at or above *limit* was ever
    acknowledged. *live_rows* and *live_bytes* are those of rows that point into it, *all_bytes*
    those of every block it holds; *drops* counts the records of its file of drops that were heeded.
    """

    number: int
    family: Family
    state: int
    end: int
    limit: int
    live_rows: int
    live_bytes: int
    all_bytes: int
    drops: int


class Mark(NamedTuple):
    """*index_id* is what the index's sentinel row says; *rows* and *digest* sum up its rows."""

    index_id: bytes
    generation: int
    rows: int
    digest: int
    next_number: int
    segments: Sequence[Covered]


NO_LIMIT = 2**63


def encode(mark: Mark) -> bytes:
    """Return the bytes of the file."""
    parts = [
        _HEAD.pack(
            MAGIC,
            mark.index_id,
            mark.generation,
            mark.rows,
            mark.digest,
            mark.next_number,
            len(mark.segments),
        )
    ]
    for one in mark.segments:
        kind = one.family | one.state << 1
        parts.append(
            _PLACE.pack(
                one.number,
                kind,
                one.end,
                one.limit,
                one.live_rows,
                one.live_bytes,
                one.all_bytes,
                one.drops,
            )
        )
    body = b"".join(parts)
    return body + _CRC.pack(crc32(body))


def newer(data: bytes) -> int:
    """Return the version of an undamaged file that a later jiaozi wrote, else 0."""
    if data[:7] != MAGIC[:7] or data[7:8] <= MAGIC[7:]:
        return 0
    return data[7] if crc32(data[: -_CRC.size]) == int.from_bytes(data[-_CRC.size :], "big") else 0


def decode(data: bytes) -> Mark | None:
    """Read the file; None when it is torn or damaged: the index is then rebuilt."""
    if len(data) < _HEAD.size + _CRC.size or data[:8] != MAGIC:
        return None
    body = data[: -_CRC.size]
    if _CRC.unpack(data[-_CRC.size :])[0] != crc32(body):
        return None
    _magic, index, generation, rows, digest, next_number, count = _HEAD.unpack_from(body)
    if len(body) != _HEAD.size + count * _PLACE.size:
        return None
    segments = []
    for number, kind, *rest in _PLACE.iter_unpack(body[_HEAD.size :]):
        segments.append(Covered(number, Family(kind & 1), kind >> 1, *rest))
    return Mark(index, generation, rows, digest, next_number, segments)
