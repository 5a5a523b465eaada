"""ipfsd-ctl, by which the tests of JavaScript projects start a Kubo, starts us."""

import subprocess
from pathlib import Path

import pytest

from interop import daemons, peers
from interop.clients.scripts import Line, Told
from interop.programs import Program


@pytest.fixture(scope="module")
def spawned(ours: Program, tmp_path_factory: pytest.TempPathFactory) -> tuple[Told, Told]:
    link = daemons.link_named_ipfs(tmp_path_factory.mktemp("bin"), ours)
    line = Line("spawn.mjs")
    return line.told(BIN=str(peers.find("kubo"))), line.told(BIN=str(link))


def test_it_does_to_us_what_it_does_to_kubo(spawned: tuple[Told, Told]) -> None:
    theirs, ours = spawned
    assert len(ours) == 6
    assert ours == theirs
    assert not any("error" in said for said in ours.values())


def test_the_link_is_the_kubo_face(ours: Program, tmp_path: Path) -> None:
    link = daemons.link_named_ipfs(tmp_path / "bin", ours)
    said = subprocess.run([link, "version"], env=ours.environ(), capture_output=True, check=True)
    assert said.stdout == b"ipfs version 0.43.0\n"
