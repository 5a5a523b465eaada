"""IPNS records: what a name stands for, signed by the key that the name is of.

https://specs.ipfs.tech/ipns/ipns-record/, as `specs/ipns.md` reads it. A record is a protobuf
message around dag-cbor, and the dag-cbor is what counts: its signature (V2) is verified, and the
older fields beside it (V1) must say the same. `decode` reads, `verify` judges, `best` chooses;
nothing that was not verified may be resolved. Refusals are in the words of Kubo's libraries.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from jiaozi_node.errors import JiaoziError, Malformed
from jiaozi_node.formats import dag_cbor, instant, key_types, varint
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.key_types import SignKey, VerifyKey
from jiaozi_node.formats.peer_id import PeerId

MAX_BYTES: Final = 10 * 1024  # spec, "Record Size Limit"
MAX_SEQUENCE: Final = 2**63 - 1  # Go reads the field as a signed integer
MAX_TTL_NS: Final = 2**63 - 1
EOL: Final = 0  # the only type of validity: until when
USUAL_LIFETIME_NS: Final = 48 * 3600 * instant.SECOND_NS
USUAL_TTL_NS: Final = 5 * 60 * instant.SECOND_NS
NOTHING: Final = b"/ipfs/bafkqaaa"  # what an empty value stands for

_SIGNED: Final = b"ipns-signature:"
_VALUE, _SIGNATURE_1, _TYPE, _VALIDITY, _SEQUENCE, _TTL, _KEY, _SIGNATURE_2, _DATA = range(1, 10)
_BYTES: Final = frozenset((_VALUE, _SIGNATURE_1, _VALIDITY, _KEY, _SIGNATURE_2, _DATA))
_WIRE: Final = "proto: cannot parse invalid wire-format data"


class InvalidRecord(Malformed):
    """Bytes that are no IPNS record, or one that must not be believed."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class ExpiredRecord(InvalidRecord):
    """A record that was valid until *eol_ns*."""

    def __init__(self, eol_ns: int) -> None:
        super().__init__("record is expired")
        self.eol_ns = eol_ns


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was read or made; *raw* are its bytes, *data* the signed dag-cbor in them.

    *fields* is the value of *data*. The others are what stands beside it, zero where nothing does.
    """

    raw: bytes
    data: bytes
    fields: dict[str, Any]
    signature: bytes = b""
    key: bytes = b""
    old_value: bytes = b""
    old_signature: bytes = b""
    old_validity: bytes = field(default=b"", repr=False)
    old_numbers: tuple[int, int, int] = (0, 0, 0)  # validity type, sequence, TTL

    @property
    def has_old(self) -> bool:
        """Whether it has fields of V1."""
        return bool(self.old_signature or self.old_value)

    @property
    def value(self) -> bytes:
        """The content path that the name stands for."""
        value = self._bytes("Value") or NOTHING
        if value.startswith(b"/"):
            return value
        try:  # spec, "Value": older publishers wrote a CID's bytes
            return b"/ipfs/" + str(Cid(value)).encode()
        except Malformed as fault:
            raise InvalidRecord(f"value is not a valid content path: {fault}") from None

    @property
    def validity_type(self) -> int:
        """What kind of validity it has."""
        return self._number("ValidityType")

    @property
    def eol_ns(self) -> int:
        """Until when it is valid."""
        if self.validity_type != EOL:
            raise InvalidRecord("record contains an unrecognized validity type")
        text = self._bytes("Validity")
        try:
            return instant.parse(text.decode("ascii"))
        except (UnicodeDecodeError, Malformed):
            raise InvalidRecord("record contains an invalid validity") from None

    @property
    def sequence(self) -> int:
        """Its version: of two the higher counts."""
        return self._number("Sequence") % 2**64  # as Kubo reads a negative one

    @property
    def ttl_ns(self) -> int:
        """For how long it may be used before one looks for a newer one."""
        return self._number("TTL")

    def _bytes(self, name: str) -> bytes:
        found = self.fields.get(name)
        if not isinstance(found, bytes):
            raise InvalidRecord(f"record is malformed: {name} is not bytes")
        return found

    def _number(self, name: str) -> int:
        found = self.fields.get(name)
        if not isinstance(found, int) or isinstance(found, bool) or found > MAX_SEQUENCE:
            raise InvalidRecord(f"record is malformed: {name} is not an integer of 64 bits")
        return found


def decode(raw: bytes) -> Record:
    """Read a record; raises `InvalidRecord`. Whether it may be believed is `verify`'s to say."""
    if len(raw) > MAX_BYTES:
        raise InvalidRecord("record exceeds allowed size limit")
    found = _fields_of(raw)
    data = found.get(_DATA, b"")
    if not data:
        raise InvalidRecord("record is malformed: record is missing the dag-cbor data field")
    try:
        value = dag_cbor.decode(data)
    except JiaoziError as fault:
        raise InvalidRecord(f"record is malformed: {fault}") from None
    if not isinstance(value, dict):
        raise InvalidRecord("record is malformed: its data is not a map")
    return Record(
        bytes(raw),
        data,
        value,
        found.get(_SIGNATURE_2, b""),
        found.get(_KEY, b""),
        found.get(_VALUE, b""),
        found.get(_SIGNATURE_1, b""),
        found.get(_VALIDITY, b""),
        (found.get(_TYPE, 0), found.get(_SEQUENCE, 0), found.get(_TTL, 0)),
    )


def verify(record: Record, name: PeerId, now_ns: int) -> None:
    """Raise `InvalidRecord` unless *record* is one of *name* that counts at *now_ns*.

    In the order of the spec, "Record Verification"; its size was judged when it was read.
    """
    if not record.signature:
        raise InvalidRecord("signature verification failed")
    if not key_of(record, name).verify(_SIGNED + record.data, record.signature):
        raise InvalidRecord("signature verification failed")
    if record.has_old:
        _check_old(record)
    eol_ns = record.eol_ns
    if now_ns > eol_ns:
        raise ExpiredRecord(eol_ns)
    if record.fields.get("TTL") is not None and record.ttl_ns < 0:
        raise InvalidRecord("record is malformed: negative TTL")
    _ = record.value, record.sequence


def key_of(record: Record, name: PeerId) -> VerifyKey:
    """Return the key that *name* is of, from the record or from the name itself."""
    try:
        if record.key:
            key = key_types.read_public(record.key)
            if PeerId.of(key) != name:
                raise InvalidRecord("record public key does not match the expected public key")
            return key
        found = name.key
    except InvalidRecord:
        raise
    except Malformed as fault:
        raise InvalidRecord(f"public key invalid: {fault}") from None
    if found is None:
        raise InvalidRecord("public key is not embedded in peer ID")
    return found


def create(
    key: SignKey,
    value: bytes,
    sequence: int,
    eol_ns: int,
    ttl_ns: int,
    *,
    old_too: bool = True,
) -> Record:
    """Make and sign a record; with *old_too*, V1's fields and signature stand in it as well."""
    validity = instant.write(eol_ns).encode()
    data = dag_cbor.encode(
        {
            "TTL": ttl_ns,
            "Value": value,
            "Sequence": sequence,
            "Validity": validity,
            "ValidityType": EOL,
        }
    )
    out = bytearray()
    if old_too:
        out += _field(_VALUE, value)
        out += _field(_SIGNATURE_1, key.sign(value + validity + b"EOL"))
        out += _field(_TYPE, EOL)
        out += _field(_VALIDITY, validity)
        out += _field(_SEQUENCE, sequence)
        out += _field(_TTL, ttl_ns)
    public = key.public()
    if PeerId.of(public).key is None:
        out += _field(_KEY, public.protobuf())
    out += _field(_SIGNATURE_2, key.sign(_SIGNED + data))
    out += _field(_DATA, data)
    return decode(bytes(out))


def best(records: Iterable[Record]) -> Record | None:
    """Return the record that counts, of several that are valid: None of none.

    The higher sequence, then the later end, then the greater bytes.
    """
    return max(records, key=order, default=None)


def order(record: Record) -> tuple[int, int, bytes]:
    """Return what valid records are ordered by, the best last."""
    return record.sequence, record.eol_ns, record.raw


def _check_old(record: Record) -> None:
    """Raise unless the fields of V1 say what the signed data says."""
    kind, sequence, ttl_ns = record.old_numbers
    said: Sequence[tuple[str, Any, Any]] = (
        ("Value", record.old_value, record.fields.get("Value")),
        ("Validity", record.old_validity, record.fields.get("Validity")),
        ("ValidityType", kind, record.fields.get("ValidityType")),
        ("Sequence", sequence, record.sequence),
        ("TTL", ttl_ns, record.ttl_ns % 2**64),
    )
    for name, old, new in said:
        if old != new:
            raise InvalidRecord(f'field "{name}" did not match between protobuf and CBOR')


def _fields_of(raw: bytes) -> dict[int, Any]:
    """Return the fields of the message; unknown ones are passed over, of repeated the last counts.

    A known number with another wire type counts as unknown, as protobuf has it.
    """
    found: dict[int, Any] = {}
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 2**29:
            raise InvalidRecord(f"record is malformed: {_WIRE}")
        value: Any = None
        if wire == 0:
            value, at = _varint(raw, at)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        elif wire == 2:
            size, at = _varint(raw, at)
            value = raw[at : at + size]
            at += size
        else:  # groups, which no version of the message had
            raise InvalidRecord(f"record is malformed: {_WIRE}")
        if at > len(raw):
            raise InvalidRecord(f"record is malformed: {_WIRE}")
        if wire == (2 if number in _BYTES else 0) and number <= _DATA:
            found[number] = value
    return found


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """Read a protobuf's varint, which unlike ours may be longer than it need be."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(raw):
            break
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 2**64:
                break
            return value, at
    raise InvalidRecord(f"record is malformed: {_WIRE}")


def _field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return bytes((number << 3,)) + varint.encode(value)
    return bytes((number << 3 | 2,)) + varint.encode(len(value)) + value
