"""The driver ``jsonl``: an object on each line, merged by key and field (``specs/merge.md`` §5.4).

Values are told apart by their bytes, and keep them: 1.0 and 1.00 differ, and big numbers stay big.
"""

import json
from collections.abc import Mapping
from json.decoder import JSONDecoder

from jiaozi_node.versioning.drivers import rows
from jiaozi_node.versioning.drivers.outcome import Outcome, Unreadable
from jiaozi_node.versioning.drivers.rows import Field, Row, Rows

_DECODE = JSONDecoder(parse_int=str, parse_float=str).raw_decode
_BLANK = " \t\r"


def merge(base: bytes, ours: bytes, theirs: bytes, key: str, favour: str | None = None) -> Outcome:
    """Merge three tables by the field *key*; raises `Unreadable`."""
    name = key.encode("utf-8", "surrogateescape")
    old, mine, their = (_read(data, name) for data in (base, ours, theirs))
    found, cells = rows.merge(old, mine, their, _write, favour)
    ends = [data[-1:] if data else None for data in (base, ours, theirs)]
    last = rows.pick(*ends) == b"\n"
    data = b"\n".join(found) + (b"\n" if last and found else b"")
    return Outcome(data, not cells, tuple(cells))


def _write(fields: Mapping[bytes, Field], sources: tuple[Row, ...]) -> bytes:
    wide = any(b'": ' in row.raw for row in sources)
    colon, comma = (b": ", b", ") if wide else (b":", b",")
    parts = [
        json.dumps(column.decode(), ensure_ascii=False).encode() + colon + field.raw
        for column, field in fields.items()
    ]
    return b"{" + comma.join(parts) + b"}"


def _read(data: bytes, key: bytes) -> Rows:
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None
    if not lines[-1]:
        lines.pop()
    found: Rows = {}
    for line in lines:
        row = Row(line.encode(), fields(line))
        name = row.fields.get(key)
        if name is None or name.raw in found:
            raise Unreadable("a key is missing, or there twice")
        found[name.raw] = row
    return found


def fields(line: str) -> dict[bytes, Field]:
    """Return the fields of an object, each with its bytes as they stand; raises `Unreadable`."""
    out: dict[bytes, Field] = {}
    try:
        at = _over(line, _after(line, 0, "{"))
        while line[at] != "}":
            if out:
                at = _over(line, _after(line, at, ","))
            name, at = _DECODE(line, _after(line, at, '"') - 1)
            start = _over(line, _after(line, at, ":"))
            _value, at = _DECODE(line, start)
            raw = line[start:at].encode()
            column = name.encode()
            if column in out:
                raise Unreadable("a field is there twice")
            out[column] = Field(raw, raw)
            at = _over(line, at)
        if _over(line, at + 1) != len(line):
            raise Unreadable("more than one value on a line")
    except (ValueError, IndexError, RecursionError):
        raise Unreadable("a line is not a JSON object") from None
    return out


def _over(line: str, at: int) -> int:
    while at < len(line) and line[at] in _BLANK:
        at += 1
    return at


def _after(line: str, at: int, char: str) -> int:
    at = _over(line, at)
    if line[at] != char:
        raise ValueError(char)
    return at + 1
