"""Messages of bitswap, from bytes and to bytes (``specs/bitswap.md`` §2).

Nothing here looks into a CID or a block: that costs more, and whoever needs it does it. Counts are
limited while reading, before a value is built for what was counted.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from jiaozi_node.exchange.protobuf import (
    MalformedMessage,
    int32,
    read_key,
    read_length,
    read_varint,
    skip,
    varint,
)
from jiaozi_node.exchange.version import Version

MAX_ENTRIES: Final = 16_384  # those behind are passed over, as Kubo does behind 1,024
MAX_PRESENCES: Final = 16_384
MAX_BLOCKS: Final = 4_096
MAX_OTHER_FIELDS: Final = 1_024
MAX_INNER_BYTES: Final = 1_024  # of an entry, a presence or a prefix: a CID has up to 168

V0_PREFIX: Final = b"\x00\x70\x12\x20"
_UNLIMITED: Final = 1 << 62


class Entry(NamedTuple):
    """A want, or with *cancel* the end of one.

    *raw* is a CID's bytes, not yet looked at. With *have* the peer asks whether we have the block,
    else for the block; with *tell* it asks to be told if we don't.
    """

    raw: bytes
    priority: int = 1
    cancel: bool = False
    have: bool = False
    tell: bool = False


class Payload(NamedTuple):
    """A block as it comes: the prefix of its CID, which its data must be hashed for."""

    prefix: bytes
    data: bytes


class Presence(NamedTuple):
    """HAVE or DONT_HAVE for the CID whose bytes are *raw*."""

    raw: bytes
    here: bool


class Message(NamedTuple):
    """One message; with *full*, its entries are all that the peer wants."""

    entries: tuple[Entry, ...] = ()
    payload: tuple[Payload, ...] = ()
    presences: tuple[Presence, ...] = ()
    full: bool = False
    pending_bytes: int = 0


# ------------------------------------------------------------------------------------- writing


def _delimited(tag: bytes, body: bytes) -> bytes:
    return tag + varint(len(body)) + body


def _entry(entry: Entry) -> bytes:
    raw, priority, cancel, have, tell = entry
    body = b"\x0a" + varint(len(raw)) + raw
    if priority:
        body += b"\x10" + varint(priority)
    if cancel:
        body += b"\x18\x01"
    if have:
        body += b"\x20\x01"
    if tell:
        body += b"\x28\x01"
    return body


def encode(message: Message, version: Version = Version.V1_2) -> bytes:
    """Return the bytes of *message* as *version* has them, without the length in front.

    Below 1.2.0 presences are left out, below 1.1.0 the prefixes of blocks, and blocks that can't
    do without: who sends to such peers must not promise them those.
    """
    out = [_delimited(b"\x0a", _wantlist(message.entries, message.full))]
    if version.prefixes:
        for prefix, data in message.payload:
            head = b"\x0a" + varint(len(prefix)) + prefix
            if data:
                head += b"\x12" + varint(len(data))
            out.append(b"\x1a" + varint(len(head) + len(data)) + head)
            out.append(data)
    else:
        for prefix, data in message.payload:
            if prefix == V0_PREFIX:
                out.append(b"\x12" + varint(len(data)))
                out.append(data)
    if version.presences:
        for raw, here in message.presences:
            body = b"\x0a" + varint(len(raw)) + raw + (b"" if here else b"\x10\x01")
            out.append(_delimited(b"\x22", body))
        if message.pending_bytes:
            out.append(b"\x28" + varint(message.pending_bytes))
    return b"".join(out)


def _wantlist(entries: Iterable[Entry], full: bool) -> bytes:
    parts = []
    for entry in entries:
        body = _entry(entry)
        parts.append(b"\x0a" + varint(len(body)) + body)
    if full:
        parts.append(b"\x10\x01")
    return b"".join(parts)


# ------------------------------------------------------------------------------------- reading


class _Reading:
    """What was read of a message so far."""

    __slots__ = ("entries", "full", "others", "payload", "pending_bytes", "presences")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.payload: list[Payload] = []
        self.presences: list[Presence] = []
        self.full = False
        self.pending_bytes = 0
        self.others = 0

    def other(self) -> None:
        self.others += 1
        if self.others > MAX_OTHER_FIELDS:
            raise MalformedMessage(f"over {MAX_OTHER_FIELDS} fields that are no block or presence")


def decode(data: bytes) -> Message:
    """Read a message; raises `MalformedMessage`."""
    reading = _Reading()
    payload, presences = reading.payload, reading.presences
    at, end = 0, len(data)
    while at < end:
        key = data[at]
        at += 1
        if key >= 0x80 or key < 8:
            key, at = read_key(data, at - 1, end)
        if key == 0x0A:
            reading.other()
            start, at = read_length(data, at, end)
            _read_wantlist(data, start, at, reading)
        elif key == 0x22:
            start, at = read_length(data, at, end)
            if len(presences) == MAX_PRESENCES:
                raise MalformedMessage(f"over {MAX_PRESENCES} presences")
            presences.append(_read_presence(data, start, at, reading))
        elif key in (0x1A, 0x12):
            start, at = read_length(data, at, end)
            if len(payload) == MAX_BLOCKS:
                raise MalformedMessage(f"over {MAX_BLOCKS} blocks")
            if key == 0x1A:
                payload.append(_read_payload(data, start, at, reading))
            else:
                payload.append(Payload(V0_PREFIX, data[start:at]))
        else:
            reading.other()
            if key == 0x28:
                value, at = read_varint(data, at, end)
                reading.pending_bytes = int32(value)
            else:
                at = skip(data, at, end, key)
    return Message(
        tuple(reading.entries),
        tuple(payload),
        tuple(presences),
        reading.full,
        reading.pending_bytes,
    )


def _read_wantlist(data: bytes, at: int, end: int, reading: _Reading) -> None:
    entries = reading.entries
    while at < end:
        key = data[at]
        at += 1
        if key >= 0x80 or key < 8:
            key, at = read_key(data, at - 1, end)
        if key == 0x0A:
            if len(entries) == MAX_ENTRIES:
                return
            if at < end and data[at] < 0x80 and at + 1 + data[at] <= end:
                start = at + 1
                at = start + data[at]
            else:
                start, at = read_length(data, at, end)
            entries.append(_read_entry(data, start, at, reading))
        else:
            reading.other()
            if key == 0x10:
                value, at = read_varint(data, at, end)
                reading.full = value != 0
            else:
                at = skip(data, at, end, key)


def _read_entry(data: bytes, at: int, end: int, reading: _Reading) -> Entry:
    if end - at > MAX_INNER_BYTES:
        raise MalformedMessage(f"entry of {end - at} bytes, over {MAX_INNER_BYTES}")
    raw = b""
    priority = cancel = have = tell = 0
    while at < end:
        key = data[at]
        at += 1
        if key == 0x0A:
            start, at = read_length(data, at, end)
            raw = data[start:at]
            continue
        if key in (0x10, 0x18, 0x20, 0x28):
            if at < end and data[at] < 0x80:
                value = data[at]
                at += 1
            else:
                value, at = read_varint(data, at, end)
            if key == 0x10:
                priority = value
            elif key == 0x18:
                cancel = value
            elif key == 0x20:
                have = value
            else:
                tell = value
            continue
        key, at = read_key(data, at - 1, end)
        reading.other()
        at = skip(data, at, end, key)
    if not raw:
        raise MalformedMessage("an entry without a CID")
    return Entry(raw, int32(priority), cancel != 0, int32(have) == 1, tell != 0)


def _read_presence(data: bytes, at: int, end: int, reading: _Reading) -> Presence:
    if end - at > MAX_INNER_BYTES:
        raise MalformedMessage(f"presence of {end - at} bytes, over {MAX_INNER_BYTES}")
    raw = b""
    kind = 0
    while at < end:
        key, at = read_key(data, at, end)
        if key == 0x0A:
            start, at = read_length(data, at, end)
            raw = data[start:at]
        elif key == 0x10:
            kind, at = read_varint(data, at, end)
        else:
            reading.other()
            at = skip(data, at, end, key)
    if not raw:
        raise MalformedMessage("a presence without a CID")
    return Presence(raw, int32(kind) == 0)


def _read_payload(data: bytes, at: int, end: int, reading: _Reading) -> Payload:
    if end - at > 8 and data[at : at + 2] == b"\x0a\x04" and data[at + 6] == 0x12:
        start, stop = read_length(data, at + 7, end)  # what nearly all blocks look like
        if stop == end:
            return Payload(data[at + 2 : at + 6], data[start:stop])
    prefix = content = b""
    while at < end:
        key, at = read_key(data, at, end)
        if key == 0x0A:
            start, at = read_length(data, at, end)
            if at - start > MAX_INNER_BYTES:
                raise MalformedMessage(f"prefix of {at - start} bytes, over {MAX_INNER_BYTES}")
            prefix = data[start:at]
        elif key == 0x12:
            if content:
                reading.other()
            start, at = read_length(data, at, end)
            content = data[start:at]
        else:
            reading.other()
            at = skip(data, at, end, key)
    if not prefix:
        raise MalformedMessage("a block without the prefix of its CID")
    return Payload(prefix, content)
