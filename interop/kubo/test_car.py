"""CARs both ways: each program's export goes into an empty store of the other."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from interop.kubo import cars
from interop.kubo import recipes as r
from interop.programs import EMPTY_DIRECTORY, Pair, Program


@dataclass(frozen=True, slots=True)
class Shipment:
    """One tree that crosses in both directions; *options* are those of ``add``."""

    rule: str
    recipe: r.Recipe
    options: str = ""


SHIPMENTS = (
    Shipment("one block", r.sizes(5)),
    Shipment("one raw block", r.sizes(5), "--cid-version=1"),
    Shipment("a file of many chunks", r.sizes(5 * r.CHUNK + 3)),
    Shipment("a file of equal chunks: each block once", r.zeros(9 * r.CHUNK)),
    Shipment("three levels of small chunks", r.sizes(16 * 175), "--chunker=size-16"),
    Shipment("trickle", r.sizes(3000), "--trickle --chunker=size-16"),
    Shipment("a mixed tree, version 0", r.mixed),
    Shipment("a mixed tree, version 1", r.mixed, "--cid-version=1"),
    Shipment("a sharded directory", r.numbered(500), "--max-directory-links=100"),
    Shipment("odd names", r.odd_names),
    Shipment("symlinks", r.symlinks),
    Shipment("mode and mtime", r.dated, "--preserve-mode --preserve-mtime"),
    Shipment("inlined blocks are not in the file", r.sizes(0, 5, 30, 60), "--inline"),
    Shipment("another hash", r.mixed, "--hash=blake3"),
    Shipment("empty directories", r.empty_directories),
)


def refs(program: Program, root: str) -> set[str]:
    return set(program.run("refs", "-r", "-u", root).good().text.splitlines())


def pins(program: Program) -> set[str]:
    words = ("pin", "ls", "--type=recursive", "-q")
    return set(program.run(*words).good().text.splitlines())


@pytest.mark.parametrize("shipment", SHIPMENTS, ids=[s.rule for s in SHIPMENTS])
def test_cars_go_both_ways(
    shipment: Shipment,
    pair: Pair,
    template: Pair,
    rng: Callable[[str], Random],
    tmp_path: Path,
) -> None:
    (tmp_path / "t").mkdir()
    shipment.recipe(tmp_path / "t", rng(shipment.rule))
    words = ("add", "-r", "-Q", *shlex.split(shipment.options), "t")
    kubo_root, our_root = (answer.good().text for answer in pair.run(*words, cwd=tmp_path))
    assert our_root == kubo_root
    kubo_car, our_car = (a.good().out for a in pair.run("dag", "export", kubo_root))
    assert our_car == kubo_car
    ours, theirs = cars.read(our_car), cars.read(kubo_car)
    assert ours.header == theirs.header
    assert ours.blocks == theirs.blocks

    empty = template.copy(tmp_path / "empty")
    told = [
        empty.kubo.run("dag", "import", "--stats", stdin=our_car).good().text,
        empty.ours.run("dag", "import", "--stats", stdin=kubo_car).good().text,
    ]
    assert told[0] == told[1]
    assert f"Imported {len(ours.sections)} blocks" in told[0]
    assert refs(empty.kubo, kubo_root) == refs(empty.ours, kubo_root) == refs(pair.kubo, kubo_root)
    for again in empty.run("dag", "export", kubo_root):
        assert again.good().out == kubo_car
    wrapped = pair.ours.top().run("archive", kubo_root, "--format", "carv2").good().out
    told = [answer.good().text for answer in empty.run("dag", "import", "--stats", stdin=wrapped)]
    assert told[0] == told[1]
    assert f"Imported {len(ours.sections)} blocks" in told[0]
    assert pins(empty.ours) == {EMPTY_DIRECTORY, kubo_root}


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "a header that is cut": lambda car: car[:20],
    "a section that is cut": lambda car: car[:-7],
    "a bit turned in a block": lambda car: car[:-1] + bytes([car[-1] ^ 1]),
    "a section longer than the file": lambda car: car + b"\xff\x01\x01",
    "a length that never ends": lambda car: car + b"\xff" * 11,
    "no header at all": lambda _car: b"not a car",
    "nothing": lambda _car: b"",
}


@pytest.mark.parametrize("rule", BROKEN)
def test_both_refuse_a_broken_car(
    rule: str, pair: Pair, rng: Callable[[str], Random], tmp_path: Path
) -> None:
    (tmp_path / "t").mkdir()
    r.mixed(tmp_path / "t", rng(rule))
    root = pair.kubo.run("add", "-r", "-Q", "t/a", cwd=tmp_path).good().text
    broken = BROKEN[rule](pair.kubo.run("dag", "export", root).good().out)
    for answer in pair.run("dag", "import", stdin=broken):
        assert answer.code == 1
        assert answer.complaint
    assert pins(pair.ours) == {EMPTY_DIRECTORY}
