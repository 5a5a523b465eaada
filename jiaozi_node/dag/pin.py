"""Pins: roots which garbage collection keeps, as rows of names.

A CID is pinned *recursively* (it and all below), *directly* (it alone), or *indirectly* by what
stands above it, which is walked, never stored. A pin is the first of these that holds. One pin per
CID, with a name or none: pinning again renames. Rules and texts are Kubo's, as clients match them.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from jiaozi_node.dag.traverse import Extent, Seen, Visit, descend, measure
from jiaozi_node.dag.walk import Lookup, Walk
from jiaozi_node.errors import Conflict, Corrupt, LimitExceeded, Malformed, Misuse
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.block import Block
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
        check_name(name)
        extent = None
        if mode == RECURSIVE:
            extent = yield from measure(cid)
        self.add(cid, mode, name)
        return extent

    def add(self, cid: Cid, mode: str = RECURSIVE, name: str = "") -> None:
        """Set a pin whose blocks the caller knows to be here.

        A recursive one takes the place of a direct one; the other way round is `AlreadyPinned`.
        """
        check_name(name)
        if mode not in (RECURSIVE, DIRECT):
            raise Misuse(f"a pin is {RECURSIVE} or {DIRECT}, not {mode!r}")
        stood = self._names.get(KIND, cid.raw)
        if stood is not None and mode == DIRECT and pin_of(cid.raw, stood).mode == RECURSIVE:
            raise AlreadyPinned(cid)
        self._names.apply([Change(KIND, cid.raw, _row(mode, name), stood)])

    def rm(self, cid: Cid, recursive: bool = True) -> Pin:
        """Remove the pin of *cid* and return it; a recursive one only with *recursive*."""
        stood = self._names.get(KIND, cid.raw)
        if stood is None:
            raise NotPinned(cid)
        pin = pin_of(cid.raw, stood)
        if pin.mode == RECURSIVE and not recursive:
            raise NotPinned(cid, recursively=True)
        self._names.apply([Change(KIND, cid.raw, None, stood)])
        return pin

    def get(self, cid: Cid) -> Pin | None:
        """Return the pin of *cid*'s own, if it has one."""
        stood = self._names.get(KIND, cid.raw)
        return None if stood is None else pin_of(cid.raw, stood)

    def ls(self, mode: str = ALL) -> Iterator[Pin]:
        """Yield the stored pins, all or those of one *mode*, in byte order of their CIDs."""
        for key, value in self._names.scan(KIND):
            pin = pin_of(key, value)
            if mode in (ALL, pin.mode):
                yield pin

    def find(self, cids: Sequence[Cid], mode: str = ALL) -> Lookup[list[Found]]:
        """Say of each of *cids*, in order, how it is pinned, looking for *mode* alone if given.

        Walks the recursive pins only for those that no pin of their own answers.
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
            yield from self._seek(wanted, answers)
        return [answers.get(cid) or Found(cid, None) for cid in cids]

    def _seek(self, wanted: set[Cid], answers: dict[Cid, Found]) -> Lookup[None]:
        """Walk recursive pins until all of *wanted* were met."""
        seen: Seen = {}
        for pin in self.ls(RECURSIVE):
            walk = descend(pin.cid, fetch_leaves=False, seen=seen)
            sent: Block | None = None
            while wanted:
                try:
                    step = walk.send(sent)
                except StopIteration:
                    break
                sent = None
                if not isinstance(step, Visit):
                    sent = yield step
                elif step.depth and step.cid in wanted:
                    wanted.discard(step.cid)
                    answers[step.cid] = Found(step.cid, INDIRECT, via=pin.cid)
            walk.close()

    def indirect(self) -> Walk[Cid, None]:
        """Yield, each once, the CIDs that only pins above them keep."""
        shown = {pin.cid for pin in self.ls()}
        seen: Seen = {}
        for pin in self.ls(RECURSIVE):
            walk = descend(pin.cid, fetch_leaves=False, seen=seen)
            sent: Block | None = None
            while True:
                try:
                    step = walk.send(sent)
                except StopIteration:
                    break
                sent = None
                if not isinstance(step, Visit):
                    sent = yield step
                elif step.depth and step.cid not in shown:
                    yield step.cid


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
    return Pin(Cid(key), str(row["mode"]), name if isinstance(name, str) else "")
