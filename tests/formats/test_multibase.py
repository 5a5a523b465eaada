"""Multibase against Kubo's texts and the multiformats package."""

import json
from pathlib import Path

import multiformats.multibase
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import multibase
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.multibase import InvalidMultibase, UnknownBase

VECTORS = Path(__file__).parents[2] / "specs/vectors/multibase/kubo.json"
ROWS = json.loads(VECTORS.read_text())
# base8 of the package pads with '=', which the specification does not.
ELSEWHERE = sorted(set(multibase.BASES) - {"base8", "base256emoji", "identity"})


@pytest.mark.parametrize("base", sorted({row["base"] for row in ROWS}))
def test_kubos_texts_are_written_and_read(base: str) -> None:
    rows = [row for row in ROWS if row["base"] == base]
    assert rows
    for row in rows:
        data = bytes.fromhex(row["hex"])
        assert multibase.encode(base, data) == row["text"]
        assert multibase.decode(row["text"]) == (base, data)


def test_every_base_of_kubo_is_here() -> None:
    assert {row["base"] for row in ROWS} <= set(multibase.BASES)


@pytest.mark.parametrize("base", sorted(multibase.BASES))
@given(data=st.binary(max_size=200))
@settings(max_examples=30, deadline=None)
def test_decode_undoes_encode(base: str, data: bytes) -> None:
    text = multibase.encode(base, data)
    assert text.startswith(multibase.BASES[base])
    assert multibase.decode(text) == (base, data)


@pytest.mark.parametrize("base", ELSEWHERE)
@given(data=st.binary(max_size=60))
@settings(max_examples=20, deadline=None)
def test_multiformats_writes_the_same(base: str, data: bytes) -> None:
    assert multibase.encode(base, data) == multiformats.multibase.encode(data, base)


@given(text=st.text(max_size=40) | st.text("bcfkzmMuU07v=aA1 ", max_size=40))
@settings(max_examples=400, deadline=None)
def test_any_text_decodes_to_what_is_written_as_it_or_is_malformed(text: str) -> None:
    try:
        base, data = multibase.decode(text)
    except Malformed:
        return
    assert multibase.encode(base, data)[1:].lower() == text[1:].lower()


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("f68656c6c6f20776F726C64", b"hello world"),
        ("F68656c6c6f20776F726C64", b"hello world"),
        ("bnbswy3dpeB3W64TMMQ", b"hello world"),
        ("Bnbswy3dpeB3W64TMMQ", b"hello world"),
        ("vd1imor3f41RMUSJCCG", b"hello world"),
        ("cnbswy3dpeB3W64TMMQ======", b"hello world"),
        ("TD1imor3f41RMUSJCCG======", b"hello world"),
        ("kfUvrsIvVnfRbjWaJo", b"hello world"),
        ("KfUVrSIVVnFRbJWAJo", b"hello world"),
    ],
)
def test_case_is_ignored_where_go_multibase_ignores_it(text: str, data: bytes) -> None:
    # The strings are those of the specification's case_insensitivity table.
    assert multibase.decode(text)[1] == data


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "empty text"),
        ("f0", "half a byte"),
        ("fxy", "not hexadecimal"),
        ("bab======", "padding where there is none"),
        ("cab", "no padding where there is"),
        ("caa=====", "padding too short"),
        ("baaa", "a length no bytes have"),
        ("bab", "stray bits behind the last byte"),
        ("mYQ==", "padded base64 under the bare prefix"),
        ("MYQ", "bare base64 under the padded prefix"),
        ("mYR", "stray bits in base64"),
        ("m-_8", "url letters in plain base64"),
        ("u+/8", "plain letters in base64url"),
        ("mYW\nI", "a line end"),
        ("z0", "a digit base58 left out"),
        ("zI", "a letter base58 left out"),
        ("k_1", "an underscore, which int() takes"),
        ("k 1", "a space, which int() takes"),
        ("k-1", "a sign, which int() takes"),
        ("9٣", "a digit of another script"),
        ("bſſ", "a letter that becomes ASCII in upper case"),
        ("k\u212a", "the Kelvin sign, which becomes k in lower case"),
        ("v" + "z", "a letter outside base32hex"),
        ("012", "a digit that is not a bit"),
        ("00101", "five bits"),
        ("78", "a digit over seven"),
        ("🚀a", "not one of the emoji"),
        ("\0\ud800", "a lone surrogate"),
    ],
)
def test_refuses(text: str, rule: str) -> None:
    with pytest.raises(InvalidMultibase) as raised:
        multibase.decode(text)
    assert "\n" not in str(raised.value), rule


@pytest.mark.parametrize("text", ["?abc", "xabc", "1abc", "é"])
def test_an_unknown_prefix_is_named(text: str) -> None:
    with pytest.raises(UnknownBase) as raised:
        multibase.decode(text)
    assert raised.value.base == text[0]


def test_an_unknown_name_is_named() -> None:
    with pytest.raises(UnknownBase, match="base99"):
        multibase.encode("base99", b"")


def test_length_is_looked_at_before_decoding() -> None:
    with pytest.raises(LimitExceeded):
        multibase.decode("m" + "A" * 100, max_chars=100)
    assert multibase.decode("m" + "A" * 100, max_chars=101)[1] == bytes(75)


@pytest.mark.parametrize("base", ["base10", "base36", "base58btc", "base58flickr"])
def test_bases_that_cost_quadratic_time_have_a_limit(base: str) -> None:
    prefix = multibase.BASES[base]
    multibase.decode(prefix + "2" * multibase.MAX_POSITIONAL)
    with pytest.raises(LimitExceeded):
        multibase.decode(prefix + "2" * (multibase.MAX_POSITIONAL + 1))
    with pytest.raises(LimitExceeded):
        multibase.encode(base, b"2" * (multibase.MAX_POSITIONAL + 1))


@pytest.mark.parametrize("base", sorted(set(multibase.BASES) - {"identity"}))
def test_a_cid_is_the_same_in_every_base(base: str) -> None:
    cid = Cid.parse("bafkreibnoelefnzgwbcacyt4vh52ymxvzbjq7mmqhtcnwarfq4lzegsiqe")
    assert Cid.parse(multibase.encode(base, cid.raw)) == cid


def test_a_letter_that_becomes_ascii_in_upper_case_is_no_cid() -> None:
    with pytest.raises(Malformed):
        Cid.parse("bafkreibnoelefnzgwbcacyt4vh52ymxvzbjq7mmqhtcnwarfq4lzegſiqe")
