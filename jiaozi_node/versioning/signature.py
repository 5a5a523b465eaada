"""Signatures as fields of a block: their form, not their truth (``specs/commit-dag.md`` §6).

Making and verifying them is `signing`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.versioning import fields as f

MAX_SIGNATURES: Final = 16  # §6.2
MAX_KEY_BYTES: Final = 256  # §6.3
MAX_ALG_BYTES: Final = 32  # §6.3
MAX_SIG_BYTES: Final = 1024  # §6.3

ED25519: Final = "ed25519"
ED25519_SIG_BYTES: Final = 64  # RFC 8032

_KNOWN = frozenset(("key", "alg", "sig"))
_ALG_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@dataclass(frozen=True, slots=True)
class Signature:
    """Says that the holder of *key* (a did:key) signed a block with algorithm *alg*."""

    key: str
    alg: str
    sig: bytes
    extra: Mapping[str, Any] = field(default_factory=f.nothing)

    def __post_init__(self) -> None:
        if not f.check_visible("sig.key", self.key, MAX_KEY_BYTES).startswith("did:key:z"):
            raise f.SchemaBroken("sig.key", f"must be a did:key, is {f.shown(self.key)}")
        if not _ALG_CHARS.issuperset(f.check_text("sig.alg", self.alg, MAX_ALG_BYTES)):
            raise f.SchemaBroken("sig.alg", f"must match [a-z0-9-]+, is {f.shown(self.alg)}")
        if type(self.sig) is not bytes:
            raise f.SchemaBroken("sig.sig", "must be bytes")
        if len(self.sig) > MAX_SIG_BYTES:
            raise LimitExceeded("sig.sig", MAX_SIG_BYTES, len(self.sig))
        if not self.sig:
            raise f.SchemaBroken("sig.sig", "must not be empty")
        if self.alg == ED25519:
            if not self.key.startswith("did:key:z6Mk"):
                raise f.SchemaBroken(
                    "sig.key", f"must be an Ed25519 did:key, is {f.shown(self.key)}"
                )
            if len(self.sig) != ED25519_SIG_BYTES:
                raise f.SchemaBroken("sig.sig", f"of ed25519 has 64 bytes, not {len(self.sig)}")
        f.keep_unknown(self, _KNOWN, "sig.", level=3)

    def __hash__(self) -> int:
        return hash((self.key, self.alg, self.sig))


def check(where: str, value: object) -> None:
    """Check the tuple of a block's signatures: how many, of which type, in which order (§6.2)."""
    if not isinstance(value, tuple) or not all(isinstance(one, Signature) for one in value):
        raise f.SchemaBroken(where, "must be a list of signatures")
    if len(value) > MAX_SIGNATURES:
        raise LimitExceeded(where, MAX_SIGNATURES, len(value), "signatures")
    if any(one.key >= other.key for one, other in pairwise(value)):
        raise f.SchemaBroken(where, "must be sorted by key, each key once")


def from_list(values: tuple[Any, ...]) -> tuple[Signature, ...]:
    """Read the signatures of a decoded block."""
    if len(values) > MAX_SIGNATURES:
        raise LimitExceeded("sig", MAX_SIGNATURES, len(values), "signatures")
    out = []
    for value in values:
        if not isinstance(value, dict):
            raise f.SchemaBroken("sig", "must be a list of maps with key, alg and sig")
        rest = dict(value)
        key, alg = f.take(rest, "key", "sig."), f.take(rest, "alg", "sig.")
        out.append(Signature(key, alg, f.take(rest, "sig", "sig."), rest or f.NOTHING))
    return tuple(out)


def to_list(values: tuple[Signature, ...]) -> list[dict[str, Any]]:
    """Return signatures as the codec takes them."""
    return [
        {"key": one.key, "alg": one.alg, "sig": one.sig, **f.thawed(one.extra)} for one in values
    ]


def closing(
    out: dict[str, Any], values: tuple[Signature, ...], extra: Mapping[str, Any]
) -> dict[str, Any]:
    """Return *out* with what ends every block that can be signed, where it is there."""
    if values:
        out["sig"] = to_list(values)
    if extra:
        out.update(f.thawed(extra))
    return out
