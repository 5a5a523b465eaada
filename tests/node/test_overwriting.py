"""Files being overwritten: a kill leaves nothing, and nobody disturbs who is still at it."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from jiaozi_node.errors import Unavailable
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.overwriting import overwriting
from jiaozi_node.node.repository import INTENTS, Repository
from jiaozi_node.node.restoring import restore_files
from jiaozi_node.versioning import rows
from jiaozi_node.worktree.alone import alone

KILLED = """
import os, sys
from pathlib import Path
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.overwriting import overwriting
from jiaozi_node.node.repository import Repository

repository = Repository.at(LocalHome.open(Path(sys.argv[1])), sys.argv[2])
within = [tuple(text.split("/")) if text else () for text in sys.argv[3:]]
with overwriting(repository, within) as temp:
    for place in ("", "d", "d/e", "other"):
        Path(sys.argv[2], place, temp + "1").write_text("half")
    os.makedirs(Path(sys.argv[2], "d", temp + "2", "f"))
    Path(sys.argv[2], "d", temp + "2", "f", "g").write_text("half")
    os._exit(9)
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    with closing(LocalHome.create(tmp_path / "home")) as home:
        Repository.init(home, work, profile=None, alias=None, branch="main", now=0)
    (work / "d" / "e").mkdir(parents=True)
    (work / "other").mkdir()
    (work / "elsewhere").symlink_to(tmp_path)
    (work / "d" / ".jz-000000000000-1").write_text("another's")
    (tmp_path / "outside").mkdir()
    return work


def left(work: Path) -> set[str]:
    return {str(path.relative_to(work)) for path in work.rglob(".jz-*")}


def intent(repository: Repository) -> bytes | None:
    return repository.home.names.get(INTENTS, rows.key(repository.copy_id))


@pytest.mark.parametrize(
    ("within", "stays"), [(("",), 1), (("d/e/x", "d", "elsewhere"), 2), (("other/x",), 4)]
)
def test_what_a_kill_left_is_removed_and_nothing_else(
    work: Path, within: tuple[str, ...], stays: int
) -> None:
    home = work.parent / "home"
    command = [sys.executable, "-c", KILLED, str(home), str(work), *within]
    assert subprocess.run(command, check=False).returncode == 9
    before = left(work)
    assert len(before) == 6
    (token,) = {name.split("-")[1] for name in before} - {"000000000000"}
    outside = work.parent / f".jz-{token}-1"
    outside.write_text("behind a symlink")
    with closing(LocalHome.open(home)) as opened:
        repository = Repository.at(opened, work)
        assert intent(repository) is None
    after = left(work)
    assert "d/.jz-000000000000-1" in after
    assert len(after) == stays
    assert outside.exists()


def test_who_is_still_writing_is_not_disturbed(work: Path) -> None:
    (work / "a").write_text("a")
    with closing(LocalHome.open(work.parent / "home")) as home:
        repository = Repository.at(home, work)
        repository.stage([str(work / "a")])
        (work / "a").write_text("b")
        with overwriting(repository, [()]) as temp:
            (work / f"{temp}1").write_text("half")
            other = Repository.at(home, work)
            assert intent(other) is not None
            assert (work / f"{temp}1").exists()
            with pytest.raises(Unavailable, match="another process is writing the files"):
                restore_files(other, [("a",)], None)
            assert (work / "a").read_text() == "b"
            os.unlink(work / f"{temp}1")
        assert intent(repository) is None
        restore_files(repository, [("a",)], None)
        assert (work / "a").read_text() == "a"


def test_a_fault_while_files_are_overwritten_leaves_no_intent(work: Path) -> None:
    with closing(LocalHome.open(work.parent / "home")) as home:
        repository = Repository.at(home, work)
        with pytest.raises(ZeroDivisionError), overwriting(repository, [()]):
            raise ZeroDivisionError
        assert intent(repository) is None
        with alone(str(work)), pytest.raises(Unavailable), overwriting(repository, [()]):
            pass
        assert intent(repository) is None
