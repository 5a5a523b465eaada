"""dag-json: one form when written, any order and whitespace when read, no key twice."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jiaozi_node.formats import dag_cbor, dag_json
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.dag_json import MalformedDagJson
from jiaozi_node.formats.depth import Value
from tests import strategies
from tests.outcome import outcome

CID = Cid.parse("bafkqabiaaebagba")


@given(strategies.values())
def test_what_is_written_is_read(value: Value) -> None:
    data, fault = outcome(dag_json.encode, value)
    assume(not fault)  # the forms that dag-json reserves
    read = dag_json.decode(data)
    assert read == value
    # With the types, too: to Python 1, 1.0 and True are equal.
    assert dag_cbor.encode(read) == dag_cbor.encode(value)
    assert dag_json.encode(read) == data
    assert dag_json.links(data) == dag_json.collect_links(read)


@given(strategies.values(), st.integers(0, 3), st.booleans())
def test_whitespace_order_and_escapes_change_nothing(
    value: Value, indent: int, ascii: bool
) -> None:
    data, fault = outcome(dag_json.encode, value)
    assume(not fault)
    loose = json.dumps(
        json.loads(data, object_pairs_hook=lambda pairs: dict(reversed(pairs))),
        indent=indent,
        ensure_ascii=ascii,
    )
    assert dag_json.encode(dag_json.decode(loose.encode())) == data


@given(st.text(max_size=30) | st.text('[]{}":,/0123456789eE.-+\\ "bytes"', max_size=30))
def test_any_text_is_one_value_or_malformed(text: str) -> None:
    value, fault = outcome(dag_json.decode, text.encode())
    if not fault:
        assert dag_json.decode(dag_json.encode(value)) == value


def _written(value: Value) -> bytes:
    return outcome(dag_json.encode, value)[0] or b"[]"


@given(strategies.mutated(strategies.values().map(_written)))
def test_any_bytes_are_one_value_or_malformed(data: bytes) -> None:
    value, fault = outcome(dag_json.decode, data)
    if not fault:
        assert dag_cbor.decode(dag_cbor.encode(value)) == value
        assert dag_json.decode(dag_json.encode(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # Keys go by bytes, not by length as in dag-cbor.
        ({"b": 1, "aa": 2, "a": 3}, '{"a":3,"aa":2,"b":1}'),
        ({"\U0001f95f": 1, "\ue000": 2}, '{"\ue000":2,"\U0001f95f":1}'),
        (b"", '{"/":{"bytes":""}}'),
        (b"\xfb\xef", '{"/":{"bytes":"++8"}}'),
        (CID, '{"/":"bafkqabiaaebagba"}'),
        (True, "true"),
        ([], "[]"),
        ({}, "{}"),
        ([None, [False, {}]], "[null,[false,{}]]"),
        # Escaped as `ipfs dag put --store-codec dag-json` of Kubo 0.43 does.
        ("\x01\b\f\x7f\u2028é\x1f", '"\\u0001\\u0008\\u000c\x7f\\u2028é\\u001f"'),
        ('/<>&"\\\n\r\t', '"/<>&\\"\\\\\\n\\r\\t"'),
    ],
)  # fmt: skip
def test_the_one_form(value: Value, text: str) -> None:
    assert dag_json.encode(value).decode() == text
    assert dag_json.decode(text.encode()) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # As Kubo and JavaScript print them, where those leave a point or an exponent.
        (0.1, "0.1"),
        (1e16, "10000000000000000.0"),
        (1e20, "100000000000000000000.0"),
        (1e21, "1e+21"),
        (123456789012345678.0, "123456789012345680.0"),
        (1e-5, "0.00001"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (0.00001234, "0.00001234"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (-82497.63712086187, "-82497.63712086187"),
        # Kubo writes 3, 100 and -0, which come back as integers.
        (3.0, "3.0"),
        (100.0, "100.0"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
    ],
)
def test_floats(value: float, text: str) -> None:
    assert dag_json.encode(value).decode() == text
    assert repr(dag_json.decode(text.encode())) == repr(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back_as_itself(value: float) -> None:
    assert repr(dag_json.decode(dag_json.encode(value))) == repr(value)


@pytest.mark.parametrize(
    "value",
    [
        1 << 64,
        -(1 << 64) - 1,
        float("nan"),
        float("-inf"),
        "\ud800",
        {"\udc80": 1},
        {1: 2},
        {"a": 1, 1: 2},
        {"/": {"bytes": "AQ", 1: 2}},
        (1, 2),
        object(),
        {"/": "a"},
        {"/": str(CID)},
        {"/": "a", "z": 1},
        {"/": {"bytes": "AQ"}},
        {"/": {"bytes": "AQ"}, "z": 1},
        {"/": {"bytes": "AQ", "z": 1}},
    ],
    ids=repr,
)
def test_values_that_cannot_be_written(value: Any) -> None:
    with pytest.raises(MalformedDagJson):
        dag_json.encode(value)


@pytest.mark.parametrize(
    "value",
    [
        {"/": 1},
        {"/": None},
        {"/": {}},
        {"/": CID},
        {"/": b"a"},
        {"/": {"/": CID}},
        {"/": {"bytes": 1}},
        {"/": {"bytes": CID}},
        {"/": {"bytes": b"a"}},
        {"/": {"bytes": "AQ", "a": 1}},
        {"!": 1, "/": "a"},
        {"!": 1, "/": {"bytes": "AQ"}},
        {"bytes": "AQ"},
    ],
    ids=repr,
)
def test_maps_that_only_look_reserved(value: Value) -> None:
    assert dag_json.decode(dag_json.encode(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"/":"Bafkqabiaaebagba"}'.replace("Baf", "BAF").upper(), CID),
        ('{"/":{"bytes":"AQ=="}}', b"\x01"),
        (' {\n"b" :\t1 ,"a": [ ] }\r\n', {"b": 1, "a": []}),
        ('"\\ud83e\\udd5f\\/"', "\U0001f95f/"),
        ("-0", 0),
        ("1E5", 100000.0),
        ("1e5", 100000.0),
    ],
)
def test_other_ways_to_write_the_same(text: str, value: Value) -> None:
    read = dag_json.decode(text.encode())
    assert read == value
    assert type(read) is type(value)


def test_links_in_the_order_of_the_block() -> None:
    one, two = CID, Cid.parse("bafkqaaa")
    data = dag_json.encode({"z": one, "a": [two, {"x": one}], "m": two})
    assert dag_json.links(data) == [two, one, two, one]
