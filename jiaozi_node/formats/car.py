"""CAR files: a header that names roots, then blocks. Writes version 1, reads versions 1 and 2.

A version 2 file wraps a version 1 payload, whose borders are checked; its index is never looked at,
since it may lie. Every block is hashed as it is read, nothing is allocated from a declared size
beyond the limits below, and what is wrong is named with its byte offset in the file.
https://ipld.io/specs/transport/car/carv1/ and …/carv2/
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import block as b
from jiaozi_node.formats import car_v2, dag_cbor, varint
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid

MAX_HEADER_BYTES: Final = 1024 * 1024
MAX_SECTION_BYTES: Final = b.MAX_BYTES + 256  # a block and its CID
MAX_ROOTS: Final = 4096

_READ_BYTES: Final = 1024 * 1024


class Reads(Protocol):
    """A source of bytes: an open binary file, a socket's file, anything with ``read``."""

    def read(self, size: int, /) -> bytes:
        """Return up to *size* bytes; none at the end alone."""
        ...


class InvalidCar(Malformed):
    """Bytes that break a rule of the CAR format; *at* is where, from the start of the file."""

    def __init__(self, at: int, why: str) -> None:
        super().__init__(f"invalid CAR at byte {at}: {why}")
        self.at, self.why = at, why


@dataclass(frozen=True, slots=True)
class Section:
    """One block as it stands in the file, not verified; *at* is the offset of *data*."""

    cid: Cid
    data: bytes
    at: int


def header(roots: Iterable[Cid]) -> bytes:
    """Return the bytes that begin a version 1 file."""
    body = dag_cbor.encode({"roots": list(roots), "version": 1})
    return varint.encode(len(body)) + body


def section(cid: Cid, data: bytes) -> bytes:
    """Return the bytes of one block in the file."""
    raw = cid.raw
    return b"".join((varint.encode(len(raw) + len(data)), raw, data))


def read(
    stream: Reads, max_block_bytes: int = b.MAX_BYTES, size_bytes: int | None = None
) -> "CarReader":
    """Read the header of the CAR file in *stream*, which stands at its beginning.

    Whoever knows the whole file's length passes *size_bytes*: the offsets of version 2 are held
    against it before anything is read.
    """
    return CarReader(stream, max_block_bytes, size_bytes)


class CarReader:
    """A CAR file being read: `version`, `roots`, and, by iteration, its verified blocks.

    Iteration goes once over the stream. It raises `InvalidCar` or `LimitExceeded`; blocks that came
    before are good.
    """

    def __init__(
        self, stream: Reads, max_block_bytes: int = b.MAX_BYTES, size_bytes: int | None = None
    ) -> None:
        self._source = _Source(stream)
        self._size_bytes = size_bytes
        self._max_block_bytes = max_block_bytes
        self._end: int | None = None
        self.version = 1
        found = self._header()
        if found == 2:
            self.version = 2
            self._enter_payload()
            if self._header() != 1:
                raise InvalidCar(self._source.at, "the payload of a version 2 file is version 1")

    def __iter__(self) -> Iterator[Block]:
        limit = self._max_block_bytes
        for part in self.sections():
            try:
                block = Block.checked(part.cid, part.data, limit)
            except LimitExceeded:
                raise
            except Malformed as fault:
                raise InvalidCar(part.at, str(fault)) from None
            yield block

    def sections(self) -> Iterator[Section]:
        """Yield the blocks without hashing them."""
        source = self._source
        limit = self._max_block_bytes + (MAX_SECTION_BYTES - b.MAX_BYTES)
        while True:
            start = source.at
            if start == self._end:
                return
            size = source.varint(at_end=self._end is None)
            if size is None:
                return
            if size == 0:
                raise InvalidCar(start, "an empty section")
            if size > limit:
                raise LimitExceeded(f"CAR section at byte {start}", limit, size)
            self._within(start, source.at + size)
            at = source.at
            payload = source.take(size, "section")
            cid, length = _cid_of(payload, at)
            yield Section(cid, payload[length:], at + length)

    def _header(self) -> int:
        """Read a header and its roots; return the version it names."""
        source = self._source
        start = source.at
        size = source.varint()
        if size is None or size == 0:
            raise InvalidCar(start, "an empty header")
        if size > MAX_HEADER_BYTES:
            raise LimitExceeded(f"CAR header at byte {start}", MAX_HEADER_BYTES, size)
        self._within(start, source.at + size)
        at = source.at
        try:
            value = dag_cbor.decode(source.take(size, "header"))
        except InvalidCar:
            raise
        except Malformed as fault:
            raise InvalidCar(at, f"header: {fault}") from None
        if not isinstance(value, dict):
            raise InvalidCar(at, "the header is not a map")
        version = value.get("version")
        if version == 2 and self.version == 1 and value.keys() == {"version"}:
            return 2
        if version != 1 or isinstance(version, bool) or value.keys() != {"roots", "version"}:
            raise InvalidCar(at, "the header is not {roots, version: 1} nor {version: 2}")
        roots = value["roots"]
        if not isinstance(roots, list) or not all(isinstance(root, Cid) for root in roots):
            raise InvalidCar(at, "the roots are not a list of CIDs")
        if len(roots) > MAX_ROOTS:
            raise LimitExceeded("roots of a CAR", MAX_ROOTS, len(roots), "CIDs")
        self.roots = tuple(root for root in roots if isinstance(root, Cid))
        return 1

    def _enter_payload(self) -> None:
        """Read the fixed header of version 2 and go to its payload."""
        source = self._source
        start = source.at
        if start != len(car_v2.PRAGMA):
            raise InvalidCar(0, "the pragma of version 2 is written in another way")
        fixed = source.take(car_v2.HEADER_BYTES, "version 2 header")
        offset, size, index = (int.from_bytes(fixed[at : at + 8], "little") for at in (16, 24, 32))
        if offset < source.at:
            raise InvalidCar(start + 16, f"the payload begins at {offset}, inside the header")
        if size == 0:
            raise InvalidCar(start + 24, "the payload is empty")
        if index and index < offset + size:
            raise InvalidCar(start + 32, f"the index begins at {index}, inside the payload")
        if self._size_bytes is not None and max(offset + size, index) > self._size_bytes:
            raise InvalidCar(start + 16, f"it reaches beyond the file's end at {self._size_bytes}")
        source.skip(offset - source.at)
        self._end = offset + size

    def _within(self, start: int, end: int) -> None:
        if self._end is not None and end > self._end:
            raise InvalidCar(start, f"it reaches beyond the payload's end at {self._end}")


class _Source:
    """A stream with a place in it; reads ahead in large pieces."""

    def __init__(self, stream: Reads) -> None:
        self._stream = stream
        self._buffer = b""
        self._next = 0
        self._base = 0  # where the buffer begins in the file

    @property
    def at(self) -> int:
        return self._base + self._next

    def take(self, size: int, what: str) -> bytes:
        """Return exactly *size* bytes, which the caller has held against a limit."""
        end = self._next + size
        if end <= len(self._buffer):
            data = self._buffer[self._next : end]
            self._next = end
            return data
        start = self.at
        parts = [self._buffer[self._next :]]
        missing = size - len(parts[0])
        while missing:
            if not self._refill():
                raise InvalidCar(start, f"cut short: a {what} of {size} bytes has {size - missing}")
            part = self._buffer[:missing]
            self._next = len(part)
            missing -= len(part)
            parts.append(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        start = self.at
        while size:
            there = len(self._buffer) - self._next
            if not there and not self._refill():
                raise InvalidCar(start, f"cut short: {size} bytes are missing")
            step = min(size, len(self._buffer) - self._next)
            self._next += step
            size -= step

    def varint(self, *, at_end: bool = False) -> int | None:
        """Read a varint; with *at_end*, return None where the stream ends."""
        start = self.at
        if self._next == len(self._buffer) and not self._refill():
            if at_end:
                return None
            _cut_varint(start)
        first = self._buffer[self._next]
        if first < 0x80:
            self._next += 1
            return first
        while True:
            window = self._buffer[self._next : self._next + varint.MAX_BYTES]
            if len(window) == varint.MAX_BYTES or min(window) < 0x80:
                break
            rest = self._buffer[self._next :]
            if not self._refill():
                _cut_varint(start)
            self._buffer, self._next = rest + self._buffer, 0
            self._base -= len(rest)
        try:
            value, end = varint.decode(window)
        except Malformed as fault:
            raise InvalidCar(start, str(fault)) from None
        self._next += end
        return value

    def _refill(self) -> bool:
        """Replace the used-up buffer by the next piece of the stream; False at its end."""
        data = self._stream.read(_READ_BYTES)
        self._base += len(self._buffer)
        self._buffer, self._next = data, 0
        return bool(data)


def _cut_varint(at: int) -> NoReturn:
    raise InvalidCar(at, "cut short: a length is missing")


def _cid_of(payload: bytes, at: int) -> tuple[Cid, int]:
    """Return the CID that begins *payload* and its length in bytes."""
    try:
        if payload[:2] == b"\x12\x20":
            length = 34
        elif payload[2:4] == b"\x12\x20" and payload[0] == 1 and payload[1] < 0x80:
            length = 36
        else:
            _version, end = varint.decode(payload)
            _codec, end = varint.decode(payload, end)
            _hash, end = varint.decode(payload, end)
            digest, end = varint.decode(payload, end)
            length = end + digest
        if length > len(payload):
            raise Malformed(f"a CID of {length} bytes in a section of {len(payload)}")
        return Cid(payload[:length]), length
    except Malformed as fault:
        raise InvalidCar(at, str(fault)) from None
