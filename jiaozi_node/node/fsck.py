"""The check of a home: names against blocks, blocks against their hashes, the store against itself.

Each thing that is wrong is a `Finding`. Something *lost* is reachable from a root and gone or
wrong; anything else can be mended without losing what anybody asked to keep. A repair drops damaged
garbage, forgets rows that lead nowhere, and lets the store rebuild what it derives; it never
invents. Design §3.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from jiaozi_node.dag.gc import drop_unheld
from jiaozi_node.dag.marking import Marking
from jiaozi_node.dag.roots import Reader, Root, partial_marks, shown_key
from jiaozi_node.errors import Corrupt, JiaoziError
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import roots
from jiaozi_node.node.acts import leases_of
from jiaozi_node.node.history_check import history_faults
from jiaozi_node.node.home import Home
from jiaozi_node.node.visibility import restore
from jiaozi_node.stores.api import BlockMissing, BlockStore, Change, Names
from jiaozi_node.stores.leases import Leased
from jiaozi_node.stores.segments.check import check
from jiaozi_node.stores.segments.store import SegmentStore
from jiaozi_node.stores.verify import CorruptBlock
from jiaozi_node.versioning import refs, repositories, stages, workingcopies

NAMES, BLOCKS, STORE = "names", "blocks", "store"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong: *where* (names, blocks, store), *item* (a CID or a row), and *what*.

    *lost*: a root leads to it and it can't be had as it was. *repaired*: it is mended now.
    """

    where: str
    item: str
    what: str
    lost: bool = False
    repaired: bool = False


@dataclass(slots=True)
class Report:
    """What was looked at, and how it stands. *findings* counts all, *lost* and *repaired* some."""

    rows: int = 0
    blocks: int = 0
    size_bytes: int = 0
    reachable: int = 0
    findings: int = 0
    lost: int = 0
    repaired: int = 0

    @property
    def exit_code(self) -> int:
        """0 clean; 6 something reachable is lost or wrong; 1 anything else."""
        return 6 if self.lost else 1 if self.findings else 0


def fsck(
    home: Home,
    now: int,
    *,
    repair: bool = False,
    progress: Callable[[int, int], None] = lambda _blocks, _bytes: None,
) -> Generator[Finding, None, Report]:
    """Check *home*, yielding what is wrong as it is found; return the report."""
    report = Report()
    for finding in _Check(home, now, repair, report, progress).findings():
        report.findings += 1
        report.lost += finding.lost
        report.repaired += finding.repaired
        yield finding
    return report


class _Check:
    def __init__(
        self,
        home: Home,
        now: int,
        repair: bool,
        report: Report,
        progress: Callable[[int, int], None],
    ) -> None:
        self._home, self._now, self._repair = home, now, repair
        self._report, self._progress = report, progress
        # Whether all that is reachable is known: else nothing is garbage for sure.
        self._certain = True

    def findings(self) -> Iterator[Finding]:
        # No collection changes what we look at.
        with leases_of(self._home).collecting() as self._collection:
            blocks = yield from self._open_blocks()
            names = yield from self._open_names()
            found_roots: list[Root] = []
            if names is not None:
                found_roots = yield from self._names(names)
            if blocks is not None:
                yield from self._blocks(blocks, names, found_roots)
            if names is not None and self._certain:
                yield from self._rows_that_lead_nowhere(names)

    # ---- names ---------------------------------------------------------------------------

    def _open_names(self) -> Generator[Finding, None, Names | None]:
        try:
            return self._home.names
        except JiaoziError as fault:
            self._certain = False
            yield Finding(NAMES, "names.db", str(fault), lost=True)
            return None

    def _names(self, names: Names) -> Generator[Finding, None, list[Root]]:
        """Read every row; return the roots among them."""
        recount = False
        try:
            gone = names.went_back()
        except JiaoziError as fault:
            self._certain = False
            yield Finding(NAMES, "names.db", str(fault), lost=True)
            return []
        if gone is not None:
            recount = True
            what = f"it is older than it was: {gone} acts are gone"
            yield Finding(NAMES, "names.db", what, lost=True, repaired=self._repair)
        readers = roots.readers(self._now)
        found: list[Root] = []
        try:
            kinds = names.kinds()
        except JiaoziError as fault:
            self._certain = False
            yield Finding(NAMES, "names.db", str(fault), lost=True)
            return found
        for kind in sorted({*kinds, *readers}):
            if kind not in readers:
                self._certain = False
                what = "this version doesn't know this kind of row, nor what it keeps"
                yield Finding(NAMES, kind, what)
                continue
            whole = yield from self._kind(names, kind, readers, found)
            recount = recount or not whole
        if recount and self._repair:
            names.recount()
        return found

    def _kind(
        self, names: Names, kind: str, readers: Mapping[str, Reader], found: list[Root]
    ) -> Generator[Finding, None, bool]:
        """Read the rows of *kind*; tell whether all are there."""
        whole = False
        try:
            for key, value in names.scan(kind):
                self._report.rows += 1
                try:
                    dag_cbor.decode(value)
                    found += readers[kind](kind, key, value)
                except JiaoziError as fault:
                    self._certain = False
                    yield Finding(NAMES, f"{kind} {shown_key(key)}", str(fault), lost=True)
            whole = True
        except JiaoziError as fault:
            self._certain = False
            yield Finding(NAMES, kind, str(fault), lost=True, repaired=False)
        return whole

    def _rows_that_lead_nowhere(self, names: Names) -> Iterator[Finding]:
        """Look for rows that name a repository or working copy which isn't there."""
        ids = {key for key, _ in names.scan(repositories.KIND)}
        copies = {key for key, _ in names.scan(workingcopies.KIND)}
        for kind, owners, owner in (
            (repositories.ALIASES, ids, lambda _key, value: _text_in(value)),
            (refs.KIND, ids, lambda key, _value: key.split(b"\0")[0]),
            (refs.CHECKOUTS, copies, lambda _key, value: _text_in(value)),
            (stages.KIND, copies, lambda key, _value: key),
        ):
            for key, value in names.scan(kind):
                if owner(key, value) in owners:
                    continue
                # A ref is somebody's work: it is told of, and not forgotten.
                mend = self._repair and kind != refs.KIND
                if mend:
                    names.apply((Change(kind, key, None, value),))
                what = "it belongs to what is not there any more"
                yield Finding(NAMES, f"{kind} {shown_key(key)}", what, kind == refs.KIND, mend)

    # ---- blocks --------------------------------------------------------------------------

    def _open_blocks(self) -> Generator[Finding, None, BlockStore | None]:
        try:
            return self._home.blocks
        except JiaoziError as fault:
            yield Finding(STORE, "blocks", str(fault), lost=True)
            return None

    def _blocks(
        self, blocks: BlockStore, names: Names | None, found_roots: Sequence[Root]
    ) -> Iterator[Finding]:
        rowless: set[bytes] = set()
        yield from _store_findings(blocks, names, rowless, repair=self._repair)
        damaged: dict[bytes, str] = {}
        try:
            for multihash in blocks.multihashes():
                self._hash(blocks, multihash, damaged)
        except JiaoziError as fault:
            self._certain = False
            yield Finding(STORE, "blocks", str(fault), lost=True)
        lost: dict[Cid, Finding] = {}
        partial = frozenset[Cid]() if names is None else _partial(names)
        sound = _Sound(blocks, damaged)
        marking = Marking(sound, partial, fault=_noting(lost, damaged, rowless))
        try:
            marking.mark([root for root in found_roots if root.kind not in roots.LAZY])
            marking.mark_what_is_here([root for root in found_roots if root.kind in roots.LAZY])
        except JiaoziError as fault:
            self._certain = False
            yield Finding(STORE, "blocks", str(fault), lost=True)
        self._report.reachable = len(marking.kept)
        yield from lost.values()
        noted = {cid.multihash for cid in lost}
        for multihash, why in damaged.items():
            cid = Cid.v1(c.RAW, multihash)
            if multihash in marking.kept:
                if multihash not in noted:  # below what may lack blocks, but not have wrong ones
                    yield Finding(BLOCKS, str(cid), f"{why}; 'ipfs files' needs it", lost=True)
                continue
            finding = Finding(BLOCKS, str(cid), f"{why}; nothing leads to it")
            if self._repair and self._certain:
                # Not what an act has healed since, nor what one is about to.
                drop_unheld(blocks, marking, self._collection, [multihash])
                finding = replace(finding, repaired=True)
            yield finding
        for cid, root, what in history_faults(found_roots, sound):
            if cid not in lost:
                yield Finding(BLOCKS, str(cid), f"{what}; {root} leads to it", lost=True)

    def _hash(self, blocks: BlockStore, multihash: bytes, damaged: dict[bytes, str]) -> None:
        self._report.blocks += 1
        try:
            size = len(blocks.get(Cid.v1(c.RAW, multihash)).data)
        except Corrupt as fault:
            damaged[multihash] = fault.why if isinstance(fault, CorruptBlock) else str(fault)
        except BlockMissing:
            damaged[multihash] = "it is listed and can't be had"
        else:
            self._report.size_bytes += size
            self._progress(1, size)


class _Sound:
    """The blocks but those known to be damaged, which count as missing."""

    def __init__(self, blocks: BlockStore, damaged: Mapping[bytes, str]) -> None:
        self._blocks, self._damaged = blocks, damaged
        self.size, self.drop, self.multihashes = blocks.size, blocks.drop, blocks.multihashes

    def get(self, cid: Cid) -> Block:
        if cid.multihash in self._damaged:
            raise BlockMissing(cid)
        return self._blocks.get(cid)

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        here = self._blocks.has(cids)
        if not self._damaged:
            return here
        return [
            one and cid.multihash not in self._damaged for cid, one in zip(cids, here, strict=True)
        ]


def _noting(
    lost: dict[Cid, Finding], damaged: Mapping[bytes, str], rowless: set[bytes]
) -> Callable[[Cid, Root, JiaoziError], None]:
    def note(cid: Cid, root: Root, fault: JiaoziError) -> None:
        why = damaged.get(cid.multihash)
        if cid.multihash in rowless:
            what = f"its row is lost, and a repair brings it back; {root} needs it"
            lost.setdefault(cid, Finding(BLOCKS, str(cid), what))
            return
        if why is None:
            why = "it is missing" if isinstance(fault, BlockMissing) else str(fault)
        lost.setdefault(cid, Finding(BLOCKS, str(cid), f"{why}; {root} needs it", lost=True))

    return note


def _partial(names: Names) -> frozenset[Cid]:
    try:
        return partial_marks(names)
    except JiaoziError:  # told of when the names were read
        return frozenset()


def _text_in(value: bytes) -> bytes:
    text = dag_cbor.decode(value)
    return text.encode() if isinstance(text, str) else b""


def _store_findings(
    blocks: BlockStore, names: Names | None, rowless: set[bytes], *, repair: bool
) -> Iterator[Finding]:
    """Let a store of segments check what it derives against what it derives it from."""
    store = blocks.inner if isinstance(blocks, Leased) else blocks
    if not isinstance(store, SegmentStore):
        return
    for problem in check(store, rowless, repair=repair):
        yield Finding(STORE, problem.item, problem.what, repaired=problem.repaired)
    if store.rebuilds and names is not None:
        restore(names, store)
