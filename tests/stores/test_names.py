"""names.db on real files: damage, versions, durability."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import Corrupt, Unavailable
from jiaozi_node.stores import names as module
from jiaozi_node.stores.api import Change, NameConflict
from jiaozi_node.stores.memory import MemoryNames
from jiaozi_node.stores.names import (
    SCHEMA_VERSION,
    CorruptNames,
    NamesMissing,
    NewerSchema,
    SqliteNames,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "names.db"


def filled(path: Path, count: int = 100) -> None:
    names = SqliteNames(path, create=True)
    names.apply([Change("refs", b"%06d" % n, b"value %d" % n) for n in range(count)])
    names.close()


def meddle(path: Path, sql: str, *values: object) -> None:
    db = sqlite3.connect(path)
    db.execute(sql, values)
    db.commit()
    db.close()


def test_a_database_that_is_not_there_is_not_made_by_looking(path: Path) -> None:
    with pytest.raises(NamesMissing):
        SqliteNames(path)
    assert not path.exists()


def test_only_the_owner_may_read_it(path: Path) -> None:
    filled(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_create_opens_what_is_there(path: Path) -> None:
    filled(path)
    names = SqliteNames(path, create=True)
    assert names.get("refs", b"000007") == b"value 7"
    names.close()


def test_a_creation_that_was_cut_short_goes_on(path: Path) -> None:
    path.touch()
    with pytest.raises(CorruptNames):
        SqliteNames(path)
    filled(path)


def test_a_later_schema_is_refused_naming_both_versions(path: Path) -> None:
    filled(path)
    meddle(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(NewerSchema) as raised:
        SqliteNames(path)
    assert f"version {SCHEMA_VERSION + 1}" in str(raised.value)
    assert f"up to {SCHEMA_VERSION}" in str(raised.value)


def test_a_foreign_database_is_refused_even_to_create(path: Path) -> None:
    meddle(path, "CREATE TABLE theirs (x)")
    for create in (False, True):
        with pytest.raises(CorruptNames):
            SqliteNames(path, create=create)


def test_every_act_is_synced(path: Path) -> None:
    names = SqliteNames(path, create=True)
    assert names._db is not None
    assert names._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert names._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    names.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE names SET value = X'00' || substr(value, 2) WHERE key = CAST('000007' AS BLOB)",
        "UPDATE names SET value = substr(value, 2) WHERE key = CAST('000007' AS BLOB)",
        "UPDATE names SET crc = crc + 1 WHERE key = CAST('000007' AS BLOB)",
        "UPDATE names SET value = 'value 7' WHERE key = CAST('000007' AS BLOB)",
        "UPDATE names SET value = (SELECT value FROM names WHERE key = CAST('000008' AS BLOB)), "
        "crc = (SELECT crc FROM names WHERE key = CAST('000008' AS BLOB)) "
        "WHERE key = CAST('000007' AS BLOB)",
    ],
    ids=["flipped", "shortened", "checksum", "text for bytes", "the row of another key"],
)
def test_a_damaged_row_is_an_error_and_never_a_value(path: Path, damage: str) -> None:
    filled(path)
    meddle(path, damage)
    names = SqliteNames(path)
    with pytest.raises(CorruptNames, match="000007"):
        names.get("refs", b"000007")
    with pytest.raises(CorruptNames):
        list(names.scan("refs"))
    with pytest.raises(CorruptNames):
        names.apply([Change("refs", b"000007", b"new", b"value 7")])
    assert names.get("refs", b"000008") == b"value 8"
    names.apply([Change("refs", b"000007", b"healed")])
    assert names.get("refs", b"000007") == b"healed"
    names.close()


def test_a_moved_row_is_found_by_a_scan(path: Path) -> None:
    filled(path)
    meddle(path, "UPDATE names SET kind = 'pins' WHERE key = CAST('000007' AS BLOB)")
    names = SqliteNames(path)
    with pytest.raises(CorruptNames):
        list(names.scan("pins"))
    names.close()


def test_rot_anywhere_in_the_file_is_never_a_wrong_value(path: Path) -> None:
    filled(path, 300)
    true = {b"%06d" % n: b"value %d" % n for n in range(300)}
    whole = path.read_bytes()
    for at in range(0, len(whole), len(whole) // 60):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 4,)) + whole[at + 1 :])
        for side in path.parent.glob("names.db-*"):
            side.unlink()
        try:
            names = SqliteNames(path)
        except (Corrupt, NewerSchema):
            continue
        try:
            for key, value in names.scan("refs"):
                assert true[key] == value
            for key in true:
                assert names.get("refs", key) in (true[key], None)
        except (Corrupt, Unavailable):
            pass
        finally:
            names.close()


@pytest.mark.parametrize("length", [0, 1, 50, 4096, 5000])
def test_a_truncated_file_is_damage(path: Path, length: int) -> None:
    filled(path, 1000)
    path.write_bytes(path.read_bytes()[:length])
    try:
        names = SqliteNames(path)
    except Corrupt:
        return
    with pytest.raises(Corrupt):
        list(names.scan("refs"))
    names.close()


def test_what_was_acknowledged_outlives_kill_9(path: Path) -> None:
    code = """
import os, pathlib, signal, sys
from jiaozi_node.stores.api import Change
from jiaozi_node.stores.names import SqliteNames
names = SqliteNames(pathlib.Path(sys.argv[1]), create=True)
for number in range(50):
    names.apply([Change("refs", b"%d" % number, b"x", None)])
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code, path], check=False, timeout=60)
    assert done.returncode == -9
    names = SqliteNames(path)
    assert len(list(names.scan("refs"))) == 50
    names.close()


def test_a_writer_that_never_lets_go_makes_it_unavailable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(path)
    monkeypatch.setattr(module, "_BUSY_S", 0.01)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    names = SqliteNames(path)
    with pytest.raises(Unavailable, match="locked"):
        names.apply([Change("refs", b"a", b"1")])
    with pytest.raises(Unavailable):  # nor is anything compared before the right to write is had
        names.apply([Change("refs", b"000001", b"1", b"not this")])
    assert names.get("refs", b"000001") == b"value 1"
    other.execute("ROLLBACK")
    other.close()
    names.apply([Change("refs", b"a", b"1")])
    names.close()


def test_opening_costs_the_same_however_many_rows_and_scanning_a_little_each(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    connect = SqliteNames._connect

    def counted(names: SqliteNames) -> sqlite3.Connection:
        def count() -> None:
            nonlocal steps
            steps += 10

        db = connect(names)
        db.set_progress_handler(count, 10)  # SQLite calls it after so many steps of its machine
        return db

    filled(path, 50_000)
    monkeypatch.setattr(SqliteNames, "_connect", counted)
    names = SqliteNames(path)
    names.get("refs", b"000001")
    assert steps < 500
    assert sum(1 for _ in names.scan("refs")) == 50_000
    assert 50_000 < steps < 500 + 50_000 * 20
    names.close()


KEYS = st.sampled_from([b"", b"a", b"a\0", b"a\xff", b"b", b"\xff"])
VALUES = st.none() | st.sampled_from([b"", b"1", b"2"])
CHANGES = st.lists(
    st.builds(Change, st.sampled_from(["refs", "pins"]), KEYS, VALUES)
    | st.builds(Change, st.sampled_from(["refs", "pins"]), KEYS, VALUES, VALUES),
    max_size=4,
)


@given(batches=st.lists(CHANGES, max_size=12))
@settings(max_examples=15, deadline=None)
def test_sqlite_and_memory_agree(
    batches: list[list[Change]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    sqlite = SqliteNames(tmp_path_factory.mktemp("names") / "names.db", create=True)
    memory = MemoryNames()
    for batch in batches:
        outcomes: list[tuple[object, ...]] = []
        for names in (sqlite, memory):
            try:
                names.apply(batch)
                outcomes.append(())
            except NameConflict as fault:
                outcomes.append((fault.kind, fault.key, fault.found))
        assert outcomes[0] == outcomes[1]
        for kind in ("refs", "pins"):
            for prefix in (b"", b"a", b"\xff"):
                assert list(sqlite.scan(kind, prefix)) == list(memory.scan(kind, prefix))
    sqlite.close()
