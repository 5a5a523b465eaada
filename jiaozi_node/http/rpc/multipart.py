"""``multipart/form-data`` taken apart as it arrives, nothing spooled: bytes in, events out.

It reads what Kubo's clients send (go-ipfs-cmds, kubo-rpc-client, curl): RFC 2046 with the names of
boxo's ``files`` package, where ``filename`` is a path in URL encoding and the mode and times of a
file stand in a query behind the field's name. No socket and no thread here; see ``upload.py``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes

from jiaozi_node.errors import LimitExceeded, Malformed

MAX_BOUNDARY_BYTES: Final = 70  # RFC 2046 §5.1.1
MAX_HEADER_BYTES: Final = 16 * 1024  # of one part: two paths of 4,096 bytes, each escaped
MAX_HEADERS: Final = 32
MAX_PARTS: Final = 10_000_000
_MAX_PADDING = 256  # white space behind a boundary


class BadMultipart(Malformed):
    """A body breaks RFC 2046; says what, at which part (counted from 1)."""

    def __init__(self, part: int, what: str) -> None:
        super().__init__(f"multipart body, part {part}: {what}")
        self.part, self.what = part, what


@dataclass(frozen=True, slots=True)
class Begin:
    """A part begins. Names of headers are in lower case."""

    headers: dict[str, str]

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case; "" when none is given."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class End:
    """The part is complete."""


Event: TypeAlias = Begin | bytes | memoryview | End

_END = End()
_AFTER_BOUNDARY = b" \t\r-"


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a Content-Type of ``multipart/form-data`` names."""
    media, parameters = parameters_of(content_type)
    if media != "multipart/form-data":
        raise Malformed(f"expected a body of multipart/form-data, not {media[:64] or 'nothing'!r}")
    boundary = parameters.get("boundary", "").encode("utf-8", "surrogateescape")
    if not boundary:
        raise Malformed("multipart body: its Content-Type names no boundary")
    if len(boundary) > MAX_BOUNDARY_BYTES:
        raise LimitExceeded("multipart boundary", MAX_BOUNDARY_BYTES, len(boundary))
    return boundary


class Parser:
    """Takes one body apart; hand it the bytes in pieces of any size, then call `end`."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._held = b"\r\n"  # the first boundary may stand at the very beginning
        self._state = self._preamble
        self._parts = 0
        self._ended = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take the next bytes of the body; yield what they complete.

        Bytes of a part may come in pieces. Raises `BadMultipart` or `LimitExceeded`, for good.
        """
        if self._ended:  # an epilogue, which means nothing
            return
        if self._held:
            data, self._held = self._held + data, b""
        at = 0
        while True:
            events, at, more = self._state(data, at)
            yield from events
            if not more:
                break
        self._held = data[at:]

    def end(self) -> None:
        """Say that the body is over; raises `BadMultipart` when the last boundary is missing."""
        if not self._ended:
            raise BadMultipart(self._parts, "the body ends before the closing boundary")

    # Each state takes what it can of data from *at* on: (events, where it got, go on at once?).

    def _preamble(self, data: bytes, at: int) -> tuple[tuple[Event, ...], int, bool]:
        found, upto = self._boundary(data, at)
        return (), upto, found

    def _body(self, data: bytes, at: int) -> tuple[tuple[Event, ...], int, bool]:
        found, upto = self._boundary(data, at)
        if found:
            length = len(self._delimiter)
            body = memoryview(data)[at : upto - length]
            return (body, _END) if body else (_END,), upto, True
        body = memoryview(data)[at:upto]
        return (body,) if body else (), upto, False

    def _boundary(self, data: bytes, at: int) -> tuple[bool, int]:
        """Find the next boundary: (True, behind it), or (False, up to where there is none)."""
        delimiter = self._delimiter
        start = at
        while True:
            found = data.find(delimiter, start)
            behind = found + len(delimiter)
            if found < 0:
                # The beginning of one may stand at the very end.
                cut = data.find(b"\r", max(at, len(data) - len(delimiter) + 1))
                return False, len(data) if cut < 0 else cut
            if behind == len(data):
                return False, found
            if data[behind] in _AFTER_BOUNDARY:
                self._state = self._behind_boundary
                return True, behind
            start = behind  # "--boundaryX" is no boundary, but content

    def _behind_boundary(self, data: bytes, at: int) -> tuple[tuple[Event, ...], int, bool]:
        """Tell the last boundary from others, passing over white space."""
        if data.startswith(b"--", at):
            self._ended = True
            return (), len(data), False
        line = data.find(b"\r\n", at)
        if line < 0:
            if len(data) - at > _MAX_PADDING:
                raise BadMultipart(self._parts, "no line end behind a boundary")
            return (), at, False
        if data[at:line].strip(b" \t"):
            raise BadMultipart(self._parts, "a boundary is followed by text")
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise LimitExceeded("multipart body", MAX_PARTS, self._parts, "parts")
        self._state = self._headers
        return (), line, True  # its CR LF may be the first half of the empty line

    def _headers(self, data: bytes, at: int) -> tuple[tuple[Event, ...], int, bool]:
        end = data.find(b"\r\n\r\n", at, at + MAX_HEADER_BYTES + 6)
        if end < 0:
            if len(data) - at >= MAX_HEADER_BYTES + 6:
                raise LimitExceeded(
                    f"headers of multipart part {self._parts}", MAX_HEADER_BYTES, len(data) - at
                )
            return (), at, False
        headers = self._read(data[at + 2 : end]) if end > at else {}
        self._state = self._begin_body
        return (Begin(headers),), end + 2, True

    def _begin_body(self, data: bytes, at: int) -> tuple[tuple[Event, ...], int, bool]:
        """Pass the CR LF that ends the headers, unless it begins the boundary of an empty part."""
        there = data[at : at + len(self._delimiter)]
        if len(there) < len(self._delimiter) and self._delimiter.startswith(there):
            return (), at, False
        self._state = self._body
        return (), at if there == self._delimiter else at + 2, True

    def _read(self, block: bytes) -> dict[str, str]:
        headers: dict[str, str] = {}
        lines = block.decode("utf-8", "surrogateescape").split("\r\n")
        if len(lines) > MAX_HEADERS:
            raise LimitExceeded(
                f"headers of multipart part {self._parts}", MAX_HEADERS, len(lines), "lines"
            )
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not _TOKEN.fullmatch(name):
                raise BadMultipart(self._parts, f"a header line is none: {line[:64]!r}")
            if "\n" in value or "\0" in value or "\r" in value:
                raise BadMultipart(self._parts, f"header {name[:64]} holds a control character")
            headers.setdefault(name.lower(), value.strip(" \t"))
        if headers.get("content-transfer-encoding", "binary").lower() not in _PLAIN:
            raise BadMultipart(self._parts, "only plain Content-Transfer-Encodings are taken")
        return headers


_PLAIN = ("binary", "8bit", "7bit")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# A backslash quotes only what needs it, as in Go: some clients send C:\dir\file.
_PARAMETER = re.compile(
    r";[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*"
    r'(?:"((?:\\[()<>@,;:\\"/\[\]?=]|[^"])*+)"|([^;\s"]*))[ \t]*'
)
_QUOTED = re.compile(r'\\([()<>@,;:\\"/\[\]?=])')


def parameters_of(value: str) -> tuple[str, dict[str, str]]:
    """Split a header value such as ``form-data; name="a"``; ({}, on a broken one, is all of it).

    The first of two parameters of one name counts. ``filename*`` (RFC 8187, UTF-8) stands in for an
    absent ``filename``.
    """
    main, semicolon, _ = value.partition(";")
    found: dict[str, str] = {}
    at = len(main)
    while semicolon and at < len(value):
        match = _PARAMETER.match(value, at)
        if match is None:
            if value[at:].strip(" \t;"):
                return main.strip().lower(), {}
            break
        name, quoted, plain = match[1].lower(), match[2], match[3]
        found.setdefault(name, plain if quoted is None else _QUOTED.sub(r"\1", quoted))
        at = match.end()
    extended = found.pop("filename*", None)
    if extended is not None and "filename" not in found:
        charset, _, rest = extended.partition("'")
        if charset.lower() == "utf-8":
            text = unquote_to_bytes(rest.partition("'")[2].encode("utf-8", "surrogateescape"))
            found["filename"] = text.decode("utf-8", "surrogateescape")
    return main.strip().lower(), found
