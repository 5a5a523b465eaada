"""A user's directory held against a tree: what is changed, gone, and not tracked.

A file is hashed only when the stat index doesn't speak for it; what is learnt is left in the index
for the caller to save. Ignore rules count for what isn't tracked, as in git; dotfiles are
files like any other, ``.jiaozi`` is never looked at. An untracked directory is told of as one.
"""

import os
from collections.abc import Iterator
from stat import S_ISLNK, S_ISREG
from struct import error as StructError
from typing import NamedTuple

from jiaozi_node.dag.walk import Get, stream
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import blocks
from jiaozi_node.unixfs.add import symlink
from jiaozi_node.unixfs.changes import Change, Folder, walked
from jiaozi_node.unixfs.directory import values
from jiaozi_node.unixfs.node import Node
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.worktree import names
from jiaozi_node.worktree.entry import PACK_STAT
from jiaozi_node.worktree.ignore import GitRules
from jiaozi_node.worktree.import_tree import Progress, Put, Reader, Sink
from jiaozi_node.worktree.index import NO_STAT, StatIndex, cid_bytes
from jiaozi_node.worktree.scan import Excludes, unread
from jiaozi_node.worktree.seeking import Seek

Parts = tuple[str, ...]

MODIFIED, DELETED, UNTRACKED = "M", "D", "?"

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Difference(NamedTuple):
    """A path at which a directory isn't what a tree says.

    *letter* is M, D or ?. *before* is what the tree has there, *after* what the file hashes to,
    None unless it was modified. *folder* marks an untracked directory, or an empty one that went;
    where `compare` was to tell of those whole, anything that went and isn't a single raw leaf.
    *node* is what was imported of a modified file when `compare` was to keep it.
    """

    parts: Parts
    letter: str
    before: Cid | None
    after: Cid | None
    folder: bool = False
    node: Node | None = None


def compare(
    root: str,
    tree: Cid,
    get: Get,
    profile: Profile,
    index: StatIndex,
    *,
    home: Parts | None = None,
    untracked: bool = True,
    put: Put | None = None,
    progress: Progress | None = None,
    whole: bool = False,
    seek: Seek | None = None,
    unlike: set[bytes] | None = None,
    strict: bool = False,
) -> list[Difference]:
    """Return how the directory *root* differs from *tree*, in byte order of paths.

    *home* is the node home's place below *root*, which is passed over. Files are opened from their
    directories and no symlink is followed. With *put* the blocks of every modified file go there,
    all of them before this returns. With *whole* a directory that went isn't read but told of as
    one. With *seek* only those directories are looked at, the others being what the tree says;
    paths of directories that aren't just that are added to *unlike*. *strict* refuses names that
    may never be tracked, also where they are ignored. Raises `Unreadable`,
    `Vanished`, `Changed`.
    """
    sink = Sink(put)
    with Reader(profile, sink, progress) as reader:
        work = _Comparing(root, get, profile, index, reader, home, untracked, sink, whole, seek)
        work.strict = strict
        top = os.open(root, _FLAGS & ~os.O_NOFOLLOW)
        try:
            work.run(top, tree)
        finally:
            os.close(top)
    sink.flush()
    if unlike is not None:
        unlike |= work.unlike
    return sorted(work.found, key=_order)


class _Comparing:
    """One comparison under way."""

    def __init__(
        self,
        root: str,
        get: Get,
        profile: Profile,
        index: StatIndex,
        reader: Reader,
        home: Parts | None,
        untracked: bool,
        sink: Sink,
        whole: bool,
        seek: Seek | None,
    ) -> None:
        self.unlike: set[bytes] = set()
        self._seek = seek
        self.strict = False
        self.found: list[Difference] = []
        self._sink, self._whole = sink, whole
        self._root, self._get, self._profile = root, get, profile
        self._index, self._reader = index, reader
        self._home, self._untracked = home, untracked

    def run(self, top: int, tree: Cid) -> None:
        """Compare everything below *top*; a stack in place of recursion."""
        # Each: path, what the tree has there, rules above, whether within an ignored directory.
        pending: list[tuple[Parts, Cid, Excludes, bool]] = [((), tree, GitRules(), False)]
        while pending:
            parts, cid, rules, ignored = pending.pop()
            tracked = None
            place = os.fsencode("/".join(parts))
            passing = self._seek is not None and not self._seek.looks(place)
            if passing or self._index.directory(place).tree != cid.raw:
                tracked = self._tracked(cid)
                if tracked is None:  # a file for the tree, a directory on disk
                    self.unlike |= {place, place.rpartition(b"/")[0]}
                    self._gone(parts, cid)
                    if self._untracked and not ignored:
                        self.found.append(Difference(parts, UNTRACKED, None, None, True))
                    continue
            if len(parts) > names.MAX_DEPTH:
                where = names.shown(parts)
                raise LimitExceeded(f"the depth of {where}", names.MAX_DEPTH, len(parts), "names")
            here = _entered(top, parts, self._root)
            try:
                inner = rules.entering(parts, here)
                found = (
                    (tracked or {}).items()
                    if passing
                    else self._directory(here, parts, cid, tracked, inner, ignored)
                )
                for below, raw in found:
                    path = (*parts, below)
                    if self._seek and not self._seek.leads(os.fsencode("/".join(path))):
                        continue
                    inside = ignored or inner.excludes(path, True)
                    pending.append((path, Cid(raw), inner, inside))
            finally:
                os.close(here)

    def _directory(
        self,
        here: int,
        parts: Parts,
        cid: Cid,
        tracked: dict[str, bytes] | None,
        rules: Excludes,
        ignored: bool,
    ) -> list[tuple[str, bytes]]:
        """Compare one directory; return those below it that are still to be compared.

        *tracked* is what the tree's node *cid* holds, None when the index knows it.
        """
        place = os.fsencode("/".join(parts))
        records = self._index.directory(place).records
        expected = records if tracked is None else _expected(tracked, records)
        deeper: list[str] = []
        doubtful: list[tuple[str, os.stat_result]] = []
        strange: list[os.DirEntry[str]] = []
        get, pack = expected.get, PACK_STAT
        met = links = 0
        try:
            with os.scandir(here) as listed:
                for item in listed:
                    record = get(item.name)
                    if record is None:
                        strange.append(item)
                        continue
                    met += 1
                    if item.is_dir(follow_symlinks=False):
                        deeper.append(item.name)
                        continue
                    found = item.stat(follow_symlinks=False)
                    links |= found.st_nlink
                    try:  # `stat_bytes`, spelt out: this is done for every file
                        stat = pack(
                            found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
                        )
                    except StructError:
                        stat = b"?"
                    if not record.startswith(stat):
                        doubtful.append((item.name, found))
        except OSError as fault:
            raise unread(os.path.join(self._root, *parts), fault) from None
        held = expected if tracked is None else tracked
        raw_of = cid_bytes if tracked is None else bytes
        # All is looked up now: what is learnt below goes into these very records.
        below = [(name, raw_of(held[name])) for name in deeper]
        doubts = [((*parts, name), Cid(raw_of(held[name])), found) for name, found in doubtful]
        missing: list[tuple[Parts, Cid]] = []
        if met < len(held):
            there = set(os.listdir(here))
            missing = [
                ((*parts, name), Cid(raw_of(record)))
                for name, record in held.items()
                if name not in there
            ]
        same = [self._file(here, path, was, found) for path, was, found in doubts]
        for path, was in missing:
            self._gone(path, was)
        if self.strict:
            for one in strange:
                if one.name != names.RESERVED and (*parts, one.name) != self._home:
                    names.check(one.name, parts)
        strange = [one for one in strange if not self._is_ours(parts, one.name)]
        if self._untracked and not ignored:
            self._strangers(parts, strange, rules)
        # A file of several names may be changed under another one, which no watch here sees.
        if strange or missing or links > 1 or not all(same):
            self.unlike.add(place)
        if tracked is not None and all(same):
            self._index.directory(place).settle(cid.raw, tracked)
        return below

    def _tracked(self, cid: Cid) -> dict[str, bytes] | None:
        """Return the names and CIDs of the tree's directory *cid*; None for a file."""
        if cid.codec == c.RAW:
            return None
        inline = cid.inline
        block = self._get(cid) if inline is None else Block(cid, inline)
        links, message, raw = blocks.parse(block)
        if raw is None and message.type == unixfs_pb.DIRECTORY:
            return {(name or b"").decode("utf-8", "surrogateescape"): at for at, name, _ in links}
        if raw is None and message.type != unixfs_pb.HAMT_SHARD:
            return None
        return {
            value.name.decode("utf-8", "surrogateescape"): value.cid
            for value in stream(values(cid), self._get)
        }

    def _strangers(self, parts: Parts, met: list["os.DirEntry[str]"], rules: Excludes) -> None:
        """Report what isn't tracked and isn't ignored."""
        for item in met:
            path = (*parts, item.name)
            is_directory = item.is_dir(follow_symlinks=False)
            if not rules.excludes(path, is_directory):
                self.found.append(Difference(path, UNTRACKED, None, None, is_directory))

    def _is_ours(self, parts: Parts, name: str) -> bool:
        """Tell whether it is ``.jiaozi`` or the node home."""
        return names.is_reserved(name) or (*parts, name) == self._home

    def _file(self, here: int, path: Parts, cid: Cid, found: os.stat_result) -> bool:
        """Look into one file or symlink that no record of *cid* fits: is it that still?"""
        name = path[-1]
        node: Node | None = None
        if S_ISREG(found.st_mode):
            at = os.fsencode("/".join(path))
            # It may be known as another file than the tree has; that spares reading, not storing.
            known = None if self._sink.keep else self._index.find(at, found)
            if known is not None:
                now = known.cid
            else:
                place = os.path.join(self._root, *path[:-1])
                node, before = self._reader.file(here, name, place)
                self._index.learn(at, before, node.cid, node.tsize)
                now = node.cid
        elif S_ISLNK(found.st_mode):
            target = os.fsencode(os.readlink(name, dir_fd=here))
            mtime = divmod(found.st_mtime_ns, 1_000_000_000) if self._profile.mtime else None
            made, node = symlink(target, self._profile, mtime)
            self._sink.take(made)
            now = node.cid
        else:  # a pipe, socket or device can't be tracked: what was is gone
            self._gone(path, cid)
            return False
        if now == cid:
            return True
        if self._tracked(cid) is not None:
            self._gone(path, cid)
            self.found.append(Difference(path, UNTRACKED, None, now))
        else:
            self.found.append(Difference(path, MODIFIED, cid, now, node=node))
        return False

    def _gone(self, path: Parts, cid: Cid) -> None:
        """Report every file of the tree at *path* as deleted, and directories that are empty."""
        if self._whole and cid.codec != c.RAW:
            self.found.append(Difference(path, DELETED, cid, None, True))
            return
        walk: Iterator[Change | Folder] = stream(walked(cid, None), self._get)
        for change in walk:
            if isinstance(change, Folder):
                if not change.names:
                    self.found.append(
                        Difference((*path, *change.path), DELETED, change.before, None, True)
                    )
            else:
                self.found.append(Difference((*path, *change.path), DELETED, change.before, None))


def _expected(tracked: dict[str, bytes], records: dict[str, bytes]) -> dict[str, bytes]:
    """Return the records that speak for what is *tracked*, for the rest one that fits no file."""
    return {
        name: record if (record := records.get(name)) and cid_bytes(record) == raw else NO_STAT
        for name, raw in tracked.items()
    }


def _entered(top: int, parts: Parts, root: str) -> int:
    """Open the directory *parts* below *top*, name by name, following no symlink."""
    here = os.open(".", _FLAGS, dir_fd=top)
    for at, name in enumerate(parts, 1):
        try:
            below = os.open(name, _FLAGS, dir_fd=here)
        except OSError as fault:
            raise unread(os.path.join(root, *parts[:at]), fault) from None
        finally:
            os.close(here)
        here = below
    return here


def _order(found: Difference) -> tuple[bytes, str]:
    return os.fsencode("/".join(found.parts)), found.letter
