"""Peer ids against those that Kubo gave its keys."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.cid import LIBP2P_KEY, Cid
from jiaozi_node.formats.keys import PrivateKey, PublicKey, UnsupportedKey
from jiaozi_node.formats.peer_id import MAX_TEXT_CHARS, InvalidPeerId, PeerId

KUBO = json.loads((Path(__file__).parents[2] / "specs/vectors/keys/kubo.json").read_text())
KEY = PublicKey(bytes(range(32)))


@pytest.mark.parametrize("row", KUBO["ed25519"], ids=lambda row: str(row["file"]))
def test_kubos_keys_have_the_ids_kubo_gave_them(row: dict[str, str]) -> None:
    public = PrivateKey.from_protobuf(bytes.fromhex(row["protobuf"])).public()
    peer = PeerId.of(public)
    assert str(peer) == row["peer_id"]
    assert peer.ipns_name == row["ipns_name"]
    assert str(peer.cid) == row["cid"]
    assert peer.key == public
    assert row["peer_id"].startswith("12D3Koo")
    assert row["ipns_name"].startswith("k51")


@pytest.mark.parametrize("row", [*KUBO["ed25519"], KUBO["rsa"]], ids=lambda row: row["peer_id"])
def test_all_texts_of_an_id_are_read(row: dict[str, str]) -> None:
    peer = PeerId.parse(row["peer_id"])
    assert PeerId.parse(row["ipns_name"]) == PeerId.parse(row["cid"]) == peer
    assert (str(peer), peer.ipns_name) == (row["peer_id"], row["ipns_name"])


def test_an_id_that_is_a_hash_holds_no_key() -> None:
    assert PeerId.parse(KUBO["rsa"]["peer_id"]).key is None


def test_an_id_of_another_kind_of_key_says_which_when_asked_for_it() -> None:
    peer = PeerId(mh.of(mh.IDENTITY, b"\x08\x09\x12\x21" + bytes(33)))
    assert PeerId.parse(str(peer)) == peer
    with pytest.raises(UnsupportedKey, match="type 9"):
        _ = peer.key


@given(raw=st.binary(min_size=32, max_size=32))
@settings(max_examples=50, deadline=None)
def test_every_text_reads_back(raw: bytes) -> None:
    peer = PeerId.of(PublicKey(raw))
    assert len(peer.ipns_name) <= 63  # a DNS label
    for text in (str(peer), peer.ipns_name, str(peer.cid)):
        assert PeerId.parse(text) == peer


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "nothing"),
        ("1", "a zero byte"),
        ("12D3Koo", "cut short"),
        (str(PeerId.of(KEY)) + "1", "a byte too many"),
        ("QmSs1uCXYeWe944vfzFLBNAAvfry631VKE4C6T5hgvFYu", "cut short"),
        ("12D3Koo0", "not base58"),
        ("bafkreibnoelefnzgwbcacyt4vh52ymxvzbjq7mmqhtcnwarfq4lzegsiqe", "a CID of raw"),
        (str(Cid.v1(LIBP2P_KEY, mh.of(mh.SHA2_512, b"x"))), "another hash"),
        (str(Cid.v1(LIBP2P_KEY, mh.of(mh.IDENTITY, bytes(43)))), "an inline key too long"),
        (str(Cid.v1(LIBP2P_KEY, mh.of(mh.IDENTITY, b""))), "an inline key of nothing"),
        ("peer", "no base has this prefix"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_what_is_no_peer_id_is_refused(text: str, rule: str) -> None:
    with pytest.raises(InvalidPeerId):
        PeerId.parse(text)


def test_a_long_text_is_refused_undecoded() -> None:
    with pytest.raises(LimitExceeded):
        PeerId.parse("1" * (MAX_TEXT_CHARS + 1))


@given(text=st.text(max_size=70) | st.text("123QmDKobk5", max_size=70))
@settings(max_examples=300, deadline=None)
def test_any_text_is_an_id_or_malformed(text: str) -> None:
    try:
        peer = PeerId.parse(text)
    except Malformed:
        return
    assert PeerId.parse(str(peer)) == peer
