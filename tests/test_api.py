"""The library tells what the commands tell, refuses what they refuse, and gives the home back."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

import jiaozi_node as jiaozi
from jiaozi_node import api
from jiaozi_node.cli.main import main
from jiaozi_node.commands import diff, diff_rows, log
from jiaozi_node.dag.traverse import links_of
from jiaozi_node.http.home import HomeSocket
from jiaozi_node.node import hooks
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.stores.api import BlockMissing

AUTHOR = "Ada <ada@example.org>"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to work in, that is not the repository's; nothing of the user is read."""
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "nobody"))
    monkeypatch.setenv("JIAOZI_PATH", str(tmp_path / "home"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("LOGNAME", "tester")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def repo(place: Path) -> Iterator[jiaozi.Repository]:
    with jiaozi.init(place / "birds") as found:
        write(found, {"data.csv": "id,n\n1,a\n2,b\n", "sub/x.txt": "x\n", "sub/y.txt": "y\n"})
        (found.root / "link").symlink_to("data.csv")
        found.add(".")
        found.commit("first", author=AUTHOR)
        yield found


def write(repo: jiaozi.Repository, files: dict[str, str | None]) -> None:
    for name, text in files.items():
        path = repo.root / name
        path.parent.mkdir(exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)


def command(
    repo: jiaozi.Repository, capfdbinary: pytest.CaptureFixture[bytes], *words: str, code: int = 0
) -> list[dict[str, Any]]:
    """Run a command with ``--json`` where the repository is; it must be closed."""
    before = os.getcwd()
    os.chdir(repo.root)
    try:
        capfdbinary.readouterr()
        got = main([words[0], "--json", *words[1:]])
        out, err = capfdbinary.readouterr()
    finally:
        os.chdir(before)
    assert got == code, err
    return [json.loads(line) for line in out.splitlines()]


def test_what_it_tells_is_what_the_commands_tell(
    repo: jiaozi.Repository, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    write(repo, {"data.csv": "id,n\n1,c\n3,d\n", "sub/x.txt": None, "z.txt": "x\n"})
    repo.add(".")
    repo.commit("second", author=AUTHOR, meta={"license": "CC0-1.0"})
    repo.branch("side", "HEAD~")
    repo.tag("v1", "HEAD~")
    repo.tag("v2", message="two")
    write(repo, {"data.csv": "id,n\n1,c\n3,e\n", "new.txt": "new\n", "sub/y.txt": "staged\n"})
    repo.add("sub")
    status, head = repo.status(), repo.head
    diffs = {
        (): repo.diff(),
        ("HEAD~..HEAD",): repo.diff("HEAD~", "HEAD"),
        ("side...main", "--no-renames"): repo.diff("side...main", renames=False),
        ("--staged", "--", "sub"): repo.diff(staged=True, paths=["sub"]),
    }
    lines = [repo.lines(delta, 1) for delta in repo.diff("HEAD~", "HEAD")]
    rows = repo.rows("HEAD~", "HEAD", key=["id"])
    versions = repo.log(), repo.log("side", max_count=1), repo.log(paths=["sub/x.txt"])
    branches, tags = repo.branches(), repo.tags()
    listing = list(repo["HEAD:sub"]), list(repo["side"])
    content = repo["side:data.csv"].read_bytes()
    repo.close()

    (told,) = command(repo, capfdbinary, "status")
    assert told["branch"] == status.branch == head.branch
    assert told["commit"] == str(status.commit) == str(head.commit)
    assert told["staged"] == [{"change": one.letter, "path": one.path} for one in status.staged]
    assert [(row["change"], row["path"]) for row in told["changed"]] == [
        pair for pair in status.working if pair[0] != "?"
    ]
    assert told["untracked"] == [path for letter, path in status.working if letter == "?"]
    for words, deltas in diffs.items():
        assert command(repo, capfdbinary, "diff", *words) == [diff.told(one) for one in deltas]
    patched = command(repo, capfdbinary, "diff", "HEAD~", "HEAD", "-U1")
    assert [row["patch"].encode() for row in patched] == [one.text for one in lines]
    assert [(row["added"], row["removed"]) for row in patched] == [
        (one.added, one.removed) for one in lines
    ]
    assert command(repo, capfdbinary, "diff", "HEAD~", "HEAD", "--rows", "--key", "id") == [
        row
        for delta, tables in rows
        for row in (
            diff.told(delta),
            *({"path": delta.path, **diff_rows.value(one)} for one in tables),
        )
    ]
    for words, found in zip(((), ("side", "-n", "1"), ("--", "sub/x.txt")), versions, strict=True):
        told_log = command(repo, capfdbinary, "log", *words)
        for row in told_log:
            row.pop("refs", None)
        assert told_log == [log.shown(one.cid, one.commit, []) for one in found]
    assert command(repo, capfdbinary, "branch") == [
        {"branch": one.name, "commit": str(one.commit), "current": one.current} for one in branches
    ]
    for row, tag in zip(command(repo, capfdbinary, "tag"), tags, strict=True):
        assert (row["tag"], row["target"]) == (tag.name, str(tag.target))
        assert row["message"] == (tag.tag.message if tag.tag else None)
    for what, entries in zip(("HEAD:sub", "side"), listing, strict=True):
        assert command(repo, capfdbinary, "ls", what) == [
            {"name": one.name, "kind": one.kind, "size": one.size, "cid": str(one.cid)}
            for one in entries
        ]
    assert content == b"id,n\n1,a\n2,b\n"


def test_files_are_read_in_every_way(repo: jiaozi.Repository) -> None:
    big = bytes(range(256)) * 10_000
    (repo.root / "big.bin").write_bytes(big)
    repo.add("big.bin")
    repo.commit("big", author=AUTHOR)
    entry = repo["main:big.bin"]
    assert (entry.name, entry.kind, entry.size, entry.is_file) == (
        "big.bin",
        "file",
        len(big),
        True,
    )
    with entry.open() as file:
        file.seek(-10, io.SEEK_END)
        assert file.read() == big[-10:]
        buffer = bytearray(7)
        file.seek(1_500_000)
        assert file.readinto(buffer) == 7
        assert buffer == big[1_500_000:1_500_007]
    assert entry.read_bytes() == big
    with repo["main:data.csv"].open("r", newline="") as text:
        assert list(text) == ["id,n\n", "1,a\n", "2,b\n"]
    assert repo["HEAD~:data.csv"].read_text() == "id,n\n1,a\n2,b\n"
    link = repo["main:link"]
    assert (link.is_symlink, link.target, entry.target) == (True, "data.csv", None)
    assert [one.name for one in repo["main"]] == ["big.bin", "data.csv", "link", "sub"]
    assert (repo["main"] / "sub" / "x.txt").read_text() == "x\n"
    assert repo["main"] / "sub/x.txt" == repo["main:sub/x.txt"]
    assert repo[str(repo["main:sub"].cid)].is_directory
    for act, error, words in (
        (lambda: repo["main:none"], jiaozi.NotFound, "none"),
        (lambda: repo["nowhere"], jiaozi.NotFound, "unknown revision"),
        (lambda: repo["main"] / "none", jiaozi.NotFound, "none"),
        (lambda: repo["main"].read_bytes(), jiaozi.Misuse, "is a directory"),
        (lambda: list(entry), jiaozi.Misuse, "is not a directory"),
        (lambda: link.open(), jiaozi.Misuse, "symlink to 'data.csv'"),
        (lambda: entry.open("w"), jiaozi.Misuse, "can only be read"),  # type: ignore[call-overload]
    ):
        with pytest.raises(error, match=words):
            act()


def test_a_range_needs_only_its_own_blocks(repo: jiaozi.Repository) -> None:
    (repo.root / "big.bin").write_bytes(os.urandom(3 * 1024 * 1024))
    repo.add("big.bin")
    repo.commit("big", author=AUTHOR)
    entry = repo["main:big.bin"]
    held = repo._open().home.blocks
    leaves = [link.cid for link in links_of(held.get(entry.cid))]
    held.drop([leaves[0], leaves[2]])
    with entry.open() as file:
        file.seek(1024 * 1024 + 5)
        assert len(file.read(1000)) == 1000
        file.seek(0)
        with pytest.raises(BlockMissing) as raised:
            file.read(1)
        assert raised.value.cid == leaves[0]


def test_branches_merges_and_disputes(repo: jiaozi.Repository) -> None:
    assert repo.switch("side", create=True) == jiaozi.Switched("side", repo.head.commit, 0)
    write(repo, {"data.csv": "id,n\n1,ours\n2,b\n"})
    repo.commit("on side", author=AUTHOR, every=True)
    assert repo.switch("main").files == 1
    merged = repo.merge("side")
    assert (merged.kind, merged.commit) == ("fast-forward", repo.resolve("side"))
    write(repo, {"data.csv": "id,n\n1,main\n2,b\n"})
    repo.commit("on main", author=AUTHOR, every=True)
    repo.switch("side")
    write(repo, {"data.csv": "id,n\n1,side\n2,b\n"})
    repo.commit("on side", author=AUTHOR, every=True)
    merged = repo.merge("main")
    assert (merged.kind, [one.path for one in merged.conflicts]) == (
        "in-dispute",
        [("data.csv",)],
    )
    assert repo.conflicts() == merged.conflicts
    with pytest.raises(jiaozi.Conflict, match=r"in dispute: data\.csv"):
        repo.commit("no", author=AUTHOR)
    assert repo.abort_merge() >= 1
    repo.merge("main")
    assert len(repo.settle("data.csv", side="theirs")) == 1
    made = repo.commit(author=AUTHOR)
    assert len(made.commit.parents) == 2
    assert repo["HEAD:data.csv"].read_text() == "id,n\n1,main\n2,b\n"
    assert [one.name for one in repo.branches()] == ["main", "side"]
    assert [repo.switch("-").branch, repo.switch("-").branch] == ["main", "side"]
    assert repo.switch("HEAD~", detach=True).branch is None
    assert repo.delete_branch("side", force=True).name == "side"
    with pytest.raises(jiaozi.Misuse, match="write switch BRANCH"):
        repo.switch("main", start="HEAD")


def test_what_else_an_act_may_do(repo: jiaozi.Repository, place: Path) -> None:
    write(repo, {"data.csv": "changed\n"})
    assert repo.restore("data.csv").written == ("data.csv",)
    assert repo.status().clean
    write(repo, {"data.csv": "changed\n"})
    assert [path for path, _cid in repo.add("data.csv", dry_run=True).added] == ["data.csv"]
    assert not repo.status().staged
    repo.add_tracked()
    amended = repo.commit(amend=True)
    assert (amended.commit.message, amended.commit.parents) == ("first", ())
    assert repo.tag("v1").target == amended.cid
    assert repo.delete_tag("v1").name == "v1"
    size = repo.archive("HEAD", place / "x.zip")
    assert (place / "x.zip").stat().st_size == size
    repo.archive("HEAD", "y.tar")
    assert (repo.root / "y.tar").is_file()
    assert repo.status(untracked=False).clean
    with pytest.raises(FrozenInstanceError):
        repo.head.branch = "x"  # type: ignore[misc]


def test_what_is_refused_changes_nothing(repo: jiaozi.Repository, place: Path) -> None:
    before = repo.head, repo.status()
    for act, error, words in (
        (lambda: repo.commit("x", author=AUTHOR), jiaozi.Conflict, "nothing added"),
        (lambda: repo.commit(allow_empty=True, author=AUTHOR), jiaozi.Misuse, "no message"),
        (lambda: repo.commit(" \n", allow_empty=True), jiaozi.Misuse, "message is empty"),
        (lambda: repo.add(), jiaozi.Misuse, "say what to add"),
        (lambda: repo.add(""), jiaozi.Misuse, "an empty path"),
        (lambda: repo.add("none"), jiaozi.NotFound, "none"),
        (lambda: repo.add(place), jiaozi.Misuse, "not in the working copy"),
        (lambda: repo.diff(paths="sub"), jiaozi.Misuse, "paths are a list"),
        (lambda: repo.branch("main"), jiaozi.Conflict, "branch 'main' already"),
        (lambda: repo.merge("none"), jiaozi.NotFound, "unknown revision"),
        (lambda: jiaozi.open(place), jiaozi.NotFound, "working copy"),
        (lambda: jiaozi.open(home=place / "no"), jiaozi.NotFound, "no node home"),
        (lambda: jiaozi.init(repo.root, profile="kubo"), jiaozi.Conflict, "with profile"),
    ):
        with pytest.raises(error, match=words):
            act()
    assert (repo.head, repo.status()) == before


def test_the_home_is_held_until_it_is_closed(repo: jiaozi.Repository, place: Path) -> None:
    script = (
        "from pathlib import Path; from jiaozi_node.node.local_home import LocalHome;"
        f"LocalHome.open(Path({str(place / 'home')!r}), 0.0)"
    )

    def elsewhere() -> str:
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        words = [sys.executable, "-c", script]
        return subprocess.run(
            words, env=environ, capture_output=True, text=True, check=False
        ).stderr

    with jiaozi.init(place / "other") as other:
        file = repo["main:data.csv"].open()
        assert repo.id != other.id
        repo.close()
        repo.close()
        assert other.head.commit is None  # what another holds stays open
        assert f"in use by process {os.getpid()}" in elsewhere()
    assert elsewhere() == ""
    with pytest.raises(jiaozi.Misuse, match="is closed"):
        repo.status()
    with pytest.raises(jiaozi.Misuse, match="is closed"):
        file.read()
    assert "closed" in repr(repo)
    with jiaozi.open(place / "birds" / "sub") as again:
        assert again.root == repo.root


def test_beside_a_daemon_others_may_work_too(repo: jiaozi.Repository, place: Path) -> None:
    repo.close()
    with closing(LocalHome.open(place / "home")) as home:
        socket = HomeSocket(home)
        socket.start()
        with jiaozi.open(place / "birds") as again:
            write(again, {"data.csv": "id,n\n1,z\n", "big.txt": "big\n" * 500_000})
            again.add(".")
            made = again.commit("beside", author=AUTHOR)
            assert again["HEAD:big.txt"].read_text() == "big\n" * 500_000
            assert again.rows("HEAD~", "HEAD", key=["id"], paths=["data.csv"])
            assert again.head.commit == made.cid
            with jiaozi.open(place / "birds") as third:
                assert third.status().clean
        assert socket.stop(10)


def test_threads_take_turns(repo: jiaozi.Repository) -> None:
    texts = {f"f{n}.txt": f"{n}\n" * 50_000 for n in range(4)}
    write(repo, dict(texts))
    repo.add(".")
    repo.commit("files", author=AUTHOR)
    wrong: list[object] = []

    def read(name: str) -> None:
        found = [repo[f"HEAD:{name}"].read_text() for _ in range(5)]
        if found != [texts[name]] * 5:
            wrong.append(name)

    def record(number: int) -> None:
        try:
            for n in range(3):
                write(repo, {f"new{number}": f"{n}\n"})
                repo.add(f"new{number}")
                repo.status()
        except BaseException as fault:  # noqa: BLE001 - a thread's end is not seen otherwise
            wrong.append(fault)

    threads = [threading.Thread(target=read, args=(name,)) for name in texts]
    threads += [threading.Thread(target=record, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    repo.commit("both", author=AUTHOR)
    assert repo["HEAD:new0"].read_text() == repo["HEAD:new1"].read_text() == "2\n"


def test_hooks_run_and_may_use_the_home(repo: jiaozi.Repository) -> None:
    hook = repo.root / ".jiaozi" / "hooks" / "pre-commit"
    hook.parent.mkdir()
    hook.write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"sys.path[:0] = {[path for path in sys.path if path]!r}\n"
        "import jiaozi_node\nrepo = jiaozi_node.open('.')\n"
        "sys.exit(0 if 'good' in (repo.root / 'data.csv').read_text() else 1)\n"
    )
    hook.chmod(0o755)
    with repo._turn() as me:
        hooks.enable(me, True)
    entry = repo["HEAD:sub/x.txt"]
    write(repo, {"data.csv": "bad\n"})
    with pytest.raises(jiaozi.Conflict, match="pre-commit hook"):
        repo.commit("no", every=True, author=AUTHOR)
    assert repo.log()[0].commit.subject == "first"
    write(repo, {"data.csv": "good\n"})
    made = repo.commit("yes", every=True, author=AUTHOR)
    assert repo.head.commit == made.cid
    assert entry.read_text() == "x\n"


def test_its_names_stand_in_the_package_and_load_late() -> None:
    assert set(api.__all__) <= set(dir(jiaozi))
    assert all(getattr(jiaozi, name) is getattr(api, name) for name in api.__all__)
    with pytest.raises(AttributeError, match="no attribute 'none'"):
        jiaozi.none  # type: ignore[attr-defined]  # noqa: B018
    script = "import sys, jiaozi_node; assert 'jiaozi_node.api' not in sys.modules"
    lower = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script], env=lower, check=True)
    assert (Path(jiaozi.__file__).parent / "py.typed").is_file()
