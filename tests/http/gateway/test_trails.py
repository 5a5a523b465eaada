"""Paths that are remembered count while their blocks are here, for those who may see them."""

import pytest

from jiaozi_node.dag.walk import Need
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.http.gateway.trails import REMEMBERED, Trails
from jiaozi_node.stores.api import Family
from jiaozi_node.unixfs.resolve import Path
from tests.http.gateway.test_bounds import directory
from tests.http.gateway.wire import Node

pytestmark = pytest.mark.asyncio
LEAF = Block.of(b"leaf")
INNER = directory((b"leaf", LEAF.cid))
ROOT = directory((b"inner", INNER.cid))
TARGET = f"/ipfs/{ROOT.cid}/inner/leaf"


async def test_what_is_on_the_way_is_not_read_again(node: Node) -> None:
    node.put(LEAF, INNER, ROOT)
    reads: list[Cid] = []
    store = node.home.segments
    at_hand = store.at_hand

    def counted(cid: Cid, max_bytes: int, *, public: bool = False) -> Block | None:
        reads.append(cid)
        return at_hand(cid, max_bytes, public=public)

    store.at_hand = counted  # type: ignore[method-assign]
    first = await node.get(TARGET)
    assert reads == [ROOT.cid, INNER.cid, LEAF.cid]
    again = await node.get(TARGET)
    assert reads[3:] == [LEAF.cid]
    assert (again.body, again["x-ipfs-roots"]) == (first.body, first["x-ipfs-roots"])


@pytest.mark.parametrize("gone", [LEAF, INNER, ROOT])
async def test_what_goes_is_missed(node: Node, gone: Block) -> None:
    node.put(LEAF, INNER, ROOT)
    assert (await node.get(TARGET)).status == 200
    node.home.blocks.drop([gone.cid])
    assert (await node.get(TARGET)).status == 404
    node.put(gone)
    assert (await node.get(TARGET)).status == 200


async def test_what_the_owner_asked_for_tells_others_nothing(node: Node) -> None:
    node.put(LEAF, ROOT)
    node.put(INNER, family=Family.OWN)
    foreign = {"Origin": "https://x.example"}
    assert (await node.get(TARGET, **foreign)).status == 404
    assert (await node.get(TARGET)).status == 200
    assert (await node.get(TARGET, **foreign)).status == 404


async def test_so_many_are_remembered(node: Node) -> None:
    made = [directory((b"%d" % number, LEAF.cid)) for number in range(REMEMBERED + 3)]
    node.put(*made)
    by_cid = {block.cid: block for block in made}
    trails = Trails(node.fetch)
    asked: list[Cid] = []

    async def get(need: Need) -> Block:
        asked.append(need.cid)
        return by_cid[need.cid]

    async def follow(number: int) -> None:
        way = await trails.follow(Path(made[number].cid, (str(number),)), get, public=True)
        assert way.found.cid == LEAF.cid

    for number in range(len(made)):
        await follow(number)
    assert len(asked) == len(made)
    await follow(len(made) - 1)
    assert len(asked) == len(made)
    await follow(0)
    assert asked[len(made) :] == [made[0].cid]
