"""A hundred thousand files, in one directory and in a thousand: it works, and work is counted.

What is counted is what costs: blocks read and written, files opened to be hashed, files written.
"""

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jiaozi_node.cli.main import main
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_PB, Cid
from jiaozi_node.stores.segments.store import Act, SegmentStore
from jiaozi_node.worktree import hands
from jiaozi_node.worktree.fresh import NewDirectory
from jiaozi_node.worktree.import_tree import Reader
from jiaozi_node.worktree.writer import SafeWriter

pytestmark = pytest.mark.slow

FILES = 100_000


def flat(number: int) -> str:
    return f"all/{number:06d}"


def spread(number: int) -> str:
    return f"{number // 100:04d}/{number:06d}"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory to work in, in memory where that can be: 400,000 files are made and removed."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        top = Path(name) / "work"
        top.mkdir()
        monkeypatch.chdir(top)
        monkeypatch.setenv("JIAOZI_PATH", f"{name}/home")
        monkeypatch.setenv("HOME", f"{name}/nobody")
        yield top
        os.chdir(name)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what is done from here on; a test clears it between commands."""
    counts: Counter[str] = Counter()
    get, put = SegmentStore.get, SegmentStore._put
    read, write, fill = Reader.file, SafeWriter.put, NewDirectory.put

    def got(store: SegmentStore, cid: Cid) -> Block:
        counts["blocks read"] += 1
        counts["directories read"] += cid.codec == DAG_PB
        return get(store, cid)

    def stored(store: SegmentStore, act: Act, blocks: Iterable[Block], *more: Any) -> None:
        blocks = list(blocks)
        counts["blocks put"] += len(blocks)
        put(store, act, blocks, *more)

    def hashed(reader: Reader, *what: Any, **more: Any) -> Any:
        counts["files hashed"] += 1
        return read(reader, *what, **more)

    def written(writer: SafeWriter, *what: Any, **more: Any) -> None:
        counts["files written"] += 1
        write(writer, *what, **more)

    def filled(directory: NewDirectory, name: str, data: bytes) -> None:
        counts["files written"] += 1
        fill(directory, name, data)

    for kind, name, counted in (
        (SegmentStore, "get", got),
        (SegmentStore, "_put", stored),
        (Reader, "file", hashed),
        (SafeWriter, "put", written),
        (NewDirectory, "put", filled),
    ):
        monkeypatch.setattr(kind, name, counted)
    monkeypatch.setattr(hands, "ENOUGH", 2 * FILES)  # what another process writes isn't counted
    return counts


@pytest.mark.parametrize("path", [flat, spread], ids=["in one directory", "in a thousand"])
def test_a_hundred_thousand_files(
    path: Callable[[int], str],
    place: Path,
    work: Counter[str],
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    def run(*words: str) -> bytes:
        capfdbinary.readouterr()
        work.clear()
        code = main(words)
        out, err = capfdbinary.readouterr()
        assert code == 0, err
        return out

    def tree() -> str:
        return str(json.loads(run("log", "-n1", "--json"))["tree"])

    run("init")
    for number in range(FILES):
        if number % 100 == 0:
            (place / path(number)).parent.mkdir(exist_ok=True)
        (place / path(number)).write_bytes(b"%d" % number)
    run("add", ".")
    assert work["files hashed"] == FILES
    run("commit", "-m", "one", "--author", "A")
    first = tree()

    # Clean: after files that were written as the index began have been looked at once more.
    run("status")
    assert b"clean" in run("status")
    assert work["files hashed"] == 0
    assert work["directories read"] == 0

    # One change: the nodes on its path, and the commit.
    (place / path(777)).write_bytes(b"changed")
    run("add", path(777))
    assert work["files hashed"] == 1
    assert work["blocks put"] <= 6
    run("commit", "-m", "two", "--author", "A")
    assert work["blocks put"] == 1
    assert work["blocks read"] <= 16
    (place / path(778)).write_bytes(b"changed")
    run("commit", "-a", "-m", "three", "--author", "A")
    assert work["blocks put"] <= 7
    assert work["files hashed"] <= 2  # one may have been too new for the index

    assert run("diff", "--name-status", "HEAD", "HEAD") == b""
    assert work["directories read"] == 0
    assert run("diff", "--name-status", "HEAD~2", "HEAD").decode().split() == [
        "M", path(777), "M", path(778),
    ]  # fmt: skip
    assert work["directories read"] <= 16

    # A switch writes what differs.
    run("switch", "-c", "other")
    chosen = range(0, FILES, FILES // 50)
    for number in chosen:
        (place / path(number)).write_bytes(b"on other")
    run("commit", "-a", "-m", "four", "--author", "A")
    run("switch", "main")
    assert work["files written"] == len(chosen)
    assert (place / path(chosen[3])).read_bytes() == b"%d" % chosen[3]
    assert b"clean" in run("status")
    assert work["files hashed"] == 0

    # All of it comes back.
    for top in place.iterdir():
        if top.name != ".jiaozi":
            shutil.rmtree(top)
    run("restore", ".")
    assert work["files written"] == FILES
    assert b"clean" in run("status")
    assert sum(len(names) for _, _, names in os.walk(place)) == FILES + len(
        list((place / ".jiaozi").iterdir())
    )
    assert run("cat", f"{first}/{path(777)}") == b"777"
