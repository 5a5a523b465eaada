"""Leases: what acts under way keep from garbage collection, until the names they move are moved.

An act writes blocks, or finds them present, and names them later; in between no root leads to them.
So every act holds a lease: what was written since it began is kept by its place, and of what the
act found here already it remembers the multihashes. Collection drops nothing that a lease holds,
and looks again under the lock that recording takes: a block is recorded before it is looked for, so
either the sweep sees the record or the act sees it gone. Of a block that had to be written nothing
is remembered once its place is given: however much an act writes, its lease stays small.
A lease that ends while a collection runs holds until that collection ends, since what it named may
be missing from roots that were read before. Design §3, ``specs/names.md`` §4.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

from jiaozi_node.errors import Conflict
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores import many
from jiaozi_node.stores.api import BlockStore, BlockWriter, Family

Result = TypeVar("Result")
Since: TypeAlias = Callable[[bytes], bool]

EXACT_KEYS: Final = 1 << 17  # beyond, a Bloom filter takes over: about 15 MB of set
BLOOM_BYTES: Final = 16 * 1024 * 1024  # 0.1 % wrongly kept at 9 million blocks, 6 % at 30 million
_PROBES: Final = 7
_READ: Final = 256  # blocks that are read at a time
_GROUP: Final = 32  # blocks that are recorded, put and settled at a time


@runtime_checkable
class Dates(Protocol):
    """A store that can tell what was written when; its writers are `TellsFound`."""

    def since_now(self) -> Since:
        """Return what tells of a multihash whether its block was written after this call.

        Never no in error, be the index rebuilt meanwhile; yes in error costs a later collection.
        """
        ...


class TellsFound(BlockWriter, Protocol):
    """A writer that tells blocks which it had to write from those it found."""

    def put_telling(self, blocks: Iterable[Block]) -> list[bytes]:
        """Do as `put`; return the multihashes of at least those that were here already."""
        ...


class Collecting(Conflict):
    """Garbage is being collected already."""

    def __init__(self) -> None:
        super().__init__("garbage is being collected in this home already")


class Lease:
    """What one act keeps: what was written since it began to, what it found here, and roots."""

    def __init__(self, leases: "Leases") -> None:
        self._leases = leases
        self.since: Since | None = None
        self.order = 0  # of the moment that `since` stands for
        self._watched: set[bytes] = set()  # being put or looked for at this moment
        self._exact: set[bytes] = set()
        self._bloom: bytearray | None = None
        self.roots: list[Cid] = []

    def begin_writing(self, store: Dates) -> None:
        """Note the moment, before the act's first put."""
        with self._leases.lock:
            if self.since is None:
                self.since = store.since_now()
                self._leases.moments += 1
                self.order = self._leases.moments

    def keep(self, multihashes: Iterable[bytes]) -> None:
        """Keep the blocks of *multihashes*; call it before looking whether they are here."""
        with self._leases.lock:
            self._keep(multihashes)

    def watch(self, multihashes: Iterable[bytes]) -> None:
        """Keep the blocks of *multihashes* until they are settled; call it before looking."""
        with self._leases.lock:
            self._watched.update(multihashes)

    def settle(self, multihashes: Iterable[bytes], found: Iterable[bytes]) -> None:
        """Go on keeping those of *multihashes* that were *found* here.

        The others were written just now, so `since` tells of them, or are not here.
        """
        with self._leases.lock:
            self._watched.difference_update(multihashes)
            self._keep(found)

    def keep_below(self, root: Cid) -> None:
        """Keep *root* and all that is below it; call it before walking it to see it is whole."""
        with self._leases.lock:
            self.roots.append(root)
            self._leases.pending.append(root)

    def holds(self, multihash: bytes) -> bool:
        """Tell whether the block is recorded; the caller holds the lock. Rarely yes in error."""
        if multihash in self._exact or multihash in self._watched:
            return True
        bloom = self._bloom
        return bloom is not None and all(
            bloom[bit >> 3] & 1 << (bit & 7) for bit in _bits(multihash)
        )

    def absorb(self, other: "Lease") -> None:
        """Keep what *other* keeps too; the caller holds the lock."""
        if other.since is not None and (self.since is None or other.order < self.order):
            self.since, self.order = other.since, other.order
        if other._bloom is not None:
            if self._bloom is None:
                self._bloom = other._bloom
            else:
                both = int.from_bytes(self._bloom, "big") | int.from_bytes(other._bloom, "big")
                self._bloom[:] = both.to_bytes(BLOOM_BYTES, "big")
        self._keep(other._exact)
        self._keep(other._watched)

    def _keep(self, multihashes: Iterable[bytes]) -> None:
        self._exact.update(multihashes)
        if len(self._exact) > EXACT_KEYS:
            self._fold()

    def _fold(self) -> None:
        """Move the exact ones into the filter."""
        bloom = self._bloom
        if bloom is None:
            bloom = self._bloom = bytearray(BLOOM_BYTES)
        for multihash in self._exact:
            for bit in _bits(multihash):
                bloom[bit >> 3] |= 1 << (bit & 7)
        self._exact.clear()


def _bits(multihash: bytes) -> Iterator[int]:
    """Yield the filter's bits of a multihash, whose last bytes are as good as random."""
    tail = int.from_bytes(multihash[-16:], "big")
    first, second = tail & 0xFFFFFFFFFFFFFFFF, tail >> 64 | 1
    for probe in range(_PROBES):
        yield (first + probe * second) % (BLOOM_BYTES * 8)


class Leases:
    """The leases of one home."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pending: list[Cid] = []  # roots of leases that the running collection must still mark
        self.moments = 0
        self._held: set[Lease] = set()
        self._ended = Lease(self)  # all that ended during the running collection, as one
        self._collecting = False

    def begin(self) -> Lease:
        """Begin an act; `end` must follow."""
        lease = Lease(self)
        with self.lock:
            self._held.add(lease)
        return lease

    def end(self, lease: Lease) -> None:
        """End an act whose names are moved; doing so twice is harmless."""
        with self.lock:
            if lease in self._held:
                self._held.discard(lease)
                if self._collecting:
                    self._ended.absorb(lease)

    @contextmanager
    def acting(self) -> Iterator[Lease]:
        """Hold a lease for the span of a ``with``."""
        lease = self.begin()
        try:
            yield lease
        finally:
            self.end(lease)

    @contextmanager
    def collecting(self) -> Iterator["Collection"]:
        """Collect within the ``with``; roots of names are to be read inside. One at a time."""
        with self.lock:
            if self._collecting:
                raise Collecting
            self._collecting = True
            self.pending = [root for lease in self._held for root in lease.roots]
        try:
            yield Collection(self)
        finally:
            with self.lock:
                self._collecting = False
                self._ended = Lease(self)
                self.pending = []

    def held(self) -> list[Lease]:
        """Return every lease in force; the caller holds the lock."""
        return [*self._held, self._ended]


class Collection:
    """One run of collection, as leases see it."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

    def new_roots(self) -> list[Cid]:
        """Return the roots that acts asked to keep since this was last called."""
        with self._leases.lock:
            roots, self._leases.pending = self._leases.pending, []
        return roots

    def dropping(
        self, multihashes: Sequence[bytes], drop: Callable[[list[bytes]], Result]
    ) -> Result | None:
        """Call *drop* with those of *multihashes* that no lease holds, while no act records any.

        Returns None, with nothing dropped, when `new_roots` has some: they are marked first.
        """
        with self._leases.lock:
            if self._leases.pending:
                return None
            held = self._leases.held()
            moments = [(lease.order, lease.since) for lease in held if lease.since is not None]
            # What was written since the first of them began is all that was since any did.
            since = min(moments, key=lambda one: one[0])[1] if moments else _never
            return drop(
                [
                    one
                    for one in multihashes
                    if not since(one) and not any(lease.holds(one) for lease in held)
                ]
            )


def _never(multihash: bytes) -> bool:
    return False


class Leased:
    """A store whose every writer works under a lease: the one it was made with, or one of its own
    that ends with the writer.
    """

    def __init__(
        self,
        inner: BlockStore,
        leases: Leases,
        lease: Lease | None = None,
        heed: Callable[[], None] | None = None,
    ) -> None:
        self.inner, self.leases, self.lease, self._heed = inner, leases, lease, heed
        # Reading costs nothing more than it does without us.
        self.size, self.has = inner.size, inner.has
        self.get: Callable[[Cid], Block] = inner.get if heed is None else _heeding(inner.get, heed)
        self.multihashes, self.drop, self.close = inner.multihashes, inner.drop, inner.close

    def get_many(self, cids: Sequence[Cid]) -> Iterator[Block]:
        """See `many.GetsMany`."""
        for at in range(0, len(cids), _READ):
            if self._heed is not None:
                self._heed()
            yield from many.get_many(self.inner, cids[at : at + _READ])

    def sizes(self, cids: Sequence[Cid]) -> list[int]:
        """See `many.GetsMany`."""
        return many.sizes(self.inner, cids)

    def under(self, lease: Lease, heed: Callable[[], None] | None = None) -> "Leased":
        """Return the same store for an act that holds *lease*; *heed* is called before reads."""
        return Leased(self.inner, self.leases, lease, heed)

    @contextmanager
    def writer(self, family: Family = Family.OWN) -> Iterator[BlockWriter]:
        """See `api.PutsBlocks`."""
        lease = self.lease or self.leases.begin()
        try:
            if isinstance(self.inner, Dates):
                lease.begin_writing(self.inner)
                with self.inner.writer(family) as writer:
                    yield _DatedWriter(cast("TellsFound", writer), lease)
            else:
                with self.inner.writer(family) as writer:
                    yield _Writer(writer, lease)
        finally:
            if lease is not self.lease:
                self.leases.end(lease)


def _heeding(get: Callable[[Cid], Block], heed: Callable[[], None]) -> Callable[[Cid], Block]:
    def heeding(cid: Cid) -> Block:
        heed()
        return get(cid)

    return heeding


class _Writer:
    """Records all that is put: the store can't tell what it had to write."""

    def __init__(self, inner: BlockWriter, lease: Lease) -> None:
        self._inner, self._lease = inner, lease

    def put(self, blocks: Iterable[Block]) -> None:
        self._inner.put(self._noting(blocks))

    def _noting(self, blocks: Iterable[Block]) -> Iterator[Block]:
        for block in blocks:
            self._lease.keep((block.cid.multihash,))
            yield block

    def present(self, cids: Sequence[Cid]) -> list[bool]:
        self._lease.keep([cid.multihash for cid in cids])
        return self._inner.present(cids)


class _DatedWriter:
    """Records what was here before."""

    def __init__(self, inner: TellsFound, lease: Lease) -> None:
        self._inner, self._lease = inner, lease

    def put(self, blocks: Iterable[Block]) -> None:
        source = iter(blocks)
        inner, lease = self._inner, self._lease
        while group := list(islice(source, _GROUP)):
            multihashes = [block.cid.multihash for block in group]
            lease.watch(multihashes)
            lease.settle(multihashes, inner.put_telling(group))

    def present(self, cids: Sequence[Cid]) -> list[bool]:
        multihashes = [cid.multihash for cid in cids]
        self._lease.watch(multihashes)
        answers = self._inner.present(cids)
        found = [one for one, here in zip(multihashes, answers, strict=True) if here]
        self._lease.settle(multihashes, found)
        return answers
