"""Headers of TAR entries, byte for byte as Go's ``archive/tar`` writes them for Kubo.

USTAR where name, size and time fit its fields, else a PAX record for what doesn't (POSIX.1-2001):
names that are long or not ASCII, sizes from 8 GiB, times before 1970 or with nanoseconds. Owner and
group are 0 and nameless.
"""

from typing import Final

BLOCK: Final = 512
REGULAR: Final = b"0"
SYMLINK: Final = b"2"
DIRECTORY: Final = b"5"
_EXTENDED: Final = b"x"
_GLOBAL: Final = b"g"

_NAME_BYTES, _PREFIX_BYTES = 100, 155


def header(
    name: bytes,
    kind: bytes,
    mode: int,
    mtime: tuple[int, int],
    size: int = 0,
    target: bytes = b"",
    *,
    exact: bool = False,
) -> bytes:
    """Return the blocks that stand before the content of *name*, ``/`` between its parts.

    *mtime* is seconds and nanoseconds, rounded to the nearest second unless *exact*; exact
    archives are PAX throughout.
    """
    seconds, nanos = mtime
    if not exact:
        seconds, nanos = seconds + (nanos >= 500_000_000), 0
    records: dict[bytes, bytes] = {}
    split: tuple[bytes, bytes] | None = None
    plain = True
    if len(name) > _NAME_BYTES or not name.isascii():
        split = _split(name)
        plain = split is not None
        records[b"path"] = name
    if len(target) > _NAME_BYTES or not target.isascii():
        plain = False
        records[b"linkpath"] = target
    if not _fits(size, 12):
        plain = False
        records[b"size"] = b"%d" % size
    if not _fits(seconds, 12) or nanos:
        plain = False
        records[b"mtime"] = _decimal(seconds, nanos)
    if plain and not exact:
        prefix, last = split or (b"", name)
        return _block(last, kind, mode, size, seconds, target, prefix)
    extended = b""
    if records:
        data = b"".join([_record(key, value) for key, value in sorted(records.items())])
        place, _, last = name.rpartition(b"/")
        beside = b"/".join([part for part in (place, b"PaxHeaders.0", last) if part])
        beside = _ascii(beside)[:_NAME_BYTES].rstrip(b"/")
        extended = _block(beside, _EXTENDED, 0, len(data), 0, b"", b"", owned=False)
        extended += data + bytes(-len(data) % BLOCK)
    return extended + _block(_ascii(name), kind, mode, size, seconds, _ascii(target), b"")


def comment(text: str, seconds: int) -> bytes:
    """Return a global header that holds a comment, as ``git archive`` writes it."""
    data = _record(b"comment", text.encode())
    head = _block(b"pax_global_header", _GLOBAL, 0o666, len(data), seconds, b"", b"")
    return head + data + bytes(-len(data) % BLOCK)


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Split a long name into USTAR's prefix and name, None where that can't be done."""
    if not name.isascii():
        return None
    at = name[: _PREFIX_BYTES + 1].rfind(b"/")
    if at <= 0 or not 0 < len(name) - at - 1 <= _NAME_BYTES:
        return None
    return name[:at], name[at + 1 :]


def _block(
    name: bytes,
    kind: bytes,
    mode: int,
    size: int,
    seconds: int,
    target: bytes,
    prefix: bytes,
    *,
    owned: bool = True,
) -> bytes:
    """Return one header block; what doesn't fit its field is cut, a number made zero."""
    device = b"0000000\0" if owned else bytes(8)
    parts = [
        _text(name, _NAME_BYTES),
        _octal(mode, 8),
        _octal(0, 8),
        _octal(0, 8),
        _octal(size, 12),
        _octal(seconds, 12),
        b" " * 8,  # the checksum, summed as blanks
        kind,
        _text(target, _NAME_BYTES),
        b"ustar\x0000",
        bytes(64),
        device,
        device,
        _text(prefix, _PREFIX_BYTES),
        bytes(12),
    ]
    parts[6] = b"%06o\0 " % sum(b"".join(parts))
    return b"".join(parts)


def _text(value: bytes, size: int) -> bytes:
    """Return *value* in a field of *size* bytes; one that is cut never ends in a slash."""
    if len(value) > size:
        value = value[:size].rstrip(b"/")
    return value.ljust(size, b"\0")


def _fits(value: int, size: int) -> bool:
    """Tell whether *value* can be written in a field of *size* bytes with a NUL behind it."""
    return 0 <= value < 1 << 3 * (size - 1)


def _octal(value: int, size: int) -> bytes:
    return b"%0*o\0" % (size - 1, value if _fits(value, size) else 0)


def _ascii(value: bytes) -> bytes:
    """Return *value* without what isn't ASCII, as Go shortens names that stand in a record."""
    return value if value.isascii() else bytes([byte for byte in value if 0 < byte < 0x80])


def _record(key: bytes, value: bytes) -> bytes:
    """Return a PAX record, which begins with its own length."""
    body = b" %b=%b\n" % (key, value)
    size = len(body) + len(b"%d" % len(body))
    while size != len(body) + len(b"%d" % size):
        size = len(body) + len(b"%d" % size)
    return b"%d%b" % (size, body)


def _decimal(seconds: int, nanos: int) -> bytes:
    """Return a time as PAX writes it; -1.25 s are held as -2 s and 750,000,000 ns."""
    if not nanos:
        return b"%d" % seconds
    whole = seconds * 1_000_000_000 + nanos
    sign = b"-" if whole < 0 else b""
    return (b"%b%d.%09d" % (sign, *divmod(abs(whole), 1_000_000_000))).rstrip(b"0")
