"""CAR files: those of Kubo and go-car, every truncation, and the rules one by one."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import car, dag_cbor, varint
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import MAX_BYTES, Block
from jiaozi_node.formats.car import InvalidCar
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.depth import Value

VECTORS = Path(__file__).parents[2] / "specs/vectors/car"
TREES = json.loads((VECTORS / "kubo-trees.json").read_text())
GO_CAR_ROOTS = {
    "sample-unixfs-v2.car": ["bafybeiakgrehdxxgy5kca72znt6jllrj2sqkehtqeojfuxlbeuqg3vfkwq"],
    "sample-rw-bs-v2.car": [
        "bafkreifuosuzujyf4i6psbneqtwg2fhplc2wxptc5euspa2gn3bwhnihfu",
        "bafkreifc4hca3inognou377hfhvu2xfchn2ltzi7yu27jkaeujqqqdbjju",
        "bafkreig5lvr4l6b4fr3un4xvzeyt3scevgsqjgrhlnwxw2unwbn5ro276u",
    ],
}

A = Block.of(b"hello\n")
B = Block.of_v0(b"\x0a\x02hi")
C = Block.of(b"sha2-512", c.DAG_CBOR, mh.SHA2_512)
INLINE = Block.of(b"inline", c.RAW, mh.IDENTITY)
BLOCKS = [A, B, C, INLINE, Block.of(b"")]
PRAGMA = b"\x0a\xa1\x67version\x02"


def written(roots: list[Cid], blocks: list[Block]) -> bytes:
    return car.header(roots) + b"".join(car.section(b.cid, b.data) for b in blocks)


def wrapped(
    payload: bytes,
    *,
    padding: bytes = b"",
    index: bytes = b"",
    offset: int | None = None,
    size: int | None = None,
    index_at: int | None = None,
) -> bytes:
    start = 51 + len(padding) if offset is None else offset
    length = len(payload) if size is None else size
    place = (start + length if index else 0) if index_at is None else index_at
    fixed = bytes(16) + b"".join(n.to_bytes(8, "little") for n in (start, length, place))
    return PRAGMA + fixed + padding + payload + index


def read(data: bytes, known: bool = False) -> list[Block]:
    return list(car.read(io.BytesIO(data), size_bytes=len(data) if known else None))


class Dribble:
    """A stream that hands out a few bytes at a time, as a socket may."""

    def __init__(self, data: bytes, step: int) -> None:
        self._stream = io.BytesIO(data)
        self._step = step

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, self._step))


@pytest.mark.parametrize("name", sorted(TREES))
def test_kubos_exports_read_and_are_written_the_same(name: str) -> None:
    data = (VECTORS / name).read_bytes()
    reader = car.read(io.BytesIO(data))
    assert reader.version == 1
    blocks = list(reader)
    assert [str(root) for root in reader.roots] == [TREES[name]["root"]]
    assert [str(block.cid) for block in blocks] == TREES[name]["blocks"]
    assert written(list(reader.roots), blocks) == data


@pytest.mark.parametrize("name", sorted(GO_CAR_ROOTS))
def test_go_cars_version_2_files_read(name: str) -> None:
    data = (VECTORS / name).read_bytes()
    reader = car.read(io.BytesIO(data), size_bytes=len(data))
    assert reader.version == 2
    assert [str(root) for root in reader.roots] == GO_CAR_ROOTS[name]
    assert len(list(reader)) == 3


@pytest.mark.parametrize("name", ["sample-corrupt-pragma.car", "sample-rootless-v42.car"])
def test_go_cars_broken_files_are_refused(name: str) -> None:
    with pytest.raises(InvalidCar):
        car.read(io.BytesIO((VECTORS / name).read_bytes()))


def test_every_vector_is_read_here() -> None:
    named = {*TREES, *GO_CAR_ROOTS, "sample-corrupt-pragma.car", "sample-rootless-v42.car"}
    assert {path.name for path in VECTORS.glob("*.car")} == named


@given(
    contents=st.lists(st.binary(max_size=300), max_size=20),
    step=st.integers(1, 400),
    version=st.sampled_from([1, 2]),
    padding=st.binary(max_size=40),
)
@settings(max_examples=60, deadline=None)
def test_what_is_written_reads_back_whatever_the_pieces(
    contents: list[bytes], step: int, version: int, padding: bytes
) -> None:
    blocks = [Block.of(data) for data in contents]
    roots = [block.cid for block in blocks[:3]]
    data = written(roots, blocks)
    if version == 2:
        data = wrapped(data, padding=padding, index=b"\xff" * 20)
    reader = car.read(Dribble(data, step))
    assert (reader.version, reader.roots, list(reader)) == (version, tuple(roots), blocks)


def test_every_kind_of_cid_reads_back() -> None:
    assert read(written([b.cid for b in BLOCKS], BLOCKS)) == BLOCKS


def test_the_largest_block_reads_and_one_byte_more_is_refused() -> None:
    largest = Block.of(bytes(MAX_BYTES))
    assert read(written([], [largest])) == [largest]
    over = Block.of(bytes(MAX_BYTES + 1))
    with pytest.raises(LimitExceeded):
        read(written([], [over]))
    reader = car.read(io.BytesIO(written([], [over])), max_block_bytes=MAX_BYTES + 1)
    assert list(reader) == [over]


def test_sections_tell_where_their_data_stands() -> None:
    data = wrapped(written([A.cid], BLOCKS), padding=bytes(9))
    for section, block in zip(car.read(io.BytesIO(data)).sections(), BLOCKS, strict=True):
        assert section.cid == block.cid
        assert data[section.at : section.at + len(section.data)] == block.data == section.data


@pytest.mark.parametrize("version", [1, 2])
def test_every_truncation_is_named_or_ends_between_blocks(version: int) -> None:
    whole = written([A.cid], BLOCKS)
    start = 0
    if version == 2:
        whole, start = wrapped(whole), 51
    borders = {start + len(car.header([A.cid]))}
    for block in BLOCKS:
        borders.add(max(borders) + len(car.section(block.cid, block.data)))
    for length in range(len(whole)):
        if version == 1 and length in borders:
            read(whole[:length])
            continue
        with pytest.raises(InvalidCar, match="at byte") as raised:
            read(whole[:length])
        assert raised.value.at <= length


def test_a_flipped_bit_is_refused_or_changes_the_roots_alone() -> None:
    whole = written([A.cid], [A, B, C])
    for at in range(len(car.header([A.cid])), len(whole)):
        for bit in (1, 0x80):
            data = bytearray(whole)
            data[at] ^= bit
            try:
                found = read(bytes(data))
            except Malformed:
                continue
            # What else passes holds the same bytes under another codec.
            assert [b.data for b in found] == [b.data for b in (A, B, C)]


def test_a_wrong_block_is_named_with_its_place_and_those_before_it_are_good() -> None:
    data = car.header([]) + car.section(A.cid, A.data) + car.section(B.cid, b"other")
    blocks = iter(car.read(io.BytesIO(data)))
    assert next(blocks) == A
    with pytest.raises(InvalidCar, match=str(B.cid)) as raised:
        next(blocks)
    assert data[raised.value.at :] == b"other"


def test_a_section_across_the_payloads_end_is_not_handed_out() -> None:
    size = len(written([], [A])) + 3
    blocks = iter(car.read(io.BytesIO(wrapped(written([], [A, B]), size=size))))
    assert next(blocks) == A
    with pytest.raises(InvalidCar, match="beyond the payload's end") as raised:
        next(blocks)
    assert raised.value.at == 51 + len(written([], [A]))


@pytest.mark.parametrize("offset", [0, 1, 50])
def test_a_payload_never_begins_inside_the_header(offset: int) -> None:
    with pytest.raises(InvalidCar, match="inside the header"):
        read(wrapped(written([], [A]), offset=offset))


def head(value: Value) -> bytes:
    body = dag_cbor.encode(value)
    return varint.encode(len(body)) + body


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "nothing"),
        (b"\0", "an empty header"),
        (b"\x80", "a length cut short"),
        (b"\x80\x00", "a length that is not minimal"),
        (b"\xff" * 12, "a length of more than nine bytes"),
        (b"\x05hello", "a header that is not dag-cbor"),
        (head([]), "a header that is not a map"),
        (head({"version": 1}), "no roots"),
        (head({"roots": []}), "no version"),
        (head({"roots": [], "version": 3}), "a version of the future"),
        (head({"roots": [], "version": True}), "a version that is not a number"),
        (head({"roots": [], "version": 2}), "version 2 with roots"),
        (head({"roots": None, "version": 1}), "roots that are null"),
        (head({"roots": ["x"], "version": 1}), "a root that is text"),
        (head({"roots": [], "version": 1, "x": 1}), "an unknown key"),
        (car.header([]) + b"\0", "an empty section"),
        (car.header([]) + b"\x01\x01", "a section too short for a CID"),
        (car.header([]) + b"\x05\x12\x20abc", "a CID cut short"),
        (car.header([]) + b"\x05\x02\x55\x12\x01a", "a CID of version 2"),
        (car.header([]) + b"\x06\x01\x55\x12\x02ab", "a digest too short"),
        (car.header([]) + b"\x0a\x01\x55\x00\xff\xff\xff\xff\x7fab", "a digest of 32 GiB"),
        (car.header([]) + b"\x27\x01\x55\x16\x20" + bytes(35), "a hash we can't compute"),
        (PRAGMA, "version 2 and no more"),
        (wrapped(car.header([]), offset=50), "a payload inside the header"),
        (wrapped(car.header([]), size=0), "an empty payload"),
        (wrapped(car.header([]), size=100), "a payload beyond the end"),
        (wrapped(car.header([]), offset=1 << 63), "a payload at 8 EiB"),
        (wrapped(car.header([]), size=(1 << 64) - 1), "a payload of 16 EiB"),
        (wrapped(car.header([]), index_at=52), "an index inside the payload"),
        (wrapped(car.header([]), size=5), "a header across the payload's end"),
        (
            wrapped(written([], [A]), size=len(car.header([])) + 3),
            "a section across the payload's end",
        ),
        (wrapped(wrapped(car.header([]))), "version 2 inside version 2"),
        (b"\x8a\x00" + PRAGMA[1:] + bytes(40), "a pragma in other bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("known", [False, True], ids=["stream", "size known"])
def test_refuses(data: bytes, rule: str, known: bool) -> None:
    with pytest.raises(InvalidCar) as raised:
        read(data, known)
    assert "at byte" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "data",
    [
        wrapped(car.header([]), size=1000),
        wrapped(car.header([]), offset=1000),
        wrapped(car.header([]), index_at=1000),
    ],
    ids=["payload's size", "payload's offset", "index's offset"],
)
def test_offsets_beyond_a_known_size_are_refused_before_anything_is_read(data: bytes) -> None:
    with pytest.raises(InvalidCar, match="beyond the file's end"):
        car.read(io.BytesIO(data), size_bytes=len(data))


@pytest.mark.parametrize(
    "data",
    [
        varint.encode(car.MAX_HEADER_BYTES + 1),
        varint.encode(1 << 62),
        car.header([]) + varint.encode(car.MAX_SECTION_BYTES + 1),
        car.header([]) + varint.encode(1 << 62),
        car.header([A.cid] * (car.MAX_ROOTS + 1)),
    ],
    ids=["header", "header of 4 EiB", "section", "section of 4 EiB", "roots"],
)
def test_limits_are_held_before_anything_is_allocated(data: bytes) -> None:
    with pytest.raises(LimitExceeded):
        read(data)


def test_the_most_roots_are_taken() -> None:
    assert len(car.read(io.BytesIO(car.header([A.cid] * car.MAX_ROOTS))).roots) == car.MAX_ROOTS


@given(data=st.binary(max_size=200), keep=st.integers(0, 120))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_blocks_or_malformed(data: bytes, keep: int) -> None:
    for start in (b"", written([A.cid], [A, B])[:keep], wrapped(written([], [A]))[:keep]):
        try:
            blocks = read(start + data)
        except Malformed:
            continue
        for block in blocks:
            assert mh.matches(block.cid.multihash, block.data)
