"""A home that asks others: what is here is never asked for, what stands behind is named."""

from pathlib import Path

import pytest

from jiaozi_node.dag.walk import Need, stream
from jiaozi_node.formats.block import Block
from jiaozi_node.node.acts import acting
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.online import SOON, FetchingBlocks, OnlineHome
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.stores.memory import MemoryStore
from jiaozi_node.unixfs.add import add_bytes
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.unixfs.read import read

MADE, FILE = add_bytes(bytes(range(250)), Profile("small", chunk_size=5, file_width=100))
LEAVES = [block for block in MADE if block.cid != FILE.cid]


class Elsewhere:
    """Whoever has the blocks, and what was asked of them."""

    def __init__(self) -> None:
        self.store = MemoryStore(MADE)
        self.asked: list[Need] = []

    def __call__(self, need: Need) -> Block:
        self.asked.append(need)
        return self.store.get(need.cid)


def test_what_misses_is_asked_for_with_what_stands_behind_it() -> None:
    elsewhere = Elsewhere()
    blocks = FetchingBlocks(MemoryStore(), elsewhere)
    data = b"".join(map(bytes, stream(read(FILE.cid), blocks.get)))
    assert data == bytes(range(250))
    assert [need.cid for need in elsewhere.asked] == [FILE.cid, *[one.cid for one in LEAVES]]
    assert elsewhere.asked[0].soon == ()
    assert elsewhere.asked[1].soon == tuple(one.cid for one in LEAVES[1 : 1 + SOON])
    assert elsewhere.asked[-1].soon == ()


def test_what_is_here_is_asked_of_nobody() -> None:
    elsewhere = Elsewhere()
    blocks = FetchingBlocks(MemoryStore(MADE), elsewhere)
    assert blocks.get(FILE.cid).cid == FILE.cid
    assert blocks.size(FILE.cid) == len(blocks.get(FILE.cid).data)
    assert elsewhere.asked == []


def test_only_what_is_here_counts_as_had() -> None:
    elsewhere = Elsewhere()
    blocks = FetchingBlocks(MemoryStore(LEAVES), elsewhere)
    assert blocks.has([FILE.cid, LEAVES[0].cid]) == [False, True]
    assert blocks.size(FILE.cid) == len(elsewhere.store.get(FILE.cid).data)
    assert len(elsewhere.asked) == 1


def test_an_act_asks_too_and_a_fault_of_others_is_told(tmp_path: Path) -> None:
    def nobody(need: Need) -> Block:
        raise BlockMissing(need.cid, asked=3)

    home = LocalHome.create(tmp_path / "home")
    try:
        elsewhere = Elsewhere()
        with acting(OnlineHome(home, elsewhere)) as act:
            assert act.blocks.get(FILE.cid).cid == FILE.cid
        with pytest.raises(BlockMissing, match="3 providers asked"):
            OnlineHome(home, nobody).blocks.get(FILE.cid)
        assert home.blocks.has([FILE.cid]) == [False]  # who asks keeps what comes
    finally:
        home.close()
