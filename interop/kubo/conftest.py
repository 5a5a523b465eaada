"""Fixtures of the Kubo suite: the seed, the two programs, pairs of homes that are cheap to get."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from interop import peers, programs
from interop.programs import Pair


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=1, help="what the generated inputs come from")


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    value: int = pytestconfig.getoption("--seed")
    return value


@pytest.fixture(scope="session")
def rng(seed: int) -> Callable[[str], random.Random]:
    """Give the random numbers of one purpose: the same for the same seed, whatever else runs."""
    return lambda purpose: random.Random(f"{seed}:{purpose}")


@pytest.fixture(scope="session")
def kubo_program() -> Path:
    try:
        return peers.find("kubo")
    except peers.PeerMissing as missing:
        if os.environ.get("JIAOZI_REQUIRE_PEERS"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def template(kubo_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Hold a fresh home of each program; copy it, never use it."""
    root = tmp_path_factory.mktemp("template")
    return Pair(
        programs.new_kubo(kubo_program, root / "kubo"), programs.new_jiaozi(root / "jiaozi")
    )


@pytest.fixture
def pair(template: Pair, tmp_path: Path) -> Pair:
    """Give each test its own pair of fresh homes."""
    return template.copy(tmp_path / "homes")
