"""A hundred thousand files, 1,500 changed on one side and one on the other: what a merge reads."""

from hashlib import sha256

import pytest

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.edit import edit
from jiaozi_node.unixfs.node import FILE, Node
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import merge_commits
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.merge_commits import MERGED, MergedCommits
from tests.versioning.histories import ADA
from tests.versioning.trees import FLAT, Trees

FILES = 100_000
CHANGED = 1_500
MOST_READ = 10_000

Path = tuple[str, ...]


def node(text: str) -> Node:
    """A file whose block is nowhere: whoever asks for it fails."""
    return Node(Cid(b"\x01\x55\x12\x20" + sha256(text.encode()).digest()), 100, FILE, 100)


def path_of(number: int, directories: int) -> Path:
    name = f"sample-{number:06}.png"
    return (name,) if directories == 1 else (f"batch-{number % directories:04}", name)


def made(held: Trees, directories: int, changed: dict[int, str]) -> Cid:
    """The tree of all files, built anew."""
    builders = [DirectoryBuilder(FLAT) for _ in range(directories)]
    for number in range(FILES):
        text = changed.get(number, f"{number}")
        builders[number % directories].add(path_of(number, directories)[-1], node(text))
    below = [held.keep(builder.end()) for builder in builders]
    if directories == 1:
        return below[0].cid
    top = DirectoryBuilder(FLAT)
    for number, one in enumerate(below):
        top.add(f"batch-{number:04}", one)
    return held.keep(top.end()).cid


def commit(held: Trees, tree: Cid, *parents: Cid) -> Cid:
    above = [commits.decode(held.held[parent]) for parent in parents]
    block = commits.encode(
        Commit(tree, parents, FLAT.name, ADA, 0, "", commits.generation_above(above))
    )
    held.put([block])
    return block.cid


@pytest.mark.parametrize("directories", [1, 1_000], ids=["flat", "a thousand directories"])
def test_what_is_read_and_that_it_is_enough(directories: int) -> None:
    held = Trees()
    base = made(held, directories, {})
    theirs = {at * FILES // CHANGED: f"theirs {at}" for at in range(CHANGED)}
    ours = {77_777: "ours"}
    assert not theirs.keys() & ours.keys()
    trees = [
        held.edited(
            edit(base, {path_of(at, directories): node(text) for at, text in side.items()}, FLAT)
        ).cid
        for side in (ours, theirs)
    ]
    root = commit(held, base)
    tips = [commit(held, tree, root) for tree in trees]
    held.asked.clear()

    def merged() -> MergedCommits:
        return held.done(merge_commits.merge_commits(tips[0], tips[1], FLAT))

    found = merged()
    assert found.kind == MERGED
    assert found.conflicts == ()
    asked = set(held.asked)
    assert len(held.asked) < MOST_READ
    assert all(cid.codec != RAW for cid in asked)  # no file bytes
    # A store that holds only those blocks is enough, and any other read raises.
    needed: dict[Cid, Block] = {cid: held.held[cid] for cid in asked}
    held.held = dict(needed)
    with pytest.raises(BlockMissing):
        held.get(node("0").cid)
    assert merged() == found
    assert found.tree == made(Trees(), directories, {**theirs, **ours})
