"""A UnixFS tree becomes files: ``get`` now, checkout later, both through `SafeWriter`.

`materialize` is a walk that asks for blocks and writes as it goes: the names of a directory are
checked before anything is made of it, files before directories before symlinks, so that most of
what a hostile tree could do is refused while little stands. `write_tree` drives it to a place with
the manners of ``ipfs get`` (boxo ``tar/extractor.go``).
"""

import os
from collections.abc import Callable
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TypeAlias

from jiaozi_node.dag.walk import Get, Lookup, Need, Walk, delegate, need, stream
from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.formats import cid as c
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import blocks, stat
from jiaozi_node.unixfs.directory import Entry, entries
from jiaozi_node.unixfs.node import DIRECTORY, FILE
from jiaozi_node.unixfs.read import read
from jiaozi_node.unixfs.stat import Stat
from jiaozi_node.worktree.names import MAX_DEPTH, shown
from jiaozi_node.worktree.writer import GET, InTheWay, Rules, SafeWriter

Parts: TypeAlias = tuple[str, ...]
Progress: TypeAlias = Callable[[int, int], None]  # files and bytes since the last report

MAX_ENTRIES = 10_000_000  # of one directory: its names are held while it is written


def write_tree(
    root: Cid,
    get: Get,
    target: str | os.PathLike[str],
    *,
    name: str | None = None,
    rules: Rules = GET,
    progress: Progress | None = None,
) -> str:
    """Write the file, symlink or directory *root* to *target*; return where it went.

    A directory is merged into one that is there. A file or symlink goes *into* a directory that is
    there, called *name* (its CID unless given), and replaces anything else. *target* ends in a
    name of its own; no symlink standing there is followed.
    """
    path = os.fspath(target)
    if path == os.devnull:
        return path  # as Kubo does: said to be written, and gone
    block = _fetch(root, get)
    found = stat.of(block)
    if found.kind == DIRECTORY:
        with SafeWriter(path, rules) as writer:
            _drive(root, block, get, writer, (), progress)
        return path
    mode = _mode(path)
    if S_ISDIR(mode):
        place, last = path, str(root) if name is None else name
    else:
        place, last = os.path.split(path.rstrip("/"))
        if mode and not (S_ISREG(mode) or S_ISLNK(mode)):
            raise InTheWay((path,), "it is a device, pipe or socket")
    with SafeWriter(place or ".", rules, parent=True) as writer:
        _drive(root, block, get, writer, (last,), progress)
    return os.path.join(place, last)


def materialize(root: Cid, writer: SafeWriter, at: Parts = ()) -> Walk[tuple[int, int], None]:
    """Write *root* with *writer* at *at*; yield files and bytes written since the last yield.

    *at* ``()`` is the writer's target, which takes a directory only. What a directory holds
    already and *root* doesn't name is left alone.
    """
    # What is left to write, next one last.
    pending: list[tuple[Parts, Cid]] = [(at, root)]
    while pending:
        parts, cid = pending.pop()
        soon = tuple([item[1] for item in pending[:-9:-1]])
        block = yield from need(cid, soon)
        found = stat.of(block)
        if found.kind == DIRECTORY:
            if len(parts) - len(at) >= MAX_DEPTH:
                raise LimitExceeded(
                    f"the depth of {shown(parts)}", MAX_DEPTH, len(parts) - len(at), "names"
                )
            held = yield from held_by(block, parts)
            writer.directory(parts, [entry.name for entry in held], found.mode, found.mtime)
            # Sorted, and backwards: a stack hands out its last.
            held.sort(key=_order, reverse=True)
            pending += [((*parts, entry.name), entry.cid) for entry in held]
        elif not parts:
            raise Misuse(f"{cid} is a {found.kind} and can't be the target directory itself")
        elif found.kind == FILE:
            yield from _file(block, found, writer, parts)
        else:
            writer.symlink(parts, found.target or b"", found.mtime)
            yield 1, 0


def _file(
    block: Block, found: Stat, writer: SafeWriter, parts: Parts
) -> Walk[tuple[int, int], None]:
    """Write one file; one that is a single block has been fetched already."""
    if found.blocks == 0:
        raw = blocks.parse(block)
        data = raw.raw if raw.raw is not None else raw.message.data or b""
        writer.put(parts, data, found.mode, found.mtime)
        yield 1, len(data)
        return
    with writer.file(parts, found.mode, found.mtime) as out:
        walk = delegate(read(block.cid), block)
        sent: Block | None = None
        while True:
            try:
                step = walk.send(sent)
            except StopIteration:
                break
            if isinstance(step, Need):
                sent = yield step
            else:
                out.write(step)
                sent = yield 0, len(step)
    yield 1, 0


def held_by(block: Block, parts: Parts) -> Lookup[list[Entry]]:
    """Return the entries of the directory whose root is *block*; *parts* is for messages."""
    held: list[Entry] = []
    walk = delegate(entries(block.cid), block)
    sent: Block | None = None
    while True:
        try:
            step = walk.send(sent)
        except StopIteration:
            return held
        if isinstance(step, Need):
            sent = yield step
            continue
        sent = None
        held.append(step)
        if len(held) > MAX_ENTRIES:
            raise LimitExceeded(f"the directory {shown(parts)}", MAX_ENTRIES, len(held), "entries")


def _order(entry: Entry) -> tuple[bool, bytes]:
    """Raw leaves, which are files for certain, first; then by the bytes of names."""
    return entry.cid.codec != c.RAW, os.fsencode(entry.name)


def _drive(
    root: Cid, block: Block, get: Get, writer: SafeWriter, at: Parts, progress: Progress | None
) -> None:
    """Drive `materialize` from *get*; the root's *block* is at hand."""

    def fetch(cid: Cid) -> Block:
        return block if cid == root else get(cid)

    for files, size in stream(materialize(root, writer, at), fetch):
        if progress is not None:
            progress(files, size)


def _fetch(root: Cid, get: Get) -> Block:
    """Return the block of *root*, identity CIDs from themselves."""
    inline = root.inline
    return get(root) if inline is None else Block(root, inline)


def _mode(path: str) -> int:
    """Return the st_mode of what stands at *path* itself, 0 for nothing."""
    try:
        return os.lstat(path).st_mode
    except (OSError, ValueError):
        return 0
