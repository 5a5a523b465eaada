"""What a ref or a HEAD pointed at before, by whom and why (``specs/refs.md`` §3.2, §4.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import Change, Names
from jiaozi_node.versioning import rows
from jiaozi_node.versioning.fields import Plain

KIND: Final = "reflog"
HEAD: Final = "HEAD"

MAX_WHO_BYTES: Final = 1024  # §3.5
MAX_WHY_BYTES: Final = 4096  # §3.5

_TOP: Final = 2**64 - 1
_NUMBER_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Note:
    """Who moves a ref, why (one line), and when (Unix seconds)."""

    who: str
    why: str
    time: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One move; *number* counts the moves of its ref from 0."""

    number: int
    old: Cid | None
    new: Cid | None
    note: Note


def entries(names: Names, owner: str, ref: str) -> Iterator[Entry]:
    """Yield the entries of *ref*, newest first."""
    for at, data in names.scan(KIND, rows.key(owner, ref, "")):
        yield _read(at, data)


def everything(names: Names, owner: str) -> Iterator[tuple[str, Entry]]:
    """Yield the entries of every ref of *owner*, by ref and newest first."""
    prefix = rows.key(owner, "")
    for at, data in names.scan(KIND, prefix):
        yield at[len(prefix) : -_NUMBER_BYTES - 1].decode(), _read(at, data)


def count(names: Names, owner: str, ref: str) -> int:
    """Return how many entries *ref* has ever had."""
    return next((entry.number + 1 for entry in entries(names, owner, ref)), 0)


def appending(
    owner: str, ref: str, number: int, old: Cid | None, new: Cid | None, note: Note
) -> Change:
    """Return the change that writes entry *number* of *ref*, which must not be there yet."""
    value: dict[str, Any] = {
        "who": _line(note.who, MAX_WHO_BYTES),
        "why": _line(note.why, MAX_WHY_BYTES),
        "time": note.time,
    }
    if old is not None:
        value["old"] = old
    if new is not None:
        value["new"] = new
    at = rows.key(owner, ref, "") + (_TOP - number).to_bytes(_NUMBER_BYTES, "big")
    return Change(KIND, at, rows.write(value), expect=None)


def expiring(names: Names, before: int) -> Iterator[Change]:
    """Yield the changes that forget the entries older than *before* (Unix seconds).

    The newest entry of a ref stays without its links, since the numbers go on from it (§3.3).
    """
    last = b""
    for at, data in names.scan(KIND):
        ref, last = last, at[:-_NUMBER_BYTES]
        entry = _read(at, data)
        if entry.note.time >= before:
            continue
        if ref == last:
            yield Change(KIND, at, None, expect=data)
        elif entry.old is not None or entry.new is not None:
            note = entry.note
            bare = rows.write({"who": note.who, "why": note.why, "time": note.time})
            yield Change(KIND, at, bare, expect=data)


def time_of(at: bytes, data: bytes) -> int:
    """Return when the move of an entry's row was made; raises `rows.CorruptRow`."""
    return _read(at, data).note.time


def _read(at: bytes, data: bytes) -> Entry:
    def shape(row: Plain) -> Entry:
        note = Note(row["who"], row["why"], row["time"])
        number = _TOP - int.from_bytes(at[-_NUMBER_BYTES:], "big")
        return Entry(number, _link(row.get("old")), _link(row.get("new")), note)

    return rows.read(KIND, at, data, shape)


def _line(text: str, most: int) -> str:
    """Return *text* as one line of at most *most* bytes (§3.5)."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    return plain.encode(errors="replace")[:most].decode(errors="ignore")


def _link(value: object) -> Cid | None:
    if value is not None and not isinstance(value, Cid):
        raise TypeError("a reflog entry names something that isn't a link")
    return value
