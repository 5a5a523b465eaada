"""Small files that are whole or not there: write aside, fsync, rename, fsync the directory.

A rename without the fsyncs leaves a file of zero bytes after a power cut (research/reliability.md
F7), so nothing in a node home writes such a file in any other way.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put *data* at *path*, durably on return: readers see the old bytes or the new, never a part.

    The directory must exist. A symbolic link at *path* is replaced, not followed.
    """
    with _written_aside(path, data, mode) as aside:
        aside.replace(path)


def create_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Like `replace_file`, but raises `FileExistsError` when something stands at *path* already."""
    with _written_aside(path, data, mode) as aside:
        # link() refuses to replace, rename() does not.
        os.link(aside, path, follow_symlinks=False)
        aside.unlink()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open *path* to be written anew: durable when the ``with`` ends, as it was when that raises.

    It gets the mode of a file that a user makes. A symbolic link is followed; a device or pipe is
    written as it is, there being nothing to replace.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as out:
            yield out
        return
    aside = _beside(path)
    try:
        with aside.open("xb") as out:  # of the mode that the umask says, or that stood there
            if path.exists():
                os.fchmod(out.fileno(), path.stat().st_mode & 0o777)
            yield out
            out.flush()
            os.fsync(out.fileno())
        aside.replace(path)
    except OSError as fault:
        if fault.filename == str(aside):  # the caller knows of the other name
            fault.filename, fault.filename2 = str(path), None
        raise
    finally:
        aside.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in the directory *path* durable: creations, renames, removals."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _written_aside(path: Path, data: bytes, mode: int) -> Iterator[Path]:
    """Write and sync a temporary sibling of *path*; sync the directory when it found its place."""
    aside = _beside(path)
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        try:
            os.fchmod(fd, mode)  # whatever the umask says
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        yield aside
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def _beside(path: Path) -> Path:
    """Return a name in the same directory that nothing has."""
    return path.with_name(f".{path.name[:200]}.{os.urandom(8).hex()}")
