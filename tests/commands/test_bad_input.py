"""Input outside the rules: one clear line that names field, limit or value; exit 2; no change."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.repository import Repository
from jiaozi_node.node.staging import Outside
from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """A commit, a change that is staged, and one that isn't."""
    jiaozi("init")
    (place / "a").write_text("one\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    (place / "a").write_text("two\n")
    jiaozi("add", ".")
    (place / "a").write_text("three\n")
    return place


def state(repo: Path) -> tuple[object, ...]:
    """All that a command could have changed: every name, every block, every file."""
    home = repo.parent / "home"
    db = sqlite3.connect(home / "names.db")
    rows = db.execute("SELECT kind, key, value FROM names ORDER BY kind, key").fetchall()
    db.close()
    sizes = sorted((path.name, path.stat().st_size) for path in (home / "segments").iterdir())
    files = sorted((path.name, path.stat().st_mtime_ns) for path in repo.iterdir())
    return rows, sizes, [found for found in files if found[0] != ".jiaozi"]


def refuses(
    jiaozi: Run, repo: Path, *words: str | os.PathLike[str], told: str, code: int = 2
) -> None:
    before = state(repo)
    ran = jiaozi(*words, code=code)
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1, ran.err
    assert len(ran.err) < 500
    assert told in ran.err
    assert state(repo) == before


@pytest.mark.parametrize("words", [["commit", "-m"], ["commit", "-a", "--amend", "-m"]])
@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("x" * 65537, "message is 65537 bytes, over the limit of 65536"),
        ("ä" * 32769, "message is 65538 bytes, over the limit of 65536"),
        ("a\0b", "message must not hold U+0000"),
        (os.fsdecode(b"caf\xe9"), "message is not Unicode text"),
        (" \n\t ", "message is empty"),
        ("", "message is empty"),
    ],
    ids=["long", "long in bytes", "NUL", "not UTF-8", "blank", "none"],
)
def test_messages(jiaozi: Run, repo: Path, words: list[str], message: str, told: str) -> None:
    refuses(jiaozi, repo, *words, message, told=told)


@pytest.mark.parametrize(
    ("author", "told"),
    [
        ("", "author"),
        ("<a@example.org>", "author"),
        ("Ada <a@example.org", "author"),
        ("Ada <a@example.org> x", "author"),
        ("Ada\nLovelace", "control characters"),
        ("x" * 257, "257 bytes, over the limit of 256"),
        (f"Ada <{'x' * 321}>", "321 bytes, over the limit of 320"),
        (os.fsdecode(b"caf\xe9"), "Unicode"),
    ],
)
def test_authors(jiaozi: Run, repo: Path, author: str, told: str) -> None:
    refuses(jiaozi, repo, "commit", "-a", "-m", "x", "--author", author, told=told)


@pytest.mark.parametrize(
    ("key", "value"),
    [("user.name", "Ada <x>"), ("user.name", "x" * 257), ("user.email", "a b\x07")],
)
def test_authors_of_the_config(jiaozi: Run, repo: Path, key: str, value: str) -> None:
    jiaozi("ipfs", "config", "user.name", "Ada")
    jiaozi("ipfs", "config", key, value)
    refuses(jiaozi, repo, "commit", "-a", "-m", "x", told=key.rpartition(".")[2])


@pytest.mark.parametrize(
    "date",
    ["", "soon", "2026-13-01", "2026-02-30T00:00:00Z", "@", "@x", "@253402300800", "@-62135596801",
     "@" + "9" * 400, "0000-01-01", "10000-01-01", "2026-01-01T00:00:00+99:00"],
)  # fmt: skip
def test_dates(jiaozi: Run, repo: Path, date: str) -> None:
    refuses(jiaozi, repo, "commit", "-a", "-m", "x", "--author", "A", "--date", date, told="")


@pytest.mark.parametrize(
    ("meta", "told"),
    [
        ("title", "KEY=VALUE"),
        ("=x", "KEY=VALUE"),
        ("title=" + os.fsdecode(b"\xe9"), "title"),
        (os.fsdecode(b"\xe9") + "=x", "meta"),
        ("title=" + "x" * 1048576, "over the limit of 1048576"),
    ],
    ids=str.__len__,
)
def test_meta(jiaozi: Run, repo: Path, meta: str, told: str) -> None:
    refuses(jiaozi, repo, "commit", "-a", "-m", "x", "--author", "A", "--meta", meta, told=told)


NAMES = [
    ("", "empty"),
    ("a b", "white space"),
    ("a..b", "'..'"),
    ("a@{b", "'@{'"),
    ("a~b", "'~'"),
    ("a\x07", "'\\x07'"),
    ("a\u202eb", "u202e"),
    ("/a", "empty"),
    ("a//b", "empty"),
    ("a/", "empty"),
    (".a", "begins or ends with '.'"),
    ("a.lock", "'.lock'"),
    ("HEAD", "HEAD"),
    ("@", "HEAD"),
    ("bafyreiaqtcqmmxbjyxt5nmysvsruqvjmfhe3j6z5ypdnpbxjptvxnkwhfq", "CID"),
    ("x" * 256, "256 bytes, over the limit of 255"),
    ("/".join("a" * 17), "17 components, over the limit of 16"),
    (os.fsdecode(b"caf\xe9"), "Unicode"),
]


@pytest.mark.parametrize(
    "words",
    [["branch"], ["tag"], ["switch", "-c"], ["checkout", "-b"], ["branch", "-m"]],
    ids=" ".join,
)
def test_names_of_branches_and_tags(jiaozi: Run, repo: Path, words: list[str]) -> None:
    for name, told in NAMES:
        refuses(jiaozi, repo, *words, name, told=told)
    dashed = ["-a"] if words[-1] == "-b" else ["--", "-a"]
    refuses(jiaozi, repo, *words, *dashed, told="begins with '-'")


def test_names_of_the_first_branch(jiaozi: Run, place: Path) -> None:
    for name, told in NAMES:
        ran = jiaozi("init", "-b", name, code=2)
        assert told in ran.err
        assert not (place / ".jiaozi").exists()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("", "empty path"),
        ("../outside", "not in the working copy"),
        (".jiaozi/index.db", ".jiaozi"),
        ("sub/.JIAOZI/x", ".JIAOZI"),
        ("x" * 256, "256 bytes, over the limit of 255"),
        ("a\nb/.jiaozi", ".jiaozi"),
    ],
)
def test_paths(jiaozi: Run, repo: Path, path: str, told: str) -> None:
    (repo.parent / "outside").write_text("x\n")
    for words in (["add"], ["add", "-n"], ["rm"], ["mv", "-n", "a"]):
        if words[0] == "add" and path == "../outside":
            continue  # outside of a working copy it imports
        refuses(jiaozi, repo, *words, path, told=told)


def test_unknown_revisions(jiaozi: Run, repo: Path) -> None:
    for words in (["log"], ["show"], ["reset"], ["switch"], ["checkout"], ["tag", "t"], ["verify"]):
        refuses(jiaozi, repo, *words, "mian", told="mian", code=3)
        refuses(jiaozi, repo, *words, "x" * 4097, told="over the limit of", code=2)
    refuses(jiaozi, repo, "commit", "--amend", "-m", "x", "--sign=nope", told="nope", code=3)


def test_a_path_that_holds_nul(jiaozi: Run, repo: Path) -> None:
    """No command line can hold one, but a caller of the library can."""
    assert "On branch" in jiaozi("status").out
    home = LocalHome.open(repo.parent / "home")
    with pytest.raises(Outside, match="NUL"):
        Repository.at(home, repo).stage([f"{repo}/a\0b"])
    home.close()


@pytest.mark.parametrize("on_head", [True, False], ids=["forward", "unrelated"])
def test_a_version_whose_tree_is_a_file_is_refused_by_all_that_go_there(
    jiaozi: Run, repo: Path, on_head: bool
) -> None:
    head = json.loads(jiaozi("log", "--json").out)
    value = json.loads(jiaozi("ipfs", "dag", "get", head["commit"]).out)
    file = jiaozi("ipfs", "add", "-Q", "a").out.strip()
    value["tree"] = {"/": file}
    if on_head:
        value["parents"], value["generation"] = [{"/": head["commit"]}], 2
    (repo.parent / "block.json").write_text(json.dumps(value))
    bad = jiaozi("ipfs", "dag", "put", repo.parent / "block.json").out.strip()
    told = f"tree must link a directory, and {file} is a file"
    for words in (
        ["reset", bad], ["reset", "--soft", bad], ["reset", "--hard", bad],
        ["restore", "--source", bad, "a"], ["restore", "--source", bad, "."],
        ["restore", "--staged", "--source", bad, "."], ["checkout", bad, "--", "."],
    ):  # fmt: skip
        refuses(jiaozi, repo, *words, told=told)
    jiaozi("restore", "--staged", "a")
    jiaozi("restore", "a")
    jiaozi("ipfs", "config", "user.name", "A")
    refuses(jiaozi, repo, "switch", "--detach", bad, told=told)
    refuses(jiaozi, repo, "merge", bad, told="directory")
    assert "directory" in jiaozi("cherry-pick", bad, code=2).err  # a block was made, and no row
    assert jiaozi("status", "-s").out == ""
