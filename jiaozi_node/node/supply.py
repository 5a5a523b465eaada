"""What bitswap may serve: the public blocks of a home, read from its store (design §7)."""

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.stores.references import BadReference, ReferringStore
from jiaozi_node.stores.segments.index import BAD, PUBLIC
from jiaozi_node.stores.segments.store import SegmentStore


class PublicSupply:
    """The blocks of *store* that everybody may see. See `exchange.serving.Supply`."""

    def __init__(self, store: SegmentStore) -> None:
        self._store = store

    def size(self, multihash: bytes) -> int | None:
        """See `exchange.serving.Supply`: private and absent blocks cost the same lookups."""
        store = self._store
        row = store.row(multihash)
        if row is not None and row.flags & (PUBLIC | BAD) == PUBLIC:
            return row.length
        if not isinstance(store, ReferringStore):
            return None
        try:
            reference = store.references.find(multihash)  # imports make them, which are public
        except BadReference:
            return None
        return None if reference is None else reference.size

    def get(self, cid: Cid) -> Block:
        """See `exchange.serving.Supply`."""
        if self.size(cid.multihash) is None:
            raise BlockMissing(cid)
        return self._store.get(cid)
