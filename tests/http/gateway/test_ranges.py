"""Ranges: any header against a model of bytes, and over sockets on files of many blocks."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.http.gateway.problem import Problem
from jiaozi_node.http.gateway.ranges import MAX_RANGES, Span, Unsatisfiable, spans
from jiaozi_node.unixfs.add import add_bytes
from jiaozi_node.unixfs.profile import named
from tests.http.gateway.wire import Node

numbers = st.integers(0, 130)
parts = st.one_of(
    st.tuples(numbers, numbers).map(lambda two: (min(two), max(two))),
    st.tuples(numbers, st.none()),
    st.tuples(st.none(), numbers),
)


def text(part: tuple[int | None, int | None]) -> str:
    first, last = ("" if one is None else str(one) for one in part)
    return f"{first}-{last}"


def model(data: bytes, part: tuple[int | None, int | None]) -> bytes:
    first, last = part
    if first is None:
        return data[-last:] if last else b""
    return data[first:] if last is None else data[first : last + 1]


@given(st.binary(max_size=120), st.lists(parts, min_size=1, max_size=5))
def test_spans_are_the_bytes_that_a_slice_gives(
    data: bytes, wanted: list[tuple[int | None, int | None]]
) -> None:
    expected = [model(data, part) for part in wanted]
    expected = [one for one in expected if one]
    header = "bytes=" + ", ".join(map(text, wanted))
    if not expected and data:
        with pytest.raises(Unsatisfiable) as refused:
            spans(header, len(data))
        assert refused.value.headers == {"Content-Range": f"bytes */{len(data)}"}
        return
    found = spans(header, len(data))
    if sum(map(len, expected)) > len(data):
        assert found == []
    else:
        assert [data[one.start : one.start + one.length] for one in found] == expected


@pytest.mark.parametrize(
    "header", ["bytes=", "bytes=-", "bytes=a-b", "bytes=5-3", "bytes=--3", "bytes=1", "bytes=1-2-3",
               "bytes=0x1-2", "bytes=" + "9" * 30 + "-", "bytes=١-٢"]
)  # fmt: skip
def test_what_is_no_range_is_refused(header: str) -> None:
    with pytest.raises(Problem) as refused:
        spans(header, 10)
    assert refused.value.status == 400


def test_other_units_and_too_many_ranges_are_passed_over() -> None:
    assert spans(None, 10) == spans("items=0-1", 10) == spans("nonsense", 10) == []
    many = "bytes=" + ",".join(f"{at}-{at}" for at in range(MAX_RANGES + 1))
    assert spans(many, 100) == []
    assert len(spans(many.removesuffix(f",{MAX_RANGES}-{MAX_RANGES}"), 100)) == MAX_RANGES
    assert spans("bytes=0-5", 0) == []


DATA = bytes(range(256)) * 3
PROFILE = replace(named("unixfs-v1-2025"), name="small", chunk_size=50, file_width=3)


@pytest.mark.asyncio
async def test_ranges_of_files_of_one_block_and_of_many(node: Node) -> None:
    for profile in (PROFILE, replace(PROFILE, chunk_size=5000),
                    replace(PROFILE, raw_leaves=False, chunk_size=5000)):  # fmt: skip
        made, file = add_bytes(DATA, profile)
        node.put(*made)
        for header, span in (
            ("bytes=0-0", Span(0, 1)), ("bytes=10-", Span(10, 758)), ("bytes=-1", Span(767, 1)),
            ("bytes=-9999", Span(0, 768)), ("bytes=100-201", Span(100, 102)),
            ("bytes=767-9999", Span(767, 1)),
        ):  # fmt: skip
            got = await node.get(f"/ipfs/{file.cid}", Range=header)
            assert (got.status, got["content-range"]) == (206, span.of(768))
            assert got.body == DATA[span.start :][: span.length]
            head = await node.head(f"/ipfs/{file.cid}", Range=header)
            assert (head.status, head["content-length"]) == (206, str(span.length))
        beyond = await node.get(f"/ipfs/{file.cid}", Range="bytes=768-")
        assert (beyond.status, beyond["content-range"]) == (416, "bytes */768")
        tag = f'"{file.cid}"'
        part = {"Range": "bytes=1-2"}
        assert (await node.get(f"/ipfs/{file.cid}", If_Range=tag, **part)).status == 206
        for other in ('"x"', f"W/{tag}", "Sun, 09 Sep 2001 01:46:40 GMT"):
            assert (await node.get(f"/ipfs/{file.cid}", If_Range=other, **part)).body == DATA


@pytest.mark.asyncio
async def test_several_ranges_come_as_parts(node: Node) -> None:
    made, file = add_bytes(DATA, PROFILE)
    node.put(*made)
    got = await node.get(f"/ipfs/{file.cid}?filename=a.bin", Range="bytes=6-60,0-4,-3")
    media, _, boundary = got["content-type"].partition("; boundary=")
    assert (got.status, media, got.whole) == (206, "multipart/byteranges", True)
    found = got.body.split(f"--{boundary}".encode())
    assert (found[0], found[-1]) == (b"\r\n", b"--\r\n")
    for piece, span in zip(found[1:-1], (Span(6, 55), Span(0, 5), Span(765, 3)), strict=True):
        head, _, body = piece.partition(b"\r\n\r\n")
        assert f"Content-Range: {span.of(768)}".encode() in head
        assert b"Content-Type: application/octet-stream" in head
        assert body.removesuffix(b"\r\n") == DATA[span.start :][: span.length]
    head_only = await node.head(f"/ipfs/{file.cid}?filename=a.bin", Range="bytes=6-60,0-4,-3")
    assert head_only["content-length"] == str(len(got.body))
