"""A home whose missing blocks are asked of others: what commands that read content see.

Only those commands: collection, checks and version control want to know what is here. Handlers run
on threads and wait; whoever really asks is on the daemon's loop (``node/peering.py``). A block that
comes names others, which are most likely read next, so those that stand behind the one asked for
are asked for along with it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from jiaozi_node.dag.walk import Need
from jiaozi_node.errors import JiaoziError
from jiaozi_node.formats import codecs
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.acts import UnderLease
from jiaozi_node.stores.api import BlockMissing, BlockStore, BlockWriter, Family, Names

if TYPE_CHECKING:
    from jiaozi_node.node.config import Config
    from jiaozi_node.node.home import GivesLeases, HoldsKeys, Home

# Returns a block that isn't here, or raises; *need* may name what is wanted next.
Ask: TypeAlias = Callable[[Need], Block]

SOON: Final = 32  # blocks asked for ahead
MAX_PLACES: Final = 20_000  # blocks of which it is known what stands behind them


class FetchingBlocks:
    """*inner*, and what it has not from *ask*. See `api.BlockStore`."""

    def __init__(self, inner: BlockStore, ask: Ask, behind: "_Behind | None" = None) -> None:
        self._inner, self._ask = inner, ask
        self._behind = behind or _Behind()

    def under(
        self,
        lease: Any,  # noqa: ANN401 - the home's own kind of lease
        heed: Callable[[], None] | None = None,
    ) -> "FetchingBlocks":
        """See `UnderLease`."""
        inner = self._inner
        if isinstance(inner, UnderLease):
            inner = inner.under(lease, heed)
        return FetchingBlocks(inner, self._ask, self._behind)

    def get(self, cid: Cid) -> Block:
        """See `api.GetsBlocks`; raises what *ask* raises when nobody has the block."""
        try:
            return self._inner.get(cid)
        except BlockMissing:
            block = self._ask(Need(cid, self._behind.of(cid)))
            self._behind.note(block)
            return block

    def size(self, cid: Cid) -> int:
        """See `api.GetsBlocks`."""
        try:
            return self._inner.size(cid)
        except BlockMissing:
            return len(self.get(cid).data)

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        """See `api.HasBlocks`: what is here."""
        return self._inner.has(cids)

    def writer(self, family: Family = Family.OWN) -> AbstractContextManager[BlockWriter]:
        """See `api.PutsBlocks`."""
        return self._inner.writer(family)

    def drop(self, cids: Iterable[Cid]) -> int:
        """See `api.DropsBlocks`."""
        return self._inner.drop(cids)

    def multihashes(self) -> Iterator[bytes]:
        """See `api.ListsBlocks`."""
        return self._inner.multihashes()

    def close(self) -> None:
        """See `api.ReadsBlocks`."""
        self._inner.close()


class _Behind:
    """Which blocks stand behind which, in those that were fetched."""

    def __init__(self) -> None:
        self._places: dict[bytes, tuple[tuple[Cid, ...], int]] = {}

    def of(self, cid: Cid) -> tuple[Cid, ...]:
        """Return what stands behind *cid* in the block that named it last."""
        links, at = self._places.get(cid.raw, ((), 0))
        return links[at + 1 : at + 1 + SOON]

    def note(self, block: Block) -> None:
        """Remember the links of *block*."""
        try:
            links = tuple(codecs.links(block.cid.codec, block.data))
        except JiaoziError:
            return
        if len(self._places) + len(links) > MAX_PLACES:
            self._places.clear()
        for at, link in enumerate(links[:MAX_PLACES]):
            self._places[link.raw] = links, at


class OnlineHome:
    """*home* with blocks that others are asked for. See `Home`."""

    def __init__(self, home: "Home", ask: Ask) -> None:
        self._home, self._ask = home, ask
        self._blocks: FetchingBlocks | None = None

    @property
    def path(self) -> Path:
        """See `Home`."""
        return self._home.path

    @property
    def config(self) -> "Config":
        """See `Home`."""
        return self._home.config

    @property
    def blocks(self) -> BlockStore:
        """See `Home`."""
        if self._blocks is None:
            self._blocks = FetchingBlocks(self._home.blocks, self._ask)
        return self._blocks

    @property
    def names(self) -> Names:
        """See `Home`."""
        return self._home.names

    @property
    def leases(self) -> "GivesLeases":
        """See `Home`."""
        return self._home.leases

    @property
    def keys(self) -> "HoldsKeys":
        """See `Home`."""
        return self._home.keys

    def released(self) -> AbstractContextManager[None]:
        """See `Home`."""
        return self._home.released()

    def close(self) -> None:
        """Do nothing: it is closed by who opened it."""
