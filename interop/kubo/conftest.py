"""Fixtures of the Kubo suite: the two programs, pairs of homes that are cheap to get."""

import os
from pathlib import Path

import pytest

from interop import peers, programs
from interop.programs import Pair


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
