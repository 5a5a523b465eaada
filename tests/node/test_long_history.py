"""What a log reads of 10,000 commits and 1,000 branches: blocks are counted, seconds are not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import branches, logs
from jiaozi_node.node.acts import Act
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.logs import Told, Wanted
from jiaozi_node.node.repository import Repository
from jiaozi_node.worktree.history_cache import NAME
from tests.node.long_history import Long, make

pytestmark = pytest.mark.slow


class Counted:
    """A block store that counts what is got from it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.got = 0

    def get(self, cid: Cid) -> Block:
        self.got += 1
        block: Block = self._inner.get(cid)
        return block

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Place(NamedTuple):
    repository: Repository
    made: Long
    blocks: Counted

    @contextmanager
    def reads(self, most: int, least: int = 0) -> Iterator[None]:
        self.blocks.got = 0
        yield
        assert least <= self.blocks.got <= most, self.blocks.got

    def log(self, *revisions: str, **wanted: Any) -> list[Cid]:
        found = logs.log(self.repository, Wanted(revisions, **wanted))
        return [told.cid for told in found if isinstance(told, Told)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    where: Path = tmp_path_factory.mktemp("long")
    home = LocalHome.create(where / "home")
    made = make(home, where / "work", 10_000, 1_000)
    repository = Repository.at(home, where / "work")
    counted = Counted(home.blocks)
    with home.leases.acting() as lease:
        act = Act(home, lease)
        act._blocks = counted
        repository.home = act
        yield Place(repository, made, counted)
    home.close()


def test_a_log_reads_what_it_tells_and_hardly_more(place: Place) -> None:
    newest = place.made.commits[:-11:-1]
    with place.reads(11):
        assert place.log(most=10) == newest
    with place.reads(30):
        assert len(place.log(most=10, graph=True)) == 10
    with place.reads(10_001, least=10_000):  # the tip is read to see what is asked for
        assert len(place.log()) == 10_000
    with place.reads(10_001, least=10_000):
        assert len(place.log(graph=True)) == 10_000


def test_a_range_is_read_and_no_more(place: Place) -> None:
    with place.reads(60):
        assert len(place.log("main~5..main")) >= 5
    with place.reads(60):
        assert place.log("main..main~5") == []
    with place.reads(60):
        assert len(place.log("main~5...main", graph=True)) >= 5


def test_a_thousand_branches_are_listed_and_told_of(place: Place) -> None:
    with place.reads(0):
        assert len(list(branches.listed(place.repository))) == 1001
        assert sum(map(len, place.repository.decorations().values())) == 1001
    with place.reads(2_100):
        assert len(place.log(every=True, most=10)) == 10
    with place.reads(12_000):
        assert len(place.log(every=True)) == 10_000


def test_what_was_touched_is_sought_once(place: Place) -> None:
    rare = (("rare.csv",),)
    with place.reads(80_000):
        told = place.log(paths=rare)
    assert len(told) == place.made.rare + 1  # the first commit brought it
    with place.reads(2 * len(told)):
        assert place.log(paths=rare) == told
    with place.reads(2_500):
        assert len(place.log(paths=(("d03",),))) > 400
    with place.reads(300):
        assert len(place.log(paths=(("d03", "f4.csv"),))) > 40
    Path(place.repository.root, ".jiaozi", NAME).unlink()
    with place.reads(80_000, least=10_000):
        assert place.log(paths=rare) == told
