"""CIDs: immutable values over their bytes, with one canonical text form.

Version 0 prints as base58btc (``Qm…``), version 1 as lower-case base32 (``b…``). Equality and
order go by bytes, never by text: one CID has a text in every base. https://github.com/multiformats/cid
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats import varint

RAW: Final = 0x55
DAG_PB: Final = 0x70
DAG_CBOR: Final = 0x71
LIBP2P_KEY: Final = 0x72
DAG_JSON: Final = 0x0129
GIT_RAW: Final = 0x78
CBOR: Final = 0x51
JSON: Final = 0x0200

CODEC_NAMES: Final = {
    RAW: "raw",
    DAG_PB: "dag-pb",
    DAG_CBOR: "dag-cbor",
    LIBP2P_KEY: "libp2p-key",
    DAG_JSON: "dag-json",
    GIT_RAW: "git-raw",
    CBOR: "cbor",
    JSON: "json",
}

MAX_TEXT_CHARS = 512  # checked before any base is decoded: base58 is quadratic
MAX_BYTES = 168  # boxo's bitswap takes 40 bytes of prefix and 128 of digest

# How the CIDs of nearly every block begin: version 1, raw, dag-pb or dag-cbor, sha2-256.
_USUAL_BYTES = 36  # version 0 has 34
_COMMON_V1 = frozenset({b"\x01\x55\x12\x20", b"\x01\x70\x12\x20", b"\x01\x71\x12\x20"})


class InvalidCid(Malformed):
    """Text or bytes which are not a CID."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"invalid CID {what}: {why}")
        self.what, self.why = what, why


class Cid:
    """A content identifier. ``Cid(raw)`` checks *raw*, so whoever holds one may trust its form.

    Immutable; not a dataclass, whose machinery costs more to import than Kubo takes to start.
    """

    __slots__ = ("raw",)
    raw: bytes

    def __init__(self, raw: bytes) -> None:
        if raw[:4] not in _COMMON_V1 or len(raw) != _USUAL_BYTES:
            _check(raw)
        _set_raw(self, raw)

    @staticmethod
    def v0(multihash: bytes) -> "Cid":
        """Return the version 0 CID of a sha2-256 *multihash*."""
        return Cid(multihash)

    @staticmethod
    def v1(codec: int, multihash: bytes) -> "Cid":
        """Return the version 1 CID of *codec* and *multihash*."""
        return Cid(b"\x01" + varint.encode(codec) + multihash)

    @staticmethod
    def parse(text: str) -> "Cid":
        """Read a CID in any base; raises `InvalidCid` for everything else."""
        if len(text) > MAX_TEXT_CHARS:
            raise LimitExceeded("CID text", MAX_TEXT_CHARS, len(text), "characters")
        return Cid(_bytes_of(text))

    @property
    def version(self) -> int:
        """0 or 1."""
        return 0 if self.raw[0] == 0x12 else 1

    @property
    def codec(self) -> int:
        """The multicodec of the block's data; dag-pb for version 0."""
        raw = self.raw
        if raw[0] == 0x12:
            return DAG_PB
        code = raw[1]
        return code if code < 0x80 else varint.decode(raw, 1)[0]

    @property
    def multihash(self) -> bytes:
        """The multihash: all of version 0, what follows the codec in version 1."""
        raw = self.raw
        if raw[0] == 0x12:
            return raw
        return raw[2:] if raw[1] < 0x80 else raw[varint.decode(raw, 1)[1] :]

    @property
    def hash_code(self) -> int:
        """The code of the hash function."""
        return varint.decode(self.multihash)[0]

    @property
    def digest(self) -> bytes:
        """The digest alone."""
        return mh.split(self.multihash)[1]

    @property
    def inline(self) -> bytes | None:
        """The data itself when this is an identity CID, else None."""
        raw = self.raw
        if raw[0] == 0x12:
            return None
        multihash = self.multihash
        return mh.split(multihash)[1] if multihash[0] == mh.IDENTITY else None

    def as_v1(self) -> "Cid":
        """Return the version 1 CID of the same block."""
        return self if self.raw[0] == 1 else Cid.v1(DAG_PB, self.raw)

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, Cid) else NotImplemented

    def __lt__(self, other: "Cid") -> bool:
        return self.raw < other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __bytes__(self) -> bytes:
        return self.raw

    def __str__(self) -> str:
        if self.raw[0] == 0x12:
            return base58_encode(self.raw)
        return "b" + base64.b32encode(self.raw).decode("ascii").lower().rstrip("=")

    def __repr__(self) -> str:
        return f"Cid({str(self)!r})"

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Cid never changes: can't set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Cid never changes: can't delete {name!r}")

    def __reduce__(self) -> tuple[type["Cid"], tuple[bytes]]:
        return Cid, (self.raw,)


# The slot itself: half the price of the `object.__setattr__` that a frozen class would call.
_set_raw = Cid.__dict__["raw"].__set__


def texts(cids: Sequence[Cid]) -> list[str]:
    """Return the text of each of *cids*, as ``str`` does one; quicker than that for many."""
    from jiaozi_node.formats import base32  # noqa: PLC0415 - for lists alone

    raws = [cid.raw for cid in cids]
    usual = [raw for raw in raws if len(raw) == _USUAL_BYTES]
    made = ["b" + text for text in base32.encode_each(usual)]
    if len(made) == len(raws):
        return made
    each = iter(made)
    return [next(each) if len(cid.raw) == _USUAL_BYTES else str(cid) for cid in cids]


def _check(raw: bytes) -> None:
    """Raise unless *raw* is one whole CID within the limits."""
    if len(raw) == 34 and raw[:2] == b"\x12\x20":
        return
    shown = raw[:16].hex() + ("…" if len(raw) > 16 else "")
    if len(raw) > MAX_BYTES:
        raise LimitExceeded("CID", MAX_BYTES, len(raw))
    if raw[:2] == b"\x12\x20":
        if len(raw) != 34:
            raise InvalidCid(shown, f"version 0 has 34 bytes, this {len(raw)}")
        return
    try:
        version, at = varint.decode(raw)
        if version != 1:
            raise InvalidCid(shown, f"version {version} is unknown")
        _codec, at = varint.decode(raw, at)
        mh.check(raw[at:])
    except InvalidCid:
        raise
    except Malformed as fault:
        raise InvalidCid(shown, str(fault)) from None


def _bytes_of(text: str) -> bytes:
    """Decode the text of a CID in whichever base it is written."""
    try:
        if len(text) == 46 and text.startswith("Qm"):
            return base58_decode(text)
        if text[:1] in ("b", "B") and text.isascii():  # 'ſ'.upper() is 'S'
            body = text[1:].upper()
            raw = base64.b32decode(body + "=" * (-len(body) % 8))
            # Bits behind the last byte must be zero, else one CID had two texts in one base.
            if base64.b32encode(raw).decode("ascii").rstrip("=") != body:
                raise Malformed("not canonical base32")
            return raw
        if text[:1] == "z":
            return base58_decode(text[1:])
        from jiaozi_node.formats import multibase  # noqa: PLC0415 - the rare bases

        return multibase.decode(text)[1]
    except (Malformed, binascii.Error, ValueError) as fault:
        raise InvalidCid(_shown(text), str(fault) or "not in any known base") from None


def _shown(text: str) -> str:
    """Return *text* fit for one line of an error."""
    return repr(text if len(text) <= 64 else text[:63] + "…")


_B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_B58_VALUE = {char: value for value, char in enumerate(_B58)}
_B58_PAIR = [a + b for a in _B58 for b in _B58]


def base58_encode(data: bytes) -> str:
    """Return *data* in base58btc, without a multibase prefix."""
    number = int.from_bytes(data, "big")
    out: list[str] = []
    while number:
        number, four = divmod(number, 11316496)  # 58⁴ is one digit of Python's: quick to divide by
        out.append(_B58_PAIR[four // 3364] + _B58_PAIR[four % 3364])
    text = "".join(reversed(out)).lstrip("1")
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def base58_decode(text: str) -> bytes:
    """Decode base58btc without a multibase prefix; the caller has checked the length."""
    number = 0
    for char in text:
        value = _B58_VALUE.get(char)
        if value is None:
            raise Malformed(f"{char!r} is not a base58 digit")
        number = number * 58 + value
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
