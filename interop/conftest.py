"""What all suites share: the seed, and random numbers by purpose."""

import random
from collections.abc import Callable

import pytest


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
