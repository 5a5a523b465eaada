"""CAR files: byte for byte as Kubo writes them, and back into blocks."""

import io
import json
from pathlib import Path

import pytest

from jiaozi_node.dag.export import export, export_indexed
from jiaozi_node.dag.importing import MAX_ROOTS, Imported, blocks_of
from jiaozi_node.dag.walk import stream
from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats import car, codecs
from jiaozi_node.formats import cid as c
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs.profile import named
from tests.blocks import Blocks

VECTORS = Path(__file__).parents[2] / "specs" / "vectors" / "car"
KUBO = json.loads((VECTORS / "kubo-trees.json").read_text())


def imported(data: bytes, store: Blocks) -> Imported:
    walk = blocks_of(io.BytesIO(data))
    try:
        while True:
            store.put([next(walk)])
    except StopIteration as stop:
        result: Imported = stop.value
        return result


@pytest.mark.parametrize("name", sorted(KUBO))
def test_a_car_of_kubo_comes_out_as_it_went_in(name: str) -> None:
    data = (VECTORS / name).read_bytes()
    store = Blocks()
    told = imported(data, store)
    assert [str(root) for root in told.roots] == [KUBO[name]["root"]]
    assert told.blocks == len(KUBO[name]["blocks"])
    assert told.size_bytes == sum(len(block.data) for block in store.held.values())
    assert b"".join(stream(export(told.roots[0]), store.get)) == data


@pytest.mark.parametrize("name", sorted(KUBO))
def test_version_2_wraps_the_same_payload(name: str) -> None:
    data = (VECTORS / name).read_bytes()
    store = Blocks()
    root = imported(data, store).roots[0]
    whole = b"".join(stream(export_indexed(root), store.get))
    assert whole[51 : 51 + len(data)] == data
    again = Blocks()
    assert imported(whole, again).roots == (root,)
    assert again.held == store.held
    store.held.pop(max(store.held, key=lambda cid: len(store.held[cid].data)))
    with pytest.raises(BlockMissing):
        next(stream(export_indexed(root), store.get))


def test_identity_blocks_are_written_as_kubo_does() -> None:
    """Kubo 0.43 exported this root, with bafkqaaa behind it."""
    store = Blocks()
    block = Block.of(codecs.encode(c.DAG_CBOR, [Cid.parse("bafkqabtimvwgy3yk")]), c.DAG_CBOR)
    store.put([block])
    data = b"".join(stream(export(block.cid), store.get))
    assert [part.cid.inline for part in car.read(io.BytesIO(data))] == [None, b"hello\n"]
    lean = b"".join(stream(export(block.cid, identity=False), store.get))
    assert [part.cid for part in car.read(io.BytesIO(lean))] == [block.cid]


def test_a_missing_root_writes_nothing() -> None:
    with pytest.raises(BlockMissing):
        next(stream(export(Cid.parse(KUBO["kubo-tree-v1.car"]["root"])), Blocks().get))


def test_a_missing_block_ends_it() -> None:
    store = Blocks()
    profile = named("unixfs-v1-2025")
    file = store.add(b"x", profile)
    root = store.directory({"a": file}, profile)
    del store.held[file.cid]
    with pytest.raises(BlockMissing):
        list(stream(export(root.cid), store.get))


def test_a_rotten_block_is_not_handed_on() -> None:
    data = bytearray((VECTORS / "kubo-tree-v1.car").read_bytes())
    data[-1] ^= 1
    store = Blocks()
    with pytest.raises(Malformed):
        imported(bytes(data), store)
    assert len(store.held) == len(KUBO["kubo-tree-v1.car"]["blocks"]) - 1


def test_roots_are_bounded() -> None:
    roots = [Block.of(b"x").cid]
    assert imported(car.header(roots * MAX_ROOTS), Blocks()).blocks == 0
    with pytest.raises(LimitExceeded):
        imported(car.header(roots * (MAX_ROOTS + 1)), Blocks())
