"""An act: all that one command, call or connection does with a home, under one lease.

What it writes or finds present stays until the ``with`` ends, so names are moved inside::

    with acting(home) as act:
        with act.blocks.writer() as writer:
            writer.put(blocks)          # durable, and nothing leads to them yet
        act.names.apply(changes)        # now something does

Outside of an act a writer holds a lease for its own span alone, which is not enough to name what it
wrote while another thread collects garbage.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.home import GivesLeases, HoldsKeys, HoldsLease, Home
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.stores.leases import Leases

if TYPE_CHECKING:
    from jiaozi_node.node.config import Config
    from jiaozi_node.stores.api import BlockStore, Names


@runtime_checkable
class UnderLease(Protocol):
    """A store that can work under a lease of its home."""

    def under(
        self,
        lease: Any,  # noqa: ANN401 - the home's own kind of lease
        heed: Callable[[], None] | None = None,
    ) -> "BlockStore":
        """Return the same store for an act that holds *lease*; *heed* is called before reads."""
        ...


class Act:
    """The home as one act sees it: a `Home` whose blocks are written under the act's lease."""

    def __init__(
        self, home: Home, lease: HoldsLease, heed: Callable[[], None] | None = None
    ) -> None:
        self._home, self.lease, self._heed = home, lease, heed
        self._blocks: BlockStore | None = None

    @property
    def inner(self) -> Home:
        """The home itself."""
        return self._home

    @property
    def path(self) -> Path:
        """See `Home`."""
        return self._home.path

    @property
    def config(self) -> "Config":
        """See `Home`."""
        return self._home.config

    @property
    def blocks(self) -> "BlockStore":
        """See `Home`."""
        if self._blocks is None:
            blocks = self._home.blocks
            if isinstance(blocks, UnderLease):
                blocks = blocks.under(self.lease, self._heed)
            self._blocks = blocks
        return self._blocks

    @property
    def names(self) -> "Names":
        """See `Home`."""
        return self._home.names

    @property
    def leases(self) -> GivesLeases:
        """See `Home`."""
        return self._home.leases

    @property
    def keys(self) -> HoldsKeys:
        """See `Home`."""
        return self._home.keys

    def released(self) -> AbstractContextManager[None]:
        """Raise: what an act relies on would be gone."""
        raise RuntimeError("a home can't be let go within an act")

    def close(self) -> None:
        """Do nothing: the home is closed by who opened it."""


@contextmanager
def acting(home: Home, heed: Callable[[], None] | None = None) -> Iterator[Act]:
    """Begin an act in *home*; within another act, go on with that one.

    *heed* is called before each block is read: by raising it ends an act that nobody waits for.
    """
    if isinstance(home, Act):
        yield home
        return
    with home.leases.acting() as lease:
        yield Act(home, lease, heed)


def leases_of(home: Home) -> Leases:
    """Return the leases of a home that this process holds: collection can't look at others."""
    leases = home.leases
    if not isinstance(leases, Leases):
        raise RuntimeError("garbage is collected by the process that holds the home")
    return leases


_RELIED_AT_ONCE = 1000


@contextmanager
def relying(act: Act) -> Iterator[Callable[[Cid], Block]]:
    """Hand out a way to get blocks that the act is going to name, not having written them.

    When the ``with`` ends normally all that were got are durable, whoever wrote them, and kept
    until the act ends. Raises `BlockMissing` when one was collected meanwhile.
    """
    store = act.blocks
    met: list[Cid] = []
    with store.writer() as writer:

        def rely() -> None:
            for cid, here in zip(met, writer.present(met), strict=True):
                if not here:
                    raise BlockMissing(cid)
            met.clear()

        def get(cid: Cid) -> Block:
            block = store.get(cid)
            met.append(cid)
            if len(met) == _RELIED_AT_ONCE:
                rely()
            return block

        yield get
        rely()
