"""The short way for commands that only read the home: its daemon does them, we show what it says.

The daemon has everything loaded; starting up is most of what a short command takes. So nothing is
imported here, not even ``socket``, and whatever is out of the usual is left to the long way, which
tells it as ever: None means that nothing was written. ``cli/telling.py`` is the other end.
"""

import os

from jiaozi_node import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

COMMANDS = ("cat", "diff", "log", "ls", "show", "stat")  # held to `Command.apart` by a test
PARTED = ("diff", "log")  # words of these may be files, which the daemon doesn't look at

OUT, ERR = 1, 2  # frames: bytes for a standard stream
DECLINED, ENDED = 3, 4  # the last frame; the length that stands in it is the exit code

_ADDRESS_CHARS = 100  # longer ones the system refuses
_LINK_BYTES = 4096
_OK = b"\0\0\0\5\x82\x62ok\xf6"  # ["ok", null], as `wire` sends it
_BROKEN_PIPE = 141
_UNAVAILABLE = 4


def ask(words: "Sequence[str]") -> "int | None":
    """Have the home's daemon do *words*; return the exit code, None if it can't or doesn't."""
    home = _home()
    if not words or words[0] not in COMMANDS or home is None:
        return None
    if words[0] in PARTED and any(map(os.path.lexists, words[1:])):
        return None
    address = f"{home}/daemon.sock"
    if len(os.fsencode(address)) > _ADDRESS_CHARS:
        return None
    import _socket

    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        head = _begun(line, address, words)
        # DECLINED, or 0, with which messages of the wire begin: a fault
        return _shown(line, head) if head and head[0] in (OUT, ERR, ENDED) else None
    finally:
        line.close()


def _begun(line: "Any", address: str, words: "Sequence[str]") -> "bytes | None":  # noqa: ANN401
    """Ask at *address*; return the head of the first frame, None where there is none."""
    try:
        line.connect(address)
        asked = _asked(words)
        if asked is None:
            return None
        line.sendall(_message(["jiaozi home", 1, __version__]) + _message(["tell", asked]))
        return _exactly(line, 5) if _exactly(line, len(_OK)) == _OK else None
    except (OSError, EOFError):
        return None


def _shown(line: "Any", head: bytes) -> int:  # noqa: ANN401 - a _socket.socket
    """Write what comes, the first frame's *head* being read; return the exit code."""
    try:
        while head[0] != ENDED:
            _write(head[0], _exactly(line, int.from_bytes(head[1:], "big")))
            head = _exactly(line, 5)
    except BrokenPipeError as fault:
        if fault.filename == OUT:
            return _BROKEN_PIPE  # whoever read our output went away
        raise
    except EOFError:
        os.write(ERR, b"jiaozi: the daemon that holds the node home went away; try again\n")
        return _UNAVAILABLE
    except OSError as fault:
        os.write(ERR, f"jiaozi: {(fault.strerror or str(fault)).lower()}\n".encode())
        return _UNAVAILABLE
    return int.from_bytes(head[1:], "big")


def _write(stream: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(stream, data) :]
        except BrokenPipeError as fault:
            fault.filename = stream
            raise


def _exactly(line: "Any", size: int) -> bytes:  # noqa: ANN401 - a _socket.socket
    parts = []
    while size:
        part = line.recv(size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _home() -> "str | None":
    """Return what `home_path` does; None where that takes more than joining."""
    environ = os.environ
    if explicit := environ.get("JIAOZI_PATH"):
        return explicit
    base = environ.get("XDG_DATA_HOME") or f"{environ.get('HOME') or '~'}/.local/share"
    return None if base.startswith("~") else f"{base}/jiaozi"


def _asked(words: "Sequence[str]") -> "list[Any] | None":
    """Return what the daemon is to know of this process; see `telling.Asked`."""
    here = os.getcwd()
    place = _place(here)
    if place is None:
        return None
    zone = os.environ.get("TZ")
    return [
        [os.fsencode(word) for word in words],
        os.fsencode(here),
        place,
        None if zone is None else os.fsencode(zone),
        os.isatty(OUT),
    ]


def _place(here: str) -> "list[Any] | None":
    """Return the working copy we stand in: its root, inode, and link; [] in none, None if odd.

    Looked for as `worktree.link.find` does, here and not by the daemon: only its own process
    touches a user's files.
    """
    while True:
        try:
            path = f"{here.rstrip('/')}/.jiaozi/worktree.toml"
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            above = os.path.dirname(here)
            if above == here:
                return []
            here = above
            continue
        except OSError:
            return None
        try:
            data = os.read(fd, _LINK_BYTES + 1)
        finally:
            os.close(fd)
        return [os.fsencode(here), os.stat(here).st_ino, data]


def _message(value: "Any") -> bytes:  # noqa: ANN401 - what DAG-CBOR can hold
    data = _cbor(value)
    return len(data).to_bytes(4, "big") + data


def _cbor(value: "Any") -> bytes:  # noqa: ANN401 - what DAG-CBOR can hold
    """Return DAG-CBOR of the few types that are sent; the encoder takes long to load."""
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        data = value.encode()
        return _head(3, len(data)) + data
    return _head(4, len(value)) + b"".join([_cbor(inner) for inner in value])


def _head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes((major << 5 | value,))
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << 8 * size:
            return bytes((major << 5 | code,)) + value.to_bytes(size, "big")
    raise OverflowError
