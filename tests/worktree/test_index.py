"""The stat index speaks only when it is sure, and its loss costs a rehash."""

import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import Misuse, Notice
from jiaozi_node.formats.block import Block
from jiaozi_node.worktree import index as index_module
from jiaozi_node.worktree.index import StatIndex, cid_bytes
from jiaozi_node.worktree.scan import Unreadable, Vanished

CID = Block.of(b"x").cid
LONG_AGO = 10**9


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "f"
    path.write_bytes(b"x")
    return path


def stat_of(path: Path, **changed: int) -> os.stat_result:
    """The stat of *path*, as if its change had been long ago: ctime can't be set."""
    found = os.stat(path)
    extra = {
        "st_mtime_ns": LONG_AGO,
        "st_ctime_ns": LONG_AGO,
        **changed,
    }
    plain = [extra.get(name, getattr(found, name)) for name in NAMES]
    return os.stat_result(plain, extra)


NAMES = [
    "st_mode",
    "st_ino",
    "st_dev",
    "st_nlink",
    "st_uid",
    "st_gid",
    "st_size",
    "st_atime",
    "st_mtime",
    "st_ctime",
]


def test_what_was_learnt_is_known_after_reopening(tmp_path: Path, file: Path) -> None:
    index = StatIndex(tmp_path / "index.db", "p")
    found = stat_of(file)
    index.learn(b"d/\xff", found, CID, 9)
    index.save()
    index.save()
    index.close()
    index.close()
    index = StatIndex(tmp_path / "index.db", "p")
    known = index.find(b"d/\xff", found)
    assert known is not None
    assert (known.cid, known.tsize) == (CID, 9)
    assert index.find(b"d/other", found) is None
    for change in (
        {"st_mtime_ns": 1},
        {"st_ctime_ns": 1},
        {"st_size": 2},
        {"st_ino": 3},
    ):
        assert index.find(b"d/\xff", stat_of(file, **change)) is None, change
    index.close()


def test_a_file_touched_since_the_index_began_is_never_remembered(
    tmp_path: Path, file: Path
) -> None:
    index = StatIndex(tmp_path / "index.db", "p")
    index.learn(b"old", stat_of(file), CID, 1)
    os.utime(file)
    just_now = os.stat(file)
    index.learn(b"f", just_now, CID, 1)
    assert index.find(b"f", just_now) is None
    # Set back by its owner: ctime still tells.
    os.utime(file, ns=(0, 0))
    set_back = os.stat(file)
    index.learn(b"f", set_back, CID, 1)
    assert index.find(b"f", set_back) is None
    # From the future: what is written tomorrow might look the same.
    future = stat_of(file, st_mtime_ns=2**62)
    index.learn(b"old", future, CID, 1)
    assert index.find(b"old", future) is None
    assert index.find(b"old", stat_of(file)) is None
    index.close()


def test_forgetting(tmp_path: Path, file: Path) -> None:
    index = StatIndex(tmp_path / "index.db", "p")
    found = stat_of(file)
    for name in (b"a", b"b", b"below/c"):
        index.learn(name, found, CID, 1)
    index.save()
    for name in (b"a", b"below/c", b"never/known"):
        index.forget(name)
    index.learn(b"d", found, CID, 1)
    index.save()
    index.close()
    index = StatIndex(tmp_path / "index.db", "p")
    assert [bool(index.find(name, found)) for name in (b"a", b"b", b"below/c", b"d")] == [
        False,
        True,
        False,
        True,
    ]
    index.close()


def test_another_recipe_begins_anew(tmp_path: Path, file: Path) -> None:
    index = StatIndex(tmp_path / "index.db", "p")
    index.learn(b"f", stat_of(file), CID, 1)
    index.save()
    index.close()
    for recipe in ("q", "p"):
        index = StatIndex(tmp_path / "index.db", recipe)
        assert index.find(b"f", stat_of(file)) is None
        index.close()


def test_a_file_that_is_no_database_is_thrown_away(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "index.db"
    for damage in (b"junk" * 3000, b"SQLite format 3\0" + b"\xff" * 5000):
        path.write_bytes(damage)
        with pytest.warns(Notice, match=r"index\.db was damaged: it is made anew"):
            index = StatIndex(path, "p")
        index.learn(b"f", stat_of(file), CID, 1)
        index.save()
        index.close()
        index = StatIndex(path, "p")
        assert index.find(b"f", stat_of(file)) is not None
        index.close()


@pytest.mark.filterwarnings("ignore::jiaozi_node.errors.Notice")
def test_a_row_that_rotted_says_nothing(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "index.db"
    changes = (
        "records = CAST('text' AS BLOB)",
        "records = 7",
        "records = NULL",
        "records = records || x'00'",
        "tree = x'01'",
        "sum = sum + 1",
        "sum = 'text'",
        "path = 'elsewhere'",
    )
    for change in changes:
        index = StatIndex(path, "p")
        index.learn(b"d/f", stat_of(file), CID, 1)
        index.save()
        assert index.find(b"d/f", stat_of(file)) is not None
        index.close()
        with sqlite3.connect(path) as db:
            db.execute(f"UPDATE directories SET {change}")
        db.close()
        index = StatIndex(path, "p")
        assert index.find(b"d/f", stat_of(file)) is None, change
        assert index.directory(b"d").tree is None
        index.close()


def test_a_directory_is_known_as_a_whole_until_one_of_its_files_is_another(
    tmp_path: Path, file: Path
) -> None:
    other = Block.of(b"other").cid
    tree = Block.of(b"tree").cid.raw
    index = StatIndex(tmp_path / "index.db", "p")
    index.learn(b"d/f", stat_of(file), CID, 1)
    index.learn(b"d/gone", stat_of(file), CID, 1)
    index.learn(b"d/was", stat_of(file), other, 1)
    index.directory(b"d").settle(tree, {"f": CID.raw, "was": CID.raw, "folder": other.raw})
    index.save()
    index.close()
    index = StatIndex(tmp_path / "index.db", "p")
    known = index.directory(b"d")
    assert known.tree == tree
    assert {name: cid_bytes(record) for name, record in known.records.items()} == {
        "f": CID.raw,
        "was": CID.raw,
        "folder": other.raw,
    }
    # What was another file, or none, is known by its CID and by no stat.
    assert index.find(b"d/f", stat_of(file)) is not None
    assert index.find(b"d/was", stat_of(file)) is None
    assert index.find(b"d/folder", stat_of(file)) is None
    # The same bytes at another time: the node stays what it was.
    index.learn(b"d/f", stat_of(file, st_mtime_ns=5), CID, 1)
    assert index.directory(b"d").tree == tree
    index.learn(b"d/f", stat_of(file), other, 1)
    assert index.directory(b"d").tree is None
    index.directory(b"d").settle(tree, {"f": other.raw})
    index.forget(b"d/f")
    assert index.directory(b"d").tree is None
    index.close()


def test_directories_that_are_unchanged_are_let_go_of(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "LOADED_ENTRIES", 5)
    index = StatIndex(tmp_path / "index.db", "p")
    for number in range(20):
        index.learn(b"%d/f" % number, stat_of(file), CID, 1)
    index.save()
    assert index.find(b"another/f", stat_of(file)) is None
    index.learn(b"3/g", stat_of(file), CID, 1)
    for number in range(20):
        assert index.find(b"%d/f" % number, stat_of(file)) is not None
    assert len(index._loaded) < 10
    index.save()
    assert index.find(b"3/g", stat_of(file)) is not None
    index.close()


def test_a_time_that_no_record_can_hold_is_hashed_each_time(tmp_path: Path, file: Path) -> None:
    index = StatIndex(tmp_path / "index.db", "p")
    early = stat_of(file, st_mtime_ns=-(2**70))
    index.learn(b"f", early, CID, 1)
    assert index.find(b"f", early) is None
    index.close()


@pytest.mark.filterwarnings("ignore::jiaozi_node.errors.Notice")
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_damage_costs_a_rehash_at_most(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("index")
    file = root / "f"
    file.write_bytes(b"x")
    path = root / "index.db"
    index = StatIndex(path, "p")
    for number in range(40):
        index.learn(b"%d" % number, stat_of(file), CID, 1)
    index.save()
    index.close()
    raw = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=20)):
        raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    index = StatIndex(path, "p")
    for number in range(40):
        known = index.find(b"%d" % number, stat_of(file))
        assert known is None or known.cid == CID
    index.learn(b"z", stat_of(file), CID, 1)
    index.save()
    index.close()


def test_an_index_locked_by_somebody_is_not_an_error(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "index.db"
    StatIndex(path, "p").close()
    index = StatIndex(path, "p", wait_s=0)
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    index.learn(b"f", stat_of(file), CID, 1)
    index.save()
    other.rollback()
    other.close()
    index.save()
    index.close()
    other = sqlite3.connect(path)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    shut_out = StatIndex(path, "another", wait_s=0)
    shut_out.save()
    shut_out.close()
    other.rollback()
    other.close()
    index = StatIndex(path, "p")
    assert index.find(b"f", stat_of(file)) is not None
    index.close()


def test_a_place_that_can_not_hold_an_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(Vanished, match=r"index\.db"):
        StatIndex(tmp_path / "absent" / "index.db", "p")
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / "index.db").symlink_to("elsewhere")
    with pytest.raises(Unreadable, match=r"index\.db"):
        StatIndex(tmp_path / "index.db", "p")


def test_a_closed_index_says_so(tmp_path: Path) -> None:
    index = StatIndex(tmp_path / "index.db", "p")
    index.close()
    with pytest.raises(Misuse, match="closed"):
        index.save()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["edit", "tick", "look", "set back"]), max_size=30))
def test_within_a_tick_no_edit_is_overlooked(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str]
) -> None:
    """A clock that stands still between ticks, a file of one size, and an index opened ever anew.

    What the index says of the file must be what the file holds, whenever it is asked.
    """
    path = tmp_path_factory.mktemp("racy") / "index.db"
    now, content, mtime, ctime = 1, 0, 0, 0
    for act in acts:
        if act == "tick":
            now += 1
        elif act == "edit":
            content, mtime, ctime = content + 1, now, now
        elif act == "set back":  # as `touch -d` does: mtime lies, ctime can't
            content, mtime, ctime = content + 1, 0, now
        else:
            index = StatIndex(path, "p")
            index._began_ns = now  # the file system's clock, as `_open` reads it
            found = os.stat_result([0o100644, 7, 0, 1, 0, 0, 1, 0, 0, 0], times(mtime, ctime))
            right = Block.of(b"%d" % content).cid
            known = index.find(b"f", found)
            assert known is None or known.cid == right
            index.learn(b"f", found, right, 1)
            index.save()
            index.close()


def times(mtime: int, ctime: int) -> dict[str, int]:
    return {"st_mtime_ns": mtime, "st_ctime_ns": ctime}
