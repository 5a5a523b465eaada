"""No codec follows nesting below 256 levels, and finding that out is quick and cheap."""

import tracemalloc
from collections.abc import Callable

import pytest

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats import codecs, dag_cbor, dag_json, depth
from jiaozi_node.formats.cid import DAG_CBOR, DAG_JSON
from jiaozi_node.formats.depth import Value
from tests.outcome import outcome
from tests.work import lines_run

CAP = 256  # of specs/limits.md: not read from the code, which may have lost it


def _lists(levels: int) -> Value:
    value: Value = 0
    for _ in range(levels):
        value = [value]
    return value


def _maps(levels: int) -> Value:
    value: Value = 0
    for _ in range(levels):
        value = {"a": value}
    return value


# How to write *levels* of nesting without the encoder, whose own cap would be in the way.
CBOR: dict[str, Callable[[int], bytes]] = {
    "arrays": lambda levels: b"\x81" * levels + b"\x00",
    "maps": lambda levels: b"\xa1\x61a" * levels + b"\x00",
    "both": lambda levels: b"\x82\x00\xa1\x61a" * (levels // 2) + b"\x81" * (levels % 2) + b"\x00",
    "wide": lambda levels: b"\x82" + b"\x81" * (levels - 1) + b"\x00" + b"\x00",
}  # fmt: skip
JSON: dict[str, Callable[[int], bytes]] = {
    "arrays": lambda levels: b"[" * levels + b"]" * levels,
    "maps": lambda levels: b'{"a":' * levels + b"0" + b"}" * levels,
    "wide": lambda levels: b"[[],[]," * (levels - 1) + b"[0" + b"]" * levels,
    "strings": lambda levels: (b'["]]\\"]]\\\\",' * levels) + b"0" + b"]" * levels,
}
READ = [
    pytest.param(read, source, id=f"{read.__module__.rpartition('.')[2]}.{read.__name__}-{name}")
    for reads, sources in (
        ([dag_cbor.decode, dag_cbor.links], CBOR),
        ([dag_json.decode, dag_json.links], JSON),
    )
    for read in reads
    for name, source in sources.items()
]


@pytest.mark.parametrize(("read", "source"), READ)
def test_256_levels_are_read_and_257_are_not(
    read: Callable[[bytes], Value], source: Callable[[int], bytes]
) -> None:
    read(source(CAP))
    with pytest.raises(LimitExceeded) as caught:
        read(source(CAP + 1))
    assert (caught.value.limit, caught.value.value) == (CAP, CAP + 1)
    assert "nesting" in caught.value.field


@pytest.mark.parametrize(("read", "source"), READ)
@pytest.mark.parametrize("levels", [3_000, 50_000, 1_000_000])
def test_a_bomb_is_refused_quickly(
    read: Callable[[bytes], Value], source: Callable[[int], bytes], levels: int
) -> None:
    data = source(levels)[:1_100_000]
    _, fault = outcome(read, data)
    assert isinstance(fault, LimitExceeded)
    assert lines_run(lambda: outcome(read, data)) < 10_000  # however much follows


@pytest.mark.parametrize("encode", [dag_cbor.encode, dag_json.encode])
@pytest.mark.parametrize("value", [_lists, _maps])
def test_256_levels_are_written_and_257_are_not(
    encode: Callable[[Value], bytes], value: Callable[[int], Value]
) -> None:
    assert encode(value(CAP))
    with pytest.raises(LimitExceeded):
        encode(value(CAP + 1))
    with pytest.raises(LimitExceeded):
        encode(value(100_000))


@pytest.mark.parametrize("code", [DAG_CBOR, DAG_JSON])
def test_the_table_of_codecs_has_no_way_round(code: int) -> None:
    data = {DAG_CBOR: CBOR, DAG_JSON: JSON}[code]["arrays"](CAP + 1)
    for read in (codecs.decode, codecs.links):
        with pytest.raises(LimitExceeded):
            read(code, data)
    with pytest.raises(LimitExceeded):
        codecs.encode(code, _lists(CAP + 1))


def test_depth_counts_containers_on_the_longest_way() -> None:
    depth.check({"a": [1, [2, {}]], "b": _maps(CAP - 1)}, "test")
    with pytest.raises(LimitExceeded):
        depth.check({"a": [1, [2, {}]], "b": _maps(CAP)}, "test")
    depth.check([[]] * 100_000, "test")


# Nested arrays that each declare all the bytes left: cbrrr alone would allocate them all.
@pytest.mark.parametrize("size", [4096, 60_000, 200_000, 1_000_000])
@pytest.mark.parametrize("read", [dag_cbor.decode, dag_cbor.links])
def test_declared_lengths_allocate_little(read: Callable[[bytes], Value], size: int) -> None:
    data = b"".join(
        b"\x9a" + (size - at - 5).to_bytes(4, "big") for at in range(0, size - 66_000, 5)
    ) + b"".join(
        b"\x99" + max(256, size - at - 3).to_bytes(2, "big")
        for at in range(max(0, size - 65_000), size, 3)
    )
    tracemalloc.start()
    try:
        assert outcome(read, data)[1]
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
