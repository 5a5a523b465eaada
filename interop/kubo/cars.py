"""A reader of CARv1 that shares no code with the package: what is in the file, block by block."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Car:
    """The header's bytes, which name the roots, and the sections in order: CID and data."""

    header: bytes
    sections: tuple[tuple[bytes, bytes], ...]

    @property
    def blocks(self) -> frozenset[tuple[bytes, bytes]]:
        """The blocks in no order, by multihash."""
        return frozenset((_multihash(cid), data) for cid, data in self.sections)


def read(data: bytes) -> Car:
    """Take *data* apart; every sha2-256 block must match its CID."""
    length, at = _varint(data, 0)
    header, at = data[at : at + length], at + length
    sections = []
    while at < len(data):
        length, at = _varint(data, at)
        section, at = data[at : at + length], at + length
        assert len(section) == length, "the last section is cut short"
        size = _cid_size(section)
        cid, block = section[:size], section[size:]
        if _multihash(cid)[:2] == b"\x12\x20":
            assert _multihash(cid)[2:] == hashlib.sha256(block).digest(), "a block of another hash"
        sections.append((cid, block))
    return Car(header, tuple(sections))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _cid_size(data: bytes) -> int:
    if data[:2] == b"\x12\x20":
        return 34
    at = 0
    for _ in range(3):  # version, codec, hash function
        _, at = _varint(data, at)
    length, at = _varint(data, at)
    return at + length


def _multihash(cid: bytes) -> bytes:
    if cid[:2] == b"\x12\x20":
        return cid
    _, at = _varint(cid, 0)
    _, at = _varint(cid, at)
    return cid[at:]
