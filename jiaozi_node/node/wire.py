"""What a home's daemon and the commands beside it say to each other, over a socket in the home.

A message is four bytes of length and one DAG-CBOR value. A request is a list that begins with the
name of what is asked. The answer is ``["ok", value]`` behind any number of ``["row", value]``, or
``["fault", family, name, text, data]``. Both ends are the same version of jiaozi: who connects says
`HELLO` first. Only the home's owner may enter it; still every message is bounded.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from jiaozi_node import __version__, errors
from jiaozi_node.errors import JiaoziError, LimitExceeded, Malformed, Unavailable
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing, NameConflict

SOCKET: Final = "daemon.sock"
HELLO: Final = ["jiaozi home", 1, __version__]
HELLO_S: Final = 10.0  # for the first words of both sides
MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024  # a batch is 1 MiB beyond its last block
_BUFFER_BYTES = 256 * 1024
_DATA = (str, int, bytes, Cid)


class DaemonGone(Unavailable):
    """The daemon that holds the home ended, or answers what can't be read."""

    def __init__(self) -> None:
        super().__init__("the daemon that holds the node home went away; try again")


class Wire:
    """One connection; its owner sends and reads in turn. Not for two threads at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.ready = True  # the last answer was read to its end: another request may follow
        self._in = sock.makefile("rb", _BUFFER_BYTES)

    def send(self, message: Any) -> None:  # noqa: ANN401 - what DAG-CBOR can hold
        """Send one message; raises `OSError`, and `LimitExceeded` having sent nothing."""
        data = dag_cbor.encode(message)
        if len(data) > MAX_MESSAGE_BYTES:
            raise LimitExceeded("message on the home's socket", MAX_MESSAGE_BYTES, len(data))
        self._socket.sendall(len(data).to_bytes(4, "big") + data)

    def send_raw(self, data: bytes) -> None:
        """Send bytes that are no message; raises `OSError`."""
        self._socket.sendall(data)

    def gone(self) -> bool:
        """Tell whether the other side hung up."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def read(self) -> Any:  # noqa: ANN401 - what DAG-CBOR can hold
        """Wait for a message; raises `EOFError` when the other side is gone, `Malformed`."""
        head = self._in.read(4)
        if len(head) < 4:
            raise EOFError
        size = int.from_bytes(head, "big")
        if size > MAX_MESSAGE_BYTES:
            raise LimitExceeded("message on the home's socket", MAX_MESSAGE_BYTES, size)
        data = self._in.read(size)
        if len(data) < size:
            raise EOFError
        return dag_cbor.decode(data)

    def ask(self, *request: Any) -> Any:  # noqa: ANN401 - what DAG-CBOR can hold
        """Send a request and return the value of its answer, raising its fault."""
        for _ in self.rows(*request):
            raise DaemonGone
        return self.value

    def rows(self, *request: Any) -> Iterator[Any]:  # noqa: ANN401 - what DAG-CBOR can hold
        """Send a request and yield the rows of its answer; `value` is what came last."""
        self.value = None
        self.ready = False
        self._send(request)
        while True:
            kind, *rest = self._answer()
            if kind == "row":
                yield rest[0]
                continue
            self.ready = True
            if kind == "fault":
                raise fault_of(rest)
            self.value = rest[0]
            return

    def _send(self, request: tuple[Any, ...]) -> None:
        try:
            self.send(list(request))
        except OSError:
            raise DaemonGone from None

    def _answer(self) -> Any:  # noqa: ANN401 - what DAG-CBOR can hold
        try:
            return self.read()
        except (OSError, EOFError, Malformed):
            raise DaemonGone from None

    def within(self, seconds: float | None) -> None:
        """Let no further read or send take longer; None: as long as it takes."""
        self._socket.settimeout(seconds)

    def close(self) -> None:
        """Hang up; harmless when repeated."""
        self._in.close()
        self._socket.close()


@contextmanager
def address_of(home: Path) -> Iterator[str]:
    """Hand out the address of the home's socket: paths are longer than an address may be."""
    fd = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        short = f"/proc/self/fd/{fd}/{SOCKET}"
        yield short if os.path.isdir(f"/proc/self/fd/{fd}") else os.fspath(home / SOCKET)
    finally:
        os.close(fd)


def connect(home: Path) -> Wire | None:
    """Connect to the daemon of *home*; None when nobody listens there."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with address_of(home) as address:
            sock.connect(address)
    except OSError:
        sock.close()
        return None
    wire = Wire(sock)
    try:
        wire.within(HELLO_S)
        wire.ask(*HELLO)
        wire.within(None)
    except DaemonGone:
        wire.close()
        return None
    except BaseException:
        wire.close()
        raise
    return wire


# ---- faults ------------------------------------------------------------------------------


def told(fault: BaseException) -> list[Any]:
    """Return the message that carries *fault*; what we did not foresee is told by family alone."""
    if not isinstance(fault, JiaoziError):
        return ["fault", "Unavailable", "Unavailable", _sayable(f"the daemon failed: {fault}"), {}]
    family = next(one.__name__ for one in type(fault).__mro__ if one.__name__ in _FAMILIES)
    data = {
        name: int(value) if isinstance(value, IntEnum) else _sayable(value)
        for name, value in vars(fault).items()
        if isinstance(value, _DATA)
    }
    return ["fault", family, type(fault).__name__, _sayable(str(fault)), data]


def _sayable(value: Any) -> Any:  # noqa: ANN401 - of a fault's data
    """Return text with escapes in the place of bytes that are no UTF-8; *value* if it is none."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def fault_of(message: list[Any]) -> JiaoziError:
    """Return the error that *message* carries, of the same family and name, with the same data."""
    family, name, text, data = message
    if name == "BlockMissing":
        return BlockMissing(data["cid"], data["asked"])
    if name == "NameConflict":
        return NameConflict(data["kind"], data["key"], data.get("found"))
    # What is told of a fault goes by its name and data (commands/kubo_errors.py); its class may
    # live above us, so one like it is made.
    base = _FAMILIES[family]
    fault: JiaoziError = type(name, (base,), {"__init__": Exception.__init__})(text)
    vars(fault).update(data)
    return fault


_FAMILIES: dict[str, type[JiaoziError]] = {
    one.__name__: one
    for one in (
        errors.Malformed,
        errors.Misuse,
        errors.NotFound,
        errors.Conflict,
        errors.Refused,
        errors.Unavailable,
        errors.Corrupt,
        errors.Locked,
    )
}
