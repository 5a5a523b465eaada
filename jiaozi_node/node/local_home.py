"""A home whose stores this process opens itself, in order, and only when they are first used.

What it opens is imported late, here alone: ``jiaozi cat CID`` needs neither SQLite nor keys.

Layout (design §1, §3)::

    config      JSON, Kubo's keys        keystore/   private keys, 0600
    segments/   blocks, append-only      index/      where they lie (derived, LevelDB)
    names.db    refs, pins, stages       version     the layout's version
    repo.lock   who owns the home
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jiaozi_node.errors import Conflict, Corrupt, Malformed, Unavailable
from jiaozi_node.node import layout
from jiaozi_node.stores.lock import HomeLock

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.formats.key_types import SignKey
    from jiaozi_node.node.config import Config
    from jiaozi_node.node.mfs import Mfs
    from jiaozi_node.stores.api import BlockStore, Names
    from jiaozi_node.stores.keystore import KeyStore
    from jiaozi_node.stores.leases import Leases
    from jiaozi_node.stores.segments.store import SegmentStore

_SQLITE_BYTES = 1024 * 1024  # with less it may be room that opening names.db lacked
LOCK_WAIT_S = 10.0  # design §2: neither lock nor socket within 10 s → exit 7


class HomeExists(Conflict):
    """A home was to be made where one is."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"a node home exists already at {path}")
        self.path = path


class LocalHome:
    """The home at *path*, owned by this process until `close`."""

    def __init__(self, path: Path, lock: HomeLock) -> None:
        self.path = path
        self._lock = lock
        self._config: Config | None = None
        self._blocks: BlockStore | None = None
        self._names: Names | None = None
        self._segments: SegmentStore | None = None
        self._mfs: Mfs | None = None
        self._restored = 0
        self._opening = threading.RLock()
        self.leases = _leases()
        # Called with multihashes whose blocks everybody may see now, to hand them to who waits.
        self.when_public: list[Callable[[Sequence[bytes]], None]] = []

    @classmethod
    def open(cls, path: Path, wait_s: float = LOCK_WAIT_S) -> "LocalHome":
        """Take the lock and open the home; raises `HomeMissing`, `OtherLayout` or `Locked`.

        A home of an earlier layout is taken to this version's (``node/layout.py``).
        """
        layout.check(path)
        lock = HomeLock(path, wait_s)
        try:
            layout.bring_up(path)
        except BaseException:
            lock.release()
            raise
        return cls(path, lock)

    @classmethod
    def create(cls, path: Path, key: "SignKey | None" = None) -> "LocalHome":
        """Make a home and open it; raises `HomeExists`, `Refused`.

        Its identity is *key*, else a new one of Ed25519.
        The version file is written last: a home whose making was cut short is made anew.
        """
        from jiaozi_node.formats.keys import PrivateKey
        from jiaozi_node.formats.peer_id import PeerId
        from jiaozi_node.node.config import Config, fresh
        from jiaozi_node.stores.api import Change
        from jiaozi_node.stores.atomic import replace_file, sync_directory

        layout.refuse_kubos(path)
        made = not path.exists()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = HomeLock(path, LOCK_WAIT_S)
        try:
            if (path / layout.VERSION_FILE).exists():
                raise HomeExists(path)
            key = key or PrivateKey.generate()
            peer = PeerId.of(key.public())
            Config(path / "config", fresh(str(peer), _base64(key.protobuf()))).save()
            home = cls(path, lock)
            home.keys.list()
            home._open_blocks(create=True)
            # A first act: names which never had one, beside blocks, have been lost (dag/gc.py).
            home._open_names(create=True).apply((Change("gc", b"", None),))
            replace_file(path / layout.VERSION_FILE, layout.LAYOUT.encode() + b"\n", 0o644)
            if made:
                sync_directory(path.parent)
        except BaseException:
            lock.release()
            raise
        return home

    @property
    def config(self) -> "Config":
        """See `Home`."""
        from jiaozi_node.node.config import Config

        self._config = Config.current(self.path / "config", self._config)
        return self._config

    @property
    def blocks(self) -> "BlockStore":
        """See `Home`."""
        return self._blocks or self._open_blocks(create=False)

    @property
    def segments(self) -> "SegmentStore":
        """The same blocks as an event loop reads them; see `fetch.Fetch`."""
        if self._segments is None:
            self._open_blocks(create=False)
        if self._segments is None:
            raise AssertionError("open blocks lie in segments")
        return self._segments

    @property
    def names(self) -> "Names":
        """See `Home`."""
        return self._names or self._open_names(create=False)

    @property
    def keys(self) -> "KeyStore":
        """See `Home`."""
        from jiaozi_node.stores.keystore import KeyStore

        return KeyStore(self.path / "keystore")

    def tell_public(self, multihashes: "Sequence[bytes]") -> None:
        """Tell those who asked for it that the blocks of *multihashes* are public now."""
        for told in self.when_public:
            told(multihashes)

    def make_public(self, root: "Cid", progress: Callable[[int], None]) -> tuple[int, int]:
        """See `Publishes`."""
        from jiaozi_node.node import publishing

        done = publishing.make_public(self, root, progress)
        return done.blocks, done.changed

    def make_private(self, root: "Cid") -> int:
        """See `Publishes`."""
        from jiaozi_node.node import publishing

        return publishing.make_private(self, root)

    @property
    def mfs(self) -> "Mfs":
        """The file system of the home, held in memory while it is open."""
        if self._mfs is None:
            from jiaozi_node.node.mfs import Mfs

            with self._opening:
                self._mfs = self._mfs or Mfs(self)
        return self._mfs

    @contextmanager
    def released(self) -> Iterator[None]:
        """See `Home`."""
        self.close()
        self._blocks = self._names = self._segments = self._config = None
        self._restored = 0
        yield
        self._lock = HomeLock(self.path, LOCK_WAIT_S)

    def close(self) -> None:
        """See `Home`: the file system, blocks, names, then the lock."""
        try:
            mfs, self._mfs = self._mfs, None
            if mfs is not None:
                mfs.close()
        finally:
            self._close_stores()

    def _close_stores(self) -> None:
        try:
            if self._blocks is not None:
                try:
                    self._restore_visibility()
                finally:
                    self._blocks.close()
            if self._names is not None:
                self._names.close()
        finally:
            self._lock.release()

    def _open_blocks(self, *, create: bool) -> "BlockStore":
        from jiaozi_node.stores.leases import Leased
        from jiaozi_node.stores.segments.store import SegmentStore

        with self._opening:
            if self._blocks is None:
                if not create and self.config.find("Experimental.FilestoreEnabled") is True:
                    from jiaozi_node.stores.references import ReferringStore

                    self._segments = ReferringStore(
                        self.path, lambda: self.names, self.path.resolve().parent
                    )
                else:
                    self._segments = SegmentStore(self.path, create=create)
                self._blocks = Leased(self._segments, self.leases)
                self._restore_visibility()
            return self._blocks

    def _restore_visibility(self) -> None:
        """Set the public bits again that a rebuild of the index has lost."""
        store = self._segments
        if store is not None and store.rebuilds != self._restored:
            from jiaozi_node.node.visibility import restore

            restore(self.names, store)
            self._restored = store.rebuilds

    def _open_names(self, *, create: bool) -> "Names":
        from jiaozi_node.stores.names import NamesMissing, SqliteNames

        with self._opening:
            if self._names is None:
                at = self.path / "names.db"
                try:
                    self._names = SqliteNames(at, create=create)
                except NamesMissing as fault:
                    raise Corrupt(f"the node home is damaged: {fault}") from None
                except Unavailable:
                    if not _makes_room(self.path):
                        raise
                    self._names = SqliteNames(at, create=create)
            return self._names


def _makes_room(path: Path) -> bool:
    """Give up the ballast on a full disk, where SQLite can't even read (reliability.md F9)."""
    from jiaozi_node.stores.segments import disk
    from jiaozi_node.stores.segments.checkpoint import BALLAST

    ballast = path / BALLAST
    if disk.free_bytes(str(path)) > _SQLITE_BYTES or not ballast.exists():
        return False
    disk.unlink(str(ballast))
    return True


def _leases() -> "Leases":
    from jiaozi_node.stores.leases import Leases

    return Leases()


def identity_of(config: "Config") -> str:
    """Return the node's peer id; raises `Corrupt` when the config has none that is one."""
    from jiaozi_node.formats.peer_id import PeerId

    peer = config.find("Identity.PeerID")
    if not peer:
        raise Corrupt("the configuration has no Identity.PeerID")
    try:
        PeerId.parse(str(peer))
    except Malformed:
        raise Corrupt(
            f"Identity.PeerID in the configuration is {str(peer)[:64]!r}, not a peer id"
        ) from None
    return str(peer)


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode("ascii")
