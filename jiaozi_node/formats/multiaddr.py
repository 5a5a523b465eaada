"""Multiaddrs: addresses that say how they are spoken to, ``/ip4/192.0.2.1/tcp/4001/p2p/12D3Koo…``.

Text only: what travels between peers in bytes is for whoever speaks to them. Two texts of one
address become equal values: ``ipfs`` is an old name of ``p2p``, and IP addresses and peer ids are
written in one way. See https://github.com/multiformats/multiaddr.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from jiaozi_node.errors import JiaoziError, LimitExceeded, Malformed
from jiaozi_node.formats.peer_id import PeerId

MAX_CHARS: Final = 4096


class InvalidMultiaddr(Malformed):
    """A text is no multiaddr; *protocol* and *value* name the part that is wrong, if one is."""

    def __init__(self, text: str, why: str, protocol: str = "", value: str = "") -> None:
        said = f'invalid value "{value}" for protocol {protocol}: {why}' if protocol else why
        super().__init__(f'failed to parse multiaddr "{text}": {said}')
        self.text, self.why, self.protocol, self.value = text, why, protocol, value


@dataclass(frozen=True, slots=True)
class Multiaddr:
    """The parts of an address: protocol and value, the value empty where a protocol has none."""

    parts: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "".join(f"/{name}" + (f"/{value}" if value else "") for name, value in self.parts)

    @staticmethod
    def parse(text: str) -> "Multiaddr":
        """Read *text*; raises `InvalidMultiaddr`, or `LimitExceeded` for a long one."""
        if len(text) > MAX_CHARS:
            raise LimitExceeded("multiaddr", MAX_CHARS, len(text), "characters")
        text = text.rstrip("/")
        first, *words = text.split("/")
        if first:
            raise InvalidMultiaddr(text, "must begin with /")
        if not words:
            raise InvalidMultiaddr(text, "empty multiaddr")
        parts = []
        while words:
            name = _RENAMED.get(words[0], words[0])
            if name not in _VALUES:
                raise InvalidMultiaddr(text, f"unknown protocol {words[0]}")
            del words[0]
            read = _VALUES[name]
            if read is None:
                parts.append((name, ""))
                continue
            if not words:
                raise InvalidMultiaddr(text, "unexpected end of multiaddr")
            if name == "unix":  # a path: all that is left
                words = ["/".join(words)]
            value = words.pop(0)
            try:
                parts.append((name, read(value)))
            except (ValueError, JiaoziError) as fault:
                raise InvalidMultiaddr(text, str(fault), name, value) from None
        return Multiaddr(tuple(parts))

    @property
    def peer(self) -> PeerId | None:
        """The peer that the address ends with, None when it ends with something else."""
        name, value = self.parts[-1]
        return PeerId.parse(value) if name == "p2p" else None

    @property
    def transport(self) -> "Multiaddr | None":
        """The address without the peer at its end; None when nothing else is there."""
        rest = self.parts[:-1] if self.parts[-1][0] == "p2p" else self.parts
        return Multiaddr(rest) if rest else None


def _ip4(value: str) -> str:
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise ValueError(f"failed to parse ip4 addr: {value}") from None


def _ip6(value: str) -> str:
    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        raise ValueError(f"failed to parse ip6 addr: {value}") from None
    if address.scope_id is not None:
        raise ValueError(f"failed to parse ip6 addr: {value}")
    mapped = address.ipv4_mapped
    return str(address) if mapped is None else f"::ffff:{mapped}"


def _number(limit: int, prefix: str = "") -> Callable[[str], str]:
    def read(value: str) -> str:
        why = ""
        if not (value.isascii() and value.isdigit()):
            why = "invalid syntax"
        elif len(value) > 20 or int(value) >= limit:
            why = "value out of range"
        if why:
            raise ValueError(f'{prefix}strconv.ParseUint: parsing "{value}": {why}')
        return str(int(value))

    return read


def _peer(value: str) -> str:
    try:
        return str(PeerId.parse(value))
    except JiaoziError as fault:
        raise ValueError(f"failed to parse p2p addr: {value} {fault}") from None


def _text(value: str) -> str:
    if not value:
        raise ValueError("empty value")
    return value


_RENAMED: Final = {"ipfs": "p2p"}
_PORT: Final = _number(1 << 16, "failed to parse port addr: ")
_VALUES: Final[dict[str, Callable[[str], str] | None]] = {
    "ip4": _ip4,
    "ip6": _ip6,
    "ipcidr": _number(1 << 8),
    "p2p": _peer,
    "memory": _number(1 << 64),
    **dict.fromkeys(("tcp", "udp", "dccp", "sctp"), _PORT),
    **dict.fromkeys(
        (
            "dns", "dns4", "dns6", "dnsaddr", "ip6zone", "sni", "certhash", "http-path", "onion",
            "onion3", "garlic32", "garlic64", "unix",
        ),
        _text,
    ),
    **dict.fromkeys(
        (
            "p2p-circuit", "utp", "udt", "quic", "quic-v1", "webtransport", "http", "https",
            "p2p-webrtc-direct", "tls", "noise", "plaintextv2", "ws", "wss", "webrtc-direct",
            "webrtc",
        ),
        None,
    ),
}  # fmt: skip
