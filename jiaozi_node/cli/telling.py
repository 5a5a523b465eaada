"""Commands that only read the home, done in its daemon for a process beside it (`asking`).

What goes well is told, byte for byte as that process would have written it. Whatever else happens
before the first bytes went out, faults above all, is not told at all: the process does the command
itself and says what is wrong. Nothing of a user's files is touched here (design §2).
"""

import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

from jiaozi_node.cli import arguments, faults
from jiaozi_node.cli.asking import DECLINED, ENDED, ERR, OUT
from jiaozi_node.cli.progress import Progress
from jiaozi_node.cli.rendering import render
from jiaozi_node.commands import registry
from jiaozi_node.commands.declare import Argument, Call
from jiaozi_node.errors import JiaoziError
from jiaozi_node.node.config import Config
from jiaozi_node.node.home import GivesLeases, HoldsKeys, Home
from jiaozi_node.stores.api import BlockStore, Names
from jiaozi_node.stores.cache import Cached
from jiaozi_node.stores.leases import Leased, Leases
from jiaozi_node.worktree import link
from jiaozi_node.worktree.link import Place

_KEPT_BYTES: Final = 16 * 1024 * 1024
HELD_BYTES: Final = 64 * 1024  # so much is held back while a fault can still be left to the asker
_FRAME_BYTES: Final = 256 * 1024

_HEED_EVERY = 64  # reads

Send = Callable[[bytes], None]
Gone = Callable[[], bool]


class Asked(NamedTuple):
    """What the asking process says of itself: its words, where it stands, its time zone."""

    words: list[str]
    directory: str
    place: Place
    zone: str | None
    on_terminal: bool

    @staticmethod
    def of(value: list[Any]) -> "Asked":
        """Read what `asking` sends; raises `Misuse` and whatever else wrong types raise."""
        words, directory, place, zone, on_terminal = value
        found = None
        inode = 0
        if place:
            root, inode, data = place
            found = link.parse(os.fsdecode(root), data)
        return Asked(
            [os.fsdecode(word) for word in words],
            os.fsdecode(directory),
            Place(os.fsdecode(directory), found, inode),
            None if zone is None else os.fsdecode(zone),
            bool(on_terminal),
        )


class _Declined(Exception):
    """The process that asks is to do it itself."""


def tells(home: Home) -> Callable[[list[Any], Send, Gone], None]:
    """Return what does commands by reading *home*; blocks that were read last are kept at hand.

    Where the process that asks is *gone*, reading ends with a `ConnectionError`.
    """

    @cache
    def blocks() -> BlockStore:
        return Cached(home.blocks, _KEPT_BYTES, shared=True)

    def tell(asked: list[Any], send: Send, gone: Gone) -> None:
        reads = count(1)

        def heed() -> None:
            if not next(reads) % _HEED_EVERY and gone():
                raise ConnectionAbortedError

        _tell(_Reading(home, Leased(blocks(), Leases(), heed=heed)), asked, send)

    return tell


class _Reading(NamedTuple):
    """What commands that only read a home see of it."""

    home: Home
    blocks: BlockStore

    @property
    def path(self) -> Path:
        return self.home.path

    @property
    def config(self) -> Config:
        return self.home.config

    @property
    def names(self) -> Names:
        return self.home.names

    @property
    def leases(self) -> GivesLeases:
        return self.home.leases

    @property
    def keys(self) -> HoldsKeys:
        return self.home.keys

    def released(self) -> AbstractContextManager[None]:
        raise NotImplementedError  # only acts that write ask for it

    def close(self) -> None:
        """Do nothing: the daemon goes on."""


def _tell(home: Home, value: list[Any], send: Send) -> None:
    """Do what is asked and send frames of what there is to show, or that it is declined."""
    out = _Out(send)
    try:
        code = _done(home, Asked.of(value), out)
        out.flush()
    except ConnectionError:
        raise  # nobody listens any more
    except Exception as fault:
        if not out.begun:
            send(bytes((DECLINED, 0, 0, 0, 0)))
            return
        if not isinstance(fault, JiaoziError | OSError):
            raise
        out.flush()
        code, text = faults.told(fault)
        _frame(send, ERR, text)
    _frame(send, ENDED, b"", code)


def _done(home: Home, asked: Asked, out: "_Out") -> int:
    """Do one command line; return its exit code."""
    if asked.zone != os.environ.get("TZ"):
        raise _Declined
    path, rest = registry.find(arguments.options_last(asked.words))
    command = registry.load(path)
    if command is None or command.apart is None:
        raise _Declined
    parsed = arguments.parse(command, rest, _no_input)
    if parsed.globals.get("help") or parsed.globals.get("api") is not None:
        raise _Declined
    if not command.apart(parsed.args, parsed.options):
        raise _Declined
    as_json = arguments.as_json(command, parsed.globals)
    call = Call(
        args=parsed.args,
        options=parsed.options,
        explicit=parsed.explicit,
        now=time.time,
        directory=lambda: asked.directory,
        environ=_NOTHING,
        note=_unsaid,
        progress=Progress(False),
        home_or_none=home,
        rendered_text=not as_json,
        on_terminal=asked.on_terminal,
        globals=parsed.globals,
        place=asked.place,
    )
    values = command.handler(call)
    try:
        return render(
            command, call, values, out, as_json=as_json, before_text=_pass, when_large=_pass
        )
    finally:
        if isinstance(values, Generator):
            values.close()


class _Out:
    """Standard output of the process that asks; held back until there is much of it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: list[bytes | bytearray | memoryview] = []
        self._bytes = 0
        self.begun = False

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        """See `rendering.Takes`."""
        self._held.append(data)
        self._bytes += len(data)
        if self._bytes >= HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what is held back."""
        data = b"".join(self._held)
        self._held, self._bytes, self.begun = [], 0, True
        for at in range(0, len(data), _FRAME_BYTES):
            _frame(self._send, OUT, data[at : at + _FRAME_BYTES])


def _frame(send: Send, kind: int, data: bytes, number: int | None = None) -> None:
    size = len(data) if number is None else number
    send(bytes((kind,)) + size.to_bytes(4, "big") + data)


def _no_input(_argument: Argument) -> list[str]:
    raise _Declined  # it may be read only by the process whose input it is


def _unsaid(_text: str) -> None:
    raise _Declined  # of the acts that write only


def _pass() -> None:
    pass


_NOTHING: Mapping[str, str] = {}
