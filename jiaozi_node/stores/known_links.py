"""What blocks link, noted in a file that may be thrown away: listing pins walks it, not the blocks.

Links never change under a CID, so a note is never stale; to lose the file costs reading the blocks
again and nothing else. Records are appended with a checksum each. One that is torn or damaged ends
the reading, and the next `save` writes the file anew, as it does when most notes went unused.

Layout: ``jiaozi links 1\\n``, then records: u32 length, u32 CRC-32, entries. An entry is a CID and
its links: u32 how many CIDs, then each as u8 length and bytes. Integers are big-endian.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from struct import Struct
from zlib import crc32

MAX_BYTES = 256 * 1024 * 1024  # of the file; what doesn't fit is read from blocks each time
_MAGIC = b"jiaozi links 1\n"
_HEAD = Struct(">II")
_RECORD_BYTES = 4 * 1024 * 1024
_WORTH_REWRITING = 10_000  # entries


class KnownLinks:
    """The notes in the file *path*, read at the first question; see `dag.pin.KnowsLinks`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[bytes, Sequence[bytes]] | None = None
        self._new: dict[bytes, Sequence[bytes]] = {}
        self._used: set[bytes] = set()
        self._torn = False
        self._size = 0

    def links(self, cid: bytes) -> Sequence[bytes] | None:
        """Return the CIDs that the block *cid* links; None when that is not noted."""
        known = self._known
        if known is None:
            known = self._known = self._load()
        found = known.get(cid)
        if found is not None:
            self._used.add(cid)
            return found
        return self._new.get(cid)

    def learn(self, cid: bytes, links: Sequence[bytes]) -> None:
        """Note what the block *cid* links."""
        self._new[cid] = links

    def save(self) -> None:
        """Write what was learnt. A failure to write is nobody's loss."""
        known = self._known or {}
        waste = len(known) - len(self._used)
        if waste > _WORTH_REWRITING and waste > len(self._used):
            kept = {cid: known[cid] for cid in self._used}
            self._write({**kept, **self._new}.items(), anew=True)
        elif self._torn:
            self._write({**known, **self._new}.items(), anew=True)
        elif self._new:
            self._write(self._new.items(), anew=not self._size)
        self._new = {}

    def _load(self) -> dict[bytes, Sequence[bytes]]:
        known: dict[bytes, Sequence[bytes]] = {}
        try:
            data = self.path.read_bytes()
        except OSError:
            return known
        at = len(_MAGIC)
        if data[:at] != _MAGIC:
            self._torn = True
            return known
        while at < len(data):
            if len(data) - at < _HEAD.size:
                self._torn = True
                break
            length, crc = _HEAD.unpack_from(data, at)
            body = data[at + _HEAD.size : at + _HEAD.size + length]
            if len(body) != length or crc32(body) != crc:
                self._torn = True
                break
            _entries(body, known)
            at += _HEAD.size + length
        self._size = at
        return known

    def _write(self, entries: Iterable[tuple[bytes, Sequence[bytes]]], *, anew: bool) -> None:
        room = MAX_BYTES - (0 if anew else self._size)
        parts = [_MAGIC] if anew else []
        for body in _bodies(entries):
            if len(body) + _HEAD.size > room:
                break
            room -= len(body) + _HEAD.size
            parts += (_HEAD.pack(len(body), crc32(body)), body)
        try:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            if anew:
                aside = self.path.with_name(f".{self.path.name}.{os.urandom(8).hex()}")
                aside.write_bytes(b"".join(parts))
                aside.replace(self.path)
            else:
                with self.path.open("ab") as file:
                    file.write(b"".join(parts))
        except OSError:
            return


def _entries(body: bytes, known: dict[bytes, Sequence[bytes]]) -> None:
    """Read the entries of a record, whose checksum was right."""
    at, end = 0, len(body)
    while at < end:
        count = int.from_bytes(body[at : at + 4], "big")
        at += 4
        cids = []
        for _ in range(count):
            begin = at + 1
            at = begin + body[at]
            cids.append(body[begin:at])
        known[cids[0]] = cids[1:]


def _bodies(entries: Iterable[tuple[bytes, Sequence[bytes]]]) -> Iterable[bytes]:
    """Yield *entries* as the bodies of records."""
    parts: list[bytes] = []
    size = 0
    for cid, links in entries:
        parts.append((1 + len(links)).to_bytes(4, "big"))
        for one in (cid, *links):
            parts += (bytes((len(one),)), one)
            size += len(one)
        if size >= _RECORD_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)
