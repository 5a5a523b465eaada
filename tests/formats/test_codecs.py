"""The table of codecs, and dag-pb as an IPLD value."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import Malformed
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import codecs, dag_pb
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.dag_pb import MalformedDagPb, PbNode
from jiaozi_node.formats.depth import Value
from tests import strategies
from tests.outcome import outcome

CID = Cid.parse("QmNPWHBrVQiiV8FpyNuEPhB9E2rbvdy9Yx79EY1EJuyf9o")


@given(strategies.pb_nodes())
def test_a_node_is_the_map_of_its_schema(node: PbNode) -> None:
    data = dag_pb.encode(node)
    value = codecs.decode(c.DAG_PB, data)
    assert codecs.encode(c.DAG_PB, value) == data
    assert set(value) == {"Links"} | ({"Data"} if node.data is not None else set())
    assert codecs.links(c.DAG_PB, data) == [link["Hash"] for link in value["Links"]]


def test_absent_and_empty_differ() -> None:
    assert codecs.decode(c.DAG_PB, b"") == {"Links": []}
    assert codecs.decode(c.DAG_PB, b"\x0a\x00") == {"Data": b"", "Links": []}
    link = {"Hash": CID, "Name": ""}
    assert codecs.decode(c.DAG_PB, codecs.encode(c.DAG_PB, {"Links": [link]})) == {"Links": [link]}


@pytest.mark.parametrize("field", [None, True, 0, 101, -101, 1.1, "blip", b"\1", [], {}, CID])
@pytest.mark.parametrize("place", ["node", "Data", "Links", "link", "Hash", "Name", "Tsize"])
def test_fields_of_another_kind_are_refused(place: str, field: Value) -> None:
    link: Value = {"Hash": CID, "Name": "a", "Tsize": 1}
    node: Value = {"Data": b"", "Links": [link]}
    right = {"Data": bytes, "Links": list, "Hash": Cid, "Name": str, "Tsize": int}.get(place)
    if place == "node":
        node = field
    elif place == "link":
        node["Links"] = [field]
    else:
        (node if place in node else link)[place] = field
    if right is type(field) and field != -101:
        assert codecs.encode(c.DAG_PB, node)
    else:
        with pytest.raises(MalformedDagPb):
            codecs.encode(c.DAG_PB, node)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"Data": b""},
        {"Links": [], "extraneous": True},
        {"Links": [{"Hash": CID, "extraneous": True}]},
        {"Links": [{"Name": "a", "Tsize": 1}]},
        {"Links": [{"Hash": CID, 1: 2}]},
    ],
)
def test_missing_and_unknown_fields_are_refused(value: Value) -> None:
    with pytest.raises(MalformedDagPb):
        codecs.encode(c.DAG_PB, value)


def test_unsorted_links_are_sorted_as_kubo_does() -> None:
    links = [{"Hash": CID, "Name": name} for name in ("aa", "b", "a")]
    data = codecs.encode(c.DAG_PB, {"Links": links})
    assert [link["Name"] for link in codecs.decode(c.DAG_PB, data)["Links"]] == ["a", "aa", "b"]


@given(st.binary(max_size=100))
def test_a_raw_block_is_its_bytes(data: bytes) -> None:
    assert codecs.decode(c.RAW, data) == data
    assert codecs.encode(c.RAW, data) == data
    assert codecs.links(c.RAW, data) == []


def test_a_raw_block_holds_nothing_else() -> None:
    with pytest.raises(Malformed):
        codecs.encode(c.RAW, "text")


def test_a_name_that_is_not_utf8_has_no_form_in_the_other_codecs() -> None:
    value = {"Links": [{"Hash": CID, "Name": "\udcff"}]}
    assert codecs.decode(c.DAG_PB, codecs.encode(c.DAG_PB, value)) == value
    for code in (c.DAG_CBOR, c.DAG_JSON):
        with pytest.raises(Malformed):
            codecs.encode(code, value)


@pytest.mark.parametrize("code", [c.GIT_RAW, c.LIBP2P_KEY, 0x300000])
def test_other_codecs_are_named(code: int) -> None:
    for act in (codecs.decode, codecs.links, codecs.encode):
        with pytest.raises(codecs.UnknownCodec, match="is not understood") as caught:
            act(code, b"")
        assert caught.value.code == code


@given(st.sampled_from(sorted(codecs.CODECS)), st.binary(max_size=60))
def test_any_bytes_are_read_or_malformed(code: int, data: bytes) -> None:
    value, fault = outcome(lambda source: codecs.decode(code, source), data)
    cids, links_fault = outcome(lambda source: codecs.links(code, source), data)
    if not fault:
        assert not links_fault
        assert all(isinstance(cid, Cid) for cid in cids)
        assert codecs.decode(code, codecs.encode(code, value)) is not None or value is None


def test_the_codecs_that_cat_does_not_need_are_not_imported() -> None:
    script = (
        "import sys, jiaozi_node.formats.codecs, jiaozi_node.formats.unixfs_pb\n"
        "heavy = {'cbrrr', 'json', 'multiformats', 'dag_cbor', 'cryptography', 'asyncio'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
