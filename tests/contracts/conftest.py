"""The lists of backends. A new store is one class and one line here."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import plyvel
import pytest

from jiaozi_node.dag.walk import Need
from jiaozi_node.formats import car
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.http.home import HomeSocket
from jiaozi_node.node import opening
from jiaozi_node.node.daemon_home import DaemonHome, RemoteBlocks, RemoteNames
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.online import FetchingBlocks
from jiaozi_node.stores.api import BlockMissing, BlockStore, BlockWriter, Family, Names, ReadsBlocks
from jiaozi_node.stores.cache import Cached
from jiaozi_node.stores.car import CarFileStore
from jiaozi_node.stores.leases import Leased, Leases
from jiaozi_node.stores.leveldb import LevelDbStore
from jiaozi_node.stores.memory import MemoryNames, MemoryStore
from jiaozi_node.stores.names import SqliteNames
from jiaozi_node.stores.overlay import Overlay
from jiaozi_node.stores.references import ReferringStore
from jiaozi_node.stores.segments.store import SegmentStore
from jiaozi_node.stores.verify import Verified

Blocks = Sequence[Block]


@dataclass(frozen=True)
class BlockBackend:
    """One way to have a store; each function is given a directory of its own."""

    name: str
    covers: type
    filled: Callable[[Path, Blocks], ReadsBlocks]
    # The same, with the bytes at rest of the given block changed behind the store's back.
    damaged: Callable[[Path, Blocks, Cid], ReadsBlocks]
    empty: Callable[[Path], BlockStore] | None = None  # None: it is only read
    again: Callable[[Path], BlockStore] | None = None  # None: it doesn't outlive its process


@dataclass(frozen=True)
class NamesBackend:
    name: str
    covers: type
    empty: Callable[[Path], Names]
    again: Callable[[Path], Names] | None = None


def spoiled(data: bytes) -> bytes:
    return bytes((data[0] ^ 1,)) + data[1:]


def put(store: BlockStore, blocks: Iterable[Block]) -> BlockStore:
    with store.writer() as writer:
        writer.put(blocks)
    return store


def nobody(need: Need) -> Block:
    raise BlockMissing(need.cid)


class Referring(ReferringStore):
    """Segments with references beside them, and the names that hold those."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        (path / "files").mkdir(parents=True, exist_ok=True)
        held = SqliteNames(path / "names.db", create=create)
        self._held = held
        super().__init__(path, lambda: held, path / "files", create=create)

    def close(self) -> None:
        super().close()
        self._held.close()


def referred(path: Path, blocks: Blocks, victim: Cid | None = None) -> ReferringStore:
    """Return a store in which every other block lies in a file, *victim* in a changed one."""
    store = Referring(path, create=True)
    put(store, [block for block in blocks[::2] if block.cid != victim])
    for number, block in enumerate(blocks):
        if block.cid.inline is None and store.row(block.cid.multihash) is None:
            file = path / "files" / str(number)
            data = spoiled(block.data) if block.cid == victim else block.data
            file.write_bytes(b"before" + data + b"behind")
            one = store.references.made(str(file), 6, len(data))
            store.references.put([(block.cid.multihash, one)])
    return store


def memory(blocks: Blocks, victim: Cid | None = None) -> MemoryStore:
    store = MemoryStore(blocks)
    if victim is not None:
        assert store._blocks is not None
        store._blocks[victim.multihash] = spoiled(store._blocks[victim.multihash])
    return store


def damaged_leveldb(path: Path, blocks: Blocks, victim: Cid) -> BlockStore:
    put(LevelDbStore(path, create=True), blocks).close()
    db = plyvel.DB(str(path))
    db.put(victim.multihash, spoiled(db.get(victim.multihash)))
    db.close()
    return LevelDbStore(path)


def damaged_segments(path: Path, blocks: Blocks, victim: Cid) -> BlockStore:
    store = SegmentStore(path, create=True)
    put(store, blocks)
    row = store.row(victim.multihash)
    assert row is not None
    store.close()
    file = path / "segments" / f"own-{row.segment:08d}.car"
    data = bytearray(file.read_bytes())
    data[row.offset] ^= 1
    file.write_bytes(data)
    return SegmentStore(path)


def car_file(path: Path, blocks: Blocks, victim: Cid | None = None) -> CarFileStore:
    """Write the file in version 1 or, for an odd number of blocks, wrapped in version 2."""
    parts = [car.header([])]
    for block in blocks:
        data = spoiled(block.data) if block.cid == victim else block.data
        parts.append(car.section(block.cid, data))
    payload = b"".join(parts)
    if len(blocks) % 2:
        fixed = bytes(16) + b"".join(n.to_bytes(8, "little") for n in (51, len(payload), 0))
        payload = b"\x0a\xa1\x67version\x02" + fixed + payload
    path.write_bytes(payload)
    return CarFileStore(path)


class Trusting:
    """A store that believes its memory: what `Verified` is for."""

    def __init__(self, inner: MemoryStore) -> None:
        self._inner = inner

    def get(self, cid: Cid) -> Block:
        if cid.inline is None and self._inner.has([cid])[0]:
            assert self._inner._blocks is not None
            return Block(cid, self._inner._blocks[cid.multihash])
        return self._inner.get(cid)

    def size(self, cid: Cid) -> int:
        return self._inner.size(cid)

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        return self._inner.has(cids)

    def writer(self, family: Family = Family.OWN) -> AbstractContextManager[BlockWriter]:
        return self._inner.writer(family)

    def drop(self, cids: Iterable[Cid]) -> int:
        return self._inner.drop(cids)

    def multihashes(self) -> Iterator[bytes]:
        return self._inner.multihashes()

    def close(self) -> None:
        self._inner.close()


class _Beside:
    """A home whose socket is up, used through it; closing it closes both."""

    def __init__(self, home: LocalHome) -> None:
        self._held, self._socket = home, HomeSocket(home)
        self._socket.start()
        found = opening.open_home(home.path)
        assert isinstance(found, DaemonHome)
        self.home = found
        self._open = True

    def close(self) -> None:
        if self._open:
            self._open = False
            self.home.close()
            assert self._socket.stop(5)
            self._held.close()


class BlocksBeside(RemoteBlocks):
    """Blocks whose `close` is that of their home."""

    def __init__(self, home: LocalHome) -> None:
        beside = _Beside(home)
        super().__init__(beside.home._wires, None)
        self.close = beside.close  # type: ignore[method-assign]


class NamesBeside(RemoteNames):
    """Names whose `close` is that of their home."""

    def __init__(self, home: LocalHome) -> None:
        beside = _Beside(home)
        super().__init__(beside.home._wires)
        self.close = beside.close  # type: ignore[method-assign]


def damaged_home(path: Path, blocks: Blocks, victim: Cid) -> BlockStore:
    LocalHome.create(path).close()
    damaged_segments(path, blocks, victim).close()
    return BlocksBeside(LocalHome.open(path))


BLOCK_BACKENDS = [
    BlockBackend(
        "memory",
        MemoryStore,
        filled=lambda path, blocks: memory(blocks),
        damaged=lambda path, blocks, cid: memory(blocks, cid),
        empty=lambda path: MemoryStore(),
    ),
    BlockBackend(
        "leveldb",
        LevelDbStore,
        filled=lambda path, blocks: put(LevelDbStore(path, create=True), blocks),
        damaged=damaged_leveldb,
        empty=lambda path: LevelDbStore(path, create=True),
        again=LevelDbStore,
    ),
    BlockBackend(
        "segments",
        SegmentStore,
        filled=lambda path, blocks: put(SegmentStore(path, create=True), blocks),
        damaged=damaged_segments,
        empty=lambda path: SegmentStore(path, create=True),
        again=SegmentStore,
    ),
    BlockBackend(
        "referring",
        ReferringStore,
        filled=referred,
        damaged=referred,
        empty=lambda path: Referring(path, create=True),
        again=Referring,
    ),
    BlockBackend(
        "fetching",
        FetchingBlocks,
        filled=lambda path, blocks: FetchingBlocks(memory(blocks), nobody),
        damaged=lambda path, blocks, cid: FetchingBlocks(memory(blocks, cid), nobody),
        empty=lambda path: FetchingBlocks(MemoryStore(), nobody),
    ),
    BlockBackend("car", CarFileStore, filled=car_file, damaged=car_file),
    BlockBackend(
        "verified",
        Verified,
        filled=lambda path, blocks: Verified(memory(blocks)),
        damaged=lambda path, blocks, cid: Verified(Trusting(memory(blocks, cid))),
        empty=lambda path: Verified(MemoryStore()),
    ),
    BlockBackend(
        "cached",
        Cached,
        filled=lambda path, blocks: Cached(memory(blocks), 4096),
        damaged=lambda path, blocks, cid: Cached(memory(blocks, cid)),
        empty=lambda path: Cached(MemoryStore(), 4096),
    ),
    BlockBackend(
        "leased",
        Leased,
        filled=lambda path, blocks: Leased(memory(blocks), Leases()),
        damaged=lambda path, blocks, cid: Leased(memory(blocks, cid), Leases()),
        empty=lambda path: Leased(MemoryStore(), Leases()),
    ),
    BlockBackend(
        "overlay",
        Overlay,
        filled=lambda path, blocks: Overlay(memory(blocks[::2]), memory(blocks[1::2])),
        damaged=lambda path, blocks, cid: Overlay(MemoryStore(), memory(blocks, cid)),
        empty=lambda path: Overlay(MemoryStore(), MemoryStore()),
    ),
    BlockBackend(
        "beside a daemon",
        RemoteBlocks,
        filled=lambda path, blocks: put(BlocksBeside(LocalHome.create(path)), blocks),
        damaged=damaged_home,
        empty=lambda path: BlocksBeside(LocalHome.create(path)),
        again=lambda path: BlocksBeside(LocalHome.open(path)),
    ),
]

NAMES_BACKENDS = [
    NamesBackend("memory", MemoryNames, empty=lambda path: MemoryNames()),
    NamesBackend(
        "sqlite",
        SqliteNames,
        empty=lambda path: SqliteNames(path, create=True),
        again=SqliteNames,
    ),
    NamesBackend(
        "beside a daemon",
        RemoteNames,
        empty=lambda path: NamesBeside(LocalHome.create(path)),
        again=lambda path: NamesBeside(LocalHome.open(path)),
    ),
]


@pytest.fixture(scope="session")
def listed() -> set[type]:
    return {backend.covers for backend in BLOCK_BACKENDS} | {
        backend.covers for backend in NAMES_BACKENDS
    }


@pytest.fixture(params=BLOCK_BACKENDS, ids=lambda backend: str(backend.name))
def readable(request: pytest.FixtureRequest) -> BlockBackend:
    backend: BlockBackend = request.param
    return backend


@pytest.fixture(
    params=[backend for backend in BLOCK_BACKENDS if backend.empty],
    ids=lambda backend: str(backend.name),
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlockStore]:
    opened = request.param.empty(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture(
    params=[backend for backend in BLOCK_BACKENDS if backend.again],
    ids=lambda backend: str(backend.name),
)
def lasting(request: pytest.FixtureRequest) -> BlockBackend:
    backend: BlockBackend = request.param
    return backend


@pytest.fixture(params=NAMES_BACKENDS, ids=lambda backend: str(backend.name))
def names(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Names]:
    opened = request.param.empty(tmp_path / "names.db")
    yield opened
    opened.close()


@pytest.fixture(
    params=[backend for backend in NAMES_BACKENDS if backend.again],
    ids=lambda backend: str(backend.name),
)
def lasting_names(request: pytest.FixtureRequest) -> NamesBackend:
    backend: NamesBackend = request.param
    return backend
