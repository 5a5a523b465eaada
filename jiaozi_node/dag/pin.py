"""Pins: roots which garbage collection keeps, as rows of names.

A CID is pinned *recursively* (it and all below), *directly* (it alone), or *indirectly* by what
stands above it, which is walked, never stored. A pin is the first of these that holds. One pin per
CID, with a name or none: pinning again renames. Rules and texts are Kubo's, as clients match them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from jiaozi_node.dag.traverse import Extent, Seen, links_of, measure
from jiaozi_node.dag.walk import Lookup, Walk, need
from jiaozi_node.errors import Conflict, Corrupt, LimitExceeded, Malformed, Misuse
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import Change, Names

KIND: Final = "pins"
RECURSIVE: Final = "recursive"
DIRECT: Final = "direct"
INDIRECT: Final = "indirect"
ALL: Final = "all"
MODES: Final = (DIRECT, INDIRECT, RECURSIVE, ALL)

MAX_NAME_BYTES = 255  # Kubo's MaxPinNameBytes


class AlreadyPinned(Conflict):
    """A recursive pin stands where a direct one was wanted."""

    def __init__(self, cid: Cid) -> None:
        super().__init__(f"{cid} already pinned recursively")
        self.cid = cid


class NotPinned(Conflict):
    """There is no pin of its own to remove."""

    def __init__(self, cid: Cid, recursively: bool = False) -> None:
        super().__init__(
            f"{cid} is pinned recursively" if recursively else "not pinned or pinned indirectly"
        )
        self.cid = cid


class Pin(NamedTuple):
    """A pin as stored. *mode* is "recursive" or "direct"; *name* is empty for none."""

    cid: Cid
    mode: str
    name: str = ""


class Found(NamedTuple):
    """How a CID is pinned: *mode* None when it isn't; *via* is the root of an indirect pin."""

    cid: Cid
    mode: str | None
    name: str = ""
    via: Cid | None = None


class KnowsLinks(Protocol):
    """Remembers what blocks link, which never changes: it spares reading them again.

    To forget is harmless. CIDs are their bytes, in block order, with repeats.
    """

    def links(self, cid: bytes) -> Sequence[bytes] | None:
        """Return what the block *cid* links; None when that is not known."""
        ...

    def learn(self, cid: bytes, links: Sequence[bytes]) -> None:
        """Remember what the block *cid* links."""
        ...


def check_name(name: str) -> None:
    """Raise `LimitExceeded` for a pin's name over 255 bytes."""
    size = len(name.encode("utf-8", "surrogateescape"))
    if size > MAX_NAME_BYTES:
        raise LimitExceeded("pin name", MAX_NAME_BYTES, size)


class Pins:
    """The pins in *names*. Nothing here reads blocks but `find`, `indirect` and `pin`, by walks."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def pin(self, cid: Cid, mode: str = RECURSIVE, name: str = "") -> Lookup[Extent | None]:
        """Fetch what the pin is to keep, then set it; nothing is set when a block is missing.

        Returns how much a recursive pin keeps.
        """
        extent = yield from self.whole(cid, mode, name)
        self.add(cid, mode, name)
        return extent

    def whole(
        self, cid: Cid, mode: str = RECURSIVE, name: str = "", seen: Seen | None = None
    ) -> Lookup[Extent | None]:
        """Fetch what a pin is to keep, without setting it: the first half of `pin`.

        A *seen* shared by many spares them what they have in common; it is then not counted.
        """
        check_name(name)
        if mode == RECURSIVE:
            return (yield from measure(cid, seen))
        return None

    def add_all(self, cids: Iterable[Cid], mode: str = RECURSIVE, name: str = "") -> None:
        """Set many pins at once, all or none, as `add` does one."""
        changes = {cid: self._adding(cid, mode, name) for cid in cids}
        self._names.apply(list(changes.values()))

    def add(self, cid: Cid, mode: str = RECURSIVE, name: str = "") -> None:
        """Set a pin whose blocks the caller knows to be here.

        A recursive one takes the place of a direct one; the other way round is `AlreadyPinned`.
        """
        self.add_all((cid,), mode, name)

    def _adding(self, cid: Cid, mode: str, name: str) -> Change:
        check_name(name)
        if mode not in (RECURSIVE, DIRECT):
            raise Misuse(f"a pin is {RECURSIVE} or {DIRECT}, not {mode!r}")
        stood = self._names.get(KIND, cid.raw)
        if stood is not None and mode == DIRECT and pin_of(cid.raw, stood).mode == RECURSIVE:
            raise AlreadyPinned(cid)
        return Change(KIND, cid.raw, _row(mode, name), stood)

    def rm(self, cid: Cid, recursive: bool = True) -> Pin:
        """Remove the pin of *cid* and return it; a recursive one only with *recursive*."""
        change, pin = self._removing(cid, recursive=recursive)
        self._names.apply([change])
        return pin

    def replace(self, old: Pin, new: Cid, *, keep_old: bool = False) -> None:
        """Pin *new*, whose blocks the caller knows to be here, as *old* was, in one transaction."""
        stood = self._names.get(KIND, old.cid.raw)
        if stood is None or pin_of(old.cid.raw, stood) != old:
            raise NotPinned(old.cid)
        changes = [self._adding(new, old.mode, old.name)]
        if not keep_old:
            changes.append(Change(KIND, old.cid.raw, None, stood))
        self._names.apply(changes)

    def rm_all(self, cids: Iterable[Cid], recursive: bool = True) -> None:
        """Remove many pins at once, as `rm` does one; those before one that can't be removed go."""
        changes: dict[Cid, Change] = {}
        try:
            for cid in cids:
                if cid in changes:
                    raise NotPinned(cid)
                changes[cid] = self._removing(cid, recursive=recursive)[0]
        finally:
            self._names.apply(list(changes.values()))

    def _removing(self, cid: Cid, *, recursive: bool) -> tuple[Change, Pin]:
        stood = self._names.get(KIND, cid.raw)
        if stood is None:
            raise NotPinned(cid)
        pin = pin_of(cid.raw, stood)
        if pin.mode == RECURSIVE and not recursive:
            raise NotPinned(cid, recursively=True)
        return Change(KIND, cid.raw, None, stood), pin

    def get(self, cid: Cid) -> Pin | None:
        """Return the pin of *cid*'s own, if it has one."""
        stood = self._names.get(KIND, cid.raw)
        return None if stood is None else pin_of(cid.raw, stood)

    def ls(self, mode: str = ALL) -> Iterator[Pin]:
        """Yield the stored pins, all or those of one *mode*, in byte order of their CIDs."""
        read: dict[bytes, Pin] = {}  # most rows have the same value
        for key, value in self._names.scan(KIND):
            pin = read.get(value)
            if pin is None:
                pin = read[value] = pin_of(key, value)
                if len(read) > 1000:
                    read.clear()
            if mode == ALL or pin.mode == mode:
                try:
                    yield Pin(Cid(key), pin.mode, pin.name)
                except Malformed:
                    raise _no_cid(key) from None

    def find(
        self, cids: Sequence[Cid], mode: str = ALL, known: KnowsLinks | None = None
    ) -> Lookup[list[Found]]:
        """Say of each of *cids*, in order, how it is pinned, looking for *mode* alone if given.

        Walks the recursive pins only for those that no pin of their own answers; of blocks whose
        links are *known*, none is asked for.
        """
        if mode not in MODES:
            raise Misuse(f"invalid type '{mode}', must be one of {{{', '.join(MODES)}}}")
        answers: dict[Cid, Found] = {}
        for cid in cids:
            pin = self.get(cid)
            if pin is not None and mode in (ALL, pin.mode):
                answers[cid] = Found(cid, pin.mode, pin.name)
        wanted = {cid for cid in cids if cid not in answers}
        if wanted and mode in (ALL, INDIRECT):
            roots = [pin.cid.raw for pin in self.ls(RECURSIVE)]
            below = _below(roots, known)
            # Driven by hand: it ends as soon as all are found.
            sent = None
            while wanted:
                try:
                    step = below.send(sent)
                except StopIteration:
                    break
                sent = None
                if not isinstance(step, _Met):
                    sent = yield step
                    continue
                cid = Cid(step.cid)
                if cid in wanted:
                    wanted.discard(cid)
                    answers[cid] = Found(cid, INDIRECT, via=Cid(step.via))
            below.close()
        return [answers.get(cid) or Found(cid, None) for cid in cids]

    def indirect(self, known: KnowsLinks | None = None) -> Walk[Cid, None]:
        """Yield, each once, the CIDs that only pins above them keep.

        Blocks whose links are *known* are not asked for.
        """
        shown: set[bytes] = set()
        roots: list[bytes] = []
        for pin in self.ls():
            shown.add(pin.cid.raw)
            if pin.mode == RECURSIVE:
                roots.append(pin.cid.raw)
        below = _below(roots, known)
        sent = None
        while True:
            try:
                step = below.send(sent)
            except StopIteration:
                return
            sent = None
            if not isinstance(step, _Met):
                sent = yield step
            elif step.cid not in shown:
                yield Cid(step.cid)


class _Met(NamedTuple):
    """A CID met below the root *via*; both as bytes."""

    cid: bytes
    via: bytes


def _below(roots: Sequence[bytes], known: KnowsLinks | None) -> Walk[_Met, None]:
    """Meet what is below each of *roots*, once, in the order of `descend`; raw leaves unread."""
    seen: set[bytes] = set()
    for via in roots:
        stack = [via]
        while stack:
            raw = stack.pop()
            if raw is not via:
                if raw in seen:
                    continue
                seen.add(raw)
                yield _Met(raw, via)
            if raw[:2] == b"\x01\x55":
                continue
            links = known.links(raw) if known is not None else None
            if links is None:
                block = yield from need(Cid(raw))
                links = [link.cid.raw for link in links_of(block)]
                if known is not None:
                    known.learn(raw, links)
            if links:
                stack += reversed(links)


def _row(mode: str, name: str) -> bytes:
    return dag_cbor.encode({"mode": mode, "name": name} if name else {"mode": mode})


def pin_of(key: bytes, value: bytes) -> Pin:
    """Read the row of a pin; raises `Corrupt`."""
    try:
        row = dag_cbor.decode(value)
    except Malformed:
        row = None
    if not isinstance(row, dict) or row.get("mode") not in (RECURSIVE, DIRECT):
        raise Corrupt(f"the pin {key.hex()} is not a pin's row")
    name = row.get("name", "")
    try:
        cid = Cid(key)
    except Malformed:
        raise _no_cid(key) from None
    return Pin(cid, str(row["mode"]), name if isinstance(name, str) else "")


def _no_cid(key: bytes) -> Corrupt:
    return Corrupt(f"the pin {key.hex()} has no CID for a key")
