"""A scan finds every entry once, in byte order, and names what it can't read."""

import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.worktree.entry import mode_text
from jiaozi_node.worktree.names import MAX_DEPTH
from jiaozi_node.worktree.scan import Unrecognized, Vanished, scan


def paths(root: Path, **options: Any) -> list[str]:
    return ["/".join(found.parts) + ":" + found.kind for found in scan(root, **options)]


def test_parents_come_first_and_names_in_byte_order(tmp_path: Path) -> None:
    for name in ("b", "a-b", "a"):
        (tmp_path / name).mkdir()
    for name in ("a/z", "a/Z", "b/\u00e9", ".h"):
        (tmp_path / name).write_bytes(b"")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/b/\xff")).write_bytes(b"")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/b/\xee\x80\x80")).write_bytes(b"")
    (tmp_path / "l").symlink_to("a")
    expect = [
        ":directory",
        ".h:file",
        "a:directory",
        "a/Z:file",
        "a/z:file",
        "a-b:directory",
        "b:directory",
        "b/\u00e9:file",
        "b/\ue000:file",
        "b/\udcff:file",
        "l:symlink",
    ]
    assert paths(tmp_path) == expect
    assert paths(tmp_path, stats=False) == expect
    assert paths(tmp_path, hidden=False) == [line for line in expect if line != ".h:file"]


def test_the_root_may_be_hidden_a_file_or_a_link(tmp_path: Path) -> None:
    (tmp_path / ".d").mkdir()
    (tmp_path / ".d" / "f").write_bytes(b"")
    (tmp_path / "l").symlink_to(".d")
    assert paths(tmp_path / ".d", hidden=False) == [":directory", "f:file"]
    assert paths(tmp_path / ".d" / "f") == [":file"]
    assert paths(tmp_path / "l") == [":symlink"]
    assert paths(tmp_path / "l", follow=True) == [":directory", "f:file"]


def test_entries_are_opened_from_their_directory(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"inside")
    for found in scan(tmp_path):
        if found.kind == "file":
            fd = os.open(found.name, os.O_RDONLY, dir_fd=found.directory)
            assert os.read(fd, 10) == b"inside"
            os.close(fd)
            assert found.stat is not None
            assert found.stat.st_size == 6


def test_pipes_and_sockets_are_refused_in_kubos_words(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o644)
    for stats in (True, False):
        with pytest.raises(Unrecognized) as caught:
            paths(tmp_path, stats=stats)
        assert str(caught.value) == f"unrecognized file type for {tmp_path}/pipe: prw-r--r--"
    os.unlink(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        os.chmod(tmp_path / "s", 0o755)
        with pytest.raises(Unrecognized, match="Srwxr-xr-x"):
            paths(tmp_path)


def test_modes_read_as_go_writes_them() -> None:
    assert mode_text(stat.S_IFCHR | 0o666) == "Dcrw-rw-rw-"
    assert mode_text(stat.S_IFBLK | 0o660) == "Drw-rw----"
    assert mode_text(stat.S_IFREG | 0o4755) == "urwxr-xr-x"


def test_following_links_descends_and_stops_at_a_loop(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"")
    (tmp_path / "to-dir").symlink_to("d")
    (tmp_path / "to-file").symlink_to("d/f")
    expect = [":directory", "d:directory", "d/f:file", "to-dir:directory", "to-dir/f:file"]
    assert paths(tmp_path, follow=True) == [*expect, "to-file:file"]
    (tmp_path / "d" / "up").symlink_to("..")
    with pytest.raises(Misuse, match="d/up: its symlink leads back"):
        paths(tmp_path, follow=True)
    os.unlink(tmp_path / "d" / "up")
    (tmp_path / "broken").symlink_to("nowhere")
    with pytest.raises(Vanished, match="broken"):
        paths(tmp_path, follow=True)


def test_a_root_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Vanished, match="absent: no such file"):
        paths(tmp_path / "absent")


def test_the_depth_of_a_scan_is_limited(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(MAX_DEPTH):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
    finally:
        os.close(here)
    with pytest.raises(LimitExceeded, match="depth"):
        paths(tmp_path)


def test_a_scan_that_is_dropped_closes_what_it_opened(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"")
    before = len(os.listdir("/proc/self/fd"))
    walk = scan(tmp_path)
    for found in walk:
        if found.kind == "file":
            break
    walk.close()
    assert len(os.listdir("/proc/self/fd")) == before


@settings(max_examples=40, deadline=None)
@given(st.sets(st.binary(min_size=1, max_size=8), max_size=12))
def test_all_names_a_file_system_takes_are_found(
    tmp_path_factory: pytest.TempPathFactory, names: set[bytes]
) -> None:
    root = tmp_path_factory.mktemp("scan")
    made = set()
    for name in names:
        if b"/" not in name and b"\0" not in name and name not in {b".", b".."}:
            os.close(os.open(os.fsencode(root) + b"/" + name, os.O_CREAT | os.O_WRONLY))
            made.add(name)
    found = [os.fsencode(item.name) for item in scan(root)][1:]
    assert found == sorted(made)
