"""Keys of every type libp2p names, behind two protocols: who verifies, and who signs.

Ed25519 is `keys`; here are RSA, Secp256k1 and ECDSA beside it. Either half is a protobuf of Type
and Data, and Data goes by the type (libp2p/specs ``peer-ids.md``): RSA PKCS#1 and PKIX, Secp256k1
32 bytes and the 33 of a compressed point, ECDSA SEC 1 and PKIX. All sign the SHA-256 of a message:
RSA by PKCS#1 v1.5, the curves in DER, Secp256k1 with the lower of both S as Go does.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from jiaozi_node.errors import LimitExceeded, Malformed, Misuse
from jiaozi_node.formats import keys
from jiaozi_node.formats.keys import ED25519, TYPE_NAMES, InvalidKey, UnsupportedKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

RSA: Final = 0
SECP256K1: Final = 2
ECDSA: Final = 3
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
USUAL_RSA_BITS: Final = 2048
CURVE_BITS: Final = 256  # of Ed25519 and Secp256k1
GENERATED: Final = ("ed25519", "rsa", "secp256k1")

_SECP256K1_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_CURVES: Final = ("secp224r1", "secp256r1", "secp384r1", "secp521r1")  # what Go calls ECDSA
PEM_TYPE: Final = "PRIVATE KEY"


class VerifyKey(Protocol):
    """A public key."""

    @property
    def type(self) -> int:
        """Its type, as libp2p numbers them."""
        ...

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether *signature* is this key's over *message*; raises nothing for a bad one."""
        ...

    def protobuf(self) -> bytes:
        """Return libp2p's protobuf form."""
        ...


class SignKey(Protocol):
    """A private key, which no repr shows."""

    @property
    def type(self) -> int:
        """Its type, as libp2p numbers them."""
        ...

    def public(self) -> VerifyKey:
        """Compute the public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return a signature over *message*."""
        ...

    def protobuf(self) -> bytes:
        """Return libp2p's protobuf form."""
        ...


@dataclass(frozen=True, slots=True)
class OtherPublic:
    """A public key of a type other than Ed25519, by its Data; made by `read_public`."""

    type: int
    data: bytes

    def verify(self, message: bytes, signature: bytes) -> bool:
        """See `VerifyKey`."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

        try:
            key: Any = _load_public(self.type, self.data)
            key.verify(signature, message, *_scheme(self.type))
        except (InvalidSignature, ValueError):
            return False
        return True

    def protobuf(self) -> bytes:
        """See `VerifyKey`."""
        return keys.message(self.type, self.data)


@dataclass(frozen=True, slots=True)
class OtherPrivate:
    """A private key of a type other than Ed25519, by its Data; made by `read_private`."""

    type: int
    data: bytes = field(repr=False)

    def public(self) -> OtherPublic:
        """See `SignKey`."""
        return OtherPublic(self.type, _public_data(self.type, _load_private(self.type, self.data)))

    def sign(self, message: bytes) -> bytes:
        """See `SignKey`; the curves sign otherwise each time."""
        key: Any = _load_private(self.type, self.data)
        signature: bytes = key.sign(message, *_scheme(self.type))
        return _with_low_s(signature) if self.type == SECP256K1 else signature

    def protobuf(self) -> bytes:
        """See `SignKey`."""
        return keys.message(self.type, self.data)


def read_public(data: bytes) -> VerifyKey:
    """Read a public key's protobuf form; raises `InvalidKey` or `UnsupportedKey`."""
    key_type, body = keys.split(data)
    if key_type == ED25519:
        return keys.PublicKey.from_protobuf(data)
    _load_public(key_type, body)
    return OtherPublic(key_type, body)


def read_private(data: bytes) -> SignKey:
    """Read a private key's protobuf form; raises `InvalidKey` or `UnsupportedKey`."""
    key_type, body = keys.split(data)
    if key_type == ED25519:
        return keys.PrivateKey.from_protobuf(data)
    _load_private(key_type, body)
    return OtherPrivate(key_type, body)


def generate(kind: str, bits: int = -1) -> SignKey:
    """Make a key of *kind*; -1 for *bits* means the usual ones. Refuses in Kubo's words."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    if kind not in GENERATED:
        raise Misuse(f"unrecognized key type: {kind}")
    if kind == "rsa":
        bits = USUAL_RSA_BITS if bits == -1 else bits
        _check_rsa(bits)
        return _of(rsa.generate_private_key(65537, bits))
    if bits not in (-1, CURVE_BITS):
        raise Misuse(f"invalid key size {bits}: {kind} keys are always {CURVE_BITS} bits")
    if kind == "secp256k1":
        return _of(ec.generate_private_key(ec.SECP256K1()))
    return keys.PrivateKey.generate()


def described(key: SignKey) -> str:
    """Return what is said of *key* when it is made: its type, and the bits where they vary."""
    if key.type == RSA:
        return f"{_load_private(RSA, keys.split(key.protobuf())[1]).key_size}-bit RSA"
    return "ED25519" if key.type == ED25519 else TYPE_NAMES[key.type].lower()


# ---- PEM, as openssl and Kubo write it -------------------------------------------------------


def to_pem(key: SignKey) -> bytes:
    """Return *key* as PKCS#8 in PEM, not encrypted."""
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    loaded: Any
    if isinstance(key, keys.PrivateKey):
        loaded = ed25519.Ed25519PrivateKey.from_private_bytes(key.seed)
    else:
        loaded = _load_private(key.type, keys.split(key.protobuf())[1])
    pem: bytes = loaded.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    return pem


def from_pem(data: bytes) -> SignKey:
    """Read a key from PKCS#8 in PEM; raises `InvalidKey`, which never quotes the input."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415

    found = pem_type(data)
    if found is None:
        raise InvalidKey("PEM block not found in input data")
    if found != PEM_TYPE:
        raise InvalidKey(f"expected {PEM_TYPE} type in PEM block but got: {found[:64]}")
    try:
        loaded = s.load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidKey("parsing PKCS8 format: it holds no private key that can be read") from None
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        return keys.PrivateKey(loaded.private_bytes_raw())
    if isinstance(loaded, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return _of(loaded)
    raise UnsupportedKey(type(loaded).__name__, "RSA, Ed25519, Secp256k1 and ECDSA")


def pem_type(data: bytes) -> str | None:
    """Return what the first PEM block of *data* says it is, None when there is none."""
    if len(data) > keys.MAX_KEY_BYTES:
        raise LimitExceeded("key", keys.MAX_KEY_BYTES, len(data))
    head, dashes = b"-----BEGIN ", b"-----"
    at = data.find(head)
    end = data.find(dashes, at + len(head))
    if at < 0 or end < 0 or b"\n" in data[at:end]:
        return None
    kind = data[at + len(head) : end]
    if data.find(b"-----END " + kind + dashes, end) < 0:
        return None
    return kind.decode("ascii", "replace")


# ---- what `cryptography` has, and libp2p's Data ----------------------------------------------


def _of(loaded: "rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey") -> OtherPrivate:
    """Return the key that `cryptography` has loaded or made."""
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    if isinstance(loaded, ec.EllipticCurvePrivateKey) and loaded.curve.name == "secp256k1":
        return OtherPrivate(SECP256K1, loaded.private_numbers().private_value.to_bytes(32, "big"))
    key_type = ECDSA if isinstance(loaded, ec.EllipticCurvePrivateKey) else RSA
    form = s.PrivateFormat.TraditionalOpenSSL
    data = loaded.private_bytes(s.Encoding.DER, form, s.NoEncryption())
    _load_private(key_type, data)
    return OtherPrivate(key_type, data)


def _load_public(key_type: int, data: bytes) -> Any:  # noqa: ANN401 - one of many classes
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    _check_type(key_type)
    try:
        if key_type == SECP256K1:
            if len(data) != 33:
                raise InvalidKey(f"a Secp256k1 public key has 33 bytes, not {len(data)}")
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), data)
        return _fitting(key_type, s.load_der_public_key(data))
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidKey(f"its data is no {TYPE_NAMES[key_type]} public key") from None


def _load_private(key_type: int, data: bytes) -> Any:  # noqa: ANN401 - one of many classes
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    _check_type(key_type)
    try:
        if key_type == SECP256K1:
            if len(data) != 32:
                raise InvalidKey(f"a Secp256k1 private key has 32 bytes, not {len(data)}")
            return ec.derive_private_key(int.from_bytes(data, "big"), ec.SECP256K1())
        return _fitting(key_type, s.load_der_private_key(data, None))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidKey(f"its data is no {TYPE_NAMES[key_type]} private key") from None


def _fitting(key_type: int, loaded: Any) -> Any:  # noqa: ANN401 - one of many classes
    """Return *loaded* when it is of the type and size that it should be."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    if key_type == RSA and isinstance(loaded, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        _check_rsa(loaded.key_size)
        return loaded
    curves = ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey
    if key_type == ECDSA and isinstance(loaded, curves) and loaded.curve.name in _CURVES:
        return loaded
    raise ValueError


def _check_type(key_type: int) -> None:
    if key_type not in (RSA, SECP256K1, ECDSA):
        raise UnsupportedKey(keys.type_name(key_type), "RSA, Ed25519, Secp256k1 and ECDSA")


class RsaSize(Malformed):
    """An RSA key too short to be safe, or too long to be checked in reasonable time."""

    def __init__(self, bits: int) -> None:
        super().__init__(
            f"rsa keys must be >= {MIN_RSA_BITS} bits to be useful"
            if bits < MIN_RSA_BITS
            else f"rsa keys must be <= {MAX_RSA_BITS} bits"
        )
        self.bits = bits


def _check_rsa(bits: int) -> None:
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise RsaSize(bits)


def _public_data(key_type: int, loaded: Any) -> bytes:  # noqa: ANN401 - one of many classes
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415

    public = loaded.public_key()
    if key_type == SECP256K1:
        form, encoding = s.PublicFormat.CompressedPoint, s.Encoding.X962
    else:
        form, encoding = s.PublicFormat.SubjectPublicKeyInfo, s.Encoding.DER
    data: bytes = public.public_bytes(encoding, form)
    return data


def _scheme(key_type: int) -> tuple[Any, ...]:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, padding  # noqa: PLC0415

    if key_type == RSA:
        return padding.PKCS1v15(), hashes.SHA256()
    return (ec.ECDSA(hashes.SHA256()),)


def _with_low_s(signature: bytes) -> bytes:
    """Return the one of both equal signatures that strict verifiers take."""
    from cryptography.hazmat.primitives.asymmetric import utils  # noqa: PLC0415

    r, s = utils.decode_dss_signature(signature)
    return utils.encode_dss_signature(r, min(s, _SECP256K1_ORDER - s))
