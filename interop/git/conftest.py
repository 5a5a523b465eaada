"""Fixtures of the git suite: git itself, and a home of ours with what was imported from it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interop import programs
from interop.programs import Program
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.repository import Repository
from tests.gitrepo import GitRepo

Open = Callable[[Path], Repository]


@pytest.fixture(scope="session", autouse=True)
def git_there() -> None:
    if shutil.which("git") is None:
        if os.environ.get("JIAOZI_REQUIRE_PEERS"):
            pytest.fail("git is not installed")
        pytest.skip("git is not installed")


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    return GitRepo(tmp_path_factory.mktemp("git") / "repository")


@pytest.fixture(scope="module")
def jiaozi(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Our program on a home that is not made yet."""
    return programs.jiaozi(tmp_path_factory.mktemp("jiaozi") / "home").top()


@pytest.fixture
def opened(jiaozi: Program) -> Iterator[Open]:
    """Open working copies in this process, all in one home."""
    homes: list[LocalHome] = []

    def open_(root: Path) -> Repository:
        if not homes:
            homes.append(LocalHome.open(jiaozi.home))
        return Repository.at(homes[0], root)

    yield open_
    for home in homes:
        home.close()
