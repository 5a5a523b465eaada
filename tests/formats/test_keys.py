"""Ed25519 keys against RFC 8032, libp2p's specification, Kubo's keystore and did:key."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats.keys import (
    MAX_DID_CHARS,
    MAX_KEY_BYTES,
    InvalidKey,
    PrivateKey,
    PublicKey,
    UnsupportedKey,
)

KUBO = json.loads((Path(__file__).parents[2] / "specs/vectors/keys/kubo.json").read_text())

# RFC 8032 §7.1, test 1
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SIGNATURE = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
    "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)
# libp2p/specs peer-ids.md, the Ed25519 example
LIBP2P_PRIVATE = bytes.fromhex(
    "080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d"
    "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
)
LIBP2P_PUBLIC = bytes.fromhex(
    "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
)
KEY = PrivateKey(SEED)


def test_rfc_8032_test_1() -> None:
    assert KEY.public().raw == PUBLIC
    assert KEY.sign(b"") == SIGNATURE
    assert KEY.public().verify(b"", SIGNATURE)


@pytest.mark.parametrize(
    ("message", "signature"),
    [
        (b"x", SIGNATURE),
        (b"", SIGNATURE[:-1]),
        (b"", SIGNATURE + b"\0"),
        (b"", b""),
        (b"", bytes(64)),
        (b"", bytes((SIGNATURE[0] ^ 1,)) + SIGNATURE[1:]),
    ],
)
def test_another_message_or_signature_is_false(message: bytes, signature: bytes) -> None:
    assert not KEY.public().verify(message, signature)


def test_another_key_is_false() -> None:
    assert not PublicKey(bytes(32)).verify(b"", SIGNATURE)
    assert not PublicKey(b"\xff" * 32).verify(b"", SIGNATURE)  # not a point of the curve


def test_libp2ps_example_reads_and_writes_back() -> None:
    key = PrivateKey.from_protobuf(LIBP2P_PRIVATE)
    assert key.protobuf() == LIBP2P_PRIVATE
    assert key.public().protobuf() == LIBP2P_PUBLIC
    assert PublicKey.from_protobuf(LIBP2P_PUBLIC) == key.public()


def test_the_old_form_with_the_public_key_twice_reads() -> None:
    public = LIBP2P_PRIVATE[-32:]
    assert PrivateKey.from_protobuf(
        b"\x08\x01\x12\x60" + LIBP2P_PRIVATE[4:] + public
    ) == PrivateKey.from_protobuf(LIBP2P_PRIVATE)


@pytest.mark.parametrize("row", KUBO["ed25519"], ids=lambda row: str(row["file"]))
def test_kubos_keys_read_and_write_back(row: dict[str, str]) -> None:
    data = bytes.fromhex(row["protobuf"])
    assert PrivateKey.from_protobuf(data).protobuf() == data


def test_the_did_of_the_zero_seed_is_that_of_the_did_key_document() -> None:
    did = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
    public = PrivateKey(bytes(32)).public()
    assert public.did == did
    assert PublicKey.from_did(did) == public


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=100))
@settings(max_examples=25, deadline=None)
def test_every_form_reads_back_and_every_signature_verifies(seed: bytes, message: bytes) -> None:
    key = PrivateKey(seed)
    public = key.public()
    assert PrivateKey.from_protobuf(key.protobuf()) == key
    assert PublicKey.from_protobuf(public.protobuf()) == public
    assert PublicKey.from_did(public.did) == public
    assert public.verify(message, key.sign(message))
    assert not public.verify(message + b"!", key.sign(message))


def test_generated_keys_differ() -> None:
    assert PrivateKey.generate() != PrivateKey.generate()


def test_no_repr_shows_the_seed() -> None:
    assert repr(KEY) == "PrivateKey()"
    assert SEED.hex() not in str(KEY)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "nothing"),
        (b"\x08", "cut short in the type"),
        (b"\x08\x01\x12", "cut short before the length"),
        (LIBP2P_PUBLIC[:-1], "cut short in the data"),
        (LIBP2P_PUBLIC + b"\0", "bytes behind the end"),
        (LIBP2P_PUBLIC[2:] + b"\x08\x01", "fields in the wrong order"),
        (b"\x08\x81\x00\x12\x20" + PUBLIC, "a varint that is not minimal"),
        (b"\x08\x01\x08\x01\x12\x20" + PUBLIC, "the type twice"),
        (b"\x08\x01\x1a\x20" + PUBLIC, "another field"),
        (b"\x08\x01\x12\x1f" + PUBLIC[:31], "31 bytes"),
        (b"\x08\x01\x12\x1f" + PUBLIC, "a declared length of one less"),
        (b"\x08\x01\x12\x21" + PUBLIC, "a declared length of one more"),
        (b"\x08\x01\x12\xff\xff\xff\xff\x7f", "a declared length of 32 GiB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_public_key_that_breaks_a_rule_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(InvalidKey):
        PublicKey.from_protobuf(data)


@pytest.mark.parametrize(
    "body",
    [
        LIBP2P_PRIVATE[4:-1],
        LIBP2P_PRIVATE[4:36],
        LIBP2P_PRIVATE[4:36] + PUBLIC,
        LIBP2P_PRIVATE[4:] + PUBLIC,
        b"",
    ],
    ids=["short", "seed alone", "public half of another", "two public halves", "empty"],
)
def test_a_private_key_whose_halves_disagree_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidKey):
        PrivateKey.from_protobuf(b"\x08\x01\x12" + bytes((len(body),)) + body)


@pytest.mark.parametrize(("code", "name"), [(0, "RSA"), (2, "Secp256k1"), (3, "ECDSA"), (9, "9")])
def test_other_types_of_key_are_named(code: int, name: str) -> None:
    with pytest.raises(UnsupportedKey, match=name):
        PublicKey.from_protobuf(b"\x08" + bytes((code,)) + b"\x12\x01\x00")


def test_a_long_key_is_refused_unread() -> None:
    with pytest.raises(LimitExceeded):
        PublicKey.from_protobuf(b"\x08\x01\x12" + bytes(MAX_KEY_BYTES))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "did:key:",
        "did:key:z",
        "did:key:z0",
        "did:web:example.org",
        "did:key:z6Mk",
        KEY.public().did + "1",
        KEY.public().did[:-1],
        "did:key:f" + "ed01" + PUBLIC.hex(),
        # secp256k1, of the did:key document
        "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
    ],
)
def test_what_is_no_ed25519_did_is_refused(text: str) -> None:
    with pytest.raises((InvalidKey, UnsupportedKey)):
        PublicKey.from_did(text)


def test_a_long_did_is_refused_undecoded() -> None:
    with pytest.raises(LimitExceeded):
        PublicKey.from_did("did:key:z" + "6" * MAX_DID_CHARS)


@given(data=st.binary(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_key_or_malformed(data: bytes) -> None:
    for read in (PublicKey.from_protobuf, PrivateKey.from_protobuf):
        try:
            key = read(data)
        except Malformed:
            continue
        assert key.protobuf() == data
