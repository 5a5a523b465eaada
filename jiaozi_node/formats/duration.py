"""Spans of time as Go writes them (``1h30m``, ``300ms``): an int of nanoseconds here.

Kubo's options and configuration have them; refusals are in the words of Go's ``time`` package.
"""

import re
from typing import Final

from jiaozi_node.errors import Malformed

MAX_NS: Final = 2**63 - 1
MAX_CHARS: Final = 128
_UNITS: Final = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9,
    "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")


class InvalidDuration(Malformed):
    """Text that is no span of time."""

    def __init__(self, why: str, text: str) -> None:
        shown = '"' + text[:MAX_CHARS].replace("\\", "\\\\").replace('"', '\\"') + '"'
        super().__init__(f"time: {why} {shown}")
        self.text = text


def parse(text: str) -> int:
    """Read a span, which may be negative; raises `InvalidDuration`."""
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return 0
    if not body or len(text) > MAX_CHARS:
        raise InvalidDuration("invalid duration", text)
    total = 0
    while body:
        found = _PART.match(body)
        whole, part, unit = found.groups() if found else ("", None, "")
        if not whole and not part:
            raise InvalidDuration("invalid duration", text)
        if not unit:
            raise InvalidDuration("missing unit in duration", text)
        if unit not in _UNITS:
            raise InvalidDuration(f'unknown unit "{unit}" in duration', text)
        total += int(whole or "0") * _UNITS[unit]
        total += int(part or "0") * _UNITS[unit] // 10 ** len(part or "")
        if total > MAX_NS:
            raise InvalidDuration("invalid duration", text)
        body = body[found.end() if found else 0 :]
    return -total if text[0] == "-" else total


def write(span_ns: int) -> str:
    """Return the text of a span as Go's ``String`` does: ``1h0m0s``, ``1.5s``, ``2µs``."""
    sign, left = ("-", -span_ns) if span_ns < 0 else ("", span_ns)
    if left == 0:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if left < size * 1000:
            return f"{sign}{_decimal(left, size)}{unit}"
    minutes, rest = divmod(left, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 10**9)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else f"{sign}{text}"


def _decimal(value: int, size: int) -> str:
    whole, part = divmod(value, size)
    digits = len(str(size)) - 1
    return f"{whole}.{part:0{digits}}".rstrip("0").rstrip(".") if part else str(whole)
