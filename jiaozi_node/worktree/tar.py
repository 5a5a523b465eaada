"""A UnixFS tree as a TAR stream, the layout of ``ipfs get --archive``: one root, parents first.

Like Kubo's (boxo ``files/tarwriter.go``): owner 0, modes 0644, 0755 and 0777 unless recorded, the
present time where none is. Names are checked as `get` checks them, so that no archive of ours
unpacks outside its root.
"""

import os
import zlib
from collections.abc import Iterable, Iterator

from jiaozi_node.dag.walk import Walk, need
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import stat
from jiaozi_node.unixfs.node import DIRECTORY, FILE, SYMLINK
from jiaozi_node.unixfs.read import read
from jiaozi_node.unixfs.stat import Stat
from jiaozi_node.worktree import names, tar_header
from jiaozi_node.worktree.checkout import Parts, delegate, held_by
from jiaozi_node.worktree.tar_header import BLOCK, header

_END = bytes(2 * BLOCK)
_FORMS = {
    FILE: (tar_header.REGULAR, 0o644),
    DIRECTORY: (tar_header.DIRECTORY, 0o755),
    SYMLINK: (tar_header.SYMLINK, 0o777),
}
_GZIP = 31  # zlib's word for 32 KiB of window and a gzip header


def archive(
    root: Cid, name: str, now_s: int, *, exact: bool = False
) -> Walk[bytes | memoryview, None]:
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
            if found.file_bytes % BLOCK:
                yield bytes(BLOCK - found.file_bytes % BLOCK)
    yield _END


def compressed(pieces: Iterable[bytes | memoryview], level: int = -1) -> Iterator[bytes]:
    """Yield *pieces* as one gzip stream; *level* 1 … 9, -1 being zlib's choice."""
    packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


def _header(parts: Parts, found: Stat, now_s: int, exact: bool) -> bytes:
    """Return the header blocks of one entry."""
    kind, mode = _FORMS[found.kind]
    target = found.target or b""
    if found.kind == SYMLINK:
        names.check_target(target, parts)
    return header(
        os.fsencode("/".join(parts)),
        kind,
        found.mode or mode,
        found.mtime or (now_s, 0),
        found.file_bytes if found.kind == FILE else 0,
        target,
        exact=exact,
    )
