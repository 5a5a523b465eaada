"""Keys of other types than Ed25519, by what Kubo and openssl made."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Malformed, Misuse
from jiaozi_node.formats import key_types, keys, multibase
from jiaozi_node.formats.key_types import RsaSize, SignKey
from jiaozi_node.formats.keys import InvalidKey, UnsupportedKey
from jiaozi_node.formats.peer_id import PeerId

GIVEN = json.loads((Path(__file__).parents[2] / "specs/vectors/keys/kubo-types.json").read_text())
TYPES = ("ed25519", "rsa", "secp256k1", "ecdsa")
SIGNED = b"libp2p-key signed message:" + GIVEN["message"].encode()


def key(kind: str) -> SignKey:
    return key_types.read_private(bytes.fromhex(GIVEN["keys"][kind]["protobuf"]))


@pytest.mark.parametrize("kind", TYPES)
def test_kubos_keys_read_and_write_back_in_both_forms(kind: str) -> None:
    row = GIVEN["keys"][kind]
    read = key(kind)
    assert read.protobuf().hex() == row["protobuf"]
    assert key_types.to_pem(read).decode() == row["pem"]
    assert key_types.from_pem(row["pem"].encode()) == read
    assert str(PeerId.of(read.public())) == row["peer_id"]
    assert PeerId.of(read.public()).ipns_name == row["ipns_name"]
    assert key_types.read_public(read.public().protobuf()) == read.public()


@pytest.mark.parametrize("kind", TYPES)
def test_kubos_signatures_verify_and_ours_do(kind: str) -> None:
    public = key(kind).public()
    theirs = multibase.decode(GIVEN["keys"][kind]["signature"])[1]
    for signature in (theirs, key(kind).sign(SIGNED)):
        assert public.verify(SIGNED, signature)
        assert not public.verify(SIGNED + b"!", signature)
        assert not public.verify(SIGNED, signature[:-1])
        assert not public.verify(SIGNED, b"")


def test_signatures_of_secp256k1_have_the_lower_s() -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    made = [decode_dss_signature(key("secp256k1").sign(bytes((n,))))[1] for n in range(16)]
    assert max(made) <= 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "secp256k1"])
def test_a_generated_key_is_of_its_type_and_another_each_time(kind: str) -> None:
    one, two = (key_types.generate(kind) for _ in range(2))
    assert one != two
    assert one.type == key(kind).type
    assert key_types.read_private(one.protobuf()) == one


@pytest.mark.parametrize(
    ("kind", "bits", "says"),
    [
        ("rsa", 2047, "rsa keys must be >= 2048 bits to be useful"),
        ("rsa", 8193, "rsa keys must be <= 8192 bits"),
        ("rsa", 0, "rsa keys must be >= 2048 bits to be useful"),
        ("ed25519", 255, "invalid key size 255: ed25519 keys are always 256 bits"),
        ("secp256k1", 2048, "invalid key size 2048: secp256k1 keys are always 256 bits"),
        ("ecdsa", -1, "unrecognized key type: ecdsa"),
    ],
)
def test_what_is_not_generated_is_said_as_kubo_says_it(kind: str, bits: int, says: str) -> None:
    with pytest.raises((Misuse, RsaSize)) as raised:
        key_types.generate(kind, bits)
    assert str(raised.value) == says


def test_a_short_rsa_key_is_refused_wherever_it_comes_from() -> None:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import rsa

    short = rsa.generate_private_key(65537, 1024)
    pem = short.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    der = short.private_bytes(s.Encoding.DER, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption())
    public = short.public_key().public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(RsaSize):
        key_types.from_pem(pem)
    with pytest.raises(RsaSize):
        key_types.read_private(keys.message(key_types.RSA, der))
    with pytest.raises(RsaSize):
        key_types.read_public(keys.message(key_types.RSA, public))


def test_keys_of_another_type_or_curve_than_they_say_are_refused() -> None:
    ecdsa, rsa = (keys.split(key(kind).protobuf())[1] for kind in ("ecdsa", "rsa"))
    for claimed, data in ((key_types.RSA, ecdsa), (key_types.ECDSA, rsa)):
        with pytest.raises(InvalidKey):
            key_types.read_private(keys.message(claimed, data))
    for size in (0, 31, 33):
        with pytest.raises(InvalidKey):
            key_types.read_private(keys.message(key_types.SECP256K1, b"\1" * size))
    with pytest.raises(InvalidKey):  # not a scalar of the curve
        key_types.read_private(keys.message(key_types.SECP256K1, bytes(32)))
    with pytest.raises(InvalidKey):  # not a point of it
        key_types.read_public(keys.message(key_types.SECP256K1, b"\2" + b"\xff" * 32))
    with pytest.raises(UnsupportedKey, match="9"):
        key_types.read_private(keys.message(9, b"\0"))


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        (b"", "PEM block not found"),
        (b"no PEM", "PEM block not found"),
        (b"-----BEGIN PRIVATE KEY-----\nMC4C", "PEM block not found"),
        (b"-----BEGIN RSA PRIVATE KEY-----\n-----END RSA PRIVATE KEY-----\n", "RSA PRIVATE KEY"),
        (b"-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n", "PKCS8"),
    ],
)
def test_what_is_no_pem_of_a_key_is_refused_and_not_quoted(pem: bytes, says: str) -> None:
    with pytest.raises(InvalidKey, match=says) as raised:
        key_types.from_pem(pem)
    assert "MC4C" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_key_to_agree_by_is_no_key_to_sign_by() -> None:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import x25519

    form = s.PrivateFormat.PKCS8
    pem = x25519.X25519PrivateKey.generate().private_bytes(s.Encoding.PEM, form, s.NoEncryption())
    with pytest.raises(UnsupportedKey):
        key_types.from_pem(pem)


def test_long_input_is_refused_unread() -> None:
    with pytest.raises(LimitExceeded):
        key_types.from_pem(bytes(keys.MAX_KEY_BYTES + 1))


@pytest.mark.parametrize("kind", TYPES)
def test_no_repr_shows_a_private_key(kind: str) -> None:
    secret = keys.split(key(kind).protobuf())[1]
    assert secret.hex() not in repr(key(kind))
    assert repr(secret)[2:-1] not in repr(key(kind))


@given(st.integers(0, 4), st.binary(max_size=120))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_key_or_malformed(kind: int, data: bytes) -> None:
    for read in (key_types.read_public, key_types.read_private):
        try:
            found = read(keys.message(kind, data))
        except Malformed:
            continue
        assert found.protobuf() == keys.message(kind, data)
