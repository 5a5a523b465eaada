"""Blocks that lie in the user's own files: a row says in which, where, and how long (nocopy).

A reference is a promise that the file may break, so what is read is held to its hash each time and
a changed file is told of, never served. References are kept by multihash in names.db (kind
`nocopy`), relative to one directory beyond which no file is read. A block that lies in a segment as
well is read from there.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from jiaozi_node.errors import Corrupt, Malformed, Refused
from jiaozi_node.formats import block as b
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.stores.api import ANY, BlockMissing, Change, Names
from jiaozi_node.stores.segments.store import SegmentStore

KIND: Final = "nocopy"
_ROWS_AT_ONCE: Final = 1000


class Status(IntEnum):
    """How a reference fares; the numbers are Kubo's."""

    OK = 0
    UNREADABLE = 10
    GONE = 11
    CHANGED = 12
    BAD_ROW = 20
    UNKNOWN = 30


class BadReference(Corrupt):
    """The bytes that a reference leads to can't be had, or are others by now."""

    def __init__(self, status: Status, why: str) -> None:
        super().__init__(why)
        self.status = status


class OutsideRoot(Refused):
    """A file beyond the directory that references are relative to."""

    def __init__(self, root: str) -> None:
        super().__init__(f"cannot add filestore references outside ipfs root ({root})")
        self.root = root


@dataclass(frozen=True, slots=True)
class Reference:
    """*size* bytes from *offset* of the file *path*, relative to the root of references."""

    path: str
    offset: int
    size: int

    def encode(self) -> bytes:
        """Return the row's value."""
        row = {"path": os.fsencode(self.path), "offset": self.offset, "size": self.size}
        return dag_cbor.encode(row)


def decode(value: bytes) -> Reference:
    """Read a row's value; raises `BadReference`."""
    try:
        row = dag_cbor.decode(value)
        if not isinstance(row, dict):
            raise Malformed("it is no map")
        path, offset, size = row.get("path"), row.get("offset"), row.get("size")
        if not isinstance(path, bytes) or b"\0" in path:
            raise Malformed("its path is no path")
        if not isinstance(offset, int) or not 0 <= offset < 1 << 63:
            raise Malformed("its offset is out of range")
        if not isinstance(size, int) or not 0 <= size <= b.MAX_BYTES:
            raise Malformed("its size is out of range")
    except Malformed as fault:
        raise BadReference(Status.BAD_ROW, f"a reference can't be read: {fault}") from None
    return Reference(os.fsdecode(path), offset, size)


class References:
    """The references of one home, to files below *root*."""

    def __init__(self, root: str | os.PathLike[str], names: Names) -> None:
        self.root = os.path.realpath(root)
        self._names = names

    def find(self, multihash: bytes) -> Reference | None:
        """Return the reference to the block, None when there is none."""
        value = self._names.get(KIND, multihash)
        return None if value is None else decode(value)

    def rows(self) -> Iterator[tuple[bytes, Reference | BadReference]]:
        """Yield every multihash with its reference, or what is wrong with its row."""
        for multihash, value in self._names.scan(KIND):
            try:
                yield multihash, decode(value)
            except BadReference as fault:
                yield multihash, fault

    def made(self, path: str, offset: int, size: int) -> Reference:
        """Return a reference to a file by its absolute path; raises `OutsideRoot`."""
        real = os.path.realpath(path)
        if os.path.commonpath((self.root, real)) != self.root or real == self.root:
            raise OutsideRoot(self.root)
        return Reference(os.path.relpath(real, self.root), offset, size)

    def put(self, rows: Sequence[tuple[bytes, Reference]]) -> None:
        """Keep references by multihash, durably."""
        self._names.apply([Change(KIND, key, one.encode(), ANY) for key, one in rows])

    def drop(self, multihashes: Sequence[bytes]) -> int:
        """Forget references; return how many there were."""
        there = [one for one in multihashes if self._names.get(KIND, one) is not None]
        for at in range(0, len(there), _ROWS_AT_ONCE):
            self._names.apply(
                [Change(KIND, one, None, ANY) for one in there[at : at + _ROWS_AT_ONCE]]
            )
        return len(there)

    def read(self, multihash: bytes, one: Reference) -> bytes:
        """Return the bytes that *one* leads to, verified; raises `BadReference`."""
        path = os.path.join(self.root, one.path)
        try:
            # A pipe or device that took the file's place must not hold us up.
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            what = f"open {path}: no such file or directory"
            raise BadReference(Status.GONE, what) from None
        except OSError as fault:
            raise BadReference(Status.UNREADABLE, f"open {path}: {fault.strerror}") from None
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise BadReference(Status.UNREADABLE, f"open {path}: not a regular file")
            data = os.pread(fd, one.size, one.offset)
        except OSError as fault:
            raise BadReference(Status.UNREADABLE, f"read {path}: {fault.strerror}") from None
        finally:
            os.close(fd)
        if not mh.matches(multihash, data):
            raise BadReference(
                Status.CHANGED, f"data in file did not match. {one.path} offset {one.offset}"
            )
        return data


class ReferringStore(SegmentStore):
    """Segments, and beside them the references of the same home.

    *names* is asked when a block is not in a segment, not before.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        names: Callable[[], Names],
        root: str | os.PathLike[str],
        *,
        create: bool = False,
    ) -> None:
        super().__init__(path, create=create)
        self._get_names, self._root = names, root

    @property
    def references(self) -> References:
        """The references beside the segments."""
        return References(self._root, self._get_names())

    def get(self, cid: Cid) -> Block:
        """See `api.GetsBlocks`."""
        try:
            return super().get(cid)
        except BlockMissing:
            references = self.references
            one = references.find(cid.multihash)
            if one is None:
                raise
        try:
            return Block(cid, references.read(cid.multihash, one))
        except BadReference as fault:
            why = f"block {cid} lies in a file of yours: {fault}"
            raise BadReference(fault.status, why) from None

    def at_hand(self, cid: Cid, max_bytes: int, *, public: bool = False) -> Block | None:
        """See `api.ReadsAtHand`: a user's file may be slow to answer, so it is read elsewhere."""
        try:
            return super().at_hand(cid, max_bytes, public=public)
        except BlockMissing:
            if not self.elsewhere(cid.multihash):
                raise
        return None

    def size(self, cid: Cid) -> int:
        """See `api.GetsBlocks`."""
        try:
            return super().size(cid)
        except BlockMissing:
            one = self.references.find(cid.multihash)
            if one is None:
                raise
        return one.size

    def elsewhere(self, multihash: bytes) -> bool:
        """Tell whether there is a reference; what it leads to is not looked at, as in Kubo."""
        return self._get_names().get(KIND, multihash) is not None

    def is_public(self, cids: Sequence[Cid]) -> list[bool]:
        """See `api.ReadsAtHand`. References are made by imports, which are public."""
        return [
            public or (cid.inline is None and self.elsewhere(cid.multihash))
            for cid, public in zip(cids, super().is_public(cids), strict=True)
        ]

    def multihashes(self) -> Iterator[bytes]:
        """See `api.ListsBlocks`."""
        yield from super().multihashes()
        for multihash, _ in self.references.rows():
            if self.row(multihash) is None:
                yield multihash

    def in_both(self) -> Iterator[Cid]:
        """Yield the blocks that lie in a segment and have a reference as well."""
        for multihash, _ in self.references.rows():
            if self.row(multihash) is not None:
                yield Cid.v1(RAW, multihash)

    def drop(self, cids: Iterable[Cid]) -> int:
        """See `api.DropsBlocks`; the user's file stays as it is."""
        distinct = {cid.multihash: cid for cid in cids if cid.inline is None}
        twice = sum(self.row(one) is not None and self.elsewhere(one) for one in distinct)
        return super().drop(distinct.values()) + self.references.drop(list(distinct)) - twice
