"""What `add` does: files of a working copy become blocks, and the stage's tree is edited.

A path is replaced by what stands there now; a path that went is removed. Tracked files stay
tracked whatever the ignore rules say, as in git. The stat index spares hashing, never storing: a
file is skipped only when its CID stands at that path in the stage already (design §3).
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass
from stat import S_ISDIR
from typing import Any

from jiaozi_node.dag.walk import Lookup, gather, run, stream
from jiaozi_node.errors import Conflict, Misuse, NotFound
from jiaozi_node.formats import cid as c
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores import many
from jiaozi_node.stores.api import BlockMissing, BlockStore, Family
from jiaozi_node.unixfs import directory, resolve
from jiaozi_node.unixfs.changes import changes
from jiaozi_node.unixfs.edit import edit
from jiaozi_node.unixfs.node import DIRECTORY, FILE, Node
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.worktree import names
from jiaozi_node.worktree.compare import UNTRACKED, compare
from jiaozi_node.worktree.ignore import GitRules
from jiaozi_node.worktree.import_tree import Spared, import_tree
from jiaozi_node.worktree.index import StatIndex
from jiaozi_node.worktree.link import INDEX_NAME, place_below, rest
from jiaozi_node.worktree.scan import Excludes

Parts = tuple[str, ...]
Progress = Callable[[int, int], None]

MAX_APART = 500  # entries that came, beyond which all are imported together

NOWHERE: frozenset[Parts] = frozenset()


class Ignored(Conflict):
    """A path given by name is one that the ignore rules pass over."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is ignored by .jiaoziignore; add it with -f")
        self.path = path


class NotTracked(NotFound):
    """A path that is neither on disk nor in the stage."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: no such file, and nothing of that name is tracked")
        self.path = path


class Outside(Misuse):
    """A path that doesn't lie in the working copy."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path} can't be tracked: {why}")
        self.path = path


@dataclass(frozen=True, slots=True)
class Staged:
    """The new stage: its tree, the paths set with their CIDs, and those removed.

    *within* are the paths that were looked at, with all below them.
    """

    tree: Cid
    added: tuple[tuple[str, Cid], ...]
    removed: tuple[str, ...]
    within: tuple[Parts, ...] = ((),)


class Staging:
    """One act of staging in the working copy *root*; with *dry_run* nothing is written.

    *home* is the node home: where it lies in the working copy it is no part of it.
    """

    def __init__(
        self,
        store: BlockStore,
        root: str,
        home: str | os.PathLike[str],
        profile: Profile,
        progress: Progress,
        *,
        dry_run: bool,
    ) -> None:
        self._store, self._root, self._profile = store, root, profile
        self._progress, self._dry_run = progress, dry_run
        self._home = place_below(root, os.path.realpath(home))
        # Directories and inner nodes of a dry run, which the store never sees.
        self._aside: dict[bytes, Block] = {}

    def of_paths(
        self, paths: Sequence[str], tree: Cid, *, force: bool, disputed: Set[Parts] = NOWHERE
    ) -> Staged:
        """Stage *paths* over *tree*. All are checked before the first is read.

        Of *disputed* paths, and what is above them, nothing needs to be there or tracked.
        """
        wanted = [(path, self._parts(path)) for path in paths]
        known = {path[:depth] for path in disputed for depth in range(1, len(path) + 1)}
        for path, parts in wanted:
            if not os.path.lexists(path):
                if parts not in known:
                    self._tracked_or(NotTracked(path), parts, tree)
            elif not force and self._is_ignored(parts, os.path.isdir(path)):
                self._tracked_or(Ignored(path), parts, tree)
        new = tree
        with self._writing() as put, self._index() as index:
            for path, parts in wanted:
                if not os.path.lexists(path):
                    if self._find(new, parts) is not None:
                        new = self._edited(new, {parts: None}, put)
                    continue
                if not parts and not force and (all_ := self._compared(tree, put, index)):
                    new = all_
                    continue
                node = self._imported(path, parts, tree, put, index, force=force)
                new = node.cid if not parts else self._edited(new, {parts: node}, put)
        return self._staged(tree, new, tuple([parts for _path, parts in wanted]))

    def of_tracked(self, tree: Cid) -> Staged:
        """Stage every tracked file as it is now, and the removal of those that went."""
        with self._writing() as put, self._index() as index:
            differing = compare(
                self._root,
                tree,
                self._get,
                self._profile,
                index,
                home=self._home,
                untracked=False,
                put=put,
                progress=self._progress,
            )
            found = {
                one.parts: one.node
                for one in differing
                if one.letter != UNTRACKED and not one.folder
            }
            new = self._edited(tree, found, put) if found else tree
        return self._staged(tree, new)

    def of_files(self, places: Iterable[Parts], tree: Cid) -> Cid:
        """Return *tree* with what stands at *places* now; directories are passed over."""
        found: dict[Parts, Node | None] = {}
        with self._writing() as put, self._index() as index:
            for parts in places:
                path = os.path.join(self._root, *parts)
                above = os.path.dirname(path)
                if os.path.realpath(above) != above or _is_directory(path):
                    continue
                known = self._find(tree, parts)
                node = self._now(parts, known, put, index)
                if (node and node.cid) != known:
                    found[parts] = node
            return self._edited(tree, found, put) if found else tree

    def of_file(self, path: str) -> Node:
        """Import the file or symlink at *path*, wherever that is."""
        if _is_directory(path):
            raise Misuse(f"{path} is a directory")
        with self._writing() as put:
            return _finished(import_tree(path, self._profile, put))

    @staticmethod
    def files_bytes(store: BlockStore, cids: Sequence[Cid]) -> int:
        """Return the UnixFS sizes of all files and symlinks; raw blocks aren't even read."""
        raw = [cid for cid in cids if cid.codec == c.RAW]
        others = [cid for cid in cids if cid.codec != c.RAW]
        return sum(many.sizes(store, raw)) + sum(
            [run(stat(cid), store.get).file_bytes for cid in others]
        )

    # ---- reading the directory -----------------------------------------------------------

    def _imported(
        self, path: str, parts: Parts, tree: Cid, put: "Put", index: StatIndex, *, force: bool
    ) -> Node:
        """Import what stands at *path* now."""
        if not S_ISDIR(os.lstat(path).st_mode):
            found = self._now(parts, self._find(tree, parts), put, index)
            if found is None:
                raise NotTracked(path)
            return found
        under = _Under(self, tree, parts)
        rules: Excludes = GitRules() if not force else GitRules(file_name=None)
        for depth in range(len(parts)):  # rules of the directories above count too
            rules = _entered(rules, self._root, parts[:depth])
        prefix = os.fsencode("/".join((*parts, ""))) if parts else b""
        return _finished(
            import_tree(
                path,
                self._profile,
                put,
                rules=_Tracked(_Based(rules, parts), under, rest(self._home, parts), parts),
                spared=Spared(index, prefix, under.stands),
                progress=self._progress,
            )
        )

    def _compared(self, tree: Cid, put: "Put", index: StatIndex) -> Cid | None:
        """Return what importing the whole working copy gives, importing what differs from *tree*.

        None where that isn't quicker, or directories have modes or times of their own.
        """
        if self._profile.mode or self._profile.mtime or not self._entries(tree):
            return None
        differing = compare(
            self._root,
            tree,
            self._get,
            self._profile,
            index,
            home=self._home,
            put=put,
            progress=self._progress,
            whole=True,
            strict=True,
        )
        come = [one.parts for one in differing if one.letter == UNTRACKED]
        if len(come) > MAX_APART:
            return None
        found = {one.parts: one.node for one in differing if one.letter != UNTRACKED}
        gone = [parts for parts, node in found.items() if node is None]
        for parts in dict.fromkeys((*come, *gone)):
            path = os.path.join(self._root, *parts)
            if os.path.lexists(path):  # of what is gone: there is what can't be tracked
                found[parts] = self._imported(path, parts, tree, put, index, force=False)
        return self._edited(tree, found, put) if found else tree

    def _now(self, parts: Parts, known: Cid | None, put: "Put", index: StatIndex) -> Node | None:
        """Import the one file or symlink at *parts*; None when none is there any more."""
        path = os.path.join(self._root, *parts)
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if S_ISDIR(found.st_mode):
            return None
        key = os.fsencode("/".join(parts))
        spared = index.find(key, found)
        if spared is not None and spared.cid == known:
            return Node(spared.cid, spared.tsize, FILE, found.st_size)
        return _finished(
            import_tree(
                path,
                self._profile,
                put,
                spared=Spared(index, key, lambda _parts, cid: cid == known),
                progress=self._progress,
            )
        )

    def _parts(self, path: str) -> Parts:
        return place_of(path, self._root, self._home)

    def _is_ignored(self, parts: Parts, is_directory: bool) -> bool:
        rules: Excludes = GitRules()
        for depth in range(len(parts)):
            rules = _entered(rules, self._root, parts[:depth])
            last = depth + 1 == len(parts)
            if rules.excludes(parts[: depth + 1], is_directory or not last):
                return True
        return False

    @contextmanager
    def _index(self) -> Iterator[StatIndex]:
        """Open the stat index; what it learnt is kept when all went well."""
        path = os.path.join(self._root, names.RESERVED, INDEX_NAME)
        with closing(StatIndex(path, repr(self._profile))) as index:
            yield index
            if not self._dry_run:
                index.save()

    # ---- the tree ------------------------------------------------------------------------

    def _get(self, cid: Cid) -> Block:
        return self._aside.get(cid.multihash) or self._store.get(cid)

    @contextmanager
    def _writing(self) -> Iterator["Put"]:
        if self._dry_run:
            yield self.put_aside
        else:
            with self._store.writer(Family.OWN) as writer:
                yield writer.put

    def put_aside(self, blocks: Sequence[Block]) -> None:
        """Let *blocks* be read by this act without storing them."""
        for block in blocks:
            if block.cid.codec != c.RAW:
                self._aside[block.cid.multihash] = block

    def _edited(self, tree: Cid, what: Mapping[Parts, Node | None], put: "Put") -> Cid:
        made: list[Node] = []

        def noting() -> Generator[Any, Block | None, None]:
            made.append((yield from edit(tree, what, self._profile)))

        for block in stream(noting(), self._get):
            put((block,))
        return made[0].cid

    def _find(self, tree: Cid, parts: Parts) -> Cid | None:
        try:
            return run(resolve.resolve(resolve.Path(tree, parts)), self._get).cid
        except BlockMissing:
            raise
        except NotFound:
            return None

    def _tracked_or(self, fault: Conflict | NotFound, parts: Parts, tree: Cid) -> None:
        """Raise *fault* unless something is tracked at *parts*."""
        if not parts or self._find(tree, parts) is None:
            raise fault

    def _entries(self, cid: Cid) -> dict[str, Cid]:
        """Return the entries of the directory at *cid*; nothing for a file."""

        def lookup() -> Lookup[dict[str, Cid]]:
            if cid.codec == c.RAW or (yield from stat(cid)).kind != DIRECTORY:
                return {}
            found = yield from gather(directory.entries(cid))
            return {entry.name: entry.cid for entry in found}

        return run(lookup(), self._get)

    def _staged(self, before: Cid, after: Cid, within: tuple[Parts, ...] = ((),)) -> Staged:
        added: list[tuple[str, Cid]] = []
        removed: list[str] = []
        for change in stream(changes(before, after), self._get):
            path = "/".join(change.path)
            if change.after is not None:
                added.append((path, change.after))
            else:
                removed.append(path)
        return Staged(after, tuple(added), tuple(removed), within)


Put = Callable[[Sequence[Block]], None]


def place_of(path: str, root: str, home: Parts | None) -> Parts:
    """Return the names that lead from *root* to *path*; raises `Outside`, `UnsafeName`.

    *home* is the node home's place below the root, if it is there: it is no part of it.
    """
    if "\0" in path:
        raise Outside(path, "it contains NUL")
    full = os.path.abspath(path)
    is_root = full == root
    # The root was found by its real path; the way to it may have gone by a symlink. One that lies
    # within it and leads back to it is an entry like any other.
    if os.path.commonpath((full, root)) != root:
        is_root = os.path.realpath(full) == root
        above = os.path.realpath(os.path.dirname(full))
        full = os.path.join(above, os.path.basename(full))
    if is_root and home != ():
        return ()
    if os.path.commonpath((full, root)) != root:
        raise Outside(path, f"it is not in the working copy {root}")
    parts = tuple(os.path.relpath(full, root).split(os.sep))
    for depth in range(1, len(parts)):
        if os.path.islink(os.path.join(root, *parts[:depth])):
            raise Outside(path, "it is beyond a symbolic link")
    if rest(parts, home) is not None:
        raise Outside(path, "it belongs to the node home, which holds private keys")
    for part in parts:
        names.check(part)
    return parts


class _Under:
    """What the stage holds below a directory that is being imported, read as it is entered."""

    def __init__(self, staging: Staging, tree: Cid, base: Parts) -> None:
        self._staging = staging
        top = staging._find(tree, base)
        self._known: dict[Parts, dict[str, Cid]] = {(): staging._entries(top) if top else {}}

    def at(self, parts: Parts) -> Cid | None:
        """Return the CID at *parts* below the directory, or None."""
        return self.below(parts[:-1]).get(parts[-1]) if parts else None

    def below(self, parts: Parts) -> dict[str, Cid]:
        """Return the entries of the directory *parts*."""
        found = self._known.get(parts)
        if found is None:
            cid = self.at(parts)
            found = self._known[parts] = self._staging._entries(cid) if cid else {}
        return found

    def stands(self, parts: Parts, cid: Cid) -> bool:
        """Tell whether *cid* is what the stage has at *parts*."""
        return self.at(parts) == cid


@dataclass(frozen=True, slots=True)
class _Based:
    """Ignore rules of a working copy, asked about paths below the directory *base* in it."""

    rules: Excludes
    base: Parts

    def excludes(self, parts: Parts, is_directory: bool) -> bool:
        """See `scan.Excludes`."""
        return self.rules.excludes((*self.base, *parts), is_directory)

    def entering(self, parts: Parts, directory: int) -> "_Based":
        """See `scan.Excludes`."""
        return _Based(self.rules.entering((*self.base, *parts), directory), self.base)


@dataclass(frozen=True, slots=True)
class _Tracked:
    """Ignore rules that let through what is tracked, and of an ignored directory only that.

    *home*, the node home's place below the directory, is never let through.
    """

    rules: Excludes
    under: _Under
    home: Parts | None
    above: Parts  # the directory's own place, to name what is refused
    inside_ignored: bool = False

    def excludes(self, parts: Parts, is_directory: bool) -> bool:
        """See `scan.Excludes`."""
        if parts[-1] == names.RESERVED or parts == self.home:
            return True
        above = (*self.above, *parts[:-1])
        names.check(parts[-1], above)  # another spelling of .jiaozi is refused, not left out
        ignored = self.inside_ignored or self.rules.excludes(parts, is_directory)
        return ignored and self.under.at(parts) is None

    def entering(self, parts: Parts, directory: int) -> "_Tracked":
        """See `scan.Excludes`."""
        inside = self.inside_ignored or bool(parts and self.rules.excludes(parts, True))
        rules = self.rules.entering(parts, directory)
        return _Tracked(rules, self.under, self.home, self.above, inside)


def _entered(rules: Excludes, root: str, parts: Parts) -> Excludes:
    descriptor = os.open(os.path.join(root, *parts), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return rules.entering(parts, descriptor)
    finally:
        os.close(descriptor)


def _is_directory(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _finished(importing: Generator[Any, None, Node]) -> Node:
    """Run an import to its end and return its node."""
    while True:
        try:
            next(importing)
        except StopIteration as stop:
            node: Node = stop.value
            return node
