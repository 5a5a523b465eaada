"""The frames of a segment: CARv1 sections, written one after another and found again after damage.

A section is a varint (length of CID and data), the CID, the data. Nothing in a file says where its
acknowledged part ends, so a scan never stops at a section that is wrong: it looks for the next one
whose bytes hash to its CID and goes on there, and what lies between is reported as a `Gap`
(``specs/segments.md`` §4).
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

from jiaozi_node.errors import Malformed
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats import varint

# A CARv1 header without roots: car.header([]), whose module costs more to import than to copy.
HEADER = b"\x11\xa2eroots\x80gversion\x01"
MAX_BLOCK_BYTES = 64 * 1024 * 1024  # --allow-big-block; a scan holds one of these in memory

_MAX_CID_BYTES = 168
_MAX_HEAD_BYTES = 5 + _MAX_CID_BYTES
_WINDOW_BYTES = 4 * 1024 * 1024
_PLAIN_BYTES = 2 * 1024 * 1024 + 256  # candidates beyond need a second sign before they are hashed
# How the multihashes of nearly every block begin: sha2-256, blake3, sha2-512.
_STARTS = (b"\x12\x20", b"\x1e\x20", b"\x13\x40")


class Section(NamedTuple):
    """A block in a segment: *at* is where its frame begins, *offset* its data."""

    at: int
    multihash: bytes
    offset: int
    length: int

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.offset + self.length


class Gap(NamedTuple):
    """Bytes from *at* to *end* that are no section: a torn tail, or rot."""

    at: int
    end: int


def head(cid: bytes, length: int) -> bytes:
    """Return what stands before the *length* bytes of data of the block *cid*."""
    size = len(cid) + length
    if size < 0x80:
        return bytes((size,)) + cid
    if size < 0x4000:
        return bytes((size & 0x7F | 0x80, size >> 7)) + cid
    if size < 0x200000:
        return bytes((size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14)) + cid
    return varint.encode(size) + cid


def parse(data: bytes, at: int, base: int) -> Section | None:
    """Read the head of the section at *at* of *data*, whose first byte is the file's byte *base*.

    None when it can't be one of ours.
    """
    try:
        size, start = varint.decode(data, at)
        if data[start : start + 2] == b"\x12\x20":
            begin, end = start, start + 34
        elif data[start : start + 1] == b"\x01":
            _codec, begin = varint.decode(data, start + 1)
            code, end = varint.decode(data, begin)
            if code == mh.IDENTITY or code not in mh.NAMES:
                return None
            digest, end = varint.decode(data, end)
            if not mh.MIN_DIGEST_BYTES <= digest <= mh.MAX_DIGEST_BYTES:
                return None
            end += digest
        else:
            return None
    except Malformed:
        return None
    length = size - (end - start)
    if length < 0 or length > MAX_BLOCK_BYTES or end > len(data):
        return None
    return Section(base + at, data[begin:end], base + end, length)


def scan(fd: int, start: int, end: int, *, verify: bool = True) -> Iterator[Section | Gap]:
    """Yield the sections of the segment *fd* from *start* to *end*, and the gaps between them.

    With *verify* only sections whose data hash to their CID are yielded as such.
    """
    if start == 0:
        if os.pread(fd, len(HEADER), 0) != HEADER[: end - start] and end:
            yield Gap(0, min(end, len(HEADER)))
        start = min(end, len(HEADER))
    window = _Window(fd, end)
    at = start
    while at < end:
        found = window.section(at, verify=verify)
        if found is not None:
            yield found
            at = found.end
            continue
        resumed = _resume(window, at)
        cut = end if resumed is None else resumed.at
        salvaged = _salvage(window, at, cut)
        yield Gap(at, cut) if salvaged is None else salvaged
        if resumed is None:
            return
        yield resumed
        at = resumed.end


def _resume(window: "_Window", at: int) -> Section | None:
    """Return the first good section behind the bad one at *at*."""
    bad = window.head(at)
    if bad is not None and bad.end < window.end:  # only its data are bad: its length may be right
        found = window.section(bad.end, verify=True)
        if found is not None:
            return found
    place = at + 1
    while place < window.end:
        data = window.read(place, _WINDOW_BYTES)
        for begin in sorted(_candidates(data, place == at + 1)):
            found = window.section(place + begin, verify=True, wary=True)
            if found is not None:
                return found
        place += max(1, len(data) - _MAX_HEAD_BYTES)
    return None


def _candidates(data: bytes, first: bool) -> set[int]:
    """Return where in *data* a frame may begin: before each thing that looks like a multihash."""
    found: set[int] = set()
    for start in _STARTS:
        at = data.find(start)
        while at >= 0:
            begins = []
            if start == b"\x12\x20":
                begins.append(at)  # version 0: the multihash is the CID
            if at >= 2 and data[at - 2] == 1 and data[at - 1] < 0x80:
                begins.append(at - 2)
            if at >= 3 and data[at - 3] == 1 and data[at - 2] >= 0x80 > data[at - 1]:
                begins.append(at - 3)
            for begin in begins:
                # The varint's last byte is below 0x80, those before it are not.
                place = begin - 1
                if place < 0 or data[place] >= 0x80:
                    continue
                found.add(place)
                while place and data[place - 1] >= 0x80 and begin - place < 4:
                    place -= 1
                    found.add(place)
            at = data.find(start, at + 1)
    return found


def _salvage(window: "_Window", at: int, end: int) -> Section | None:
    """Return the section at *at* when nothing but its length is damaged; it must end at *end*."""
    data = window.read(at, _MAX_HEAD_BYTES)
    for skip in range(1, 6):
        # Whatever the varint says: is this a CID, and do all bytes up to *end* hash to it?
        size = end - at - skip
        if size <= 0 or size > MAX_BLOCK_BYTES + _MAX_CID_BYTES:
            continue
        prefix = varint.encode(size)
        found = parse(prefix + data[skip:], 0, 0)
        if found is None or len(found.multihash) < 22:
            continue
        offset = at + skip + found.offset - len(prefix)
        section = Section(at, found.multihash, offset, end - offset)
        if section.length >= 0 and window.good(section):
            return section
    return None


class _Window:
    """A piece of the file in memory."""

    def __init__(self, fd: int, end: int) -> None:
        self.fd, self.end = fd, end
        self._base = 0
        self._data = b""

    def read(self, at: int, size: int) -> bytes:
        """Return up to *size* bytes from *at*, fewer at the end alone."""
        size = min(size, self.end - at)
        begin = at - self._base
        if begin < 0 or begin + size > len(self._data):
            self._data = os.pread(self.fd, min(max(size, _WINDOW_BYTES), self.end - at), at)
            self._base, begin = at, 0
        return self._data[begin : begin + size]

    def head(self, at: int) -> Section | None:
        found = parse(self.read(at, _MAX_HEAD_BYTES), 0, at)
        return None if found is None or found.end > self.end else found

    def good(self, section: Section) -> bool:
        data = self.read(section.offset, section.length)
        try:
            return len(data) == section.length and mh.matches(section.multihash, data)
        except Malformed:  # a hash that this version can't compute
            return False

    def section(self, at: int, *, verify: bool, wary: bool = False) -> Section | None:
        found = self.head(at)
        if found is None:
            return None
        if wary and found.length > _PLAIN_BYTES:
            behind = found.end
            if behind != self.end and self.head(behind) is None:
                return None
        return found if not verify or self.good(found) else None
