"""A UnixFS tree as a TAR stream, the layout of ``ipfs get --archive``: one root, parents first.

Like Kubo's (boxo ``files/tarwriter.go``): owner 0, modes 0644, 0755 and 0777 unless recorded, the
present time where none is. Header forms are the standard library's. Names are checked as `get`
checks them, so that no archive of ours unpacks outside its root.
"""

import tarfile
import zlib
from collections.abc import Iterable, Iterator

from jiaozi_node.dag.walk import Walk, need
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import stat
from jiaozi_node.unixfs.node import DIRECTORY, FILE, Mtime
from jiaozi_node.unixfs.read import read
from jiaozi_node.unixfs.stat import Stat
from jiaozi_node.worktree import names
from jiaozi_node.worktree.checkout import Parts, delegate, held_by

_BLOCK = 512
_END = bytes(2 * _BLOCK)
_TYPES = {FILE: tarfile.REGTYPE, DIRECTORY: tarfile.DIRTYPE}
_MODES = {FILE: 0o644, DIRECTORY: 0o755}
_GZIP = 31  # zlib's word for 32 KiB of window and a gzip header


def archive(root: Cid, name: str, now_s: int, *, exact: bool = False) -> Walk[bytes, None]:
    """Yield the archive of *root*, called *name* in it.

    *now_s* stands for absent times. Recorded ones are rounded to seconds unless *exact*: Kubo
    sends nanoseconds (PAX) only where the archive is not what the user keeps.
    """
    names.check(name, reserved=False)
    pending: list[tuple[Parts, Cid]] = [((name,), root)]
    while pending:
        parts, cid = pending.pop()
        block = yield from need(cid, tuple([item[1] for item in pending[:-9:-1]]))
        found = stat.of(block)
        yield _header(parts, found, now_s, exact)
        if found.kind == DIRECTORY:
            if len(parts) > names.MAX_DEPTH:
                where = f"the depth of {names.shown(parts)}"
                raise LimitExceeded(where, names.MAX_DEPTH, len(parts), "names")
            held = yield from held_by(block, parts)
            names.check_all([entry.name for entry in held], parts, reserved=False)
            pending += [((*parts, entry.name), entry.cid) for entry in reversed(held)]
        elif found.kind == FILE:
            yield from delegate(read(cid), block)
            if found.file_bytes % _BLOCK:
                yield bytes(_BLOCK - found.file_bytes % _BLOCK)
    yield _END


def compressed(pieces: Iterable[bytes], level: int = -1) -> Iterator[bytes]:
    """Yield *pieces* as one gzip stream; *level* 1 … 9, -1 being zlib's choice."""
    packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


def _header(parts: Parts, found: Stat, now_s: int, exact: bool) -> bytes:
    """Return the header blocks of one entry."""
    info = tarfile.TarInfo("/".join(parts))
    info.type = _TYPES.get(found.kind, tarfile.SYMTYPE)
    info.mode = (found.mode or _MODES.get(found.kind, 0o777)) & 0o7777
    info.mtime = _seconds(found.mtime, now_s)
    if found.kind == FILE:
        info.size = found.file_bytes
    elif found.kind != DIRECTORY:
        target = found.target or b""
        names.check_target(target, parts)
        info.linkname = target.decode("utf-8", "surrogateescape")
    if exact and found.mtime is not None and found.mtime[1]:
        seconds, nanos = found.mtime
        # PAX writes decimals, and -1.25 s is -2 s and 750,000,000 ns.
        whole = seconds * 1_000_000_000 + nanos
        sign = "-" if whole < 0 else ""
        text = f"{sign}{abs(whole) // 10**9}.{abs(whole) % 10**9:09}"
        info.pax_headers = {"mtime": text}
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _seconds(mtime: Mtime | None, now_s: int) -> int:
    """Return a recorded time to the nearest second, as Go's archive/tar rounds it."""
    if mtime is None:
        return now_s
    return mtime[0] + (mtime[1] >= 500_000_000)
