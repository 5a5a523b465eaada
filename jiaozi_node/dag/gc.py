"""Garbage collection: mark what roots lead to, then drop the rest, beside acts that go on.

Mark walks the links from the roots; a block that is missing or unreadable stops everything before
anything is dropped, unless a partial mark stands above it. Sweep drops, a batch at a time and under
the lock of the leases, what is neither marked nor leased. Nothing is kept between runs but a row
that says one is under way: a run that was killed is simply run again, and says so. Design §3.

Memory: 16 to 32 bytes a block for what is kept, and the CIDs of blocks that link others.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, Protocol

from jiaozi_node.dag.roots import Root
from jiaozi_node.errors import Corrupt, JiaoziError, Refused
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import codecs
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing, DropsBlocks, GetsBlocks, HasBlocks, ListsBlocks
from jiaozi_node.stores.leases import Collection

_HAS_BATCH: Final = 1024
SWEEP_BATCH: Final = 256  # blocks dropped while acts wait: some milliseconds


class Sweepable(GetsBlocks, HasBlocks, ListsBlocks, DropsBlocks, Protocol):
    """A store from which garbage can be collected."""


class Unreachable(Refused):
    """A root leads to a block that is missing or can't be read; nothing was collected."""

    def __init__(self, cid: Cid, root: Root, why: str) -> None:
        super().__init__(
            f"block {cid}, which {root} needs, {why}; nothing was collected (see 'jiaozi fsck')"
        )
        self.cid, self.root, self.why = cid, root, why


class Keys:
    """A set of multihashes by their last 8 bytes, in 16 to 32 bytes each, that only grows.

    One in 10¹⁹ looks-ups is wrongly a yes: good enough to keep by, not to skip a walk by.
    """

    def __init__(self) -> None:
        self._bits = 12
        self._slots = array("Q", bytes(8 << self._bits))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, multihash: bytes) -> bool:
        """Add a multihash; tell whether it was new."""
        key = int.from_bytes(multihash[-8:], "big") or 1
        slots = self._slots
        mask = len(slots) - 1
        at = key & mask
        while slots[at]:
            if slots[at] == key:
                return False
            at = at + 1 & mask
        slots[at] = key
        self._count += 1
        if self._count << 1 > mask:
            self._grow()
        return True

    def __contains__(self, multihash: bytes) -> bool:
        key = int.from_bytes(multihash[-8:], "big") or 1
        slots = self._slots
        mask = len(slots) - 1
        at = key & mask
        while slots[at]:
            if slots[at] == key:
                return True
            at = at + 1 & mask
        return False

    def _grow(self) -> None:
        old = self._slots
        self._bits += 1
        slots = self._slots = array("Q", bytes(8 << self._bits))
        mask = len(slots) - 1
        for key in old:
            if key:
                at = key & mask
                while slots[at]:
                    at = at + 1 & mask
                slots[at] = key


# Told of a reachable block that is missing or damaged; returns to go on without it, or raises.
Fault = Callable[[Cid, Root, JiaoziError], None]


def refuse(cid: Cid, root: Root, fault: JiaoziError) -> None:
    """Stop at a reachable block that can't be had: the `Fault` of collection."""
    why = "is missing" if isinstance(fault, BlockMissing) else f"can't be followed: {fault}"
    raise Unreachable(cid, root, why) from None


def _pass_over(cid: Cid, root: Root, fault: JiaoziError) -> None:
    """Go on: whoever asked for this root sees for himself."""


class Marking:
    """What is reachable, as far as it was marked."""

    def __init__(
        self,
        blocks: Sweepable,
        partial: frozenset[Cid] = frozenset(),
        fault: Fault = refuse,
        progress: Callable[[int], None] = lambda _blocks: None,
    ) -> None:
        self.kept = Keys()
        self._blocks, self._partial = blocks, partial
        self._fault, self._progress = fault, progress
        self._seen: set[bytes] = set()  # blocks that may link others, by whole CID
        self._leaves: list[tuple[Cid, Root]] = []
        self._below_partial: list[tuple[Cid, Root]] = []

    def mark(self, roots: Iterable[Root]) -> None:
        """Mark all that *roots* lead to.

        What a partial mark stands above is marked last, so that a block which is also reached
        without passing one must be here.
        """
        for root in roots:
            if root.recursive:
                self._walk([(root.cid, root)], strict=True)
            else:
                self._leaf(root.cid, root)
        self._check_leaves()
        loose, self._below_partial = self._below_partial, []
        self._walk(loose, strict=False)

    def mark_what_is_here(self, roots: Iterable[Root]) -> None:
        """Mark what *roots* lead to of the blocks that are here, whatever is not."""
        for root in roots:
            self._walk([(root.cid, root)], strict=False, fault=_pass_over)

    def _walk(
        self, stack: list[tuple[Cid, Root]], *, strict: bool, fault: Fault | None = None
    ) -> None:
        found_fault = fault or self._fault
        seen, partial = self._seen, self._partial
        while stack:
            cid, root = stack.pop()
            if cid.codec == c.RAW:
                if strict and cid not in partial:
                    self._leaf(cid, root)
                elif cid.inline is None:
                    self.kept.add(cid.multihash)
                continue
            if cid.raw in seen:
                continue
            seen.add(cid.raw)
            try:
                links = self._links(cid)
            except BlockMissing as missing:
                if strict and cid not in partial:
                    found_fault(cid, root, missing)
                continue
            except JiaoziError as unreadable:
                found_fault(cid, root, unreadable)
                continue
            if strict and cid in partial:
                self._below_partial += [(link, root) for link in links]
            else:
                stack += [(link, root) for link in reversed(links)]

    def _links(self, cid: Cid) -> list[Cid]:
        inline = cid.inline
        if inline is None:
            self.kept.add(cid.multihash)
            if not len(self.kept) & 1023:
                self._progress(len(self.kept))
            data = self._blocks.get(cid).data
        else:
            data = inline
        try:
            return codecs.links(cid.codec, data)
        except codecs.UnknownCodec:  # such blocks can be kept, and not looked into
            return []

    def _leaf(self, cid: Cid, root: Root) -> None:
        if cid.inline is None and self.kept.add(cid.multihash):
            self._leaves.append((cid, root))
            if len(self._leaves) == _HAS_BATCH:
                self._check_leaves()

    def _check_leaves(self) -> None:
        """See that the leaves noted are here."""
        leaves, self._leaves = self._leaves, []
        here = self._blocks.has([cid for cid, _ in leaves])
        for (cid, root), present in zip(leaves, here, strict=True):
            if not present and cid not in self._partial:
                self._fault(cid, root, BlockMissing(cid))
        self._progress(len(self.kept))


class Dropped(NamedTuple):
    """A block that is no more, or that a dry run would drop."""

    cid: Cid
    size_bytes: int


_LEASED = "leases"  # the kind that a lease's roots bear in an error


def sweep(
    blocks: Sweepable, marking: Marking, collection: Collection, *, dry_run: bool = False
) -> Iterator[Dropped]:
    """Drop what is neither marked nor leased, yielding each block after it is dropped."""
    batch: list[bytes] = []
    for multihash in blocks.multihashes():
        if multihash not in marking.kept:
            batch.append(multihash)
            if len(batch) == SWEEP_BATCH:
                yield from _drop(blocks, marking, collection, batch, dry_run)
                batch = []
    yield from _drop(blocks, marking, collection, batch, dry_run)


def _drop(
    blocks: Sweepable, marking: Marking, collection: Collection, batch: list[bytes], dry_run: bool
) -> list[Dropped]:
    sizes = {multihash: _size(blocks, multihash) for multihash in batch}

    def drop(multihashes: list[bytes]) -> list[bytes]:
        doomed = [one for one in multihashes if one not in marking.kept]
        if not dry_run:
            blocks.drop([Cid.v1(c.RAW, one) for one in doomed])
        return doomed

    dropped: list[bytes] | None = None
    while dropped is None:
        # An act may have asked to keep a root meanwhile. It sees for itself what of it is here.
        kept = [Root(cid, _LEASED, cid.raw) for cid in collection.new_roots()]
        if kept:
            marking.mark_what_is_here(kept)
        dropped = collection.dropping(batch, drop)
    return [Dropped(Cid.v1(c.RAW, one), sizes[one]) for one in dropped]


def _size(blocks: GetsBlocks, multihash: bytes) -> int:
    try:
        return blocks.size(Cid.v1(c.RAW, multihash))
    except (BlockMissing, Corrupt):
        return 0
