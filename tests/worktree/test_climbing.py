"""Names that lead out of their directory: inside the tree, to a free name, for files alone."""

import pytest

from jiaozi_node.dag.walk import stream
from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_PB
from jiaozi_node.stores.memory import MemoryStore
from jiaozi_node.unixfs.add import symlink
from jiaozi_node.unixfs.profile import named
from jiaozi_node.worktree.archive_entries import walked
from jiaozi_node.worktree.names import UnsafeName

FILE = Block.of(b"content")
LINKS, LINK = symlink(b"/etc", named("unixfs-v1-2025"))


def tree(*entries: "tuple[str, Block]") -> Block:
    links = sorted((name.encode(), block.cid.raw) for name, block in entries)
    message = unixfs_pb.encode(unixfs_pb.UnixFs(unixfs_pb.DIRECTORY))
    return Block.of(dag_pb.encode_links([(raw, name, 1) for name, raw in links], message), DAG_PB)


def names(*made: Block, climbing: bool = True) -> list[str]:
    """Return the names in the archive of the last of *made*."""
    store = MemoryStore()
    with store.writer() as writer:
        writer.put([FILE, *LINKS, *made])
    walk = walked(made[-1].cid, ("root",), climbing=climbing)
    return ["/".join(entry.parts) for entry in stream(walk, store.get)]


def test_a_file_goes_where_its_name_leads() -> None:
    inner = tree(("../up", FILE), ("here", FILE))
    middle = tree(("inner", inner))
    root = tree(("middle", middle))
    assert names(inner, middle, root) == [
        "root", "root/middle", "root/middle/inner", "root/middle/up", "root/middle/inner/here",
    ]  # fmt: skip
    deep = tree(("../../top", FILE))
    above = tree(("deep", deep))
    assert names(deep, above, tree(("above", above)))[-1] == "root/top"
    with pytest.raises(UnsafeName, match="contains '/'"):
        names(inner, middle, root, climbing=False)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("../../x", "leads out of the tree"), ("a/b", "contains '/'"), ("../a/b", "contains '/'"),
        ("/x", "contains '/'"), ("../taken", "has an entry of that name"), ("../..", "it is '..'"),
        ("../", "it is empty"), ("../in", "has an entry of that name"),
    ],
)  # fmt: skip
def test_other_ways_are_refused(name: str, rule: str) -> None:
    inner = tree((name, FILE))
    root = tree(("in", inner), ("taken", FILE))
    with pytest.raises(UnsafeName, match=rule):
        names(inner, root)


def test_only_files_are_named_so_and_each_once() -> None:
    link = next(block for block in LINKS if block.cid == LINK.cid)
    for other in (link, tree()):
        inner = tree(("../x", other))
        with pytest.raises(UnsafeName, match="leads out of where it is"):
            names(other, inner, tree(("in", inner)))
    two = tree(("../x", FILE), ("../y", FILE))
    assert names(two, tree(("a", two)))[-2:] == ["root/x", "root/y"]
    with pytest.raises(UnsafeName, match="has an entry of that name"):
        names(two, tree(("a", two), ("b", two)))
