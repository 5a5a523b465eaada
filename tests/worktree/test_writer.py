"""The safe writer does what it says; what it refuses is in test_hostile_trees.py."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.worktree.names import MAX_DEPTH, UnsafeName
from jiaozi_node.worktree.writer import (
    CHECKOUT,
    GET,
    Folding,
    InTheWay,
    NotWritten,
    Rules,
    SafeWriter,
    probe,
)

BOTH = pytest.mark.parametrize("rules", [CHECKOUT, GET], ids=lambda rules: rules.name)
FOLDS = Folding(case=True, form=True)


def left_over(path: Path) -> list[str]:
    return [name for _, _, files in os.walk(path) for name in files if name.startswith(".jz-")]


@BOTH
def test_a_tree_is_written_with_modes_times_and_links(tmp_path: Path, rules: Rules) -> None:
    with SafeWriter(tmp_path / "out", rules) as writer:
        writer.directory((), ["d", "f", "s"])
        writer.directory(("d",), ["g"], mode=0o500, mtime=(1_000, 7))
        with writer.file(("d", "g"), mode=0o4751, mtime=(-5, 1)) as out:
            out.write(b"one ")
            out.write(memoryview(b"two"))
        writer.put(("f",), b"three")
        writer.symlink(("s",), b"../\xff", mtime=(77, 0))
        assert not os.path.lexists(tmp_path / "out" / "s")
    out_dir = tmp_path / "out"
    assert (out_dir / "d" / "g").read_bytes() == b"one two"
    assert (out_dir / "f").read_bytes() == b"three"
    assert os.readlink(os.fsencode(out_dir / "s")) == b"../\xff"
    assert os.lstat(out_dir / "s").st_mtime_ns == 77 * 10**9
    found = os.stat(out_dir / "d" / "g")
    assert stat.S_IMODE(found.st_mode) == 0o751  # setuid is dropped
    assert found.st_mtime_ns == -5 * 10**9 + 1
    found = os.stat(out_dir / "d")
    assert (stat.S_IMODE(found.st_mode), found.st_mtime_ns) == (0o500, 1_000 * 10**9 + 7)
    assert left_over(out_dir) == []


def test_checkout_leaves_modes_to_the_umask_and_get_does_not(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        for rules in (CHECKOUT, GET):
            with SafeWriter(tmp_path / rules.name, rules) as writer:
                writer.directory(("d",))
                writer.put(("f",), b"")
    finally:
        os.umask(before)
    modes = {
        rules.name: [
            stat.S_IMODE(os.stat(tmp_path / rules.name / name).st_mode) for name in ("d", "f")
        ]
        for rules in (CHECKOUT, GET)
    }
    assert modes == {"checkout": [0o750, 0o640], "get": [0o755, 0o644]}


@BOTH
def test_what_is_there_gives_way_and_is_not_followed(tmp_path: Path, rules: Rules) -> None:
    out = tmp_path / "out"
    out.mkdir()
    canary = tmp_path / "canary"
    canary.write_bytes(b"untouched")
    (out / "link").symlink_to(canary)
    (out / "link2").symlink_to(canary)
    (out / "file").write_bytes(b"old")
    os.link(canary, out / "hard")
    (out / "empty").mkdir()
    (out / "empty2").mkdir()
    (out / "kept").mkdir()
    (out / "kept" / "other").write_bytes(b"other")
    with SafeWriter(out, rules) as writer:
        for name in ("link", "file", "hard", "empty"):
            writer.put((name,), b"new")
        writer.symlink(("link2",), b"nowhere")
        writer.symlink(("empty2",), b"nowhere")
        writer.directory(("kept",), ["mine"])
        writer.put(("kept", "mine"), b"mine")
    assert canary.read_bytes() == b"untouched"
    for name in ("link", "file", "hard", "empty"):
        assert not (out / name).is_symlink()
        assert (out / name).read_bytes() == b"new"
    assert os.readlink(out / "link2") == os.readlink(out / "empty2") == "nowhere"
    assert sorted(os.listdir(out / "kept")) == ["mine", "other"]
    assert left_over(out) == []


@BOTH
def test_a_directory_with_something_in_it_never_gives_way(tmp_path: Path, rules: Rules) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").write_bytes(b"x")
    with SafeWriter(tmp_path, rules) as writer:
        with pytest.raises(InTheWay, match=r"'d'.*isn't empty"):
            writer.put(("d",), b"")
        with (
            pytest.raises(InTheWay, match=r"'d'.*isn't empty"),
            writer.file(("d",)) as out,
        ):
            out.write(b"1")
    writer = SafeWriter(tmp_path, rules)
    writer.symlink(("d",), b"y")
    with pytest.raises(InTheWay, match=r"'d'.*isn't empty"):
        writer.finish()
    writer.close()
    assert (tmp_path / "d" / "x").read_bytes() == b"x"
    assert left_over(tmp_path) == []


def test_checkout_puts_a_directory_in_a_links_place_and_get_refuses(tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir()
    for rules in (CHECKOUT, GET):
        out = tmp_path / rules.name
        out.mkdir()
        (out / "d").symlink_to(away)
        (out / "f").write_bytes(b"file")
    with SafeWriter(tmp_path / "checkout", CHECKOUT) as writer:
        for name in ("d", "f"):
            writer.directory((name,), ["x"])
            writer.put((name, "x"), b"x")
    with SafeWriter(tmp_path / "get", GET) as writer:
        for name in ("d", "f"):
            with pytest.raises(InTheWay, match="a symlink or file"):
                writer.directory((name,), ["x"])
            with pytest.raises(InTheWay, match="a symlink or file"):
                writer.put((name, "x"), b"x")
    assert os.listdir(away) == []
    assert (tmp_path / "checkout" / "d" / "x").read_bytes() == b"x"
    assert (tmp_path / "get" / "f").read_bytes() == b"file"


def test_a_target_that_is_a_link_or_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "away")
    (tmp_path / "file").write_bytes(b"")
    for name in ("link", "link/", "file"):
        with pytest.raises(InTheWay, match=r"symbolic link|not a directory"):
            SafeWriter(f"{tmp_path}/{name}")
    with SafeWriter(tmp_path / "link" / "below") as writer:  # parents are the caller's own word
        writer.put(("x",), b"")
    assert (tmp_path / "away" / "below" / "x").exists()


def test_nothing_is_left_of_a_file_that_was_broken_off(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"old")
    with (
        SafeWriter(tmp_path) as writer,
        suppress(ZeroDivisionError),
        writer.file(("f",)) as out,
    ):
        out.write(b"half")
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_two_files_may_be_open_in_different_directories(tmp_path: Path) -> None:
    with SafeWriter(tmp_path) as writer:
        writer.directory(("a",))
        writer.directory(("b",))
        with writer.file(("a", "x")) as one, writer.file(("b", "y")) as two:
            one.write(b"1")
            two.write(b"2")
    assert (tmp_path / "a" / "x").read_bytes() == b"1"
    assert (tmp_path / "b" / "y").read_bytes() == b"2"


def test_removing(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"")
    (tmp_path / "l").symlink_to("d")
    with SafeWriter(tmp_path) as writer:
        with pytest.raises(InTheWay):
            writer.remove(("d",))
        with pytest.raises(InTheWay):
            writer.remove(("l", "f"))
        for parts in (("d", "f"), ("d",), ("l",), ("absent",)):
            writer.remove(parts)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("pair", [("readme", "README"), ("\u00e9", "e\u0301")])
def test_names_the_target_folds_are_refused_before_anything_is_made(
    tmp_path: Path, pair: tuple[str, str]
) -> None:
    for rules in (CHECKOUT, GET):
        with SafeWriter(tmp_path, rules, folding=lambda _: FOLDS) as writer:
            with pytest.raises(UnsafeName, match="for one name"):
                writer.directory(("d",), pair)
            with pytest.raises(UnsafeName, match="for one name"):
                writer.directory((), pair)
    assert os.listdir(tmp_path) == []


def test_a_target_that_tells_names_apart_takes_them(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        folding = probe(here, ".jz-x-")
    finally:
        os.close(here)
    assert os.listdir(tmp_path) == []
    if folding.case:
        pytest.skip("this file system folds case")
    with SafeWriter(tmp_path) as writer:
        writer.directory(("d",), ["a", "A"])
        writer.put(("d", "a"), b"1")
        writer.put(("d", "A"), b"2")
    assert (tmp_path / "d" / "a").read_bytes() == b"1"


def test_get_writes_the_reserved_name_but_not_over_a_working_copys(tmp_path: Path) -> None:
    with SafeWriter(tmp_path, GET) as writer:
        writer.directory((), [".jiaozi"])
        writer.directory((".jiaozi",), ["worktree.toml"])
        writer.put((".jiaozi", "worktree.toml"), b"")
        with pytest.raises(UnsafeName, match="working copy"):
            writer.directory((), [".JIAOZI"])


def test_the_depth_of_paths_is_limited(tmp_path: Path) -> None:
    with SafeWriter(tmp_path) as writer:
        parts: tuple[str, ...] = ()
        for _ in range(MAX_DEPTH):
            parts = (*parts, "d")
            writer.directory(parts)
        with pytest.raises(LimitExceeded, match="depth"):
            writer.directory((*parts, "d"))


def test_a_parent_that_is_not_there_is_named(tmp_path: Path) -> None:
    with SafeWriter(tmp_path) as writer, pytest.raises(InTheWay, match=r"'a'.*not there"):
        writer.put(("a", "b"), b"")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir(mode=0o500)
    with SafeWriter(tmp_path) as writer, pytest.raises(NotWritten, match=r"'d/f'.*permission"):
        writer.put(("d", "f"), b"")


def test_a_full_disk_is_said_in_one_line() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    from jiaozi_node.worktree import writer

    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(NotWritten, match="'f': no space left"):
            writer._write(fd, ("f",), b"x")
    finally:
        os.close(fd)


def test_a_closed_writer_says_so(tmp_path: Path) -> None:
    writer = SafeWriter(tmp_path)
    writer.close()
    writer.close()
    with pytest.raises(Misuse, match="closed"):
        writer.put(("f",), b"")


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc")
    before = count()
    with SafeWriter(tmp_path / "out") as writer:
        writer.directory(("a",))
        writer.directory(("a", "b"))
        writer.put(("a", "b", "f"), b"")
        with pytest.raises(UnsafeName):
            writer.put(("a", ".."), b"")
        with pytest.raises(InTheWay):
            writer.put(("a", "b", "f", "x"), b"")
    assert count() == before


def test_what_is_told_of_a_file_is_true_of_no_later_one(tmp_path: Path) -> None:
    told: dict[tuple[str, ...], os.stat_result] = {}

    def placed(parts: tuple[str, ...], found: os.stat_result) -> None:
        told[parts] = found

    def looks_the_same(name: str) -> bool:
        now, was = os.lstat(tmp_path / name), told[(name,)]
        keys = ("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
        return all(getattr(now, key) == getattr(was, key) for key in keys)

    ahead = (2**33, 0)  # the year 2242
    with SafeWriter(tmp_path, placed=placed) as writer:
        for number in range(50):
            name = f"f{number}"
            if number % 2:
                writer.put((name,), b"one")
            else:
                with writer.file((name,), 0o640) as out:
                    out.write(b"one")
            assert looks_the_same(name)
            with (tmp_path / name).open("r+b") as again:  # within the same tick of the clock
                again.write(b"two")
            assert not looks_the_same(name)
        writer.put(("past",), b"one", mtime=(10**9, 5))
        assert looks_the_same("past")
        assert told[("past",)].st_mtime_ns == 10**18 + 5
        # What comes from the future may look the same when that has come.
        writer.put(("future",), b"one", mtime=ahead)
        assert ("future",) not in told
        with pytest.raises(RuntimeError), writer.file(("broken",)):
            raise RuntimeError
        assert ("broken",) not in told
