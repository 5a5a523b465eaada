"""dag-cbor: one form for each value; a second opinion from the package `dag-cbor`."""

from typing import Any

import dag_cbor as other
import pytest
from dag_cbor.decoding.err import CBORDecodingError
from hypothesis import given, settings
from hypothesis import strategies as st
from multiformats import CID

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats import dag_cbor, dag_json
from jiaozi_node.formats.cid import Cid, InvalidCid
from jiaozi_node.formats.dag_cbor import MalformedDagCbor
from jiaozi_node.formats.depth import Value
from tests import strategies
from tests.outcome import outcome

LINK = "d82a58250001711220" + "11" * 32
CID_OF_LINK = Cid(bytes.fromhex("01711220" + "11" * 32))

ENCODED = strategies.values().map(dag_cbor.encode)


def _same(one: Value, two: Value) -> bool:
    """Compare with their types: to Python 1, 1.0 and True are equal."""
    return dag_cbor.encode(one) == dag_cbor.encode(two)


@given(strategies.values())
def test_what_is_written_is_read(value: Value) -> None:
    data = dag_cbor.encode(value)
    read = dag_cbor.decode(data)
    assert read == value
    assert _same(read, value)
    assert dag_cbor.links(data) == dag_json.collect_links(read)


@given(st.binary(max_size=60) | strategies.mutated(ENCODED))
def test_any_bytes_are_one_value_or_malformed(data: bytes) -> None:
    value, fault = outcome(dag_cbor.decode, data)
    cids, links_fault = outcome(dag_cbor.links, data)
    if not fault:
        # Strict: there is no second way to write it.
        assert dag_cbor.encode(value) == data
        assert not links_fault
        assert cids == dag_json.collect_links(value)


@given(strategies.mutated(ENCODED))
def test_the_scan_finds_what_the_decoder_finds(data: bytes) -> None:
    # Large blocks go through the scan, small ones don't.
    value, fault = outcome(dag_cbor.decode, data)
    raw, scan_fault = outcome(dag_cbor._scan, data)
    if not fault:
        assert not scan_fault
        assert [Cid(one) for one in raw] == dag_json.collect_links(value)


@pytest.mark.parametrize(
    "value",
    [
        1 << 64,
        -(1 << 64) - 1,
        float("nan"),
        float("inf"),
        "\ud800",
        {1: 2},
        {"\udc80": 1},
        {b"a": 1},
        {None: 1, "a": 2},
        (1, 2),
        bytearray(b"a"),
        object(),
        [{"a": {1}}],
    ],
    ids=repr,
)
def test_values_that_cannot_be_written(value: Any) -> None:
    with pytest.raises(MalformedDagCbor):
        dag_cbor.encode(value)


def test_bytes_that_look_like_a_cid_stay_bytes() -> None:
    data = dag_cbor.encode([CID_OF_LINK.raw, CID_OF_LINK])
    assert dag_cbor.decode(data) == [CID_OF_LINK.raw, CID_OF_LINK]
    assert dag_cbor.links(data) == [CID_OF_LINK]


def test_a_link_that_is_no_cid_says_so() -> None:
    for read in (dag_cbor.decode, dag_cbor.links):
        with pytest.raises(InvalidCid):
            read(bytes.fromhex("d82a450001711220"))


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("keys that are not sorted", f"a26162{LINK}616101"),
        ("longer keys before shorter ones", f"a2626262{LINK}616101"),
        ("a float of 16 bits", f"82f93c00{LINK}"),
        ("a float of 32 bits", f"82fa3f800000{LINK}"),
        ("undefined", f"82f7{LINK}"),
        ("text that is not UTF-8", f"8261ff{LINK}"),
        ("a key that is not UTF-8", f"a161ff{LINK}"),
    ],
)
def test_links_are_found_in_what_kubo_keeps(what: str, data: str) -> None:
    # Each was put into Kubo 0.43 as a block, whose links it then listed.
    assert dag_cbor.links(bytes.fromhex(data)) == [CID_OF_LINK], what
    with pytest.raises(MalformedDagCbor):
        dag_cbor.decode(bytes.fromhex(data))


@pytest.mark.parametrize(
    "data",
    [
        f"a26161{LINK}616101",  # a key twice
        f"a36161{LINK}6162016161f6",  # not next to each other
        f"82{LINK}",
        f"81{LINK}00",
        f"9f{LINK}ff",
        f"821817{LINK}",
        f"82c101{LINK}",
        f"82f97c00{LINK}",
        f"82f97e00{LINK}",
        f"82fa7f800000{LINK}",
        f"82fb7ff0000000000001{LINK}",
        f"82f8ff{LINK}",
        f"a101{LINK}",
    ],
)
def test_links_are_not_looked_for_in_the_rest(data: str) -> None:
    with pytest.raises(MalformedDagCbor):
        dag_cbor.links(bytes.fromhex(data))


def test_large_blocks_are_read_like_small_ones() -> None:
    links = [CID_OF_LINK, Cid.parse("bafkqaaa")] * 2000
    value = {"a": links, "b": {str(i): [i, float(i), b"\x9a" * 20] for i in range(3000)}}
    data = dag_cbor.encode(value)
    assert dag_cbor.decode(data) == value
    assert dag_cbor.links(data) == links
    with pytest.raises(MalformedDagCbor):
        dag_cbor.decode(data + b"\x00")
    with pytest.raises(MalformedDagCbor):
        dag_cbor.decode(data[:-1])
    assert dag_cbor.decode(dag_cbor.encode(bytes(1 << 20))) == bytes(1 << 20)


def test_a_block_holds_2_to_the_20_items_and_no_more() -> None:
    items = (1 << 20) - 1  # and the array itself
    head = b"\x9a" + items.to_bytes(4, "big")
    assert len(dag_cbor.decode(head + bytes(items))) == items
    more = b"\x9a" + (items + 1).to_bytes(4, "big") + bytes(items + 1)
    for read in (dag_cbor.decode, dag_cbor.links):
        with pytest.raises(LimitExceeded) as caught:
            read(more)
        assert (caught.value.limit, caught.value.value) == (1 << 20, (1 << 20) + 1)


# --------------------------------------------------------------------- the same as `dag-cbor`


def _theirs(value: Value) -> Any:
    """Return *value* with their type for links."""
    if isinstance(value, Cid):
        return CID.decode(value.raw)
    if isinstance(value, list):
        return [_theirs(child) for child in value]
    if isinstance(value, dict):
        return {key: _theirs(child) for key, child in value.items()}
    return value


def _ours(value: Any) -> Value:
    """Return *value* with our type for links."""
    if isinstance(value, CID):
        return Cid(bytes(value))
    if isinstance(value, list):
        return [_ours(child) for child in value]
    if isinstance(value, dict):
        return {key: _ours(child) for key, child in value.items()}
    return value


@given(strategies.values(max_leaves=8))
def test_the_package_dag_cbor_writes_and_reads_the_same(value: Value) -> None:
    data = dag_cbor.encode(value)
    assert other.encode(_theirs(value)) == data
    assert _same(_ours(other.decode(data)), value)


@settings(max_examples=200)
@given(strategies.mutated(ENCODED) | st.binary(max_size=12))
def test_bytes_that_both_accept_mean_the_same(data: bytes) -> None:
    ours, fault = outcome(dag_cbor.decode, data)
    try:
        theirs = other.decode(data)
    except (CBORDecodingError, ValueError, KeyError):
        return
    # Of what they take we refuse CIDs alone: their allowlist of hashes is wider than IPIP-512's.
    if fault:
        assert isinstance(fault, InvalidCid | LimitExceeded)
    else:
        assert _same(_ours(theirs), ours)
