"""Writing to a file of the mutable file system: content is cut beside the tree, then set in it.

While content comes in nothing is locked but that file against other writers. What is small goes
into the blocks of the next flush and shares its sync; what is larger is durable before the entry is
set. A file that is removed meanwhile stays removed.
"""

import posixpath
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Final, TypeVar

from jiaozi_node.dag.walk import Lookup, driven, need
from jiaozi_node.errors import Misuse
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.acts import Act, acting
from jiaozi_node.node.home import Home
from jiaozi_node.node.mfs import Mfs
from jiaozi_node.stores.api import BlockWriter, Family
from jiaozi_node.unixfs import modify
from jiaozi_node.unixfs.folder import Folder
from jiaozi_node.unixfs.mfs import Edit, NotExist, Plan, Tree, names_of, split
from jiaozi_node.unixfs.modify import Modifier, Step
from jiaozi_node.unixfs.node import Mtime, Node
from jiaozi_node.unixfs.profile import Profile

Result = TypeVar("Result")

SMALL_BYTES: Final = 1024 * 1024
_READ_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Writing:
    """How a file is written to; see ``ipfs files write``. *profile* is that of a new file."""

    profile: Profile
    offset: int = 0
    create: bool = False
    parents: bool = False
    truncate: bool = False
    count: int | None = None
    raw_leaves: bool | None = None
    flush: bool = True


def write(
    home: Home,
    mfs: Mfs,
    path: str,
    source: Callable[[], BinaryIO],
    how: Writing,
    now: Callable[[], Mtime],
) -> None:
    """Write what *source* opens to the file at *path*; nothing changes when it raises."""
    with mfs.writing(path):
        recipes = mfs.recipes()
        root = mfs.look(lambda tree: _begun(tree, path, how))
        new = root is None
        if root is None:
            root = mfs.empty_file(how.profile)
        raw_leaves = how.raw_leaves
        if raw_leaves is None:
            raw_leaves = root.cid.version > 0
        with acting(home) as act, _Content(act, root) as content:
            modifier = Modifier(root, recipes, raw_leaves=raw_leaves, now=now)
            if how.truncate:
                content.make(modifier.truncate())
            content.make(modifier.seek(how.offset))
            for data in _pieces(source(), how.count):
                content.make(modifier.write(data))
            node = content.make(modifier.finish())
            small = content.settled()
            mfs.act(
                lambda tree: _set(tree, path, node, how, new=new),
                flush=how.flush,
                content=small,
                keep=None if small else node.cid,
            )


def _begun(tree: Tree, path: str, how: Writing) -> Lookup[Block | None]:
    """Return the root block of the file at *path*, None of one that is to be made."""
    if how.parents:
        yield from _without_blocks(tree.mkdir(posixpath.dirname(path), how.profile, parents=True))
    try:
        found = yield from tree.lookup(path)
    except NotExist:
        if not how.create or not split(path)[1]:
            raise
        names_of(path)
        if not how.parents:
            above = yield from tree.lookup(split(path)[0])
            if not isinstance(above, Folder):
                raise Misuse(
                    "expected *mfs.Directory, didn't get it. This is likely a race condition"
                ) from None
        return None
    if isinstance(found, Folder):
        raise Misuse(f"{path} was not a file")
    block = yield from need(Cid(found.cid))
    modify.check(block)
    return block


def _without_blocks(plan: Plan[Result]) -> Lookup[Result]:
    """Drive a plan for its refusals alone."""
    try:
        step = next(plan)
        while True:
            step = plan.send(None) if isinstance(step, Block) else plan.send((yield step))
    except StopIteration as stop:
        result: Result = stop.value
        return result


def _set(tree: Tree, path: str, node: Node, how: Writing, *, new: bool) -> Plan[list[Edit]]:
    edits: list[Edit] = []
    if new and how.parents:
        edits = yield from tree.mkdir(posixpath.dirname(path), how.profile, parents=True)
    if not edits:
        try:
            above = yield from tree.lookup(split(path)[0])
        except NotExist:
            return []
        if not isinstance(above, Folder):
            return []
        there = yield from tree.child(above, names_of(path)[-1])
        if isinstance(there, Folder) or (there is None and not new):
            return []
    return [*edits, Edit(names_of(path), node.cid, node.tsize)]


def _pieces(source: BinaryIO, count: int | None) -> Iterator[bytes]:
    left = count
    while left is None or left > 0:
        data = source.read(_READ_BYTES if left is None else min(_READ_BYTES, left))
        if not data:
            return
        if left is not None:
            left -= len(data)
        yield data


class _Content:
    """The blocks of one write: kept in memory while they are few, else written."""

    def __init__(self, act: Act, root: Block) -> None:
        self._act = act
        self._few: dict[bytes, Block] = {}
        self._root = root
        self._bytes = 0
        self._writer: BlockWriter | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "_Content":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, raised, trace)

    def make(self, step: Step[Result]) -> Result:
        """Do *step* of a modifier."""
        return driven(step, self._get, self._take)

    def settled(self) -> list[Block]:
        """Make durable what was written; return the rest, when little was to be written."""
        if self._writer is not None:
            self._writer = None
            self._stack.close()
            return []
        return list(self._few.values())

    def _get(self, cid: Cid) -> Block:
        if cid == self._root.cid:
            return self._root
        return self._few.get(cid.raw) or self._act.blocks.get(cid)

    def _take(self, block: Block) -> None:
        if self._writer is not None:
            self._writer.put((block,))
            return
        self._few[block.cid.raw] = block
        self._bytes += len(block.data)
        if self._bytes > SMALL_BYTES:
            self._writer = self._stack.enter_context(self._act.blocks.writer(Family.PUBLIC))
            self._writer.put(list(self._few.values()))
            self._few = {}
