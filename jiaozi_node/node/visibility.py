"""The public bits that a rebuilt index has lost, set again from public roots (design §7).

Blocks in ``pub-*`` segments are public by their place. Those in ``own-*`` segments are public when
a row of public roots leads to them; the bit caches that.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final

from jiaozi_node.dag.marking import Keys
from jiaozi_node.dag.traverse import Seen, descend
from jiaozi_node.dag.walk import stream
from jiaozi_node.errors import Corrupt, NotFound
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import Names
from jiaozi_node.stores.segments.index import PUBLIC

if TYPE_CHECKING:
    from jiaozi_node.stores.segments.store import SegmentStore

PUBLIC_ROOTS: Final = "publicroots"
COMPLETE: Final = "complete"  # of a row: all bits below it are set
GOING: Final = "going"  # of a row: it is being taken back
AT_ONCE: Final = 10_000


class NotPublished(NotFound):
    """What should be taken back was never published itself."""

    def __init__(self, root: Cid) -> None:
        super().__init__(f"{root} is not published; 'jiaozi publish --list' shows what is")
        self.root = root


def flags(value: bytes) -> frozenset[str]:
    """Return what a row of public roots says: `COMPLETE`, `GOING`, or nothing."""
    row = dag_cbor.decode(value)
    if not isinstance(row, dict):
        raise Corrupt("a row of public roots is not a map")
    return frozenset(row)


def published(names: Names) -> Iterator[Cid]:
    """Yield the roots that are published, in order of CIDs."""
    for key, value in names.scan(PUBLIC_ROOTS):
        if GOING not in flags(value):
            yield Cid(key)


def check_published(names: Names, root: Cid) -> bytes:
    """Return the row of *root*; raises `NotPublished`."""
    row = names.get(PUBLIC_ROOTS, root.raw)
    if row is None or GOING in flags(row):
        raise NotPublished(root)
    return row


def reachable(names: Names, store: "SegmentStore") -> Iterator[bytes]:
    """Yield the multihashes of all that public roots lead to.

    A block that is missing ends the walk of its root: what is not here needs no bit.
    """
    seen: Seen = {}
    for root in published(names):
        with suppress(NotFound):
            for visit in stream(descend(root, fetch_leaves=False, seen=seen), store.get):
                if visit.cid.inline is None:
                    yield visit.cid.multihash


def restore(names: Names, store: "SegmentStore") -> int:
    """Set the bits of all that public roots lead to; return how many were not set."""
    changed = 0
    multihashes = reachable(names, store)
    while group := list(islice(multihashes, AT_ONCE)):
        changed += store.set_public(group, True)
    return changed


def recompute(names: Names, store: "SegmentStore") -> int:
    """Clear the bits of what no public root leads to any more; return how many were set."""
    kept = Keys()
    for multihash in reachable(names, store):
        kept.add(multihash)
    changed = 0
    set_now = (key for key, row in store.rows() if row.flags & PUBLIC and key not in kept)
    while group := list(islice(set_now, AT_ONCE)):
        changed += store.set_public(group, False)
    return changed
