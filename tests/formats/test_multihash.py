"""Multihashes: digests against hashlib and published values, the allowlist of IPIP-512."""

import hashlib
import json
from pathlib import Path

import multiformats.multihash as other
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats import varint
from jiaozi_node.formats.cid import Cid
from tests import strategies
from tests.outcome import outcome

VECTORS = Path(__file__).parents[2] / "specs" / "vectors" / "multihash" / "kubo-0.43.json"
KUBO: dict[str, dict[str, str]] = json.loads(VECTORS.read_text())

# The empty input and "abc", from FIPS 180-4, Keccak's submission and the test vectors of BLAKE3.
PUBLISHED = [
    ("sha1", b"abc", "1114a9993e364706816aba3e25717850c26c9cd0d89d"),
    (
        "sha2-256",
        b"abc",
        "1220ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ),
    (
        "sha2-512",
        b"abc",
        "1340ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    (
        "blake3",
        b"",
        "1e20af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    ),
    ("identity", b"abc", "0003616263"),
    ("keccak-224", b"", "1a1cf71837502ba8e10837bdd8d365adb85591895602fc552b48b7390abd"),
    (
        "keccak-384",
        b"",
        "1c302c23146a63a29acf99e73b88f8c24eaa7dc60aa771780ccc006afbfa8fe2479b"
        "2dd2b21362337441ac12b515911957ff",
    ),
]


@pytest.mark.parametrize(("name", "data", "expected"), PUBLISHED)
def test_published_digests(name: str, data: bytes, expected: str) -> None:
    multihash = mh.of(mh.CODES[name], data)
    assert multihash.hex() == expected
    assert mh.matches(multihash, data)
    assert not mh.matches(multihash, data + b"!")


def test_a_digest_cut_short_matches_as_far_as_it_goes() -> None:
    digest = hashlib.sha256(b"abc").digest()[:20]
    assert mh.matches(b"\x12\x14" + digest, b"abc")
    assert not mh.matches(b"\x12\x14" + digest, b"abd")


def test_identity_holds_128_bytes_and_no_more() -> None:
    mh.check(mh.of(mh.IDENTITY, bytes(128)))
    with pytest.raises(LimitExceeded) as caught:
        mh.of(mh.IDENTITY, bytes(129))
    assert (caught.value.limit, caught.value.value) == (128, 129)
    with pytest.raises(LimitExceeded):
        mh.check(b"\x00\x81\x01" + bytes(129))


def test_digests_hold_20_to_128_bytes() -> None:
    mh.check(b"\x12\x14" + bytes(20))
    with pytest.raises(Malformed, match="minimum of 20"):
        mh.check(b"\x12\x13" + bytes(19))
    mh.check(b"\x13\x80\x01" + bytes(128))
    with pytest.raises(LimitExceeded):
        mh.check(b"\x13\x81\x01" + bytes(129))


@pytest.mark.parametrize("code", [0xD5, 0x23, 0x1053, 0xB201, 0xB213, 0x7012])
def test_functions_off_the_allowlist_are_refused(code: int) -> None:
    with pytest.raises(mh.UnknownHash):
        mh.check(varint.encode(code) + b"\x20" + bytes(32))


@pytest.mark.parametrize("name", KUBO)
def test_kubo_computes_the_same(name: str) -> None:
    for text, cid in KUBO[name].items():
        multihash = mh.of(mh.CODES[name], text.encode())
        assert Cid.parse(cid).multihash == multihash
        assert mh.matches(multihash, text.encode())
        assert not mh.matches(multihash, text.encode() + b"!")


@pytest.mark.parametrize("name", mh.CODES)
def test_every_allowed_function_is_computed(name: str) -> None:
    multihash = mh.of(mh.CODES[name], b"some bytes that are hashed")
    mh.check(multihash)
    assert mh.matches(multihash, b"some bytes that are hashed")


@pytest.mark.parametrize("data", ["", "12", "1220", "1220aa", "1221" + "00" * 32, "12" + "80" * 10])
def test_other_bytes_are_refused(data: str) -> None:
    with pytest.raises(Malformed):
        mh.check(bytes.fromhex(data))


@given(st.binary(max_size=40) | strategies.mutated(strategies.multihashes()))
def test_any_bytes_are_a_multihash_or_malformed(data: bytes) -> None:
    _, fault = outcome(mh.check, data)
    if not fault:
        code, digest = mh.split(data)
        assert data.endswith(digest)
        assert code in mh.NAMES


@pytest.mark.parametrize(
    "name",
    [
        "identity",
        "sha1",
        "sha2-256",
        "sha2-512",
        "sha3-224",
        "sha3-512",
        "blake2b-160",
        "blake2b-512",
        "blake2s-160",
        "blake2s-256",
    ],
)
@given(data=st.binary(max_size=100))
def test_multiformats_computes_the_same(name: str, data: bytes) -> None:
    assert mh.of(mh.CODES[name], data) == other.digest(data, name)


@given(strategies.multihashes())
def test_multiformats_takes_them_apart_the_same_way(multihash: bytes) -> None:
    code, digest = other.unwrap_raw(multihash)
    assert mh.split(multihash) == (code, bytes(digest))
