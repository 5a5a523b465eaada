"""The IPNS records that a home keeps, one a name: rows of `sequences` (``specs/names.md`` §3).

A row holds the highest sequence that was seen or made for its name, so that what is published next
counts everywhere, and the record that is resolved. Only verified records are kept. A record keeps
no block from collection.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jiaozi_node.errors import Conflict, Misuse, NotFound
from jiaozi_node.formats import ipns
from jiaozi_node.formats.ipns import InvalidRecord, Record
from jiaozi_node.formats.key_types import SignKey
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.stores.api import Change, Names
from jiaozi_node.versioning import rows
from jiaozi_node.versioning.fields import Plain

KIND: Final = "sequences"


class RecordMissing(NotFound):
    """There is no record of a name here, or none that counts any more."""

    def __init__(self, name: PeerId) -> None:
        super().__init__("routing: not found")
        self.name = name


class OlderRecord(Conflict):
    """A record was to be kept in the place of one that counts more."""

    def __init__(self, name: PeerId) -> None:
        super().__init__("can't replace a newer value with an older value")
        self.name = name


class InvalidSequence(Misuse):
    """A sequence was asked for that is not beyond the last one."""

    def __init__(self) -> None:
        super().__init__("sequence number must be greater than the current record sequence")


@dataclass(frozen=True, slots=True)
class Kept:
    """What a row says: the highest sequence, and the bytes of the record."""

    sequence: int
    raw: bytes


class NameRecords:
    """The records among *names*."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def get(self, name: PeerId, now_ns: int) -> Record:
        """Return the record of *name* that counts at *now_ns*; raises `RecordMissing`."""
        kept, _data = self._row(name)
        record = None if kept is None else _counting(kept, name, now_ns)
        if record is None:
            raise RecordMissing(name)
        return record

    def put(self, name: PeerId, raw: bytes, now_ns: int, *, older: bool = False) -> Record:
        """Keep a record that others signed, durably on return; the same one again is no change.

        Raises `InvalidRecord`, or `OlderRecord` unless *older* ones may take a newer one's place.
        """
        record = ipns.decode(raw)
        ipns.verify(record, name, now_ns)

        def plan() -> Sequence[Change]:
            kept, data = self._row(name)
            if kept is not None and kept.raw == raw:
                return ()
            standing = None if kept is None else _counting(kept, name, now_ns)
            if standing is not None and not older and ipns.order(standing) > ipns.order(record):
                raise OlderRecord(name)
            highest = max(record.sequence, 0 if kept is None else kept.sequence)
            return (self._setting(name, data, Kept(highest, raw)),)

        rows.swap(self._names, plan)
        return record

    def publish(
        self,
        key: SignKey,
        value: bytes,
        eol_ns: int,
        ttl_ns: int,
        sequence: int | None = None,
        *,
        old_too: bool = True,
    ) -> Record:
        """Sign a record of *key*'s name and keep it, durably on return.

        The sequence rises when the value changes; one that is asked for must be beyond the last.
        Raises `InvalidSequence`.
        """
        name = PeerId.of(key.public())
        made: list[Record] = []

        def plan() -> Sequence[Change]:
            kept, data = self._row(name)
            number = _next(kept, value, sequence)
            record = ipns.create(key, value, number, eol_ns, ttl_ns, old_too=old_too)
            made[:] = [record]
            return (self._setting(name, data, Kept(number, record.raw)),)

        rows.swap(self._names, plan)
        return made[0]

    def _row(self, name: PeerId) -> tuple[Kept | None, bytes | None]:
        at = rows.key(name.ipns_name)
        data = self._names.get(KIND, at)
        return None if data is None else rows.read(KIND, at, data, _shape), data

    def _setting(self, name: PeerId, old: bytes | None, kept: Kept) -> Change:
        row = rows.write({"seq": kept.sequence, "record": kept.raw})
        return Change(KIND, rows.key(name.ipns_name), row, expect=old)


def _next(kept: Kept | None, value: bytes, asked: int | None) -> int:
    last = -1 if kept is None else kept.sequence
    if asked is not None:
        if asked <= max(last, 0):  # 0 is what a first record has, so nobody's newer one
            raise InvalidSequence
        number = asked
    elif kept is not None and _says(kept, value):
        number = last
    else:
        number = last + 1
    if number > ipns.MAX_SEQUENCE:
        raise Misuse(f"sequence number {number} is over the limit of {ipns.MAX_SEQUENCE}")
    return number


def _says(kept: Kept, value: bytes) -> bool:
    """Tell whether the record kept is the newest there was, and of that *value*."""
    record = ipns.decode(kept.raw) if kept.raw else None
    return record is not None and record.sequence == kept.sequence and record.value == value


def _counting(kept: Kept, name: PeerId, now_ns: int) -> Record | None:
    if not kept.raw:
        return None
    record = ipns.decode(kept.raw)
    try:
        ipns.verify(record, name, now_ns)
    except InvalidRecord:
        return None
    return record


def _shape(row: Plain) -> Kept:
    return Kept(int(row["seq"]), bytes(row.get("record", b"")))
