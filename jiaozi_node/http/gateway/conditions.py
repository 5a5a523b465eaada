"""Etags, and what a client says it has already (RFC 9110 §13)."""

import re
from calendar import timegm
from collections.abc import Mapping
from email.utils import formatdate, parsedate
from typing import Final

from jiaozi_node.formats.cid import Cid
from jiaozi_node.http.gateway.cids import shown
from jiaozi_node.http.gateway.negotiate import TAR

LISTING_VERSION: Final = "1"  # of the pages we make: a new look needs a new number
_TAG = re.compile(r'\s*,?\s*(?:(\*)|((?:W/)?"[\x21\x23-\x7e\x80-\U0010ffff]*"))')


def etag(cid: Cid, media: str = "") -> str:
    """Return the Etag of the content of *cid* in the form *media*."""
    if not media:
        return f'"{shown(cid)}"'
    short = media[max(media.rfind("/"), media.rfind(".")) + 1 :]
    weak = "W/" if media == TAR else ""  # times of unpacking stand in it
    return f'{weak}"{shown(cid)}.{short}"'


def listing_etag(cid: Cid) -> str:
    """Return the Etag of the page that lists the directory *cid*."""
    return f'"DirIndex-jz{LISTING_VERSION}_CID-{shown(cid)}"'


def node_page_etag(cid: Cid) -> str:
    """Return the Etag of the page that shows the node *cid*."""
    return f'"DagIndex-jz{LISTING_VERSION}_CID-{shown(cid)}"'


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")


def names(header: str, tag: str, *, strong: bool = False) -> bool:
    """Tell whether a list of Etags holds *tag*, or is ``*``."""
    at = 0
    while found := _TAG.match(header, at):
        at = found.end()
        if found[1]:
            return True
        if found[2] == tag and not (strong and tag.startswith("W/")):
            return True
        if not strong and _opaque(found[2]) == _opaque(tag):
            return True
    return False


def http_date(seconds: int) -> str:
    """Return a time as headers have it."""
    return formatdate(seconds, usegmt=True)


def seconds_of(text: str) -> int | None:
    """Read a time of a header, None when it is none."""
    try:
        parsed = parsedate(text)
        return None if parsed is None else timegm(parsed)
    except (ValueError, OverflowError, TypeError):
        return None


def unchanged(headers: Mapping[str, str], tag: str, modified: int | None) -> bool:
    """Tell whether the client has what *tag* names already, so that 304 is the answer."""
    given = headers.get("If-None-Match")
    if given is not None:
        return names(given, tag)
    since = headers.get("If-Modified-Since")
    if since is None or modified is None:
        return False
    until = seconds_of(since)
    return until is not None and modified <= until


def fails(headers: Mapping[str, str], tag: str, modified: int | None) -> bool:
    """Tell whether the client wants it only in a state that it isn't in: 412."""
    given = headers.get("If-Match")
    if given is not None:
        return not names(given, tag, strong=True)
    since = headers.get("If-Unmodified-Since")
    if since is None or modified is None:
        return False
    until = seconds_of(since)
    return until is not None and modified > until


def range_holds(headers: Mapping[str, str], tag: str, modified: int | None) -> bool:
    """Tell whether a range may be sent: ``If-Range`` is absent or names what is here."""
    given = headers.get("If-Range")
    if given is None:
        return True
    if '"' in given:
        return not given.startswith("W/") and given.strip() == tag
    return modified is not None and seconds_of(given) == modified
