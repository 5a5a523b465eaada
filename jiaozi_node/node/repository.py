"""A repository as its user has it: staged, committed, read; commands and the library stand on this.

Only this process touches the user's directory. Blocks are durable before a row names them, and a
row moves by compare-and-swap, so of two that act at once one is told (design §3, §5).
"""

import copy
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from jiaozi_node.dag.walk import run, stream
from jiaozi_node.errors import Conflict, Malformed, Misuse, NotFound
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.acts import acting
from jiaozi_node.node.home import Home
from jiaozi_node.node.identity import identify
from jiaozi_node.stores.api import Change, Family
from jiaozi_node.unixfs import changes as differences
from jiaozi_node.unixfs import profile as profiles
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import history, rows
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.merges import Merges
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.refname import HEADS, TAGS
from jiaozi_node.versioning.refs import Refs
from jiaozi_node.versioning.repositories import AliasTaken, Repositories
from jiaozi_node.versioning.repositories import Repository as Row
from jiaozi_node.versioning.stages import Stages
from jiaozi_node.versioning.workingcopies import Head, WorkingCopies, WorkingCopy
from jiaozi_node.worktree import link as links
from jiaozi_node.worktree.link import Link, Place

if TYPE_CHECKING:  # loaded by the acts that need them: half of a short command is starting up
    from jiaozi_node.node.committing import How
    from jiaozi_node.node.staging import Staged, Staging
    from jiaozi_node.versioning.revision import Places

INTENTS = "intents"  # specs/names.md §3: what was under way when a process ended
DEFAULT_PROFILE = "unixfs-v1-2025"  # design §1


class NothingStaged(Conflict):
    """There is nothing to commit; said with git's hint."""

    def __init__(self, branch: str | None) -> None:
        where = f"on branch {branch}" if branch else "on a detached HEAD"
        super().__init__(
            f"{where}: nothing added to commit (use 'jiaozi add' to stage, or commit with -a)"
        )


class Unsettled(Conflict):
    """A working copy was moved, or an act in it cut short; its own process puts that right."""

    def __init__(self, root: str) -> None:
        super().__init__(f"{root} was moved or copied, or a switch in it was cut short")
        self.root = root


class OtherProfile(Conflict):
    """A working copy exists and its repository has another profile than the one asked for."""

    def __init__(self, root: str, has: str, asked: str) -> None:
        super().__init__(f"{root} is a working copy with profile {has}, not {asked}")
        self.has, self.asked = has, asked


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that was made: its CID, itself, and the branch it moved (None when detached)."""

    cid: Cid
    commit: Commit
    branch: str | None


class Repository:
    """One repository of *home*, and the working copy at *root*."""

    def __init__(self, home: Home, row: Row, copy: WorkingCopy, root: str) -> None:
        self.home = home
        self.id, self.alias = row.id, row.alias
        self.profile: Profile = profiles.named(row.profile)
        self.root = root
        self.copy_id = copy.id
        self.refs = Refs(home.names, row.id)
        self.copies = WorkingCopies(home.names)
        self.stages = Stages(home.names)
        self.merges = Merges(home.names)

    # ---- opening -------------------------------------------------------------------------

    @classmethod
    def init(
        cls,
        home: Home,
        directory: Path,
        *,
        profile: str | None,
        alias: str | None,
        branch: str,
        now: int,
    ) -> tuple["Repository", bool]:
        """Make *directory* a working copy of a new repository; tell whether it was made.

        A working copy that is there already is opened as it is. The link in the directory is
        written last: without it, what else was made harms nobody.
        """
        recipe = profiles.named(profile or DEFAULT_PROFILE)
        directory.mkdir(parents=True, exist_ok=True)
        root = os.path.realpath(directory)
        try:
            links.read(root)
        except links.NoWorkingCopy:
            pass
        else:
            found = cls.at(home, root)
            if profile is not None and found.profile != recipe:
                raise OtherProfile(root, found.profile.name, recipe.name)
            return found, False
        id_ = new_id(home)
        copy = WorkingCopy(links.new_id(), id_, root, os.stat(root).st_ino, Head(branch=branch))
        row = add_rows(home, id_, alias, root, recipe.name, branch, copy, now)
        links.write(Link(root, id_, copy.id))
        return cls(home, row, copy, root), True

    @classmethod
    def at(
        cls, home: Home, start: str | os.PathLike[str], told: Place | None = None
    ) -> "Repository":
        """Open the working copy that holds *start*; raises `NoWorkingCopy`.

        A directory that was moved takes its row along; a copy of one gets an id of its own and
        starts detached at the same commit (design §3). *told* says where another process stands:
        then nothing in the directory is touched, and `Unsettled` raised when that must be done.
        """
        place = told or links.place(start)
        link, inode = place.link, place.inode
        if link is None:
            raise links.NoWorkingCopy(os.fspath(start))
        copies = WorkingCopies(home.names)
        copy = copies.get(link.working_copy)
        if (copy.path, copy.inode) != (link.root, inode):
            if told is not None:
                raise Unsettled(link.root)
            if _still_there(copy):
                new_id = links.new_id()
                copy = copies.copied(copy.id, new_id, link.root, inode)
                links.write(Link(link.root, link.repository, new_id))
            else:
                copy = copies.place(copy.id, link.root, inode)
        found = cls(home, Repositories(home.names).get(copy.repository), copy, link.root)
        if home.names.get(INTENTS, rows.key(copy.id)) is not None:
            if told is not None:
                raise Unsettled(link.root)
            # Slow to load, and only after a switch or merge that was cut short.
            from jiaozi_node.node import moving

            moving.resume(found)
        return found

    # ---- what is where -------------------------------------------------------------------

    @property
    def head(self) -> Head:
        """Where HEAD stands now."""
        return self.copies.get(self.copy_id).head

    def head_commit(self) -> Cid | None:
        """The commit that HEAD stands for; None before the first."""
        return self.copies.commit(self.copy_id)

    def commit_at(self, cid: Cid) -> Commit:
        """Return the commit whose block is *cid*."""
        return history.decode(self.home.blocks.get(cid))

    def resolve(self, text: str, now: Callable[[], float] = time.time) -> Cid:
        """Return the CID of the commit that the revision *text* means (specs/refs.md §6)."""
        from jiaozi_node.versioning import revision

        walk = revision.resolve(revision.parse(text), self.places(now))
        return run(walk, self.home.blocks.get).cid

    def places(self, now: Callable[[], float] = time.time) -> "Places":
        """Return where revisions are looked up; dates in them are read by the clock *now*."""
        from jiaozi_node.versioning import revision

        def when(text: str) -> int:
            # Slow to load, and only for a date.
            from jiaozi_node.node.clock import SystemZone
            from jiaozi_node.versioning import dates

            return dates.parse(text, int(now()), SystemZone())

        moves = partial(self.copies.reflog, self.copy_id)
        return revision.Places(self.refs, self.head, moves=moves, when=when)

    def decorations(self) -> dict[Cid, list[str]]:
        """Return the names that point at each commit: HEAD, branches, tags."""
        out: dict[Cid, list[str]] = {}
        head, at = self.head, self.head_commit()
        if at is not None:
            shown = f"HEAD -> {head.branch}" if head.branch else "HEAD"
            out[at] = [shown]
        for name, target in self.refs.list():
            if name.family == HEADS and name.name != head.branch:
                out.setdefault(target, []).append(name.name)
            elif name.family == TAGS:
                try:
                    target = run(history.peel(target), self.home.blocks.get).cid
                except (NotFound, Malformed):
                    continue  # a tag of a directory, or one whose commit isn't here
                out.setdefault(target, []).append(f"tag: {name.name}")
        return out

    def author(
        self, option: str | None, environ: Mapping[str, str], note: Callable[[str], None]
    ) -> Agent:
        """Return who commits: *option* ("Name <mail>"), config, git's config, the login name.

        A login name is said through *note*, once: not when HEAD's commit has that author too.
        """
        config = self.home.config
        name, email = config.find("user.name"), config.find("user.email")
        for key, value in (("user.name", name), ("user.email", email)):
            if not isinstance(value, str | None):
                raise Misuse(f"{key} in the configuration is not text: {value!r:.40}")
        agent, source = identify(option, name, email, environ)
        if source == "login":
            head = self.head_commit()
            if head is None or self.commit_at(head).author != agent:
                note(
                    f"author {agent.name!r} is the login name; "
                    "'jiaozi ipfs config user.name NAME' sets another"
                )
        return agent

    def head_tree(self) -> Cid:
        """Return HEAD's tree; an empty one, stored, before the first commit."""
        head = self.head_commit()
        if head is not None:
            return self.commit_at(head).tree
        return self.empty_tree()

    def staged_tree(self) -> Cid:
        """Return the tree of the stage; HEAD's where nothing was ever staged, else an empty one."""
        staged = self.stages.get(self.copy_id)
        return staged if staged is not None else self.head_tree()

    # ---- acting --------------------------------------------------------------------------

    def stage(
        self,
        paths: Sequence[str],
        *,
        dry_run: bool = False,
        force: bool = False,
        progress: Callable[[int, int], None] = lambda _files, _bytes: None,
    ) -> "Staged":
        """Stage *paths*, absolute or under the present directory; a path that went is removed.

        What is in dispute there is settled by it.

        With *dry_run* nothing is written. Raises `NotFound` for a path that neither exists nor is
        tracked, `Misuse` for one outside the working copy.
        """
        with self.acting() as me:
            before = me.stages.get(me.copy_id)
            staging = me.staging(progress, dry_run=dry_run)
            if dry_run and before is None and me.head_commit() is None:
                empty = me._empty_tree()
                staging.put_aside((empty,))
                tree = empty.cid
            else:
                tree = me.staged_tree()
            disputed = frozenset[tuple[str, ...]]()
            if me.merges.get(me.copy_id) is not None:
                from jiaozi_node.node import settling

                disputed = settling.disputed(me)
            staged = staging.of_paths(paths, tree, force=force, disputed=disputed)
            return me._keep(before, staged, dry_run)

    def stage_tracked(
        self, progress: Callable[[int, int], None] = lambda _files, _bytes: None
    ) -> "Staged":
        """Stage what changed or went of all that is tracked; nothing new (``commit -a``)."""
        with self.acting() as me:
            before = me.stages.get(me.copy_id)
            staged = me.staging(progress, dry_run=False).of_tracked(me.staged_tree())
            return me._keep(before, staged, dry_run=False)

    def check_staged(self) -> None:
        """Raise `NothingStaged` when a commit would change nothing."""
        staged = self.stages.get(self.copy_id)
        head = self.head_commit()
        tree = None if head is None else self.commit_at(head).tree
        if staged is None or staged == (tree or self._empty_tree().cid):
            raise NothingStaged(self.head.branch)

    def commit(
        self,
        message: str,
        author: Agent,
        now: int,
        tz_minutes: int | None = None,
        how: "How | None" = None,
    ) -> Committed:
        """Record the stage as a version and move the branch to it.

        *now* is Unix seconds; the zone is the system's unless given. Raises `NothingStaged`,
        `HeadMoved` or `StageMoved` when another process was faster.
        """
        from jiaozi_node.node.committing import USUAL

        with self.acting() as me:
            return me._commit(message, author, now, tz_minutes, how or USUAL)

    def _commit(
        self, message: str, author: Agent, now: int, tz_minutes: int | None, how: "How"
    ) -> Committed:
        from jiaozi_node.node import committing

        old = self.head_commit()
        kind = "commit" if old is not None else "commit (initial)"
        kind = "commit (amend)" if how.amend else kind
        under = self.merges.get(self.copy_id)
        if under is not None:
            author, how, kind = committing.concluding(self, under, author, how)
        if not (how.amend or how.allow_empty or how.parents):
            self.check_staged()
        staged = self.stages.get(self.copy_id)
        tree = self.staged_tree()
        made = committing.made(self, tree, message, author, now, tz_minutes, how)
        block = commits.encode(made)
        with self.home.blocks.writer(Family.OWN) as writer:
            writer.put([block])
        note = Note(str(author), f"{kind}: {made.subject}", now)
        also = [self.stages.setting(self.copy_id, staged, tree)]
        if under is not None:
            also.append(self.merges.setting(self.copy_id, under, under.after(block.cid)))
        self.copies.advance(self.copy_id, old, block.cid, note, also)
        return Committed(block.cid, made, self.head.branch)

    def changed(self, before: Cid | None, after: Cid | None) -> Iterable[differences.Change]:
        """Yield what differs between two trees; None is an empty one."""
        return stream(differences.changes(before, after), self.home.blocks.get)

    # ---- within --------------------------------------------------------------------------

    @contextmanager
    def acting(self) -> Iterator["Repository"]:
        """Begin an act: what the repository yielded writes is kept until the ``with`` ends."""
        with acting(self.home) as act:
            me = copy.copy(self)
            me.home = act
            yield me

    def staging(
        self,
        progress: Callable[[int, int], None] = lambda _files, _bytes: None,
        *,
        dry_run: bool = False,
    ) -> "Staging":
        """Return what stages files of this working copy; all within one act."""
        from jiaozi_node.node.staging import Staging

        home = self.home
        return Staging(home.blocks, self.root, home.path, self.profile, progress, dry_run=dry_run)

    def _keep(self, before: Cid | None, staged: "Staged", dry_run: bool) -> "Staged":
        if not dry_run:
            self.restage(before, staged.tree, staged.within)
        return staged

    def restage(self, before: Cid | None, tree: Cid, within: Sequence[tuple[str, ...]]) -> None:
        """Move the stage from *before* to *tree*; what is in dispute *within* is settled by it.

        The blocks must be stored, in this very act.
        """
        settled = None
        if self.merges.get(self.copy_id) is not None:
            from jiaozi_node.node import settling

            settled = settling.settled_within(self, within)
        if settled is not None:
            moved = self.stages.setting(self.copy_id, before, tree)
            self.home.names.apply((moved, settled))
        elif tree != before:
            self.stages.cas(self.copy_id, before, tree)

    def empty_tree(self) -> Cid:
        """Return the tree of nothing, which is stored."""
        empty = self._empty_tree()
        with self.home.blocks.writer(Family.OWN) as writer:
            writer.put([empty])
        return empty.cid

    def _empty_tree(self) -> Block:
        from jiaozi_node.unixfs.build import DirectoryBuilder

        blocks, node = DirectoryBuilder(self.profile).end()
        return next(block for block in blocks if block.cid == node.cid)


def new_id(home: Home) -> str:
    """Make the key of a new repository; its IPNS name is the id."""
    from jiaozi_node.formats.keys import PrivateKey
    from jiaozi_node.formats.peer_id import PeerId

    key = PrivateKey.generate()
    name = PeerId.of(key.public()).ipns_name
    home.keys.put(name, key)
    return name


def add_rows(
    home: Home,
    id_: str,
    alias: str | None,
    root: str,
    profile: str,
    branch: str,
    copy: WorkingCopy,
    now: int,
    also: Sequence[Change] = (),
) -> Row:
    """Add repository, working copy and *also* in one batch, under a free alias."""
    repositories, copies = Repositories(home.names), WorkingCopies(home.names)
    base = alias or _alias_of(os.path.basename(root))
    for number in range(1, 10_000):
        name = base if number == 1 else f"{base}-{number}"
        row = Row(id_, name, profile, branch, now)
        try:
            rows.swap(home.names, partial(_both, repositories, row, copies, copy, also))
        except AliasTaken:
            if alias is not None:
                raise
        else:
            return row
    raise Misuse(f"no alias like {base!r} is free; give one with --name")


def _both(
    repositories: Repositories,
    row: Row,
    copies: WorkingCopies,
    copy: WorkingCopy,
    also: Sequence[Change],
) -> tuple[Change, ...]:
    return (*repositories.adding(row), *copies.adding(copy), *also)


def _alias_of(text: str) -> str:
    """Return a directory's name with what an alias can't hold left out."""
    kept = "".join(char if char.isalnum() or char in "-_." else "-" for char in text)
    kept = kept.strip("-._").encode("utf-8", "ignore")[:56].decode("utf-8", "ignore")
    return kept.replace("..", ".") or "repository"


def _still_there(copy: WorkingCopy) -> bool:
    """Tell whether the recorded directory is still the working copy of that id."""
    try:
        return os.stat(copy.path).st_ino == copy.inode and (
            links.read(copy.path).working_copy == copy.id
        )
    except (OSError, NotFound):
        return False
