"""Every kind of row in names.db, and what its rows keep from collection (``specs/names.md`` §3).

This is the one list: collection refuses when names.db holds a kind that isn't here.
"""

from collections.abc import Callable, Iterable
from typing import Final

from jiaozi_node.dag import roots
from jiaozi_node.dag.roots import Reader, Root, linked, nothing, pinned
from jiaozi_node.errors import Corrupt
from jiaozi_node.formats import dag_cbor
from jiaozi_node.node.visibility import PUBLIC_ROOTS
from jiaozi_node.versioning import reflog

REFLOG_S: Final = 90 * 24 * 3600  # design §3
LEASE_S: Final = 14 * 24 * 3600  # design §3: how long a resumable act that went quiet is waited for

LEASES: Final = "leases"
PROGRESS: Final = "gc"

_STEADY: Final[dict[str, Reader]] = {
    "activities": linked,
    "aliases": nothing,
    "checkouts": nothing,
    PROGRESS: nothing,
    "intents": linked,
    "merges": linked,
    "mfs": linked,
    "nocopy": nothing,
    roots.PARTIALS: nothing,
    "pins": pinned,
    PUBLIC_ROOTS: roots.keyed,
    "published": linked,
    "refs": linked,
    "refshapes": nothing,
    "remoterefs": linked,
    "remotes": nothing,
    "repositories": nothing,
    "runs": linked,
    "sequences": nothing,
    "stages": linked,
    "stash": linked,
    "workingcopies": linked,
}

# Kinds whose roots are linked lazily: below them blocks may be missing (``specs/names.md`` §2.3).
LAZY: Final = frozenset(("mfs",))

KINDS: Final = frozenset((*_STEADY, LEASES, reflog.KIND))


def readers(now: int, reflog_s: int = REFLOG_S) -> dict[str, Reader]:
    """Return how each kind is read for roots at the moment *now* (Unix seconds)."""
    young: dict[str, Reader] = {
        LEASES: _since(now - LEASE_S, _lease_time),
        reflog.KIND: _since(now - reflog_s, reflog.time_of),
    }
    return dict(sorted({**_STEADY, **young}.items()))


def _since(limit: int, time_of: Callable[[bytes, bytes], int]) -> Reader:
    def read(kind: str, key: bytes, value: bytes) -> Iterable[Root]:
        return linked(kind, key, value) if time_of(key, value) >= limit else ()

    return read


def _lease_time(key: bytes, value: bytes) -> int:
    row = dag_cbor.decode(value)
    time = row.get("time") if isinstance(row, dict) else None
    if not isinstance(time, int):
        raise Corrupt(f"the lease {key.hex()} has no time")
    return time
