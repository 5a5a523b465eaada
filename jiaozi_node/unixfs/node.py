"""What an importer hands back for a finished file, directory or symlink, to be put under a name."""

from typing import Final, NamedTuple

from jiaozi_node.formats.cid import Cid

FILE: Final = "file"
DIRECTORY: Final = "directory"
SYMLINK: Final = "symlink"

# Seconds since 1970 (negative before) and nanoseconds.
Mtime = tuple[int, int]


class Node(NamedTuple):
    """A finished node.

    *tsize* is the bytes of its block and of all below, counted once per link, as dag-pb's Tsize
    wants it. *file_bytes* is the content of a file, the target of a symlink, 0 for a directory.
    """

    cid: Cid
    tsize: int
    kind: str
    file_bytes: int


def stored_mode(mode: int | None) -> int | None:
    """Return the bits of *mode* that UnixFS keeps; 0 is the same as none, as in Kubo."""
    return None if mode is None else mode & 0o7777 or None
