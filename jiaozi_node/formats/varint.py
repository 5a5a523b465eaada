"""Unsigned varints as multiformats writes them: little-endian base 128, minimal, at most 9 bytes.

https://github.com/multiformats/unsigned-varint
"""

from jiaozi_node.errors import Malformed

MAX_BYTES = 9  # values below 2**63


def encode(value: int) -> bytes:
    """Return the minimal varint of *value*, 0 ≤ value < 2**63."""
    if value < 0x80:
        if value < 0:
            raise Malformed(f"varint of a negative number {value}")
        return bytes((value,))
    if value >> 63:
        raise Malformed(f"varint of {value} needs more than {MAX_BYTES} bytes")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode(data: bytes, offset: int = 0) -> tuple[int, int]:
    """Read the varint at *offset*; return its value and the offset behind it.

    Raises `Malformed` when it is cut short, longer than nine bytes or not minimal.
    """
    value = shift = 0
    for at in range(offset, min(offset + MAX_BYTES, len(data))):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 and shift:
                raise Malformed(f"varint at byte {offset} is not minimal")
            return value, at + 1
        shift += 7
    if len(data) - offset >= MAX_BYTES:
        raise Malformed(f"varint at byte {offset} is longer than {MAX_BYTES} bytes")
    raise Malformed(f"varint at byte {offset} is cut short")
