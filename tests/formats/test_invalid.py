"""Each rule of `specs/vectors/invalid`: what breaks it is refused, its neighbour is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jiaozi_node.formats import dag_cbor, dag_json, dag_pb, unixfs_pb
from jiaozi_node.formats.cid import Cid
from tests.outcome import outcome

VECTORS = Path(__file__).parents[2] / "specs" / "vectors" / "invalid"
READERS: dict[str, Callable[[bytes], Any]] = {
    "cid": Cid,
    "dag-pb": dag_pb.decode,
    "dag-cbor": dag_cbor.decode,
    "dag-json": dag_json.decode,
    "unixfs": unixfs_pb.decode,
}
ENTRIES = [
    pytest.param(READERS[name], entry, id=f"{name}: {entry['rule']}")
    for name in READERS
    for entry in json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
]


def test_every_file_is_read() -> None:
    assert {path.stem for path in VECTORS.glob("*.json")} == set(READERS)
    assert len(ENTRIES) > 140


@pytest.mark.parametrize(("read", "entry"), ENTRIES)
def test_a_broken_rule_is_refused_and_its_neighbour_is_not(
    read: Callable[[bytes], Any], entry: dict[str, str]
) -> None:
    value, fault = outcome(read, bytes.fromhex(entry["refused"]))
    assert fault, f"read as {value!r}"
    _, fault = outcome(read, bytes.fromhex(entry["accepted"]))
    assert not fault
