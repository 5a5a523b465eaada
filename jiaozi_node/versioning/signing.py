"""Signing and verifying blocks: the exact bytes, and who signs (``specs/commit-dag.md`` §6).

A vector with the key of RFC 8032 test 1 fixes the bytes: ``specs/vectors/commit``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, Protocol, TypeVar

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.keys import PrivateKey, PublicKey
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import tag as tags
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.signature import ED25519, MAX_SIGNATURES, Signature
from jiaozi_node.versioning.tag import Tag

DOMAIN: Final = b"jiaozi-sig-v1:"
_TYPES: Final = tuple(f"jiaozi/{name}" for name in ("commit", "tag", "refs", "activity"))

Signed = TypeVar("Signed", Commit, Tag)


class Signer(Protocol):
    """Whoever can sign: a key in the keystore, an agent, a token.

    *key* is its did:key and *alg* the algorithm, as `Signature` holds them. `sign` returns the
    signature over the message itself (it hashes what needs hashing), or raises.
    """

    @property
    def key(self) -> str:
        """The did:key."""
        ...

    @property
    def alg(self) -> str:
        """The algorithm, ``ed25519``."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature over *message*."""
        ...


class Verdict(Enum):
    """What verifying one signature came to."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"  # an algorithm that this version can't verify


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """Signs with an Ed25519 key held in memory."""

    private: PrivateKey
    key: str
    alg: str = ED25519

    @staticmethod
    def of(private: PrivateKey) -> "Ed25519Signer":
        """Return the signer of *private*."""
        return Ed25519Signer(private, private.public().did)

    def sign(self, message: bytes) -> bytes:
        """Return the signature over *message*."""
        return self.private.sign(message)


def signing_bytes(type_name: str, value: Mapping[str, Any]) -> bytes:
    """Return what is signed of the block of *type_name* whose map is *value*: all but ``sig``."""
    unsigned = {key: item for key, item in value.items() if key != "sig"}
    return DOMAIN + type_name.encode("ascii") + b":" + dag_cbor.encode(unsigned)


def sign(value: Signed, signers: Sequence[Signer]) -> Signed:
    """Return *value* with the signatures of *signers* in place of any it had."""
    if len(signers) > MAX_SIGNATURES:
        raise LimitExceeded("sig", MAX_SIGNATURES, len(signers), "signatures")
    message = _message(value)
    made = [Signature(signer.key, signer.alg, signer.sign(message)) for signer in signers]
    return replace(value, sig=tuple(sorted(made, key=lambda one: one.key)))


def verify(value: Commit | Tag) -> tuple[tuple[Signature, Verdict], ...]:
    """Judge each signature of *value*, in order; () when there is none.

    Good says that the holder of the key signed these very bytes, and nothing about who that is.
    """
    if not value.sig:
        return ()
    message = _message(value)
    return tuple((one, _judge(one, message)) for one in value.sig)


def why_bad(value: Commit | Tag, one: Signature) -> str:
    """Say what is wrong with the bad signature *one* of *value*.

    A signature covers the whole block, so which field was changed since can't be told; that it was
    made for a block of another type can.
    """
    own = commits.TYPE if isinstance(value, Commit) else tags.TYPE
    fields = commits.to_map(value) if isinstance(value, Commit) else tags.to_map(value)
    for other in _TYPES:
        for form in (fields, {**fields, "type": other}):
            if other != own and _judge(one, signing_bytes(other, form)) is Verdict.GOOD:
                return f"the signature of {one.key} was made for a {other}, not for a {own}"
    return f"the signature of {one.key} is bad: a field was changed since, or another key signed it"


def _judge(one: Signature, message: bytes) -> Verdict:
    if one.alg != ED25519:
        return Verdict.UNKNOWN
    try:
        good = PublicKey.from_did(one.key).verify(message, one.sig)
    except Malformed:
        return Verdict.BAD
    return Verdict.GOOD if good else Verdict.BAD


def _message(value: Commit | Tag) -> bytes:
    if isinstance(value, Commit):
        return signing_bytes(commits.TYPE, commits.to_map(value))
    return signing_bytes(tags.TYPE, tags.to_map(value))
