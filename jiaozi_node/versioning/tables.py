"""CSV and JSON Lines read row by row, as the merge drivers read them (``specs/diff.md`` §5).

Nothing is held but the row at hand. What can't be read raises `Unreadable`, naming the row.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from json.decoder import JSONDecoder
from typing import Final, Protocol

from jiaozi_node.versioning.attributes import Driver
from jiaozi_node.versioning.drivers import csv, jsonl
from jiaozi_node.versioning.drivers.outcome import Unreadable

MAX_ROW_BYTES: Final = 16 * 1024 * 1024
MAX_COLUMNS: Final = 16_384  # of CSV; field names met in JSON Lines

CSV, JSONL = "csv", "jsonl"
_BY_NAME: Final[Mapping[str, Driver]] = {
    ".csv": Driver(CSV),
    ".tsv": Driver(CSV, {"delimiter": "\t"}),
    ".tab": Driver(CSV, {"delimiter": "\t"}),
    ".jsonl": Driver(JSONL),
    ".ndjson": Driver(JSONL),
}
_PLAIN = JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


class Table(Protocol):
    """A table being read: `columns` are known at once (CSV) or when all rows were (JSON Lines)."""

    @property
    def columns(self) -> tuple[bytes, ...]:
        """The names of the columns, in order."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """Yield each row as it stands in the file; one time."""
        ...

    def see(self, row: bytes) -> None:
        """Take note of a row that nothing else is asked of."""
        ...

    def key(self, row: bytes) -> bytes:
        """Return what tells *row* from others."""
        ...

    def values(self, row: bytes) -> dict[bytes, bytes]:
        """Return the fields of *row* by column."""
        ...


def by_name(name: str) -> Driver | None:
    """Return how a file of that name is read where no rule says it; None for no table."""
    return _BY_NAME.get(name[name.rfind(".") :].lower()) if "." in name else None


class CsvTable:
    """A table whose first record names the columns; an empty file has none.

    *key* are places of columns, given by `by`.
    """

    def __init__(self, pieces: Iterable[bytes], delimiter: str = ",") -> None:
        self._mark = delimiter.encode("ascii")
        self._records = csv.records(pieces, MAX_ROW_BYTES)
        self._row = 0
        header = next(self._records, None)
        parts = [] if header is None else csv.fields(header, self._mark)
        self._columns = tuple([field.value for field in parts])
        if len(self._columns) > MAX_COLUMNS:
            raise Unreadable(f"it has {len(self._columns)} columns, over {MAX_COLUMNS}")
        if len(set(self._columns)) < len(self._columns):
            raise Unreadable("a column is there twice")
        self._plain = len(self._columns) - 1  # delimiters in a row without quotes
        self._key: tuple[int, ...] = ()

    @property
    def columns(self) -> tuple[bytes, ...]:
        """See `Table`."""
        return self._columns

    def by(self, key: Sequence[bytes]) -> None:
        """Tell rows apart by the columns *key*."""
        for name in key:
            if name not in self._columns and self._columns:
                raise Unreadable(f"there is no column {_shown(name)}")
        self._key = tuple([self._columns.index(name) for name in key if name in self._columns])

    def __iter__(self) -> Iterator[bytes]:
        for row in self._records:
            self._row += 1
            yield row

    def see(self, row: bytes) -> None:
        """See `Table`."""
        if b'"' in row or b"\r" in row or row.count(self._mark) != self._plain:
            self._parts(row)

    def key(self, row: bytes) -> bytes:
        """See `Table`."""
        parts = self._parts(row)
        if len(self._key) == 1:
            return parts[self._key[0]]
        return self._mark.join([csv.quoted(parts[at], self._mark) for at in self._key])

    def values(self, row: bytes) -> dict[bytes, bytes]:
        """See `Table`."""
        return dict(zip(self._columns, self._parts(row), strict=True))

    def _parts(self, row: bytes) -> list[bytes]:
        if b'"' not in row and b"\r" not in row and b"\n" not in row:
            parts = row.split(self._mark)
        else:
            try:
                parts = [field.value for field in csv.fields(row, self._mark)]
            except Unreadable as fault:
                raise Unreadable(f"row {self._row}: {fault}") from None
        if len(parts) != self._plain + 1:
            raise Unreadable(
                f"row {self._row} has {len(parts)} fields where there are {self._plain + 1} columns"
            )
        return parts


class JsonTable:
    """An object on each line; its columns are the fields met so far, in order of first sight."""

    def __init__(self, pieces: Iterable[bytes], key: Sequence[bytes] | None) -> None:
        self._pieces, self._names = pieces, key
        self._met: dict[bytes, None] = {}
        self.seen: dict[bytes, None] = {}  # in rows that were only seen
        self._row = 0

    @property
    def columns(self) -> tuple[bytes, ...]:
        """See `Table`."""
        return tuple(self.seen | self._met)

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        for piece in self._pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._row += 1
                yield line
            if len(rest) > MAX_ROW_BYTES:
                raise Unreadable(f"row {self._row + 1} is over {MAX_ROW_BYTES} bytes")
        if rest:
            self._row += 1
            yield rest

    def see(self, row: bytes) -> None:
        """See `Table`."""
        try:
            value = _PLAIN.decode(row.decode())
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Unreadable(f"row {self._row}: not a JSON object")
        self._note(self.seen, [name.encode("utf-8", "surrogatepass") for name in value])

    def key(self, row: bytes) -> bytes:
        """See `Table`."""
        found = self.values(row)
        if self._names is None:
            return b"\0".join([part for name in sorted(found) for part in (name, found[name])])
        parts = []
        for name in self._names:
            if name not in found:
                raise Unreadable(f"row {self._row} has no field {_shown(name)}")
            parts.append(found[name])
        return b"\0".join(parts)

    def values(self, row: bytes) -> dict[bytes, bytes]:
        """See `Table`."""
        try:
            found = jsonl.fields(row.decode())
        except UnicodeError:
            raise Unreadable(f"row {self._row}: not UTF-8") from None
        except Unreadable as fault:
            raise Unreadable(f"row {self._row}: {fault}") from None
        self._note(self._met, found)
        return {name: field.value for name, field in found.items()}

    def _note(self, met: dict[bytes, None], names: Iterable[bytes]) -> None:
        met.update(dict.fromkeys(names))
        if len(met) > MAX_COLUMNS:
            raise Unreadable(f"it has over {MAX_COLUMNS} fields of different names")


def _shown(name: bytes) -> str:
    text = name.decode("utf-8", "surrogateescape")
    return repr(text if len(text) <= 80 else text[:79] + "…")
