import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import Corrupt, Malformed
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_CBOR, Cid
from jiaozi_node.stores.api import Change, NameConflict, Names
from jiaozi_node.stores.memory import MemoryNames
from jiaozi_node.stores.names import SqliteNames
from jiaozi_node.versioning import refs as kinds
from jiaozi_node.versioning import rows
from jiaozi_node.versioning.fields import SchemaBroken
from jiaozi_node.versioning.reflog import Note
from jiaozi_node.versioning.refname import BadName, RefName, check_alias, check_id
from jiaozi_node.versioning.refs import NamesNest, RefMissing, RefMoved, Refs
from tests.outcome import outcome
from tests.versioning.histories import TREE

MAIN = RefName.branch("main")
NOTE = Note("Ada <ada@x>", "test", 7)


def cid(number: int) -> Cid:
    return Block.of(number.to_bytes(4, "big"), DAG_CBOR).cid


@pytest.fixture
def refs() -> Refs:
    return Refs(MemoryNames(), "k51one")


def test_a_ref_moves_only_from_where_its_mover_saw_it(refs: Refs) -> None:
    refs.cas(MAIN, None, cid(1), NOTE)
    with pytest.raises(RefMoved) as caught:
        refs.cas(MAIN, cid(2), cid(3), NOTE)
    assert (caught.value.expected, caught.value.found) == (cid(2), cid(1))
    with pytest.raises(RefMoved):
        refs.cas(MAIN, None, cid(3), NOTE)
    assert refs.get(MAIN) == cid(1)
    assert len(list(refs.reflog(MAIN))) == 1


def test_the_reflog_tells_every_move_newest_first_and_outlives_the_ref(refs: Refs) -> None:
    refs.cas(MAIN, None, cid(1), Note("a", "init", 1))
    refs.cas(MAIN, cid(1), cid(2), Note("b", "commit\nof two", 2))
    refs.delete(MAIN, cid(2), Note("c", "gone", 3))
    assert refs.get(MAIN) is None
    refs.cas(MAIN, None, cid(3), Note("d", "again", 4))
    log = list(refs.reflog(MAIN))
    assert [(one.number, one.old, one.new) for one in log] == [
        (3, None, cid(3)),
        (2, cid(2), None),
        (1, cid(1), cid(2)),
        (0, None, cid(1)),
    ]
    assert [one.note for one in log][::-1] == [
        Note("a", "init", 1),
        Note("b", "commit of two", 2),
        Note("c", "gone", 3),
        Note("d", "again", 4),
    ]


def test_more_than_256_moves_stay_in_order(refs: Refs) -> None:
    old = None
    for number in range(300):
        refs.cas(MAIN, old, cid(number), NOTE)
        old = cid(number)
    assert [one.number for one in refs.reflog(MAIN)] == list(range(299, -1, -1))


def test_refs_are_listed_in_byte_order_and_by_prefix(refs: Refs) -> None:
    for name in ("heads/b", "heads/a-b", "heads/a/b", "tags/v1", "heads/数据"):
        refs.cas(RefName.parse(name), None, cid(1), NOTE)
    listed = [str(name) for name, _ in refs.list()]
    assert listed == ["heads/a-b", "heads/a/b", "heads/b", "heads/数据", "tags/v1"]
    assert [str(name) for name, _ in refs.list("heads/a")] == ["heads/a-b", "heads/a/b"]
    assert [str(name) for name, _ in refs.list("tags/")] == ["tags/v1"]


def test_repositories_do_not_see_each_others_refs() -> None:
    names = MemoryNames()
    one, two = Refs(names, "k51one"), Refs(names, "k51one2")
    one.cas(MAIN, None, cid(1), NOTE)
    two.cas(RefName.branch("main/x"), None, cid(2), NOTE)
    assert [str(name) for name, _ in one.list()] == ["heads/main"]
    assert list(two.reflog(MAIN)) == []
    assert two.get(MAIN) is None
    with pytest.raises(RefMissing, match="no branch 'main'"):
        two.target(MAIN)


def test_a_ref_points_at_a_commit_or_not_at_all(refs: Refs) -> None:
    with pytest.raises(SchemaBroken, match="can't point at"):
        refs.cas(MAIN, None, TREE, NOTE)
    assert list(refs.list()) == []


def test_what_goes_along_with_a_move_stands_or_falls_with_it(refs: Refs) -> None:
    beside = Change("stages", b"w", b"\x01", expect=None)
    refs.cas(MAIN, None, cid(1), NOTE, also=[beside])
    assert refs.names.get("stages", b"w") == b"\x01"
    with pytest.raises(NameConflict):
        refs.cas(MAIN, cid(1), cid(2), NOTE, also=[beside])
    assert refs.get(MAIN) == cid(1)
    assert len(list(refs.reflog(MAIN))) == 1


def test_a_guard_holds_a_batch_to_the_ref_it_read(refs: Refs) -> None:
    refs.cas(MAIN, None, cid(1), NOTE)
    guard = refs.standing(MAIN, cid(1))
    refs.names.apply([guard])
    refs.cas(MAIN, cid(1), cid(2), NOTE)
    with pytest.raises(NameConflict):
        refs.names.apply([guard])
    with pytest.raises(RefMoved):
        refs.standing(MAIN, cid(1))


def test_there_and_back_is_not_the_same_as_never_moved(refs: Refs) -> None:
    refs.cas(MAIN, None, cid(1), NOTE)
    guard = refs.standing(MAIN, cid(1))
    refs.cas(MAIN, cid(1), cid(2), NOTE)
    refs.cas(MAIN, cid(2), cid(1), NOTE)
    with pytest.raises(NameConflict):
        refs.names.apply([guard])


@pytest.mark.parametrize(
    "row", [b"\xa0", b"\xff", b"\x01", rows.write({"target": "x", "moves": 1})], ids=bytes.hex
)
def test_a_damaged_row_is_corrupt_and_never_a_ref(refs: Refs, row: bytes) -> None:
    refs.names.apply([Change(kinds.KIND, rows.key("k51one", "heads/main"), row)])
    with pytest.raises(Corrupt):
        refs.get(MAIN)
    with pytest.raises(Corrupt):
        list(refs.list())


def test_who_and_why_are_cut_at_a_character(refs: Refs) -> None:
    refs.cas(MAIN, None, cid(1), Note("é" * 600, "x" + "é" * 3000, 1))
    (entry,) = refs.reflog(MAIN)
    assert entry.note == Note("é" * 512, "x" + "é" * 2047, 1)


class Interrupting:
    """Names that let somebody else in just before each apply, as long as there is somebody."""

    def __init__(self, names: Names, others: list[Callable[[], None]]) -> None:
        self._names, self._others = names, others

    def get(self, kind: str, key: bytes) -> bytes | None:
        return self._names.get(kind, key)

    def scan(self, kind: str, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        return self._names.scan(kind, prefix)

    def everything(self) -> Iterator[tuple[str, bytes, bytes]]:
        return self._names.everything()

    def kinds(self) -> list[str]:
        return self._names.kinds()

    def version(self) -> int:
        return self._names.version()

    def went_back(self) -> int | None:
        return self._names.went_back()

    def recount(self) -> None:
        self._names.recount()

    def apply(self, changes: Sequence[Change]) -> None:
        if self._others:
            self._others.pop()()
        self._names.apply(changes)

    def close(self) -> None:
        self._names.close()


def test_of_two_that_create_names_which_would_nest_one_is_refused() -> None:
    names = MemoryNames()
    behind = Refs(names, "k51")
    below = RefName.branch("main/x")
    interrupting = Interrupting(names, [lambda: behind.cas(below, None, cid(2), NOTE)])
    with pytest.raises(NamesNest):
        Refs(interrupting, "k51").cas(MAIN, None, cid(1), NOTE)
    assert [str(name) for name, _ in behind.list()] == ["heads/main/x"]


def test_a_creation_beside_another_tries_again_and_both_stand() -> None:
    names = MemoryNames()
    behind = Refs(names, "k51")
    dev = RefName.branch("dev")
    interrupting = Interrupting(names, [lambda: behind.cas(dev, None, cid(2), NOTE)])
    Refs(interrupting, "k51").cas(MAIN, None, cid(1), NOTE)
    assert [str(name) for name, _ in behind.list()] == ["heads/dev", "heads/main"]


def test_a_move_that_somebody_undoes_meanwhile_still_happens() -> None:
    names = MemoryNames()
    behind = Refs(names, "k51")
    behind.cas(MAIN, None, cid(1), NOTE)

    def there_and_back() -> None:
        behind.cas(MAIN, cid(1), cid(5), NOTE)
        behind.cas(MAIN, cid(5), cid(1), NOTE)

    interrupting = Interrupting(names, [there_and_back])
    Refs(interrupting, "k51").cas(MAIN, cid(1), cid(2), NOTE)
    assert [one.number for one in behind.reflog(MAIN)] == [3, 2, 1, 0]
    assert behind.get(MAIN) == cid(2)


@pytest.mark.parametrize(("backend", "each"), [("memory", 200), ("sqlite", 15)])
def test_eight_writers_lose_no_update(backend: str, each: int, tmp_path: Path) -> None:
    names: MemoryNames | SqliteNames
    if backend == "memory":
        names = MemoryNames()
    else:
        names = SqliteNames(tmp_path / "names.db", create=True)
    refs = Refs(names, "k51")
    refs.cas(MAIN, None, cid(0), NOTE)
    faults: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for number in range(each):
                while True:
                    old = refs.target(MAIN)
                    try:
                        refs.cas(MAIN, old, cid(1 + writer * each + number), NOTE)
                    except RefMoved:
                        continue
                    break
        except BaseException as fault:
            faults.append(fault)
            raise

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    log = list(refs.reflog(MAIN))[::-1]
    assert [one.number for one in log] == list(range(8 * each + 1))
    assert {one.new for one in log} == {cid(number) for number in range(8 * each + 1)}
    assert all(one.new == other.old for one, other in pairwise(log))
    assert refs.get(MAIN) == log[-1].new
    names.close()


@given(st.text(max_size=12) | st.text("a/.@{}~-lock", max_size=12))
def test_any_text_is_a_name_that_reads_back_or_is_refused(text: str) -> None:
    name, _fault = outcome(RefName.branch, text)
    if name is not None:
        assert RefName.parse(str(name)) == name
        assert "\0" not in text


def test_aliases_and_ids_keep_their_rules() -> None:
    check_alias("penguins-2026")
    for alias in ("a/b", "", "-a", "é" * 33):
        with pytest.raises(Malformed):
            check_alias(alias)
    check_id("k51qzi5uqu5dh")
    for bad in ("", "a" * 129, "a/b", "a\0b", "ä", "a b"):
        with pytest.raises(BadName):
            check_id(bad)
