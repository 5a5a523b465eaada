"""Raw blocks and CARs: https://specs.ipfs.tech/http-gateways/trustless-gateway/."""

import io

import pytest

from jiaozi_node.formats import car, dag_cbor, multihash
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, DAG_PB, RAW, Cid
from jiaozi_node.http.gateway.settings import settings_of
from jiaozi_node.unixfs import blocks
from tests.http.gateway.conftest import Serving
from tests.http.gateway.wire import VECTORS, Answer, Node

MEDIA = "application/vnd.ipld.car"


def held(answer: Answer) -> tuple[list[Cid], list[Cid]]:
    """Return roots and CIDs of a CAR, every block of which hashes to its CID."""
    assert answer.whole
    reader = car.read(io.BytesIO(answer.body))
    return list(reader.roots), [block.cid for block in reader]


def fixture(name: str) -> dict[Cid, Block]:
    with (VECTORS / f"{name}.car").open("rb") as file:
        return {block.cid: block for block in car.read(file)}


@pytest.mark.asyncio
async def test_a_raw_block_comes_as_it_is(node: Node) -> None:
    root = node.load("gateway-raw-block")
    for block in fixture("gateway-raw-block").values():
        for target, headers in (
            (f"/ipfs/{block.cid}?format=raw", {}),
            (f"/ipfs/{block.cid}", {"Accept": "application/vnd.ipld.raw"}),
        ):
            got = await node.get(target, **headers)
            assert (got.status, got.body) == (200, block.data)
            assert got["content-type"] == "application/vnd.ipld.raw"
            assert got["x-content-type-options"] == "nosniff"
            assert got["etag"] == f'"{block.cid}.raw"'
            assert got["cache-control"] == "public, max-age=29030400, immutable"
            assert f'attachment; filename="{block.cid}.bin"' in got["content-disposition"]
            located = got.get("content-location")
            assert located == (f"/ipfs/{block.cid}?format=raw" if headers else None)
            assert (await node.get(target, If_None_Match=got["etag"], **headers)).status == 304
            assert (await node.head(target, **headers))["content-length"] == str(len(block.data))
            part = await node.get(target, Range="bytes=1-3", **headers)
            assert (part.status, part.body) == (206, block.data[1:4])
    named = await node.get(f"/ipfs/{root}?format=raw&filename=x.bin")
    assert 'attachment; filename="x.bin"' in named["content-disposition"]


@pytest.mark.asyncio
async def test_the_probe_is_answered(node: Node) -> None:
    for method in ("GET", "HEAD"):
        got = await node.get("/ipfs/bafkqaaa?format=raw", method)
        assert (got.status, got.body, got["content-length"]) == (200, b"", "0")
        got = await node.get("/ipfs/bafkqaaa?format=car", method)
        assert got.status == 200
    assert held(await node.get("/ipfs/bafkqaaa?format=car")) == ([Cid.parse("bafkqaaa")], [])


@pytest.mark.asyncio
async def test_the_parameters_of_a_car_are_told(node: Node) -> None:
    root = node.load("trustless_gateway_car/subdir-with-two-single-block-files")
    for query, accept, media in (
        ("?format=car", "", f"{MEDIA}; version=1; order=dfs; dups=n"),
        ("", MEDIA, f"{MEDIA}; version=1; order=dfs; dups=n"),
        ("", f"{MEDIA}; version=1; order=dfs; dups=y", f"{MEDIA}; version=1; order=dfs; dups=y"),
        ("?format=car&car-dups=y", "", f"{MEDIA}; version=1; order=dfs; dups=y"),
        ("?format=car&car-dups=n", f"{MEDIA};dups=y", f"{MEDIA}; version=1; order=dfs; dups=n"),
        ("?format=car", f"{MEDIA};dups=y", f"{MEDIA}; version=1; order=dfs; dups=y"),
        ("?format=car", "application/vnd.ipld.raw", f"{MEDIA}; version=1; order=dfs; dups=n"),
        ("?format=car&car-order=unk", "", f"{MEDIA}; version=1; order=dfs; dups=n"),
    ):
        got = await node.get(f"/ipfs/{root}{query}", **({"Accept": accept} if accept else {}))
        assert (got.status, got["content-type"]) == (200, media)
        assert got["accept-ranges"] == "none"
        assert got["content-disposition"].startswith(f'attachment; filename="{root}.car"')
        assert got["etag"].startswith(f'W/"{root}.car.')
        assert got["x-ipfs-roots"] == str(root)
    located = await node.get(f"/ipfs/{root}?a=b", Accept=f"{MEDIA}; version=1; dups=y")
    assert located["content-location"] == (f"/ipfs/{root}?a=b&car-dups=y&car-version=1&format=car")


@pytest.mark.parametrize(
    "query",
    [
        "car-version=2", "car-order=bfs", "car-dups=x", "dag-scope=some", "entity-bytes=",
        "entity-bytes=1", "entity-bytes=a:b", "entity-bytes=5:3", "entity-bytes=-1:-5",
        "entity-bytes=0:" + "9" * 30,
    ],
)  # fmt: skip
@pytest.mark.asyncio
async def test_other_cars_are_refused(node: Node, query: str) -> None:
    root = node.load("trustless_gateway_car/subdir-with-two-single-block-files")
    got = await node.get(f"/ipfs/{root}?format=car&{query}")
    assert (got.status, got.get("etag")) == (400, None)
    assert query.partition("=")[0].removeprefix("car-") in got.text


@pytest.mark.asyncio
async def test_scopes_follow_the_path(node: Node) -> None:
    root = node.load("trustless_gateway_car/subdir-with-mixed-block-files")
    blocks_of = fixture("trustless_gateway_car/subdir-with-mixed-block-files")
    whole = held(await node.get(f"/ipfs/{root}?format=car"))
    assert whole[0] == [root]
    assert whole[1][0] == root
    assert set(whole[1]) == set(blocks_of)
    sub = (await node.head(f"/ipfs/{root}/subdir/"))["x-ipfs-roots"].split(",")[-1]
    file = (await node.head(f"/ipfs/{root}/subdir/multiblock.txt"))["x-ipfs-roots"].split(",")[-1]
    base = f"/ipfs/{root}/subdir/multiblock.txt?format=car&dag-scope="
    way = [root, Cid.parse(sub), Cid.parse(file)]
    assert held(await node.get(base + "block")) == ([way[-1]], way)
    entity = held(await node.get(base + "entity"))
    assert entity == held(await node.get(base + "all"))
    assert entity[1][:3] == way
    assert len(entity[1]) > 3
    shown = held(await node.get(f"/ipfs/{root}/subdir?format=car&dag-scope=entity"))
    assert shown == ([way[1]], way[:2])
    tags = {
        (await node.get(base + kind))["etag"]
        for kind in ("block", "entity", "all", "entity&entity-bytes=0:1", "all&car-dups=y")
    }
    assert len(tags) == 5
    missing = held(await node.get(f"/ipfs/{root}/subdir/nothing?format=car"))
    assert missing == ([Cid.parse("bafkqaaa")], way[:2])
    absent = "bafkreiebzrnroamgos2adnbpgw5apo3z4iishhbdx77gldnbk57d4zdio4"
    assert (await node.get(f"/ipfs/{absent}?format=car")).status == 404


@pytest.mark.asyncio
async def test_a_sharded_directory_is_an_entity_of_all_its_shards(node: Node) -> None:
    name = "trustless_gateway_car/single-layer-hamt-with-multi-block-files"
    root = node.load(name)
    shards = [
        cid for cid, block in fixture(name).items()
        if cid.codec == DAG_PB and blocks.parse(block).message.type == 5
    ]  # fmt: skip
    got = held(await node.get(f"/ipfs/{root}?format=car&dag-scope=entity"))
    assert (got[0], set(got[1])) == ([root], set(shards))
    file = held(await node.get(f"/ipfs/{root}/685.txt?format=car&dag-scope=block"))
    assert file[1][0] == root
    assert len(file[1]) == 2 + sum(cid in shards for cid in file[1][1:])
    assert len((await node.head(f"/ipfs/{root}/685.txt"))["x-ipfs-roots"].split(",")) == 2


@pytest.mark.asyncio
async def test_duplicates_come_once_or_each_time_and_identities_never(node: Node) -> None:
    root = node.load("trustless_gateway_car/dir-with-duplicate-files")
    once = held(await node.get(f"/ipfs/{root}?format=car&car-dups=n"))[1]
    each = held(await node.get(f"/ipfs/{root}?format=car&car-dups=y"))[1]
    assert len(once) == len(set(once))
    assert len(each) > len(once)
    assert list(dict.fromkeys(each)) == once
    leaf = Block.of(b"leaf")
    inline = Cid.v1(RAW, multihash.of(0, b"inline"))
    deep = Cid.v1(DAG_CBOR, multihash.of(0, dag_cbor.encode({"leaf": leaf.cid})))
    top = Block.of(dag_cbor.encode({"a": inline, "b": deep, "c": leaf.cid}), DAG_CBOR)
    node.put(leaf, top)
    assert held(await node.get(f"/ipfs/{top.cid}?format=car"))[1] == [top.cid, leaf.cid]
    twice = held(await node.get(f"/ipfs/{top.cid}?format=car&car-dups=y"))[1]
    assert twice == [top.cid, leaf.cid, leaf.cid]


@pytest.mark.asyncio
async def test_a_missing_block_ends_the_stream_without_its_end(node: Node) -> None:
    root = node.load("trustless_gateway_car/file-3k-and-3-blocks-missing-block")
    got = await node.get(f"/ipfs/{root}?format=car")
    assert (got.status, got.whole) == (200, False)
    assert car.read(io.BytesIO(got.body)).roots == (root,)  # what came is the beginning
    file = await node.get(f"/ipfs/{root}")
    assert (file.status, file.whole) == (200, False)
    assert 0 < len(file.body) < 3072
    assert (await node.get(f"/ipfs/{root}", Range="bytes=997-1000")).status == 206
    assert (await node.get(f"/ipfs/{root}", Range="bytes=2200-2201")).status == 206
    assert (await node.get(f"/ipfs/{root}", Range="bytes=1500-1501")).status == 404
    ranged = held(await node.get(f"/ipfs/{root}?format=car&entity-bytes=0:1000"))
    assert len(ranged[1]) == 2


@pytest.mark.asyncio
async def test_a_strict_gateway_sends_what_can_be_verified_alone(serving: Serving) -> None:
    node = await serving(settings_of({"Gateway": {"DeserializedResponses": False}}))
    root = node.load("gateway-cache/fixtures")
    for target, status in (
        (f"/ipfs/{root}?format=raw", 200), (f"/ipfs/{root}?format=car", 200),
        (f"/ipfs/{root}/root2?format=car", 200), (f"/ipfs/{root}/root2?format=raw", 406),
        (f"/ipfs/{root}/", 406), (f"/ipfs/{root}?format=tar", 406), ("/ipns/example.org", 406),
        ("/ipns/example.org?format=ipns-record", 406), ("/ipfs/bafkqaaa?format=raw", 200),
    ):  # fmt: skip
        assert (await node.get(target)).status == status, target
