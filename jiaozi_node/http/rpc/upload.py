"""What a request carries as files: paths, kinds, modes and bytes, in the order of their parts.

The names are those of boxo's ``files`` package (research/kubo-rpc-and-gateway.md §1.2): a part's
``filename`` is a path in form encoding, cleaned so that it can't leave the root; directories may be
parts of their own or only be implied; what stands behind ``?`` in the field's name is mode and
time. An upload is read on a worker thread, once, from front to back.
"""

import io
import os
import posixpath
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import BinaryIO, Final
from urllib.parse import unquote_to_bytes

from jiaozi_node.commands.declare import Imported, NoPlace, Passed, PutBlocks, TreeRules
from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.http.rpc import multipart
from jiaozi_node.http.rpc.escapes import unescapable
from jiaozi_node.http.rpc.multipart import BadMultipart, Begin, End, Event, Parser
from jiaozi_node.unixfs.add import FileBuilder, add_bytes, symlink
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.node import Mtime, Node
from jiaozi_node.worktree.import_tree import Sink
from jiaozi_node.worktree.referred import Referred

MAX_PATH_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 1024
MAX_TARGET_BYTES: Final = 64 * 1024
MAX_LINES_BYTES: Final = 16 * 1024 * 1024  # arguments that come as a body


class Kind(Enum):
    """What a part is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"


@dataclass(frozen=True, slots=True)
class Part:
    """One file, symlink or directory; *path* is empty for a nameless one."""

    path: tuple[str, ...]
    kind: Kind
    mode: int | None
    mtime: Mtime | None
    pieces: Iterator[bytes | memoryview]
    place: str = ""  # where the client has the file


class Upload:
    """The files of one request; see `FileSource`. *take* gives the body's bytes, b"" at its end."""

    def __init__(self, take: Callable[[], bytes], content_type: str) -> None:
        self._take = take
        self._parser = Parser(multipart.boundary_of(content_type))

    def trees(self, rules: TreeRules, put: PutBlocks | None) -> Iterator[Imported | Passed]:
        """Import every top-level entry in turn; see `FileSource.trees`."""
        return _Import(rules, put).of(self.parts())

    def streams(self) -> Iterator[tuple[str, BinaryIO]]:
        """Open every file in turn; see `FileSource.streams`."""
        for part in self.parts():
            if part.kind is Kind.FILE:
                yield "/".join(part.path), io.BufferedReader(_Stream(part.pieces), 256 * 1024)

    def lines(self) -> list[str]:
        """Return the lines of the first file: arguments that come as a body."""
        for _, stream in self.streams():
            data = stream.read(MAX_LINES_BYTES + 1)
            if len(data) > MAX_LINES_BYTES:
                raise LimitExceeded("arguments in the body", MAX_LINES_BYTES, len(data))
            text = data.decode("utf-8", "surrogateescape")
            if not text:
                return []
            return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
        return []

    def parts(self) -> Iterator[Part]:
        """Yield the parts; asking for the next passes over what is left of the bytes of one."""
        events = self._events()
        number = 0
        for event in events:
            if isinstance(event, Begin):
                number += 1
                part = _part(event, number, _until_end(events))
                yield part
                for _ in part.pieces:
                    pass

    def _events(self) -> Iterator[Event]:
        while data := self._take():
            yield from self._parser.feed(data)
        self._parser.end()


def _until_end(events: Iterator[Event]) -> Iterator[bytes | memoryview]:
    for event in events:
        if isinstance(event, End):
            return
        if not isinstance(event, Begin):
            yield event


def _part(begin: Begin, number: int, pieces: Iterator[bytes | memoryview]) -> Part:
    _, parameters = multipart.parameters_of(begin.headers.get("content-disposition", ""))
    mode, mtime = _meta(parameters.get("name", ""), number)
    media = begin.content_type
    kind = Kind.FILE
    if media in ("application/x-directory", "multipart/form-data"):
        kind = Kind.DIRECTORY
    elif media == "application/symlink":
        kind = Kind.SYMLINK
    path = path_of(parameters.get("filename", ""), number)
    return Part(path, kind, mode, mtime, pieces, _place(begin, number))


def _place(begin: Begin, number: int) -> str:
    """Return the absolute path that the client says the file has; "" where it says none."""
    place = begin.headers.get("abspath-encoded") or ""
    if place:
        place = unquote_to_bytes(os.fsencode(place.replace("+", " "))).decode(
            "utf-8", "surrogateescape"
        )
    else:
        place = begin.headers.get("abspath") or ""
    if "\0" in place:
        raise BadMultipart(number, "its abspath holds a NUL")
    return place


def path_of(filename: str, number: int = 1) -> tuple[str, ...]:
    """Return the names of *filename* below the root, ``..`` and ``.`` taken away."""
    if unescapable(filename):  # where it can't be, Go takes it as it is
        data = unquote_to_bytes(os.fsencode(filename.replace("+", " ")))
        filename = data.decode("utf-8", "surrogateescape")
    size = len(filename.encode("utf-8", "surrogateescape"))
    if size > MAX_PATH_BYTES:
        raise LimitExceeded(f"filename of multipart part {number}", MAX_PATH_BYTES, size)
    if "\0" in filename:
        raise BadMultipart(number, "its filename holds a NUL")
    names = tuple(posixpath.normpath("/" + filename).strip("/").split("/"))
    if len(names) > MAX_DEPTH:
        raise LimitExceeded(
            f"filename of multipart part {number}", MAX_DEPTH, len(names), "directories"
        )
    return () if names == ("",) else names


def _meta(field: str, number: int) -> tuple[int | None, Mtime | None]:
    """Read mode and time from a field's name, ``file?mode=0644&mtime=1604320482``."""
    query = field.partition("?")[2]
    given = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
    mode = _number(given.get("mode"), 8, "mode", number)
    seconds = _number(given.get("mtime"), 10, "mtime", number)
    nanos = _number(given.get("mtime-nsecs"), 10, "mtime-nsecs", number) or 0
    if not 0 <= nanos < 1_000_000_000:
        raise BadMultipart(number, f"its mtime-nsecs is {nanos}, not below 1000000000")
    if mode is not None and not 0 <= mode < 1 << 32:
        raise BadMultipart(number, "its mode is out of range")
    return None if mode is None else mode & 0o7777, None if seconds is None else (seconds, nanos)


def _number(text: str | None, base: int, what: str, number: int) -> int | None:
    if text is None:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        raise BadMultipart(number, f"its {what} is no number: {text[:40]!r}")
    try:
        value = int(text, base)
    except ValueError:
        raise BadMultipart(number, f"its {what} is no number: {text[:40]!r}") from None
    if not -(2**63) <= value < 2**63:
        raise BadMultipart(number, f"its {what} is out of range")
    return value


class _Stream(io.RawIOBase):
    """The pieces of one part as a raw stream."""

    def __init__(self, pieces: Iterator[bytes | memoryview]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        size = min(len(into), len(self._left))
        into[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


@dataclass(slots=True)
class _Open:
    """A directory whose entries are coming in."""

    path: tuple[str, ...]
    builder: DirectoryBuilder


class _Import:
    """Builds the trees of one upload; entries of a directory must come one after another."""

    def __init__(self, rules: TreeRules, put: PutBlocks | None) -> None:
        self._rules, self._sink = rules, Sink(put)
        self._stack: list[_Open] = []
        self._directories: list[Imported] = []  # they are told of behind the files
        self._tops: set[str] = set()
        self._told: tuple[int | None, Mtime | None] = (None, None)  # of the argument at hand

    def of(self, parts: Iterator[Part]) -> Iterator[Imported | Passed]:
        for part in parts:
            path = part.path
            if part.kind is Kind.DIRECTORY and not path:
                continue
            yield from self._close_above(path)
            if len(path) > 1 or part.kind is Kind.DIRECTORY:
                self._open_above(part)
            if not self._stack:
                self._top(path)
            if len(path) < 2:
                self._told = part.mode, part.mtime
            if part.kind is Kind.DIRECTORY:
                continue
            mode, mtime = self._meta(part)
            node = yield from self._node(part, mode, mtime)
            if self._stack:
                self._stack[-1].builder.add(path[-1], node)
            if self._rules.every_entry or len(path) < 2:
                yield Imported("/".join(path), node, max(len(path) - 1, 0), *self._told)
        yield from self._close_above(())
        self._sink.flush()

    def _node(
        self, part: Part, mode: int | None, mtime: Mtime | None
    ) -> Generator[Passed, None, Node]:
        profile, keep = self._rules.profile, self._sink.keep
        if part.kind is Kind.SYMLINK:
            target = b"".join(map(bytes, _bounded(part.pieces)))
            blocks, node = symlink(target, profile, mtime)
            self._sink.take(blocks if keep else [])
            return node
        referred = None
        if self._rules.refer is not None:
            if not posixpath.isabs(part.place):
                raise NoPlace
            referred = Referred(self._rules.refer, part.place, self._sink)
        first = next(part.pieces, b"")
        second: bytes | memoryview | None = b""
        if referred is None:
            second = next(part.pieces, None) if len(first) <= profile.chunk_size else b""
        if second is None:
            if self._rules.progress and first:
                yield Passed("/".join(part.path), len(first), *self._told)
            blocks, node = add_bytes(bytes(first), profile, mode, mtime, keep)
            self._sink.take(blocks)
            return node
        sink = referred or self._sink
        builder = FileBuilder(profile, mode, mtime, keep, referred.leaf if referred else None)
        passed = told = 0
        for piece in chain((first, second), part.pieces):
            sink.take(builder.feed(piece))
            passed += len(piece)
            if self._rules.progress and passed - told >= _TOLD_BYTES:
                told = passed
                yield Passed("/".join(part.path), passed, *self._told)
        if self._rules.progress and passed > told:
            yield Passed("/".join(part.path), passed, *self._told)
        blocks, node = builder.end()
        sink.take(blocks)
        return node

    def _meta(self, part: Part) -> tuple[int | None, Mtime | None]:
        """Return the mode and time to record: the part's own where the profile keeps them."""
        profile, rules = self._rules.profile, self._rules
        return (
            part.mode if profile.mode and part.mode is not None else rules.mode,
            part.mtime if profile.mtime and part.mtime is not None else rules.mtime,
        )

    def _top(self, path: tuple[str, ...]) -> None:
        name = path[0] if path else ""
        if name in self._tops and name:
            raise Misuse(f"{name!r} comes twice, or its entries don't come one after another")
        self._tops.add(name)

    def _open_above(self, part: Part) -> None:
        """Open the directories that lead to *part*, and its own."""
        path = part.path
        upto = len(path) if part.kind is Kind.DIRECTORY else len(path) - 1
        for depth in range(len(self._stack) + 1, upto + 1):
            if depth == 1:
                self._top(path)
                self._told = None, None
            own = depth == len(path)
            mode, mtime = self._meta(part) if own else (self._rules.mode, self._rules.mtime)
            builder = DirectoryBuilder(self._rules.profile, mode, mtime, self._sink.keep)
            self._stack.append(_Open(path[:depth], builder))

    def _close_above(self, path: tuple[str, ...]) -> Iterator[Imported]:
        """End the directories that *path* doesn't lie in."""
        while self._stack and path[: len(self._stack)] != self._stack[-1].path:
            done = self._stack.pop()
            blocks, node = done.builder.end()
            self._sink.take(blocks)
            if self._stack:
                self._stack[-1].builder.add(done.path[-1], node)
            depth = len(done.path) - 1
            if self._rules.every_entry or depth == 0:
                self._directories.append(Imported("/".join(done.path), node, depth, *self._told))
            if depth == 0:
                yield from self._directories
                self._directories = []


_TOLD_BYTES = 256 * 1024  # as often as Kubo tells


def _bounded(pieces: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_TARGET_BYTES:
            raise LimitExceeded("symlink target", MAX_TARGET_BYTES, size)
        yield bytes(piece)
