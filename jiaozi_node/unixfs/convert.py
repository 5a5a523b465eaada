"""A tree made anew under another profile: the same names, bytes and symlinks, other blocks."""

from collections.abc import Generator
from typing import TypeVar

from jiaozi_node.dag.walk import Need, Walk, delegate, each, gather, need
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import blocks, stat
from jiaozi_node.unixfs.add import Importer
from jiaozi_node.unixfs.changes import MAX_DEPTH
from jiaozi_node.unixfs.directory import Entry, entries
from jiaozi_node.unixfs.node import DIRECTORY, SYMLINK
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.unixfs.read import read

Result = TypeVar("Result")


def converted(tree: Cid, profile: Profile) -> Generator[Need | Block, Block | None, Cid]:
    """Yield the blocks of the directory *tree* under *profile*; return its CID.

    It is what a fresh import of the files gives. Modes and times are kept where *profile* records
    them and *tree* has them. All of *tree* is read, one chunk of it held.
    """
    importer = Importer(profile)
    root = tree
    # What is left, next one last; None closes the directory that was opened last.
    pending: list[tuple[str, Cid] | None] = [("", tree)]
    depth = 0
    while pending:
        item = pending.pop()
        if item is None:
            depth -= 1
            made, node = importer.end()
            yield from made
            root = node.cid
            continue
        name, cid = item
        block = yield from need(cid, tuple([one[1] for one in pending[:-9:-1] if one]))
        found = stat.of(block)
        mode = found.mode if profile.mode else None
        mtime = found.mtime if profile.mtime else None
        if found.kind == DIRECTORY:
            depth += 1
            if depth > MAX_DEPTH:
                raise LimitExceeded("depth of the tree", MAX_DEPTH, depth, "names")
            importer.begin_directory(name, mode, mtime)
            held: list[Entry] = yield from gather(delegate(entries(cid), block))
            pending.append(None)
            pending += [(entry.name, entry.cid) for entry in reversed(held)]
        elif depth == 0:
            raise blocks.NotADirectory(cid)
        elif found.kind == SYMLINK:
            made, _node = importer.add_symlink(name, found.target or b"", mtime)
            yield from made
        else:
            importer.begin_file(name, mode, mtime)
            yield from each(delegate(read(cid), block), lambda data: _fed(importer, data))
            made, _node = importer.end()
            yield from made
    return root


def _fed(importer: Importer, data: memoryview) -> Walk[Block, None]:
    """Yield the blocks that are finished by more of a file."""
    yield from importer.feed(data)
