"""The two daemons on fresh homes, once for all tests; each test uses names of its own."""

import os
from collections.abc import Iterator

import pytest

from interop import daemons, peers, programs
from interop.clients.scripts import Both
from interop.programs import Program


@pytest.fixture(scope="session", autouse=True)
def _peers() -> None:
    for name in ("kubo", "clients-npm", "clients-pip"):
        try:
            peers.find(name)
        except peers.PeerMissing as missing:
            if os.environ.get("JIAOZI_REQUIRE_PEERS"):
                pytest.fail(str(missing))
            pytest.skip(str(missing))


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return programs.new_jiaozi(tmp_path_factory.mktemp("ours") / "home")


@pytest.fixture(scope="session")
def both(ours: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    kubo = programs.new_kubo(peers.find("kubo"), tmp_path_factory.mktemp("theirs") / "home")
    with daemons.running(kubo) as theirs, daemons.running(ours) as daemon:
        yield Both(theirs, daemon)
