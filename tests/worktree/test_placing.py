"""Files take their places while others are written: all are there at the end, or it is said."""

import os
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from jiaozi_node.worktree import placing
from jiaozi_node.worktree.writer import InTheWay, SafeWriter

Parts = tuple[str, ...]
FILES = [(f"d{at % 3}", f"f{at}") for at in range(400)]


def written(root: Path, files: Iterable[Parts], told: dict[Parts, os.stat_result]) -> None:
    with SafeWriter(root, placed=told.__setitem__) as writer:
        writer.overlap()
        for parts in files:
            writer.directory(parts[:-1])
            writer.put(parts, "/".join(parts).encode())


def all_names(root: Path) -> set[str]:
    return {name for _, directories, files in os.walk(root) for name in (*directories, *files)}


def test_all_are_in_their_places_at_the_end_and_told_of(tmp_path: Path) -> None:
    open_before = len(os.listdir("/dev/fd"))
    for _ in range(2):  # new ones, and in the place of others
        told: dict[Parts, os.stat_result] = {}
        written(tmp_path, FILES, told)
        assert told.keys() == set(FILES)
        for parts, found in told.items():
            path = tmp_path.joinpath(*parts)
            assert path.read_bytes() == "/".join(parts).encode()
            now = path.lstat()
            for field in ("st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"):
                assert getattr(now, field) == getattr(found, field)
    assert len(os.listdir("/dev/fd")) == open_before
    assert not [name for name in all_names(tmp_path) if name.startswith(".jz-")]


def test_they_are_told_of_by_the_thread_that_writes(tmp_path: Path) -> None:
    names: set[str] = set()
    with SafeWriter(tmp_path, placed=lambda *_: names.add(threading.current_thread().name)) as out:
        out.overlap()
        for parts in FILES:
            out.directory(parts[:-1])
            out.put(parts, b"x")
    assert names == {threading.current_thread().name}


def test_what_can_not_take_its_place_ends_it_and_nothing_is_left(tmp_path: Path) -> None:
    open_before = len(os.listdir("/dev/fd"))
    (tmp_path / "d1" / "f7" / "kept").mkdir(parents=True)
    with pytest.raises(InTheWay, match="f7"):
        written(tmp_path, FILES, {})
    names = all_names(tmp_path)
    assert "kept" in names
    assert len(names) < len(FILES) - placing._AHEAD  # the later ones were not begun
    assert not [name for name in names if name.startswith(".jz-")]
    assert len(os.listdir("/dev/fd")) == open_before


def test_the_last_ones_fault_is_raised_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "d0" / "f9" / "kept").mkdir(parents=True)
    with pytest.raises(InTheWay, match="f9"):
        written(tmp_path, [("d0", "f8"), ("d0", "f9")], {})
    assert (tmp_path / "d0" / "f8").read_bytes() == b"d0/f8"


def test_an_exception_in_between_is_the_one_that_is_raised(tmp_path: Path) -> None:
    (tmp_path / "d0" / "f9" / "kept").mkdir(parents=True)

    def broken_off() -> None:
        with SafeWriter(tmp_path, placed=lambda *_: None) as writer:
            writer.overlap()
            writer.directory(("d0",))
            writer.put(("d0", "f9"), b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken_off()
    assert not [name for name in all_names(tmp_path) if name.startswith(".jz-")]
