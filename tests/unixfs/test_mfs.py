"""Plans look and refuse without changing anything; edits made again in order give the same root."""

from collections.abc import Callable

import pytest

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import JiaoziError, LimitExceeded
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, Cid
from jiaozi_node.unixfs import mfs
from jiaozi_node.unixfs.folder import Folder
from jiaozi_node.unixfs.mfs import Edit, Plan, Tree, names_of
from jiaozi_node.unixfs.node import Node
from jiaozi_node.unixfs.profile import PROFILES
from jiaozi_node.unixfs.recipes import Recipes
from tests.blocks import Blocks

KUBO = PROFILES["kubo"]
RECIPES = Recipes(KUBO)
V0 = RECIPES.of(0, 0x12)


class Disk:
    """A tree, the blocks it needs, and every edit that was made to it."""

    def __init__(self) -> None:
        self.store = Blocks()
        self.tree = Tree(Folder(KUBO), RECIPES)
        self.edits: list[Edit] = []

    def do(self, plan: Plan[list[Edit]]) -> None:
        for edit in self.store.kept(plan):
            run(self.tree.apply(edit), self.store.get)
            self.edits.append(edit)

    def root(self) -> Cid:
        return self.store.kept(self.tree.seal()).cid

    def file(self, path: str, data: bytes = b"x") -> None:
        self.do(self.tree.put(path, self.store.add(data, KUBO)))

    def mkdir(self, path: str) -> None:
        self.do(self.tree.mkdir(path, V0, parents=True))


@pytest.fixture
def disk() -> Disk:
    disk = Disk()
    disk.mkdir("/d/e")
    disk.file("/f")
    disk.file("/d/g")
    return disk


def test_edits_made_again_give_the_same_root(disk: Disk) -> None:
    disk.do(disk.tree.move("/d/g", "/h"))
    disk.do(disk.tree.move("/d", "/moved"))
    disk.do(disk.tree.set_stat("/moved", 0o750, None))
    disk.do(disk.tree.set_stat("/", None, (5, 0)))
    disk.do(disk.tree.set_profile("/moved/e", RECIPES.of(1, 0x12)))
    disk.do(disk.tree.unlink("/f", recursive=False, force=False))
    disk.mkdir("/moved/e/deep")
    again = Tree(Folder(KUBO), RECIPES)
    for edit in disk.edits:
        run(again.apply(edit), disk.store.get)
    assert disk.store.kept(again.seal()).cid == disk.root()
    reopened = run(Tree.at(disk.root(), RECIPES), disk.store.get)
    assert disk.store.kept(reopened.seal()).cid == disk.root()


PLANS: list[tuple[Callable[[Tree], Plan[list[Edit]]], str]] = [
    (lambda t: t.mkdir("/", V0, parents=False), "cannot create directory '/': Already exists"),
    (lambda t: t.mkdir("/d", V0, parents=False), "file already exists"),
    (lambda t: t.mkdir("/f", V0, parents=True), "file already exists"),
    (lambda t: t.mkdir("/f/x/y", V0, parents=True), " was not a directory"),
    (lambda t: t.mkdir("/none/x", V0, parents=False), "file does not exist"),
    (lambda t: t.put("/d", _node()), "directory already has entry by that name"),
    (lambda t: t.put("/d/", _node()), "cannot create file with empty name"),
    (lambda t: t.put("/f/x", _node()), "/f/ is not a directory"),
    (lambda t: t.put("/none/x", _node()), "file does not exist"),
    (lambda t: t.unlink("/", recursive=True, force=True), "cannot delete root"),
    (lambda t: t.unlink("/d", recursive=False, force=False), "path is a directory, use -r"),
    (lambda t: t.unlink("/none", recursive=True, force=False), "file does not exist"),
    (lambda t: t.unlink("/f/x", recursive=True, force=True), "expected .mfs.Directory"),
    (lambda t: t.move("/none", "/x"), "file does not exist"),
    (lambda t: t.move("/f", "/none/x"), "file does not exist"),
    (lambda t: t.move("/f", "/f/x"), "/f/ is not a directory"),
    (lambda t: t.move("/d", "/d/e"), "cannot move /d into itself"),
    (lambda t: t.move("/d", "/d"), "cannot move /d into itself"),
    (lambda t: t.move("/d/e", "/d/"), "cannot move /d/e into itself"),
    (lambda t: t.set_stat("/none", 0o644, None), "file does not exist"),
    (lambda t: t.set_stat("/f/x", 0o644, None), "cannot access f/x: Not a directory"),
    (lambda t: t.set_profile("/f", V0), "can only update directories"),
    (lambda t: t.unlink_file("/d"), "not a file: /d"),
]


def _node() -> Node:
    return Node(Block.of(b"n").cid, 1, "file", 1)


@pytest.mark.parametrize(("plan", "said"), PLANS, ids=[said for _, said in PLANS])
def test_a_refusal_changes_nothing(
    disk: Disk, plan: Callable[[Tree], Plan[list[Edit]]], said: str
) -> None:
    before = disk.root()
    with pytest.raises(JiaoziError, match=said):
        disk.do(plan(disk.tree))
    assert disk.root() == before


def test_only_directories_on_the_way_are_read(disk: Disk) -> None:
    root = disk.root()
    tree = Disk()
    tree.store = disk.store
    tree.tree = run(Tree.at(root, RECIPES), disk.store.get)
    file = tree.store.add(b"new", KUBO)
    disk.store.asked.clear()
    tree.do(tree.tree.put("/d/new", file))
    tree.root()
    assert len(disk.store.asked) == 1  # /d alone


def test_what_is_linked_need_not_be_here(disk: Disk) -> None:
    lazy = Block.of(b"never here").cid
    disk.do(disk.tree.put("/lazy", Node(lazy, 10, "file", 10)))
    disk.do(disk.tree.move("/lazy", "/d/lazy"))
    disk.do(disk.tree.unlink("/d/lazy", recursive=False, force=False))


def test_an_entry_that_is_no_unixfs_can_be_removed_by_force_alone(disk: Disk) -> None:
    other = Block.of(b"\xa0", DAG_CBOR)
    disk.do(disk.tree.put("/odd", Node(other.cid, 1, "file", 0)))
    with pytest.raises(JiaoziError, match="unrecognized node type"):
        disk.do(disk.tree.unlink("/odd", recursive=True, force=False))
    disk.do(disk.tree.unlink("/odd", recursive=False, force=True))


def test_paths_are_bounded() -> None:
    assert len(names_of("/a" * mfs.MAX_DEPTH)) == mfs.MAX_DEPTH
    with pytest.raises(LimitExceeded, match="names"):
        names_of("/a" * (mfs.MAX_DEPTH + 1))
    with pytest.raises(LimitExceeded, match="bytes"):
        names_of("/" + "a" * (mfs.MAX_PATH_BYTES + 1))
    assert names_of("/" + "a" * mfs.MAX_PATH_BYTES)


def test_names_may_be_any_bytes(disk: Disk) -> None:
    disk.file("/d/\udcff\udc80\n")
    found = run(disk.tree.lookup("/d/\udcff\udc80\n"), disk.store.get)
    assert not isinstance(found, Folder)
    assert found.name == b"\xff\x80\n"
