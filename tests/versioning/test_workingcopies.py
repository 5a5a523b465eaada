from collections.abc import Callable

import pytest

from jiaozi_node.errors import Corrupt, Malformed, NotFound
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, DAG_PB, Cid
from jiaozi_node.stores.api import Change, NameConflict
from jiaozi_node.stores.memory import MemoryNames
from jiaozi_node.versioning import rows, workingcopies
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.refname import RefName
from jiaozi_node.versioning.refs import CheckedOut, RefMoved, Refs
from jiaozi_node.versioning.repositories import (
    AliasTaken,
    Repositories,
    Repository,
    RepositoryMissing,
)
from jiaozi_node.versioning.stages import StageMoved, Stages
from jiaozi_node.versioning.workingcopies import (
    Head,
    HeadMoved,
    WorkingCopies,
    WorkingCopy,
    WorkingCopyMissing,
)
from tests.versioning.histories import TREE

REPO = "k51repo"
MAIN, DEV = RefName.branch("main"), RefName.branch("dev")
NOTE = Note("Ada", "test", 1)
ONE, TWO, THREE = (Block.of(bytes([0x81, n]), DAG_CBOR).cid for n in (1, 2, 3))
TREE2 = Block.of(b"", DAG_PB).cid


@pytest.fixture
def names() -> MemoryNames:
    return MemoryNames()


@pytest.fixture
def copies(names: MemoryNames) -> WorkingCopies:
    copies = WorkingCopies(names)
    copies.add(WorkingCopy("w1", REPO, "/data/one", 11, Head("main")))
    copies.add(WorkingCopy("w2", REPO, "/data/two", 22, Head(None, ONE)))
    return copies


@pytest.fixture
def refs(names: MemoryNames) -> Refs:
    return Refs(names, REPO)


def test_the_first_commit_is_born_with_its_branch(copies: WorkingCopies, refs: Refs) -> None:
    assert copies.commit("w1") is None
    copies.advance("w1", None, ONE, Note("Ada", "commit (initial)", 5))
    assert refs.get(MAIN) == copies.commit("w1") == ONE
    (of_branch,), (of_head,) = refs.reflog(MAIN), copies.reflog("w1")
    assert of_branch == of_head
    assert (of_head.old, of_head.new, of_head.note.why) == (None, ONE, "commit (initial)")


def test_of_two_commits_at_once_the_later_is_told(copies: WorkingCopies, refs: Refs) -> None:
    copies.advance("w1", None, ONE, NOTE)
    with pytest.raises(HeadMoved) as caught:
        copies.advance("w1", None, TWO, NOTE)
    assert (caught.value.expected, caught.value.found) == (None, ONE)
    assert refs.get(MAIN) == ONE
    assert len(list(copies.reflog("w1"))) == 1


def test_a_detached_head_moves_alone(copies: WorkingCopies, refs: Refs) -> None:
    copies.advance("w2", ONE, TWO, NOTE)
    assert copies.get("w2").head == Head(None, TWO)
    assert list(refs.list()) == []


def test_what_goes_along_with_a_commit_stands_or_falls_with_it(
    copies: WorkingCopies, names: MemoryNames, refs: Refs
) -> None:
    stages = Stages(names)
    copies.advance("w1", None, ONE, NOTE, also=[stages.setting("w1", None, TREE)])
    assert stages.get("w1") == TREE
    with pytest.raises(NameConflict):
        copies.advance("w1", ONE, TWO, NOTE, also=[stages.setting("w1", TREE2, TREE)])
    assert refs.get(MAIN) == ONE
    assert len(list(copies.reflog("w1"))) == 1


def test_a_branch_is_checked_out_once(copies: WorkingCopies) -> None:
    with pytest.raises(CheckedOut) as caught:
        copies.move("w2", Head("main"), NOTE)
    assert caught.value.working_copy == "w1"
    with pytest.raises(CheckedOut):
        copies.add(WorkingCopy("w3", REPO, "/x", 1, Head("main")))
    assert copies.get("w2").head == Head(None, ONE)
    with pytest.raises(WorkingCopyMissing):
        copies.get("w3")
    copies.add(WorkingCopy("w3", "k51other", "/x", 1, Head("main")))


def test_letting_go_of_a_branch_frees_it(copies: WorkingCopies) -> None:
    copies.advance("w1", None, ONE, NOTE)
    copies.move("w1", Head("dev"), NOTE)
    copies.move("w2", Head("main"), NOTE)
    assert copies.holder(REPO, "main") == "w2"
    assert copies.holder(REPO, "dev") == "w1"
    copies.move("w2", Head(None, TWO), NOTE)
    assert copies.holder(REPO, "main") is None
    copies.forget("w1")
    assert copies.holder(REPO, "dev") is None
    with pytest.raises(WorkingCopyMissing):
        copies.get("w1")


def test_a_branch_that_somebody_is_on_is_not_deleted(copies: WorkingCopies, refs: Refs) -> None:
    copies.advance("w1", None, ONE, NOTE)
    with pytest.raises(CheckedOut):
        refs.delete(MAIN, ONE, NOTE)
    copies.move("w1", Head("main"), NOTE)  # where it is already
    copies.move("w1", Head(None, ONE), NOTE)
    refs.delete(MAIN, ONE, NOTE)
    assert refs.get(MAIN) is None


def test_the_reflog_of_head_tells_switches_too(copies: WorkingCopies, refs: Refs) -> None:
    copies.advance("w1", None, ONE, NOTE)
    refs.cas(DEV, None, TWO, NOTE)
    copies.move("w1", Head("dev"), Note("Ada", "switch: main to dev", 2))
    copies.advance("w1", TWO, THREE, NOTE)
    copies.move("w1", Head("unborn"), NOTE)
    assert [(one.old, one.new) for one in copies.reflog("w1")] == [
        (THREE, None),
        (TWO, THREE),
        (ONE, TWO),
        (None, ONE),
    ]


def test_a_switch_is_held_to_the_commit_it_wrote(copies: WorkingCopies, refs: Refs) -> None:
    refs.cas(DEV, None, ONE, NOTE)
    guard = refs.standing(DEV, ONE)
    refs.cas(DEV, ONE, TWO, NOTE)
    with pytest.raises(NameConflict):
        copies.move("w1", Head("dev"), NOTE, also=[guard])
    assert copies.get("w1").head == Head("main")
    assert copies.holder(REPO, "dev") is None


class Meanwhile(MemoryNames):
    """Names in which somebody else acts just before the next apply."""

    other: Callable[[], None] | None = None

    def apply(self, changes: object) -> None:
        other, self.other = self.other, None
        if other is not None:
            other()
        super().apply(changes)  # type: ignore[arg-type]


def test_deleting_a_branch_and_switching_to_it_at_once_ends_well() -> None:
    names = Meanwhile()
    copies, refs = WorkingCopies(names), Refs(names, REPO)
    copies.add(WorkingCopy("w1", REPO, "/data/one", 11, Head("main")))
    refs.cas(DEV, None, ONE, NOTE)
    names.other = lambda: copies.move("w1", Head("dev"), NOTE)
    with pytest.raises(CheckedOut):
        refs.delete(DEV, ONE, NOTE)
    copies.move("w1", Head("main"), NOTE)
    names.other = lambda: refs.delete(DEV, ONE, NOTE)
    copies.move("w1", Head("dev"), NOTE)
    assert copies.commit("w1") is None
    assert next(one.new for one in copies.reflog("w1")) is None


def test_commits_in_two_working_copies_at_once_both_stand() -> None:
    names = Meanwhile()
    copies = WorkingCopies(names)
    copies.add(WorkingCopy("w1", REPO, "/data/one", 11, Head("main")))
    copies.add(WorkingCopy("w2", REPO, "/data/two", 22, Head("dev")))
    names.other = lambda: copies.advance("w2", None, TWO, NOTE)
    copies.advance("w1", None, ONE, NOTE)
    assert (copies.commit("w1"), copies.commit("w2")) == (ONE, TWO)


def test_a_push_to_a_branch_under_a_commit_refuses_the_commit(
    copies: WorkingCopies, refs: Refs
) -> None:
    copies.advance("w1", None, ONE, NOTE)
    refs.cas(MAIN, ONE, THREE, NOTE)
    with pytest.raises(HeadMoved):
        copies.advance("w1", ONE, TWO, NOTE)
    with pytest.raises(RefMoved):
        refs.cas(MAIN, ONE, TWO, NOTE)


def test_a_moved_directory_takes_its_row_along(copies: WorkingCopies) -> None:
    moved = copies.place("w1", "/data/m\udcffved", 33)
    assert (moved.path, moved.inode, moved.head) == ("/data/m\udcffved", 33, Head("main"))
    assert copies.place("w1", "/data/m\udcffved", 33) == moved


def test_a_copied_directory_starts_detached_with_a_stage_of_its_own(
    copies: WorkingCopies, names: MemoryNames
) -> None:
    stages = Stages(names)
    copies.advance("w1", None, ONE, NOTE)
    stages.cas("w1", None, TREE)
    made = copies.copied("w1", "w9", "/data/copy", 99)
    assert (made.head, made.path, made.repository) == (Head(None, ONE), "/data/copy", REPO)
    stages.cas("w1", TREE, TREE2)
    assert stages.get("w9") == TREE
    assert copies.holder(REPO, "main") == "w1"


def test_a_copy_of_a_directory_without_a_commit_stands_nowhere(copies: WorkingCopies) -> None:
    made = copies.copied("w1", "w9", "/data/copy", 99)
    assert made.head == Head()
    assert copies.commit("w9") is None
    copies.advance("w9", None, ONE, NOTE)
    assert copies.get("w9").head == Head(None, ONE)


def test_working_copies_are_listed_by_repository(copies: WorkingCopies) -> None:
    copies.add(WorkingCopy("w3", "k51other", "/x", 2**64 - 1, Head("main")))
    assert [one.id for one in copies.list()] == ["w1", "w2", "w3"]
    assert [one.id for one in copies.list(REPO)] == ["w1", "w2"]
    assert copies.get("w3").inode == 2**64 - 1


@pytest.mark.parametrize("row", [b"\xa0", b"\xff", rows.write({"head": 1, "path": "x"})])
def test_a_damaged_row_is_corrupt(copies: WorkingCopies, names: MemoryNames, row: bytes) -> None:
    names.apply([Change(workingcopies.KIND, b"w1", row)])
    with pytest.raises(Corrupt):
        copies.get("w1")


def test_a_head_is_attached_or_detached() -> None:
    with pytest.raises(ValueError, match="either"):
        Head("main", ONE)
    with pytest.raises(Malformed):
        Head("a..b")


def test_a_stage_moves_only_from_where_its_mover_saw_it(names: MemoryNames) -> None:
    stages = Stages(names)
    assert stages.get("w1") is None
    stages.cas("w1", None, TREE)
    with pytest.raises(StageMoved) as caught:
        stages.cas("w1", None, TREE2)
    assert caught.value.found == TREE
    stages.cas("w1", TREE, TREE2)
    stages.cas("w1", TREE2, None)
    assert stages.get("w1") is None


def repository(number: int, alias: str) -> Repository:
    return Repository(f"k51{number}", alias, "unixfs-v1-2025", "main", 100)


def test_repositories_are_found_by_alias_and_by_id(names: MemoryNames) -> None:
    repositories = Repositories(names)
    one, two = repository(1, "penguins"), repository(2, "whales")
    repositories.add(one)
    repositories.add(two)
    assert repositories.find("penguins") == repositories.find("k511") == one
    assert list(repositories.list()) == [one, two]
    for unknown in ("seals", "", "\0", "\ud800"):
        with pytest.raises(RepositoryMissing):
            repositories.find(unknown)


def test_an_alias_belongs_to_one_repository(names: MemoryNames) -> None:
    repositories = Repositories(names)
    repositories.add(repository(1, "penguins"))
    with pytest.raises(AliasTaken):
        repositories.add(repository(2, "penguins"))
    repositories.add(repository(2, "whales"))
    with pytest.raises(AliasTaken):
        repositories.rename("k512", "penguins")
    repositories.rename("k511", "seals")
    repositories.rename("k512", "penguins")
    repositories.rename("k512", "penguins")
    assert repositories.find("penguins").id == "k512"
    assert [one.alias for one in repositories.list()] == ["seals", "penguins"]
    with pytest.raises(NameConflict):
        repositories.add(repository(1, "other"))


def test_what_is_missing_is_not_found(names: MemoryNames) -> None:
    with pytest.raises(NotFound):
        WorkingCopies(names).advance("w9", None, ONE, NOTE)
    assert isinstance(ONE, Cid)
