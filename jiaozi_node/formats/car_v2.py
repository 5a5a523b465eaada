"""What a CAR file of version 2 has around its version 1 payload, to be written.

A pragma, a header that says where the payload and the index lie, and an index from multihash to the
place of a block's section in the payload (``MultihashIndexSorted``), so that a reader finds one
block without reading all. https://ipld.io/specs/transport/car/carv2/
"""

from collections.abc import Iterator
from typing import Final

from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats import varint
from jiaozi_node.formats.cid import Cid

PRAGMA: Final = b"\x0a\xa1\x67version\x02"
HEADER_BYTES: Final = 40  # characteristics 16, payload offset 8, payload size 8, index offset 8

_FULLY_INDEXED: Final = b"\x80" + bytes(15)  # every section is in the index, identity CIDs too
_SORTED_MULTIHASHES: Final = 0x0401


def head(payload_bytes: int) -> bytes:
    """Return all that stands before a payload of *payload_bytes*; the index follows it at once."""
    start = len(PRAGMA) + HEADER_BYTES
    places = (start, payload_bytes, start + payload_bytes)
    return PRAGMA + _FULLY_INDEXED + b"".join([place.to_bytes(8, "little") for place in places])


class Index:
    """Gathers where sections begin, counted from the payload's first byte. 40 bytes a block."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, int], list[bytes]] = {}

    def add(self, cid: Cid, at: int) -> None:
        """Note that the section of *cid* begins at *at*."""
        code, digest = mh.split(cid.multihash)
        row = digest + at.to_bytes(8, "little")
        self._rows.setdefault((code, len(row)), []).append(row)

    def encode(self) -> Iterator[bytes]:
        """Yield the bytes of the index: by hash function, by length of digest, by digest."""
        yield varint.encode(_SORTED_MULTIHASHES)
        codes = sorted({code for code, _ in self._rows})
        yield len(codes).to_bytes(4, "little")
        for code in codes:
            widths = sorted(width for other, width in self._rows if other == code)
            yield code.to_bytes(8, "little") + len(widths).to_bytes(4, "little")
            for width in widths:
                rows = sorted(self._rows[code, width])
                yield width.to_bytes(4, "little") + (width * len(rows)).to_bytes(8, "little")
                yield b"".join(rows)
