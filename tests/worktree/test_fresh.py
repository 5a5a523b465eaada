"""A directory is filled aside and takes its place whole, or leaves nothing."""

import os
from pathlib import Path

import pytest

from jiaozi_node.errors import Malformed
from jiaozi_node.worktree.fresh import NewDirectory
from jiaozi_node.worktree.names import UnsafeName
from jiaozi_node.worktree.writer import Folding, InTheWay, NotWritten, SafeWriter


def visible(top: Path) -> list[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


def test_it_stands_in_its_place_when_it_is_full(tmp_path: Path) -> None:
    with SafeWriter(tmp_path) as writer:
        writer.directory(("above",))
        with NewDirectory(writer, ("above", "new"), ["a", "b", "\udcff"]) as new:
            new.put("a", b"one")
            new.put("b", b"")
            assert not (tmp_path / "above" / "new").exists()
            new.put("\udcff", b"x" * 3_000_000)
    assert visible(tmp_path) == ["above", "above/new"] + [
        f"above/new/{name}" for name in ("a", "b", "\udcff")
    ]
    assert (tmp_path / "above" / "new" / "a").read_bytes() == b"one"
    assert len((tmp_path / "above" / "new" / "\udcff").read_bytes()) == 3_000_000


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["a", RuntimeError], RuntimeError),
        (["../b"], UnsafeName),
        (["c"], UnsafeName),
        (["a", "a"], NotWritten),
    ],
)
def test_nothing_is_left_of_one_that_was_broken_off(
    tmp_path: Path, names: list[str | type[Exception]], fault: type[Exception]
) -> None:
    def filled(writer: SafeWriter) -> None:
        with NewDirectory(writer, ("new",), ["a", "b"]) as new:
            for name in names:
                if not isinstance(name, str):
                    raise name
                new.put(name, b"one")

    with SafeWriter(tmp_path) as writer, pytest.raises(fault):
        filled(writer)
    assert visible(tmp_path) == []


@pytest.mark.parametrize("name", ["..", "", "a/b", ".jiaozi", "x" * 256, "nul\0"])
def test_a_bad_name_is_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    with SafeWriter(tmp_path) as writer:
        with pytest.raises(UnsafeName):
            NewDirectory(writer, ("new",), ["fine", name])
        with pytest.raises(UnsafeName):
            NewDirectory(writer, (name,), ["fine"])
        with pytest.raises(Malformed):
            NewDirectory(writer, ("new",), ["twice", "twice"])
    assert visible(tmp_path) == []


def test_names_that_the_target_folds_are_refused(tmp_path: Path) -> None:
    with (
        SafeWriter(tmp_path, folding=lambda _here: Folding(True, True)) as writer,
        pytest.raises(UnsafeName, match="one name"),
    ):
        NewDirectory(writer, ("new",), ["a", "A"])
    assert visible(tmp_path) == []


def test_what_came_in_the_way_gives_way_and_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "target"
    target.mkdir()
    with SafeWriter(target) as writer:
        for name in ("file", "link", "empty", "full"):
            with NewDirectory(writer, (name,), ["a", "b"]) as new:
                new.put("a", name.encode())
                new.put("b", b"b")
                if name == "file":
                    (target / name).write_bytes(b"")
                elif name == "link":
                    (target / name).symlink_to(outside)
                else:
                    (target / name).mkdir()
                if name == "full":
                    (target / name / "mine").write_bytes(b"stays")
                    (target / name / "a").symlink_to(outside / "a")
    assert visible(outside) == []
    for name in ("file", "link", "empty", "full"):
        assert not (target / name).is_symlink()
        assert (target / name / "a").read_bytes() == name.encode()
    assert (target / "full" / "mine").read_bytes() == b"stays"
    assert not [path for path in target.iterdir() if path.name.startswith(".jz")]


def test_its_parent_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with SafeWriter(tmp_path) as writer:
        for above in ("absent", "link"):
            with pytest.raises(InTheWay):
                NewDirectory(writer, (above, "new"), ["a"])
    assert visible(tmp_path) == ["link"]


def test_what_is_known_of_a_file_is_true_of_no_later_one(tmp_path: Path) -> None:
    """A file is known only when it was written in an earlier tick than the directory placed."""
    seen = 0
    with SafeWriter(tmp_path) as writer:
        for number in range(200):
            top = tmp_path / f"{number}"
            names = [f"f{at}" for at in range(number)]
            new = NewDirectory(writer, (top.name,), names, notes=True)
            with new:
                for name in names:
                    new.put(name, b"one")
            for name, was in new.known().items():
                now = os.lstat(top / name)
                assert (now.st_mtime_ns, now.st_ctime_ns) == (was.st_mtime_ns, was.st_ctime_ns)
                with (top / name).open("r+b") as again:
                    again.write(b"two")
                assert os.lstat(top / name).st_mtime_ns != was.st_mtime_ns
                seen += 1
    assert seen
