"""Commands that a daemon does for a process beside it say what that process would, to the byte."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.cli import asking, telling
from jiaozi_node.cli.main import main
from jiaozi_node.commands import registry
from jiaozi_node.formats import dag_cbor
from jiaozi_node.http.home import HomeSocket
from jiaozi_node.node import wire
from jiaozi_node.node.home import home_path
from jiaozi_node.node.local_home import LocalHome
from tests.commands.conftest import Run

Said = tuple[int, bytes, bytes]

_touched: list[tuple[str, str]] = []
_watched: list[str] = []


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if not _watched or event not in ("open", "os.listdir", "os.scandir"):
        return
    ours = threading.current_thread().name == "home-connection" and isinstance(args[0], str)
    if ours and any(args[0].startswith(root) for root in _watched):
        _touched.append((event, args[0]))


sys.addaudithook(_audit)


@pytest.fixture
def held() -> Callable[[], AbstractContextManager[None]]:
    """Commands that prepare have the home to themselves."""
    return nullcontext


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """A history with branches, a merge, tags, a rename, odd names and a file of many blocks."""
    jiaozi("init")
    (place / "data.csv").write_text("a,b\n1,2\n")
    (place / "gone.txt").write_text("gone\n" * 20)
    (place / "sub").mkdir()
    (place / "sub" / "c.txt").write_text("c\n")
    Path(os.fsdecode(os.fsencode(place) + b"/caf\xe9\n")).write_bytes(b"\xff\xfe")
    (place / "large.bin").write_bytes(b"".join(b"%08d" % at for at in range(400_000)))
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    jiaozi("tag", "v1", "-m", "As first published")
    jiaozi("switch", "-c", "side")
    (place / "sub" / "d.txt").write_text("d\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "side\n\nof it", "--author", "B <b@example.org>")
    jiaozi("switch", "main")
    (place / "data.csv").write_text("a,b\n1,2\n3,4\n")
    (place / "gone.txt").rename(place / "sub" / "here.txt")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "second", "--author", "A")
    jiaozi("merge", "side", "-m", "merged")
    return place


@pytest.fixture
def beside(
    place: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., tuple[Said, bool]]:
    """Run a command beside a daemon; tell what it said, and whether the daemon said it."""

    def run(*words: str) -> tuple[Said, bool]:
        capfdbinary.readouterr()
        with holding(place):
            code = asking.ask(words)
            told = code is not None
            if code is None:
                assert capfdbinary.readouterr() == (b"", b"")
                code = main(words)
        return (code, *capfdbinary.readouterr()), told

    return run


@contextmanager
def holding(place: Path, tell: bool = True) -> Iterator[HomeSocket]:
    """Hold the home as a daemon does; nothing it does touches the working copy."""
    with closing(LocalHome.open(place.parent / "home")) as home:
        socket = HomeSocket(home, tell=telling.tells(home) if tell else None)
        socket.start()
        _watched.append(f"{place}")
        _touched.clear()
        try:
            yield socket
        finally:
            _watched.clear()
            assert socket.stop(10)
        assert not _touched


TOLD = [
    "log", "log --oneline", "log --graph", "log --graph --oneline --all", "log -n 1", "log -n1 v1",
    "log --json", "log main..side", "log side..main", "log ^v1 main", "log --reverse",
    "log --author=B", "log --grep of.it", "log --since 2001-01-01", "log --since=@0 --until now",
    "log --decorate=false", "log --first-parent", "log --show-signature", "log --follow=false",
    "log main@{0}", "log HEAD~2", "log v1", "log --encoding=json",
    "diff v1 main", "diff v1..main", "diff v1...side", "diff v1 main --name-status",
    "diff v1 main --name-only", "diff v1 main --stat", "diff v1 main --json", "diff main main",
    "diff v1 main --no-renames --name-status", "diff v1 main -C --name-status",
    "diff v1 main --exit-code --name-only", "diff main main --exit-code", "diff -p v1 main",
    "diff -U 0 v1 main", "diff v1:sub main:sub", "diff v1:data.csv main:data.csv",
    "diff --json --stat v1 main", "diff v1..",
    "show", "show main side", "show v1", "show --json", "show --patch", "show --name-only",
    "show --name-status main~", "show main:sub", "show main:data.csv", "show v1:caf\udce9\n",
    "cat main:data.csv", "cat v1:data.csv main:data.csv", "cat -o 2 -l 3 v1:data.csv",
    "cat main:large.bin", "cat -o 1048570 -l 12 main:large.bin", "cat v1:caf\udce9\n",
    "ls", "ls main", "ls -l main:sub", "ls --json", "ls v1", "ls main:data.csv",
    "stat", "stat main:data.csv", "stat --json v1:sub", "stat main:large.bin",
]  # fmt: skip

LEFT = [
    "log --help", "log nothing-like-this", "log -n -1", "log -n x", "log --wrong", "log data.csv",
    "log -- data.csv", "log --path=sub", "log --author=(", "diff", "diff main", "diff v1",
    "diff main side v1", "diff -- data.csv", "diff v1 main -- sub", "diff v1 main --rows",
    "diff --staged", "diff main nowhere", "diff v1 main -U -1", "diff main --name-status",
    "show nowhere", "show main:nowhere", "show --help", "cat", "cat main", "cat main:sub",
    "cat nowhere", "cat main:nowhere", "cat /ipfs/nonsense", "cat -o -1 main:data.csv",
    "cat --api=/ip4/127.0.0.1/tcp/5001 main:data.csv", "ls nowhere", "ls main:nowhere",
    "stat main:nowhere", "--json log", "status", "branch", "help log", "version", "log -h",
    "diff ^v1 main", "diff main:../x",
]  # fmt: skip


def words_of(line: str) -> list[str]:
    return line.split(" ")


def test_what_a_daemon_tells_is_what_is_said_alone(
    repo: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    beside: Callable[..., tuple[Said, bool]],
) -> None:
    (repo / "data.csv").write_text("changed, and nobody's business here\n")
    for line in (*TOLD, *LEFT):
        words = words_of(line)
        capfdbinary.readouterr()
        code = main(words)
        alone = (code, *capfdbinary.readouterr())
        said, told = beside(*words)
        assert said == alone, line
        assert told == (line in TOLD), line


def test_every_command_that_may_be_told_is_asked_for() -> None:
    loaded = {path: registry.load(path) for path in registry.COMMANDS}
    apart = {path for path, command in loaded.items() if command and command.apart}
    assert apart == {(name,) for name in asking.COMMANDS}


def test_content_is_told_outside_of_working_copies(
    repo: Path,
    jiaozi: Run,
    beside: Callable[..., tuple[Said, bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cid = jiaozi("stat", "--json", "main:data.csv").out.split('"cid":"')[1].split('"')[0]
    monkeypatch.chdir(repo.parent)
    assert beside("cat", cid) == ((0, (repo / "data.csv").read_bytes(), b""), True)
    (code, out, err), told = beside("log")
    assert (code, out, told) == (3, b"", False)
    assert b"is not in a working copy" in err


def test_a_working_copy_that_was_moved_is_put_right_by_its_own_process(
    repo: Path, beside: Callable[..., tuple[Said, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = beside("log")
    assert before[1]
    moved = repo.with_name("moved")
    repo.rename(moved)
    monkeypatch.chdir(moved)
    assert beside("log") == (before[0], False)
    assert beside("log") == before


def test_an_act_that_was_cut_short_is_ended_by_its_own_process(
    repo: Path, beside: Callable[..., tuple[Said, bool]]
) -> None:
    from jiaozi_node.node.repository import INTENTS, Repository
    from jiaozi_node.stores.api import Change
    from jiaozi_node.versioning import rows

    assert beside("log")[1]
    with closing(LocalHome.open(repo.parent / "home")) as home:
        copy = Repository.at(home, repo).copy_id
        home.names.apply([Change(INTENTS, rows.key(copy), b"odd", None)])
    assert not beside("log")[1]


@pytest.mark.parametrize("what", ["a link", "a directory", "nonsense"])
def test_an_odd_link_is_left_to_who_says_so(
    repo: Path, beside: Callable[..., tuple[Said, bool]], what: str
) -> None:
    file = repo / ".jiaozi" / "worktree.toml"
    kept = file.rename(file.with_name("kept"))
    if what == "a link":
        file.symlink_to(kept)
    elif what == "a directory":
        file.mkdir()
    else:
        file.write_text("nonsense")
    (code, out, err), told = beside("log")
    assert (code, out, told) == (2, b"", False)
    assert b"worktree.toml" in err


def test_a_process_in_another_time_zone_reads_dates_itself(repo: Path) -> None:
    words = [sys.executable, "-c", "from jiaozi_node.cli import asking; print(asking.ask(['ls']))"]
    with holding(repo):
        for zone, told in (("UTC", b"0"), ("Asia/Tokyo", b"None"), ("", b"None")):
            environ = {**_environ(), "TZ": zone}
            done = subprocess.run(words, capture_output=True, check=True, env=environ)
            assert done.stdout.splitlines()[-1] == told


def test_without_a_daemon_nobody_is_asked(
    repo: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    capfdbinary.readouterr()
    with holding(repo, tell=False):
        assert asking.ask(["log"]) is None  # one that doesn't tell
    assert asking.ask(["log"]) is None  # none
    with holding(repo) as socket:
        address = repo.parent / "home" / wire.SOCKET
        kept = address.rename(address.with_name("kept"))
        assert asking.ask(["log"]) is None
        kept.rename(address)
        assert asking.ask(["log"]) == 0
        assert socket.home.path == address.parent
    assert capfdbinary.readouterr().out.count(b"commit ") == 4


def test_another_version_is_not_asked(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "__version__", "0.0.0")
    with holding(repo):
        assert asking.ask(["log"]) is None


@pytest.mark.parametrize("behind", [0, 1])
def test_damage_met_on_the_way_is_told_as_it_is_alone(
    repo: Path,
    jiaozi: Run,
    beside: Callable[..., tuple[Said, bool]],
    capfdbinary: pytest.CaptureFixture[bytes],
    behind: int,
) -> None:
    """Before anything went out the daemon says nothing; later it says what the process would."""
    for segment in (repo.parent / "home" / "segments").iterdir():
        data = bytearray(segment.read_bytes())
        place = data.find(b"%08d" % (131_072 * behind + 1000))
        if place >= 0:
            data[place] ^= 1
            segment.write_bytes(data)
    ran = jiaozi("cat", "main:large.bin", code=6)
    assert len(ran.raw) >= 1_000_000 * behind
    capfdbinary.readouterr()
    said, told = beside("cat", "main:large.bin")
    assert said == (6, ran.raw, ran.err.encode())
    assert told == bool(behind)


def test_nothing_more_is_read_for_a_process_that_is_gone(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "_HEED_EVERY", 1)
    asked = dag_cbor.decode(asking._cbor(asking._asked(["log"])))
    sent: list[bytes] = []
    with closing(LocalHome.open(repo.parent / "home")) as home:
        with pytest.raises(ConnectionError):
            telling.tells(home)(asked, sent.append, lambda: True)
        assert not sent
        telling.tells(home)(asked, sent.append, lambda: False)
        assert b"commit " in b"".join(sent)
    one, other = socket.socketpair()
    with closing(wire.Wire(one)) as line:
        assert not line.gone()
        other.sendall(b"x")
        assert not line.gone()
        other.close()
        one.recv(1)
        assert line.gone()


def test_a_reader_that_goes_away_ends_it(repo: Path) -> None:
    with holding(repo):
        words = [sys.executable, "-m", "jiaozi_node", "cat", "main:large.bin"]
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as out:
            done = subprocess.run(
                words, stdout=out, stderr=subprocess.PIPE, check=False, env=_environ()
            )
        assert (done.returncode, done.stderr) == (141, b"")
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                words, stdout=full, stderr=subprocess.PIPE, check=False, env=_environ()
            )
        assert (done.returncode, done.stderr) == (4, b"jiaozi: no space left on device\n")


def test_a_process_that_asks_loads_next_to_nothing(repo: Path) -> None:
    code = (
        "import sys; before = set(sys.modules); from jiaozi_node.cli import entry, asking;"
        "code = asking.ask(['log', '-n', '1', '--oneline']);"
        "print(code, *sorted(set(sys.modules) - before))"
    )
    with holding(repo):
        words = [sys.executable, "-c", code]
        done = subprocess.run(words, capture_output=True, check=True, env=_environ())
    loaded = "jiaozi_node jiaozi_node.cli jiaozi_node.cli.asking jiaozi_node.cli.entry"
    assert done.stdout.splitlines()[-1].decode() == f"0 _socket {loaded}"


def _environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "LC_ALL": "C.UTF-8"}


@pytest.mark.parametrize(
    "environ",
    [
        {"JIAOZI_PATH": "/x/y"},
        {"JIAOZI_PATH": "~/y", "HOME": "/h"},
        {"XDG_DATA_HOME": "/data", "HOME": "/h"},
        {"XDG_DATA_HOME": "", "HOME": "/h"},
        {"HOME": "/h"},
    ],
)
def test_the_home_is_looked_for_where_it_is(
    environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JIAOZI_PATH", "XDG_DATA_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    assert asking._home() is None
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert Path(str(asking._home())) == home_path(os.environ)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**64 - 1) | st.binary() | st.text(),
    lambda inner: st.lists(inner, max_size=30),
)


@given(_VALUES)
def test_messages_are_those_of_the_wire(value: object) -> None:
    assert asking._cbor(value) == dag_cbor.encode(value)
