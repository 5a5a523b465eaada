"""The home's socket: what `DaemonHome` promises, leases and writers that die with their client."""

import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from jiaozi_node.cli import far
from jiaozi_node.errors import (
    Conflict,
    JiaoziError,
    LimitExceeded,
    Misuse,
    NotFound,
    Refused,
    Unavailable,
)
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.http import home as home_module
from jiaozi_node.http.home import HomeSocket
from jiaozi_node.node import opening, wire
from jiaozi_node.node.acts import acting
from jiaozi_node.node.collecting import collect
from jiaozi_node.node.daemon_home import DaemonHome
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.stores.api import BlockMissing, Change, NameConflict

BLOCK = Block.of(b"of an act")


@pytest.fixture
def held(tmp_path: Path) -> Iterator[LocalHome]:
    """A home with its socket up."""
    with closing(LocalHome.create(tmp_path / "home")) as home:
        listening = HomeSocket(home)
        listening.start()
        yield home
        assert listening.stop(5)


@pytest.fixture
def beside(held: LocalHome) -> Iterator[DaemonHome]:
    """The same home, from beside."""
    home = opening.open_home(held.path)
    assert isinstance(home, DaemonHome)
    with closing(home):
        yield home


def put(home: DaemonHome, *blocks: Block) -> None:
    with home.blocks.writer() as writer:
        writer.put(blocks)


def garbage(home: LocalHome) -> int:
    run = collect(home, 0)
    while True:
        try:
            next(run)
        except StopIteration as done:
            return int(done.value.blocks)


def test_the_socket_is_its_owners_alone(held: LocalHome) -> None:
    mode = (held.path / wire.SOCKET).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert mode & 0o777 == 0o600


def test_a_home_with_a_long_path_has_a_socket(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)
    with closing(LocalHome.create(path)) as home:
        listening = HomeSocket(home)
        listening.start()
        with closing(opening.open_home(path)) as beside:
            assert isinstance(beside, DaemonHome)
        assert listening.stop(5)


def test_what_is_put_beside_is_read_at_once_on_both_sides(
    held: LocalHome, beside: DaemonHome
) -> None:
    with beside.blocks.writer() as writer:
        writer.put([BLOCK])
        assert beside.blocks.get(BLOCK.cid) == BLOCK
        assert beside.blocks.has([BLOCK.cid]) == [True]
        assert writer.present([BLOCK.cid]) == [True]
    assert held.blocks.get(BLOCK.cid) == BLOCK
    assert list(beside.blocks.multihashes()) == list(held.blocks.multihashes())


def test_faults_come_over_with_class_and_data(beside: DaemonHome) -> None:
    with pytest.raises(BlockMissing) as missing:
        beside.blocks.get(BLOCK.cid)
    assert missing.value.cid == BLOCK.cid
    beside.names.apply([Change("gc", b"k", b"\xf6")])
    with pytest.raises(NameConflict) as conflict:
        beside.names.apply([Change("gc", b"k", None, expect=None)])
    assert (conflict.value.kind, conflict.value.key, conflict.value.found) == ("gc", b"k", b"\xf6")


def test_a_fault_of_any_class_keeps_its_family_name_and_data() -> None:
    class EntryMissing(NotFound):
        def __init__(self, name: str, at: Cid) -> None:
            super().__init__(f"no {name}")
            self.name, self.at, self.other = name, at, object()

    fault = wire.fault_of(wire.told(EntryMissing("x", BLOCK.cid))[1:])
    assert isinstance(fault, NotFound)
    assert (type(fault).__name__, str(fault)) == ("EntryMissing", "no x")
    assert vars(fault) == {"name": "x", "at": BLOCK.cid}
    assert not isinstance(wire.fault_of(wire.told(ValueError("v"))[1:]), Conflict)


def test_a_lease_keeps_until_its_client_is_gone(held: LocalHome, beside: DaemonHome) -> None:
    """It is held by the connection: a client that is killed keeps nothing."""
    other = opening.open_home(held.path)
    assert isinstance(other, DaemonHome)
    stack = acting(other)
    act = stack.__enter__()
    with act.blocks.writer() as writer:
        writer.put([BLOCK])
    assert garbage(held) == 0
    assert beside.blocks.has([BLOCK.cid]) == [True]
    stack.__exit__(None, None, None)
    other.close()
    assert garbage(held) == 1


def test_a_lease_of_a_client_that_was_killed_ends(held: LocalHome) -> None:
    line = wire.connect(held.path)
    assert line is not None
    token = line.ask("lease")
    line.ask("writer", token, 0)
    line.ask("writer.put", [[BLOCK.cid, BLOCK.data]])
    line.close()  # amid the act
    waited = wire.connect(held.path)
    assert waited is not None
    while _keeps(waited, token):  # its thread ends soon
        pass
    waited.close()
    garbage(held)
    assert held.blocks.has([BLOCK.cid]) == [False]


def _keeps(line: wire.Wire, token: bytes) -> bool:
    try:
        line.ask("lease.keep", token, BLOCK.cid)
    except Misuse:
        return False
    return True


def test_a_writer_that_fails_says_so_and_the_line_goes_on(beside: DaemonHome) -> None:
    def failing() -> Iterator[Block]:
        yield BLOCK
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), beside.blocks.writer() as writer:
        writer.put(failing())
    put(beside, Block.of(b"another"))


def test_what_a_reader_could_not_send_is_raised_to_the_writer(beside: DaemonHome) -> None:
    """Blocks wait to be sent; who reads sends them, and meets the fault before their writer."""
    with ExitStack() as act:
        writer = act.enter_context(beside.blocks.writer())
        writer.put([Block(BLOCK.cid, b"of another CID")])
        with pytest.raises(JiaoziError):
            beside.blocks.has([BLOCK.cid])
        with pytest.raises(JiaoziError):
            act.close()
    assert beside.blocks.has([BLOCK.cid]) == [False]
    put(beside, BLOCK)
    assert beside.blocks.get(BLOCK.cid) == BLOCK


def test_names_are_the_same_from_beside(held: LocalHome, beside: DaemonHome) -> None:
    rows = [Change("pins", bytes([n // 256, n % 256]), b"\xf6") for n in range(3000)]
    beside.names.apply(rows)
    assert list(beside.names.scan("pins")) == list(held.names.scan("pins"))
    assert list(beside.names.scan("pins", b"\1")) == list(held.names.scan("pins", b"\1"))
    assert list(beside.names.everything()) == list(held.names.everything())
    assert beside.names.kinds() == held.names.kinds()
    assert beside.names.version() == held.names.version()
    assert beside.names.went_back() is None
    for key, value in beside.names.scan("pins"):
        assert beside.names.get("pins", key) == value  # while a scan is under way
        break
    assert beside.names.get("pins", b"zz") is None


def test_many_threads_beside_share_the_home(beside: DaemonHome) -> None:
    blocks = [Block.of(b"%d" % n) for n in range(400)]

    def work(part: list[Block]) -> None:
        put(beside, *part)
        for block in part:
            assert beside.blocks.get(block.cid) == block

    threads = [threading.Thread(target=work, args=(blocks[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert beside.blocks.has([block.cid for block in blocks]) == [True] * 400


def test_another_version_is_refused(held: LocalHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HELLO", ["jiaozi home", 1, "0.0.0"])
    with pytest.raises(Refused, match="another version of jiaozi"):
        wire.connect(held.path)


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff", b"\0\0\0\x01\xff", b"\0\0\0\x05"]
)
def test_nonsense_is_hung_up_on_and_the_rest_goes_on(
    held: LocalHome, beside: DaemonHome, sent: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as sock, wire.address_of(held.path) as address:
        sock.connect(address)
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(100) == b"" or b"fault" in sent
    assert beside.names.kinds() == held.names.kinds()


def test_who_connects_and_says_nothing_is_hung_up_on(
    held: LocalHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HELLO_S", 0.05)
    with socket.socket(socket.AF_UNIX) as sock, wire.address_of(held.path) as address:
        sock.connect(address)
        assert sock.recv(100) == b""


def test_a_daemon_that_says_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HELLO_S", 0.05)
    with socket.socket(socket.AF_UNIX) as deaf, wire.address_of(tmp_path) as address:
        deaf.bind(address)
        deaf.listen(1)
        assert wire.connect(tmp_path) is None


def test_a_message_over_the_limit_is_refused_by_name_and_the_home_stays_in_reach(
    held: LocalHome, beside: DaemonHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MAX_MESSAGE_BYTES", 2 * 1024 * 1024)
    large = Change("pins", b"k", bytes(3 * 1024 * 1024), None)
    said = "message on the home's socket"
    with pytest.raises(LimitExceeded, match=said):
        beside.names.apply([large])
    assert beside.names.get("pins", b"k") is None
    held.names.apply([large])
    with pytest.raises(JiaoziError, match=said):
        beside.names.get("pins", b"k")
    assert beside.names.get("pins", b"other") is None


def test_long_listings_go_in_messages_within_the_limit(
    held: LocalHome, beside: DaemonHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [Change("pins", b"%02d" % number, bytes(200_000), None) for number in range(20)]
    held.names.apply(rows)
    monkeypatch.setattr(wire, "MAX_MESSAGE_BYTES", 2 * 1024 * 1024)
    assert [key for key, _ in beside.names.scan("pins")] == [row.key for row in rows]
    assert len(list(beside.names.everything())) >= 20


def test_arguments_that_are_no_utf8_reach_the_daemon_as_they_are(beside: DaemonHome) -> None:
    odd, plain = os.fsdecode(b"a\xffb"), "ü\ufffd"
    given = {
        "args": far._plain({"peerid": odd}), "options": far._plain({"peerid_base": plain}),
        "explicit": [], "globals": {}, "progress": False, "text": False,
    }  # fmt: skip
    assert home_module._tuples(given["args"]) == {"peerid": odd}
    assert home_module._tuples(given["options"]) == {"peerid_base": plain}
    with pytest.raises(JiaoziError) as told:
        list(beside.run(("ipfs", "id"), given))
    assert not isinstance(told.value, Unavailable)  # it came over, and is refused for what it is


def test_connections_are_counted(
    held: LocalHome, beside: DaemonHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert beside.names.kinds() == held.names.kinds()
    monkeypatch.setattr("jiaozi_node.http.home.MAX_CONNECTIONS", 1)
    assert wire.connect(held.path) is None
    assert beside.names.kinds() == held.names.kinds()


def test_a_home_held_by_no_daemon_is_busy_and_says_what_helps(tmp_path: Path) -> None:
    path = tmp_path / "home"
    LocalHome.create(path).close()
    script = (
        "import sys; from pathlib import Path\n"
        "from jiaozi_node.node.local_home import LocalHome\n"
        "home = LocalHome.open(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(opening.HomeBusy, match=rf"process {holder.pid}; under 'jiaozi daemon'"):
            opening.open_home(path, 0.1)
        assert holder.stdin is not None
        holder.stdin.close()
    opening.open_home(path, 10).close()


def test_a_socket_that_a_killed_daemon_left_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "home"
    with closing(LocalHome.create(path)):
        with socket.socket(socket.AF_UNIX) as sock, wire.address_of(path) as address:
            sock.bind(address)
        assert wire.connect(path) is None
    with closing(opening.open_home(path)) as home:
        assert isinstance(home, LocalHome)
        listening = HomeSocket(home)
        listening.start()
        assert listening.stop(5)
    assert not os.path.exists(path / wire.SOCKET)
