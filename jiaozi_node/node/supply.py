"""What bitswap may serve: the public blocks of a home, read from its store (design §7)."""

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.stores.segments.index import BAD, PUBLIC
from jiaozi_node.stores.segments.store import SegmentStore


class PublicSupply:
    """The blocks of *store* that everybody may see. See `exchange.serving.Supply`.

    Blocks in users' files, which references lead to, are not served: reading them may wait.
    """

    def __init__(self, store: SegmentStore) -> None:
        self._store = store

    def size(self, multihash: bytes) -> int | None:
        """See `exchange.serving.Supply`: one row is looked up, whatever the answer."""
        row = self._store.row(multihash)
        return row.length if row is not None and row.flags & (PUBLIC | BAD) == PUBLIC else None

    def get(self, cid: Cid) -> Block:
        """See `exchange.serving.Supply`."""
        if self.size(cid.multihash) is None:
            raise BlockMissing(cid)
        return self._store.get(cid)
