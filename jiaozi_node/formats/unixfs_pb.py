"""The UnixFS message inside dag-pb's ``Data``: what kind of thing a node is, and its sizes.

Written with fields in order of their numbers, as Kubo writes them. Read as protobuf readers do:
any order, unknown fields passed over, the last of a repeated scalar counts, block sizes packed or
not. Sizes are declarations of whoever made the block; nothing may be allocated by them.
https://specs.ipfs.tech/unixfs/
"""

from typing import Final, NamedTuple

from jiaozi_node.errors import Malformed

RAW: Final = 0
DIRECTORY: Final = 1
FILE: Final = 2
METADATA: Final = 3
SYMLINK: Final = 4
HAMT_SHARD: Final = 5

KINDS: Final = {
    RAW: "raw",
    DIRECTORY: "directory",
    FILE: "file",
    METADATA: "metadata",
    SYMLINK: "symlink",
    HAMT_SHARD: "hamt-sharded-directory",
}


class MalformedUnixFs(Malformed):
    """Data of a dag-pb node which is not UnixFS."""

    def __init__(self, why: str) -> None:
        super().__init__(f"invalid UnixFS: {why}")


class UnixFs(NamedTuple):
    """A UnixFS message; None is "absent", which is other bytes than zero or empty.

    *mode* is POSIX permission bits (and setuid, setgid, sticky), *mtime* seconds since 1970
    (negative before) and nanoseconds 0 … 999,999,999.
    """

    type: int
    data: bytes | None = None
    file_size: int | None = None
    block_sizes: tuple[int, ...] = ()
    hash_type: int | None = None
    fanout: int | None = None
    mode: int | None = None
    mtime: tuple[int, int] | None = None


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(node: UnixFs) -> bytes:
    """Return the bytes of *node*."""
    out = [b"\x08", _varint(node.type)]
    data = node.data
    if data is not None:
        out += (b"\x12", _varint(len(data)), data)
    if node.file_size is not None:
        out += (b"\x18", _varint(node.file_size))
    if node.block_sizes:
        out.append(_block_sizes(node.block_sizes))
    if node.hash_type is not None:
        out += (b"\x28", _varint(node.hash_type))
    if node.fanout is not None:
        out += (b"\x30", _varint(node.fanout))
    if node.mode is not None:
        out += (b"\x38", _varint(node.mode))
    if node.mtime is not None:
        seconds, nanos = node.mtime
        time = b"\x08" + _varint(seconds & 0xFFFF_FFFF_FFFF_FFFF)
        if nanos:
            time += b"\x15" + nanos.to_bytes(4, "little")
        out += (b"\x42", _varint(len(time)), time)
    return b"".join(out)


def _block_sizes(sizes: tuple[int, ...]) -> bytes:
    """Return field 4 once per size; runs of equal sizes, which most files are, cost nothing."""
    first = sizes[0]
    same = 1
    for size in sizes:
        if size != first:
            break
        same += 1
    same -= 1
    head = (b"\x20" + _varint(first)) * same
    if same == len(sizes):
        return head
    return head + b"".join([b"\x20" + _varint(size) for size in sizes[same:]])


def encode_file(
    data: bytes | None,
    file_size: int | None,
    block_sizes: tuple[int, ...] = (),
) -> bytes:
    """Return a file's message without mode and mtime: what an importer writes most."""
    out = b"\x08\x02"
    if data is not None:
        out = b"\x08\x02\x12%b%b" % (_varint(len(data)), data)
    if file_size is not None:
        out += b"\x18" + _varint(file_size)
    return out + _block_sizes(block_sizes) if block_sizes else out


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a protobuf varint; `IndexError` when it is cut short."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                raise MalformedUnixFs("varint is over 64 bits")
            return value, at
        shift += 7
        if shift > 63:
            raise MalformedUnixFs("varint is longer than 10 bytes")


def decode(data: bytes) -> UnixFs:
    """Read a message; raises `MalformedUnixFs`."""
    try:
        return _decode(data)
    except IndexError:
        raise MalformedUnixFs("cut short") from None


_VARINTS = frozenset({1, 3, 4, 5, 6, 7})
_BYTES = frozenset({2, 8})


def _decode(data: bytes) -> UnixFs:
    found: dict[int, int] = {}
    payload: bytes | None = None
    sizes: list[int] = []
    mtime: tuple[int, int] | None = None
    at, end = 0, len(data)
    while at < end:
        key = data[at]
        at += 1
        if key == 0x20:
            start = at - 1
            value = data[at]
            at += 1
            if value >= 0x80:
                value, at = _read_varint(data, at - 1)
            sizes.append(value)
            # Nearly all blocks of a file are of one size: compare runs instead of reading them.
            field_bytes = data[start:at]
            while data.startswith(field_bytes, at):
                sizes.append(value)
                at += len(field_bytes)
            continue
        if key >= 0x80:
            key, at = _read_varint(data, at - 1)
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _read_varint(data, at)
            if field in _VARINTS:
                found[field] = value
            elif field in _BYTES:
                raise MalformedUnixFs(f"wire type 0 for field {field}")
            continue
        start, at = _skip(data, at, wire, end)
        if wire == 2:
            if field == 2:
                payload = data[start:at]
            elif field == 8:
                mtime = _mtime(data[start:at])
            elif field == 4:
                while start < at:
                    value, start = _read_varint(data, start)
                    sizes.append(value)
                if start != at:
                    raise MalformedUnixFs("packed block sizes run over their end")
            elif field in _VARINTS:
                raise MalformedUnixFs(f"wire type 2 for field {field}")
        elif field in _VARINTS or field in _BYTES:
            raise MalformedUnixFs(f"wire type {wire} for field {field}")
    kind = found.get(1)
    if kind is None:
        raise MalformedUnixFs("Type is missing")
    if kind not in KINDS:
        raise MalformedUnixFs(f"Type {kind} is unknown")
    mode = found.get(7)
    if mode is not None and mode > 0xFFFF_FFFF:
        raise MalformedUnixFs(f"mode {mode} is over 32 bits")
    return UnixFs(
        kind, payload, found.get(3), tuple(sizes), found.get(5), found.get(6), mode, mtime
    )


def _skip(data: bytes, at: int, wire: int, end: int) -> tuple[int, int]:
    """Return where the value of a field that is no varint begins and ends."""
    if wire == 2:
        length, at = _read_varint(data, at)
    elif wire == 5:
        length = 4
    elif wire == 1:
        length = 8
    else:
        raise MalformedUnixFs(f"wire type {wire}")
    if at + length > end:
        raise MalformedUnixFs(f"{length} bytes declared at byte {at}, {end - at} there")
    return at, at + length


def _mtime(data: bytes) -> tuple[int, int]:
    """Read the message UnixTime."""
    seconds: int | None = None
    nanos = 0
    at, end = 0, len(data)
    while at < end:
        key, at = _read_varint(data, at)
        if key == 0x08:
            seconds, at = _read_varint(data, at)
        elif key & 7 == 0:
            _value, at = _read_varint(data, at)
        else:
            start, at = _skip(data, at, key & 7, end)
            if key == 0x15:
                nanos = int.from_bytes(data[start:at], "little")
    if seconds is None:
        raise MalformedUnixFs("mtime without seconds")
    if nanos > 999_999_999:
        raise MalformedUnixFs(f"mtime of {nanos} nanoseconds")
    return (seconds - (1 << 64) if seconds >> 63 else seconds), nanos
