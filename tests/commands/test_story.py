"""The main job as a person does it: init, add, commit, change, commit, and back in time."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.commands.conftest import Run


def _json(text: str) -> dict[str, object]:
    value = json.loads(text)
    assert isinstance(value, dict)
    return value


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """A repository with two versions of two files."""
    jiaozi("init", "--name", "birds")
    (place / "data.csv").write_text("a,b\n1,2\n")
    (place / "sub").mkdir()
    (place / "sub" / "b.txt").write_text("deep\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "Ada <ada@example.org>")
    (place / "data.csv").write_text("a,b\n1,2\n3,4\n")
    jiaozi("add", "data.csv")
    jiaozi("commit", "-m", "second", "--author", "Ada <ada@example.org>")
    return place


def test_an_old_version_is_read_by_revision_path_and_cid(jiaozi: Run, repo: Path) -> None:
    assert jiaozi("cat", "HEAD:data.csv").out == "a,b\n1,2\n3,4\n"
    assert jiaozi("cat", "HEAD~1:data.csv").out == "a,b\n1,2\n"
    assert jiaozi("cat", "main^:sub/b.txt").out == "deep\n"
    newest = json.loads(jiaozi("log", "--json", "-n", "1").out)
    assert jiaozi("cat", f"/ipfs/{newest['commit']}/parents/0/tree/data.csv").out == "a,b\n1,2\n"
    assert jiaozi("cat", f"{newest['commit']}/tree/sub/b.txt").out == "deep\n"
    assert jiaozi("cat", f"{newest['commit']}:sub/b.txt").out == "deep\n"
    assert jiaozi("cat", f"{newest['tree']}/sub/b.txt").out == "deep\n"
    assert jiaozi("cat", f"{newest['commit'][:24]}~1:data.csv").out == "a,b\n1,2\n"
    assert repo.exists()


def test_the_log_tells_who_when_and_why(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    text = jiaozi("log").out
    assert "Author: Ada <ada@example.org>" in text
    assert text.index("second") < text.index("first")
    assert "(HEAD -> main)" in text
    lines = jiaozi("log", "--oneline").out.splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["(HEAD -> main) second", "first"]
    rows = [json.loads(line) for line in jiaozi("log", "--json").out.splitlines()]
    assert rows[0]["parents"] == [rows[1]["commit"]]
    assert rows[0]["generation"] == 2
    assert rows[0]["stats"] == {"files": 2, "bytes": 17}


def test_show_names_the_paths_that_changed(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert jiaozi("show", "--name-status").out.rstrip().endswith("M\tdata.csv")
    first = jiaozi("show", "HEAD~", "--name-status").out
    assert "A\tdata.csv" in first
    assert "A\tsub/b.txt" in first


def test_the_tree_is_what_kubo_would_import(jiaozi: Run, repo: Path) -> None:
    tree = json.loads(jiaozi("log", "--json", "-n1").out)["tree"]
    beside = repo.parent / "copy"
    shutil.copytree(repo, beside, ignore=shutil.ignore_patterns(".jiaozi"))
    jiaozi("ipfs", "config", "profile", "apply", "unixfs-v1-2025")
    assert jiaozi("ipfs", "add", "-r", "-Q", "-H", beside).out.strip() == tree


def test_a_commit_with_nothing_staged_gives_gits_hint(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    ran = jiaozi("commit", "-m", "again", code=1)
    assert "nothing added to commit" in ran.err
    assert "jiaozi add" in ran.err


def test_a_commit_without_a_message_and_terminal_is_a_misuse(jiaozi: Run, repo: Path) -> None:
    (repo / "data.csv").write_text("x\n")
    jiaozi("add", "data.csv")
    assert "-m" in jiaozi("commit", code=2).err


def test_a_commit_that_is_refused_leaves_the_stage_alone(jiaozi: Run, repo: Path) -> None:
    (repo / "data.csv").write_text("changed\n")
    before = jiaozi("add", "-n", "sub").out
    assert "no message" in jiaozi("commit", "-a", code=2).err
    assert "message is empty" in jiaozi("commit", "-a", "-m", " ", code=2).err
    assert jiaozi("add", "-n", "sub").out == before


def test_the_login_name_is_told_when_it_goes_into_a_commit(jiaozi: Run, repo: Path) -> None:
    assert "login name" not in jiaozi("commit", "-m", "x", code=1).err
    (repo / "data.csv").write_text("changed\n")
    assert "login name" in jiaozi("commit", "-a", "-m", "x").err


def test_an_author_in_the_config_that_is_no_text_is_named(jiaozi: Run, repo: Path) -> None:
    (repo / "data.csv").write_text("changed\n")
    jiaozi("ipfs", "config", "--json", "user.name", "5")
    assert "user.name" in jiaozi("commit", "-a", "-m", "x", code=2).err


def test_commit_a_takes_what_changed_and_went_but_nothing_new(jiaozi: Run, repo: Path) -> None:
    (repo / "data.csv").write_text("z\n")
    (repo / "sub" / "b.txt").unlink()
    (repo / "new.txt").write_text("new\n")
    jiaozi("commit", "-a", "-m", "third")
    assert jiaozi("cat", "HEAD:data.csv").out == "z\n"
    assert jiaozi("cat", "HEAD:sub/b.txt", code=3).err.startswith("jiaozi: no link named")
    assert jiaozi("cat", "HEAD:new.txt", code=3).code == 3


def test_adding_a_path_that_went_stages_its_removal(jiaozi: Run, repo: Path) -> None:
    (repo / "sub" / "b.txt").unlink()
    assert "1 removed" in jiaozi("add", "sub/b.txt").out
    jiaozi("commit", "-m", "gone")
    assert jiaozi("ls", "HEAD:sub").out == ""


def test_a_path_that_never_was_is_named(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert "nope.txt" in jiaozi("add", "nope.txt", code=3).err


def test_a_dry_run_prints_cids_and_writes_nothing(jiaozi: Run, repo: Path) -> None:
    (repo / "data.csv").write_text("dry\n")
    rows = jiaozi("add", "-n", ".", "--json").out.splitlines()
    would = _json(rows[0])
    assert would["path"] == "data.csv"
    assert jiaozi("cat", str(would["cid"]), code=3).code == 3
    jiaozi("commit", "-m", "nothing", code=1)
    jiaozi("add", ".")
    jiaozi("commit", "-m", "real")
    assert _json(jiaozi("stat", "HEAD:data.csv", "--json").out)["cid"] == would["cid"]


def test_a_dry_run_in_a_new_repository_writes_no_block(jiaozi: Run, place: Path) -> None:
    jiaozi("init")
    (place / "one").write_text("1\n")
    before = jiaozi("ipfs", "refs", "local").out
    assert "would stage 1 file" in jiaozi("add", "-n", ".").out
    assert jiaozi("ipfs", "refs", "local").out == before


def test_another_spelling_of_the_link_folder_is_refused_by_name(jiaozi: Run, repo: Path) -> None:
    (repo / "sub" / ".JIAOZI").mkdir()
    assert "'sub/.JIAOZI'" in jiaozi("add", ".", code=2).err
    (repo / "sub" / ".JIAOZI").rmdir()
    (repo / "sub" / ".jiaozi").mkdir()
    jiaozi("add", ".")


def test_ls_and_stat_tell_what_is_there(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert jiaozi("ls").out == "data.csv\nsub/\n"
    rows = [_json(line) for line in jiaozi("ls", "HEAD", "--json").out.splitlines()]
    assert [(row["name"], row["kind"], row["size"]) for row in rows] == [
        ("data.csv", "file", 12),
        ("sub", "directory", 0),
    ]
    assert "kind:      directory" in jiaozi("stat", "HEAD:sub").out


def test_get_writes_a_version_and_never_over_something(jiaozi: Run, repo: Path) -> None:
    out = repo.parent / "out"
    jiaozi("get", "HEAD~1", "-o", out)
    assert (out / "data.csv").read_text() == "a,b\n1,2\n"
    assert (out / "sub" / "b.txt").read_text() == "deep\n"
    assert "exists already" in jiaozi("get", "HEAD", "-o", out, code=1).err
    assert (out / "data.csv").read_text() == "a,b\n1,2\n"


def test_outside_a_working_copy_add_imports_and_says_so(jiaozi: Run, repo: Path) -> None:
    outside = repo.parent / "loose.txt"
    outside.write_text("loose\n")
    ran = jiaozi("add", outside)
    assert "importing" in ran.err
    assert ran.out.startswith("added ")
    assert "one working copy" in jiaozi("add", outside, "data.csv", code=2).err


def test_ignored_files_stay_out_unless_tracked_or_forced(jiaozi: Run, repo: Path) -> None:
    (repo / ".jiaoziignore").write_text("*.tmp\nsub/\n")
    (repo / "x.tmp").write_text("x\n")
    (repo / "sub" / "b.txt").write_text("changed\n")
    (repo / "sub" / "new.txt").write_text("new\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "rules")
    assert jiaozi("ls").out == ".jiaoziignore\ndata.csv\nsub/\n"
    assert jiaozi("ls", "HEAD:sub").out == "b.txt\n"
    assert jiaozi("cat", "HEAD:sub/b.txt").out == "changed\n"
    assert "ignored" in jiaozi("add", "x.tmp", code=1).err
    jiaozi("add", "-f", "x.tmp")
    jiaozi("commit", "-m", "forced")
    assert jiaozi("cat", "HEAD:x.tmp").out == "x\n"


def test_the_link_folder_is_never_tracked(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    assert ".jiaozi" not in jiaozi("ls").out
    assert ".jiaozi" in jiaozi("add", ".jiaozi/worktree.toml", code=2).err


def test_a_home_within_the_working_copy_is_never_tracked(
    jiaozi: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIAOZI_PATH", "lab/home")  # its config has the private key
    jiaozi("init")
    (place / "lab" / "data.csv").write_text("1\n")
    jiaozi("add", ".")
    jiaozi("add", "-f", "lab")
    for path in ("lab/home", "lab/home/config"):
        assert "node home" in jiaozi("add", "-f", path, code=2).err
    jiaozi("commit", "-m", "x", "--author", "A")
    assert jiaozi("ls", "HEAD:lab").out == "data.csv\n"


def test_a_home_that_is_the_working_copy_is_never_tracked(
    jiaozi: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIAOZI_PATH", str(place))
    jiaozi("init")
    for path in (".", place, "config"):
        assert "node home" in jiaozi("add", path, code=2).err


def test_names_that_are_not_utf8_and_links_and_empty_directories_are_kept(
    jiaozi: Run, repo: Path
) -> None:
    (repo / os.fsdecode(b"caf\xe9")).write_text("latin\n")
    (repo / "empty").mkdir()
    (repo / "link").symlink_to("data.csv")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "odd")
    assert b"caf\\xe9\n" in jiaozi("ls").raw
    jiaozi("get", "HEAD", "-o", repo.parent / "odd")
    assert (repo.parent / "odd" / os.fsdecode(b"caf\xe9")).read_text() == "latin\n"
    assert (repo.parent / "odd" / "link").readlink() == Path("data.csv")
    assert list((repo.parent / "odd" / "empty").iterdir()) == []


def test_a_moved_working_copy_takes_its_row_along(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = repo.parent / "moved"
    repo.rename(moved)
    monkeypatch.chdir(moved)
    (moved / "data.csv").write_text("moved\n")
    jiaozi("commit", "-a", "-m", "from elsewhere")
    assert "HEAD -> main" in jiaozi("log", "-n1").out


def test_a_copied_working_copy_starts_detached(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = repo.parent / "copied"
    shutil.copytree(repo, copy)
    monkeypatch.chdir(copy)
    (copy / "data.csv").write_text("copied\n")
    assert "[detached HEAD" in jiaozi("commit", "-a", "-m", "apart").out
    monkeypatch.chdir(repo)
    assert jiaozi("cat", "HEAD:data.csv").out == "a,b\n1,2\n3,4\n"


def test_init_again_changes_nothing(jiaozi: Run, repo: Path) -> None:
    assert repo.exists()
    before = jiaozi("log").out
    assert "found repository birds" in jiaozi("init").out
    assert jiaozi("log").out == before
    assert "profile" in jiaozi("init", "--profile", "unixfs-v0-2015", code=1).err


def test_another_database_is_one_clear_refusal(jiaozi: Run, place: Path) -> None:
    ran = jiaozi("init", "--db", "postgres://x", code=5)
    assert "names.db" in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not (place / ".jiaozi").exists()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["cat", "nope"], 3, "unknown revision 'nope'"),
        (["cat", "HEAD:nope"], 3, "no link named 'nope'"),
        (["cat", "HEAD:sub"], 2, "directory"),
        (["cat", "/ipfs/zzz"], 2, "invalid CID"),
        (["cat", "/ipns/example.org"], 5, "names nobody to ask"),
        (["cat", "HEAD:../x"], 2, ".."),
        (["log", "HEAD~9"], 3, "generations of ancestors"),
        (["show", "a..b"], 2, "range"),
        (["log", "HEAD..b"], 3, "unknown revision 'b'"),
        (["show", "v" * 5000], 2, "over the limit of 4096"),
        (["ls", "bafyreib" + "a" * 600], 3, "unknown revision"),
        (["nope"], 2, 'Unknown Command "nope"'),
        (["ipfs", "--api", "/ip4/127.0.0.1/tcp/5001", "id"], None, ""),
        (["commit", "-m", "x", "--author", "no <bad"], 2, "author"),
        (["add", ""], 2, "empty path"),
        (["add", "data.csv", ""], 2, "empty path"),
    ],
)
def test_bad_input_is_one_line_with_its_exit_code(
    jiaozi: Run, repo: Path, words: list[str], code: int | None, says: str
) -> None:
    assert repo.exists()
    ran = jiaozi(*words, code=code)
    assert ran.code != 0
    assert len(ran.err.splitlines()) == 1
    assert says in ran.err


def test_outside_everything_the_way_in_is_named(jiaozi: Run, place: Path) -> None:
    assert place.exists()
    assert "jiaozi init" in jiaozi("log", code=3).err
    jiaozi("ipfs", "init")
    assert "not in a working copy" in jiaozi("log", code=3).err


def test_block_rm_keeps_what_a_branch_or_stage_needs(jiaozi: Run, repo: Path) -> None:
    cid = str(_json(jiaozi("stat", "HEAD~1:data.csv", "--json").out)["cid"])
    assert "needed by a branch" in jiaozi("ipfs", "block", "rm", cid, code=1).err
    assert jiaozi("cat", "HEAD~1:data.csv").out == "a,b\n1,2\n"
    (repo.parent / "loose").write_text("loose\n")
    loose = jiaozi("ipfs", "add", "-Q", "--pin=false", repo.parent / "loose").out.strip()
    jiaozi("ipfs", "block", "rm", loose)
    jiaozi("cat", loose, code=3)


def test_a_get_that_fails_leaves_nothing_in_the_way(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jiaozi_node.worktree import checkout

    def interrupted(_root: object, _get: object, target: str, **_more: object) -> None:
        Path(target).mkdir()
        raise KeyboardInterrupt

    out = repo.parent / "got"
    with monkeypatch.context() as patched:
        patched.setattr(checkout, "write_tree", interrupted)
        jiaozi("get", "HEAD", "-o", out, code=130)
    assert [path.name for path in repo.parent.iterdir() if "jiaozi-get" in path.name] == []
    jiaozi("get", "HEAD", "-o", out)
    assert (out / "data.csv").exists()


def test_a_home_without_its_names_is_damaged(jiaozi: Run, repo: Path) -> None:
    (repo.parent / "home" / "names.db").unlink()
    assert "damaged" in jiaozi("log", code=6).err


def test_what_people_try_first_works(jiaozi: Run, place: Path) -> None:
    assert place.exists()
    assert jiaozi("--version").out == jiaozi("version").out
    assert "USAGE" in jiaozi("help").out
    helped = jiaozi("help", "commit").out
    assert "jiaozi commit" in helped
    assert "--json" in helped


def test_a_broken_block_is_named(jiaozi: Run, place: Path) -> None:
    (place / "bad").write_bytes(b"\x0a\x05nope")
    jiaozi("ipfs", "init")
    cid = jiaozi("ipfs", "block", "put", "--cid-codec=dag-pb", "bad").out.strip()
    ran = jiaozi("ls", cid, code=2)
    assert cid in ran.err
    assert "byte" in ran.err
