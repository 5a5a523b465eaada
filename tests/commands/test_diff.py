"""``jiaozi diff`` between versions, stage and files."""

import json
import os
from pathlib import Path

import pytest

from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.local_home import LocalHome
from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init")
    (place / "data.csv").write_text("a,b\n1,2\n")
    (place / "gone.txt").write_text("gone\n")
    (place / "sub").mkdir()
    (place / "sub" / "c.txt").write_text("c\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    (place / "data.csv").write_text("a,b\n1,2\n3,4\n")
    jiaozi("commit", "-a", "-m", "second", "--author", "A")
    return place


def test_between_two_commits_the_lines_are_those_of_git(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    expected = (
        "diff --git a/data.csv b/data.csv\n--- a/data.csv\n+++ b/data.csv\n"
        "@@ -1,2 +1,3 @@\n a,b\n 1,2\n+3,4\n"
    )
    assert jiaozi("diff", "HEAD~", "HEAD").out == expected
    assert jiaozi("diff", "HEAD~..HEAD").out == expected
    trees = [json.loads(line)["tree"] for line in jiaozi("log", "--json").out.splitlines()]
    assert jiaozi("diff", trees[1], trees[0]).out == expected
    assert jiaozi("diff", "HEAD~..", "--name-status").out == "M\tdata.csv\n"
    assert "-3,4" in jiaozi("diff", "HEAD", "HEAD~").out


def test_files_stage_and_head_are_held_against_each_other(jiaozi: Run, repo: Path) -> None:
    assert jiaozi("diff", "--exit-code").out == ""
    (repo / "data.csv").write_text("staged\n")
    (repo / "new.txt").write_text("new\n")
    jiaozi("add", "data.csv", "new.txt")
    (repo / "data.csv").write_text("staged\nworking\n")
    (repo / "gone.txt").unlink()
    (repo / "untracked").write_text("not told of\n")
    assert jiaozi("diff", "--name-status").out == "M\tdata.csv\nD\tgone.txt\n"
    assert jiaozi("diff", "--staged", "--name-status").out == "M\tdata.csv\nA\tnew.txt\n"
    assert jiaozi("diff", "HEAD", "--name-status").out == "M\tdata.csv\nD\tgone.txt\nA\tnew.txt\n"
    assert "+working" in jiaozi("diff", "--", "data.csv").out
    assert "+staged" not in jiaozi("diff").out
    assert jiaozi("diff", "HEAD", "--name-only", "--", "gone.txt").out == "gone.txt\n"
    assert jiaozi("diff", "--exit-code", code=1).code == 1


def test_a_change_undone_in_the_file_is_none_from_head(jiaozi: Run, repo: Path) -> None:
    before = (repo / "data.csv").read_text()
    (repo / "data.csv").write_text("staged\n")
    jiaozi("add", "data.csv")
    (repo / "data.csv").write_text(before)
    assert jiaozi("diff", "HEAD").out == ""
    assert jiaozi("diff", "--name-status").out == "M\tdata.csv\n"


def test_stat_counts_lines_and_names_binary_files(jiaozi: Run, repo: Path) -> None:
    (repo / "data.csv").write_text("a,b\nx\ny\n")
    (repo / "gone.txt").write_bytes(b"\0\1\2")
    out = jiaozi("diff", "--stat").out
    assert out == " data.csv | +2 -2\n gone.txt | binary\n 2 files changed, +2 -2\n"
    rows = [json.loads(line) for line in jiaozi("diff", "--stat", "--json").out.splitlines()]
    assert rows[0]["added"] == 2
    assert rows[-1] == {"files": 2, "added": 2, "removed": 2}


def test_a_missing_line_end_and_odd_bytes_are_shown(jiaozi: Run, repo: Path) -> None:
    (repo / "gone.txt").write_bytes(b"caf\xe9")
    ran = jiaozi("diff", "--", "gone.txt")
    assert ran.raw.endswith(b"-gone\n+caf\xe9\n\\ No newline at end of file\n")


def test_a_path_is_read_from_where_one_stands(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "sub" / "c.txt").write_text("changed\n")
    (repo / "data.csv").write_text("changed\n")
    monkeypatch.chdir(repo / "sub")
    assert jiaozi("diff", "--name-only", "--", ".").out == "sub/c.txt\n"
    assert "working copy" in jiaozi("diff", "--", os.pardir + "/../x", code=2).err
    assert "too many" in jiaozi("diff", "HEAD", "HEAD", "HEAD", code=2).err


def test_files_that_moved_say_from_where(jiaozi: Run, repo: Path) -> None:
    (repo / "gone.txt").rename(repo / "moved.txt")
    (repo / "copy.txt").write_text("gone\n")
    (repo / "like-c.txt").write_text("c\n")
    jiaozi("add", "-A")
    expected = "R100\tgone.txt\tcopy.txt\nA\tlike-c.txt\nC100\tgone.txt\tmoved.txt\n"
    assert jiaozi("diff", "--staged", "--name-status").out == expected
    assert jiaozi("diff", "HEAD", "--name-status").out == expected
    found = jiaozi("diff", "--staged", "--name-status", "-C").out
    assert "C100\tsub/c.txt\tlike-c.txt\n" in found
    plain = "A\tcopy.txt\nD\tgone.txt\nA\tlike-c.txt\nA\tmoved.txt\n"
    assert jiaozi("diff", "--staged", "--name-status", "--no-renames").out == plain
    row = json.loads(jiaozi("diff", "--staged", "--json").out.splitlines()[0])
    assert (row["change"], row["from"], row["path"]) == ("R", "gone.txt", "copy.txt")
    assert row["before"] == row["after"]
    patch = jiaozi("diff", "--staged", "--", "copy.txt", "gone.txt").out
    assert patch == (
        "diff --git a/gone.txt b/copy.txt\nsimilarity index 100%\n"
        "rename from gone.txt\nrename to copy.txt\n"
    )
    assert " gone.txt => copy.txt | +0 -0\n" in jiaozi("diff", "--staged", "--stat").out


def test_three_dots_begin_at_the_merge_base(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    jiaozi("switch", "-c", "side", "HEAD~")
    (repo / "side.txt").write_text("side\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "side", "--author", "A")
    assert jiaozi("diff", "main...side", "--name-status").out == "A\tside.txt\n"
    assert jiaozi("diff", "main...", "--name-status").out == "A\tside.txt\n"
    assert jiaozi("diff", "main..side", "--name-status").out == "M\tdata.csv\nA\tside.txt\n"
    assert "too many" in jiaozi("diff", "main...side", "HEAD", code=2).err
    assert "no_such" in jiaozi("diff", "main...no_such", code=3).err


def test_of_several_merge_bases_none_is_picked(jiaozi: Run, repo: Path) -> None:
    tips = {}
    for name in ("one", "other"):
        jiaozi("switch", "-c", name, "main")
        (repo / f"{name}.txt").write_text(f"{name}\n")
        jiaozi("add", ".")
        jiaozi("commit", "-m", name, "--author", "A")
        tips[name] = json.loads(jiaozi("log", "-n", "1", "--json").out)["commit"]
    jiaozi("merge", tips["one"])
    jiaozi("switch", "one")
    jiaozi("merge", tips["other"])
    err = jiaozi("diff", "one...other", code=2).err
    assert "several merge bases" in err
    assert all(tip in err for tip in tips.values())
    assert jiaozi("diff", "one..other").out == ""


def test_files_and_directories_of_versions_are_compared_too(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    out = jiaozi("diff", "HEAD~:data.csv", "HEAD:data.csv").out
    assert out.startswith("diff --git a/data.csv b/data.csv\n")
    assert out.endswith("@@ -1,2 +1,3 @@\n a,b\n 1,2\n+3,4\n")
    (repo / "sub" / "c.txt").write_text("d\n")
    jiaozi("commit", "-a", "-m", "third", "--author", "A")
    assert jiaozi("diff", "HEAD~:sub", "HEAD:sub", "--name-status").out == "M\tc.txt\n"
    assert "is a file" in jiaozi("diff", "HEAD:data.csv", code=2).err
    assert "no 'none'" in jiaozi("diff", "HEAD:none", "HEAD", code=3).err


def test_lines_around_a_change_are_as_many_as_asked_for(jiaozi: Run, repo: Path) -> None:
    (repo / "data.csv").write_text("".join(f"{n}\n" for n in range(9)))
    jiaozi("add", ".")
    (repo / "data.csv").write_text("".join(f"{n}\n" for n in (0, 1, 2, 3, "x", 5, 6, 7, 8)))
    assert "@@ -5 +5 @@\n-4\n+x\n" in jiaozi("diff", "-U0").out
    assert "@@ -4,3 +4,3 @@\n 3\n-4\n+x\n 5\n" in jiaozi("diff", "--unified", "1").out
    assert "patch" not in json.loads(jiaozi("diff", "--json").out)
    row = json.loads(jiaozi("diff", "--json", "-U0").out)
    assert row["patch"].endswith("@@ -5 +5 @@\n-4\n+x\n")
    assert jiaozi("diff", "--stat", "-p").out.startswith(" data.csv | +1 -1\ndiff --git")
    assert "--unified can't be negative" in jiaozi("diff", "-U=-1", code=2).err


def test_a_block_that_is_missing_is_named_where_it_is_needed(jiaozi: Run, repo: Path) -> None:
    cid = json.loads(jiaozi("diff", "HEAD~", "HEAD", "--json").out)["before"]
    home = LocalHome.open(repo.parent / "home")
    assert home.blocks.drop([Cid.parse(cid)]) == 1
    home.close()
    assert jiaozi("diff", "HEAD~", "HEAD", "--name-status").out == "M\tdata.csv\n"
    assert cid in jiaozi("diff", "HEAD~", "HEAD", code=3).err
