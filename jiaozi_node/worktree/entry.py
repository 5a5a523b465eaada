"""What a scan finds: an entry of a directory, its kind and what the file system says of it."""

import os
import stat
from struct import Struct
from struct import error as StructError
from typing import Final, NamedTuple

FILE: Final = "file"
DIRECTORY: Final = "directory"
SYMLINK: Final = "symlink"

_KINDS = {stat.S_IFREG: FILE, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: SYMLINK}


class Found(NamedTuple):
    """One entry. *parts* is its path below the root of the scan, ``()`` for the root itself.

    *directory* is a descriptor of the directory that holds it and *name* what to open there; both
    are good until the scan's next step. *stat* is None when the scan wasn't asked for it and
    the directory told the kind.
    """

    parts: tuple[str, ...]
    kind: str
    stat: os.stat_result | None
    directory: int
    name: str


def kind_of(mode: int) -> str | None:
    """Return the kind of a file of st_mode *mode*; None for sockets, pipes and devices."""
    return _KINDS.get(stat.S_IFMT(mode))


def mode_text(mode: int) -> str:
    """Return *mode* as Go's ``FileMode.String`` has it, which Kubo prints: ``prw-r--r--``.

    It differs from ``ls``: sockets are ``S``, block devices ``D``, character devices ``Dc``, and
    setuid, setgid and sticky are letters in front (``u``, ``g``, ``t``).
    """
    kind = {
        stat.S_IFDIR: "d",
        stat.S_IFLNK: "L",
        stat.S_IFBLK: "D",
        stat.S_IFIFO: "p",
        stat.S_IFSOCK: "S",
        stat.S_IFCHR: "Dc",
    }.get(stat.S_IFMT(mode), "")
    # Go's letters in Go's order "dalTLDpSugct?": the c of a character device follows u and g.
    special = "u" * bool(mode & stat.S_ISUID) + "g" * bool(mode & stat.S_ISGID)
    front = kind[:1] + special + kind[1:] + "t" * bool(mode & stat.S_ISVTX)
    bits = "".join(letter if mode & (0o400 >> at) else "-" for at, letter in enumerate("rwxrwxrwx"))
    return (front or "-") + bits


_STAT = Struct("<qqqQ")  # size, mtime, ctime, inode
PACK_STAT: Final = _STAT.pack
STAT_BYTES: Final = _STAT.size


def stat_bytes(found: os.stat_result) -> bytes:
    """Return what tells a file with this lstat from a later one; empty where nothing can."""
    try:
        return _STAT.pack(
            found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino & 2**64 - 1
        )
    except StructError:  # a time beyond the year 2262
        return b""
