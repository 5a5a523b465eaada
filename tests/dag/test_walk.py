"""One walk, three drivers, the same bytes; a missing block arrives where it was asked for."""

import asyncio
from collections.abc import Generator

import pytest

from jiaozi_node.dag.walk import Lookup, Need, Walk, astream, gather, need, run, stream
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.stores.api import BlockMissing

ONE, TWO, LOST = Block.of(b"one"), Block.of(b"two"), Block.of(b"lost")
STORE = {block.cid: block for block in (ONE, TWO)}


def get(cid: Cid) -> Block:
    if cid not in STORE:
        raise BlockMissing(cid)
    return STORE[cid]


async def aget(want: Need) -> Block:
    await asyncio.sleep(0)
    return get(want.cid)


def both() -> Walk[bytes, str]:
    for cid in (ONE.cid, TWO.cid):
        block = yield from need(cid, soon=(TWO.cid,))
        yield block.data
    return "done"


def forgiving() -> Walk[bytes, None]:
    for cid in (ONE.cid, LOST.cid, TWO.cid):
        try:
            block = yield from need(cid)
        except BlockMissing as fault:
            yield f"no {fault.cid == LOST.cid}".encode()
        else:
            yield block.data


async def _all(walk: Generator[Need | bytes, Block | None, object]) -> list[bytes]:
    return [part async for part in astream(walk, aget)]


@pytest.mark.parametrize("walk", [both, forgiving])
def test_the_drivers_agree(walk: object) -> None:
    assert callable(walk)
    expected = [b"one", b"two"] if walk is both else [b"one", b"no True", b"two"]
    assert list(stream(walk(), get)) == expected
    assert run(gather(walk()), get) == expected
    assert asyncio.run(_all(walk())) == expected


def test_a_walk_that_cannot_do_without_ends_by_the_error() -> None:
    def strict() -> Lookup[bytes]:
        return (yield from need(LOST.cid)).data

    with pytest.raises(BlockMissing) as caught:
        run(strict(), get)
    assert caught.value.cid == LOST.cid


def test_an_identity_cid_is_never_asked_for() -> None:
    cid = Cid.v1(RAW, mh.of(mh.IDENTITY, b"inside"))

    def refuse(_cid: Cid) -> Block:
        raise BlockMissing(_cid)

    def lookup() -> Lookup[bytes]:
        return (yield from need(cid)).data

    assert run(lookup(), refuse) == b"inside"


@pytest.mark.parametrize("driver", ["stream", "astream"])
def test_a_reader_that_stops_early_closes_the_walk(driver: str) -> None:
    closed: list[bool] = []

    def endless() -> Walk[bytes, None]:
        try:
            while True:
                yield (yield from need(ONE.cid)).data
        finally:
            closed.append(True)

    async def first() -> None:
        parts = astream(endless(), aget)
        assert await anext(parts) == b"one"
        await parts.aclose()

    if driver == "stream":
        parts = stream(endless(), get)
        assert next(parts) == b"one"
        parts.close()  # type: ignore[attr-defined]
    else:
        asyncio.run(first())
    assert closed == [True]
