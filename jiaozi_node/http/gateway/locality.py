"""Who may see what isn't public: a person at this machine, and nobody else (design §7).

A request is that person's own when it comes over loopback, was forwarded by no proxy, and wasn't
made by a page of another site. Anybody else sees public blocks alone; the rest looks missing.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from jiaozi_node.http.quick import Request

_FORWARDED: Final = ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-Ip", "Via")


def is_own(request: Request) -> bool:
    """Tell whether *request* is made by somebody at this machine."""
    headers = request.headers
    if any(name in headers for name in _FORWARDED):
        return False
    if not (_is_loopback(client(request)) and _is_here(host_name(headers.get("Host", "")))):
        return False
    return not _from_elsewhere(headers)


def client(request: Request) -> str:
    """Return the address of the connection's other end; "" on a UNIX socket."""
    transport = request.transport
    peer = transport.get_extra_info("peername") if transport is not None else None
    return str(peer[0]) if isinstance(peer, tuple) else ""


def host_name(host: str) -> str:
    """Return the name in a Host header: lower case, without port, brackets and the last dot."""
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].removesuffix(".")


def _from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Tell whether a page of another site made the request, to read the answer or to run it."""
    origin = headers.get("Origin")
    if origin is not None:
        try:
            return not _is_here(urlsplit(origin).hostname or "")
        except ValueError:
            return True
    return (
        headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
        and headers.get("Sec-Fetch-Mode") != "navigate"
    )


def _is_here(name: str) -> bool:
    if not name:  # no host at all, or an origin like "null", which sandboxed pages have
        return False
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


_KNOWN: Final = {"": True, "127.0.0.1": True, "::1": True, "localhost": False}


def _is_loopback(address: str) -> bool:
    known = _KNOWN.get(address)
    if known is not None:
        return known
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False
