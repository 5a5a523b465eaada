"""Noise: the vectors under go-libp2p, both sides against each other, and nobody let in."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.formats import key_types
from jiaozi_node.formats.key_types import SignKey
from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.network.transport import noise
from jiaozi_node.network.transport.noise import (
    MAX_PLAIN_BYTES,
    Cipher,
    Handshake,
    NoiseFault,
    Opener,
    OtherPeer,
    Sealer,
    check_voucher,
    vouch,
)

VECTORS = Path(__file__).parents[3] / "specs" / "vectors" / "noise" / "xx.json"
ROWS: list[dict[str, str]] = json.loads(VECTORS.read_text())
KEYS: dict[str, SignKey] = {
    "ed25519": PrivateKey(bytes(32)),
    "secp256k1": key_types.generate("secp256k1"),
    "rsa": key_types.generate("rsa", 2048),
}


def pair(row: dict[str, str] | None = None) -> tuple[Handshake, Handshake]:
    if row is None:
        return Handshake(initiator=True), Handshake(initiator=False)
    static = {name: bytes.fromhex(row[f"{name}_static"]) for name in ("init", "resp")}
    ephemeral = {name: bytes.fromhex(row[f"gen_{name}_ephemeral"]) for name in ("init", "resp")}
    return (
        Handshake(initiator=True, static=static["init"], ephemeral=ephemeral["init"]),
        Handshake(initiator=False, static=static["resp"], ephemeral=ephemeral["resp"]),
    )


def met(initiator: Handshake, responder: Handshake) -> tuple[Cipher, Cipher, Cipher, Cipher]:
    assert responder.read(initiator.write()) == b""
    assert initiator.read(responder.write(b"theirs")) == b"theirs"
    assert responder.read(initiator.write(b"mine")) == b"mine"
    return *initiator.split(), *responder.split()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["msg_0_payload"][:8] or "no payloads")
def test_messages_are_those_of_the_vectors(row: dict[str, str]) -> None:
    writer, reader = pair(row)
    messages = sum(name.endswith("_ciphertext") for name in row)
    sealers: list[Cipher] = []
    openers: list[Cipher] = []
    for number in range(messages):
        payload = bytes.fromhex(row[f"msg_{number}_payload"])
        if number < 3:
            message = writer.write(payload)
            assert reader.read(message) == payload
        else:
            if number == 3:
                first, second = pair(row)  # to know which side is which
                assert first is not second
                (ours, theirs), (their_out, their_in) = writer.split(), reader.split()
                sealers, openers = [their_out, ours], [theirs, their_in]
            at = (number - 3) % 2
            message = sealers[at].seal(payload)
            assert openers[at].open(message) == payload
        assert message.hex() == row[f"msg_{number}_ciphertext"]
        writer, reader = reader, writer


def test_each_learns_the_others_key() -> None:
    initiator, responder = pair()
    met(initiator, responder)
    assert initiator.their_static == responder.static
    assert responder.their_static == initiator.static
    assert initiator.done
    assert responder.done


@given(step=st.integers(0, 2), at=st.integers(0, 200), bit=st.integers(0, 7))
def test_a_message_with_a_bit_turned_is_never_taken(step: int, at: int, bit: int) -> None:
    writer, reader = pair()
    for number in range(3):
        message = bytearray(writer.write(b"payload" if number else b""))
        if number == step:
            message[at % len(message)] ^= 1 << bit
            if number == 0:
                reader.read(bytes(message))  # in the clear: the next message tells
                with pytest.raises(NoiseFault):
                    writer.read(reader.write(b""))
            else:
                with pytest.raises(NoiseFault):
                    reader.read(bytes(message))
            return
        reader.read(bytes(message))
        writer, reader = reader, writer


@pytest.mark.parametrize("size", [0, 1, 31, 32, 47, 79, 80, 95])
def test_a_message_cut_short_is_refused(size: int) -> None:
    initiator, responder = pair()
    responder.read(initiator.write())
    message = responder.write(b"")
    assert len(message) == 96
    with pytest.raises(NoiseFault):
        initiator.read(message[:size])


def test_a_key_of_low_order_is_refused() -> None:
    responder = Handshake(initiator=False)
    responder.read(bytes(32))
    with pytest.raises(NoiseFault, match="gives no secret"):
        responder.write()


@pytest.mark.parametrize("kind", KEYS)
def test_a_peer_vouches_for_its_noise_key(kind: str) -> None:
    key = KEYS[kind]
    peer = PeerId.of(key.public())
    static = Handshake(initiator=True).static
    payload = vouch(key, static)
    assert check_voucher(payload, static, peer).protobuf() == key.public().protobuf()
    assert check_voucher(payload + b"\x22\x03\x12\x01a", static, None)  # extensions
    with pytest.raises(NoiseFault, match="doesn't vouch"):
        check_voucher(payload, bytes(32), peer)
    other = PeerId.of(PrivateKey(b"\1" * 32).public())
    with pytest.raises(OtherPeer, match="was dialled, and"):
        check_voucher(payload, static, other)


@given(st.binary(max_size=200))
def test_other_payloads_are_refused(payload: bytes) -> None:
    with pytest.raises(NoiseFault):
        check_voucher(payload, bytes(32), None)


def test_a_payload_over_the_limit_is_refused() -> None:
    with pytest.raises(NoiseFault, match="over 20480"):
        check_voucher(bytes(noise.MAX_PAYLOAD_BYTES + 1), bytes(32), None)


@given(
    pieces=st.lists(st.binary(max_size=50) | st.just(bytes(70_000)), max_size=6),
    cuts=st.lists(st.integers(1, 100_000), max_size=6),
)
def test_a_stream_arrives_however_it_is_cut(pieces: list[bytes], cuts: list[int]) -> None:
    sealer, opener = Sealer(Cipher(bytes(32))), Opener(Cipher(bytes(32)))
    wire = b"".join(sealer.frames(pieces))
    ends = sorted({min(cut, len(wire)) for cut in cuts} | {0, len(wire)})
    plain = b"".join(b"".join(opener.feed(wire[a:b])) for a, b in pairwise(ends))
    assert plain == b"".join(pieces)
    frames = -(-len(plain) // MAX_PLAIN_BYTES)
    assert len(wire) == len(plain) + 18 * frames


def test_frames_can_not_be_replayed_swapped_or_shortened() -> None:
    sealer = Sealer(Cipher(bytes(32)))
    first, second = (b"".join(sealer.frames([text])) for text in (b"one", b"two"))
    for wire in (first + first, second + first, b"\0\x03abc", first[:-1] + b"\0"):
        with pytest.raises(NoiseFault):
            Opener(Cipher(bytes(32))).feed(wire)


def test_nonces_end() -> None:
    cipher = Cipher(bytes(32))
    cipher._nonce = 2**64 - 1
    with pytest.raises(NoiseFault, match="used up"):
        cipher.seal(b"")
