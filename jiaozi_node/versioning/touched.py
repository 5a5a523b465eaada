"""Which paths a commit touched, and which commits of a history touched given paths.

A path is touched where what stands at it has another CID than before. For each commit the paths
that differ from its first parent may be remembered, exactly; a commit that touched many is asked
anew each time. A history is narrowed as git narrows it by default: a commit that is equal at the
paths to one of its parents isn't shown, and of such a merge only that parent is followed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from jiaozi_node.dag.walk import Lookup, Walk, gather
from jiaozi_node.errors import NotFound
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs import compare, resolve
from jiaozi_node.versioning import moves
from jiaozi_node.versioning.history import ParentMissing
from jiaozi_node.versioning.order import Load, Narrowed, Outline

MAX_PATHS: Final = 512  # of one commit that are remembered

Parts: TypeAlias = tuple[str, ...]
Fits: TypeAlias = Callable[[str], object]  # whether a path, with slashes, is one of those wanted


class Remembers(Protocol):
    """Keeps for commits the paths that they touched; forgetting costs time only."""

    def paths(self, cid: Cid) -> "Paths | None":
        """Return what is remembered of the commit *cid*, or None."""
        ...

    def learn(self, found: Outline, paths: "Paths") -> None:
        """Remember the commit *found* and its paths."""
        ...


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths at which a commit differs from its first parent; *text* None: too many to keep.

    *text* holds a NUL before and behind each path at which nothing below differs; the directories
    above such a path differ too.
    """

    text: bytes | None

    def touch(self, path: Parts) -> bool | None:
        """Tell whether *path*, which isn't the root, was touched; None when that isn't known."""
        if self.text is None:
            return None
        name = b"\0" + _bytes(path)
        return name + b"\0" in self.text or name + b"/" in self.text

    def fit(self, fits: "Sequence[Fits]") -> bool:
        """Tell whether a path that is kept fits any of *fits*."""
        if not fits or not self.text:
            return False
        names = [name.decode("utf-8", "surrogateescape") for name in self.text.split(b"\0") if name]
        return any(fit(name) for fit in fits for name in names)


def paths(before: Cid | None, after: Cid) -> Lookup[Paths]:
    """Find at which paths two trees differ, reading no more than that takes."""
    if before == after:
        return Paths(b"")
    out: list[bytes] = []
    stack: list[tuple[bytes, Cid | None, Cid | None]] = [(b"", before, after)]
    while stack:
        path, old, new = stack.pop()
        if path.count(b"/") >= compare.MAX_DEPTH:
            return Paths(None)
        was, now = (yield from compare.opened(old)), (yield from compare.opened(new))
        most = MAX_PATHS - len(out) - len(stack)
        rows = None
        if was is not None or now is not None:
            rows = yield from _some(compare.differing((was, now), _equal), most)
            if rows is None or any(b"/" in row.name or b"\0" in row.name for row in rows):
                return Paths(None)
        for name, sides in rows or ():
            one, other = [None if side is None else Cid(side.cid) for side in sides]
            stack.append((path + b"/" + name if path else name, one, other))
        if not rows:
            out.append(path)
            if len(out) > MAX_PATHS:
                return Paths(None)
    return Paths(b"".join(b"\0" + path for path in sorted(out)) + b"\0")


def entry(tree: Cid | None, path: Parts) -> Lookup[Cid | None]:
    """Return what stands at *path* of *tree*, or None."""
    if tree is None:
        return None
    try:
        return (yield from resolve.resolve(resolve.Path(tree, path))).cid
    except BlockMissing:
        raise
    except NotFound:
        return None


@dataclass(slots=True)
class Touching:
    """Narrows a history to what touched any of *wanted*; () is the root, touched by every change.

    Files that fit any of *fits* are wanted too. *bottoms* are the commits that were named to be
    left out, and *without* all that are left out. With *empty*, the CID of the empty file (which
    moves nowhere), what is wanted is followed through commits that moved it unchanged.
    """

    wanted: tuple[Parts, ...]
    load: Load
    memory: Remembers
    first_parent: bool = False
    bottoms: frozenset[Cid] = frozenset()
    without: frozenset[Cid] = frozenset()
    empty: Cid | None = None
    fits: tuple[Fits, ...] = ()
    names: dict[Cid, tuple[Parts, ...]] = field(default_factory=dict)  # what is followed, by commit
    _done: dict[Cid, Narrowed] = field(default_factory=dict)

    def narrow(self, found: Outline) -> Lookup[Narrowed]:
        """Tell whether *found* touched the paths and which parents to go on with."""
        known = self._done.pop(found.cid, None)
        return (yield from self._narrow(found)) if known is None else known

    def drawn(self, parents: Iterable[Cid], child: Cid) -> Lookup[tuple[Cid, ...]]:
        """Return the nearest shown ancestors in the place of *parents*, each once."""
        out: list[Cid] = []
        for parent in parents:
            cid: Cid | None = parent
            while cid is not None:
                try:
                    found = yield from self.load(cid, child, ())
                except ParentMissing:
                    cid = None
                    break
                known = self._done.get(cid)
                if known is None:
                    self._done[cid] = known = yield from self._narrow(found)
                if known.shown:
                    break
                cid = next((one for one in known.parents if one not in self.without), None)
            if cid is not None and cid not in out:
                out.append(cid)
        return tuple(out)

    def _narrow(self, found: Outline) -> Lookup[Narrowed]:
        wanted = self.names.get(found.cid, self.wanted)
        parents = found.parents[:1] if self.first_parent else found.parents
        if not parents:
            if self.memory.paths(found.cid) is None:
                self.memory.learn(found, Paths(None))
            return Narrowed((), (yield from self._differ(None, found.tree, wanted)))
        relevant = changed_from_relevant = changed = False
        for at, parent in enumerate(parents):
            counts = parent not in self.without or parent in self.bottoms
            relevant = relevant or counts
            if (yield from self._touches(found, parent, wanted, first=not at)):
                changed = True
                changed_from_relevant = changed_from_relevant or counts
            elif counts:
                self._pass(wanted, parent)
                return Narrowed((parent,), False)
        for parent in parents:
            if self.empty is not None:
                names = yield from self._before(found, parent, wanted, self.empty)
                self._pass(names, parent)
        return Narrowed(parents, changed_from_relevant if relevant else changed)

    def _pass(self, names: tuple[Parts, ...], parent: Cid) -> None:
        if self.empty is not None:
            before = self.names.get(parent, ())
            self.names[parent] = (*before, *(name for name in names if name not in before))

    def _touches(
        self, found: Outline, parent: Cid, wanted: Sequence[Parts], *, first: bool
    ) -> Lookup[bool]:
        if first:
            known = self.memory.paths(found.cid)
            if known is None:
                known = yield from self._learn(found, parent)
            if known is not None and known.text is not None:
                touched = (known.touch(path) if path else bool(known.text) for path in wanted)
                return any(touched) or known.fit(self.fits)
        before = yield from self._tree(parent, found.cid)
        return (yield from self._differ(before, found.tree, wanted))

    def _learn(self, found: Outline, parent: Cid) -> Lookup[Paths | None]:
        """Find and remember what *found* touched; None where that needs blocks that aren't here."""
        before = yield from self._tree(parent, found.cid)
        if before is None:
            return None
        try:
            known = yield from paths(before, found.tree)
        except BlockMissing:
            return None
        self.memory.learn(found, known)
        return known

    def _before(
        self, found: Outline, parent: Cid, wanted: tuple[Parts, ...], empty: Cid
    ) -> Lookup[tuple[Parts, ...]]:
        """Return what *wanted* was called in *parent*: who came is sought among those that went."""
        before = yield from self._tree(parent, found.cid)
        names = []
        for path in wanted:
            came = (yield from entry(before, path)) is None
            if came and (yield from entry(found.tree, path)) is not None:
                pairs: list[compare.Pair] = yield from gather(compare.files(before, found.tree))
                move = moves.found(pairs, (), empty).get(path)
                path = path if move is None or move.copied else move.source
            names.append(path)
        return tuple(names)

    def _tree(self, parent: Cid, child: Cid) -> Lookup[Cid | None]:
        """Return the tree of *parent*; None when it isn't here, as if nothing had been before."""
        try:
            return (yield from self.load(parent, child, ())).tree
        except ParentMissing:
            return None

    def _differ(self, before: Cid | None, after: Cid, wanted: Sequence[Parts]) -> Lookup[bool]:
        """Tell whether two trees differ at what is wanted."""
        if before == after:
            return False
        for path in wanted:
            if not path or (yield from entry(before, path)) != (yield from entry(after, path)):
                return True
        if not self.fits:
            return False
        pairs: list[compare.Pair] = yield from gather(compare.files(before, after))
        names = ["/".join(pair.path) for pair in pairs]
        return any(fit(name) for fit in self.fits for name in names)


def _some(walk: Walk[compare.Row, None], most: int) -> Lookup[list[compare.Row] | None]:
    """Return all that *walk* yields, or None once it is more than *most*."""
    out: list[compare.Row] = []
    sent: Block | None = None
    while True:
        try:
            step = walk.send(sent)
        except StopIteration:
            return out
        if isinstance(step, compare.Row):
            out.append(step)
            sent = None
            if len(out) > most:
                walk.close()
                return None
        else:
            sent = yield step


def _equal(keys: compare.Keys) -> bool:
    return keys[0] == keys[1]


def _bytes(path: Parts) -> bytes:
    return "/".join(path).encode("utf-8", "surrogateescape")
