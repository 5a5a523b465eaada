"""The noise of libp2p without a socket: the XX handshake, then sealed frames.

``Noise_XX_25519_ChaChaPoly_SHA256`` (https://noiseprotocol.org/noise.html, revision 34) with the
payload of https://github.com/libp2p/specs/blob/master/noise/README.md, by which each side proves
that the key of its peer id vouches for its noise key. Messages and frames are at most 65,535 bytes
and are preceded by their length in two bytes.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from jiaozi_node.errors import Malformed, Refused
from jiaozi_node.formats import varint
from jiaozi_node.formats.key_types import SignKey, VerifyKey, read_public
from jiaozi_node.formats.peer_id import PeerId

PROTOCOL: Final = "/noise"
MAX_FRAME_BYTES: Final = 65535
TAG_BYTES: Final = 16
MAX_PLAIN_BYTES: Final = MAX_FRAME_BYTES - TAG_BYTES
KEY_BYTES: Final = 32
MAX_PAYLOAD_BYTES: Final = 20 * 1024  # an RSA key of 8,192 bits and its signature take 3 kB

_NAME: Final = b"Noise_XX_25519_ChaChaPoly_SHA256"  # 32 bytes: it is its own hash
_SIGNED: Final = b"noise-libp2p-static-key:"
_MAX_NONCE: Final = 2**64 - 1


class NoiseFault(Malformed):
    """The other side breaks the noise protocol, or what it sealed doesn't open."""

    def __init__(self, why: str) -> None:
        super().__init__(f"noise: {why}")
        self.why = why


class OtherPeer(Refused):
    """The other side is somebody, but not who was dialled."""

    def __init__(self, wanted: PeerId, found: PeerId) -> None:
        super().__init__(f"peer {wanted} was dialled, and {found} answered")
        self.wanted, self.found = wanted, found


class Cipher:
    """One direction's key and its counter."""

    def __init__(self, key: bytes) -> None:
        self._aead = ChaCha20Poly1305(key)
        self._nonce = 0

    def seal(self, plain: bytes, bound: bytes = b"") -> bytes:
        """Encrypt *plain*; *bound* is authenticated with it."""
        return self._aead.encrypt(self._next(), plain, bound)

    def open(self, sealed: bytes | memoryview, bound: bytes = b"") -> bytes:
        """Decrypt; raises `NoiseFault` when it was not sealed so."""
        try:
            return self._aead.decrypt(self._next(), sealed, bound)
        except InvalidTag:
            raise NoiseFault("a frame doesn't open") from None

    def _next(self) -> bytes:
        nonce = self._nonce
        if nonce == _MAX_NONCE:
            raise NoiseFault("its nonces are used up")
        self._nonce = nonce + 1
        return b"\0\0\0\0" + nonce.to_bytes(8, "little")


class _Symmetric:
    """The chaining key and the hash of everything said so far (Noise §5.2)."""

    def __init__(self) -> None:
        self._chain = self._hash = _NAME
        self._cipher: Cipher | None = None
        self.mix_hash(b"")  # libp2p has no prologue

    def mix_hash(self, data: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + data).digest()

    def mix_key(self, shared: bytes) -> None:
        self._chain, key = _hkdf(self._chain, shared)
        self._cipher = Cipher(key)

    def seal(self, plain: bytes) -> bytes:
        sealed = plain if self._cipher is None else self._cipher.seal(plain, self._hash)
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        plain = sealed if self._cipher is None else self._cipher.open(sealed, self._hash)
        self.mix_hash(sealed)
        return plain

    def split(self) -> tuple[Cipher, Cipher]:
        first, second = _hkdf(self._chain, b"")
        return Cipher(first), Cipher(second)


def _hkdf(chain: bytes, data: bytes) -> tuple[bytes, bytes]:
    inner = hmac.digest(chain, data, "sha256")
    first = hmac.digest(inner, b"\x01", "sha256")
    return first, hmac.digest(inner, first + b"\x02", "sha256")


class Handshake:
    """One side of the XX pattern: `write` and `read` in turn, three messages in all.

    The initiator writes first. Private keys are 32 bytes; they are made anew for each connection
    unless a test gives them.
    """

    def __init__(
        self, *, initiator: bool, static: bytes | None = None, ephemeral: bytes | None = None
    ) -> None:
        self._initiator = initiator
        self._static, self._ephemeral = _private(static), _private(ephemeral)
        self._symmetric = _Symmetric()
        self._step = 0
        self._their_ephemeral: X25519PublicKey | None = None
        self._their_static: X25519PublicKey | None = None

    @property
    def static(self) -> bytes:
        """Our public noise key."""
        return self._static.public_key().public_bytes_raw()

    @property
    def their_static(self) -> bytes:
        """The other side's public noise key, once it was read."""
        if self._their_static is None:
            raise AssertionError("the message that holds it was not read")
        return self._their_static.public_bytes_raw()

    @property
    def done(self) -> bool:
        """Whether all messages were written and read."""
        return self._step == 3

    def write(self, payload: bytes = b"") -> bytes:
        """Return the next message, which holds *payload*: in the clear in the first."""
        step, self._step = self._step, self._step + 1
        out = b""
        if step < 2:  # e
            ephemeral = self._ephemeral.public_key().public_bytes_raw()
            self._symmetric.mix_hash(ephemeral)
            out += ephemeral
        if step == 1:
            self._mix(self._ephemeral, self._their_ephemeral)  # ee
        if step > 0:  # s
            out += self._symmetric.seal(self.static)
            self._mix(self._static, self._their_ephemeral)  # es, or se when the initiator writes
        return out + self._symmetric.seal(payload)

    def read(self, message: bytes) -> bytes:
        """Read the next message and return its payload; raises `NoiseFault`."""
        step, self._step = self._step, self._step + 1
        at = 0
        if step < 2:  # e
            at = KEY_BYTES
            ephemeral = message[:at]
            self._their_ephemeral = _public(ephemeral)
            self._symmetric.mix_hash(ephemeral)
        if step == 1:
            self._mix(self._ephemeral, self._their_ephemeral)  # ee
        if step > 0:  # s
            end = at + KEY_BYTES + TAG_BYTES
            if len(message) < end:
                raise NoiseFault(f"a handshake message of {len(message)} bytes is cut short")
            self._their_static = _public(self._symmetric.open(message[at:end]))
            self._mix(self._ephemeral, self._their_static)  # es, or se
            at = end
        return self._symmetric.open(message[at:])

    def split(self) -> tuple[Cipher, Cipher]:
        """Return what seals what we send, and what opens what we receive."""
        if not self.done:
            raise AssertionError("the handshake is not done")
        first, second = self._symmetric.split()
        return (first, second) if self._initiator else (second, first)

    def _mix(self, ours: X25519PrivateKey, theirs: X25519PublicKey | None) -> None:
        if theirs is None:
            raise AssertionError("a message was written out of turn")
        try:
            shared = ours.exchange(theirs)
        except ValueError:  # the result is zero: their key is of low order
            raise NoiseFault("its key gives no secret") from None
        self._symmetric.mix_key(shared)


def _private(raw: bytes | None) -> X25519PrivateKey:
    if raw is None:
        return X25519PrivateKey.generate()
    return X25519PrivateKey.from_private_bytes(raw)


def _public(raw: bytes) -> X25519PublicKey:
    if len(raw) != KEY_BYTES:
        raise NoiseFault(f"a key has {KEY_BYTES} bytes, not {len(raw)}")
    return X25519PublicKey.from_public_bytes(raw)


def vouch(key: SignKey, static: bytes) -> bytes:
    """Return the payload by which *key* vouches for our public noise key."""
    identity, signature = key.public().protobuf(), key.sign(_SIGNED + static)
    return b"".join(
        (
            b"\x0a" + varint.encode(len(identity)) + identity,
            b"\x12" + varint.encode(len(signature)) + signature,
        )
    )


def check_voucher(payload: bytes, their_static: bytes, wanted: PeerId | None) -> VerifyKey:
    """Return the key that vouches for *their_static*; who is dialled has to be *wanted*.

    Raises `NoiseFault` or `OtherPeer`.
    """
    identity, signature = _fields(payload)
    try:
        key = read_public(identity)
        found = PeerId.of(key)
    except Malformed as fault:
        raise NoiseFault(f"its identity: {fault}") from None
    if not key.verify(_SIGNED + their_static, signature):
        raise NoiseFault(f"peer {found} doesn't vouch for its noise key")
    if wanted is not None and found != wanted:
        raise OtherPeer(wanted, found)
    return key


def _fields(payload: bytes) -> tuple[bytes, bytes]:
    """Return identity_key and identity_sig; fields that we don't know are passed over."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise NoiseFault(f"a payload of {len(payload)} bytes, over {MAX_PAYLOAD_BYTES}")
    found: dict[int, bytes] = {}
    at = 0
    try:
        while at < len(payload):
            tag, at = varint.decode(payload, at)
            size, at = varint.decode(payload, at)
            if tag & 7 == 0:
                continue
            if tag & 7 != 2 or size > len(payload) - at:
                raise NoiseFault("its payload is no message")
            found[tag >> 3] = payload[at : at + size]
            at += size
    except NoiseFault:
        raise
    except Malformed as fault:
        raise NoiseFault(f"its payload: {fault}") from None
    return found.get(1, b""), found.get(2, b"")


def framed(message: bytes) -> bytes:
    """Return a handshake message behind its length."""
    return len(message).to_bytes(2, "big") + message


class Sealer:
    """Turns plain bytes into frames."""

    def __init__(self, cipher: Cipher) -> None:
        self._seal = cipher.seal

    def frames(self, pieces: Iterable[bytes | memoryview]) -> Iterator[bytes]:
        """Yield *pieces* as frames, each as full as it can be; join them for one write."""
        held: list[bytes | memoryview] = []
        room = MAX_PLAIN_BYTES
        for piece in pieces:
            rest = piece
            while len(rest) > room:
                view = memoryview(rest)
                held.append(view[:room])
                yield from self._frame(held)
                rest, held, room = view[room:], [], MAX_PLAIN_BYTES
            held.append(rest)
            room -= len(rest)
        if room < MAX_PLAIN_BYTES:
            yield from self._frame(held)

    def _frame(self, held: list[bytes | memoryview]) -> tuple[bytes, bytes]:
        sealed = self._seal(b"".join(held))
        return len(sealed).to_bytes(2, "big"), sealed


class Opener:
    """Turns a stream of frames into plain bytes; holds one frame that is not whole yet."""

    def __init__(self, cipher: Cipher) -> None:
        self._open: Callable[[memoryview], bytes] = cipher.open
        self._held = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes of the stream; return the content of each frame that is whole by now."""
        held = self._held
        held += data
        plain: list[bytes] = []
        at, end = 0, len(held)
        with memoryview(held) as view:
            while end - at >= 2:
                stop = at + 2 + (view[at] << 8 | view[at + 1])
                if stop > end:
                    break
                if stop < at + 2 + TAG_BYTES:
                    raise NoiseFault(f"a frame of {stop - at - 2} bytes")
                plain.append(self._open(view[at + 2 : stop]))
                at = stop
        if at == end:
            held.clear()
        else:
            del held[:at]
        return plain
