"""``ipfs add --nocopy`` and ``ipfs filestore``: blocks stay in files, and are never others'."""

import json
import os
from hashlib import shake_128
from pathlib import Path

import pytest

from tests.commands.conftest import Run

DATA = shake_128(b"a file").digest(600_000)  # three chunks


@pytest.fixture
def files(jiaozi: Run, place: Path) -> Path:
    """A working directory below the directory that holds the home, filestore on."""
    jiaozi("ipfs", "init")
    jiaozi("ipfs", "config", "--json", "Experimental.FilestoreEnabled", "true")
    (place / "d").write_bytes(DATA)
    (place / "small").write_text("hi\n")
    return place


def added(jiaozi: Run, *words: str) -> str:
    return jiaozi("ipfs", "add", "-Q", *words).out.strip()


def store_bytes(place: Path) -> int:
    home = place.parent / "home"
    return sum(one.stat().st_size for one in (home / "segments").iterdir())


def test_what_is_referred_to_is_read_and_not_kept(jiaozi: Run, files: Path) -> None:
    before = store_bytes(files)
    root = added(jiaozi, "--nocopy", "d")
    assert root == added(jiaozi, "-n", "--raw-leaves", "d")
    assert store_bytes(files) < before + 4096
    assert jiaozi("ipfs", "cat", root).raw == DATA
    rows = jiaozi("ipfs", "filestore", "ls", "--file-order").out.splitlines()
    places = [row.split()[1:] for row in rows]
    path = os.path.relpath(files / "d", files.parent)
    assert places == [
        ["262144", path, "0"],
        ["262144", path, "262144"],
        [str(len(DATA) - 524288), path, "524288"],
    ]
    leaf = rows[0].split()[0]
    assert jiaozi("ipfs", "block", "stat", leaf).out.splitlines()[1] == "Size: 262144"
    assert leaf in jiaozi("ipfs", "refs", "local").out
    told = jiaozi("ipfs", "filestore", "verify").out
    assert told.count("ok      bafkrei") == 3
    assert jiaozi("ipfs", "repo", "gc").out == ""
    assert jiaozi("ipfs", "cat", root).raw == DATA


def test_a_changed_file_is_told_of_and_never_served(jiaozi: Run, files: Path) -> None:
    root = added(jiaozi, "--nocopy", "small")
    (files / "small").write_text("no\n")
    assert "data in file did not match." in jiaozi("ipfs", "cat", root, code=1).err
    path = os.path.relpath(files / "small", files.parent)
    assert jiaozi("ipfs", "filestore", "verify").out == f"changed {root}      3 {path} 0\n"
    (files / "small").unlink()
    assert "no such file or directory" in jiaozi("ipfs", "cat", root, code=1).err
    assert jiaozi("ipfs", "filestore", "verify", root).out.startswith("no-file")
    os.mkfifo(files / "small")
    assert jiaozi("ipfs", "filestore", "verify").out.startswith("error")
    row = json.loads(jiaozi("ipfs", "filestore", "verify", "--enc=json").out)
    assert (row["Status"], row["Key"], row["Size"]) == (10, {"/": root}, 3)
    told = jiaozi("ipfs", "filestore", "verify", "--remove-bad-blocks").out
    assert told.endswith(" 0 remove\n")
    assert jiaozi("ipfs", "filestore", "ls").out == ""


def test_a_moved_file_is_referred_to_anew(jiaozi: Run, files: Path) -> None:
    root = added(jiaozi, "--nocopy", "small")
    (files / "small").rename(files / "moved")
    assert added(jiaozi, "--nocopy", "moved") == root
    assert jiaozi("ipfs", "cat", root).out == "hi\n"


def test_blocks_that_are_here_get_no_reference(jiaozi: Run, files: Path) -> None:
    assert files.exists()
    root = added(jiaozi, "--raw-leaves", "small")
    assert added(jiaozi, "--nocopy", "small") == root
    assert jiaozi("ipfs", "filestore", "ls").out == ""


def test_blocks_in_both_places(jiaozi: Run, files: Path) -> None:
    root = added(jiaozi, "--nocopy", "small")
    assert jiaozi("ipfs", "filestore", "dups").out == ""
    jiaozi("ipfs", "block", "put", files / "small")
    assert jiaozi("ipfs", "filestore", "dups").out == f"{root}\n"
    (files / "small").unlink()
    assert jiaozi("ipfs", "cat", root).out == "hi\n"


def test_collection_forgets_references(jiaozi: Run, files: Path) -> None:
    root = added(jiaozi, "--nocopy", "--pin=false", "small")
    assert jiaozi("ipfs", "repo", "gc").out == f"removed {root}\n"
    assert jiaozi("ipfs", "filestore", "ls").out == ""
    assert (files / "small").read_text() == "hi\n"


def test_directories_and_inlined_leaves(jiaozi: Run, files: Path) -> None:
    (files / "t").mkdir()
    (files / "t" / "a").write_bytes(DATA[:1000])
    (files / "t" / "b").write_bytes(b"")
    words = ("-r", "--inline", "--chunker=size-300", "t")
    root = added(jiaozi, "--nocopy", *words)
    assert root == added(jiaozi, "-n", "--raw-leaves", *words)
    assert jiaozi("ipfs", "cat", f"{root}/a").raw == DATA[:1000]
    assert jiaozi("ipfs", "cat", f"{root}/b").raw == b""


def test_refusals_are_in_kubos_words(
    jiaozi: Run, files: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    far = tmp_path_factory.mktemp("far") / "f"
    far.write_text("far")
    outside = jiaozi("ipfs", "add", "--nocopy", far, code=1).err
    assert outside == f"Error: cannot add filestore references outside ipfs root ({files.parent})\n"
    (files / "link").symlink_to(far)
    words = ("ipfs", "add", "--nocopy", "--dereference-args", "link")
    assert "outside ipfs root" in jiaozi(*words, code=1).err
    assert (
        "requires '--raw-leaves'"
        in jiaozi("ipfs", "add", "--nocopy", "--raw-leaves=false", "small", code=1).err
    )
    told = jiaozi("ipfs", "filestore", "ls", "bad", "bafkqaaa", code=1)
    assert told.err.splitlines() == [
        'bad: invalid path "bad": path does not have enough components',
        "ipld: could not find bafkqaaa",
        "Error: errors while displaying some entries",
    ]
    told = jiaozi("ipfs", "filestore", "verify", "bad", "bafkqaaa")
    assert told.out == "ERROR   <corrupt key>\nmissing bafkqaaa\n"
    jiaozi("ipfs", "config", "--json", "Experimental.FilestoreEnabled", "false")
    assert "filestore is not enabled" in jiaozi("ipfs", "filestore", "ls", code=1).err
    assert "must be enabled to use nocopy" in jiaozi("ipfs", "add", "--nocopy", "d", code=1).err
