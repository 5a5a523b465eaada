"""How commits, times and names look to a person, the same in every command."""

_SHORT_CHARS = 20  # bafyrei says what it is; 13 characters of the digest are 65 bits


def short(cid: str) -> str:
    """Return the beginning of a CID's text that tells commits apart."""
    return cid[:_SHORT_CHARS]


def moment(time_s: int, tz_minutes: int | None) -> str:
    """Return a time as git shows it: ``Mon Nov 23 18:13:33 2026 +0000``."""
    from datetime import datetime, timedelta, timezone

    zone = timezone(timedelta(minutes=tz_minutes or 0))
    try:
        at = datetime.fromtimestamp(time_s, zone)
    except (OverflowError, ValueError, OSError):
        return f"{time_s} s"
    return f"{at:%a %b} {at.day} {at:%H:%M:%S %Y %z}"


def quoted(path: str) -> str:
    """Return a path for a line of a terminal: what can't be printed is written out."""
    if path.isprintable():
        return path
    return "".join(char if char.isprintable() else _escaped(char) for char in path)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as surrogateescape keeps it
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
