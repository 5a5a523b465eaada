"""``jiaozi diff --rows`` as a person and a program see it."""

import json
from pathlib import Path

import pytest

from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.local_home import LocalHome
from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init")
    (place / "birds.csv").write_text('id,name,mass\n1,"Ann, B",3\n2,bob,4\n3,c,\n')
    (place / "log.jsonl").write_text('{"id": 1, "a": 1.0}\n{"id": 2}\n')
    (place / "note.txt").write_text("x\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    return place


def lines(jiaozi: Run, *words: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in jiaozi("diff", "--json", *words).out.splitlines()]


def test_a_person_reads_columns_rows_and_cells(jiaozi: Run, repo: Path) -> None:
    (repo / "birds.csv").write_text("id,mass,name,sex\n2,5,bob,m\n1,3,'Ann',f\n9,,d,\n")
    expected = (
        "M birds.csv\n"
        "  csv, rows by id\n"
        "  columns: +sex, in another order\n"
        "  ~ id=2: mass 4 -> 5\n"
        "  ~ id=1: name 'Ann, B' -> 'Ann'\n"
        "  - id=3, name=c, mass=''\n"
        "  + id=9, mass='', name=d, sex=''\n"
        "  1 added, 1 removed, 2 changed\n"
    )
    assert jiaozi("diff", "--rows", "--key", "id").out == expected
    jiaozi("add", ".")
    assert jiaozi("diff", "--rows", "--key", "id", "--staged").out == expected
    jiaozi("commit", "-m", "second", "--author", "A")
    assert jiaozi("diff", "HEAD~..HEAD", "--rows", "--key", "id").out == expected
    one, other = "HEAD~:birds.csv", "HEAD:birds.csv"
    assert jiaozi("diff", one, other, "--rows", "--key=id").out == expected


def test_the_key_comes_from_the_later_sides_attributes(jiaozi: Run, repo: Path) -> None:
    (repo / "log.jsonl").write_text('{"id": 2, "a": 2}\n{"id": 1, "a": 1.00}\n')
    assert lines(jiaozi, "--rows", "--", "log.jsonl")[1]["table"] == {
        "format": "jsonl",
        "key": None,
    }
    (repo / ".jiaoziattributes").write_text("*.jsonl merge=jsonl key=id\n")
    expected = [
        {"path": "log.jsonl", "table": {"format": "jsonl", "key": ["id"]}},
        {
            "path": "log.jsonl",
            "row": "changed",
            "key": {"id": "2"},
            "cells": [{"column": "a", "after": "2"}],
        },
        {
            "path": "log.jsonl",
            "row": "changed",
            "key": {"id": "1"},
            "cells": [{"column": "a", "before": "1.0", "after": "1.00"}],
        },
        {"path": "log.jsonl", "rows": {"added": 0, "removed": 0, "changed": 2, "same": 0}},
    ]
    assert lines(jiaozi, "--rows", "--", "log.jsonl")[1:] == expected
    jiaozi("add", ".")
    assert lines(jiaozi, "--rows", "--staged", "--", "log.jsonl")[1:] == expected
    (repo / ".jiaoziattributes").write_text("*.jsonl merge=nonsense\n")
    assert "line 1" in jiaozi("diff", "--rows", code=2).err


def test_columns_come_as_names_and_pairs(jiaozi: Run, repo: Path) -> None:
    (repo / "birds.csv").write_text("id,called,mass\n1,x,3\n2,bob,4\n3,c,\n")
    told = lines(jiaozi, "--rows", "--key", "id")
    assert told[2]["columns"] == {
        "added": [],
        "removed": [],
        "renamed": [{"before": "name", "after": "called"}],
        "reordered": False,
    }
    assert told[3]["cells"] == [{"column": "called", "before": "Ann, B", "after": "x"}]
    assert "  columns: name now called\n" in jiaozi("diff", "--rows").out


def test_files_that_are_no_tables_differ_and_say_why(jiaozi: Run, repo: Path) -> None:
    (repo / "note.txt").write_text("y\n")
    (repo / "birds.csv").write_text('id,name,mass\n1,"Ann\n')
    (repo / "log.jsonl").unlink()
    (repo / "log.jsonl").symlink_to("note.txt")
    out = jiaozi("diff", "--rows", "--exit-code", code=1).out
    assert "M note.txt\n  differs; not told by rows: no table: neither its name" in out
    assert "  differs; not told by rows: a quote is not closed\n" in out
    assert "  differs; not told by rows: a symlink is no table\n" in out
    assert lines(jiaozi, "--rows", "--", "note.txt")[1].keys() == {"path", "unreadable"}


def test_other_order_new_files_and_moves(jiaozi: Run, repo: Path) -> None:
    (repo / "birds.csv").write_text('id,name,mass\n3,c,\n2,bob,4\n"1","Ann, B",3\n')
    assert jiaozi("diff", "--rows").out.endswith(
        "  all 3 rows are the same, in another order or written in another way\n"
    )
    (repo / "new.csv").write_text("a\n1\n2\n")
    (repo / "log.jsonl").rename(repo / "moved.jsonl")
    jiaozi("add", "-A")
    out = jiaozi("diff", "--staged", "--rows", "--", "new.csv", "log.jsonl", "moved.jsonl").out
    assert out == (
        "R log.jsonl => moved.jsonl\n"
        "A new.csv\n  csv, whole rows: there is no key\n  columns: +a\n  2 added\n"
    )


def test_options_that_can_not_be_meant_are_refused(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert "stands without" in jiaozi("diff", "--rows", "--stat", code=2).err
    assert "--key says" in jiaozi("diff", "--key", "id", code=2).err
    assert "write NAME" in jiaozi("diff", "--rows", "--key", "id,,a", code=2).err
    assert "write NAME" in jiaozi("diff", "--rows", "--key", "id,id", code=2).err
    (repo / "birds.csv").write_text("id,name,mass\n")
    assert "there is no column 'none'" in jiaozi("diff", "--rows", "--key", "none").out


def test_a_missing_block_is_named(jiaozi: Run, repo: Path) -> None:
    (repo / "birds.csv").write_text("id,name,mass\n")
    cid = str(lines(jiaozi)[0]["before"])
    home = LocalHome.open(repo.parent / "home")
    home.blocks.drop([Cid.parse(cid)])
    home.close()
    assert cid in jiaozi("diff", "--rows", code=3).err
