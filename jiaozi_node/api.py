"""The Python library: repositories, versions and files, without a command line.

::

    import jiaozi_node as jiaozi

    with jiaozi.open(".") as repo:
        repo.add("data.csv")
        made = repo.commit("what I did")
        with repo["main:data.csv"].open() as file:
            ...

It stands on what the commands stand on and has no rules of its own: the same acts, the same
refusals, the families of `jiaozi_node.errors`. Results are frozen values.

**The home.** `open` and `init` take the node home's lock, which one process has at a time; `close`,
or the end of a ``with``, lets it go. Meanwhile commands and other processes wait up to ten seconds
for it and then give up (`Locked`), so hold a repository no longer than you need it. Several
repositories of one process may be open together: they share their home. Where ``jiaozi daemon``
holds the home all go through it, and nobody waits.

**Threads.** All that is open on one home may be used by any thread: calls take turns, reads of
files one block at a time. One open file is for one thread at a time.
"""

import io
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, overload

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import (
    Conflict,
    Corrupt,
    JiaoziError,
    LimitExceeded,
    Locked,
    Malformed,
    Misuse,
    NotFound,
    Refused,
    Unavailable,
)
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.node import (
    archiving,
    branches,
    diffing,
    ending,
    hooked,
    hooks,
    listing,
    logs,
    merging,
    recording,
    resolving,
    restoring,
    row_diffing,
    tagging,
)
from jiaozi_node.node import repository as repositories
from jiaozi_node.node.branches import Branch, Switched
from jiaozi_node.node.diffing import Delta
from jiaozi_node.node.home import Home, home_path
from jiaozi_node.node.locate import locate
from jiaozi_node.node.logs import Told as Version
from jiaozi_node.node.merging import Outcome as Merged
from jiaozi_node.node.opening import open_home, open_or_make_home
from jiaozi_node.node.repository import Committed
from jiaozi_node.node.restoring import Restored
from jiaozi_node.node.row_diffing import Read as TableRead
from jiaozi_node.node.staging import Staged
from jiaozi_node.node.status import StagedChange, Status, status
from jiaozi_node.node.tagging import Named as Tag
from jiaozi_node.stores.atomic import replacing
from jiaozi_node.unixfs import file as files
from jiaozi_node.unixfs import resolve
from jiaozi_node.unixfs.blocks import IsDirectory, NotADirectory
from jiaozi_node.unixfs.node import DIRECTORY, FILE, SYMLINK
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.versioning import history, merges
from jiaozi_node.versioning.conflict import Conflict as Dispute
from jiaozi_node.versioning.patch import CONTEXT, Patch
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.row_diff import Told as TableChange

__all__ = [
    "Branch",
    "Cid",
    "Committed",
    "Conflict",
    "Corrupt",
    "Delta",
    "Dispute",
    "Entry",
    "Head",
    "JiaoziError",
    "LimitExceeded",
    "Locked",
    "Malformed",
    "Merged",
    "Misuse",
    "NotFound",
    "Patch",
    "Refused",
    "Repository",
    "Restored",
    "Staged",
    "StagedChange",
    "Status",
    "Switched",
    "TableChange",
    "TableRead",
    "Tag",
    "Unavailable",
    "Version",
    "init",
    "open",
]

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Head:
    """Where a working copy stands: its branch, None when detached, and commit, None before any."""

    branch: str | None
    commit: Cid | None


def open(path: PathLike = ".", *, home: PathLike | None = None) -> "Repository":
    """Open the working copy that holds *path*.

    *home* is the node home, by default $JIAOZI_PATH or the usual place. Raises `NotFound` where
    there is none or no working copy, `Locked` when another process keeps the home for ten seconds.
    """
    held = _hold(_place(home), make=False)
    try:
        with held.lock:
            return Repository(held, repositories.Repository.at(held.home, path).root)
    except BaseException:
        held.let_go()
        raise


def init(
    directory: PathLike = ".",
    *,
    profile: str | None = None,
    name: str | None = None,
    branch: str = "main",
    home: PathLike | None = None,
) -> "Repository":
    """Make *directory* a working copy of a new repository, and the home where there is none.

    A working copy that is there already is opened as it is. Raises `Conflict` when it has another
    *profile* than the one asked for, or *name* is another repository's on this node.
    """
    held = _hold(_place(home), make=True)
    try:
        with held.lock:
            made, _new = repositories.Repository.init(
                held.home,
                Path(directory),
                profile=profile,
                alias=name,
                branch=branch,
                now=int(time.time()),
            )
            return Repository(held, made.root)
    except BaseException:
        held.let_go()
        raise


class Repository:
    """A repository and a working copy of it, open until `close`; see `open` and `init`.

    Paths are absolute, or below the root of the working copy, wherever the process stands. A
    *revision* is what commands take: ``main``, ``HEAD~2``, ``v1``, ``main@{yesterday}``, a CID.
    """

    def __init__(self, held: "_Held", root: str) -> None:
        """For `open` and `init`."""
        self._held: _Held | None = held
        self.root = Path(root)
        with self._turn() as me:
            self.id, self.name, self.profile = me.id, me.alias, me.profile.name

    def __repr__(self) -> str:
        state = "" if self._held is not None else ", closed"
        return f"<jiaozi repository {self.name!r} at {str(self.root)!r}{state}>"

    def __enter__(self) -> "Repository":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the home go; harmless when repeated. Files that are open can't be read any more."""
        held, self._held = self._held, None
        if held is not None:
            held.let_go()

    # ---- reading -------------------------------------------------------------------------

    def __getitem__(self, what: str) -> "Entry":
        """Return what stands at ``REV:path``, ``REV`` (its tree), ``CID[/path]`` or ``/ipfs/…``.

        Raises `NotFound` when there is no such thing.
        """
        with self._turn() as me:
            found = locate(me.home, lambda: str(self.root), what)
            return self._entry(found.name, found.cid)

    @property
    def head(self) -> Head:
        """Where HEAD stands now."""
        with self._turn() as me:
            return Head(me.head.branch, me.head_commit())

    def resolve(self, revision: str) -> Cid:
        """Return the CID of the commit that *revision* means."""
        with self._turn() as me:
            return me.resolve(revision)

    def status(self, *, untracked: bool = True) -> Status:
        """Tell what is staged, changed, in dispute and, unless left out, not tracked."""
        with self._turn() as me:
            return status(me, untracked=untracked)

    def log(
        self,
        *revisions: str,
        paths: Sequence[PathLike] = (),
        max_count: int | None = None,
        first_parent: bool = False,
        every: bool = False,
        since: int | None = None,
        until: int | None = None,
    ) -> tuple[Version, ...]:
        """Return the commits that *revisions* (HEAD) stand on, newest first.

        Only those that touched any of *paths*, if given; of all branches and tags with *every*;
        *since* and *until* are Unix seconds. Raises `NotFound` where a parent isn't here.
        """
        with self._turn() as me:
            wanted = logs.Wanted(
                revisions,
                every=every,
                paths=self._within(me, paths),
                first_parent=first_parent,
                most=max_count,
                since=since,
                until=until,
            )
            out = []
            for found in logs.log(me, wanted):
                if isinstance(found, history.Absent):
                    raise history.ParentMissing(found.cid, found.child)
                out.append(found)
            return tuple(out)

    def diff(
        self,
        *revisions: str,
        staged: bool = False,
        paths: Sequence[PathLike] = (),
        renames: bool = True,
        find_copies: bool = False,
    ) -> tuple[Delta, ...]:
        """Return the files that differ between two revisions; from one, or the stage, to the files.

        With *staged* to the stage, from HEAD or a revision. `lines` and `rows` tell more of each.
        """
        with self._turn() as me:
            return tuple(
                diffing.between(
                    me,
                    diffing.ends(me, revisions, staged=staged),
                    within=self._within(me, paths),
                    renames=renames,
                    find_copies=find_copies,
                )
            )

    def lines(self, delta: Delta, context: int = CONTEXT) -> Patch:
        """Compare the two sides of a difference line by line, as a patch for ``git apply``."""
        with self._turn() as me:
            return diffing.lines(me, delta, context)

    def rows(
        self,
        *revisions: str,
        key: Sequence[str] | None = None,
        staged: bool = False,
        paths: Sequence[PathLike] = (),
    ) -> tuple[tuple[Delta, tuple[TableRead | TableChange, ...]], ...]:
        """Return what `diff` does, and of each table columns, rows and cells (specs/diff.md §5).

        *key* names the columns that tell rows apart, else ``.jiaoziattributes`` does; without one
        whole rows come and go.
        """
        with self._turn() as me:
            ends = diffing.ends(me, revisions, staged=staged)
            rules = row_diffing.rules(me, ends)
            return tuple(
                (delta, tuple(row_diffing.rows(me, delta, rules, key)))
                for delta in diffing.between(me, ends, within=self._within(me, paths))
            )

    def archive(
        self,
        what: str,
        file: PathLike,
        *,
        format: str | None = None,
        prefix: str = "",
        full_history: bool = False,
    ) -> int:
        """Write a version to *file*, all of it or nothing; return how many bytes.

        *format* is "tar", "zip" or "car", else what the name ends in, else tar.
        """
        with self._turn() as me:
            place = Path(self.root, file)
            form = archiving.format_of(format, str(place))
            found = locate(me.home, lambda: str(self.root), what)
            pieces = archiving.archive(
                me.home, found, form, prefix=prefix, full_history=full_history
            )
            with replacing(place) as out:
                return sum(map(out.write, pieces))

    # ---- recording -----------------------------------------------------------------------

    def add(self, *paths: PathLike, force: bool = False, dry_run: bool = False) -> Staged:
        """Stage files and directories as they are now; what went is removed.

        With *force* ignored ones too; with *dry_run* nothing is written. Raises `NotFound` for a
        path that neither exists nor is tracked.
        """
        if not paths:
            raise Misuse("say what to add: '.' is the whole working copy")
        with self._turn() as me:
            return me.stage([self._full(path) for path in paths], force=force, dry_run=dry_run)

    def add_tracked(self) -> Staged:
        """Stage every tracked file that changed or went, and nothing new."""
        with self._turn() as me:
            return me.stage_tracked()

    def commit(
        self,
        message: str | None = None,
        *,
        author: str | None = None,
        every: bool = False,
        amend: bool = False,
        allow_empty: bool = False,
        authored: int | None = None,
        meta: Mapping[str, Any] | None = None,
        sign: str | None = None,
        verify: bool = True,
    ) -> Committed:
        """Record the stage as a version.

        *author* is "Name <mail>", else who the configuration names; *every* stages all tracked
        files first; *authored* is when the work was done, in Unix seconds; *sign* is the name of a
        key, "" the usual one; *verify* False leaves the hook pre-commit out. Raises `Conflict` when
        nothing is staged or a hook says no, `Misuse` without a message where one is needed.
        """
        wish = recording.Wish(
            message, author, every, amend, allow_empty, authored, meta or {}, sign, verify
        )
        with self._turn() as me:
            try:
                me, made = recording.record(me, wish, os.environ, time.time, _unsaid)
                held = hooks.post_commit(me, made, os.environ, _unsaid)
            except Locked:  # somebody took the home while a hook ran
                self._lost()
                raise
            if not held:
                self._lost()
            return made

    def branches(self) -> tuple[Branch, ...]:
        """Return all branches in order of names."""
        with self._turn() as me:
            return tuple(branches.listed(me))

    def branch(self, name: str, start: str | None = None) -> Branch:
        """Make a branch at *start*, or HEAD; the working copy stays where it is."""
        with self._turn() as me:
            note = self._note(me, f"branch: created from {start or 'HEAD'}")
            return branches.create(me, name, start, note)

    def delete_branch(self, name: str, *, force: bool = False) -> Branch:
        """Delete a branch; unless *force*, raises `Refused` when HEAD lacks a commit of it."""
        with self._turn() as me:
            note = self._note(me, f"branch: deleted {name}")
            return branches.delete(me, name, note, force=force)

    def switch(
        self,
        target: str,
        *,
        create: bool = False,
        start: str | None = None,
        detach: bool = False,
    ) -> Switched:
        """Go to a branch ("-": the one before), a new one at *start*, or *detach* at any revision.

        Files that differ are written, never over what isn't committed (`Refused`).
        """
        with self._turn() as me:
            who = str(me.author(None, os.environ, _unsaid))
            return branches.switch(
                me, target, who, int(time.time()), create=create, start=start, detach=detach
            )

    def tags(self) -> tuple[Tag, ...]:
        """Return all tags in order of names."""
        with self._turn() as me:
            return tuple(tagging.listed(me))

    def tag(self, name: str, revision: str = "HEAD", message: str | None = None) -> Tag:
        """Give *revision* a tag; with a *message* one that records who gave it, when and why."""
        with self._turn() as me:
            note = self._note(me, f"tag: {revision}")
            tagger = me.author(None, os.environ, _unsaid) if message else None
            return tagging.create(me, name, revision, note, message or None, tagger)

    def delete_tag(self, name: str) -> Tag:
        """Delete a tag; what it named stays."""
        with self._turn() as me:
            return tagging.delete(me, name, self._note(me, f"tag: deleted {name}"))

    def merge(
        self,
        revision: str,
        *,
        message: str | None = None,
        ff_only: bool = False,
        no_ff: bool = False,
        commit: bool = True,
        favour: Literal["ours", "theirs"] | None = None,
        verify: bool = True,
    ) -> Merged:
        """Merge a version into HEAD; `conflicts` of the result are what is in dispute.

        Disputes are settled by `add` or `settle`, and the merge ends by `commit` or `abort_merge`.
        *favour* decides them for one side; *verify* False leaves the hook pre-commit out. Raises
        `Conflict` when a hook says no, and the merge is under way then.
        """
        wish = merging.Wish(
            revision,
            message,
            only_forward=ff_only,
            never_forward=no_ff,
            commit=commit,
            favour=favour,
        )
        with self._turn() as me:
            author = me.author(None, os.environ, _unsaid)
            around, now = hooked.Around(os.environ, _unsaid, verify), int(time.time())
            try:
                merged, ours = hooked.merge(me, me.resolve(revision), author, now, wish, around)
            except Locked:  # somebody took the home while a hook ran
                self._lost()
                raise
            if not ours:
                self._lost()
            return merged

    def conflicts(self) -> tuple[Dispute, ...]:
        """Return what is in dispute and not settled, in order of paths."""
        with self._turn() as me:
            return resolving.in_dispute(me)

    def settle(self, *paths: PathLike, side: Literal["ours", "theirs"]) -> tuple[Dispute, ...]:
        """Settle all that is in dispute at or below *paths* for one side; return what that was."""
        with self._turn() as me:
            note = self._note(me, f"resolve: {side}")
            return resolving.for_side(me, self._within(me, paths), side, note)

    def abort_merge(self) -> int:
        """Bring files, stage and HEAD back to before the merge; return how many files it wrote."""
        with self._turn() as me:
            return ending.abort(me, merges.MERGE, self._note(me, "merge: aborted"))

    def restore(
        self, *paths: PathLike, source: str | None = None, staged: bool = False
    ) -> Restored:
        """Bring files back to the stage or *source*; with *staged* the stage back to HEAD or it."""
        with self._turn() as me:
            tree = None if source is None else diffing.tree_of(me, source)
            act = restoring.restore_stage if staged else restoring.restore_files
            return act(me, self._within(me, paths), tree)

    # ---- within --------------------------------------------------------------------------

    @contextmanager
    def _turn(self) -> Iterator[repositories.Repository]:
        """Open the repository for one act, others of this home waiting; raises `Misuse` if closed.

        It is read anew each time: another process may have run in a hook of ours.
        """
        with self._open().lock:
            yield repositories.Repository.at(self._open().home, self.root)

    def _open(self) -> "_Held":
        if self._held is None or self._held.lost:
            raise Misuse(f"the repository at {self.root} is closed")
        return self._held

    def _lost(self) -> None:
        if self._held is not None:
            self._held.lost = True

    def _get(self, cid: Cid) -> Block:
        with self._open().lock:
            return self._open().home.blocks.get(cid)

    def _entry(self, name: str, cid: Cid) -> "Entry":
        """Return what *cid* is; a raw block isn't read for that."""
        if cid.codec == RAW and cid.inline is None:
            with self._open().lock:
                return Entry(name, FILE, self._open().home.blocks.size(cid), cid, self)
        found = run(stat(cid), self._get)
        return Entry(name, found.kind, found.file_bytes, cid, self)

    def _full(self, path: PathLike) -> str:
        text = os.fspath(path)
        if not text:
            raise Misuse("an empty path names nothing; '.' is the root of the working copy")
        return os.path.join(self.root, text)

    def _within(
        self, me: repositories.Repository, paths: Sequence[PathLike]
    ) -> tuple[tuple[str, ...], ...]:
        if isinstance(paths, str):
            raise Misuse(f"paths are a list: write paths=[{paths!r}]")
        return tuple([diffing.parts_of(me, self._full(path)) for path in paths])

    def _note(self, me: repositories.Repository, why: str) -> Note:
        return Note(str(me.author(None, os.environ, _unsaid)), why, int(time.time()))


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, directory or symlink of a version.

    *size* is a file's in bytes, 0 of a directory. Directories are iterated, and ``entry / "name"``
    is what they hold. Two of one name and CID are equal, whichever repository they are from.
    """

    name: str
    kind: str
    size: int
    cid: Cid
    _repository: Repository = field(repr=False, compare=False)

    @property
    def is_file(self) -> bool:
        """Whether it has content to read."""
        return self.kind == FILE

    @property
    def is_directory(self) -> bool:
        """Whether it holds entries."""
        return self.kind == DIRECTORY

    @property
    def is_symlink(self) -> bool:
        """Whether it leads elsewhere; links are never followed."""
        return self.kind == SYMLINK

    @property
    def target(self) -> str | None:
        """Where a symlink leads; None for anything else."""
        if self.kind != SYMLINK:
            return None
        return os.fsdecode(run(stat(self.cid), self._repository._get).target or b"")

    def __iter__(self) -> Iterator["Entry"]:
        """Yield the entries of a directory, in byte order of names."""
        self._check_directory()
        for found in listing.listed(self.cid, self._repository._get):
            yield Entry(*found, self._repository)

    def __truediv__(self, name: str) -> "Entry":
        """Return the entry *name*, or the one at a path of names; raises `NotFound`."""
        self._check_directory()
        parts = tuple(name.split("/"))
        found = run(resolve.resolve(resolve.Path(self.cid, parts)), self._repository._get)
        return self._repository._entry(parts[-1], found.cid)

    @overload
    def open(self, mode: Literal["rb"] = "rb") -> io.BufferedReader: ...

    @overload
    def open(
        self,
        mode: Literal["r", "rt"],
        encoding: str = "utf-8",
        errors: str | None = None,
        newline: str | None = None,
    ) -> io.TextIOWrapper: ...

    def open(
        self,
        mode: str = "rb",
        encoding: str = "utf-8",
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open a file to be read: as bytes, or as text with "r".

        It can be sought in, and only blocks that are read from are fetched. Every block is checked
        against its hash. It can be read as long as the repository is open.
        """
        if mode not in ("rb", "r", "rt"):
            raise Misuse(f"mode {mode!r}: a version can only be read, as 'rb' or 'r'")
        if self.kind == DIRECTORY:
            raise IsDirectory(self.cid)
        if self.kind == SYMLINK:
            raise Misuse(f"{self.name!r} is a symlink to {self.target!r}")
        binary = files.opened(self.cid, self.size, self._repository._get)
        return binary if mode == "rb" else io.TextIOWrapper(binary, encoding, errors, newline)

    def read_bytes(self) -> bytes:
        """Return the whole content."""
        with self.open() as file:
            return file.read()

    def read_text(self, encoding: str = "utf-8", errors: str | None = None) -> str:
        """Return the whole content as text."""
        with self.open("r", encoding, errors) as file:
            return file.read()

    def _check_directory(self) -> None:
        if self.kind != DIRECTORY:
            raise NotADirectory(self.cid)


class _Held:
    """A home that repositories of this process have open, and how many."""

    def __init__(self, home: Home, place: str) -> None:
        self.home, self.place = home, place
        self.lock = threading.RLock()
        self.count = 1
        self.lost = False

    def let_go(self) -> None:
        with _opening:
            self.count -= 1
            if self.count == 0:
                del _homes[self.place]
                with self.lock:
                    if not self.lost:
                        self.home.close()


_opening = threading.Lock()
_homes: dict[str, _Held] = {}


def _hold(path: Path, *, make: bool) -> _Held:
    """Open the home at *path*, or share it where this process has it open already."""
    with _opening:
        place = os.path.realpath(path)
        held = _homes.get(place)
        if held is not None:
            held.count += 1
            return held
        home = open_or_make_home(path)[0] if make else open_home(path)
        held = _homes[place] = _Held(home, place)
        return held


def _place(home: PathLike | None) -> Path:
    return home_path(os.environ) if home is None else Path(home)


def _unsaid(_note: str) -> None:
    """A library says nothing of its own accord."""
