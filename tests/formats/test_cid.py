"""CIDs: equal by bytes, one text, every base read, and never more than one CID in some bytes."""

import string

import multiformats
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import varint
from jiaozi_node.formats.cid import Cid, InvalidCid
from tests import strategies
from tests.outcome import outcome

# One CID in the bases that people meet; written by `ipfs cid format -b`.
ONE = [
    "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
    "BAFYBEIGDYRZT5SFP7UDM7HU76UH7Y26NF3EFUYLQABF3OCLGTQY55FBZDI",
    "zdj7Wic6KcJAfWz1c9o4M6kq9Lwd5BfbxkVafnrojaaGiSFxM",
    "k2jmtxw8rjh1z69c6not3wtdxb0u3urbzhyll1t9jg6ox26dhi5sfi1m",
    "K2JMTXW8RJH1Z69C6NOT3WTDXB0U3URBZHYLL1T9JG6OX26DHI5SFI1M",
    "f01701220c3c4733ec8affd06cf9e9ff50ffc6bcd2ec85a6170004bb709669c31de94391a",
    "mAXASIMPEcz7Ir/0Gz56f9Q/8a80uyFphcABLtwlmnDHelDka",
]


def test_one_cid_is_one_cid_in_whatever_base_it_is_written() -> None:
    # Comparing by text would make these seven.
    read = [Cid.parse(text) for text in ONE]
    assert len(set(read)) == 1
    assert all(one == other for one in read for other in read)
    assert len({hash(one) for one in read}) == 1
    assert {str(one) for one in read} == {ONE[0]}
    assert not any(one != other or one < other for one in read for other in read)
    assert {read[0]: "found"}[read[2]] == "found"


def test_comparing_and_hashing_never_print(monkeypatch: pytest.MonkeyPatch) -> None:
    # A text costs ten times what a comparison may; one base less and it would be wrong as well.
    read = [Cid.parse(text) for text in ONE]

    def printed(cid: Cid) -> str:
        raise AssertionError("compared by text")

    monkeypatch.setattr(Cid, "__str__", printed)
    monkeypatch.setattr(Cid, "__repr__", printed)
    assert read[0] == read[1]
    assert not read[0] < read[1]
    assert {read[0]} == set(read)


def test_version_0_and_version_1_are_two_cids_of_one_block() -> None:
    old = Cid.parse("QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR")
    new = Cid.parse("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi")
    assert old != new
    assert old.as_v1() == new
    assert new.as_v1() is new
    assert (old.version, old.codec, old.hash_code) == (0, c.DAG_PB, 0x12)
    assert (new.version, new.codec, new.multihash) == (1, c.DAG_PB, old.multihash)


def test_a_cid_is_not_its_text_nor_its_bytes() -> None:
    cid = Cid.parse(ONE[0])
    assert cid != ONE[0]
    assert cid != cid.raw
    assert bytes(cid) == cid.raw
    assert repr(cid) == f"Cid('{ONE[0]}')"
    with pytest.raises(AttributeError):
        cid.raw = b""


def test_order_goes_by_bytes() -> None:
    # By text "b…" would come behind "Q…".
    v0 = Cid.parse("QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR")
    assert sorted([v0, v0.as_v1()]) == [v0.as_v1(), v0]


@given(strategies.cids())
def test_text_and_bytes_come_back(cid: Cid) -> None:
    assert Cid.parse(str(cid)) == cid
    assert Cid(cid.raw) == cid
    assert Cid.v1(cid.codec, cid.multihash) == cid.as_v1()


@given(st.lists(strategies.cids(), max_size=20))
def test_the_texts_of_many_are_those_of_each(cids: list[Cid]) -> None:
    assert c.texts(cids) == [str(cid) for cid in cids]


@given(st.binary(max_size=128))
def test_an_identity_cid_carries_its_data(data: bytes) -> None:
    cid = Cid.v1(c.RAW, b"\x00" + varint.encode(len(data)) + data)
    assert cid.inline == data == cid.digest
    assert Cid.parse(ONE[0]).inline is None


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("", "cut short"),
        ("01", "cut short"),
        ("0155", "cut short"),
        ("00551220" + "00" * 32, "version 0 is unknown"),
        ("02551220" + "00" * 32, "version 2 is unknown"),
        ("01551220" + "00" * 31, "declares a digest of 32 bytes and holds 31"),
        ("01551220" + "00" * 33, "declares a digest of 32 bytes and holds 33"),
        ("1220" + "00" * 31, "version 0 has 34 bytes"),
        ("1220" + "00" * 33, "version 0 has 34 bytes"),
        ("1120" + "00" * 32, "version 17 is unknown"),
        ("8100551220" + "00" * 32, "not minimal"),
        ("01d5001220" + "00" * 32, "not minimal"),
        ("0155920020" + "00" * 32, "not minimal"),
        ("01551213" + "00" * 19, "under the minimum of 20"),
        ("0155d50120" + "00" * 32, "not on the allowlist"),
    ],
)
def test_bytes_that_are_no_cid(raw: str, why: str) -> None:
    with pytest.raises(InvalidCid, match=why):
        Cid(bytes.fromhex(raw))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        "z",
        "Qm",
        "Qm" + "0" * 44,  # not a digit of base58
        "Qm" + "z" * 44,  # 34 bytes and more
        ONE[0][:-1],
        ONE[0] + "a",
        ONE[0][:-1] + "j",  # bits behind the last byte
        ONE[0].replace("y", "1", 1),  # not a digit of base32
        ONE[0][:-4] + "====",
        " " + ONE[0],
        ONE[0] + "\n",
        ONE[0][:30] + "\0" + ONE[0][31:],
        ONE[0].replace("s", "ſ"),  # 'ſ'.upper() is 'S'
        ONE[3].replace("k", "\u212a"),  # the Kelvin sign, which lower() makes a k
        ONE[2].lower(),
        "/ipfs/" + ONE[0],
        "💧" * 10,
    ],
)
def test_text_that_is_no_cid(text: str) -> None:
    assert outcome(Cid.parse, text)[1]


def test_text_is_measured_before_it_is_decoded() -> None:
    # base58 takes a time that grows with the square of the length.
    with pytest.raises(LimitExceeded) as caught:
        Cid.parse("z" + "2" * 1_000_000)
    assert (caught.value.limit, caught.value.value) == (512, 1_000_001)
    with pytest.raises(Malformed, match="375 bytes"):
        Cid.parse("z" * 512)


def test_bytes_are_measured() -> None:
    with pytest.raises(LimitExceeded) as caught:
        Cid(b"\x01\x55\x00\xa6\x01" + bytes(166))
    assert (caught.value.limit, caught.value.value) == (168, 171)


@given(st.binary(max_size=60) | strategies.mutated(strategies.cids().map(bytes)))
def test_any_bytes_are_one_cid_or_malformed(raw: bytes) -> None:
    cid, fault = outcome(Cid, raw)
    if not fault:
        assert cid.raw == raw
        assert Cid.parse(str(cid)).multihash == cid.multihash


DIGITS = string.ascii_letters + string.digits


@given(
    st.text(max_size=80)
    | st.text(DIGITS, max_size=80)
    | st.builds(lambda t, i: t[:i] + t[i + 1 :], st.sampled_from(ONE), st.integers(0, 60))
)
def test_any_text_is_a_cid_or_malformed(text: str) -> None:
    cid, fault = outcome(Cid.parse, text)
    if not fault:
        assert Cid.parse(str(cid)) == cid


# ------------------------------------------------------------------ the same as `multiformats`


@given(strategies.cids())
def test_multiformats_reads_our_bytes_and_we_its_texts(cid: Cid) -> None:
    theirs = multiformats.CID.decode(cid.raw)
    assert bytes(theirs) == cid.raw
    assert (theirs.version, theirs.codec.code) == (cid.version, cid.codec)
    assert bytes(theirs.digest) == cid.multihash
    if cid.version == 0:
        assert str(theirs) == str(cid)
        return
    assert theirs.encode("base32") == str(cid)
    for base in ("base16", "base32upper", "base36", "base58btc", "base64url", "base32hex"):
        assert Cid.parse(theirs.encode(base)) == cid


@given(strategies.mutated(strategies.cids().map(bytes)))
def test_bytes_that_both_accept_mean_the_same(raw: bytes) -> None:
    try:
        ours = Cid(raw)
        theirs = multiformats.CID.decode(raw)
    except (Malformed, ValueError, KeyError):
        return
    assert bytes(theirs) == ours.raw
    assert (theirs.version, theirs.codec.code) == (ours.version, ours.codec)


@given(
    st.builds(
        lambda t, i, ch: t[:i] + ch + t[i + 1 :],
        st.sampled_from(ONE),
        st.integers(1, 60),
        st.sampled_from(DIGITS),
    )
)
def test_text_that_both_accept_means_the_same(text: str) -> None:
    try:
        ours = Cid.parse(text)
        theirs = multiformats.CID.decode(text)
    except (Malformed, ValueError, KeyError):
        return
    assert bytes(theirs) == ours.raw


@given(st.binary(max_size=80))
def test_base58_is_that_of_multiformats(data: bytes) -> None:
    text = c.base58_encode(data)
    assert "z" + text == multiformats.multibase.encode(data, "base58btc")
    assert c.base58_decode(text) == data
