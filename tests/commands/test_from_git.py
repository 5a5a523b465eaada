"""``init --from-git``: history taken over whole, or refused by name with nothing changed."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jiaozi_node.node import moving
from jiaozi_node.node.git import source
from jiaozi_node.node.git.source import Git
from jiaozi_node.stores.names import SqliteNames
from tests.commands.conftest import Run
from tests.gitrepo import ADA, GitRepo, Tree, needs_git

pytestmark = needs_git
MOST = dict(source.MAX_OBJECT_BYTES)


@pytest.fixture
def git(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "git")


def imported(jiaozi: Run, git: GitRepo, *words: str) -> list[dict[str, Any]]:
    """Import into ``here`` and return its log, newest first."""
    jiaozi("init", "--from-git", git.path, "here", *words)
    os.chdir("here")
    return [json.loads(line) for line in jiaozi("log", "--json").out.splitlines()]


def refused(jiaozi: Run, git: GitRepo, code: int, *words: str) -> str:
    """Be refused with one line; neither names nor the directory know of it."""
    ran = jiaozi("init", "--from-git", git.path, "here", *words, code=code)
    lines = [line for line in ran.err.splitlines() if line.startswith("jiaozi: ")]
    assert len(lines) == 1, ran
    assert ran.out == ""
    assert not Path("here").exists()
    assert jiaozi("init", "there").out.count("made repository there") == 1
    return lines[0]


def test_history_comes_over_whole(jiaozi: Run, git: GitRepo, place: Path) -> None:
    first = git.commit({"a.csv": b"1\n", "run": ("100755", b"#!\n"), "sub": {"deep": b"\0\1"}})
    side = git.commit({"a.csv": b"2\n"}, [first], b"side\n", ref="refs/heads/topic/x")
    top = git.commit(
        {"a.csv": b"3\n", "empty": b"", "link": ("120000", b"a.csv"), b"\xff": b"raw"},
        [first, side],
        b"merge\n\nwith a body\n",
        author=b"Bob B. <bob@example.org> 1600000000 -0330",
    )
    git.ref("refs/tags/light", side)
    made = git.put(
        "tag", b"object %s\ntype commit\ntag v1\ntagger %s\n\nOne\n" % (top.encode(), ADA)
    )
    git.ref("refs/tags/v1", made)
    jiaozi("init", "--from-git", git.path, "here")
    assert sorted(os.listdir(b"here")) == [b".jiaozi", b"a.csv", b"empty", b"link", b"\xff"]
    assert Path("here/a.csv").read_bytes() == b"3\n"
    assert os.readlink("here/link") == "a.csv"
    os.chdir("here")
    assert "working copy clean" in jiaozi("status").out
    log = [json.loads(line) for line in jiaozi("log", "--json").out.splitlines()]
    by = {row["meta"]["git"]["commit"]: row for row in log}
    assert set(by) == {first, side, top}
    assert by[top]["parents"] == [by[first]["commit"], by[side]["commit"]]
    assert by[top]["message"] == "merge\n\nwith a body\n"
    assert by[top]["author"] == {"name": "Bob B.", "email": "bob@example.org"}
    assert (by[top]["time"], by[top]["tz"]) == (1_600_000_000, -210)
    assert (by[first]["generation"], by[top]["generation"]) == (1, 3)
    assert by[first]["stats"] == {"files": 3, "bytes": 7}
    assert jiaozi("cat", "topic/x:a.csv").out == "2\n"
    assert jiaozi("cat", "light:a.csv").out == "2\n"
    tags = jiaozi("tag", "--json").out
    assert by[side]["commit"] in tags
    shown = jiaozi("ipfs", "dag", "get", json.loads(tags.splitlines()[1])["target"]).out
    assert '"message":"One\\n"' in shown
    assert f'"tag":"{made}"' in shown
    assert [line.split("\t")[0] for line in jiaozi("reflog").out.splitlines()]
    assert jiaozi("fsck").code == 0
    jiaozi("gc")
    assert jiaozi("cat", f"{by[first]['commit']}:sub/deep").raw == b"\0\1"
    assert place.exists()


def test_the_tree_is_that_of_a_fresh_add(jiaozi: Run, git: GitRepo) -> None:
    files = {f"f{number}": b"%d" % number for number in range(300)}
    git.commit({**files, "sub": {"x": b"x"}, "run": ("100755", b"#!\n")})
    tree = imported(jiaozi, git, "--profile", "unixfs-v1-2025+mode")[0]["tree"]
    assert os.stat("run").st_mode & 0o777 == 0o755
    assert "clean" in jiaozi("status").out
    os.chdir("..")
    jiaozi("init", "fresh", "--profile", "unixfs-v1-2025+mode")
    os.chmod("fresh", 0o755)
    shutil.copytree("here", "fresh", dirs_exist_ok=True, ignore=shutil.ignore_patterns(".jiaozi"))
    os.chdir("fresh")
    assert tree in jiaozi("add", ".").out


def test_the_same_history_gives_the_same_cids(jiaozi: Run, git: GitRepo) -> None:
    git.commit({"a": b"1"}, [git.commit({"a": b"0"})])
    one = imported(jiaozi, git)
    os.chdir("..")
    shutil.rmtree("here")
    assert imported(jiaozi, git) == one


def test_who_when_and_why_are_kept_as_far_as_fields_go(jiaozi: Run, git: GitRepo) -> None:
    tree = git.tree({"a": b""})
    at: str | None = None
    cases: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        (
            {"author": b"A <a> -86400 +0000", "committer": b"C <c> 5 -0100"},
            {"authored": -86400, "time": 5, "tz": -60, "committer": {"name": "C", "email": "c"}},
            {"authorZone": "+0000"},
        ),
        (
            {"author": b"\xe9mile <e> 1 +0000", "message": b"\xe9t\xe9\n",
             "headers": b"encoding ISO-8859-1\n"},
            {"author": {"name": "émile", "email": "e"}, "message": "été\n"},
            {"encoding": "ISO-8859-1"},
        ),
        (
            {"message": b"broken \xff text\n"},
            {"message": "broken \ufffd text\n"},
            {"message": {"/": {"bytes": "YnJva2VuIP8gdGV4dAo"}}},
        ),
        (
            {"message": b"cut\0off\n"},
            {"message": "cut"},
            {"message": {"/": {"bytes": "Y3V0AG9mZgo"}}},
        ),
        (
            {"author": b" <only@mail> 1 +0000"},
            {"author": {"name": "only@mail", "email": "only@mail"}},
            {"author": {"/": {"bytes": "IDxvbmx5QG1haWw+"}}},
        ),
        (
            {"author": b" <> 1 +0000"},
            {"author": {"name": "unknown"}},
            {"author": {"/": {"bytes": "IDw+"}}},
        ),
        (
            {"author": b"tab\there <a> 1 +0000", "committer": b"C <c> 1 +0000"},
            {"author": {"name": "tab here", "email": "a"}},
            {"author": {"/": {"bytes": "dGFiCWhlcmUgPGE+"}}},
        ),
        ({"author": b"A <a> never"}, {"time": 0, "tz": 0}, {}),
        ({"author": b"A <a> 7 +9900"}, {"time": 7, "tz": 0}, {"zone": "+9900"}),
        (
            {"headers": b"gpgsig -----BEGIN PGP SIGNATURE-----\n x\n", "message": b"signed\n"},
            {"message": "signed\n"}, {},
        ),
        ({"headers": b"encoding punycode\n", "message": b"x-\xc3\xa9"}, {"message": "x-é"},
         {"encoding": "punycode", "message": {"/": {"bytes": "eC3DqQ"}}}),
        ({"message": b""}, {"message": ""}, {}),
    ]  # fmt: skip
    for how, _fields, _kept in cases:
        at = git.commit(tree, [at] if at else [], **how)
    ran = jiaozi("init", "--from-git", git.path, "here")
    assert "1 signatures left out" in ran.err
    os.chdir("here")
    log = [json.loads(line) for line in jiaozi("log", "--json").out.splitlines()]
    for row, (how, fields, kept) in zip(reversed(log), cases, strict=True):
        assert {key: row[key] for key in fields} == fields, how
        git_meta = row["meta"]["git"]
        del git_meta["commit"]
        if "author" in kept and "committer" not in how:
            assert git_meta.pop("committer") == kept["author"]
        assert git_meta == kept, how
    assert "(root commit)" not in jiaozi("log").out
    jiaozi("log", "--oneline")


def test_an_amended_commit_is_no_longer_gits(jiaozi: Run, git: GitRepo) -> None:
    git.commit({"a": b""})
    assert "git" in imported(jiaozi, git)[0]["meta"]
    jiaozi("commit", "--amend", "-m", "mine", "--meta", "k=v")
    assert json.loads(jiaozi("log", "--json").out)["meta"] == {"k": "v"}


def test_submodules_are_empty_directories_and_their_commits_in_meta(
    jiaozi: Run, git: GitRepo
) -> None:
    there, other = "12" * 20, "ab" * 20
    first = git.commit({"lib": {"x": ("160000", there), "y": b""}, ".gitmodules": b"[x]\n"})
    git.commit({"lib": {"x": ("160000", other), "y": b""}, b"\xfe": ("160000", there)}, [first])
    log = imported(jiaozi, git)
    assert os.listdir("lib/x") == []
    assert "clean" in jiaozi("status").out
    assert log[1]["meta"]["git"]["submodules"] == [{"path": "lib/x", "commit": there}]
    assert log[0]["meta"]["git"]["submodules"] == [
        {"path": "lib/x", "commit": other},
        {"path": {"/": {"bytes": "/g"}}, "commit": there},
    ]


def test_tags_of_all_kinds(jiaozi: Run, git: GitRepo) -> None:
    commit = git.commit({"a": b"x"})
    tree, blob = git.tree({"only": {"here": b"y"}}), git.put("blob", b"key")

    def tag(name: str, kind: str, oid: str, more: bytes = b"", words: bytes = b"w\n") -> str:
        lines = b"object %s\ntype %s\ntag %s\n" % (oid.encode(), kind.encode(), name.encode())
        made = git.put("tag", lines + more + b"\n" + words)
        git.ref(f"refs/tags/{name}", made)
        return made

    inner = tag("inner", "commit", commit, b"tagger %s\n" % ADA)
    tag("outer", "tag", inner, words=b"of\n-----BEGIN PGP SIGNATURE-----\nx\n")
    tag("of-tree", "tree", tree)
    tag("of-blob", "blob", blob)
    git.ref("refs/tags/light-tree", tree)
    git.ref("refs/notes/commits", commit)
    ran = jiaozi("init", "--from-git", git.path, "here")
    assert "tag 'of-blob' is left out" in ran.err
    assert "tag 'light-tree' is left out" in ran.err
    assert "1 refs that are neither branches nor tags are left out" in ran.err
    assert "3 tags" in ran.out
    os.chdir("here")
    rows, targets = {}, {}
    for line in jiaozi("tag", "--json").out.splitlines():
        row = json.loads(line)
        targets[row["tag"]] = row["target"]
        rows[row["tag"]] = json.loads(jiaozi("ipfs", "dag", "get", row["target"]).out)
    assert set(rows) == {"inner", "outer", "of-tree"}
    assert rows["outer"]["message"] == "of\n"
    # Without a tagger: the commit's author and time, and a mark that nobody said so.
    assert rows["outer"]["tagger"] == {"name": "Ada", "email": "ada@example.org"}
    assert rows["outer"]["time"] == 1_700_000_000
    assert rows["outer"]["git"]["tagger"] == {"/": {"bytes": ""}}
    assert rows["of-tree"]["object"] == rows["of-tree"]["tree"]
    assert jiaozi("cat", "outer:a").out == "x"
    assert jiaozi("tag").out.splitlines()[1].startswith("of-tree bafyrei")
    assert "is a directory that a tag names" in jiaozi("log", "of-tree", code=2).err
    assert jiaozi("cat", f"{targets['of-tree']}/tree/only/here").out == "y"
    assert jiaozi("fsck").code == 0
    jiaozi("gc")
    jiaozi("log", "--oneline")


def test_head_is_where_gits_is(jiaozi: Run, git: GitRepo) -> None:
    first = git.commit({"a": b"1"}, ref="refs/heads/other")
    second = git.commit({"a": b"2"}, [first], ref=None)
    (git.path / "HEAD").write_text(f"{second}\n")
    log = imported(jiaozi, git)
    assert log[0]["meta"]["git"]["commit"] == second
    assert "detached" in jiaozi("status").out.lower()
    os.chdir("..")
    jiaozi("init", "--from-git", git.path, "chosen", "--branch", "other")
    assert Path("chosen/a").read_text() == "1"
    (git.path / "HEAD").write_text("ref: refs/heads/unborn\n")
    out = jiaozi("init", "--from-git", git.path, "unborn").out
    assert "HEAD is on unborn" in out
    assert os.listdir("unborn") == [".jiaozi"]


def test_an_empty_repository_comes_over(jiaozi: Run, git: GitRepo) -> None:
    assert "0 commits" in jiaozi("init", "--from-git", git.path, "here").out
    os.chdir("here")
    Path("a").write_text("a")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first")


def test_in_place_beside_git(jiaozi: Run, git: GitRepo) -> None:
    git.commit({"a": b"1", "sub": {"b": b"2"}})
    git.run("clone", "-q", git.path, Path("both").resolve())
    jiaozi("init", "--from-git", "both", "both")
    os.chdir("both")
    jiaozi("status")
    assert git.run("status", "--porcelain", cwd=Path.cwd()) == b"?? .jiaozi/\n"


def test_files_in_the_way_are_refused(jiaozi: Run, git: GitRepo) -> None:
    git.commit({"a": b"1", "sub": {"b": b"2"}, "c": b""})
    Path("here").mkdir()
    Path("here/a").write_text("mine")
    Path("here/sub").write_text("mine")
    Path("here/own").write_text("mine")
    ran = jiaozi("init", "--from-git", git.path, "here", code=5)
    assert "holds other files than HEAD of the git repository: a, sub;" in ran.err
    assert sorted(os.listdir("here")) == ["a", "own", "sub"]
    Path("here/a").write_text("1")
    Path("here/sub").unlink()
    jiaozi("init", "--from-git", git.path, "here")
    assert Path("here/sub/b").read_text() == "2"
    assert Path("here/own").read_text() == "mine"


@pytest.mark.parametrize("held", ["alone"], indirect=True)
@pytest.mark.parametrize("moment", ["apply", "write"])
def test_what_is_cut_short_leaves_nothing_or_is_finished(
    jiaozi: Run, git: GitRepo, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    git.commit({"a": b"1", "sub": {"b": b"2"}})
    jiaozi("init", "beside")

    def cut(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if moment == "apply":
            patched.setattr(SqliteNames, "apply", cut)
        else:
            patched.setattr(moving, "write", cut)
        jiaozi("init", "--from-git", git.path, "here", "--name", "mine", code=None)
    if moment == "apply":  # before any row: as if nothing had been
        assert not Path("here/.jiaozi").exists()
        jiaozi("init", "--from-git", git.path, "here", "--name", "mine")
    os.chdir("here")
    assert "working copy clean" in jiaozi("status").out
    assert Path("sub/b").read_text() == "2"
    assert "(HEAD -> main)" in jiaozi("log", "--oneline").out
    assert jiaozi("fsck").code == 0


def test_a_file_that_cant_be_written_is_told_and_history_is_there(
    jiaozi: Run, git: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    git.commit({"a": b"1"})

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(moving, "write", full)
        ran = jiaozi("init", "--from-git", git.path, "here", code=None)
    assert ran.code != 0
    assert "'jiaozi switch main' there writes the files" in ran.err
    os.chdir("here")
    jiaozi("switch", "main")
    assert Path("a").read_text() == "1"


CASES: dict[str, tuple[Tree, str]] = {
    "a name of ours": ({"x": {".JIAOZI": b""}}, "'x/.JIAOZI': it may be taken for '.jiaozi'"),
    "a name of git's": ({"x": {".Git": {"hooks": b""}}}, "it may be taken for '.git'"),
    "a dot": ({"..": {"a": b""}}, "it is '..'"),
    "a slash": ({"a/b": b""}, "it contains '/'"),
    "a long name": ({"n" * 256: b""}, "it is 256 bytes, over the limit of 255"),
    "an empty target": ({"l": ("120000", b"")}, "its symlink's target is empty"),
    "a long target": ({"l": ("120000", b"t" * 4096)}, "4096 bytes, over the limit of 4095"),
    "a mode": ({"m": ("170000", b"")}, "'m' has the mode 170000"),
    "a tree for a blob": ({"m": ("100644", "4b825dc642cb6eb9a060e54bf8d69288fbee4904")},
                          "is a tree, not a blob"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_trees_that_no_directory_can_be(jiaozi: Run, git: GitRepo, name: str) -> None:
    git.tree({})
    entries, why = CASES[name]
    oid = git.commit({"ok": b"", **entries})
    line = refused(jiaozi, git, 2)
    assert f"git commit {oid}: " in line
    assert why in line


def test_a_name_twice(jiaozi: Run, git: GitRepo) -> None:
    blob = bytes.fromhex(git.put("blob", b"x"))
    tree = git.put("tree", b"100644 a\0" + blob + b"40000 a\0" + bytes.fromhex(git.tree({})))
    git.commit(tree)
    assert "'a': it stands twice in its tree" in refused(jiaozi, git, 2)


def test_a_tree_too_deep(jiaozi: Run, git: GitRepo) -> None:
    tree = git.tree({"f": b""})
    for _ in range(257):
        tree = git.tree({"d": ("40000", tree)})
    git.commit(tree)
    assert "257 names, over the limit of 256" in refused(jiaozi, git, 2)


def test_commits_that_the_schema_has_no_room_for(jiaozi: Run, git: GitRepo) -> None:
    tree = git.tree({})
    roots = [git.commit(tree, message=b"%d" % n, ref=None) for n in range(65)]
    git.commit(tree, roots[:64])
    many = git.commit(tree, roots, ref="refs/heads/many")
    ran = jiaozi("init", "--from-git", git.path, "here", code=2)
    assert f"git commit {many}: parents is 65 links, over the limit of 64" in ran.err
    (git.path / "refs/heads/many").unlink()
    for how, why in (
        ({"parents": [roots[0], roots[0]]}, "parents must be distinct"),
        ({"message": b"x" * 65_537}, "message is 65537 bytes, over the limit of 65536"),
        ({"author": b"A <a> 1400000000000 +0000"}, "time must lie in"),
        ({"author": b"n" * 257 + b" <a> 1 +0000"}, "name is 257 bytes, over the limit of 256"),
    ):
        oid = git.commit(tree, **how, ref="refs/heads/odd")
        ran = jiaozi("init", "--from-git", git.path, "here", code=2)
        assert oid in ran.err
        assert why in ran.err
        assert not Path("here").exists()
    jiaozi("init", "--from-git", git.path, "here", "--branch", "main", code=2)
    (git.path / "refs/heads/odd").unlink()
    assert "65 commits" in jiaozi("init", "--from-git", git.path, "here").out


def test_objects_are_bounded_before_they_are_read(
    jiaozi: Run, git: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = b"x " + b"y" * (1 << 20) + b"\n"
    commit = git.commit({}, headers=long)
    ran = jiaozi("init", "--from-git", git.path, "here", code=2)
    assert f"git commit {commit} is " in ran.err
    assert "over the limit of 1048576" in ran.err
    lines = b"object %s\ntype commit\ntag v\n" % git.commit({}).encode()
    tag = git.put("tag", lines + long + b"\n")
    git.ref("refs/tags/v", tag)
    assert f"git tag {tag} is " in jiaozi("init", "--from-git", git.path, "here", code=2).err
    (git.path / "refs/tags/v").unlink()
    monkeypatch.setitem(source.MAX_OBJECT_BYTES, "tree", 30)  # 256 MiB would take minutes
    tree = git.tree({"name": b""})
    git.commit(tree)
    assert f"git tree {tree} is 32 bytes, over the limit of 30" in refused(jiaozi, git, 2)
    assert MOST["tree"] == 256 << 20
    assert not Path("here").exists()


def test_a_chain_of_tags_too_long(jiaozi: Run, git: GitRepo) -> None:
    oid, kind = git.commit({}), "commit"
    for number in range(17):
        lines = f"object {oid}\ntype {kind}\ntag t{number}\ntagger {ADA.decode()}\n\n"
        oid, kind = git.put("tag", lines.encode()), "tag"
        git.ref("refs/tags/t", oid)
    assert "17 tags, over the limit of 16" in refused(jiaozi, git, 2)


def test_names_of_refs_that_are_not_ours(jiaozi: Run, git: GitRepo) -> None:
    commit = git.commit({})
    name = "/".join("abcdefghijklmnopq")
    git.ref(f"refs/heads/{name}", commit)
    line = refused(jiaozi, git, 2)
    assert "a branch of the git repository, to be renamed there" in line
    assert "17 components" in line


def test_what_is_no_repository_to_read(jiaozi: Run, git: GitRepo, tmp_path: Path) -> None:
    git.commit({})
    for words, code, why in (
        (["--from-git", "nowhere"], 3, "nowhere is not a git repository: there is no such"),
        (["--from-git", "."], 3, "is not a git repository"),
        (["--from-git", str(git.path), "--profile", "unixfs-v1-2025+mtime"], 2, "tracks times"),
        (["--from-git", str(git.path), "--profile", "x"], 2, "profile 'x' is unknown"),
        (["--from-git", str(git.path), "--branch", "x"], 2, "has no branch 'x'"),
        (["--from-git", str(git.path), "--name", "a/b"], 2, "'a/b'"),
    ):
        ran = jiaozi("init", *words, "here", code=code)
        assert why in ran.err
        assert not Path("here").exists()
    assert (tmp_path / "home").exists()  # it was readable, at least


def test_an_unreadable_source_makes_no_home(
    jiaozi: Run, git: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git.commit({})
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git is needed" in jiaozi("init", "--from-git", git.path, "here", code=4).err
    assert not (tmp_path / "home").exists()


def test_shallow_and_partial_clones_are_refused(jiaozi: Run, git: GitRepo, tmp_path: Path) -> None:
    first = git.commit({"a": b"1"})
    git.commit({"a": b"2"}, [first])
    git.run("clone", "-q", "--depth", "1", f"file://{git.path}", tmp_path / "shallow")
    ran = jiaozi("init", "--from-git", tmp_path / "shallow", "here", code=5)
    assert "git fetch --unshallow" in ran.err
    git.run("config", "uploadpack.allowFilter", "true")
    git.run(
        "clone", "-q", "--filter=blob:none", "--bare", f"file://{git.path}", tmp_path / "partial"
    )
    ran = jiaozi("init", "--from-git", tmp_path / "partial", "here", code=3)
    assert "lacks the object" in ran.err
    assert not Path("here").exists()


def test_a_damaged_repository_is_told(jiaozi: Run, git: GitRepo) -> None:
    git.commit({"a": b"some content"})
    blob = git.put("blob", b"some content")
    path = git.path / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:9])
    ran = jiaozi("init", "--from-git", git.path, "here", code=3)
    assert f"lacks the object {blob} (" in ran.err
    assert not Path("here").exists()


def test_a_working_copy_is_not_imported_into(jiaozi: Run, git: GitRepo) -> None:
    git.commit({"a": b""})
    jiaozi("init", "here")
    assert "working copy already" in jiaozi("init", "--from-git", git.path, "here", code=1).err
    jiaozi("init", "other", "--name", "taken")
    ran = jiaozi("init", "--from-git", git.path, "third", "--name", "taken", code=1)
    assert "already called 'taken'" in ran.err


def test_nothing_of_the_repository_is_run(jiaozi: Run, git: GitRepo, tmp_path: Path) -> None:
    git.commit({"a": b"1", ".gitattributes": b"a filter=x diff=x\n"})
    mark = tmp_path / "ran"
    program = f"touch {mark}; false"
    for key in (
        "core.fsmonitor", "core.pager", "core.sshCommand", "core.alternateRefsCommand",
        "filter.x.smudge", "diff.external", "diff.x.textconv", "remote.origin.uploadpack",
        "uploadpack.packObjectsHook", "gpg.program", "core.editor",
    ):  # fmt: skip
        git.run("config", key, program)
    for hook in ("post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"):
        path = git.path / "hooks" / hook
        path.write_text(f"#!/bin/sh\ntouch {mark}\n")
        path.chmod(0o755)
    imported(jiaozi, git)
    assert Path("a").read_bytes() == b"1"
    assert not mark.exists()
    assert "GIT_CONFIG_NOSYSTEM" in Git(str(git.path), os.environ).environ


def test_who_owns_the_repository_does_not_matter(git: GitRepo) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    git.commit({})
    for here, _directories, _files in os.walk(git.path):
        os.chown(here, 12345, 12345)
    plain = subprocess.run(
        ["git", "rev-parse"], cwd=git.path, capture_output=True, check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.devnull},
    )  # fmt: skip
    assert b"dubious ownership" in plain.stderr
    assert Git(str(git.path), os.environ).head()[0] == b"refs/heads/main"


def test_a_large_flat_directory_is_edited_as_it_changes(jiaozi: Run, git: GitRepo) -> None:
    """Beyond 64 KiB of git's tree, versions are made from each other; the tree is a fresh one's."""
    blobs = [git.put("blob", b"%d" % number) for number in range(4)]
    names = [f"file-{number:05}-{'x' * 60}" for number in range(4000)]
    entries: dict[str, tuple[str, str]] = dict.fromkeys(names, ("100644", blobs[0]))
    at = git.commit({"big": entries})
    for step in range(1, 6):
        entries[names[step * 7]] = ("100644", blobs[step % 4])
        del entries[names[-step]]
        entries[f"new-{step}"] = ("100755", blobs[1])
        at = git.commit({"big": entries}, [at])
    log = imported(jiaozi, git)
    assert "clean" in jiaozi("status").out
    os.chdir("..")
    jiaozi("init", "fresh")
    shutil.copytree("here/big", "fresh/big")
    os.chdir("fresh")
    assert log[0]["tree"] in jiaozi("add", ".").out
    assert log[0]["stats"]["files"] == 4000
