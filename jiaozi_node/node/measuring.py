"""How large a home is and how it stands: what the store has counted, read and not walked."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jiaozi_node.node import collecting
from jiaozi_node.node.home import Home
from jiaozi_node.stores.api import Family
from jiaozi_node.stores.leases import Leased
from jiaozi_node.stores.segments.checkpoint import BALLAST
from jiaozi_node.stores.segments.compact import dead_bytes
from jiaozi_node.stores.segments.store import SegmentStore


@dataclass(frozen=True, slots=True)
class Measured:
    """Sizes in bytes, and counts. *block_bytes* are of blocks alone, *dead_bytes* of those that
    were dropped and still take room.

    *public_bytes* and *own_bytes* are the two families' files, *collection* what a run of gc had
    dropped that was cut short or is under way, None without one.
    """

    blocks: int
    block_bytes: int
    dead_bytes: int
    segments: int
    public_bytes: int
    own_bytes: int
    index_bytes: int
    names_bytes: int
    free_bytes: int
    least_free_bytes: int
    ballast_bytes: int
    rows: dict[str, int]
    collection: int | None


def measure(home: Home, *, rows: bool = True) -> Measured:
    """Measure *home*; the time it takes grows with its names, not with its blocks.

    Without *rows* names are not counted.
    """
    blocks = home.blocks.inner if isinstance(home.blocks, Leased) else home.blocks
    segments = blocks.segments() if isinstance(blocks, SegmentStore) else []
    room = os.statvfs(home.path)
    names = home.names
    return Measured(
        blocks=sum(one.live_rows for one in segments),
        block_bytes=sum(one.live_bytes for one in segments),
        dead_bytes=sum(map(dead_bytes, segments)),
        segments=len(segments),
        public_bytes=sum(one.written for one in segments if one.family is Family.PUBLIC),
        own_bytes=sum(one.written for one in segments if one.family is Family.OWN),
        index_bytes=_bytes_of(home.path.glob("index/*")),
        names_bytes=_bytes_of(home.path.glob("names.db*")),
        free_bytes=room.f_bavail * room.f_frsize,
        least_free_bytes=blocks.low_water_bytes if isinstance(blocks, SegmentStore) else 0,
        ballast_bytes=_bytes_of([home.path / BALLAST]),
        rows={k: sum(1 for _ in names.scan(k)) for k in names.kinds()} if rows else {},
        collection=collecting.under_way(names),
    )


def size_bytes(home: Home) -> int:
    """Return the bytes of all files of the home, by looking at each once."""
    return _bytes_of(one for one in home.path.rglob("*") if not one.is_dir())


def _bytes_of(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # LevelDB drops files while we count
            continue
    return total
