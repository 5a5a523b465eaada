"""Directories that went are brought back whole, as quickly as the system makes files."""

import gc
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from jiaozi_node.dag.walk import need, run, stream
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.formats.dag_pb import RawLink
from jiaozi_node.node.repository import Repository
from jiaozi_node.node.status import Parts, stat_index
from jiaozi_node.stores import many
from jiaozi_node.unixfs import blocks, directory
from jiaozi_node.unixfs.hamt import Value
from jiaozi_node.worktree.checkout import MAX_ENTRIES, materialize
from jiaozi_node.worktree.hands import Hands
from jiaozi_node.worktree.index import StatIndex
from jiaozi_node.worktree.names import shown
from jiaozi_node.worktree.writer import SafeWriter

Held = dict[str, tuple[bytes, int]]  # CID and Tsize by name


def bring_back(
    repository: Repository, missing: Sequence[tuple[Parts, Cid]], temp: str
) -> list[Parts]:
    """Write the directories *missing*, where nothing stands; return the paths of their files.

    One that holds nothing but small files is put in its place when it is full. What was written
    is remembered in the stat index. *temp* is what temporary names begin with.
    """
    if not missing:
        return []
    root = os.open(repository.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with (
            _uncollected(),
            stat_index(repository) as index,
            SafeWriter(repository.root, temp=temp, root=root) as writer,
        ):
            work = _Work(repository, writer, index)
            with Hands(writer, root) as hands:
                for parts, cid in missing:
                    work.write(parts, cid, hands)
            work.remember(hands)
            return work.files
    finally:
        os.close(root)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for cycles among hundreds of thousands of values that live on."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _Work:
    """One run of `bring_back`."""

    def __init__(self, repository: Repository, writer: SafeWriter, index: StatIndex) -> None:
        self.files: list[Parts] = []
        self._blocks, self._writer, self._index = repository.home.blocks, writer, index
        self._get = self._blocks.get
        self._plain: dict[Parts, tuple[Cid, Held]] = {}

    def write(self, parts: Parts, cid: Cid, hands: Hands) -> None:
        """Write the directory *cid* at *parts*; a stack in place of recursion."""
        pending = [(parts, cid)]
        while pending:
            parts, cid = pending.pop()
            links, message, _raw = blocks.parse(run(need(cid), self._get))
            if message.type not in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
                for _files, _bytes in stream(materialize(cid, self._writer, parts), self._get):
                    pass
                self.files.append(parts)
                continue
            found = links if message.type == unixfs_pb.DIRECTORY else self._sharded(cid, parts)
            names = [(name or b"").decode("utf-8", "surrogateescape") for _, name, _ in found]
            cids = [Cid(raw) for raw, _, _ in found]
            mode, mtime = message.mode, message.mtime
            if mode is None and mtime is None and all(one.codec == RAW for one in cids):
                hands.write(parts, names, self._read(names, cids))
                self.files += [(*parts, name) for name in names]
                sizes = [(raw, tsize or 0) for raw, _, tsize in found]
                self._plain[parts] = cid, dict(zip(names, sizes, strict=True))
                continue
            mode = None if mode is None else mode & 0o7777 or None
            self._writer.directory(parts, names, mode, mtime)
            pending += [((*parts, name), one) for name, one in zip(names, cids, strict=True)]

    def remember(self, hands: Hands) -> None:
        """Leave in the index what was written whole."""
        for parts, (cid, held) in self._plain.items():
            place = os.fsencode("/".join(parts))
            self._index.learn_whole(place, cid, held, hands.known.get(parts, {}))

    def _sharded(self, cid: Cid, parts: Parts) -> list[RawLink]:
        """Return the entries of a sharded directory, as links."""
        walk: Iterator[Value] = stream(directory.values(cid), self._get)
        found: list[RawLink] = [
            (value.cid, value.name, value.tsize) for value in islice(walk, MAX_ENTRIES + 1)
        ]
        if len(found) > MAX_ENTRIES:
            what = f"the directory {shown(parts)}"
            raise LimitExceeded(what, MAX_ENTRIES, len(found), "entries")
        return found

    def _read(self, names: Iterable[str], cids: Sequence[Cid]) -> Iterator[tuple[str, bytes]]:
        for name, block in zip(names, many.get_many(self._blocks, cids), strict=True):
            yield name, block.data
