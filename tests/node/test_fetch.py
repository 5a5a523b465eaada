"""Blocks for readers on the loop: the same as a thread gets, for those who may see them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, aclosing
from pathlib import Path

import pytest
import pytest_asyncio

from jiaozi_node.dag.walk import Need, Walk, arun, astream, need
from jiaozi_node.errors import Corrupt
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.fetch import (
    AT_ONCE_BYTES,
    INLINE_BYTES,
    READERS_AHEAD,
    Fetch,
    Reader,
    RetrievalTimedOut,
    WouldWait,
)
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.stores.api import BlockMissing, Family

pytestmark = pytest.mark.asyncio

SMALL = [Block.of(b"%d" % number) for number in range(40)]
LARGE = [Block.of(bytes([number]) * (INLINE_BYTES + 1)) for number in range(6)]
MIDDLE = [Block.of(bytes([number]) * (64 * 1024)) for number in range(120)]
OWN = Block.of(b"seen by nobody else")


def _walk(blocks: list[Block], ahead: int = 0) -> Walk[bytes, None]:
    cids = [block.cid for block in blocks]
    for at, cid in enumerate(cids):
        yield (yield from need(cid, tuple(cids[at + 1 : at + 1 + ahead]))).data


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LocalHome]:
    home = LocalHome.create(tmp_path / "home")
    with home.blocks.writer(Family.PUBLIC) as writer:
        writer.put(SMALL + LARGE + MIDDLE)
    with home.blocks.writer(Family.OWN) as writer:
        writer.put([OWN])
    yield home
    home.close()


@pytest_asyncio.fixture
async def fetch(home: LocalHome) -> AsyncIterator[Fetch]:
    fetch = Fetch(lambda: home.segments)
    yield fetch
    fetch.close()


@pytest.mark.parametrize("ahead", [0, 32])
@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize("blocks", [SMALL, LARGE, MIDDLE, SMALL + LARGE + MIDDLE[:50] + SMALL])
async def test_all_that_is_here_is_read_in_order(
    fetch: Fetch, blocks: list[Block], ahead: int, public: bool
) -> None:
    with fetch.reading(public=public) as get:
        got = [data async for data in astream(_walk(blocks, ahead), get)]
    assert got == [block.data for block in blocks]


async def test_a_small_block_is_read_without_a_thread(fetch: Fetch) -> None:
    before = threading.active_count()
    with fetch.reading() as get:
        assert await get(Need(SMALL[0].cid)) == SMALL[0]
        assert threading.active_count() == before
        assert await get(Need(LARGE[0].cid)) == LARGE[0]
        assert threading.active_count() == before + 1


@pytest.mark.parametrize("ahead", [0, 32])
async def test_an_own_block_is_missing_where_only_public_ones_are_seen(
    fetch: Fetch, ahead: int
) -> None:
    blocks = [*MIDDLE[:4], OWN, *MIDDLE[4:8]]
    with fetch.reading() as get:
        assert await _count(_walk(blocks, ahead), get) == 9
    with fetch.reading(public=True) as get:
        with pytest.raises(BlockMissing) as missing:
            await _count(_walk(blocks, ahead), get)
        with pytest.raises(BlockMissing) as never:
            await get(Need(Block.of(b"never stored").cid))
    assert str(missing.value).replace(str(OWN.cid), "CID") == str(never.value).replace(
        str(never.value.cid), "CID"
    )


async def _count(walk: Walk[bytes, None], get: Reader) -> int:
    return len([1 async for _ in astream(walk, get)])


@pytest.mark.parametrize(("victim", "ahead"), [(SMALL[3], 0), (LARGE[3], 0), (MIDDLE[9], 32)])
async def test_a_rotten_block_is_an_error(
    home: LocalHome, fetch: Fetch, victim: Block, ahead: int
) -> None:
    home.segments.checkpoint()
    for file in (home.path / "segments").iterdir():
        data = file.read_bytes()
        at = data.find(victim.cid.multihash)
        if at >= 0:
            at += len(victim.cid.multihash)
            file.write_bytes(data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :])
    among = next(group for group in (SMALL, LARGE, MIDDLE) if victim in group)
    got = []

    async def all_of_it() -> None:
        with fetch.reading() as get:
            async for data in astream(_walk(among, ahead), get):
                got.append(data)  # noqa: PERF401 - what came until then counts

    with pytest.raises(Corrupt):
        await all_of_it()
    assert got == [block.data for block in among[: among.index(victim)]]


class _Elsewhere:
    """An exchange that has *block*, or waits for ever."""

    def __init__(self, block: Block | None) -> None:
        self.block = block
        self.asked: list[tuple[Cid, Family]] = []
        self.left = 0

    async def fetch(self, need: Need, family: Family) -> Block:
        self.asked.append((need.cid, family))
        if self.block is None:
            try:
                await asyncio.Event().wait()
            finally:
                self.left += 1
        if self.block is None or need.cid != self.block.cid:
            raise BlockMissing(need.cid, 2)
        return self.block


async def test_others_are_asked_for_what_is_not_here(home: LocalHome) -> None:
    far = Block.of(b"far away")
    exchange = _Elsewhere(far)
    fetch = Fetch(lambda: home.segments, exchange=exchange)
    with fetch.reading(family=Family.OWN) as get:
        assert await get(Need(SMALL[0].cid)) == SMALL[0]
        assert exchange.asked == []
        assert [d async for d in astream(_walk([*MIDDLE[:3], far, *MIDDLE[3:6]], 8), get)][3] == (
            b"far away"
        )
        assert exchange.asked == [(far.cid, Family.OWN)]
        with pytest.raises(BlockMissing, match="2 providers"):
            await get(Need(Block.of(b"nowhere").cid))
    with fetch.reading(public=True) as get:  # ours alone looks like nobody's
        with pytest.raises(BlockMissing):
            await get(Need(OWN.cid))
        assert exchange.asked[-1] == (OWN.cid, Family.PUBLIC)
    with fetch.reading(local=True) as get, pytest.raises(BlockMissing):
        await get(Need(far.cid))
    assert len(exchange.asked) == 3
    fetch.close()


async def test_waiting_for_others_ends(home: LocalHome) -> None:
    exchange = _Elsewhere(None)
    fetch = Fetch(lambda: home.segments, exchange=exchange, timeout_s=0.01)
    far = Block.of(b"far away")
    late = pytest.raises(RetrievalTimedOut, match=rf"{far.cid} .* within 0.01 s")
    with fetch.reading() as get, late:
        await get(Need(far.cid))
    assert exchange.left == 1
    fetch.timeout_s = 60.0
    with fetch.reading() as get:
        asking = asyncio.create_task(get(Need(far.cid)))
        while len(exchange.asked) < 2:
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert exchange.left == 2
    fetch.close()


async def test_others_on_the_loop_have_their_turn(fetch: Fetch) -> None:
    turns = 0

    async def ticking() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    ticker = asyncio.create_task(ticking())
    with fetch.reading() as get:
        for _ in range(10):
            async for _data in astream(_walk(SMALL), get):
                pass
    ticker.cancel()
    assert turns >= 10


async def test_few_walks_read_ahead_and_none_for_longer_than_it_lasts(fetch: Fetch) -> None:
    with ExitStack() as stack:
        get = stack.enter_context(fetch.reading())
        async with aclosing(astream(_walk(MIDDLE, 32), get)) as first:
            assert await anext(first) == MIDDLE[0].data
            for _ in range(READERS_AHEAD):
                get = stack.enter_context(fetch.reading())
                want = Need(MIDDLE[0].cid, (MIDDLE[1].cid, MIDDLE[2].cid))
                assert await get(want) == MIDDLE[0]
        assert not fetch.may_read_ahead()
    assert fetch.may_read_ahead()


async def test_a_lookup_is_driven_too(fetch: Fetch) -> None:
    def both() -> Walk[bytes, bytes]:
        one = yield from need(SMALL[1].cid)
        two = yield from need(LARGE[1].cid)
        return one.data + two.data[:1]

    with fetch.reading() as get:
        assert await arun(both(), get) == b"1\x01"  # type: ignore[arg-type]


async def test_who_can_not_wait_gets_small_blocks(home: LocalHome, fetch: Fetch) -> None:
    edge = Block.of(bytes(AT_ONCE_BYTES))
    with home.blocks.writer(Family.PUBLIC) as writer:
        writer.put([edge, Block.of(bytes(AT_ONCE_BYTES + 1))])
    get = fetch.at_once()
    assert await get(Need(edge.cid)) == edge
    with pytest.raises(WouldWait):
        await get(Need(Block.of(bytes(AT_ONCE_BYTES + 1)).cid))
    lost = Need(Block.of(b"lost").cid)
    with pytest.raises(BlockMissing):
        await get(lost)
    with pytest.raises(BlockMissing):
        await fetch.at_once(public=True)(Need(OWN.cid))
    asking = Fetch(lambda: home.segments, exchange=_Elsewhere(None))
    with pytest.raises(WouldWait):  # somebody else may have it
        await asking.at_once()(lost)
    with pytest.raises(BlockMissing):
        await asking.at_once(local=True)(lost)
    asking.close()
