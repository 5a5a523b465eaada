"""A CAR file as a store that is only read: an index of offsets in memory, bytes from the file.

The whole file is gone over once when it is opened; blocks are hashed when they are handed out. The
index of a version 2 file is not used, since nothing says that it is right.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from jiaozi_node.errors import Misuse
from jiaozi_node.formats import car
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.stores.verify import checked


class CarFileStore:
    """The blocks of the CAR file *path*; `roots` are those its header names.

    Raises `formats.car.InvalidCar` or `LimitExceeded` when the file is damaged in its frame.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[bytes, tuple[int, int]] = {}
        self._lock = threading.Lock()
        file = open(path, "rb", buffering=0)  # noqa: SIM115 - held until close
        try:
            reader = car.read(file, size_bytes=os.fstat(file.fileno()).st_size)
            self.roots = reader.roots
            for section in reader.sections():
                if section.cid.inline is None:
                    place = (section.at, len(section.data))
                    self._places.setdefault(section.cid.multihash, place)
        except BaseException:
            file.close()
            raise
        self._file = file

    def get(self, cid: Cid) -> Block:
        """See `api.GetsBlocks`."""
        inline = cid.inline
        if inline is not None:
            self._check()
            return Block(cid, inline)
        offset, size = self._place(cid)
        with self._lock:  # closing meanwhile would hand us another file under the same number
            self._check()
            data = os.pread(self._file.fileno(), size, offset)
        return checked(cid, data)

    def size(self, cid: Cid) -> int:
        """See `api.GetsBlocks`."""
        inline = cid.inline
        if inline is not None:
            self._check()
            return len(inline)
        return self._place(cid)[1]

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        """See `api.HasBlocks`."""
        self._check()
        return [cid.inline is not None or cid.multihash in self._places for cid in cids]

    def multihashes(self) -> Iterator[bytes]:
        """See `api.ListsBlocks`."""
        for multihash in self._places:
            self._check()
            yield multihash

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def _place(self, cid: Cid) -> tuple[int, int]:
        self._check()
        place = self._places.get(cid.multihash)
        if place is None:
            raise BlockMissing(cid)
        return place

    def _check(self) -> None:
        if self._file.closed:
            raise Misuse("the CAR file is closed")
