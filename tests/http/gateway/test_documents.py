"""dag-json, dag-cbor, json and cbor: as they are, never converted (IPIP-523, IPIP-524)."""

import pytest

from jiaozi_node.formats import dag_cbor, dag_json
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import CBOR, DAG_CBOR, DAG_JSON, DAG_PB, JSON, RAW
from jiaozi_node.http.gateway.node_page import MAX_TEXT, MAX_VALUES
from tests.http.gateway.wire import Node

pytestmark = pytest.mark.asyncio
LEAF = Block.of(b"a leaf of text\n")
VALUE = {"name": "<b>&\"'", "list": [1, {"link": LEAF.cid}], "none": None, "bytes": b"\0\1"}
OF = {
    "dag-json": Block.of(dag_json.encode(VALUE), DAG_JSON),
    "dag-cbor": Block.of(dag_cbor.encode(VALUE), DAG_CBOR),
    "json": Block.of(b'{"plain": true}', JSON),
    "cbor": Block.of(b"\xa1\x65plain\xf5", CBOR),
}
MEDIA = {
    "dag-json": "application/vnd.ipld.dag-json", "dag-cbor": "application/vnd.ipld.dag-cbor",
    "json": "application/json", "cbor": "application/cbor",
}  # fmt: skip
TAKES = {"json": ("json", "dag-json"), "cbor": ("cbor", "dag-cbor"),
         "dag-json": ("dag-json",), "dag-cbor": ("dag-cbor",)}  # fmt: skip


@pytest.fixture(autouse=True)
def filled(node: Node) -> None:
    node.put(LEAF, *OF.values())


@pytest.mark.parametrize("codec", OF)
async def test_a_document_comes_as_its_bytes(node: Node, codec: str) -> None:
    block = OF[codec]
    got = await node.get(f"/ipfs/{block.cid}")
    assert (got.status, got.body, got["content-type"]) == (200, block.data, MEDIA[codec])
    assert got["etag"] == f'"{block.cid}.{MEDIA[codec].rpartition("/")[2].rpartition(".")[2]}"'
    ending, how = ("json", "inline") if codec.endswith("json") else ("cbor", "attachment")
    assert got["content-disposition"].startswith(f'{how}; filename="{block.cid}.{ending}"')
    part = await node.get(f"/ipfs/{block.cid}", Range="bytes=1-4")
    assert (part.status, part.body) == (206, block.data[1:5])
    saved = await node.get(f"/ipfs/{block.cid}?download=true&filename=x.y", Accept="text/html")
    assert (saved.body, saved["content-disposition"][:26]) == (
        block.data,
        'attachment; filename="x.y"',
    )


@pytest.mark.parametrize("asked", TAKES)
@pytest.mark.parametrize("codec", OF)
async def test_nothing_is_converted(node: Node, asked: str, codec: str) -> None:
    block = OF[codec]
    for target, headers in (
        (f"/ipfs/{block.cid}?format={asked}", {}),
        (f"/ipfs/{block.cid}", {"Accept": MEDIA[asked]}),
        (f"/ipfs/{block.cid}?format={asked}", {"Accept": "application/vnd.ipld.raw"}),
    ):
        got = await node.get(target, **headers)
        if codec in TAKES[asked]:
            assert (got.status, got.body, got["content-type"]) == (200, block.data, MEDIA[asked])
        else:
            assert (got.status, "?format=raw" in got.text) == (406, True)


@pytest.mark.parametrize("codec", ["dag-json", "dag-cbor"])
async def test_paths_lead_through_links_and_end_at_values(node: Node, codec: str) -> None:
    cid = OF[codec].cid
    got = await node.get(f"/ipfs/{cid}/list/1/link")
    assert (got.status, got.body) == (200, LEAF.data)
    assert got["x-ipfs-roots"] == f"{cid},{cid},{cid},{LEAF.cid}"
    inside = await node.get(f"/ipfs/{cid}/list/0")
    assert inside.status == 501
    assert f'"list/0" of "/ipfs/{cid}/list/0"' in inside.text
    assert f'"/ipfs/{cid}"' in inside.text
    assert (await node.get(f"/ipfs/{cid}/list/7")).status == 404
    raw = await node.get(f"/ipfs/{cid}/list/1/link?format=raw")
    assert (raw.status, raw.body) == (200, LEAF.data)


@pytest.mark.parametrize("codec", ["dag-json", "dag-cbor"])
async def test_browsers_are_shown_a_page(node: Node, codec: str) -> None:
    block = OF[codec]
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    moved = await node.get(f"/ipfs/{block.cid}?a=b", **browser)
    assert (moved.status, moved["location"]) == (301, f"/ipfs/{block.cid}/?a=b")
    page = await node.get(f"/ipfs/{block.cid}/", **browser)
    assert (page.status, page["content-type"]) == (200, "text/html; charset=utf-8")
    assert page["etag"] == f'"DagIndex-jz1_CID-{block.cid}"'
    assert page.get("cache-control") is None
    assert "&lt;b&gt;&amp;&quot;&#x27;" in page.text
    assert "<b>&" not in page.text
    assert f'href="/ipfs/{LEAF.cid}"' in page.text
    assert 'href="?format=raw"' in page.text
    same = await node.get(f"/ipfs/{block.cid}/", If_None_Match=page["etag"], **browser)
    assert same.status == 304


async def test_what_only_verifying_clients_can_read_says_so(node: Node) -> None:
    odd = Block.of(b"\0", 0x78)  # git-raw
    broken = Block.of(b"\xff\xff", DAG_PB)
    node.put(odd, broken)
    assert (await node.get(f"/ipfs/{odd.cid}")).status == 406
    assert (await node.get(f"/ipfs/{odd.cid}?format=raw")).body == b"\0"
    assert (await node.get(f"/ipfs/{broken.cid}")).status == 500
    assert (await node.get(f"/ipfs/{broken.cid}?format=raw")).body == b"\xff\xff"
    assert (await node.get(f"/ipfs/{OF['json'].cid}?format=tar")).status == 406
    text = Block.of(b'{"a": 1}', RAW)
    node.put(text)
    got = await node.get(f"/ipfs/{text.cid}", Accept="application/json")
    assert (got.status, got["content-type"]) == (200, "application/json")
    assert (await node.get(f"/ipfs/{text.cid}", Accept="application/vnd.ipld.x")).status == 400
    assert (await node.get(f"/ipfs/{text.cid}?format=nonsense")).status == 200


async def test_a_page_shows_so_much(node: Node) -> None:
    long = Block.of(dag_cbor.encode([0] * (MAX_VALUES + 5) + ["x" * (MAX_TEXT + 5)]), DAG_CBOR)
    text = Block.of(dag_cbor.encode(["x" * (MAX_TEXT + 5), b"y" * MAX_TEXT]), DAG_CBOR)
    node.put(long, text)
    page = await node.get(f"/ipfs/{long.cid}/", Accept="text/html")
    assert page.text.count("<tr>") == MAX_VALUES + 1
    assert f"only the first {MAX_VALUES:,} are shown" in page.text
    page = await node.get(f"/ipfs/{text.cid}/", Accept="text/html")
    assert "x" * MAX_TEXT + "…" in page.text
    assert "79" * (MAX_TEXT // 2) + "…" in page.text
