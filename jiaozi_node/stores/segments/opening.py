"""Opening and closing the store: is the index what the mark says, and the segments no longer?

A store closed in order leaves ``index.clean``, which sums up the files of the index; when it still
fits and no segment is longer than its mark, opening reads nothing else.
"""

import os
from zlib import crc32

from jiaozi_node.stores.segments import disk
from jiaozi_node.stores.segments import index as indexes
from jiaozi_node.stores.segments import mark as marks
from jiaozi_node.stores.segments.catalogue import Catalogue
from jiaozi_node.stores.segments.checkpoint import BALLAST, MARK, Checkpoints
from jiaozi_node.stores.segments.faults import IndexDamaged, NewerSegments, StoreMissing
from jiaozi_node.stores.segments.files import Files
from jiaozi_node.stores.segments.index import Index
from jiaozi_node.stores.segments.mark import Mark
from jiaozi_node.stores.segments.pipeline import Pipeline
from jiaozi_node.stores.segments.recover import rebuild, reconcile

CLEAN = "index.clean"


def open_store(
    path: str,
    files: Files,
    index: Index,
    pipe: Pipeline,
    checkpoints: Checkpoints,
    *,
    create: bool,
) -> int:
    """Open the store in *path*; return 1 when its index had to be rebuilt, else 0.

    The caller holds the pipeline's ``io``.
    """
    mark = _read_mark(path)
    if mark is None:
        if not os.path.isdir(files.path):
            if not create:
                raise StoreMissing(path)
            os.makedirs(files.path, 0o700)
            disk.fsync_dir(os.path.dirname(os.path.abspath(path)))
            disk.fsync_dir(path)
        pipe.catalogue = rebuilt(path, files, index, None)
        checkpoints.now()
        return 1 if pipe.catalogue.segments else 0
    catalogue = pipe.catalogue = Catalogue.of(mark)
    for segment in [one for one in catalogue.segments.values() if one.condemned]:
        files.remove(segment)
        del catalogue.segments[segment.number]
    clean = _is_clean(path, index, mark)
    try:
        if _open_index(path, index) != mark.index_id:
            raise IndexDamaged(index.path, "its sentinel row is lost, and other rows may be")
        behind = reconcile(index, files, catalogue, crashed=not clean)
    except IndexDamaged:
        index.close()
        pipe.catalogue = rebuilt(path, files, index, catalogue)
        checkpoints.now()
        return 1
    if behind:
        checkpoints.now()
    return 0


def rebuilt(path: str, files: Files, index: Index, known: Catalogue | None) -> Catalogue:
    """Make a new index from the segments; *known* tells which of them end early.

    The mark goes first: should we be interrupted, the next open begins again.
    """
    disk.unlink(os.path.join(path, MARK))
    disk.unlink(os.path.join(path, CLEAN))
    disk.fsync_dir(path)
    indexes.remove(index.path)
    catalogue = known or Catalogue()
    catalogue.index_id = os.urandom(16)
    _open_index(path, index, create=True)
    index.identify(catalogue.index_id)
    rebuild(index, files, catalogue)
    return catalogue


def close_store(path: str, index: Index, pipe: Pipeline, *, clean: bool, reopen_rows: int) -> None:
    """Close the index; after many rows once more, so that the next open has no log to read."""
    index.close()
    if not clean:
        return
    if pipe.rows_written > reopen_rows:
        index.open()
        index.close()
    data = _summary(index, pipe.catalogue.index_id, pipe.catalogue.generation)
    # Not synced: when it is lost the next open counts the rows, no more.
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(os.path.join(path, CLEAN), flags, 0o600)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)
    except OSError:
        disk.unlink(os.path.join(path, CLEAN))


def _open_index(path: str, index: Index, *, create: bool = False) -> bytes:
    try:
        return index.open(create=create)
    except IndexDamaged:
        raise
    except Exception as fault:
        # LevelDB writes when it opens. On a full disk the ballast makes room for that (F9).
        ballast = os.path.join(path, BALLAST)
        if "no space" not in str(fault).lower() or not os.path.exists(ballast):
            raise
        disk.unlink(ballast)
        return index.open(create=create)


def _read_mark(path: str) -> Mark | None:
    try:
        with open(os.path.join(path, MARK), "rb") as file:
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    version = marks.newer(data)
    if version:
        raise NewerSegments(path, version)
    return marks.decode(data)


def _summary(index: Index, index_id: bytes, generation: int) -> bytes:
    body = index_id + generation.to_bytes(8, "big") + index.fingerprint()
    return body + crc32(body).to_bytes(4, "big")


def _is_clean(path: str, index: Index, mark: Mark) -> bool:
    try:
        with open(os.path.join(path, CLEAN), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return False
    return data == _summary(index, mark.index_id, mark.generation)
