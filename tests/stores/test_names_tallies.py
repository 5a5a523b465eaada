"""Rows that vanish without a trace in what is left: tallies tell, and so does the mark beside."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from jiaozi_node.errors import Corrupt
from jiaozi_node.stores.api import Change
from jiaozi_node.stores.names import MARK_NAME, SCHEMA_VERSION, SqliteNames


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "names.db"


def filled(path: Path, count: int = 100) -> None:
    names = SqliteNames(path, create=True)
    names.apply([Change("pins", b"%06d" % n, b"value %d" % n) for n in range(count)])
    names.apply([Change("refs", b"main", b"x")])
    names.close()


def meddle(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path)
    for sql in statements:
        db.execute(sql)
    db.commit()
    db.close()


@pytest.mark.parametrize("count", [100, 2000], ids=["one page", "many pages"])
@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM names WHERE kind = 'pins'",
        "DELETE FROM names WHERE key = CAST('000007' AS BLOB)",
        "UPDATE names SET kind = 'lost' WHERE key = CAST('000007' AS BLOB)",
        "DELETE FROM tallies WHERE kind = 'pins'",
    ],
)
def test_a_scan_that_misses_rows_raises_at_its_end(path: Path, loss: str, count: int) -> None:
    filled(path, count)
    meddle(path, loss)
    names = SqliteNames(path)
    with pytest.raises(Corrupt, match="rows of pins are here"):
        list(names.scan("pins"))
    assert len(list(names.scan("refs"))) == 1
    assert "pins" in names.kinds()
    names.recount()
    list(names.scan("pins"))
    names.close()


def test_a_row_that_became_another_valid_row_is_noticed(path: Path) -> None:
    filled(path)
    old = SqliteNames(path.with_name("old.db"), create=True)
    old.apply([Change("pins", b"000007", b"as it was once")])
    old.close()
    _swap(path)
    names = SqliteNames(path)
    with pytest.raises(Corrupt, match="are not those that were recorded"):
        list(names.scan("pins"))
    names.close()


def _swap(path: Path) -> None:
    old = sqlite3.connect(path.with_name("old.db"))
    row = old.execute("SELECT * FROM names").fetchone()
    old.close()
    db = sqlite3.connect(path)
    db.execute("INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?)", row)
    db.commit()
    db.close()


def test_tallies_follow_every_kind_of_change(path: Path) -> None:
    names = SqliteNames(path, create=True)
    for value in (b"1", b"2", None, None, b"3"):
        names.apply(
            [Change("pins", b"a", value), Change("pins", b"b", b"x"), Change("x", b"", value)]
        )
        assert [key for key, _ in names.scan("pins")] == ([b"a", b"b"] if value else [b"b"])
        list(names.scan("x"))
    names.apply(
        [Change("pins", b"a", b"1"), Change("pins", b"a", None), Change("pins", b"a", b"2")]
    )
    assert dict(names.scan("pins")) == {b"a": b"2", b"b": b"x"}
    names.close()


def test_an_older_state_of_the_database_is_noticed(path: Path) -> None:
    filled(path)
    shutil.copy(path, path.with_name("backup"))
    names = SqliteNames(path)
    assert names.went_back() is None
    for number in range(3):
        names.apply([Change("refs", b"main", b"%d" % number)])
    names.close()
    shutil.copy(path.with_name("backup"), path)
    for side in path.parent.glob("names.db-*"):
        side.unlink()
    names = SqliteNames(path)
    assert names.went_back() == 3
    names.recount()
    assert names.went_back() is None
    names.close()
    names = SqliteNames(path)
    assert names.went_back() is None
    names.close()


@pytest.mark.parametrize("mark", [b"", b"jiaozi names", b"jiaozi names x\n", b"\xff\xfe", None])
def test_a_mark_that_says_nothing_is_not_compared_with(path: Path, mark: bytes | None) -> None:
    filled(path)
    at = path.with_name(MARK_NAME)
    assert at.read_bytes() == b"jiaozi names 2\n"
    at.unlink()
    if mark is not None:
        at.write_bytes(mark)
    names = SqliteNames(path)
    assert names.went_back() is None
    names.close()


def test_a_database_without_tallies_gets_them(path: Path) -> None:
    filled(path)
    meddle(path, "DROP TABLE tallies", "PRAGMA user_version = 1")
    names = SqliteNames(path)
    assert len(list(names.scan("pins"))) == 100
    names.close()
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    db.close()


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM names WHERE kind = 'pins'",
        "DELETE FROM names WHERE key = CAST('000007' AS BLOB)",
        "DELETE FROM tallies WHERE kind = 'refs'",
    ],
)
def test_everything_that_misses_rows_raises_at_its_end(path: Path, loss: str) -> None:
    filled(path)
    meddle(path, loss)
    names = SqliteNames(path)
    with pytest.raises(Corrupt, match="were recorded"):
        list(names.everything())
    names.recount()
    list(names.everything())
    names.close()
