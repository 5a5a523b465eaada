"""Blocks and names in dictionaries: for tests, for `--only-hash`, for anything that needn't last.

They keep every promise of ``stores/api.py`` but durability, which ends with the process.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from jiaozi_node.errors import Misuse
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import ANY, BlockMissing, BlockWriter, Change, Family, NameConflict
from jiaozi_node.stores.verify import checked


class MemoryStore:
    """Blocks in a dictionary, by multihash."""

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self._blocks: dict[bytes, bytes] | None = {}
        with self.writer() as writer:
            writer.put(blocks)

    def get(self, cid: Cid) -> Block:
        """See `api.GetsBlocks`."""
        blocks = self._open()
        inline = cid.inline
        if inline is not None:
            return Block(cid, inline)
        data = blocks.get(cid.multihash)
        if data is None:
            raise BlockMissing(cid)
        return checked(cid, data)

    def size(self, cid: Cid) -> int:
        """See `api.GetsBlocks`."""
        blocks = self._open()
        data = cid.inline
        if data is None:
            data = blocks.get(cid.multihash)
        if data is None:
            raise BlockMissing(cid)
        return len(data)

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        """See `api.HasBlocks`."""
        blocks = self._open()
        return [cid.inline is not None or cid.multihash in blocks for cid in cids]

    @contextmanager
    def writer(self, family: Family = Family.OWN) -> Iterator[BlockWriter]:
        """See `api.PutsBlocks`; *family* is not kept."""
        self._open()
        writer = _Writer(self)
        try:
            yield writer
        finally:
            writer.ended = True

    def drop(self, cids: Iterable[Cid]) -> int:
        """See `api.DropsBlocks`."""
        blocks = self._open()
        return sum(blocks.pop(cid.multihash, None) is not None for cid in cids)

    def multihashes(self) -> Iterator[bytes]:
        """See `api.ListsBlocks`."""
        for multihash in tuple(self._open()):
            self._open()
            yield multihash

    def close(self) -> None:
        """Forget everything."""
        self._blocks = None

    def _open(self) -> dict[bytes, bytes]:
        if self._blocks is None:
            raise Misuse("the block store is closed")
        return self._blocks

    def _put(self, blocks: Iterable[Block]) -> None:
        held = self._open()
        for block in blocks:
            if block.cid.inline is None:
                held[block.cid.multihash] = block.data


class _Writer:
    def __init__(self, store: MemoryStore) -> None:
        self.ended = False
        self._store = store

    def put(self, blocks: Iterable[Block]) -> None:
        if self.ended:
            raise Misuse("this act of writing has ended")
        self._store._put(blocks)

    def present(self, cids: Sequence[Cid]) -> list[bool]:
        return self._store.has(cids)


class MemoryNames:
    """Names in a dictionary."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[bytes, bytes]] | None = {}
        self._acts = 0
        self._lock = threading.Lock()

    def get(self, kind: str, key: bytes) -> bytes | None:
        """See `api.Names`."""
        return self._open().get(kind, {}).get(key)

    def scan(self, kind: str, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """See `api.Names`."""
        with self._lock:
            rows = [row for row in self._open().get(kind, {}).items() if row[0].startswith(prefix)]
        rows.sort()
        for row in rows:
            self._open()
            yield row

    def apply(self, changes: Sequence[Change]) -> None:
        """See `api.Names`."""
        with self._lock:
            kinds = self._open()
            after: dict[tuple[str, bytes], bytes | None] = {}
            for change in changes:
                at = (change.kind, change.key)
                found = after[at] if at in after else kinds.get(at[0], {}).get(at[1])
                if change.expect != ANY and change.expect != found:
                    raise NameConflict(change.kind, change.key, found)
                after[at] = change.value
            for (kind, key), value in after.items():
                if value is None:
                    kinds.get(kind, {}).pop(key, None)
                else:
                    kinds.setdefault(kind, {})[key] = value
            self._acts += 1

    def everything(self) -> Iterator[tuple[str, bytes, bytes]]:
        """See `api.Names`."""
        with self._lock:
            kinds = sorted(self._open().items())
            rows = [
                (kind, key, value) for kind, rows in kinds for key, value in sorted(rows.items())
            ]
        for row in rows:
            self._open()
            yield row

    def kinds(self) -> list[str]:
        """See `api.Names`."""
        with self._lock:
            return sorted(kind for kind, rows in self._open().items() if rows)

    def version(self) -> int:
        """See `api.Names`."""
        self._open()
        return self._acts

    def went_back(self) -> int | None:
        """See `api.Names`: dictionaries don't."""
        return None

    def recount(self) -> None:
        """See `api.Names`: there is nothing to count anew."""

    def close(self) -> None:
        """Forget everything."""
        self._kinds = None

    def _open(self) -> dict[str, dict[bytes, bytes]]:
        if self._kinds is None:
            raise Misuse("the names are closed")
        return self._kinds
