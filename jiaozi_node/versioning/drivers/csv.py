"""The driver ``csv``: rows by key, field by field (``specs/merge.md`` §5.3).

Fields keep their bytes, quotes included, unless they were changed.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from jiaozi_node.versioning.drivers import rows
from jiaozi_node.versioning.drivers.outcome import Outcome, Unreadable
from jiaozi_node.versioning.drivers.rows import Field, Row, Rows


class _Table(NamedTuple):
    header: bytes
    columns: tuple[bytes, ...]
    end: bytes  # of lines
    last: bytes  # the end of the last line
    rows: Rows


def merge(
    base: bytes,
    ours: bytes,
    theirs: bytes,
    key: tuple[str, ...],
    delimiter: str = ",",
    favour: str | None = None,
) -> Outcome:
    """Merge three tables by the columns *key*; raises `Unreadable`."""
    mark = delimiter.encode("ascii")
    names = tuple([name.encode("utf-8", "surrogateescape") for name in key])
    mine, their = _read(ours, names, mark), _read(theirs, names, mark)
    old = _read(base, names, mark) if base else None
    if mine.columns != their.columns or (old and old.columns != mine.columns):
        raise Unreadable("columns differ")
    write = partial(_write, mark)
    found, cells = rows.merge(old.rows if old else {}, mine.rows, their.rows, write, favour)
    header = rows.pick(old and old.header, mine.header, their.header) or b""
    end = rows.pick(old and old.end, mine.end, their.end) or b"\n"
    last = rows.pick(old and old.last, mine.last, their.last)
    return Outcome(end.join([header, *found]) + (end if last else b""), not cells, tuple(cells))


def _write(mark: bytes, fields: Mapping[bytes, Field], _rows: tuple[Row, ...]) -> bytes:
    return mark.join([field.raw for field in fields.values()])


def _read(data: bytes, key: tuple[bytes, ...], mark: bytes) -> _Table:
    records, end, last = _records(data)
    if not records:
        raise Unreadable("there is no header")
    columns = tuple([field.value for field in fields(records[0], mark)])
    if len(set(columns)) < len(columns) or not set(key) <= set(columns):
        raise Unreadable("a column is missing, or there twice")
    found: Rows = {}
    for raw in records[1:]:
        row = Row(raw, dict(zip(columns, parts := fields(raw, mark), strict=False)))
        if len(parts) != len(columns):
            raise Unreadable("a row has another number of fields than the header")
        name = mark.join([quoted(row.fields[column].value, mark) for column in key])
        if name in found:
            raise Unreadable("a key is there twice")
        found[name] = row
    return _Table(records[0], columns, end, last, found)


def records(pieces: Iterable[bytes], most_bytes: int | None = None) -> Iterator[bytes]:
    """Yield the records of a table that comes in *pieces*, without their line ends.

    Lines end as the first one does. Raises `Unreadable` for a quote that is never closed, and for a
    record of over *most_bytes*.
    """
    end = b""
    rest = b""
    open_lines: list[bytes] = []  # of a record whose quote is not closed yet
    quotes = 0
    for piece in _with_end(pieces):
        data = rest + piece if piece is not None else rest
        if not end and b"\n" in data:
            end = b"\r\n" if data.partition(b"\n")[0].endswith(b"\r") else b"\n"
        if piece is None:
            lines, rest = [rest] if rest else [], b""
        else:
            *lines, rest = data.split(end) if end else [data]
        if not open_lines and b'"' not in data:
            _check_size(lines[:1], b"", most_bytes)  # what is behind the first is in one piece
            yield from lines
        else:
            for line in lines:
                open_lines.append(line)
                quotes += line.count(b'"')
                if quotes % 2 == 0:
                    _check_size(open_lines, b"", most_bytes)
                    yield end.join(open_lines) if len(open_lines) > 1 else line
                    open_lines, quotes = [], 0
        _check_size(open_lines, rest, most_bytes)
    if open_lines:
        raise Unreadable("a quote is not closed")


def _check_size(lines: list[bytes], rest: bytes, most_bytes: int | None) -> None:
    if most_bytes is not None and sum(map(len, lines)) + len(rest) > most_bytes:
        raise Unreadable(f"a row of over {most_bytes} bytes, or a quote that is not closed")


def _with_end(pieces: Iterable[bytes]) -> Iterator[bytes | None]:
    yield from pieces
    yield None


def _records(data: bytes) -> tuple[list[bytes], bytes, bytes]:
    """Return the records of *data*, how lines end, and how the last one does."""
    end = b"\r\n" if data.partition(b"\n")[0].endswith(b"\r") else b"\n"
    return list(records((data,))), end, end if data.endswith(end) else b""


def fields(record: bytes, mark: bytes) -> list[Field]:
    """Return the fields of a record; raises `Unreadable`."""
    if b'"' not in record:
        if b"\n" in record or b"\r" in record:
            raise Unreadable("lines end in more than one way")
        return [Field(raw, raw) for raw in record.split(mark)]
    out: list[Field] = []
    open_parts: list[bytes] = []
    quotes = 0
    for part in record.split(mark):
        open_parts.append(part)
        quotes += part.count(b'"')
        if quotes % 2 == 0:
            raw = mark.join(open_parts)
            out.append(Field(raw, _unquoted(raw)))
            open_parts, quotes = [], 0
    return out


def _unquoted(raw: bytes) -> bytes:
    if b'"' not in raw:
        if b"\n" in raw or b"\r" in raw:
            raise Unreadable("lines end in more than one way")
        return raw
    inner = raw[1:-1]
    if len(raw) < 2 or raw[:1] != b'"' or raw[-1:] != b'"':
        raise Unreadable("a quote stands within a field")
    if b'"' in inner.replace(b'""', b""):
        raise Unreadable("a quote stands within a field")
    return inner.replace(b'""', b'"')


def quoted(value: bytes, mark: bytes) -> bytes:
    """Return *value* as a field that can be told from others."""
    if mark in value or b'"' in value:
        return b'"' + value.replace(b'"', b'""') + b'"'
    return value
