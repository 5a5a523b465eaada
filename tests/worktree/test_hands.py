"""Directories written by processes come out as those written here, and so do their failures."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jiaozi_node.errors import Conflict, Unavailable
from jiaozi_node.worktree import hands as module
from jiaozi_node.worktree.entry import stat_bytes
from jiaozi_node.worktree.hands import Hands
from jiaozi_node.worktree.writer import SafeWriter


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    opened = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield opened
    os.close(opened)


@pytest.mark.parametrize("processes", [0, 1, 2])
def test_many_directories(
    tmp_path: Path, root: int, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENOUGH", 10)
    monkeypatch.setattr(module, "MESSAGE_BYTES", 1000)
    expected: dict[str, bytes] = {}
    with SafeWriter(tmp_path, root=root) as writer, Hands(writer, root, processes) as hands:
        writer.directory(("above",))
        parts: tuple[str, ...]
        for number in range(30):
            files = [(f"{at}\udcff", b"%d" % at * number * 9) for at in range(number)]
            parts = ("above", f"d{number}") if number % 2 else (f"d{number}",)
            hands.write(parts, [name for name, _ in files], files)
            expected.update({"/".join((*parts, name)): data for name, data in files})
        assert len(hands._running) == processes
    found = {
        str(path.relative_to(tmp_path)): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert found == expected
    assert len(hands.known) == 30
    for parts, stats in hands.known.items():
        for name, stat in stats.items():
            assert stat == stat_bytes(os.lstat(tmp_path.joinpath(*parts, name)))


def written(root: int, processes: int, work: Callable[[Hands], None] = lambda _hands: None) -> None:
    """Write a directory, do *work*, and write more than any pipe holds."""
    with SafeWriter("", root=root) as writer, Hands(writer, root, processes) as hands:
        hands.write(("first",), ["a"], [("a", b"one")])
        work(hands)
        for number in range(100):
            hands.write((f"{number}",), ["a"], [("a", bytes(100_000))])


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are started for the first directory."""
    monkeypatch.setattr(module, "ENOUGH", 0)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("processes", [0, 1])
def test_a_failure_is_raised_with_its_family_and_words(
    tmp_path: Path, root: int, processes: int
) -> None:
    def no_parent(hands: Hands) -> None:
        hands.write(("absent", "new"), ["a"], [("a", b"")])

    with pytest.raises(Conflict, match=r"'absent': its directory is not there"):
        written(root, processes, no_parent)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".jz")]


@pytest.mark.usefixtures("at_once")
def test_nothing_is_left_of_what_was_under_way_when_we_fail(
    tmp_path: Path, root: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MESSAGE_BYTES", 1)

    def failing() -> Iterator[tuple[str, bytes]]:
        yield "a", b"one"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        written(root, 1, lambda hands: hands.write(("new",), ["a", "b"], failing()))
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == [
        "first",
        "first/a",
    ]


@pytest.mark.usefixtures("at_once")
def test_a_process_that_is_killed_is_told_of(root: int) -> None:
    with pytest.raises(Unavailable, match="ended"):
        written(root, 2, lambda hands: os.kill(hands._running[0].pid, signal.SIGKILL))


@pytest.mark.usefixtures("at_once")
def test_a_process_that_can_not_be_started_is_told_of(
    tmp_path: Path, root: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    with pytest.raises(Unavailable, match="can't start"):
        written(root, 1)
