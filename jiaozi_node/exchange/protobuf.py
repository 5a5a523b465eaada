"""The protobuf of bitswap's messages: varints, and passing over what we don't know.

As Go reads it: varints may be padded and have up to ten bytes, groups are passed over, and so is a
known field of another wire type. https://protobuf.dev/programming-guides/encoding/
"""

from typing import Final

from jiaozi_node.errors import Malformed

MAX_FIELD: Final = (1 << 29) - 1
_MASK_64: Final = (1 << 64) - 1
_BYTE: Final = tuple(bytes((value,)) for value in range(256))


class MalformedMessage(Malformed):
    """Bytes from a peer that are no bitswap message, or one beyond our limits."""

    def __init__(self, why: str) -> None:
        super().__init__(f"invalid bitswap message: {why}")


def varint(value: int) -> bytes:
    """Return the shortest varint of *value*; a negative one as 64 bits in two's complement."""
    if 0 <= value < 0x80:
        return _BYTE[value]
    value &= _MASK_64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the number at *at*, cut to 64 bits, and where it ends, which is not behind *end*."""
    value = shift = 0
    while True:
        if at >= end:
            raise MalformedMessage(f"cut short at byte {end}")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _MASK_64, at
        shift += 7
        if shift > 63:
            raise MalformedMessage(f"varint before byte {at} is longer than 10 bytes")


def read_key(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the key of the field at *at*, which has a number that a field may have."""
    key, at = read_varint(data, at, end)
    if not 0 < key >> 3 <= MAX_FIELD:
        raise MalformedMessage(f"field number {key >> 3}")
    return key, at


def read_length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return where the bytes of a length-delimited field begin and end."""
    length, at = read_varint(data, at, end)
    if length > end - at:
        raise MalformedMessage(f"{length} bytes declared at byte {at}, {end - at} there")
    return at, at + length


def int32(value: int) -> int:
    """Return the low 32 bits of *value*, with their sign."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def skip(data: bytes, at: int, end: int, key: int) -> int:
    """Return where the unknown field of *key*, whose value begins at *at*, ends.

    Groups count as one field, whatever is inside; they are followed by a count, never by recursion.
    """
    depth = 0
    while True:
        wire = key & 7
        if wire == 0:
            at = read_varint(data, at, end)[1]
        elif wire == 1:
            at += 8
        elif wire == 2:
            at = read_length(data, at, end)[1]
        elif wire == 3:
            depth += 1
        elif wire == 4:
            if not depth:
                raise MalformedMessage(f"a group ends at byte {at} that never began")
            depth -= 1
        elif wire == 5:
            at += 4
        else:
            raise MalformedMessage(f"wire type {wire} at byte {at}")
        if at > end:
            raise MalformedMessage(f"cut short at byte {end}")
        if not depth:
            return at
        key, at = read_varint(data, at, end)
