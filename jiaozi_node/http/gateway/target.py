"""The target of a request: split and decoded once, from the bytes of the request line.

aiohttp hands out decoded paths, in which ``%2F`` and ``/`` can't be told apart any more. Names are
the file system's bytes: text with surrogateescape. As in Kubo an escaped slash separates too, and
escaped dots are cleaned away; neither leads above the content root.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from jiaozi_node.errors import LimitExceeded, Malformed

MAX_LINE_BYTES: Final = 32 * 1024  # for `guard.Door`: before it is read at all
MAX_PATH_BYTES: Final = 8 * 1024
MAX_SEGMENTS: Final = 256
MAX_QUERY_BYTES: Final = 16 * 1024
MAX_PARAMETERS: Final = 100
_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_DOTS = re.compile(r"/(?:\.\.?)?(?=/)|/\.\.?$")
_SAFE: Final = "/~!$&'()*+,;=:@-._"  # what RFC 3986 lets stand in a path as it is


class BadTarget(Malformed):
    """A request's target that can't be read."""


@dataclass(frozen=True, slots=True)
class Target:
    """*segments* are names, the first *implied* of them what the host's name stands for.

    *slash* tells whether one stands behind the last.
    """

    raw_path: str
    raw_query: str
    segments: tuple[str, ...]
    slash: bool
    query: Mapping[str, str]
    implied: int = 0

    @property
    def namespace(self) -> str:
        """The first segment."""
        return self.segments[0] if self.segments else ""

    def below(self, *prefix: str) -> "Target":
        """Return the target as if *prefix* stood before its path: what a host's name implies."""
        return replace(self, segments=prefix + self.segments, implied=len(prefix))

    @property
    def url_path(self) -> str:
        """The path of the URL, decoded and clean, without what the host implies."""
        path = "/" + "/".join(self.segments[self.implied :])
        return path + "/" if self.slash and path != "/" else path

    def with_slash(self) -> str:
        """Return the URL of the same with a slash behind its path, the query kept."""
        path = escape_path(self.url_path).rstrip("/") + "/"
        return path + (f"?{self.raw_query}" if self.raw_query else "")


def read(raw: str) -> Target:
    """Read the origin form of a target; raises `BadTarget`, `LimitExceeded`."""
    raw_path, _, raw_query = raw.partition("?")
    if len(raw_path) > MAX_PATH_BYTES:
        raise LimitExceeded("path of a request", MAX_PATH_BYTES, len(raw_path))
    if len(raw_query) > MAX_QUERY_BYTES:
        raise LimitExceeded("query of a request", MAX_QUERY_BYTES, len(raw_query))
    if not raw_path.startswith("/"):
        raise BadTarget("the target of a request must begin with a slash")
    parts = clean(decode(raw_path).split("/"))
    if len(parts) > MAX_SEGMENTS:
        raise LimitExceeded("path of a request", MAX_SEGMENTS, len(parts), "names")
    query = _query(raw_query) if raw_query else {}
    return Target(raw_path, raw_query, tuple(parts), raw_path.endswith("/"), query)


def decode(raw_path: str) -> str:
    """Take the escapes out of a path; raises `BadTarget` for a ``%`` that begins none."""
    if "%" not in raw_path:
        return raw_path
    if _ESCAPE.search(raw_path):
        raise BadTarget("a % in the path is not followed by two hexadecimal digits")
    raw = unquote_to_bytes(raw_path.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def clean(parts: list[str]) -> list[str]:
    """Take empty names and dots away; raises `BadTarget` where dots lead above the root."""
    if not ("." in parts or ".." in parts):
        return [part for part in parts if part]
    out: list[str] = []
    for part in parts:
        if part == "..":
            if len(out) <= 2:
                raise BadTarget("the path climbs above its root")
            out.pop()
        elif part not in ("", "."):
            out.append(part)
    return out


def unclean(raw_path: str) -> str | None:
    """Return the path without the empty names and dots that stand in it as such, None for none."""
    if not _DOTS.search(raw_path):
        return None
    path = "/".join(["", *clean(raw_path.split("/"))])
    return path + "/" if raw_path.endswith(("/", "/.", "/..")) and path != "" else path or "/"


def escape_path(path: str) -> str:
    """Escape what can't stand in the path of a URL."""
    return quote(path.encode("utf-8", "surrogateescape"), safe=_SAFE)


def _query(raw: str) -> dict[str, str]:
    """Return the first value of each parameter."""
    try:
        pairs = parse_qsl(
            raw, keep_blank_values=True, errors="replace", max_num_fields=MAX_PARAMETERS
        )
    except ValueError:
        raise LimitExceeded(
            "query of a request", MAX_PARAMETERS, raw.count("&") + 1, "parameters"
        ) from None
    return dict(reversed(pairs))
