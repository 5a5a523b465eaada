"""Addresses to listen on, as multiaddrs of the config, and the listeners on them.

``/ip4/127.0.0.1/tcp/5001``, ``/ip6/::1/tcp/0``, ``/dns4/localhost/tcp/5001``, ``/unix/run/api``.
Port 0 lets the system choose; what came of it is told as Kubo tells it.
"""

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from jiaozi_node.errors import Misuse, Unavailable
from jiaozi_node.http.guard import Door

_log = logging.getLogger(__name__)
MAX_ADDRESS_BYTES: Final = 1024
MAX_ADDRESSES: Final = 64


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: a host and port, or the *path* of a UNIX socket."""

    kind: str  # ip4, ip6, dns4, dns6, dns or unix
    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        return f"/unix{self.path}" if self.kind == "unix" else self._tcp()

    def _tcp(self) -> str:
        return f"/{self.kind}/{self.host}/tcp/{self.port}"

    @property
    def url(self) -> str:
        """The address as a URL for people on this machine."""
        host = f"[{self.host}]" if self.kind == "ip6" else self.host
        return f"http://{host}:{self.port}"


class UnknownTransport(Misuse):
    """A listening address is of a transport that this version has not."""

    def __init__(self, text: str) -> None:
        super().__init__(f"can't listen on {text[:100]!r}: of TCP and UNIX sockets only")


def addresses(key: str, value: Any) -> list[str]:  # noqa: ANN401 - of the config
    """Return the texts at *key* of the config: one, several, or none."""
    texts = [value] if isinstance(value, str) else value or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Misuse(f"{key} in the configuration is neither an address nor a list of them")
    if len(texts) > MAX_ADDRESSES:
        raise Misuse(f"{key} in the configuration has {len(texts)} addresses, over the limit of 64")
    return [text for text in texts if text]


def wanted(key: str, value: Any) -> list[Address]:  # noqa: ANN401 - of the config
    """Return where to listen by *key* of the config, passing over transports that we have not."""
    found = []
    for text in addresses(key, value):
        try:
            found.append(parse(text))
        except UnknownTransport:
            _log.warning("%s: not listening on %.100s: TCP and UNIX sockets only", key, text)
    return found


def parse(text: str) -> Address:
    """Read a multiaddr; raises `Misuse`, `UnknownTransport`."""
    if len(text.encode("utf-8", "surrogateescape")) > MAX_ADDRESS_BYTES:
        raise Misuse(f"an address has over {MAX_ADDRESS_BYTES} bytes: {text[:40]!r}…")
    parts = text.split("/")
    if len(parts) < 3 or parts[0]:
        raise Misuse(f"not an address: {text[:100]!r}; write one like /ip4/127.0.0.1/tcp/5001")
    kind = parts[1]
    if kind == "unix":
        return Address("unix", "", 0, "/" + "/".join(parts[2:]).strip("/"))
    if kind not in ("ip4", "ip6", "dns", "dns4", "dns6"):
        raise UnknownTransport(text)
    if len(parts) < 5 or parts[3] != "tcp" or any(parts[5:]):
        raise UnknownTransport(text)
    host, port = parts[2], parts[4]
    if kind in ("ip4", "ip6"):
        try:
            found = ipaddress.ip_address(host)
        except ValueError:
            raise Misuse(f"{text[:100]!r}: {host[:64]!r} is no IP address") from None
        if found.version != int(kind[2]):
            raise Misuse(f"{text[:100]!r}: {host!r} is no IPv{kind[2]} address")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) < 65536):
        raise Misuse(f"{text[:100]!r}: {port[:64]!r} is no port")
    return Address(kind, host, int(port))


class Listener:
    """What listens on one address, from `begin` to `close`."""

    def __init__(self, server: asyncio.Server, address: Address) -> None:
        self._server, self.address = server, address

    @classmethod
    async def begin(cls, door: Door, address: Address) -> "Listener":
        """Listen on *address*; raises `Unavailable` naming it when that can't be done."""
        loop = asyncio.get_running_loop()
        try:
            if address.kind == "unix":
                server = await loop.create_unix_server(door, sock=_unix(address.path))
                return cls(server, address)
            family = {"4": socket.AF_INET, "6": socket.AF_INET6}.get(address.kind[-1], 0)
            server = await loop.create_server(
                door, address.host, address.port, family=family, backlog=1024
            )
        except OSError as fault:
            why = os.strerror(fault.errno).lower() if fault.errno else str(fault)
            raise Unavailable(f"can't listen on {address}: {why}") from None
        port = server.sockets[0].getsockname()[1]
        return cls(server, Address(address.kind, address.host, port))

    def close(self) -> None:
        """Let nobody in any more."""
        self._server.close()
        if self.address.kind == "unix":
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.address.path)


def _unix(path: str) -> socket.socket:
    """Make the socket file, for its owner alone, in the place of one that nobody listens on."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode) and not _answers(path):
            os.unlink(path)
    except FileNotFoundError:
        pass
    before = os.umask(0o177)
    try:
        sock.bind(path)
    except BaseException:
        sock.close()
        raise
    finally:
        os.umask(before)
    sock.setblocking(False)
    return sock


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.connect(path)
        except OSError:
            return False
        return True


async def begin_all(door: Door, wanted: Sequence[Address]) -> list[Listener]:
    """Listen on every address, or on none."""
    begun: list[Listener] = []
    try:
        for address in wanted:
            begun.append(await Listener.begin(door, address))  # noqa: PERF401 - kept on a fault
    except BaseException:
        for one in begun:
            one.close()
        raise
    return begun
