"""Three-way merge of UnixFS trees: from base, ours and theirs to one tree, and what is in dispute.

Names are walked side by side; what is equal on two sides is not read. What theirs changed and ours
did not becomes an edit of our tree, so only shards on the way to it are touched and the result is
the tree that a fresh add of the merged files makes. File bytes are read only where both sides
changed one file. Nothing is guessed: see ``specs/merge.md``.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from jiaozi_node.dag.walk import Lookup, Need, gather, need
from jiaozi_node.errors import JiaoziError, LimitExceeded
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.unixfs import blocks, compare, directory, read
from jiaozi_node.unixfs.add import add_bytes
from jiaozi_node.unixfs.blocks import NotADirectory, Parsed
from jiaozi_node.unixfs.compare import Keys, Opened, Row
from jiaozi_node.unixfs.directory import EntryMissing
from jiaozi_node.unixfs.edit import edit
from jiaozi_node.unixfs.hamt import Value
from jiaozi_node.unixfs.meta import with_meta
from jiaozi_node.unixfs.node import DIRECTORY, FILE, SYMLINK, Mtime, Node
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.versioning import attributes, conflict, contents, renames
from jiaozi_node.versioning.attributes import Attributes
from jiaozi_node.versioning.conflict import Conflict, Path
from jiaozi_node.versioning.drivers.outcome import Labels
from jiaozi_node.versioning.renames import Renames

MAX_DEPTH: Final = 256  # §2.9: directories below each other
MAX_CONTENT_BYTES: Final = 64 * 1024 * 1024  # §5.1: a larger file is merged as binary

OURS: Final = "ours"
THEIRS: Final = "theirs"

Result = TypeVar("Result")
# Yields needs and new blocks, is handed what was needed.
Work: TypeAlias = Generator[Need | Block, Block | None, Result]
_Meta: TypeAlias = tuple[int | None, Mtime | None]


_LABELS: Final = Labels()


@dataclass(frozen=True, slots=True)
class Options:
    """How to merge. *attributes* None reads ours; *virtual* makes a base of bases (§1.3).

    *favour* is the side, `OURS` or `THEIRS`, for which disputes are decided (§2.11). *unsettled*
    are the paths of a virtual base that stand for a dispute, whatever is there.
    """

    labels: Labels = _LABELS
    attributes: Attributes | None = None
    renames: bool = True
    virtual: bool = False
    favour: str | None = None
    unsettled: frozenset[Path] = frozenset()


DEFAULTS: Final = Options()


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged tree, and what is in dispute in it, in byte order of paths."""

    tree: Cid
    conflicts: tuple[Conflict, ...] = ()


class _Side(NamedTuple):
    """What one side has at a path."""

    value: Value
    kind: str
    parsed: Parsed | Opened | None  # None for a raw leaf, which was not read

    @property
    def cid(self) -> Cid:
        return Cid(self.value.cid)

    @property
    def opened(self) -> Opened | None:
        return self.parsed if isinstance(self.parsed, Opened) else None

    @property
    def meta(self) -> _Meta:
        if self.parsed is None:
            return None, None
        mode = self.parsed.message.mode
        return None if mode is None else mode & 0o7777 or None, self.parsed.message.mtime

    @property
    def content(self) -> object:
        """Whatever of the node isn't its metadata."""
        if self.parsed is None:
            return self.value.cid
        return self.parsed.links, self.parsed.message._replace(mode=None, mtime=None)


def merge(
    base: Cid | None, ours: Cid, theirs: Cid, profile: Profile, options: Options = DEFAULTS
) -> Work[Merged]:
    """Merge the trees *ours* and *theirs*, both made of *base* (None: of nothing).

    Yields new blocks between its needs. All three MUST be made under *profile*. Raises
    `LimitExceeded`, `attributes.BadAttributes`, and whatever a block that is needed and can't be
    had raises.
    """
    if theirs in (ours, base):
        return Merged(ours)
    if ours == base:
        return Merged(theirs)
    return (yield from remembering(_Job(base, ours, theirs, profile, options).run()))


def remembering(work: Work[Result]) -> Work[Result]:
    """Answer needs for blocks that *work* itself made; the caller may store them when it likes."""
    made: dict[Cid, Block] = {}
    try:
        step = next(work)
        while True:
            if isinstance(step, Block):
                made[step.cid] = step
                yield step
                step = next(work)
                continue
            block = made.get(step.cid)
            if block is None:
                try:
                    block = yield step
                except JiaoziError as fault:
                    step = work.throw(fault)
                    continue
            step = work.send(block)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        work.close()


class _Job:
    """One merge under way: the edits of our tree that are known, and the conflicts."""

    def __init__(
        self, base: Cid | None, ours: Cid, theirs: Cid, profile: Profile, options: Options
    ) -> None:
        self.base, self.ours, self.theirs = base, ours, theirs
        self.profile, self.options = profile, options
        self.attributes = options.attributes
        self.edits: dict[Path, Node | None] = {}
        self.conflicts: dict[Path, Conflict] = {}
        # What ours and theirs have at paths in dispute.
        self.values: dict[Path, tuple[Value | None, Value | None]] = {}
        self.replaced: set[Path] = set()  # of those in dispute: by another kind of thing
        self.emptied: list[tuple[Path, Cid]] = []  # ours, where theirs deleted the directory
        self.both_went = False  # both sides changed something alike: it may have been renamed
        self.root = ours

    def run(self) -> Work[Merged]:
        sides = [None if c is None else Value(b"", c.raw, 0) for c in (self.base, self.ours)]
        stack: list[tuple[Path, tuple[Value | None, ...]]] = [
            ((), (*sides, Value(b"", self.theirs.raw, 0)))
        ]
        while stack:
            path, values = stack.pop()
            if len(path) > MAX_DEPTH:
                what = f"depth of the tree below {path[0]!r}"
                raise LimitExceeded(what, MAX_DEPTH, len(path), "names")
            rows = yield from self._at(path, *values)
            rows.sort(reverse=True)
            for name, below in rows:
                stack.append(((*path, name.decode("utf-8", "surrogateescape")), below))
        if self.options.renames:
            yield from self._follow_renames()
        if self.options.favour is not None:
            self._decide(self.options.favour)
        yield from self._drop_emptied()
        if self.options.virtual:
            yield from self._mark_virtual()
        tree = self.root
        if self.edits:
            tree = (yield from edit(self.root, self.edits, self.profile)).cid
        return Merged(tree, tuple([self.conflicts[at] for at in sorted(self.conflicts, key=_key)]))

    # ------------------------------------------------------------------- the rules (§2)

    def _at(
        self, path: Path, base: Value | None, ours: Value | None, theirs: Value | None
    ) -> Work[list[Row]]:
        """Decide one path; return the names below that are still to be decided."""
        b, o, t = (value and value.cid for value in (base, ours, theirs))
        if t in (b, o):
            return []
        if o == b:
            self._take(path, theirs)
            return []
        was = yield from _look(base)
        mine = yield from _look(ours)
        their = yield from _look(theirs)
        dirs = [side is not None and side.kind == DIRECTORY for side in (was, mine, their)]
        if not path and not (dirs[1] and dirs[2]):
            raise NotADirectory(self.theirs if dirs[1] else self.ours)
        if mine is None or their is None:
            alone = mine or their
            if alone is None or was is None:
                return []  # unreachable: two sides without it are equal
            if (alone.kind == DIRECTORY) is not dirs[0]:
                # One deleted what the other replaced by another kind of thing: no dispute, unless
                # the file that went on both sides has moved on one, or was in dispute already.
                self.both_went = self.both_went or not dirs[0]
                if path in self.options.unsettled:
                    self._dispute(path, conflict.FILE_DIRECTORY, was, mine, their)
                elif mine is None:
                    self._take(path, theirs)
                return []
            if not dirs[0]:
                if alone.kind != was.kind:  # what became a symlink, or was one, isn't edited
                    self.replaced.add(path)
                self._dispute(path, conflict.MODIFY_DELETE, was, mine, their)
                return []
            if mine is not None:
                self.emptied.append((path, mine.cid))
        elif dirs[1] is not dirs[2]:
            self._dispute(path, conflict.FILE_DIRECTORY, was, mine, their)
            return []
        elif not dirs[1]:
            yield from self._file(path, was, mine, their)
            return []
        else:
            yield from self._directory_meta(path, was if dirs[0] else None, mine, their)
        opened = [side and side.opened for side in (was, mine, their)]
        return (yield from gather(compare.differing(opened, self._skip)))

    def _skip(self, keys: Keys) -> bool:
        base, ours, theirs = keys
        if theirs == base:
            return True
        if theirs == ours:
            self.both_went = self.both_went or base is not None
            return True
        return False

    def _take(self, path: Path, value: Value | None) -> None:
        self.edits[path] = None if value is None else _node(value)

    def _dispute(
        self,
        path: Path,
        kind: str,
        base: _Side | None,
        ours: _Side | None,
        theirs: _Side | None,
    ) -> None:
        b, o, t = (side and side.cid for side in (base, ours, theirs))
        self.conflicts[path] = Conflict(path, kind, b, o, t)
        self.values[path] = ours and ours.value, theirs and theirs.value

    # --------------------------------------------------------------- files (§2.4, §5)

    def _file(self, path: Path, was: _Side | None, mine: _Side, their: _Side) -> Work[None]:
        base = was if was is not None and was.kind != DIRECTORY else None
        kind = conflict.BOTH_ADDED if base is None else conflict.BOTH_MODIFIED
        merged = meta, agreed = _merged_meta(base, mine, their, self.options.favour)
        if mine.content == their.content or (base and their.content == base.content):
            chosen = mine
        elif base and mine.content == base.content:
            chosen = their
        elif any(side is not None and side.kind == SYMLINK for side in (base, mine, their)):
            self._dispute(path, kind, was, mine, their)
            return
        else:
            yield from self._contents(path, base, mine, their, merged, kind)
            return
        if not agreed:
            self._dispute(path, conflict.MODE, was, mine, their)
        value = chosen.value
        if chosen.meta != meta and chosen.parsed is not None:
            value = yield from with_meta(chosen.value, chosen.parsed, self.profile, *meta)
        if value.cid != mine.value.cid:
            self._take(path, value)

    def _contents(
        self,
        path: Path,
        base: _Side | None,
        mine: _Side,
        their: _Side,
        merged: tuple[_Meta, bool],
        kind: str,
    ) -> Work[None]:
        """Ask the path's driver to merge what both sides changed."""
        meta, agreed = merged
        if self.attributes is None:
            self.attributes = yield from _read_attributes(self.ours)
        driver = self.attributes.driver(path)
        if driver.name in ("ours", "theirs"):
            if driver.name == "theirs":
                self._take(path, their.value)
            return
        outcome = None
        if driver.name != "binary":
            was = b"" if base is None else (yield from _bytes(base))
            ours = yield from _bytes(mine)
            theirs = yield from _bytes(their)
            if was is not None and ours is not None and theirs is not None:
                outcome = contents.merge(
                    driver, was, ours, theirs, self.options.labels, self.options.favour
                )
        if outcome is not None:
            made, node = add_bytes(outcome.data, self.profile, *meta)
            yield from made
            if node.cid != mine.cid:
                self.edits[path] = node
            if outcome.clean:
                if not agreed:
                    self._dispute(path, conflict.MODE, base, mine, their)
                return
        self._dispute(path, kind, base, mine, their)
        if outcome is not None:
            marked = not outcome.cells
            self.conflicts[path] = replace(self.conflicts[path], marked=marked, cells=outcome.cells)

    def _directory_meta(
        self, path: Path, was: _Side | None, mine: _Side, their: _Side
    ) -> Work[None]:
        """Merge mode and mtime of a directory that stands on both sides (§2.6)."""
        if mine.meta == their.meta or mine.parsed is None:
            return
        meta, agreed = _merged_meta(was, mine, their, self.options.favour)
        if not agreed:
            self._dispute(path, conflict.MODE, was, mine, their)
        if meta == mine.meta:
            return
        value = yield from with_meta(mine.value, mine.parsed, self.profile, *meta)
        if path:
            self.edits[path] = _node(value)
        else:
            self.root = Cid(value.cid)

    # --------------------------------------------------------------- renames (§3)

    def _follow_renames(self) -> Work[None]:
        deleted = any(c.kind == conflict.MODIFY_DELETE for c in self.conflicts.values())
        if not self.both_went and not deleted:
            return
        empty = add_bytes(b"", self.profile, keep=False)[1].cid
        mine = renames.exact((yield from gather(compare.files(self.base, self.ours))), empty)
        their = renames.exact((yield from gather(compare.files(self.base, self.theirs))), empty)
        for old, (ours, theirs) in self.values.items():
            if self.conflicts[old].kind != conflict.MODIFY_DELETE or old in self.replaced:
                continue
            mover, editor = (mine, self.theirs) if ours is None else (their, self.ours)
            new = mover.moved.get(old)
            if new is None or new in self.conflicts or (yield from _stands(editor, new)):
                continue
            del self.conflicts[old]
            self._take(new, theirs if ours is None else ours)
            if ours is not None:
                self._take(old, None)
        self._both_renamed(mine, their)

    def _both_renamed(self, mine: Renames, their: Renames) -> None:
        for old in sorted(mine.gone.keys() & their.gone.keys(), key=_key):
            cid = mine.gone[old]
            ours, theirs = mine.moved.get(old), their.moved.get(old)
            if ours == theirs:
                continue
            if ours and theirs:
                self.conflicts[old] = Conflict(
                    old, conflict.BOTH_RENAMED, cid, renamed=(ours, theirs)
                )
            elif ours and cid not in their.come:
                self.conflicts.setdefault(ours, Conflict(ours, conflict.MODIFY_DELETE, cid, cid))
            elif theirs and cid not in mine.come:
                deleted = Conflict(theirs, conflict.MODIFY_DELETE, cid, None, cid)
                self.conflicts.setdefault(theirs, deleted)

    # --------------------------------------------------------------- the rest

    def _decide(self, favour: str) -> None:
        """Decide what is still in dispute for one side (§2.11)."""
        for found in self.conflicts.values():
            path, there = found.path, found.ours if favour == OURS else found.theirs
            if found.renamed:
                path, there = found.renamed[favour == OURS], None
                if path in self.conflicts:
                    continue
            if there is None and favour == OURS:
                self.edits.pop(path, None)
            elif there is None:
                self._take(path, None)
            elif favour == THEIRS and path in self.values:
                self._take(path, self.values[path][1])
        self.conflicts.clear()

    def _drop_emptied(self) -> Lookup[None]:
        """Delete our directories that theirs deleted and of which nothing is left (§2.5)."""
        kept = {
            path[:depth]
            for path, node in self.edits.items()
            if node is not None
            for depth in range(len(path) + 1)
        }
        for path, cid in sorted(self.emptied, key=lambda item: len(item[0]), reverse=True):
            entries = yield from gather(directory.entries(cid))
            below = [(*path, entry.name) for entry in entries]
            if path not in kept and all(self.edits.get(at, self) is None for at in below):
                for at in below:
                    del self.edits[at]
                self.edits[path] = None

    def _mark_virtual(self) -> Work[None]:
        """Put something that equals neither side where a virtual base is in dispute (§1.3)."""
        for path, found in self.conflicts.items():
            if found.marked or not path:
                continue
            for at in [at for at in self.edits if at[: len(path)] == path]:
                del self.edits[at]
            text = f"jiaozi: in dispute between merge bases: {found.ours} {found.theirs}\n"
            made, node = add_bytes(text.encode(), self.profile)
            yield from made
            self.edits[path] = node


def _look(value: Value | None) -> Lookup[_Side | None]:
    if value is None:
        return None
    cid = Cid(value.cid)
    if cid.codec == RAW:
        return _Side(value, FILE, None)
    block = yield from need(cid)
    opened = Opened.of(block)
    if opened is not None:
        return _Side(value, DIRECTORY, opened)
    parsed = blocks.parse(block)
    kind = SYMLINK if parsed.message.type == unixfs_pb.SYMLINK else FILE
    return _Side(value, kind, parsed)


def _node(value: Value) -> Node:
    # Of what `edit` is given, it puts CID and Tsize into the directory and looks at nothing else.
    return Node(Cid(value.cid), value.tsize, FILE, 0)


def _merged_meta(
    base: _Side | None, ours: _Side, theirs: _Side, favour: str | None
) -> tuple[_Meta, bool]:
    """Return the merged mode and mtime, and whether the mode is beyond dispute (§2.6)."""
    (mode, mtime), (their_mode, their_mtime) = ours.meta, theirs.meta
    was: tuple[Any, Any] = ((), ()) if base is None else base.meta
    agreed = True
    if mode == was[0]:
        mode = their_mode
    elif their_mode not in (mode, was[0]):
        agreed = favour is not None
        if favour == THEIRS:
            mode = their_mode
    if mtime == was[1]:
        mtime = their_mtime
    elif their_mtime not in (mtime, was[1]):
        mtime = max((time for time in (mtime, their_mtime) if time is not None), default=None)
    return (mode, mtime), agreed


def _bytes(side: _Side) -> Lookup[bytes | None]:
    """Read a file; None for one too large to be merged by content."""
    if (
        isinstance(side.parsed, Parsed)
        and read.file_bytes(side.cid, side.parsed) > MAX_CONTENT_BYTES
    ):
        return None
    parts: list[memoryview] = yield from gather(read.read(side.cid))
    return b"".join(parts)


def _stands(root: Cid, path: Path) -> Lookup[bool]:
    """Tell whether the tree at *root* has anything at *path*, or a file on the way there."""
    at = root
    for name in path:
        try:
            at = (yield from directory.lookup(at, name)).cid
        except EntryMissing:
            return False
        except NotADirectory:
            return True
    return True


def _read_attributes(root: Cid) -> Lookup[Attributes]:
    try:
        entry = yield from directory.lookup(root, attributes.FILE_NAME)
    except EntryMissing:
        return Attributes()
    found = yield from _look(Value(b"", entry.cid.raw, 0))
    if found is None or found.kind != FILE:
        return Attributes()
    length = attributes.MAX_FILE_BYTES + 1
    parts: list[memoryview] = yield from gather(read.read(entry.cid, 0, length))
    return attributes.parse(b"".join(parts))


def _key(path: Path) -> list[bytes]:
    return [name.encode("utf-8", "surrogateescape") for name in path]
