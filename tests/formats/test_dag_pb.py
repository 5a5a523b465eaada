"""dag-pb: canonical when written; when read, exactly what Kubo 0.43 takes but for one thing."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import Malformed
from jiaozi_node.formats import dag_pb
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.dag_pb import MalformedDagPb, PbLink, PbNode
from tests import strategies
from tests.outcome import outcome

CID = Cid.parse("QmcJw6x4bQr7oFnVnF6i8SLcJvhXjaxWvj54FYXmZ4Ct6p")
HASH = "0a221220cf92fdefcdc34cac009c8b05eb662be0618db9de55ecd42785e9ec6712f8df65"
A, B = f"1227{HASH}120161", f"1227{HASH}120162"


def _canonical(node: PbNode) -> PbNode:
    links = sorted(
        node.links, key=lambda link: (link.name or "").encode("utf-8", "surrogateescape")
    )
    return PbNode(tuple(links), node.data)


@given(strategies.pb_nodes())
def test_what_is_written_is_read(node: PbNode) -> None:
    data = dag_pb.encode(node)
    assert dag_pb.decode(data) == _canonical(node)
    assert dag_pb.encode(dag_pb.decode(data)) == data
    assert dag_pb.child_cids(data) == [link.cid for link in _canonical(node).links]


def test_links_are_sorted_by_the_bytes_of_their_names_and_keep_their_order_when_equal() -> None:
    # By code point U+E000 comes before U+1F95F; so it does by bytes. By UTF-16 it wouldn't.
    names = ["\U0001f95f", "\ue000", "b", None, "a", "", "\udcff", "aa", "b"]
    node = PbNode(tuple(PbLink(CID, name, at) for at, name in enumerate(names)))
    read = dag_pb.decode(dag_pb.encode(node)).links
    assert [(link.name, link.tsize) for link in read] == [
        (None, 3),
        ("", 5),
        ("a", 4),
        ("aa", 7),
        ("b", 2),
        ("b", 8),
        ("\ue000", 1),
        ("\U0001f95f", 0),
        ("\udcff", 6),
    ]


@given(st.lists(strategies.pb_links(), max_size=8), st.none() | st.binary(max_size=20))
def test_the_fast_path_writes_the_same(links: list[PbLink], data: bytes | None) -> None:
    node = _canonical(PbNode(tuple(links), data))
    raw = [
        (
            link.cid.raw,
            None if link.name is None else link.name.encode("utf-8", "surrogateescape"),
            link.tsize,
        )
        for link in node.links
    ]
    assert dag_pb.encode_links(raw, data) == dag_pb.encode(node)
    assert dag_pb.decode_links(dag_pb.encode(node)) == (raw, data)


def test_long_names_and_many_links() -> None:
    links = tuple(PbLink(CID, "n" * size, 1 << size % 63) for size in (0, 1, 127, 128, 255, 20000))
    assert dag_pb.decode(dag_pb.encode(PbNode(links))).links == links


@pytest.mark.parametrize(
    "link",
    [
        PbLink(CID, "a", -1),
        PbLink(CID, "a", 1 << 63),
        PbLink(CID, "\ud800", 0),
    ],
)
def test_links_that_cannot_be_written(link: PbLink) -> None:
    with pytest.raises(MalformedDagPb):
        dag_pb.encode(PbNode((link,)))


@pytest.mark.parametrize(
    ("rule", "data", "links", "payload"),
    [
        ("nothing is an empty node", "", [], None),
        ("Data may be empty", "0a00", [], b""),
        ("a link may be a Hash alone", f"1224{HASH}", [(None, None)], None),
        ("Data may stand before Links", f"0a0208021224{HASH}", [(None, None)], b"\x08\x02"),
        ("Data may stand behind Links", f"1224{HASH}0a020802", [(None, None)], b"\x08\x02"),
        ("names may be unsorted", B + A, [("b", None), ("a", None)], None),
        ("names may be repeated", A + A, [("a", None), ("a", None)], None),
        ("an empty name is a name", f"1226{HASH}1200", [("", None)], None),
        ("a name may be any bytes", f"1227{HASH}1201ff", [("\udcff", None)], None),
        ("a length may be padded", f"12a400{HASH}", [(None, None)], None),
        ("a Tsize may be padded", f"1227{HASH}188000", [(None, 0)], None),
        ("a key may be padded", f"920024{HASH}", [(None, None)], None),
        ("Tsize goes to 2**63 - 1", f"122e{HASH}18{'ff' * 8}7f", [(None, (1 << 63) - 1)], None),
    ],
)  # fmt: skip
def test_kubo_takes_and_so_do_we(
    rule: str, data: str, links: list[tuple[str | None, int | None]], payload: bytes | None
) -> None:
    node = dag_pb.decode(bytes.fromhex(data))
    assert [(link.name, link.tsize) for link in node.links] == links, rule
    assert {link.cid for link in node.links} <= {CID}
    assert node.data == payload


@given(st.binary(max_size=80) | strategies.mutated(strategies.pb_nodes().map(dag_pb.encode)))
def test_any_bytes_are_a_node_or_malformed(data: bytes) -> None:
    node, fault = outcome(dag_pb.decode, data)
    cids, links_fault = outcome(dag_pb.child_cids, data)
    assert (fault is None) == (links_fault is None)
    if not fault:
        assert cids == [link.cid for link in node.links]
        # What was read can be written, and is then read as the same.
        assert dag_pb.decode(dag_pb.encode(node)) == _canonical(node)


@given(strategies.pb_nodes().map(dag_pb.encode), st.data())
def test_a_node_cut_short_is_never_taken_for_a_longer_one(data: bytes, pick: st.DataObject) -> None:
    cut = data[: pick.draw(st.integers(0, len(data)))]
    node, fault = outcome(dag_pb.decode, cut)
    # Only at the border of a field is what is left a node of its own.
    assert fault or dag_pb.encode(node) == cut


@pytest.mark.parametrize("head", ["0a", "12", "120a", "12ffffffff0f0a"])
def test_a_declared_length_allocates_nothing(head: str) -> None:
    data = bytes.fromhex(head) + b"\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(64)
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            dag_pb.decode(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
