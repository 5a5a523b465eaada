"""Marking: what roots lead to, walked with memory that grows by a few bytes a block.

A block that is missing or can't be read is a `Fault`: collection stops at it (`refuse`), fsck notes
it. What a partial mark stands above may be missing.

How far it got may be noted (`NotesSteps`), so that a run which was killed goes on there. What a
block links never changes, so all that was walked stays walked; only roots come and go. A new one is
walked like any other. Of one that is gone, the step that began it and all steps after it are
forgotten, so what is marked is exactly what today's roots lead to: order them with those last that
come and go.

Memory: 16 to 32 bytes a block for what is kept, and the CIDs of blocks that link others.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from jiaozi_node.dag.roots import Root
from jiaozi_node.errors import JiaoziError, Refused
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import codecs
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing, GetsBlocks, HasBlocks
from jiaozi_node.stores.marked import Step

_HAS_BATCH: Final = 1024
STEP_BLOCKS = 1 << 16  # marked between two notes of how far it got: about a second's work


class Unreachable(Refused):
    """A root leads to a block that is missing or can't be read; nothing was collected."""

    def __init__(self, cid: Cid, root: Root, why: str) -> None:
        super().__init__(
            f"block {cid}, which {root} needs, {why}; nothing was collected (see 'jiaozi fsck')"
        )
        self.cid, self.root, self.why = cid, root, why


class Markable(GetsBlocks, HasBlocks, Protocol):
    """A store whose blocks can be walked."""


class NotesSteps(Protocol):
    """Notes how far marking got; see `stores.marked.Marked`."""

    @property
    def used(self) -> bool:
        """Whether anything is noted."""
        ...

    def steps(self) -> Iterator[Step]:
        """Yield the steps noted, oldest first."""
        ...

    def take(self) -> None:
        """Keep the step yielded last; those after the last one taken are forgotten."""
        ...

    def add(self, step: Step) -> None:
        """Note a step; raises ``OSError``."""
        ...

    def discard(self) -> None:
        """Forget everything."""
        ...


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
_Stack = list[tuple[Cid, Root]]


def refuse(cid: Cid, root: Root, fault: JiaoziError) -> None:
    """Stop at a reachable block that can't be had: the `Fault` of collection."""
    why = "is missing" if isinstance(fault, BlockMissing) else f"can't be followed: {fault}"
    raise Unreachable(cid, root, why) from None


def _pass_over(cid: Cid, root: Root, fault: JiaoziError) -> None:
    """Go on: whoever asked for this root sees for himself."""


class _Fresh(NamedTuple):
    """What was marked since the last step that was noted."""

    roots: list[Root]
    kept: bytearray
    walked: list[bytes]
    excused: _Stack


class Marking:
    """What is reachable, as far as it was marked."""

    def __init__(
        self,
        blocks: Markable,
        partial: frozenset[Cid] = frozenset(),
        fault: Fault = refuse,
        progress: Callable[[int], None] = lambda _blocks: None,
    ) -> None:
        self.kept = Keys()
        self.resumed = 0  # blocks that an earlier run had marked
        self._blocks, self._partial = blocks, partial
        self._fault, self._progress = fault, progress
        self._walked: set[bytes] = set()  # blocks that may link others, by whole CID
        self._leaves: _Stack = []
        self._excused: _Stack = []
        self._notes: NotesSteps | None = None
        self._fresh = _Fresh([], bytearray(), [], [])
        self._full = 0

    def mark(self, roots: Iterable[Root], notes: NotesSteps | None = None) -> None:
        """Mark all that *roots* lead to, going on from what is in *notes*, and noting there.

        What a partial mark stands above is marked last, so that a block which is also reached
        without passing one must be here.
        """
        todo: Sequence[Root] = list(roots)
        ahead: _Stack = []
        loose = False
        self._notes, self._full = notes, STEP_BLOCKS * 8
        if notes is not None:
            todo, ahead, loose = self._go_on(notes, todo)
        if not loose:
            self._walk(ahead, strict=True)
            self._walk_roots(todo)
            self._check_leaves()
            ahead, self._excused = self._excused, []
        self._walk(ahead, strict=False)
        if self._notes is not None and self._notes.used:
            self._note(self._notes, [], loose=loose or bool(self._partial))
        self._notes = None

    def mark_what_is_here(self, roots: Iterable[Root]) -> None:
        """Mark what *roots* lead to of the blocks that are here, whatever is not."""
        for root in roots:
            self._walk([(root.cid, root)], strict=False, fault=_pass_over)

    def _walk_roots(self, roots: Iterable[Root]) -> None:
        for root in roots:
            if self._notes is not None:
                if len(self._fresh.kept) >= self._full:
                    self._note(self._notes, [], loose=False)
                self._fresh.roots.append(root)
            if root.recursive:
                self._walk([(root.cid, root)], strict=True)
            else:
                self._leaf(root.cid, root)

    def _walk(self, stack: _Stack, *, strict: bool, fault: Fault | None = None) -> None:
        found_fault = fault or self._fault
        walked, partial = self._walked, self._partial
        while stack:
            cid, root = stack.pop()
            if cid.codec == c.RAW:
                if strict and cid not in partial:
                    self._leaf(cid, root)
                elif cid.inline is None:
                    self._keep(cid.multihash)
                continue
            if cid.raw in walked:
                continue
            if self._notes is not None:
                if len(self._fresh.kept) >= self._full:
                    self._note(self._notes, [*stack, (cid, root)], loose=not strict)
                self._fresh.walked.append(cid.raw)
            walked.add(cid.raw)
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
                excused = [(link, root) for link in links]
                self._excused += excused
                if self._notes is not None:
                    self._fresh.excused.extend(excused)
            else:
                stack += [(link, root) for link in reversed(links)]

    def _links(self, cid: Cid) -> list[Cid]:
        inline = cid.inline
        if inline is None:
            self._keep(cid.multihash)
            if not len(self.kept) & 1023:
                self._progress(len(self.kept))
            data = self._blocks.get(cid).data
        else:
            data = inline
        try:
            return codecs.links(cid.codec, data)
        except codecs.UnknownCodec:  # such blocks can be kept, and not looked into
            return []

    def _keep(self, multihash: bytes) -> bool:
        """Keep a block; tell whether that is new."""
        if not self.kept.add(multihash):
            return False
        if self._notes is not None:
            self._fresh.kept.extend(multihash[-8:].rjust(8, b"\0"))
        return True

    def _leaf(self, cid: Cid, root: Root) -> None:
        if cid.inline is None and self._keep(cid.multihash):
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

    # ---- going on ------------------------------------------------------------------------

    def _note(self, notes: NotesSteps, ahead: _Stack, *, loose: bool) -> None:
        """Note how far it got; *ahead* is what is left to walk below the root under way."""
        self._check_leaves()
        fresh, self._fresh = self._fresh, _Fresh([], bytearray(), [], [])
        step = Step(
            tuple([_short(root) for root in fresh.roots]),
            bytes(fresh.kept),
            tuple(fresh.walked),
            tuple([(*_short(root), cid.raw) for cid, root in fresh.excused]),
            tuple([cid.raw for cid, _root in ahead]),
            loose,
        )
        try:
            notes.add(step)
        except OSError:  # a full disk: should this run be killed, the next one begins anew
            notes.discard()
            self._notes = None

    def _go_on(
        self, notes: NotesSteps, roots: Sequence[Root]
    ) -> tuple[Sequence[Root], _Stack, bool]:
        """Take over what is noted as far as it holds for *roots*.

        Returns the roots to begin, what is left to walk, and whether that is the loose walk.
        """
        known: dict[tuple[bytes, bool], Root] = {}
        for root in roots:
            known.setdefault(_short(root), root)
        begun: set[tuple[bytes, bool]] = set()
        last: Root | None = None
        ahead: tuple[bytes, ...] = ()
        loose = False
        for step in notes.steps():
            if not known.keys() >= set(step.roots):
                break
            if step.loose and len(begun.union(step.roots)) < len(known):
                break  # a new root may lead, and not loosely, to what is missing
            begun.update(step.roots)
            last = known[step.roots[-1]] if step.roots else last
            for at in range(0, len(step.kept), 8):
                self.kept.add(step.kept[at : at + 8])
            self._walked.update(step.walked)
            self._excused += [(Cid(cid), known[root, rec]) for root, rec, cid in step.excused]
            ahead, loose = step.ahead, step.loose
            notes.take()
        self.resumed = len(self.kept)
        todo = [root for short, root in known.items() if short not in begun]
        if last is None:
            return todo, [], False
        return todo, [(Cid(cid), last) for cid in ahead], loose


def _short(root: Root) -> tuple[bytes, bool]:
    return root.cid.raw, root.recursive
