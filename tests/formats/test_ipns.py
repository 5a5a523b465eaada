"""IPNS records: the specification's vectors, Kubo's records, and what any change to one does."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import Malformed
from jiaozi_node.formats import dag_cbor, instant, ipns, key_types, varint
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.ipns import ExpiredRecord, InvalidRecord, Record
from jiaozi_node.formats.key_types import SignKey
from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.formats.peer_id import PeerId

VECTORS = Path(__file__).parents[2] / "specs" / "vectors"
FILES = {path.name: path for path in sorted((VECTORS / "ipns").glob("*.ipns-record"))}
KEYS = json.loads((VECTORS / "keys" / "kubo-types.json").read_text())["keys"]
NOW = instant.parse("2026-11-24T12:00:00Z")
KEY = PrivateKey(bytes(range(32)))
NAME = PeerId.of(KEY.public())
VALUE = b"/ipfs/bafkqaddwgevxmmraojswg33smq"


def key(kind: str) -> SignKey:
    return key_types.read_private(bytes.fromhex(KEYS[kind]["protobuf"]))


def make(
    value: bytes = VALUE, sequence: int = 0, eol: int = NOW + 10**9, *, old_too: bool = True
) -> Record:
    return ipns.create(KEY, value, sequence, eol, 10**9, old_too=old_too)


def signed(fields: dict[str, object], extra: bytes = b"") -> bytes:
    """Return the bytes of a record whose signed data are *fields*, of V2 alone."""
    data = dag_cbor.encode(fields)
    signature = KEY.sign(b"ipns-signature:" + data)
    return (
        extra
        + b"\x42" + varint.encode(len(signature)) + signature
        + b"\x4a" + varint.encode(len(data)) + data
    )  # fmt: skip


FIELDS: dict[str, object] = {
    "Value": VALUE,
    "Validity": b"2126-11-24T12:00:00Z",
    "ValidityType": 0,
    "Sequence": 3,
    "TTL": 5,
}


def judge(raw: bytes, name: PeerId = NAME, now: int = NOW) -> Record:
    record = ipns.decode(raw)
    ipns.verify(record, name, now)
    return record


# ---- vectors


SPECIFIED = {
    "_v1.": "record is malformed: record is missing the dag-cbor data field",
    "_v1-v2.": None,
    "_v1-v2-broken-v1-value.": 'field "Value" did not match between protobuf and CBOR',
    "_v1-v2-broken-signature-v2.": "signature verification failed",
    "_v1-v2-broken-signature-v1.": None,
    "_v2.": None,
}


@pytest.mark.parametrize("kind", SPECIFIED)
def test_the_specifications_vectors_are_judged_as_it_says(kind: str) -> None:
    (name,) = [name for name in FILES if kind in name]
    says, raw = SPECIFIED[kind], FILES[name].read_bytes()
    peer = PeerId.parse(name.partition("_")[0])
    if says is None:
        assert judge(raw, peer).value.startswith(b"/ipfs/bafkqa")
        return
    with pytest.raises(InvalidRecord) as raised:
        judge(raw, peer)
    assert str(raised.value) == says


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("form", ["v1-v2", "v2"])
def test_kubos_records_verify_and_ours_of_the_same_fields_are_the_same(
    kind: str, form: str
) -> None:
    (name,) = [name for name in FILES if f".{kind}-{form}." in name]
    raw = FILES[name].read_bytes()
    record = judge(raw, PeerId.parse(name.partition(".")[0]))
    old_too = form == "v1-v2"
    assert record.value == (VALUE if old_too else b"/ipns/example.org/sub/")
    assert (record.sequence, record.has_old) == ((7, True) if old_too else (8, False))
    assert record.ttl_ns == (3600 if old_too else 300) * 10**9
    ours = ipns.create(
        key(kind), record.value, record.sequence, record.eol_ns, record.ttl_ns, old_too=old_too
    )
    assert ours.data == record.data
    if kind in ("ed25519", "rsa"):  # whose signatures are the same each time
        assert ours.raw == raw


def test_every_vector_is_read() -> None:
    assert len(FILES) == len(SPECIFIED) + 2 * len(KEYS)


# ---- what a record says


@given(
    st.binary(max_size=200),
    st.integers(0, ipns.MAX_SEQUENCE),
    st.integers(NOW + 1, NOW + 10**18),
    st.integers(0, ipns.MAX_TTL_NS),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_what_was_made_verifies_and_says_what_was_given(
    value: bytes, sequence: int, eol: int, ttl: int, old_too: bool
) -> None:
    record = judge(ipns.create(KEY, b"/" + value, sequence, eol, ttl, old_too=old_too).raw)
    assert (record.value, record.sequence) == (b"/" + value, sequence)
    assert (record.eol_ns, record.ttl_ns, record.has_old) == (eol, ttl, old_too)


def test_an_empty_value_and_a_bare_cid_are_paths() -> None:
    cid = Cid.parse("bafkqaddwgevxmmraojswg33smq")
    assert make(b"").value == b"/ipfs/bafkqaaa"
    assert make(cid.raw).value == b"/ipfs/" + str(cid).encode()
    with pytest.raises(InvalidRecord, match="not a valid content path"):
        judge(make(b"example.org").raw)


def test_unknown_fields_are_passed_over() -> None:
    more = FIELDS | {"_mine": {"a": [1, True, None]}}
    unknown = b"\x78\x05" + b"\x82\x01\x03abc" + b"\x89\x01" + bytes(8) + b"\x95\x01" + bytes(4)
    assert judge(signed(more, unknown)).sequence == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ValidityType": 1}, "record contains an unrecognized validity type"),
        ({"Validity": b"tomorrow"}, "record contains an invalid validity"),
        ({"Validity": "2126-11-24T12:00:00Z"}, "record is malformed: Validity is not bytes"),
        ({"Value": "/ipfs/bafkqaaa"}, "record is malformed: Value is not bytes"),
        ({"TTL": -1}, "record is malformed: negative TTL"),
        ({"Sequence": 2**63}, "record is malformed: Sequence is not an integer of 64 bits"),
        ({"Sequence": True}, "record is malformed: Sequence is not an integer of 64 bits"),
        ({"ValidityType": None}, "record is malformed: ValidityType is not an integer of 64 bits"),
    ],
    ids=str,
)
def test_signed_nonsense_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidRecord) as raised:
        judge(signed(FIELDS | change))
    assert str(raised.value) == says


@pytest.mark.parametrize("gone", ["Value", "Validity", "ValidityType", "Sequence"])
def test_a_missing_field_is_refused(gone: str) -> None:
    with pytest.raises(InvalidRecord, match=gone):
        judge(signed({name: value for name, value in FIELDS.items() if name != gone}))


def test_it_counts_until_its_end_and_not_longer() -> None:
    raw = make(eol=NOW).raw
    assert judge(raw, now=NOW).eol_ns == NOW
    with pytest.raises(ExpiredRecord, match="record is expired"):
        judge(raw, now=NOW + 1)


def test_a_record_of_another_name_is_refused() -> None:
    other = PeerId.of(PrivateKey(bytes(32)).public())
    with pytest.raises(InvalidRecord, match="signature verification failed"):
        judge(make().raw, other)
    rsa = ipns.create(key("rsa"), VALUE, 0, NOW + 1, 0)
    with pytest.raises(InvalidRecord, match="does not match the expected public key"):
        judge(rsa.raw, other)


def test_a_key_that_is_nowhere_is_missed() -> None:
    with pytest.raises(InvalidRecord, match="public key is not embedded in peer ID"):
        judge(make().raw, PeerId.of(key("rsa").public()))


# ---- what changes do to it


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "secp256k1"])
@pytest.mark.parametrize("old_too", [True, False], ids=["V1+V2", "V2"])
def test_no_flipped_byte_changes_what_a_record_says(kind: str, old_too: bool) -> None:
    """Only the signature of V1, which counts for nothing, may differ in what is accepted.

    That, and whether the type of validity, which is 0, is written or left out behind it.
    """
    signer = key(kind)
    name = PeerId.of(signer.public())
    record = ipns.create(signer, VALUE, 5, NOW + 10**9, 10**9, old_too=old_too)
    counts_for_nothing = range(0)
    if old_too:
        at, size = record.raw.find(record.old_signature), len(record.old_signature)
        counts_for_nothing = range(at - 1 - len(varint.encode(size)), at + size + 1)
    step = 1 if kind == "ed25519" else 5
    for place in range(0, len(record.raw), step):
        for flip in (0x01, 0x10, 0x80):
            raw = bytearray(record.raw)
            raw[place] ^= flip
            try:
                found = judge(bytes(raw), name)
            except Malformed:
                continue
            assert place in counts_for_nothing
            assert found.data == record.data


@given(st.integers(0, 2**32), st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_a_flipped_byte_of_a_record_of_v2_is_refused(place: int, flip: int) -> None:
    raw = bytearray(V2.raw)
    raw[place % len(raw)] ^= flip
    with pytest.raises(Malformed):
        judge(bytes(raw))


V2 = make(old_too=False)


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_record_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(Malformed):
        judge(V2.raw[: cut % len(V2.raw)])


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_record_or_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        judge(raw)


@pytest.mark.parametrize(
    "raw",
    [b"\x0b", b"\x0c", b"\x00\x00", b"\x4a\xff\xff\xff\xff\x0f", b"\x30" + b"\xff" * 10, b"\x49",
     b"\x30" + b"\xff" * 9 + b"\x02"],
    ids=["a group", "its end", "field 0", "a length of 4 GiB", "a varint without end",
         "8 bytes cut", "a varint over 64 bits"],
)  # fmt: skip
def test_what_is_no_protobuf_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRecord, match="cannot parse"):
        ipns.decode(raw)


def test_a_long_record_is_refused_unread() -> None:
    largest = make(b"/" + b"a" * 4000, old_too=True)
    assert len(largest.raw) < ipns.MAX_BYTES
    with pytest.raises(InvalidRecord, match="record exceeds allowed size limit"):
        ipns.decode(bytes(ipns.MAX_BYTES + 1))
    with pytest.raises(InvalidRecord, match="record exceeds allowed size limit"):
        make(b"/" + b"a" * 6000, old_too=True)


# ---- which of several counts


def test_the_higher_sequence_then_the_later_end_then_the_greater_bytes_count() -> None:
    old, new = make(sequence=1, eol=NOW + 9), make(sequence=2, eol=NOW + 1)
    later = make(sequence=2, eol=NOW + 2)
    other = make(b"/ipfs/bafkqaaa", sequence=2, eol=NOW + 2)
    assert ipns.best([new, old]) is new
    assert ipns.best([new, later, old]) is later
    greater = max(later, other, key=lambda record: record.raw)
    assert ipns.best([later, other]) is ipns.best([other, later]) is greater
    assert ipns.best([]) is None
