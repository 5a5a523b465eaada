"""Trees for tests: nested dictionaries, what they are as UnixFS, and how they merge, naively."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from hypothesis import strategies as st

from jiaozi_node.dag.walk import Need, gather, run
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.unixfs import blocks, directory
from jiaozi_node.unixfs.node import Node
from jiaozi_node.unixfs.profile import named
from tests.blocks import Blocks

Tree: TypeAlias = dict[str, Any]  # names to bytes or trees
Result = TypeVar("Result")

FLAT = named("unixfs-v1-2025")
# Directories of more than a handful of entries are HAMTs, a few levels deep.
SHARDED = replace(FLAT, name="sharded", hamt_threshold=150, hamt_fanout=8)


class Trees(Blocks):
    """Blocks, and trees put into them."""

    def tree(self, tree: Tree, profile: Any = FLAT) -> Cid:
        return self._node(tree, profile).cid

    def _node(self, tree: Any, profile: Any) -> Node:
        if isinstance(tree, bytes):
            return self.add(tree, profile)
        return self.directory({n: self._node(t, profile) for n, t in tree.items()}, profile)

    def read(self, root: Cid) -> Any:
        """Return what is at *root*."""
        if root.codec == RAW:
            return self.content(root)
        kind = blocks.parse(self.get(root)).message.type
        if kind not in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
            return self.content(root)
        entries = run(gather(directory.entries(root)), self.get)
        return {entry.name: self.read(entry.cid) for entry in entries}

    def done(self, walk: Generator[Need | Block, Block | None, Result]) -> Result:
        """Drive *walk*; blocks it made are kept only when it is done."""
        made: list[Block] = []
        try:
            step = next(walk)
            while True:
                if isinstance(step, Need):
                    step = walk.send(self.get(step.cid))
                else:
                    made.append(step)
                    step = next(walk)
        except StopIteration as stop:
            self.put(made)
            result: Result = stop.value
            return result


NAMES = st.sampled_from(["a", "b", "c", "d.csv", "ä", "a-b", "e1", "e2", "e3", "e4"])
# Few contents, so that sides often agree; no two merge as text.
FILES = st.sampled_from([b"1\0", b"2\0", b"3\0", b"4\0", b""])


def trees(depth: int = 3) -> st.SearchStrategy[Tree]:
    if not depth:
        return st.dictionaries(NAMES, FILES, max_size=3)
    return st.dictionaries(NAMES, FILES | trees(depth - 1), max_size=8)


def edited(tree: Tree) -> st.SearchStrategy[Tree]:
    """Trees like *tree*, with a few names changed, gone or come, at any depth."""

    @st.composite
    def one(draw: st.DrawFn, here: Tree) -> Tree:
        out: Tree = {}
        for name, there in here.items():
            fate = draw(st.sampled_from("kkkkkkcdtw"))
            if fate == "d":
                continue
            if fate == "c":
                there = draw(FILES)
            elif fate == "t":
                there = draw(trees(0))
            elif fate == "w" and isinstance(there, dict):
                there = draw(one(there))
            elif isinstance(there, dict):
                there = draw(one(there)) if draw(st.booleans()) else there
            out[name] = there
        if draw(st.integers(0, 2)) == 0:
            out[draw(NAMES)] = draw(FILES)
        return out

    return one(tree)


@st.composite
def three(draw: st.DrawFn) -> tuple[Tree, Tree, Tree]:
    """A base and two trees made of it."""
    base = draw(trees())
    return base, draw(edited(base)), draw(edited(base))


Fault: TypeAlias = tuple[tuple[str, ...], str]


def naive(base: Any, ours: Any, theirs: Any) -> tuple[Any, set[Fault]]:
    """Merge by the table of the spec, everything at hand; None is "nothing there"."""
    faults: set[Fault] = set()
    return _naive(base, ours, theirs, (), faults), faults


def _naive(b: Any, o: Any, t: Any, path: tuple[str, ...], faults: set[Fault]) -> Any:
    if t in (b, o):
        return o
    if o == b:
        return t
    dirs = [isinstance(side, dict) for side in (b, o, t)]
    if o is None or t is None:
        alone = t if o is None else o
        if isinstance(alone, dict) is not dirs[0]:
            return alone
        if not dirs[0]:
            faults.add((path, "modify-delete"))
            return o
    elif dirs[1] is not dirs[2]:
        faults.add((path, "file-directory"))
        return o
    elif not dirs[1]:
        faults.add((path, "both-modified" if b is not None and not dirs[0] else "both-added"))
        return o
    b = b if dirs[0] else {}
    merged = {
        name: _naive(b.get(name), (o or {}).get(name), (t or {}).get(name), (*path, name), faults)
        for name in {*b, *(o or {}), *(t or {})}
    }
    left = {name: there for name, there in merged.items() if there is not None}
    return left or (None if o is None or t is None else {})
