"""Tests that need the extra ``p2p`` are left out without it, loudly; CI installs it."""

import gc
import importlib.util
import os
import warnings
from collections.abc import Iterator

import pytest

P2P = importlib.util.find_spec("libp2p") is not None
NEEDS_P2P = ("transport/test_muxed.py", "test_bitswap.py", "test_peers.py")

if not P2P and os.environ.get("JIAOZI_REQUIRE_PEERS") == "1":
    raise RuntimeError(
        "the extra p2p is not installed: pip install -e .[p2p] (needs gcc and gmp.h)"
    )

collect_ignore = [] if P2P else list(NEEDS_P2P)


def pytest_report_header(config: pytest.Config) -> str | None:
    return None if P2P else "libp2p is not installed: tests of peers are left out"


@pytest.fixture(autouse=True)
def sockets() -> Iterator[None]:
    """Collect what py-libp2p leaves open when one of its dials is cancelled, and say nothing."""
    yield
    if P2P:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
