"""Every kind of dispute, settled for either side: the tree is the one that `merge -X` makes."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.commands.test_merge import commit, tip, value

LONG = "".join(f"line {number}\n" for number in range(30))


def written(place: Path, files: dict[str, str | None]) -> None:
    """Make the directory hold just *files*; None is an empty directory."""
    for item in place.iterdir():
        if item.name != ".jiaozi":
            if item.is_dir():
                shutil.rmtree(item)
            else:
                item.unlink()
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.mkdir()
        else:
            path.write_text(text)


Sides = tuple[dict[str, str | None], dict[str, str | None], dict[str, str | None]]
KINDS: dict[str, tuple[Sides, str]] = {
    "both-modified": (({"f": "0\0"}, {"f": "1\0"}, {"f": "2\0"}), "UU f\n"),
    "both-added": (({"k": ""}, {"k": "", "f": "1\0"}, {"k": "", "f": "2\0"}), "AA f\n"),
    "deleted here": (({"d/f": "0\0", "k": "0"}, {"k": "1"}, {"d/f": "2\0", "k": "0"}), "DU d/f\n"),
    "deleted there": (({"d/f": "0\0", "k": "0"}, {"d/f": "1\0", "k": "0"}, {"k": "1"}), "UD d/f\n"),
    "file and directory": (({"k": "0"}, {"k": "0", "x": "1"}, {"k": "1", "x/y": "2"}), "AU x\n"),
    "directory and file": (({"k": "0"}, {"k": "0", "x/y": "1"}, {"k": "1", "x": "2"}), "UA x\n"),
    "file, then a directory": (({"x": "0"}, {"x": "1"}, {"x/y": "2"}), "UD x\n"),
    "directory, then a file": (({"x": "0"}, {"x/y": "1"}, {"x": "2"}), "DU x\n"),
    "both-renamed": (
        ({"a": LONG, "k": "0"}, {"b": LONG, "k": "1"}, {"c": LONG, "k": "0"}), "DD a\n"
    ),
    "renamed and deleted": (({"a": LONG, "k": "0"}, {"b": LONG, "k": "0"}, {"k": "1"}), "UD b\n"),
    "deleted and renamed": (({"a": LONG, "k": "0"}, {"k": "1"}, {"c": LONG, "k": "0"}), "DU c\n"),
}  # fmt: skip


def branches(jiaozi: Run, place: Path, sides: Sides) -> None:
    """Make *main* of ours and *topic* of theirs."""
    written(place, sides[0])
    commit(jiaozi, "base")
    jiaozi("switch", "-c", "topic")
    written(place, sides[2])
    commit(jiaozi, "theirs")
    jiaozi("switch", "main")
    written(place, sides[1])
    commit(jiaozi, "ours")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_settled_for_either_side(jiaozi: Run, place: Path, kind: str) -> None:
    sides, letters = KINDS[kind]
    jiaozi("init")
    branches(jiaozi, place, sides)
    before = {str(path.relative_to(place)) for path in place.rglob("*")}
    expected = {
        side: value(jiaozi, "merge", "-n", "-X", side, "topic")["tree"]
        for side in ("ours", "theirs")
    }
    assert len(set(expected.values())) == 2
    jiaozi("merge", "topic", code=1)
    assert letters in jiaozi("status", "-s").out
    for side in ("theirs", "ours", "theirs"):  # one may think better of it
        jiaozi("resolve", f"--{side}", ".")
        assert json.loads(jiaozi("add", "-A", "--json").out)["tree"] == expected[side]
    jiaozi("merge", "--abort")
    assert jiaozi("status", "-s").out == ""
    assert {str(path.relative_to(place)) for path in place.rglob("*")} == before
    jiaozi("merge", "topic", code=1)
    jiaozi("resolve", "--ours", ".")
    jiaozi("merge", "--continue")
    assert json.loads(jiaozi("log", "-n1", "--json").out)["tree"] == expected["ours"]
    assert jiaozi("status", "-s").out == ""


def test_modes_in_dispute(jiaozi: Run, place: Path) -> None:
    jiaozi("init", "--profile", "unixfs-v1-2025+mode")
    modes = {"main": 0o640, "topic": 0o600}
    (place / "d").mkdir()
    for name in ("f", "g", "d/x"):
        (place / name).write_text(LONG)
    for path in (place, place / "d"):
        path.chmod(0o755)
    for name in ("f", "g", "d/x"):
        (place / name).chmod(0o644)
    commit(jiaozi, "base")
    for branch in ("topic", "main"):
        jiaozi("switch", *(("-c",) if branch == "topic" else ()), branch)
        (place / "f").chmod(modes[branch])
        (place / "d").chmod(0o700 if branch == "topic" else 0o750)
        if branch == "topic":
            (place / "f").write_text(LONG + "theirs\n")
        commit(jiaozi, branch)
    told = value(jiaozi, "merge", "topic", code=1)
    assert [(one["path"], one["kind"]) for one in told["conflicts"]] == [
        ("d", "mode"),
        ("f", "mode"),
    ]
    for side, mode, directory in (("theirs", 0o600, 0o700), ("ours", 0o640, 0o750)):
        expected = value_of_strategy(jiaozi, side)
        jiaozi("resolve", f"--{side}", "f", "d")
        assert (place / "f").stat().st_mode & 0o777 == mode
        assert (place / "d").stat().st_mode & 0o777 == directory
        assert (place / "f").read_text() == LONG + "theirs\n"  # what was no dispute stays
        assert json.loads(jiaozi("add", "-A", "--json").out)["tree"] == expected
    jiaozi("merge", "--continue")
    assert jiaozi("status", "-s").out == ""


def value_of_strategy(jiaozi: Run, side: str) -> str:
    return str(value(jiaozi, "merge", "-n", "-X", side, "topic")["tree"])


def test_tables_tell_their_cells(jiaozi: Run, place: Path) -> None:
    jiaozi("init")
    rules = "*.csv merge=csv key=id\n"
    branches(
        jiaozi, place,
        tuple(
            {"t.csv": f"id,n\n1,{one}\n2,{two}\n", ".jiaoziattributes": rules}
            for one, two in (("a", "b"), ("A", "b"), ("aa", "B"))
        ),  # type: ignore[arg-type]
    )  # fmt: skip
    told = value(jiaozi, "merge", "topic", code=1)
    assert told["conflicts"][0]["cells"] == [
        {"row": "1", "column": "n", "base": "a", "ours": "A", "theirs": "aa"}
    ]
    assert "CONFLICT (both-modified): t.csv\n  1: n\n" in jiaozi("resolve").out
    assert (place / "t.csv").read_text() == "id,n\n1,A\n2,B\n"


def test_from_a_directory_below(jiaozi: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jiaozi("init")
    branches(jiaozi, place, tuple({"d/f": text, "f": text} for text in ("0\0", "1\0", "2\0")))  # type: ignore[arg-type]
    jiaozi("merge", "topic", code=1)
    monkeypatch.chdir(place / "d")
    assert "settled d/f by --theirs; 1 still" in jiaozi("resolve", "--theirs", ".").out
    assert (place / "d" / "f").read_text() == "2\0"
    assert (place / "f").read_text() == "1\0"
    jiaozi("rm", "../f")
    assert jiaozi("resolve").out == ""
    jiaozi("merge", "--continue")
    assert not os.path.lexists(place / "f")


def test_collection_keeps_what_a_merge_needs(jiaozi: Run, place: Path) -> None:
    jiaozi("init")
    branches(jiaozi, place, ({"f": "0\0"}, {"f": "1\0"}, {"f": "2\0" * 100_000}))
    topic = tip(jiaozi, "topic")
    jiaozi("merge", "topic", code=1)
    jiaozi("branch", "-D", "topic")
    jiaozi("gc", "--prune=now")
    jiaozi("resolve", "--theirs", "f")
    jiaozi("merge", "--continue")
    assert (place / "f").read_text() == "2\0" * 100_000
    assert f"Merge: {tip(jiaozi, 'HEAD~1')[:20]} {topic[:20]}" in jiaozi("log", "-n1").out
