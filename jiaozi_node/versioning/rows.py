"""Rows of ``names.db`` as version control keeps them: keys joined by NUL, DAG-CBOR values.

The kinds and their keys are in ``specs/refs.md`` §5. A row that can't be read is `Corrupt`: nobody
but us writes them.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from jiaozi_node.errors import Corrupt, Malformed
from jiaozi_node.formats import dag_cbor
from jiaozi_node.stores.api import Change, NameConflict, Names
from jiaozi_node.versioning.fields import Plain

T = TypeVar("T")

_TRIES: Final = 1000  # each failure means that somebody else got on


class CorruptRow(Corrupt):
    """A row of names.db that isn't what its kind says."""

    def __init__(self, kind: str, key: bytes, why: str) -> None:
        super().__init__(f"row {kind} {key!r} of names.db is damaged: {why}")
        self.kind, self.key = kind, key


def key(*parts: str) -> bytes:
    """Return the key of a row."""
    return "\0".join(parts).encode(errors="surrogatepass")


def write(value: Plain) -> bytes:
    """Return *value* as a row holds it."""
    return dag_cbor.encode(value)


def read(kind: str, at: bytes, data: bytes, shape: Callable[[Plain], T]) -> T:
    """Decode a row and give it the *shape* of its kind; raises `CorruptRow`."""
    try:
        return shape(dag_cbor.decode(data))
    except (Malformed, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise CorruptRow(kind, at, f"{type(fault).__name__}: {fault}") from None


def swap(names: Names, plan: Callable[[], Sequence[Change]]) -> None:
    """Apply what *plan* makes of the rows as they are; when one moved meanwhile, plan anew.

    *plan* reads, and raises when the rows aren't as its caller expects. When it comes to the same
    changes again, the conflict lies elsewhere and rises.
    """
    last: Sequence[Change] | None = None
    for _ in range(_TRIES):
        changes = plan()
        try:
            names.apply(changes)
        except NameConflict:
            if changes == last:
                raise
            last = changes
        else:
            return
    names.apply(plan())
