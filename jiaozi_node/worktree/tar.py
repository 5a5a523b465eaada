"""A UnixFS tree as a TAR stream, in the layout of ``ipfs get --archive`` or of ``git archive``.

Like Kubo's (boxo ``files/tarwriter.go``): owner 0, modes 0644, 0755 and 0777 unless recorded, the
present time where none is. Names are checked as `get` checks them, so that no archive of ours
unpacks outside its root.
"""

import os
import zlib
from collections.abc import Iterable, Iterator

from jiaozi_node.dag.walk import Walk, each
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.node import DIRECTORY, FILE, SYMLINK
from jiaozi_node.worktree import names, tar_header
from jiaozi_node.worktree.archive_entries import Entry, walked
from jiaozi_node.worktree.checkout import Parts
from jiaozi_node.worktree.tar_header import BLOCK, header

_END = bytes(2 * BLOCK)
_FORMS = {
    FILE: (tar_header.REGULAR, 0o644),
    DIRECTORY: (tar_header.DIRECTORY, 0o755),
    SYMLINK: (tar_header.SYMLINK, 0o777),
}
_GZIP = 31  # zlib's word for 32 KiB of window and a gzip header


def archive(
    root: Cid, name: str, now_s: int, *, exact: bool = False, climbing: bool = False
) -> Walk[bytes | memoryview, None]:
    """Yield the archive of *root*, called *name* in it.

    *now_s* stands for absent times. Recorded ones are rounded to seconds unless *exact*: Kubo
    sends nanoseconds (PAX) only where the archive is not what the user keeps. *climbing* is what
    `walked` says.
    """
    names.check(name, reserved=False)
    yield from _written(walked(root, (name,), climbing=climbing), now_s, exact=exact)
    yield _END


def version(
    root: Cid, above: Parts, now_s: int, comment: str | None = None
) -> Walk[bytes | memoryview, None]:
    """Yield the archive of what the directory *root* holds, sorted, below the directories *above*.

    A file or symlink *root* is called by the last name of *above*. *now_s* stands for absent
    times; *comment* stands where ``git archive`` names its commit.
    """
    if comment is not None:
        yield tar_header.comment(comment, now_s)
    yield from _written(walked(root, above, sort=True, whole=False), now_s, exact=False)
    yield _END


def compressed(pieces: Iterable[bytes | memoryview], level: int = -1) -> Iterator[bytes]:
    """Yield *pieces* as one gzip stream; *level* 1 … 9, -1 being zlib's choice."""
    packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


def _written(
    entries: Walk[Entry, None], now_s: int, *, exact: bool
) -> Walk[bytes | memoryview, None]:
    return each(entries, lambda entry: _entry(entry, now_s, exact))


def _entry(entry: Entry, now_s: int, exact: bool) -> Walk[bytes | memoryview, None]:
    """Yield one entry: its header, and content in whole blocks."""
    found = entry.stat
    kind, mode = _FORMS[found.kind]
    target = found.target or b""
    if found.kind == SYMLINK:
        names.check_target(target, entry.parts)
    yield header(
        os.fsencode("/".join(entry.parts)),
        kind,
        found.mode or mode,
        found.mtime or (now_s, 0),
        found.file_bytes if found.kind == FILE else 0,
        target,
        exact=exact,
    )
    if found.kind == FILE:
        yield from entry.content()
        if found.file_bytes % BLOCK:
            yield bytes(BLOCK - found.file_bytes % BLOCK)
