"""Frames are found again whatever happened to the bytes before them."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.formats import car
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.stores.segments import frame
from jiaozi_node.stores.segments.frame import Gap, Section

BLOCKS = [
    Block.of(b"raw"),
    Block.of_v0(b"\x0a\x02hi" * 40),
    Block.of(b"", c.DAG_PB),
    Block.of(b"cbor" * 9000, c.DAG_CBOR),
    Block.of(b"json", c.DAG_JSON),
    Block.of(b"blake" * 50, c.RAW, mh.BLAKE3),
    Block.of(b"sha512" * 30, c.RAW, mh.SHA2_512),
    Block.of(bytes(70_000)),
    Block.of(b"last"),
]


def written(blocks: list[Block]) -> bytes:
    return frame.HEADER + b"".join(
        frame.head(block.cid.raw, len(block.data)) + block.data for block in blocks
    )


def scan(path: Path, data: bytes, start: int = 0) -> list[Section | Gap]:
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)
    try:
        return list(frame.scan(fd, start, len(data)))
    finally:
        os.close(fd)


def keys(found: list[Section | Gap]) -> list[bytes]:
    return [one.multihash for one in found if isinstance(one, Section)]


def test_a_segment_is_a_car_file_that_anybody_reads() -> None:
    assert car.header([]) == frame.HEADER
    for block in BLOCKS:
        assert frame.head(block.cid.raw, len(block.data)) + block.data == car.section(*block)
    assert list(car.read(io.BytesIO(written(BLOCKS)))) == BLOCKS


def test_a_scan_finds_every_block_and_its_place(tmp_path: Path) -> None:
    data = written(BLOCKS)
    found = scan(tmp_path / "s.car", data)
    assert keys(found) == [block.cid.multihash for block in BLOCKS]
    for one, block in zip(found, BLOCKS, strict=True):
        assert isinstance(one, Section)
        assert data[one.offset : one.offset + one.length] == block.data


def test_every_torn_tail_keeps_all_before_it(tmp_path: Path) -> None:
    data = written(BLOCKS[:3])
    ends = [one.end for one in scan(tmp_path / "s.car", data) if isinstance(one, Section)]
    for cut in range(len(data)):
        found = scan(tmp_path / "s.car", data[:cut])
        assert len(keys(found)) == sum(end <= cut for end in ends)
        assert all(one.end <= cut for one in found)


def test_a_hole_of_zeros_loses_only_what_it_covers(tmp_path: Path) -> None:
    """A power cut may leave pages out of an unsynced stretch, and later ones in."""
    data = bytearray(written(BLOCKS))
    data[40:280] = bytes(240)
    found = keys(scan(tmp_path / "s.car", bytes(data)))
    assert found == [block.cid.multihash for block in BLOCKS[3:]]


def test_each_flipped_bit_loses_at_most_the_block_it_is_in(tmp_path: Path) -> None:
    blocks = [*BLOCKS[:3], *BLOCKS[4:7], BLOCKS[8]]
    data = written(blocks)
    expected = scan(tmp_path / "s.car", data)
    for at in range(len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 1 << at % 8
        found = set(keys(scan(tmp_path / "s.car", bytes(flipped))))
        for one, block in zip(expected, blocks, strict=True):
            if not one.at <= at < one.end:
                assert block.cid.multihash in found, (at, one)


def test_a_damaged_length_costs_nothing(tmp_path: Path) -> None:
    data = bytearray(written(BLOCKS))
    places = scan(tmp_path / "s.car", bytes(data))
    data[places[3].at + 1] ^= 0x41
    found = scan(tmp_path / "s.car", bytes(data))
    assert keys(found) == [block.cid.multihash for block in BLOCKS]


def test_a_block_that_looks_like_frames_is_one_block_while_it_is_whole(tmp_path: Path) -> None:
    inner = b"".join(car.section(*block) for block in BLOCKS[:3])
    blocks = [Block.of(inner), BLOCKS[8]]
    found = scan(tmp_path / "s.car", written(blocks))
    assert keys(found) == [block.cid.multihash for block in blocks]


def test_identity_sections_and_absurd_lengths_are_no_sections(tmp_path: Path) -> None:
    inline = Block.of(b"says itself", c.RAW, mh.IDENTITY)
    for junk in (
        car.section(*inline),
        b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + BLOCKS[0].cid.raw + b"raw",
        b"\x00\x00\x00",
        b"\x23" + b"\x01\x55\x12\x20" + bytes(10),
    ):
        found = scan(tmp_path / "s.car", written(BLOCKS[:1]) + junk + written(BLOCKS[1:])[18:])
        assert keys(found) == [block.cid.multihash for block in BLOCKS]
        assert sum(isinstance(one, Gap) for one in found) == 1


@settings(max_examples=60, deadline=None)
@given(junk=st.binary(max_size=300), at=st.integers(0, 8))
def test_whatever_lies_between_two_blocks_both_are_found(
    junk: bytes, at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = written(BLOCKS[:at]) + junk + written(BLOCKS[at:])[len(frame.HEADER) :]
    found = keys(scan(tmp_path_factory.mktemp("scan") / "s.car", data))
    assert {block.cid.multihash for block in BLOCKS} <= set(found)
