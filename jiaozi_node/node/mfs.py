"""The mutable file system of a home: one tree for all that act on it, and its rows in names.db.

Acts change the tree in memory, one at a time and quickly: content is read from its source and cut
before. An act that flushes returns when its edits, and all made before them, stand in a row; those
that flush at the same time share the syncs. What didn't flush is in memory, its blocks under a
lease, until somebody flushes or the home closes: a crash loses the last acts, back to the last that
flushed, and never one in between. Now and then, and when a directory's CID is asked for, the tree
is sealed: the root's row moves and the rows of edits go (``specs/mfs.md``).

Nothing here waits for collection, which reads the rows and asks the leases and never the tree.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final, NamedTuple, TypeVar

from jiaozi_node.dag.walk import Lookup, driven, run
from jiaozi_node.errors import Corrupt, JiaoziError, Refused, Unavailable
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import mfs_rows
from jiaozi_node.node.acts import Act, acting
from jiaozi_node.node.config import Config
from jiaozi_node.node.home import HoldsLease, Home
from jiaozi_node.node.importing import profile_of
from jiaozi_node.stores.api import BlockWriter, Family
from jiaozi_node.unixfs import modify
from jiaozi_node.unixfs.folder import Folder
from jiaozi_node.unixfs.hamt import Value
from jiaozi_node.unixfs.mfs import Edit, Plan, Tree
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.unixfs.recipes import Recipes

Result = TypeVar("Result")

FOLD_EDITS: Final = 2048  # edits in rows before the tree is sealed: what opening must make again
KEPT_EDITS: Final = 64  # edits in rows that closing leaves there
PENDING_EDITS: Final = 100_000  # edits in memory before they are flushed unasked
HELD_BYTES: Final = 8 * 1024 * 1024  # of directories held open, as blocks; about 6 × that in memory
NO_FLUSH_LIMIT: Final = 256  # Kubo's Internal.MFSNoFlushLimit


class CorruptRoot(Corrupt):
    """The root can't be opened, or the edits made to it since can't be made again."""

    def __init__(self, root: Cid | None, why: str) -> None:
        super().__init__(
            f"failed to initialize MFS root from {root or 'an empty directory'} stored at "
            f"/local/filesroot: {why}. If corrupted, use 'ipfs files chroot' to reset (see --help)"
        )
        self.root = root


class TooManyUnflushed(Refused):
    """Too many acts didn't flush; in Kubo's words."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"reached limit of {limit} unflushed MFS operations. To resolve: 1) run 'ipfs files "
            "flush' to persist changes, 2) use --flush=true (default), or 3) increase "
            "Internal.MFSNoFlushLimit in config"
        )
        self.limit = limit


class FlushFailed(Unavailable):
    """A flush that several acts shared failed; none of them is in force."""

    def __init__(self) -> None:
        super().__init__("the changes were undone: a flush that they shared failed")


class Lookout(NamedTuple):
    """What stands at a path: a file's or a directory's root, and which."""

    cid: Cid
    directory: bool


class _Batch:
    """The blocks of edits that stand in no row yet, and the lease that keeps them."""

    def __init__(self, home: Home) -> None:
        self._stack = ExitStack()
        act: Act = self._stack.enter_context(acting(home))
        self.lease: HoldsLease = act.lease
        self._writing = self._stack.enter_context(ExitStack())
        self.writer: BlockWriter = self._writing.enter_context(act.blocks.writer(Family.PUBLIC))

    def sync(self) -> None:
        """Make the blocks durable."""
        self._writing.close()

    def release(self) -> None:
        """End the lease; what wasn't synced may be lost."""
        with suppress(_GivenUp), self._stack:
            raise _GivenUp


class _GivenUp(Exception):
    """Ends a writer whose blocks need not be durable, or are."""


class Mfs:
    """The file system of *home*, which this process holds."""

    def __init__(self, home: Home) -> None:
        self._home = home
        # Guards the tree and all below; held while nothing is waited for but what is in flight.
        self._lock = threading.Condition(threading.Lock())
        self._commits = threading.Lock()  # the rows; taken first
        self._tree: Tree | None = None
        self._row: bytes | None = None
        self._keys: list[bytes] = []
        self._in_rows = 0  # edits in rows
        self._pending: list[Edit] = []
        self._flying = False  # edits are neither pending nor in rows for sure
        self._looks = 0
        self._recipes: tuple[Config, Recipes] | None = None
        self._begun: tuple[Profile, Block] | None = None
        self._batch: _Batch | None = None
        self._made = self._durable = 0  # edits ever made, and of them in rows or sealed
        self._lost = 0  # how often edits were undone
        self._unflushed = 0  # acts that didn't flush since the last that did
        self._files: dict[str, tuple[threading.Lock, int]] = {}

    # ---- looking -------------------------------------------------------------------------

    def recipes(self) -> Recipes:
        """Return the recipes of the configuration as it is now."""
        config = self._home.config
        known = self._recipes
        if known is None or known[0] is not config:
            known = self._recipes = config, Recipes(profile_of(config, {}))
        return known[1]

    def empty_file(self, profile: Profile) -> Block:
        """Return the root of a file that is begun."""
        known = self._begun
        if known is None or known[0] is not profile:
            made, node = modify.empty_file(profile)
            block = made or Block(node.cid, node.cid.inline or b"")
            known = self._begun = profile, block
        return known[1]

    def look(self, walk: Callable[[Tree], Lookup[Result]]) -> Result:
        """Return what *walk* finds in the tree."""
        with self._lock:
            found = run(walk(self._open()), self._home.blocks.get)
            crowded = self._crowded()
        if crowded:
            self._fold(None)
        return found

    def at(self, path: str) -> Lookout:
        """Return what stands at *path*; a directory that changed is sealed for it."""
        with self._lock:
            found = run(self._open().lookup(path), self._home.blocks.get)
            known = _lookout(found)
            crowded = self._crowded()
        return self._fold(path) if known is None or crowded else known

    def flush(self, path: str = "/") -> Lookout:
        """Make all durable and seal it; return what stands at *path*."""
        with self._lock:
            run(self._open().lookup(path), self._home.blocks.get)
        return self._fold(path)

    # ---- acting --------------------------------------------------------------------------

    def begin(self, *, flush: bool) -> None:
        """Count an act; raises `TooManyUnflushed`."""
        with self._lock:
            if flush:
                self._unflushed = 0
                return
            limit = self._home.config.find("Internal.MFSNoFlushLimit")
            if not isinstance(limit, int):
                limit = NO_FLUSH_LIMIT
            if 0 < limit <= self._unflushed:
                raise TooManyUnflushed(limit)
            self._unflushed += 1

    def act(
        self,
        plan: Callable[[Tree], Plan[list[Edit]]],
        *,
        flush: bool,
        content: "list[Block] | tuple[Block, ...]" = (),
        keep: Cid | None = None,
    ) -> None:
        """Make the edits that *plan* plans; durable on return when it is to *flush*.

        *content* are blocks that the edits need, put with them; *keep* is the root of others, kept
        from collection until the edits are in a row. When *plan* raises nothing changed.
        """
        with self._lock:
            tree = self._open()
            try:
                if keep is not None:
                    self._batched().lease.keep_below(keep)
                edits = driven(plan(tree), self._home.blocks.get, self._put)
                if content:
                    self._batched().writer.put(content)
                self._apply(tree, edits)
            finally:
                if tree.torn:
                    self._tree = None
                if not self._pending:  # what was put is needed by nothing
                    self._release()
            made, lost = self._made, self._lost
            crowded = self._crowded()
            many = len(self._pending) >= PENDING_EDITS
        if crowded:
            self._fold(None, lost)
        elif flush or many:
            self._commit(made, lost)

    @contextmanager
    def writing(self, path: str) -> Iterator[None]:
        """Be alone in writing to the file at *path*; others' acts go on meanwhile."""
        with self._lock:
            lock, users = self._files.get(path) or (threading.Lock(), 0)
            self._files[path] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, users = self._files[path]
                if users == 1:
                    del self._files[path]
                else:
                    self._files[path] = (lock, users - 1)

    def close(self) -> None:
        """Make durable what is not yet."""
        with self._lock:
            pending = bool(self._pending)
            made, lost = self._made, self._lost
            many = self._in_rows + len(self._pending) > KEPT_EDITS
        if many:
            self._fold(None)
        elif pending:
            self._commit(made, lost)
        with self._lock:
            self._release()

    # ---- the tree ------------------------------------------------------------------------

    def _open(self) -> Tree:
        """Return the tree, made again from the rows when it is not in memory."""
        while self._tree is None and self._flying:
            self._lock.wait()
        tree = self._tree
        if tree is None:
            found = mfs_rows.read(self._home.names)
            get = self._home.blocks.get
            recipes = self.recipes()
            try:
                if found.root is None:
                    tree = Tree(Folder(recipes.base), recipes)
                else:
                    tree = run(Tree.at(found.root, recipes), get)
                for edit in (*found.edits, *self._pending):
                    run(tree.apply(edit), get)
            except JiaoziError as fault:
                raise CorruptRoot(found.root, str(fault)) from fault
            self._row, self._keys = found.row, found.keys
            self._in_rows = len(found.edits)
            self._tree = tree
        return tree

    def _crowded(self) -> bool:
        """Tell now and then whether more is held open than may be."""
        self._looks += 1
        tree = self._tree
        return not self._looks & 63 and tree is not None and tree.held_bytes > HELD_BYTES

    def _apply(self, tree: Tree, edits: list[Edit]) -> None:
        get = self._home.blocks.get
        try:
            for edit in edits:
                run(tree.apply(edit), get)
        except BaseException:
            self._tree = None  # which may hold some of the edits
            raise
        self._pending += edits
        self._made += len(edits)

    def _put(self, block: Block) -> None:
        self._batched().writer.put((block,))

    def _batched(self) -> _Batch:
        if self._batch is None:
            self._batch = _Batch(self._home)
        return self._batch

    def _release(self) -> None:
        batch, self._batch = self._batch, None
        if batch is not None:
            batch.release()

    # ---- the rows ------------------------------------------------------------------------

    def _commit(self, made: int, lost: int) -> None:
        """Return when the first *made* edits are durable."""
        with self._commits:
            with self._lock:
                if self._lost != lost:
                    raise FlushFailed
                if self._durable >= made and not self._pending:
                    return
                edits, batch, upto = self._take()
                number = int.from_bytes(self._keys[-1], "big") + 1 if self._keys else 0
            change = mfs_rows.appended(number, edits)
            with self._losing(batch):
                if batch is not None:
                    batch.sync()
                self._home.names.apply((change,))
            with self._lock:
                self._land(upto)
                self._keys.append(change.key)
                self._in_rows += len(edits)
                full = self._in_rows >= FOLD_EDITS
        if full:
            self._fold(None)

    def _fold(self, path: str | None, lost: int | None = None) -> Lookout:
        """Seal the tree, all of it durable; return what stands at *path*.

        *lost* is how often edits had been undone when those were made that are to be durable.
        """
        with self._commits:
            with self._lock:
                if lost not in (None, self._lost):
                    raise FlushFailed
                tree = self._open()
                get = self._home.blocks.get
                blocks: list[Block] = []
                try:
                    root = driven(tree.seal(), get, blocks.append)
                    found = _lookout(run(tree.lookup(path or "/"), get))
                except BaseException:
                    self._tree = None  # which takes what wasn't stored for stored
                    raise
                edits, batch, upto = self._take()
                crowded = tree.held_bytes > HELD_BYTES
                keys, row = self._keys, self._row
            value = mfs_rows.root_row(root.cid)
            with self._losing(batch):
                if blocks or edits or keys or row != value:
                    with acting(self._home) as act:
                        with act.blocks.writer(Family.PUBLIC) as writer:
                            writer.put(blocks)
                        if batch is not None:
                            batch.sync()
                        act.names.apply(mfs_rows.folded(root.cid, row, keys))
            with self._lock:
                self._land(upto)
                self._row, self._keys, self._in_rows = value, [], 0
                if crowded:
                    self._tree = None
        if found is None:
            raise RuntimeError("a sealed tree has a directory that isn't")
        return found

    def _take(self) -> tuple[list[Edit], _Batch | None, int]:
        edits, self._pending = self._pending, []
        batch, self._batch = self._batch, None
        self._flying = True
        return edits, batch, self._made

    def _land(self, upto: int) -> None:
        self._durable = max(self._durable, upto)
        self._flying, self._unflushed = False, 0
        self._lock.notify_all()

    @contextmanager
    def _losing(self, batch: _Batch | None) -> Iterator[None]:
        """Undo all that isn't durable when the ``with`` fails; end the lease either way."""
        try:
            yield
        except BaseException:
            with self._lock:
                self._tree, self._pending = None, []
                self._lost += 1
                self._flying = False
                self._lock.notify_all()
                self._release()
            raise
        finally:
            if batch is not None:
                batch.release()


def _lookout(found: Folder | Value) -> Lookout | None:
    """Return where a look led, None for a directory that changed since it was sealed."""
    if isinstance(found, Value):
        return Lookout(Cid(found.cid), directory=False)
    return None if found.sealed is None else Lookout(found.sealed.cid, directory=True)


def settle(home: Home) -> None:
    """Seal the tree, so that no row of edits keeps what is gone; collection does so first.

    One that can't be opened stays as it is, and keeps all that its rows lead to.
    """
    if any(key for key, _value in home.names.scan(mfs_rows.KIND)):
        with suppress(JiaoziError):
            mfs_of(home).flush()


def mfs_of(home: Home) -> Mfs:
    """Return the file system of *home*, which this process must hold."""
    from jiaozi_node.node.local_home import LocalHome  # noqa: PLC0415 - which holds what is here

    inner = home.inner if isinstance(home, Act) else home
    if not isinstance(inner, LocalHome):
        raise RuntimeError("the file system is changed by the process that holds the home")
    return inner.mfs
