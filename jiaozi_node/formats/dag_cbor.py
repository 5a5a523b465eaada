"""dag-cbor: strict where we interpret, patient where we only follow links.

`decode` takes the one canonical form: keys sorted and unique, shortest integers, 64-bit floats,
finite, tag 42 alone, nothing behind the end. `links` takes what Kubo takes: unsorted keys, short
floats, ``undefined`` and text that is not UTF-8. https://ipld.io/specs/codecs/dag-cbor/spec/

The work is done by cbrrr, which doesn't recurse but allocates a list for every declared length up
to the bytes left, so that 1 MiB of nested arrays could take a terabyte. Input for which this can't
be excluded at a glance is scanned here first, which bounds depth and lengths.
"""

import cbrrr

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import depth
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.depth import Value

MAX_ITEMS = 1 << 20  # of one block; a value of so many takes 100 MB
UNSCANNED_BYTES = 4096  # at most 800 arrays that each declare the rest of it: 13 MB, briefly
_SAFE_BYTES = 1 << 18  # nested arrays of one item each: 80 ms until the depth is looked at
_SAFE_ALLOCATION = 1 << 26
_LONG_ARRAYS = b"\x98\x99\x9a\x9b"  # heads of arrays whose length may be large


class MalformedDagCbor(Malformed):
    """Bytes that are not dag-cbor, or a value which dag-cbor can't hold."""

    def __init__(self, why: str) -> None:
        super().__init__(f"invalid dag-cbor: {why}")


def encode(value: Value) -> bytes:
    """Return the canonical bytes of *value* (see `depth.Value`).

    Raises `MalformedDagCbor` for what can't be written: other types (tuples too), keys that are
    not text, integers over 64 bits, NaN and infinities, lone surrogates; `LimitExceeded` when it
    nests deeper than 256.
    """
    depth.check(value, "dag-cbor")
    try:
        return cbrrr.encode_dag_cbor(value, cid_type=Cid)
    except (ValueError, TypeError) as fault:
        raise MalformedDagCbor(str(fault)) from None


def decode(data: bytes) -> Value:
    """Read the one value of *data*; links come as `Cid`, bytes as bytes.

    Raises `MalformedDagCbor`, `InvalidCid`, or `LimitExceeded` below 256 levels and for more
    than `MAX_ITEMS` items.
    """
    if not _harmless(data):
        _scan(data)
    try:
        value = cbrrr.decode_dag_cbor(data, cid_ctor=Cid)
    except ValueError as fault:  # CbrrrDecodeError, UnicodeDecodeError
        raise MalformedDagCbor(str(fault)) from None
    depth.check(value, "dag-cbor")
    return value


def links(data: bytes) -> list[Cid]:
    """Return the CIDs that *data* links, in block order, with repeats.

    It takes blocks that `decode` refuses for the order of their keys, since Kubo keeps such.
    """
    if _harmless(data):
        found: list[bytes] = []
        try:
            value = cbrrr.decode_dag_cbor(data, cid_ctor=found.append)
        except ValueError:
            pass  # the scan is more patient, and says what is wrong
        else:
            depth.check(value, "dag-cbor")
            return [Cid(raw) for raw in found]
    return [Cid(raw) for raw in _scan(data)]


def _harmless(data: bytes) -> bool:
    """Tell whether cbrrr can't be made to allocate much, whatever lengths *data* declares."""
    size = len(data)
    if size <= UNSCANNED_BYTES:
        return True
    if size > _SAFE_BYTES:
        return False
    return (size - len(data.translate(None, _LONG_ARRAYS))) * 8 * size <= _SAFE_ALLOCATION


# How many bytes follow the head of an item to say its length, by the low five bits of the head.
_WIDTHS = {24: 1, 25: 2, 26: 4, 27: 8}
_SMALLEST = {24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)


def _scan(data: bytes) -> list[bytes]:
    """Go over one item, building nothing; return the bytes of its CIDs.

    Refuses wrong lengths, depth and items over their caps, repeated keys, unknown tags, longer
    integers than needed, indefinite lengths and what stands behind the end.
    """
    found: list[bytes] = []
    # One entry per open container: items still to come, and the keys of a map seen so far.
    above: list[tuple[int, set[bytes] | None]] = []
    left = items = 1
    keys: set[bytes] | None = None
    at, end = 0, len(data)
    try:
        while True:
            while not left:
                if not above:
                    if at != end:
                        raise MalformedDagCbor(f"{end - at} bytes behind the end")
                    return found
                left, keys = above.pop()
            left -= 1

            if keys is not None:
                start = at
                at = _text(data, at, end)
                key = data[start:at]
                if key in keys:
                    raise MalformedDagCbor(f"map key {_shown(key)} stands there twice")
                keys.add(key)

            head = data[at]
            at += 1
            major, info = head >> 5, head & 31
            if info >= 24 and head < 0xE0:
                info, at = _length(data, at, info)
            if major <= _NEGATIVE:
                continue
            if major <= _TEXT:
                at += info
                if at > end:
                    raise _short(info, end - at + info)
            elif major <= _MAP:
                if info * (major - 3) > end - at:
                    raise _short(info, end - at)
                items += info
                if items > MAX_ITEMS:
                    raise LimitExceeded("dag-cbor block", MAX_ITEMS, items, "items")
                above.append((left, keys))
                if len(above) > depth.MAX_DEPTH:
                    raise depth.exceeded(len(above), "dag-cbor")
                left, keys = info, set() if major == _MAP else None
            elif major == _TAG:
                if info != 42:
                    raise MalformedDagCbor(f"tag {info} is not allowed")
                start, at = _link(data, at, end)
                found.append(data[start:at])
            else:
                at = _simple(data, at, info)
    except IndexError:
        raise MalformedDagCbor("cut short") from None


def _length(data: bytes, at: int, info: int) -> tuple[int, int]:
    """Read the argument of a head; return it and the offset behind it."""
    width = _WIDTHS.get(info)
    if width is None:
        raise MalformedDagCbor("indefinite length" if info == 31 else f"additional info {info}")
    value = int.from_bytes(data[at : at + width], "big")
    if at + width > len(data):
        raise IndexError
    if value < _SMALLEST[info]:
        raise MalformedDagCbor(f"integer at byte {at - 1} is not minimal")
    return value, at + width


def _text(data: bytes, at: int, end: int) -> int:
    """Return the offset behind the map key at *at*."""
    head = data[at]
    if head >> 5 != _TEXT:
        raise MalformedDagCbor(f"map key at byte {at} is not text")
    size = head & 31
    at += 1
    if size >= 24:
        size, at = _length(data, at, size)
    if at + size > end:
        raise _short(size, end - at)
    return at + size


def _link(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return where the CID behind tag 42 begins and ends."""
    head = data[at]
    if head >> 5 != _BYTES:
        raise MalformedDagCbor(f"tag 42 at byte {at} holds no bytes")
    size = head & 31
    at += 1
    if size >= 24:
        size, at = _length(data, at, size)
    if at + size > end:
        raise _short(size, end - at)
    if not size or data[at]:
        raise MalformedDagCbor(f"link at byte {at} doesn't begin with a zero byte")
    return at + 1, at + size


_FLOATS = {25: (2, 0x7C00), 26: (4, 0x7F80_0000), 27: (8, 0x7FF0_0000_0000_0000)}


def _simple(data: bytes, at: int, info: int) -> int:
    """Return the offset behind false, true, null, undefined or a float."""
    if 20 <= info <= 23:
        return at
    if info not in _FLOATS:
        raise MalformedDagCbor("indefinite length" if info == 31 else f"simple value {info}")
    width, exponent = _FLOATS[info]
    if at + width > len(data):
        raise IndexError
    if int.from_bytes(data[at : at + width], "big") & exponent == exponent:
        raise MalformedDagCbor("NaN or infinity")
    return at + width


def _short(declared: int, there: int) -> MalformedDagCbor:
    return MalformedDagCbor(f"{declared} bytes or items declared, {there} bytes there")


def _shown(key: bytes) -> str:
    return repr(key[1:33].decode("utf-8", "replace"))
