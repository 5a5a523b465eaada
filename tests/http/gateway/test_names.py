"""Names over HTTP: records of the home, fixed names, and records as their bytes."""

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from jiaozi_node.formats.instant import SECOND_NS
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.http.gateway.names import HomeNames
from jiaozi_node.http.gateway.wiring import Wiring
from jiaozi_node.node.name_records import NameRecords
from tests.http.gateway.wire import VECTORS, Node

pytestmark = pytest.mark.asyncio
KEY = "k51qzi5uqu5dlxdsdu5fpuu7h69wu4ohp32iwm9pdt9nq3y5rpn3ln9j12zfhe"
RECORD = (VECTORS / "gateway-cache" / f"{KEY}.ipns-record").read_bytes()
ROOT = "bafybeib3ffl2teiqdncv3mkz4r23b5ctrwkzrrhctdbne6iboayxuxk5ui"
FIXED = f"site.example:/ipfs/{ROOT}/root2,again.example:/ipns/site.example"


@pytest_asyncio.fixture
async def named(node: Node) -> AsyncIterator[Node]:
    node.load("gateway-cache/fixtures")
    NameRecords(node.home.names).put(PeerId.parse(KEY), RECORD, int(time.time() * SECOND_NS))
    names = HomeNames(node.home, {"IPFS_NS_MAP": FIXED}, time.time)
    node.gateway.wiring = Wiring(names=names)
    yield node
    names.close()


async def test_a_key_leads_to_content(named: Node) -> None:
    path = f"/ipns/{KEY}/root2/root3/root4/index.html"
    got = await named.get(path)
    plain = await named.get(f"/ipfs/{ROOT}/root2/root3/root4/index.html")
    assert (got.status, got.body, got["x-ipfs-path"]) == (200, plain.body, path)
    assert (got["x-ipfs-roots"], got["etag"]) == (plain["x-ipfs-roots"], plain["etag"])
    told, _, seconds = got["cache-control"].partition("max-age=")
    assert told == "public, "
    assert int(seconds) > 0
    assert (await named.get(path, If_None_Match=got["etag"])).status == 304
    listed = await named.get(f"/ipns/{KEY}/root2/root3/")
    assert listed["cache-control"] == f"{got['cache-control']}, stale-while-revalidate=2678400"
    assert f'/ipns/<a href="/ipns/{KEY}">{KEY}</a>' in listed.text
    raw = await named.get(f"/ipns/{KEY}/root2?format=raw")
    assert (raw.status, raw["cache-control"]) == (200, got["cache-control"])
    moved = await named.get(f"/ipns/{KEY}/root2")
    assert (moved.status, moved["location"]) == (301, f"/ipns/{KEY}/root2/")


async def test_a_record_comes_as_its_bytes(named: Node) -> None:
    for target, headers in (
        (f"/ipns/{KEY}?format=ipns-record", {}),
        (f"/ipns/{KEY}", {"Accept": "application/vnd.ipfs.ipns-record"}),
    ):
        got = await named.get(target, **headers)
        assert (got.status, got.body) == (200, RECORD)
        assert got["content-type"] == "application/vnd.ipfs.ipns-record"
        assert got["content-disposition"].startswith(f'attachment; filename="{KEY}.ipns-record"')
        assert got["cache-control"].startswith("public, max-age=")
        assert (await named.get(target, If_None_Match=got["etag"], **headers)).status == 304
        assert (await named.head(target, **headers))["content-length"] == str(len(RECORD))
    for target, status in (
        (f"/ipns/{KEY}/root2?format=ipns-record", 400),
        (f"/ipfs/{ROOT}?format=ipns-record", 400),
        ("/ipns/site.example?format=ipns-record", 400),
        ("/ipns/k51qzi5uqu5dk3v4rmjber23h16xnr23bsggmqqil9z2gduiis5se8dht36dam?format=ipns-record",
         404),
    ):  # fmt: skip
        assert (await named.get(target)).status == status


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/ipns/site.example/root3/root4/", 200, "hello"),
        ("/ipns/again.example/root3/root4/", 200, "hello"),
        ("/ipns/site.example/nothing", 404, "no link named 'nothing'"),
        ("/ipns/k51qzi5uqu5dk3v4rmjber23h16xnr23bsggmqqil9z2gduiis5se8dht36dam", 500, "resolve"),
        ("/ipns/" + "a" * 300, 500, "resolve"),
    ],
)
async def test_other_names(named: Node, path: str, status: int, says: str) -> None:
    got = await named.get(path)
    assert (got.status, says in got.text) == (status, True)
    if status == 200:
        assert got.get("cache-control") is None  # nobody said for how long
