"""Small requests answered as they arrive, without a task, a parser's state or a stream.

A handler whose content is at hand never waits; what remains of a small answer's cost is aiohttp's
machinery around it, three times the handler's. So a head that came whole, alone and in the plainest
form is read here, and its handler is run to its end on the spot. Whatever is unusual or long is
passed over, what would wait raises `WouldWait`, and aiohttp does all of it from the beginning.
"""

import re
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final

from aiohttp import HttpVersion, HttpVersion11, web

from jiaozi_node.node.fetch import WouldWait

MAX_HEAD_BYTES: Final = 4096
_HEAD = re.compile(
    rb"(GET|HEAD|OPTIONS) (/[!-~]*) HTTP/1\.1\r\n((?:[A-Za-z][A-Za-z0-9-]*: ?[ -~]*\r\n)+)\r\n"
)
# What changes how a message is read, or the connection: for aiohttp to judge.
_UNUSUAL: Final = frozenset(
    ("Content-Length", "Transfer-Encoding", "Content-Encoding", "Expect", "Upgrade", "Te",
     "Trailer", "Http2-Settings", "Keep-Alive", "Proxy-Connection")
)  # fmt: skip


class Fields(dict[str, str]):
    """The fields of a head, each of which came once, under names like ``If-None-Match``."""

    def getall(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return the values of *name*."""
        return (self[name],) if name in self else default


@dataclass(slots=True)
class QuickRequest:
    """What handlers ask of a request; has the names of `aiohttp.web.BaseRequest`."""

    method: str
    raw_path: str
    headers: Fields
    transport: Any
    version: HttpVersion = HttpVersion11


Request = web.BaseRequest | QuickRequest
# Answers a quick request with the bytes of the answer, None when it can't.
Quick = Callable[[QuickRequest], bytes | None]


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole answer. *headers* hold no Content-Length unless it isn't that of *body*."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def read(data: bytes, transport: Any) -> QuickRequest | None:  # noqa: ANN401 - asyncio's
    """Read the one head that *data* is, None when it is anything else or out of the ordinary."""
    if len(data) > MAX_HEAD_BYTES:
        return None
    found = _HEAD.fullmatch(data)
    if found is None:
        return None
    method, target, lines = found.groups()
    fields = Fields()
    for line in lines.decode("ascii").split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        name = name.title()
        if name in fields or name in _UNUSUAL:
            return None
        fields[name] = value.strip()
    if "Host" not in fields or fields.get("Connection", "keep-alive").lower() != "keep-alive":
        return None
    return QuickRequest(method.decode(), target.decode(), fields, transport)


def finished(work: "Coroutine[Any, Any, Whole]") -> Whole | None:
    """Run *work* to its end, None when it would have to wait."""
    try:
        work.send(None)
    except StopIteration as done:
        whole: Whole = done.value
        return whole
    except WouldWait:
        return None
    work.close()
    return None


def render(whole: Whole, common: str, is_head: bool) -> bytes:
    """Return the bytes of an answer; *common* are lines that every answer has."""
    lines = [f"{name}: {value}\r\n" for name, value in whole.headers.items()]
    if "Content-Length" not in whole.headers and whole.status not in (204, 304):
        lines.append(f"Content-Length: {len(whole.body)}\r\n")
    head = f"{_STATUS[whole.status]}{common}Date: {_now()}\r\n{''.join(lines)}\r\n"
    if head.count("\n") != len(lines) + common.count("\n") + 3 or "\0" in head:
        raise ValueError("a header's value would end its line")
    raw = head.encode()
    return raw if is_head or whole.status in (204, 304) else raw + whole.body


_STATUS: Final = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n" for one in HTTPStatus}
_date: tuple[int, str] = (0, "")


def _now() -> str:
    """Return the present second, formatted once."""
    global _date
    second = int(time.time())
    if _date[0] != second:
        _date = (second, formatdate(second, usegmt=True))
    return _date[1]
