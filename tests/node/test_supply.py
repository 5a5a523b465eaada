"""What peers may have of a home: public blocks, wherever they lie, and nothing else."""

from contextlib import closing
from pathlib import Path

import pytest

from jiaozi_node.errors import NotFound
from jiaozi_node.exchange import serving
from jiaozi_node.formats.block import Block
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.supply import PublicSupply
from jiaozi_node.stores.api import BlockMissing, Family
from jiaozi_node.stores.references import ReferringStore
from jiaozi_node.stores.segments.index import Row

OPEN = Block.of(b"public")
OWN = Block.of(b"private")
ABSENT = Block.of(b"absent")
IN_FILE = Block.of(b"in a file of the user's")


def test_public_blocks_alone_are_supplied(tmp_path: Path) -> None:
    with closing(LocalHome.create(tmp_path / "home")) as home:
        for block, family in ((OPEN, Family.PUBLIC), (OWN, Family.OWN)):
            with home.blocks.writer(family) as writer:
                writer.put([block])
        supply: serving.Supply = PublicSupply(home.segments)
        assert supply.size(OPEN.cid.multihash) == 6
        assert supply.get(OPEN.cid) == OPEN
        for block in (OWN, ABSENT):
            assert supply.size(block.cid.multihash) is None
            with pytest.raises(BlockMissing):
                supply.get(block.cid)
        home.segments.set_public([OWN.cid.multihash], True)
        assert supply.get(OWN.cid) == OWN


def test_private_and_absent_blocks_cost_the_same_lookups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(LocalHome.create(tmp_path / "home")) as home:
        with home.blocks.writer() as writer:
            writer.put([OWN])
        store, looked = home.segments, list[bytes]()
        row = store.row

        def counted(multihash: bytes) -> Row | None:
            looked.append(multihash)
            return row(multihash)

        monkeypatch.setattr(store, "row", counted)
        monkeypatch.setattr(store, "get", None)
        supply = PublicSupply(store)
        for block in (OWN, ABSENT):
            looked.clear()
            with pytest.raises(NotFound):
                supply.get(block.cid)
            assert looked == [block.cid.multihash]


def test_blocks_in_users_files_are_supplied_while_they_are_there(tmp_path: Path) -> None:
    with closing(LocalHome.create(tmp_path / "home")) as home:
        home.config.set("Experimental.FilestoreEnabled", True)
        home.config.save()
    with closing(LocalHome.open(tmp_path / "home")) as home:
        store = home.segments
        assert isinstance(store, ReferringStore)
        file = tmp_path / "file"
        file.write_bytes(IN_FILE.data)
        made = store.references.made(str(file), 0, len(IN_FILE.data))
        store.references.put([(IN_FILE.cid.multihash, made)])
        supply = PublicSupply(store)
        assert supply.size(IN_FILE.cid.multihash) == len(IN_FILE.data)
        assert supply.get(IN_FILE.cid) == IN_FILE
        assert supply.size(ABSENT.cid.multihash) is None
