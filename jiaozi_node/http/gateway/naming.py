"""File names of answers: ``Content-Disposition``, with nothing in it that ends the header."""

from typing import Final
from urllib.parse import quote

from jiaozi_node.http.gateway.asked import Asked

MAX_NAME_CHARACTERS: Final = 1024
_SAFE: Final = "$&+:=@-._~"


def disposition(name: str, kind: str) -> str:
    """Return the header that proposes *name* for saving: in ASCII, and whole."""
    plain = "".join([char if char.isascii() else "_" for char in name])
    whole = quote(name.encode("utf-8", "surrogateescape"), safe=_SAFE)
    return f"{kind}; filename=\"{quote(plain, safe=_SAFE)}\"; filename*=UTF-8''{whole}"


def asked_name(asked: Asked) -> str:
    """Return the name that the URL gives with ``?filename=``, "" for none."""
    return asked.target.query.get("filename", "")[:MAX_NAME_CHARACTERS]


def attach(asked: Asked, default: str) -> None:
    """Have the answer saved as the name that was asked for, or as *default*."""
    asked.headers["Content-Disposition"] = disposition(asked_name(asked) or default, "attachment")


def name_of(asked: Asked) -> str:
    """Return the last name of the path, "" where the root itself is asked for."""
    segments = asked.target.segments
    return segments[-1] if len(segments) > 2 else ""
