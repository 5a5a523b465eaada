"""CAR version 2: what goes around a payload is what go-car writes, and every block is found."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.formats import car, car_v2, varint
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.cid import RAW, Cid
from tests import strategies

VECTORS = Path(__file__).parents[2] / "specs" / "vectors" / "car"


def indexed(payload: bytes) -> car_v2.Index:
    """Index a version 1 file."""
    index = car_v2.Index()
    for part in car.read(io.BytesIO(payload)).sections():
        length = len(part.cid.raw) + len(part.data)
        index.add(part.cid, part.at - len(part.cid.raw) - len(varint.encode(length)))
    return index


@pytest.mark.parametrize("name", ["sample-unixfs-v2.car", "sample-rw-bs-v2.car"])
def test_the_index_is_that_of_go_car(name: str) -> None:
    whole = (VECTORS / name).read_bytes()
    start, size, at = (int.from_bytes(whole[n : n + 8], "little") for n in (27, 35, 43))
    payload = whole[start : start + size]
    assert b"".join(indexed(payload).encode()) == whole[at:]
    head = car_v2.head(size)
    assert head[:11] == whole[:11]
    if name == "sample-unixfs-v2.car":  # the other has padding
        assert head[27:] == whole[27:51]


@given(st.lists(st.tuples(strategies.cids(), st.binary(max_size=40)), max_size=12))
def test_every_section_is_found_by_its_multihash(blocks: list[tuple[Cid, bytes]]) -> None:
    payload = car.header([])
    places: dict[bytes, set[int]] = {}
    index = car_v2.Index()
    for cid, data in blocks:
        index.add(cid, len(payload))
        places.setdefault(cid.multihash, set()).add(len(payload))
        payload += car.section(cid, data)
    whole = car_v2.head(len(payload)) + payload + b"".join(index.encode())
    reader = car.read(io.BytesIO(whole), size_bytes=len(whole))
    assert reader.version == 2
    assert [(part.cid, part.data) for part in reader.sections()] == blocks
    assert read_index(whole[51 + len(payload) :]) == places


def read_index(data: bytes) -> dict[bytes, set[int]]:
    """Read an index as the specification tells, and hold it to its order."""
    source = io.BytesIO(data)

    def number(size: int) -> int:
        return int.from_bytes(source.read(size), "little")

    assert source.read(2) == b"\x81\x08"
    found: dict[bytes, set[int]] = {}
    codes = []
    for _ in range(number(4)):
        codes.append(number(8))
        widths = []
        for _ in range(number(4)):
            widths.append(number(4))
            rows = source.read(number(8))
            each = [rows[at : at + widths[-1]] for at in range(0, len(rows), widths[-1])]
            assert each == sorted(each)
            for row in each:
                digest = row[:-8]
                multihash = varint.encode(codes[-1]) + varint.encode(len(digest)) + digest
                found.setdefault(multihash, set()).add(int.from_bytes(row[-8:], "little"))
        assert widths == sorted(set(widths))
    assert codes == sorted(set(codes))
    assert not source.read()
    return found


def test_nothing_to_index_is_an_empty_index() -> None:
    assert b"".join(car_v2.Index().encode()) == b"\x81\x08" + bytes(4)


def test_an_identity_cid_is_indexed() -> None:
    index = car_v2.Index()
    index.add(Cid.v1(RAW, mh.of(mh.IDENTITY, b"abc")), 7)
    assert read_index(b"".join(index.encode())) == {b"\x00\x03abc": {7}}
