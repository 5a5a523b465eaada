"""What `ls` tells of a directory: each entry with its kind and size."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from jiaozi_node.dag.walk import Get, run, stream
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.unixfs.directory import Entry, entries
from jiaozi_node.unixfs.node import FILE
from jiaozi_node.unixfs.stat import stat


class Listed(NamedTuple):
    """An entry. *file_bytes* is a file's size or the length of a symlink's target, else 0."""

    name: str
    kind: str
    file_bytes: int
    cid: Cid


def listed(root: Cid, get: Get) -> Iterator[Listed]:
    """Yield the entries of the directory *root* in byte order; of raw files no block is read."""
    found: list[Entry] = list(stream(entries(root), get))
    for entry in sorted(found, key=lambda one: os.fsencode(one.name)):
        if entry.cid.codec == RAW:
            yield Listed(entry.name, FILE, entry.tsize, entry.cid)
        else:
            below = run(stat(entry.cid), get)
            yield Listed(entry.name, below.kind, below.file_bytes, entry.cid)
