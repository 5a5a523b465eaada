"""dag-pb: the protobuf of UnixFS nodes, links first and data behind them.

Written canonically: links in byte order of their names (equal names keep their order), minimal
varints, ``Data`` last. Read as Kubo reads: ``Data`` may stand before or behind the links, names may
be unsorted or repeated, varints padded; links on both sides of ``Data``, unknown or repeated
fields, fields of a link out of order and wrong wire types are refused, and so is a CID with bytes
behind it, which Kubo would cut off. https://ipld.io/specs/codecs/dag-pb/spec/
"""

from collections.abc import Iterable
from typing import NamedTuple

from jiaozi_node.errors import Malformed
from jiaozi_node.formats.cid import Cid

MAX_TSIZE = (1 << 63) - 1  # what Go's int64 holds

# What one link is on the wire: the bytes of its CID, of its name, and its size.
RawLink = tuple[bytes, bytes | None, int | None]


class MalformedDagPb(Malformed):
    """Bytes that are not dag-pb, or a value which dag-pb can't hold."""

    def __init__(self, why: str) -> None:
        super().__init__(f"invalid dag-pb: {why}")


class PbLink(NamedTuple):
    """One link. *name* holds the bytes of the name under UTF-8 with surrogateescape.

    An absent name and an empty one are different blocks; *tsize* is what the whole DAG below the
    link is said to weigh, in bytes, and is never to be trusted.
    """

    cid: Cid
    name: str | None = None
    tsize: int | None = None


class PbNode(NamedTuple):
    """A node: links in the order of the block, and its data; absent and empty data differ."""

    links: tuple[PbLink, ...] = ()
    data: bytes | None = None


# ------------------------------------------------------------------------------------- writing

_BYTE = tuple(bytes((value,)) for value in range(256))


def _varint(value: int) -> bytes:
    if value < 0x80:
        return _BYTE[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(node: PbNode) -> bytes:
    """Return the canonical bytes of *node*; its links are sorted by name where they are not.

    Raises `MalformedDagPb` for a *tsize* outside 0 … 2**63 - 1 and for a name that holds a
    surrogate which surrogateescape didn't make.
    """
    links: list[RawLink] = []
    last = b""
    in_order = True
    for link in node.links:
        name = link.name
        if name is None:
            raw = None
            in_order = in_order and not last
        else:
            raw = _name_bytes(name)
            if raw < last:
                in_order = False
            last = raw
        tsize = link.tsize
        if tsize is not None and not 0 <= tsize <= MAX_TSIZE:
            raise MalformedDagPb(f"Tsize {tsize} is outside 0 … 2**63 - 1")
        links.append((link.cid.raw, raw, tsize))
    if not in_order:
        links.sort(key=_sort_key)
    return encode_links(links, node.data)


def _sort_key(link: RawLink) -> bytes:
    return link[1] or b""


def _name_bytes(name: str) -> bytes:
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise MalformedDagPb(f"link name {name!r} is not text") from None


def encode_links(links: Iterable[RawLink], data: bytes | None) -> bytes:
    """Return a node of *links*, already in order and checked, and *data*: the fast path.

    A link is the raw bytes of its CID, the bytes of its name or None, and its Tsize or None.
    """
    out: list[bytes] = []
    add = out.append
    seen_size: int | None = None
    tail = b""
    for cid, name, tsize in links:
        if tsize != seen_size:
            tail = b"" if tsize is None else b"\x18" + _varint(tsize)
            seen_size = tsize
        length = len(cid)
        if length < 0x80 and (name is None or len(name) < 0x80):
            if name is None:
                body = b"\x0a%c%b%b" % (length, cid, tail)
            else:
                body = b"\x0a%c%b\x12%c%b%b" % (length, cid, len(name), name, tail)
        else:
            body = b"\x0a" + _varint(length) + cid
            if name is not None:
                body += b"\x12" + _varint(len(name)) + name
            body += tail
        length = len(body)
        if length < 0x80:
            add(b"\x12%c%b" % (length, body))
        else:
            add(b"\x12" + _varint(length) + body)
    if data is not None:
        add(b"\x0a" + _varint(len(data)))
        add(data)
    return b"".join(out)


# ------------------------------------------------------------------------------------- reading


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a protobuf varint, padded or not; `IndexError` when it is cut short."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                raise MalformedDagPb("varint is over 64 bits")
            return value, at
        shift += 7
        if shift > 63:
            raise MalformedDagPb("varint is longer than 10 bytes")


def decode_links(data: bytes) -> tuple[list[RawLink], bytes | None]:
    """Return links and data as they are on the wire; the CIDs are not looked at.

    Raises `MalformedDagPb`.
    """
    links: list[RawLink] = []
    add = links.append
    payload: bytes | None = None
    links_closed = False
    end = len(data)
    at = 0
    try:
        # What nearly all links of directories look like: a CID of 36 bytes, lengths of one byte
        # and a Tsize of two. 50,000 take 30 ms here and 45 below, where everything else is read.
        while data[at] == 0x12:
            stop = at + 2 + data[at + 1]
            behind = at + 42 + data[at + 41]
            if (
                stop - behind != 3
                or data[at + 2] != 0x0A
                or data[at + 3] != 36
                or data[at + 40] != 0x12
                or data[behind] != 0x18
            ):
                break
            low, high = data[behind + 1], data[behind + 2]
            if low < 0x80 or high >= 0x80 or data[at + 1] >= 0x80 or data[at + 41] >= 0x80:
                break
            add((data[at + 4 : at + 40], data[at + 42 : behind], low - 0x80 | high << 7))
            at = stop
    except IndexError:  # what is there is too short for such a link, and read below
        pass
    try:
        while at < end:
            key = data[at]
            length = data[at + 1]
            at += 2
            if key != 0x12 or length >= 0x80:
                if key >= 0x80:
                    key, at = _read_varint(data, at - 2)
                    length = data[at]
                    at += 1
                _check_key(key)
                if length >= 0x80:
                    length, at = _read_varint(data, at - 1)
            stop = at + length
            if stop > end:
                raise MalformedDagPb(f"{length} bytes declared at byte {at}, {end - at} there")
            if key == 0x0A:
                if payload is not None:
                    raise MalformedDagPb("Data stands there twice")
                payload = data[at:stop]
                links_closed = bool(links)
                at = stop
                continue
            if links_closed:
                raise MalformedDagPb("links on both sides of Data")

            # One link: Hash, then Name, then Tsize.
            if at == stop or data[at] != 0x0A:
                raise _bad_link(data, at, stop, "Hash")
            length = data[at + 1]
            at += 2
            if length >= 0x80:
                length, at = _read_varint(data, at - 1)
            cid = data[at : at + length]
            at += length
            name = tsize = None
            if at < stop and data[at] == 0x12:
                length = data[at + 1]
                at += 2
                if length >= 0x80:
                    length, at = _read_varint(data, at - 1)
                name = data[at : at + length]
                at += length
            if at < stop and data[at] == 0x18:
                tsize = data[at + 1]
                at += 2
                if tsize >= 0x80:
                    tsize, at = _read_varint(data, at - 1)
                    if tsize > MAX_TSIZE:
                        raise MalformedDagPb(f"Tsize {tsize} is over 2**63 - 1")
            if at != stop:
                raise _bad_link(data, at, stop, "nothing more")
            add((cid, name, tsize))
    except IndexError:
        raise MalformedDagPb("cut short") from None
    return links, payload


def links_by_name(data: bytes) -> tuple[dict[bytes, bytes], bytes | None] | None:
    """Return each link's own bytes under its name, and the node's data: to compare directories.

    Links that are equal on the wire need not be read any further; `decode_links` reads the others,
    joined. None for a node that isn't in the form nearly all have: each link a CID of 36 bytes and
    a name of its own, the data behind.
    """
    found: dict[bytes, bytes] = {}
    count = at = 0
    end = len(data)
    try:
        while at < end and data[at] == 0x12:
            length = data[at + 1]
            if length >= 0x80:  # a name of over 80 bytes: a second byte of length
                if data[at + 2] >= 0x80:
                    return None
                start, stop = at + 3, at + 3 + (length & 0x7F | data[at + 2] << 7)
            else:
                start, stop = at + 2, at + 2 + length
            named = start + 40
            behind = named + data[start + 39]
            if (
                data[start] != 0x0A
                or data[start + 1] != 36
                or data[start + 38] != 0x12
                or data[start + 39] >= 0x80
                or behind > stop
            ):
                return None
            found[data[named:behind]] = data[at:stop]
            count += 1
            at = stop
        if count != len(found) or at > end:
            return None
        links, payload = decode_links(data[at:])
    except (IndexError, MalformedDagPb):
        return None
    return None if links else (found, payload)


def _check_key(key: int) -> None:
    """Raise unless *key* begins Data or a link."""
    if key & 7 != 2:
        raise MalformedDagPb(f"wire type {key & 7} for field {key >> 3} of a node, must be 2")
    if key >> 3 not in (1, 2):
        raise MalformedDagPb(f"field {key >> 3} of a node is unknown")


def _bad_link(data: bytes, at: int, stop: int, wanted: str) -> MalformedDagPb:
    """Say what is wrong with the link whose fields should go on with *wanted* at *at*."""
    if at > stop:
        return MalformedDagPb("a field of a link is longer than the link")
    if at == stop:
        return MalformedDagPb("a link without Hash")
    key = data[at]
    wires = {1: 2, 2: 2, 3: 0}
    if key >> 3 not in wires:
        return MalformedDagPb(f"field {key >> 3} of a link is unknown")
    if wires[key >> 3] != key & 7:
        return MalformedDagPb(f"wire type {key & 7} for field {key >> 3} of a link")
    return MalformedDagPb(f"field {key >> 3} of a link stands where {wanted} may stand")


def decode(data: bytes) -> PbNode:
    """Read a node; raises `MalformedDagPb`, or `InvalidCid` for a link's hash."""
    raw_links, payload = decode_links(data)
    return PbNode(
        tuple(
            [
                PbLink(
                    Cid(raw),
                    None if name is None else name.decode("utf-8", "surrogateescape"),
                    tsize,
                )
                for raw, name, tsize in raw_links
            ]
        ),
        payload,
    )


def child_cids(data: bytes) -> list[Cid]:
    """Return the CIDs a node links, in block order, with repeats."""
    return [Cid(link[0]) for link in decode_links(data)[0]]
