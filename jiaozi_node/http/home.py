"""The home's socket: commands beside the daemon use the home that it holds (`wire`, `DaemonHome`).

Every connection has a thread, which waits for a request, does it, and answers; stores are safe for
threads. A lease or a writer lives no longer than the connection it was begun on, so a command that
is killed keeps nothing.
"""

import contextlib
import io
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO, Final

from jiaozi_node.commands import registry
from jiaozi_node.commands.declare import (
    Call,
    ExitCode,
    Imported,
    Passed,
    PutBlocks,
    TreeRules,
    nowhere,
)
from jiaozi_node.commands.json_text import line as json_line
from jiaozi_node.dag.walk import Need
from jiaozi_node.errors import JiaoziError, Malformed, Misuse, Refused
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import wire
from jiaozi_node.node.acts import UnderLease
from jiaozi_node.node.home import HoldsLease, Home, Publishes
from jiaozi_node.node.wire import HELLO, Wire
from jiaozi_node.stores import many
from jiaozi_node.stores.api import BlockMissing, BlockWriter, Change, Family
from jiaozi_node.worktree.watching import Watches

# Does what is asked by `asking`; in `cli`, since parsing and rendering are there.
Tell = Callable[[list[Any], Callable[[bytes], None], Callable[[], bool]], None]

MAX_CONNECTIONS: Final = 256
_ROW_BYTES = 1024 * 1024  # of blocks, sent at once
_ROWS = 1024  # of a listing, sent at once …
_ROWS_BYTES = 1024 * 1024  # … or fewer, of so many bytes
_READ_BYTES: Final = 256 * 1024
_log = logging.getLogger(__name__)


class HomeSocket:
    """Listens in the home's directory from `start` to `stop`."""

    def __init__(
        self,
        home: Home,
        stop: Callable[[], object] | None = None,
        tell: "Tell | None" = None,
        watches: Watches | None = None,
        *,
        agent_suffix: str = "",
        journal: Any = None,  # noqa: ANN401 - see `Call.journal`
    ) -> None:
        self.home, self.stop_daemon, self.tell, self.watches = home, stop, tell, watches
        self.agent_suffix, self.journal = agent_suffix, journal
        self.peers: Any = None  # see `Call.peers`: once the daemon has some
        self.ask: Callable[[Need], Block] | None = None  # what fetches from them
        self.leases: dict[bytes, HoldsLease] = {}
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._inside: dict[socket.socket, threading.Thread] = {}

    def start(self) -> None:
        """Take the place of a socket that a killed daemon left, and listen."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with wire.address_of(self.home.path) as address:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(address)
            listener.bind(address)
            os.chmod(address, 0o600)
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, name="home-socket", daemon=True).start()

    def stop(self, grace_s: float) -> bool:
        """Let nobody in any more, give those inside *grace_s*, hang up; tell whether all ended."""
        if self._listener is None:
            return True
        with wire.address_of(self.home.path) as address, contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            inside = dict(self._inside)
        for sock in inside:  # no further request is read; an answer under way still goes out
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RD)
        until = time.monotonic() + grace_s
        for thread in inside.values():
            thread.join(max(0.0, until - time.monotonic()))
        for sock in inside:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in inside.values():
            thread.join(1.0)
        return not any(thread.is_alive() for thread in inside.values())

    def _accept(self) -> None:
        listener = self._listener
        while listener is not None:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(
                target=self._serve, args=(sock,), name="home-connection", daemon=True
            )
            with self._lock:
                full = len(self._inside) >= MAX_CONNECTIONS
                if not full:
                    self._inside[sock] = thread
            if full:
                sock.close()
            else:
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with contextlib.closing(Wire(sock)) as line, ExitStack() as stack:
                _Connection(self, line, stack).serve()
        except (OSError, EOFError, Malformed):
            pass
        except Exception:  # noqa: BLE001 - one connection's fault is not the daemon's
            _log.exception("a connection on the home's socket failed")
        finally:
            with self._lock:
                self._inside.pop(sock, None)


class _Connection:
    """One client; *stack* ends what it began when it is gone."""

    def __init__(self, owner: HomeSocket, line: Wire, stack: ExitStack) -> None:
        self._owner, self._line, self._stack = owner, line, stack
        self._home = owner.home
        self._leases: dict[bytes, ExitStack] = {}
        self._writer: BlockWriter | None = None
        self._writing: ExitStack | None = None

    def serve(self) -> None:
        """Answer until the client hangs up."""
        self._line.within(wire.HELLO_S)
        if self._line.read() != HELLO:
            other = Refused("the daemon that holds the node home is another version of jiaozi")
            self._line.send(wire.told(other))
            return
        self._line.send(["ok", None])
        self._line.within(None)  # a lease may be held for hours
        while True:
            try:
                name, *rest = self._line.read()
            except EOFError:
                return
            if name == "tell" and self._owner.tell is not None:
                # No message of ours: what there is to show goes out as it is, and nothing follows.
                self._owner.tell(rest[0], self._line.send_raw, self._line.gone)
                return
            try:
                answer = _REQUESTS[name](self, *rest)
                self._line.send(["ok", answer])
            except Exception as fault:  # noqa: BLE001 - told to the client
                if not isinstance(fault, JiaoziError | OSError):
                    _log.exception("request %s on the home's socket failed", name)
                if isinstance(fault, BrokenPipeError | ConnectionError):
                    return
                self._line.send(wire.told(fault))

    # ---- blocks

    def get(self, cid: Cid) -> bytes:
        return bytes(self._home.blocks.get(cid).data)

    def fetch(self, cid: Cid, soon: list[Cid]) -> bytes:
        """Get a block that isn't here from the daemon's peers."""
        if self._owner.ask is None:
            raise BlockMissing(cid)
        return bytes(self._owner.ask(Need(cid, tuple(soon))).data)

    def get_many(self, cids: list[Cid]) -> None:
        batch: list[bytes] = []
        size = 0
        for block in many.get_many(self._home.blocks, cids):
            batch.append(bytes(block.data))
            size += len(block.data)
            if size >= _ROW_BYTES:
                self._line.send(["row", batch])
                batch, size = [], 0
        self._line.send(["row", batch])

    def sizes(self, cids: list[Cid]) -> list[int]:
        return many.sizes(self._home.blocks, cids)

    def size(self, cid: Cid) -> int:
        return self._home.blocks.size(cid)

    def has(self, cids: list[Cid]) -> list[bool]:
        return self._home.blocks.has(cids)

    def drop(self, cids: list[Cid]) -> int:
        return self._home.blocks.drop(cids)

    def multihashes(self) -> None:
        self._rows(self._home.blocks.multihashes())

    def begin_writer(self, token: bytes | None, family: int) -> None:
        if self._writing is not None:
            raise Misuse("a writer is open on this connection")
        blocks = self._home.blocks
        if token is not None and isinstance(blocks, UnderLease):
            blocks = blocks.under(self._lease(token))
        self._writing = self._stack.enter_context(ExitStack())
        self._writer = self._writing.enter_context(blocks.writer(Family(family)))

    def put(self, rows: list[list[Any]]) -> None:
        most = wire.MAX_MESSAGE_BYTES  # as large as who is beside us would store by himself
        self._open_writer().put([Block.checked(cid, data, most) for cid, data in rows])

    def present(self, cids: list[Cid]) -> list[bool]:
        return self._open_writer().present(cids)

    def end_writer(self) -> None:
        self._open_writer()
        stack, self._writing, self._writer = self._writing, None, None
        if stack is not None:
            stack.close()

    def abort_writer(self) -> None:
        self._open_writer()
        stack, self._writing, self._writer = self._writing, None, None
        if stack is not None:
            with contextlib.suppress(_Aborted), stack:
                raise _Aborted

    def _open_writer(self) -> BlockWriter:
        if self._writer is None:
            raise Misuse("no writer is open on this connection")
        return self._writer

    # ---- leases

    def begin_lease(self) -> bytes:
        token = secrets.token_bytes(16)
        stack = self._stack.enter_context(ExitStack())
        self._owner.leases[token] = stack.enter_context(self._home.leases.acting())
        stack.callback(self._owner.leases.pop, token, None)
        self._leases[token] = stack
        return token

    def keep_below(self, token: bytes, root: Cid) -> None:
        self._lease(token).keep_below(root)

    def end_lease(self, token: bytes) -> None:
        stack = self._leases.pop(token, None)
        if stack is not None:
            stack.close()

    def _lease(self, token: bytes) -> HoldsLease:
        lease = self._owner.leases.get(token)
        if lease is None:
            raise Misuse("no such lease is in force")
        return lease

    # ---- names

    def names_get(self, kind: str, key: bytes) -> bytes | None:
        return self._home.names.get(kind, key)

    def names_scan(self, kind: str, prefix: bytes) -> None:
        self._rows(list(row) for row in self._home.names.scan(kind, prefix))

    def names_everything(self) -> None:
        self._rows(list(row) for row in self._home.names.everything())

    def names_kinds(self) -> list[str]:
        return self._home.names.kinds()

    def names_version(self) -> int:
        return self._home.names.version()

    def names_went_back(self) -> int | None:
        return self._home.names.went_back()

    def names_recount(self) -> None:
        self._home.names.recount()

    def names_apply(self, changes: list[list[Any]]) -> None:
        self._home.names.apply(
            [Change(kind, key, value, expect) for kind, key, value, expect in changes]
        )

    # ---- working copies

    def watch(
        self, root: bytes, device: int, inode: int, mounts: int, token: str | None
    ) -> list[Any] | None:
        watches = self._owner.watches
        if watches is None or mounts != os.stat("/proc/self/ns/mnt").st_ino:
            return None
        seen = watches.since(os.fsdecode(root), (device, inode), token)
        return None if seen is None else list(seen)

    # ---- who may see what

    def make_public(self, root: Cid) -> list[int]:
        return list(self._publishes().make_public(root, self._count))

    def make_private(self, root: Cid) -> int:
        return self._publishes().make_private(root)

    def _publishes(self) -> Publishes:
        if not isinstance(self._home, Publishes):
            raise Misuse("this home publishes nothing")
        return self._home

    def _count(self, blocks: int) -> None:
        self._line.send(["row", blocks])

    # ---- commands that only who holds the home can do

    def run(self, path: list[str], given: dict[str, Any]) -> None:
        command = registry.load(tuple(path))
        if command is None:
            raise Misuse(f"no such command: {' '.join(path)[:64]!r}")
        call = Call(
            args=_tuples(given["args"]),
            options=_tuples(given["options"]),
            explicit=frozenset(given["explicit"]),
            globals=_tuples(given["globals"]),
            now=time.time,
            directory=nowhere,
            environ={},
            note=lambda text: self._row("note", text),
            progress=_Reports(self._row, shown=given["progress"]),
            home_or_none=self._home,
            peers=self._owner.peers,
            stop=self._owner.stop_daemon,
            agent_suffix=self._owner.agent_suffix,
            files=_FarFiles(self._line) if given.get("files") else None,
            journal=self._owner.journal,
            rendered_text=given["text"],
        )
        for value in command.handler(call):
            if isinstance(value, ExitCode):
                self._row("exit", int(value))
            elif isinstance(value, bytes | bytearray | memoryview):
                self._row("bytes", bytes(value))
            else:
                self._row("json", json_line(value))

    def _row(self, kind: str, value: Any) -> None:  # noqa: ANN401 - what DAG-CBOR can hold
        self._line.send(["row", [kind, value]])

    def _rows(self, rows: Iterator[Any]) -> None:
        batch: list[Any] = []
        size = 0
        for row in rows:
            batch.append(row)
            size += sum(map(len, row)) if isinstance(row, list) else len(row)
            if len(batch) >= _ROWS or size >= _ROWS_BYTES:
                self._line.send(["row", batch])
                batch, size = [], 0
        if batch:
            self._line.send(["row", batch])


class _FarFiles:
    """The files of who runs the command, read through its end of the line. See `FileSource`."""

    def __init__(self, line: Wire) -> None:
        self._line = line

    def trees(self, rules: TreeRules, put: PutBlocks | None) -> Iterator[Imported | Passed]:
        """Raise: whoever has files imports them himself."""
        raise Misuse("the daemon imports no files")

    def streams(self) -> Iterator[tuple[str, BinaryIO]]:
        """Open every file in turn; see `FileSource.streams`."""
        while (name := self._ask("next", None)) is not None:
            yield name, io.BufferedReader(_FarStream(self._ask), _READ_BYTES)

    def _ask(self, kind: str, value: int | None) -> Any:  # noqa: ANN401 - what DAG-CBOR can hold
        self._line.send(["row", [kind, value]])
        try:
            return self._line.read()
        except EOFError:
            raise ConnectionResetError("who ran the command went away") from None


class _FarStream(io.RawIOBase):
    """One file at the other end of the line."""

    def __init__(self, ask: Callable[[str, int], Any]) -> None:
        self._ask = ask

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._ask("read", len(into))
        if not isinstance(data, bytes) or len(data) > len(into):
            raise Malformed("an answer on the home's socket is not what was asked for")
        into[: len(data)] = data
        return len(data)


class _Aborted(Exception):
    """Ends a writer whose client gave up."""


class _Reports:
    """Progress that is shown at the other end."""

    def __init__(self, row: Callable[[str, Any], None], *, shown: bool) -> None:
        self._row, self.shown = row, shown

    def __call__(self, files: int, size_bytes: int) -> None:
        """Report what was done since the last call."""
        if self.shown:
            self._row("done", [files, size_bytes])

    def expect(self, total_bytes: int) -> None:
        """Say how many bytes there will be."""
        if self.shown:
            self._row("expect", total_bytes)


def _tuples(value: Any) -> Any:  # noqa: ANN401 - what DAG-CBOR can hold
    """Return *value* as a `Call` has it: tuples for lists, text for bytes (see `cli/far.py`)."""
    if isinstance(value, bytes):
        return os.fsdecode(value)
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    if isinstance(value, dict):
        return {key: _tuples(inner) for key, inner in value.items()}
    return value


_REQUESTS: dict[str, Callable[..., Any]] = {
    "get": _Connection.get,
    "fetch": _Connection.fetch,
    "get_many": _Connection.get_many,
    "sizes": _Connection.sizes,
    "size": _Connection.size,
    "has": _Connection.has,
    "drop": _Connection.drop,
    "multihashes": _Connection.multihashes,
    "writer": _Connection.begin_writer,
    "writer.put": _Connection.put,
    "writer.present": _Connection.present,
    "writer.end": _Connection.end_writer,
    "writer.abort": _Connection.abort_writer,
    "lease": _Connection.begin_lease,
    "lease.keep": _Connection.keep_below,
    "lease.end": _Connection.end_lease,
    "names.get": _Connection.names_get,
    "names.scan": _Connection.names_scan,
    "names.everything": _Connection.names_everything,
    "names.kinds": _Connection.names_kinds,
    "names.version": _Connection.names_version,
    "names.went_back": _Connection.names_went_back,
    "names.recount": _Connection.names_recount,
    "names.apply": _Connection.names_apply,
    "publish": _Connection.make_public,
    "unpublish": _Connection.make_private,
    "run": _Connection.run,
    "watch": _Connection.watch,
}
