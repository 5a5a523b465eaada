"""Instants as IPNS records write them: RFC 3339 to the nanosecond, in UTC.

An instant is an int: nanoseconds since 1970. Written as Go's ``RFC3339Nano``: without zeros at the
end of the fraction. Read with any offset and up to nine digits, in the years 0001 to 9999.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from jiaozi_node.errors import Malformed

SECOND_NS: Final = 1_000_000_000
_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_S: Final = 253402300799  # the end of the year 9999


class InvalidInstant(Malformed):
    """Text that is no instant, or an instant that text can't be written of."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what[:64]!r} is no time of RFC 3339")
        self.what = what


def parse(text: str) -> int:
    """Read an instant; raises `InvalidInstant`."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise InvalidInstant(text)
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    fraction, sign, hours, minutes = found.groups()[6:]
    try:
        if sign is None:
            zone: timezone = UTC
        else:
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            zone = timezone(-offset if sign == "-" else offset)
        since = datetime(year, month, day, hour, minute, second, tzinfo=zone) - _EPOCH
    except (ValueError, OverflowError):
        raise InvalidInstant(text) from None
    whole = since.days * 86400 + since.seconds
    return whole * SECOND_NS + int((fraction or "").ljust(9, "0"))


def write(instant_ns: int) -> str:
    """Return the text of an instant; raises `InvalidInstant` beyond the year 9999."""
    seconds, rest = divmod(instant_ns, SECOND_NS)
    if not 0 <= seconds <= _LAST_S:
        raise InvalidInstant(f"{seconds} s since 1970")
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{rest:09}".rstrip("0") if rest else "") + "Z"
