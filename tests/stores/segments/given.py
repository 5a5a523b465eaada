"""Blocks and stores for the tests of segments."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jiaozi_node.errors import Corrupt
from jiaozi_node.formats.block import Block
from jiaozi_node.stores.api import BlockMissing, Family
from jiaozi_node.stores.segments import disk
from jiaozi_node.stores.segments.store import SegmentStore

SEGMENT_BYTES = 64 * 1024


def some(count: int, size: int = 300, tag: str = "") -> list[Block]:
    """Return *count* distinct blocks of about *size* bytes that don't compress."""
    return [
        Block.of((f"{tag}{number} " * (size // 4 + 1)).encode()[: size + number % 7])
        for number in range(count)
    ]


def opened(path: Path, **options: int) -> SegmentStore:
    """Open the store of *path*, made when absent, with small segments and no ballast."""
    options = {"segment_bytes": SEGMENT_BYTES, "ballast_bytes": 0, "low_water_bytes": 0, **options}
    return SegmentStore(path, create=True, **options)


def put(store: SegmentStore, blocks: Iterable[Block], family: Family = Family.OWN) -> None:
    """Put *blocks* in one act."""
    with store.writer(family) as writer:
        writer.put(blocks)


def copied(path: Path, to: Path) -> Path:
    """Copy the home as a crash leaves it: what the process wrote, nothing closed."""
    while True:
        try:
            shutil.copytree(path, to)
        except shutil.Error:  # LevelDB's own thread removed a file under our hands
            shutil.rmtree(to)
        else:
            return to


def has_all(store: SegmentStore, blocks: Iterable[Block]) -> None:
    """Assert that every block reads back."""
    for block in blocks:
        assert store.get(block.cid) == block


def fate(store: SegmentStore, block: Block) -> str:
    """Return "good", "missing" or "bad"; never is a wrong byte returned."""
    try:
        assert store.get(block.cid) == block
    except BlockMissing:
        return "missing"
    except Corrupt:
        return "bad"
    return "good"


def segment_files(path: Path) -> list[Path]:
    return sorted((path / "segments").glob("*.car"))


def bits(store: SegmentStore, blocks: Iterable[Block]) -> list[bool]:
    return store.is_public([block.cid for block in blocks])


class Stopped(OSError):
    """What a test makes of one step on the disk."""


@contextmanager
def failing(at: int, names: frozenset[str] | None = None, errno: int = 5) -> Iterator[list[str]]:
    """Fail the step number *at* (0: none) of those in *names*; yield the list of all steps."""
    seen: list[str] = []
    counted = 0

    def hook(name: str) -> None:
        nonlocal counted
        seen.append(name)
        if names is None or name in names:
            counted += 1
            if counted == at:
                raise Stopped(errno, f"step {at}, {name}, fails")

    disk.hook = hook
    try:
        yield seen
    finally:
        disk.hook = None
