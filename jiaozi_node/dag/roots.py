"""Roots: rows of names from which blocks are reachable, and nothing else is a root (design §3).

How a kind's rows name roots is a `Reader`. Most kinds need none of their own: a link in a row's
value means "kept", as a link in a block does, so `linked` reads them all (``specs/names.md`` §2).
Which kinds there are is said above this layer, in ``node/roots.py``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from jiaozi_node.dag.pin import RECURSIVE, pin_of
from jiaozi_node.errors import Corrupt, Malformed, Refused
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import Names

PARTIALS = "partials"  # key: CID below which blocks may be missing; value {why}


class UnknownKind(Refused):
    """names.db has rows of a *kind* that this version doesn't know: they may keep blocks."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"names.db has rows of the kind {kind!r}, which this version doesn't know: "
            "garbage is not collected without knowing what they keep"
        )
        self.kind = kind


class Root(NamedTuple):
    """A CID that is kept, and all below it when *recursive*; *kind* and *key* name the row."""

    cid: Cid
    kind: str
    key: bytes
    recursive: bool = True

    def __str__(self) -> str:
        return f"{self.kind} {shown_key(self.key)}"


# From key and value of one row to what it keeps. Raises `Corrupt` for a row it can't read.
Reader: TypeAlias = Callable[[str, bytes, bytes], Iterable[Root]]


def linked(kind: str, key: bytes, value: bytes) -> list[Root]:
    """Read a row whose links are its roots."""
    try:
        return [Root(cid, kind, key) for cid in dag_cbor.links(value)]
    except Malformed as fault:
        raise Corrupt(f"the row {kind} {shown_key(key)} can't be read: {fault}") from None


def nothing(kind: str, key: bytes, value: bytes) -> tuple[Root, ...]:
    """Read a row that keeps nothing."""
    return ()


def keyed(kind: str, key: bytes, value: bytes) -> tuple[Root]:
    """Read a row whose key is its root."""
    try:
        return (Root(Cid(key), kind, key),)
    except Malformed as fault:
        raise Corrupt(f"the row {kind} {shown_key(key)} can't be read: {fault}") from None


def pinned(kind: str, key: bytes, value: bytes) -> tuple[Root]:
    """Read a pin."""
    pin = pin_of(key, value)
    return (Root(pin.cid, kind, key, pin.mode == RECURSIVE),)


def read(names: Names, readers: Mapping[str, Reader]) -> Iterator[Root]:
    """Yield every root that *names* holds, in order of kinds and keys.

    Raises `UnknownKind`, and `Corrupt` for rows that are damaged or fewer than were recorded.
    """
    for kind, key, value in names.everything():
        reader = readers.get(kind)
        if reader is None:
            raise UnknownKind(kind)
        if reader is not nothing:
            yield from reader(kind, key, value)


def partial_marks(names: Names) -> frozenset[Cid]:
    """Return the CIDs at or below which blocks may be missing."""
    return frozenset(Cid(key) for key, _value in names.scan(PARTIALS))


def shown_key(key: bytes) -> str:
    """Return a row's key for a person: a CID as text, else its parts joined by a space."""
    try:
        return str(Cid(key))
    except Malformed:
        parts = key.split(b"\0")
        return " ".join(part.decode("utf-8", "backslashreplace") for part in parts[:2])
