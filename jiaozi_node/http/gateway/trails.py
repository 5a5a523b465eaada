"""Where paths lead, remembered: an immutable path leads to the same place for ever.

Looking a name up in a directory of a thousand takes as long as thirty small answers. What is
remembered counts only while every block that the path goes through is still here, and still to be
seen by whoever asks; the block at its end is read and verified each time.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from jiaozi_node.dag.walk import AsyncGet, Need, arun
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.fetch import Fetch
from jiaozi_node.unixfs.resolve import Path, Resolved, trail

REMEMBERED: Final = 4096  # paths, the ones used last
MAX_BLOCKS: Final = 64  # that a path which is remembered goes through


class Trail(NamedTuple):
    """Where a path leads, and the path up to each of its names; *through* are blocks on the way."""

    found: Resolved
    roots: tuple[Cid, ...]
    through: tuple[Cid, ...] = ()


class Trails:
    """Follows paths; remembers where they led."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: OrderedDict[Path, Trail] = OrderedDict()

    async def follow(self, path: Path, get: AsyncGet, *, public: bool) -> Trail:
        """Follow *path* as `resolve.trail` does; with *public*, through blocks of everybody's."""
        if not path.parts:
            return Trail(Resolved(path.root), (path.root,))
        known = self._known.get(path)
        if known is not None and self._fetch.all_here(known.through, public=public):
            self._known.move_to_end(path)
            return known
        noting = _Noting(get)
        found, roots = await arun(trail(path), noting)
        made = Trail(found, roots, tuple(noting.through))
        if len(made.through) <= MAX_BLOCKS:
            self._known[path] = made
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return made


class _Noting:
    """Notes which blocks were got."""

    def __init__(self, get: AsyncGet) -> None:
        self._get = get
        self.through: list[Cid] = []

    async def __call__(self, need: Need) -> Block:
        block = await self._get(need)
        self.through.append(need.cid)
        return block
