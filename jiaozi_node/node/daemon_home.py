"""A home that a daemon holds, as the commands beside it see it: a `Home` over the home's socket.

Blocks, names and leases are asked of the daemon; config and keys are files of the home, which every
process reads and replaces whole. Only this process touches its user's own files (design §2). Blocks
cross in batches, each verified by the daemon before it leaves its store.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from jiaozi_node.dag.walk import Need
from jiaozi_node.errors import Misuse
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import wire
from jiaozi_node.node.home import HoldsKeys
from jiaozi_node.node.wire import Wire
from jiaozi_node.stores.api import BlockWriter, Change, Family

if TYPE_CHECKING:
    from jiaozi_node.node.config import Config
    from jiaozi_node.worktree.seeking import Seen

One = TypeVar("One")

_BATCH_BYTES = 1024 * 1024
_BATCH_ROWS = 1024
_IDLE = 8  # connections kept for the next who asks


class GivesContent(Protocol):
    """Files that the daemon reads through who runs the command."""

    def next(self) -> str | None:
        """Go on to the next file; return its name, None when there is none."""
        ...

    def read(self, size: int) -> bytes:
        """Return up to *size* bytes of it, b"" at its end."""
        ...


class DaemonHome:
    """The home at *path*, held by a daemon at the other end of *first*."""

    def __init__(self, path: Path, first: Wire) -> None:
        self.path = path
        self._wires = _Wires(path, first)
        self._config: Config | None = None
        self.leases = RemoteLeases(self._wires)
        self.blocks = RemoteBlocks(self._wires, None)
        self.names = RemoteNames(self._wires)

    @property
    def config(self) -> "Config":
        """See `Home`."""
        from jiaozi_node.node.config import Config  # noqa: PLC0415 - not every command needs it

        self._config = Config.current(self.path / "config", self._config)
        return self._config

    @property
    def keys(self) -> HoldsKeys:
        """See `Home`."""
        from jiaozi_node.stores.keystore import KeyStore  # noqa: PLC0415 - rarely needed

        return KeyStore(self.path / "keystore")

    def fetch(self, need: Need) -> Block:
        """Have the daemon get a block that isn't here from its peers. See `online.Ask`."""
        return Block(need.cid, self._wires.ask("fetch", need.cid, list(need.soon)))

    def run(
        self, path: Sequence[str], given: dict[str, Any], content: "GivesContent | None" = None
    ) -> Iterator[list[Any]]:
        """Have the daemon run the command at *path*; yield what its handler does, by kind.

        *content* is what it is given to read; only this process opens its user's files.
        """
        with self._wires.one() as line:
            for kind, value in line.rows("run", list(path), given):
                if kind == "next" and content is not None:
                    line.send(content.next())
                elif kind == "read" and content is not None:
                    line.send(content.read(value))
                else:
                    yield [kind, value]

    def seen(
        self, root: str, identity: tuple[int, int], mounts: int, token: str | None
    ) -> "Seen | None":
        """See `seeking.Watches`."""
        answer = self._wires.ask("watch", os.fsencode(root), *identity, mounts, token)
        if answer is None:
            return None
        from jiaozi_node.worktree.seeking import Seen  # noqa: PLC0415 - rarely needed

        return Seen(*answer)

    def make_public(self, root: Cid, progress: Callable[[int], None]) -> tuple[int, int]:
        """See `Publishes`."""
        with self._wires.one() as line:
            for looked_at in line.rows("publish", root):
                progress(looked_at)
            done: Any = line.value
        return done[0], done[1]

    def make_private(self, root: Cid) -> int:
        """See `Publishes`."""
        changed: int = self._wires.ask("unpublish", root)
        return changed

    @contextmanager
    def released(self) -> Iterator[None]:
        """See `Home`: the daemon lets others in at any time."""
        yield

    def close(self) -> None:
        """See `Home`: hang up; the daemon goes on."""
        self._wires.close()


class _Wires:
    """Connections to the daemon: one for each who asks at the same time."""

    def __init__(self, home: Path, first: Wire) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._idle = [first]
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[Wire]:
        """Lend a connection; one that an exception left in between is hung up."""
        with self._lock:
            self.check()
            line = self._idle.pop() if self._idle else None
        line = line or wire.connect(self._home)
        if line is None:
            raise wire.DaemonGone
        done = False
        try:
            yield line
            done = True
        finally:
            with self._lock:
                keep = (done or line.ready) and not self._closed and len(self._idle) < _IDLE
                if keep:
                    self._idle.append(line)
            if not keep:
                line.close()

    def check(self) -> None:
        """Raise `Misuse` when the home is closed."""
        if self._closed:
            raise Misuse("the home is closed")

    def ask(self, *request: Any) -> Any:  # noqa: ANN401 - as `Wire.ask`
        with self.one() as line:
            return line.ask(*request)

    def listing(self, *request: Any) -> Iterator[Any]:  # noqa: ANN401 - what DAG-CBOR can hold
        """Yield what the rows of an answer hold, until the home is closed."""
        with self.one() as line:
            for batch in line.rows(*request):
                for one in batch:
                    self.check()
                    yield one

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()


class RemoteLease:
    """A lease in the daemon; it dies with the connection it was begun on."""

    def __init__(self, line: Wire) -> None:
        self._line = line
        self._lock = threading.Lock()
        self.token: bytes = line.ask("lease")

    def keep_below(self, root: Cid) -> None:
        """See `Lease.keep_below`."""
        with self._lock:
            self._line.ask("lease.keep", self.token, root)


class RemoteLeases:
    """Begins leases in the daemon."""

    def __init__(self, wires: _Wires) -> None:
        self._wires = wires

    @contextmanager
    def acting(self) -> Iterator[RemoteLease]:
        """See `Leases.acting`."""
        with self._wires.one() as line:
            lease = RemoteLease(line)
            try:
                yield lease
            finally:
                line.ask("lease.end", lease.token)


class RemoteBlocks:
    """The daemon's blocks. See `api.BlockStore`."""

    def __init__(self, wires: _Wires, lease: RemoteLease | None) -> None:
        self._wires, self._lease = wires, lease
        self._writers: list[_RemoteWriter] = []

    def under(self, lease: RemoteLease, heed: Callable[[], None] | None = None) -> "RemoteBlocks":
        """Return the same store for an act that holds *lease*, whose waiter is this process."""
        made = RemoteBlocks(self._wires, lease)
        made._writers = self._writers
        return made

    def get(self, cid: Cid) -> Block:
        """See `api.GetsBlocks`."""
        if cid.inline is not None:
            self._wires.check()
            return Block(cid, cid.inline)
        for writer in tuple(self._writers):  # other threads' come and go
            if (found := writer.pending(cid)) is not None:
                return found
        return Block(cid, self._wires.ask("get", cid))

    def get_many(self, cids: Sequence[Cid]) -> Iterator[Block]:
        """See `many.GetsMany`."""
        for at in range(0, len(cids), _BATCH_ROWS):
            self._settle()
            group = cids[at : at + _BATCH_ROWS]
            for cid, data in zip(group, self._wires.listing("get_many", list(group)), strict=True):
                yield Block(cid, data)

    def sizes(self, cids: Sequence[Cid]) -> list[int]:
        """See `many.GetsMany`."""
        self._settle()
        return _in_batches(cids, lambda some: self._wires.ask("sizes", some))

    def size(self, cid: Cid) -> int:
        """See `api.GetsBlocks`."""
        self._settle()
        size: int = self._wires.ask("size", cid)
        return size

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        """See `api.HasBlocks`."""
        self._settle()
        return _in_batches(cids, lambda some: self._wires.ask("has", some))

    def multihashes(self) -> Iterator[bytes]:
        """See `api.ListsBlocks`."""
        self._settle()
        yield from self._wires.listing("multihashes")

    def drop(self, cids: Iterable[Cid]) -> int:
        """See `api.DropsBlocks`."""
        self._settle()
        dropped: int = self._wires.ask("drop", list(cids))
        return dropped

    @contextmanager
    def writer(self, family: Family = Family.OWN) -> Iterator[BlockWriter]:
        """See `api.PutsBlocks`."""
        with self._wires.one() as line:
            line.ask("writer", None if self._lease is None else self._lease.token, int(family))
            writer = _RemoteWriter(line)
            self._writers.append(writer)
            try:
                yield writer
                writer.flush()
            except BaseException:
                writer.end("writer.abort")
                raise
            finally:
                self._writers.remove(writer)
            writer.end("writer.end")

    def close(self) -> None:
        """Do nothing: the home hangs up."""

    def _settle(self) -> None:
        for writer in tuple(self._writers):
            writer.settle()


class _RemoteWriter:
    """Gathers blocks and sends them by the batch.

    Readers in other threads send what is gathered too: what fails then is raised to the writer.
    """

    def __init__(self, line: Wire) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._blocks: dict[bytes, Block] = {}
        self._bytes = 0
        self._fault: Exception | None = None
        self._ended = False

    def put(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            with self._lock:
                self._check()
                if block.cid.inline is not None:
                    continue
                self._blocks[block.cid.multihash] = block
                self._bytes += len(block.data)
                if self._bytes >= _BATCH_BYTES or len(self._blocks) >= _BATCH_ROWS:
                    self._flush()

    def present(self, cids: Sequence[Cid]) -> list[bool]:
        with self._lock:
            self._check()
            self._flush()
            return _in_batches(cids, lambda some: self._line.ask("writer.present", some))

    def pending(self, cid: Cid) -> Block | None:
        """Return the block if it waits to be sent."""
        with self._lock:
            found = self._blocks.get(cid.multihash)
        return None if found is None else Block(cid, found.data)

    def flush(self) -> None:
        """Send what was gathered; raise what kept any of it from being sent before."""
        with self._lock:
            self._check()
            self._flush()

    def settle(self) -> None:
        """Send what was gathered, for a reader."""
        with self._lock:
            self._flush()

    def end(self, request: str) -> None:
        """Take nothing more, and tell the daemon how the act ended."""
        with self._lock:
            self._ended, self._blocks = True, {}
            self._line.ask(request)

    def _check(self) -> None:
        if self._ended:
            raise Misuse("the writer's act has ended")
        if self._fault is not None:
            raise self._fault

    def _flush(self) -> None:
        blocks, self._blocks, self._bytes = self._blocks, {}, 0
        if not blocks:
            return
        try:
            self._line.ask("writer.put", [[one.cid, bytes(one.data)] for one in blocks.values()])
        except Exception as fault:
            self._fault = fault  # whoever asked, the act lacks these blocks
            raise


class RemoteNames:
    """The daemon's names. See `api.Names`."""

    def __init__(self, wires: _Wires) -> None:
        self._wires = wires

    def get(self, kind: str, key: bytes) -> bytes | None:
        """See `api.Names`."""
        value: bytes | None = self._wires.ask("names.get", kind, key)
        return value

    def scan(self, kind: str, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """See `api.Names`."""
        yield from map(tuple, self._wires.listing("names.scan", kind, prefix))

    def everything(self) -> Iterator[tuple[str, bytes, bytes]]:
        """See `api.Names`."""
        yield from map(tuple, self._wires.listing("names.everything"))

    def kinds(self) -> list[str]:
        """See `api.Names`."""
        kinds: list[str] = self._wires.ask("names.kinds")
        return kinds

    def version(self) -> int:
        """See `api.Names`."""
        version: int = self._wires.ask("names.version")
        return version

    def went_back(self) -> int | None:
        """See `api.Names`."""
        acts: int | None = self._wires.ask("names.went_back")
        return acts

    def recount(self) -> None:
        """See `api.Names`."""
        self._wires.ask("names.recount")

    def apply(self, changes: Sequence[Change]) -> None:
        """See `api.Names`."""
        self._wires.ask("names.apply", [list(change) for change in changes])

    def close(self) -> None:
        """Do nothing: the home hangs up."""


def _in_batches(cids: Sequence[Cid], ask: Callable[[list[Cid]], list[One]]) -> list[One]:
    answers: list[One] = []
    for at in range(0, len(cids), 10_000):
        answers += ask(list(cids[at : at + 10_000]))
    return answers
