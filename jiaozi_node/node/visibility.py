"""The public bits that a rebuilt index has lost, set again from public roots (design §7).

Blocks in ``pub-*`` segments are public by their place. Those in ``own-*`` segments are public when
a row of public roots leads to them; the bit caches that.
"""

from typing import Final

from jiaozi_node.dag.traverse import Seen, descend
from jiaozi_node.dag.walk import stream
from jiaozi_node.errors import NotFound
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import Names
from jiaozi_node.stores.segments.store import SegmentStore

PUBLIC_ROOTS: Final = "publicroots"
_AT_ONCE: Final = 10_000


def restore(names: Names, store: SegmentStore) -> int:
    """Set the bits of all that public roots lead to; return how many were not set.

    A block that is missing ends the walk of its root: what is not here needs no bit.
    """
    changed = 0
    seen: Seen = {}
    group: list[bytes] = []
    for key, _value in names.scan(PUBLIC_ROOTS):
        try:
            for visit in stream(descend(Cid(key), fetch_leaves=False, seen=seen), store.get):
                if visit.cid.inline is None:
                    group.append(visit.cid.multihash)
                if len(group) == _AT_ONCE:
                    changed += store.set_public(group, True)
                    group = []
        except NotFound:
            continue
    return changed + store.set_public(group, True)
