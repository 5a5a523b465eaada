"""The records a home keeps: the best of a name, sequences that only rise, one writer at a time."""

from collections.abc import Sequence

import pytest

from jiaozi_node.errors import Misuse
from jiaozi_node.formats import ipns
from jiaozi_node.formats.ipns import ExpiredRecord, InvalidRecord
from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.node import roots
from jiaozi_node.node.name_records import (
    KIND,
    InvalidSequence,
    NameRecords,
    OlderRecord,
    RecordMissing,
)
from jiaozi_node.stores.api import Change
from jiaozi_node.stores.memory import MemoryNames

KEY, OTHER = PrivateKey(bytes(32)), PrivateKey(b"\1" * 32)
NAME = PeerId.of(KEY.public())
NOW = 1_790_000_000 * 10**9
HOUR = 3600 * 10**9
A, B = b"/ipfs/bafkqaddwgevxmmraojswg33smq", b"/ipfs/bafkqaaa"


def made(sequence: int, value: bytes = A, life: int = HOUR, key: PrivateKey = KEY) -> bytes:
    return ipns.create(key, value, sequence, NOW + life, 0).raw


@pytest.fixture
def names() -> MemoryNames:
    return MemoryNames()


@pytest.fixture
def records(names: MemoryNames) -> NameRecords:
    return NameRecords(names)


def publish(records: NameRecords, value: bytes, sequence: int | None = None) -> int:
    return records.publish(KEY, value, NOW + HOUR, 0, sequence).sequence


def test_a_sequence_rises_with_the_value_alone(records: NameRecords) -> None:
    assert [publish(records, value) for value in (A, A, B, B, A)] == [0, 0, 1, 1, 2]
    assert records.get(NAME, NOW).value == A


def test_one_may_be_asked_for_that_is_beyond_the_last(records: NameRecords) -> None:
    with pytest.raises(InvalidSequence):
        publish(records, A, 0)
    with pytest.raises(RecordMissing):
        records.get(NAME, NOW)
    assert publish(records, A, 5) == 5
    for asked in (0, 5):
        with pytest.raises(InvalidSequence, match="must be greater than the current record"):
            publish(records, B, asked)
    assert publish(records, A, 6) == 6
    assert publish(records, A) == 6
    assert publish(records, B) == 7


def test_there_is_a_last_sequence(records: NameRecords) -> None:
    assert publish(records, A, ipns.MAX_SEQUENCE) == ipns.MAX_SEQUENCE
    with pytest.raises(Misuse, match="over the limit of 9223372036854775807"):
        publish(records, B)
    with pytest.raises(Misuse, match="over the limit of 9223372036854775807"):
        publish(NameRecords(MemoryNames()), B, 2**63)


def test_others_records_are_kept_when_they_count_more(records: NameRecords) -> None:
    for sequence in (3, 3, 4):
        records.put(NAME, made(sequence), NOW)
    with pytest.raises(OlderRecord, match="can't replace a newer value with an older value"):
        records.put(NAME, made(3, B), NOW)
    assert records.get(NAME, NOW).raw == made(4)
    records.put(NAME, made(4, B, life=2 * HOUR), NOW)
    assert records.get(NAME, NOW).value == B


def test_what_is_published_goes_beyond_every_sequence_that_was_seen(records: NameRecords) -> None:
    records.put(NAME, made(9, A), NOW)
    assert publish(records, A) == 9
    records.put(NAME, made(3, B), NOW, older=True)
    assert records.get(NAME, NOW).sequence == 3
    assert publish(records, B) == 10


def test_a_record_counts_until_its_end(records: NameRecords) -> None:
    records.put(NAME, made(5, life=10), NOW)
    assert records.get(NAME, NOW + 10).sequence == 5
    with pytest.raises(RecordMissing, match="routing: not found"):
        records.get(NAME, NOW + 11)
    records.put(NAME, made(2), NOW + 11)  # of those that count it is the best
    assert records.get(NAME, NOW + 11).sequence == 2
    assert publish(records, B) == 6


def test_what_is_not_valid_is_kept_by_nobody(records: NameRecords, names: MemoryNames) -> None:
    for raw in (b"", b"junk", made(1)[:-1], made(1, key=OTHER)):
        for older in (False, True):
            with pytest.raises(InvalidRecord):
                records.put(NAME, raw, NOW, older=older)
    with pytest.raises(ExpiredRecord):
        records.put(NAME, made(1), NOW + HOUR + 1)
    assert list(names.scan(KIND)) == []


def test_of_two_that_publish_at_once_none_is_lost(names: MemoryNames) -> None:
    class Raced(MemoryNames):
        """Another process publishes just before this one's first row is set."""

        raced = False

        def apply(self, changes: Sequence[Change]) -> None:
            if changes and not self.raced:
                self.raced = True
                publish(NameRecords(self), B)
            super().apply(changes)

    raced = Raced()
    assert publish(NameRecords(raced), A) == 1
    assert NameRecords(raced).get(NAME, NOW).value == A


def test_rows_are_of_a_kind_that_collection_knows_and_keep_nothing(
    records: NameRecords, names: MemoryNames
) -> None:
    publish(records, A)
    ((key, value),) = names.scan(KIND)
    assert key == NAME.ipns_name.encode()
    assert list(roots.readers(0)[KIND](KIND, key, value)) == []
