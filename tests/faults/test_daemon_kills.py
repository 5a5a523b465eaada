"""kill -9 of the daemon amid adds, writes to MFS, pins and unpins that come in over the RPC.

Three clients work at once, each on a connection of its own, and note what was acknowledged: the
last byte of a complete answer. The next daemon is asked for all of it. What was under way may have
happened or not, whole.
"""

import json
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jiaozi_node.node.local_home import LocalHome
from tests.faults.conftest import Show
from tests.faults.sizes import SEED, SIZES
from tests.faults.zygote import Zygote

WORKING_S = 0.12  # the longest before a kill
COUNTER = "/counter"
Kept = dict[str, bytes]


@dataclass(slots=True)
class State:
    """What the daemon has acknowledged, and what it may have done besides."""

    files: Kept = field(default_factory=dict)  # by CID, all pinned
    written: Kept = field(default_factory=dict)  # by path in MFS
    unpinned: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)  # a pin that was being taken away or given
    counted: int = 0
    counting: int = 0  # the number that was last sent


class Client:
    """One connection; *phase* says what it was about when the daemon died."""

    def __init__(self, port: int) -> None:
        self._line = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.phase = "between"

    def ask(self, act: str, path: str, content: bytes | None = None) -> bytes:
        """Send one request; return the body of its answer, which is complete and no error."""
        body, fields = b"", ""
        if content is not None:
            body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
            body += content + b"\r\n--b--\r\n"
            fields = "Content-Type: multipart/form-data; boundary=b\r\n"
        head = f"POST /api/v0/{path} HTTP/1.1\r\nHost: localhost\r\n{fields}"
        self.phase = f"{act}, sending"
        self._line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self.phase = f"{act}, waiting"
        answer = b""
        while not answer.endswith(b"0\r\n\r\n"):
            more = self._line.recv(1 << 16)
            if not more:
                raise ConnectionError
            answer += more
            if answer.startswith(b"HTTP/1.1 ") and not answer.startswith(b"HTTP/1.1 200"):
                raise AssertionError((path, answer))
        self.phase = "between"
        return unchunked(answer.partition(b"\r\n\r\n")[2])

    def close(self) -> None:
        self._line.close()


def unchunked(data: bytes) -> bytes:
    found = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        if not int(size, 16):
            return found
        found, data = found + data[: int(size, 16)], data[int(size, 16) + 2 :]


def adds(client: Client, state: State, rng: random.Random) -> None:
    while True:
        content = rng.randbytes(rng.choice((10, 3000, 40_000, 300_000)))
        row = json.loads(client.ask("add", "add?quieter=true", content).splitlines()[-1])
        state.files[row["Hash"]] = content


def writes(client: Client, state: State, rng: random.Random) -> None:
    while True:
        path = f"/d{rng.randrange(5)}/{rng.randrange(10**9)}"
        content = rng.randbytes(rng.choice((5, 2000)))
        client.ask("write", f"files/write?arg={path}&create=true&parents=true", content)
        state.written[path] = content
        state.counting = state.counted + 1
        number = b"%08d" % state.counting
        client.ask("rewrite", f"files/write?arg={COUNTER}&create=true", number)
        state.counted = state.counting


def pins(client: Client, state: State, rng: random.Random) -> None:
    while True:
        known = list(state.files)
        if not known:
            client.ask("idle", "version")
            continue
        cid = rng.choice(known)
        state.doubtful.add(cid)
        if cid in state.unpinned:
            client.ask("pin", f"pin/add?arg={cid}")
            state.unpinned.discard(cid)
        else:
            client.ask("unpin", f"pin/rm?arg={cid}")
            state.unpinned.add(cid)
        state.doubtful.discard(cid)


WORKS = (adds, writes, pins)


def port_of(home: Path, pid: int) -> int:
    """Wait for the file that the daemon writes when it listens."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            return int((home / "api").read_text().rpartition("/")[2])
        except (FileNotFoundError, ValueError):
            os.kill(pid, 0)
            time.sleep(0.002)
    raise AssertionError("the daemon did not begin")


def check(port: int, state: State, rng: random.Random) -> None:
    """Ask for what was acknowledged: the newest of it, and some of what is older."""
    client = Client(port)
    listed = client.ask("check", "pin/ls?type=recursive&stream=true").splitlines()
    found = {json.loads(row)["Cid"] for row in listed}
    for cid in state.files:
        if cid not in state.doubtful:
            assert (cid in found) is (cid not in state.unpinned), cid
    for cid in sampled(list(state.files), rng):
        assert client.ask("check", f"cat?arg={cid}") == state.files[cid], cid
    for path in sampled(list(state.written), rng):
        assert client.ask("check", f"files/read?arg={path}") == state.written[path], path
    if state.counted:
        number = int(client.ask("check", f"files/read?arg={COUNTER}"))
        assert state.counted <= number <= state.counting
        state.counted = number
    state.unpinned = {cid for cid in state.files if cid not in found}
    state.doubtful.clear()
    client.close()


def sampled(known: list[str], rng: random.Random) -> list[str]:
    return known[-12:] + rng.sample(known, min(4, len(known)))


@pytest.fixture(scope="module")
def daemons() -> Iterator[Zygote]:
    made = Zygote({"ZYGOTE_LOADS": "jiaozi_node.cli.daemon"})
    yield made
    made.close()


def test_a_killed_daemon_keeps_what_it_acknowledged(
    place: Path, daemons: Zygote, show: Show
) -> None:
    rng = random.Random(SEED)
    home, work = place / "home", place / "work"
    work.mkdir()
    LocalHome.create(home).close()
    config = json.loads((home / "config").read_text())
    config["Addresses"] = {"API": "/ip4/127.0.0.1/tcp/0", "Gateway": [], "Swarm": []}
    (home / "config").write_text(json.dumps(config))
    state, phases = State(), Counter[str]()
    for cycle in range(SIZES.daemons + 1):
        (home / "api").unlink(missing_ok=True)
        pid = daemons.start("daemon", home, work)
        port = port_of(home, pid)
        check(port, state, rng)
        if cycle == SIZES.daemons:
            os.kill(pid, signal.SIGTERM)
            assert daemons.wait() == 0
            break
        clients = [Client(port) for _ in WORKS]
        threads = [
            threading.Thread(
                target=until_gone, args=(one, client, state, f"{cycle}:{one.__name__}")
            )
            for one, client in zip(WORKS, clients, strict=True)
        ]
        for thread in threads:
            thread.start()
        time.sleep(rng.uniform(0.005, WORKING_S))
        os.kill(pid, signal.SIGKILL)
        assert daemons.wait() == -signal.SIGKILL
        for thread, client in zip(threads, clients, strict=True):
            thread.join(20)
            assert not thread.is_alive()
            phases[client.phase] += 1
            client.close()
    status, said = daemons.run("commands", home, work, commands=[["fsck"]])
    assert status == 0, said
    shown = ", ".join(f"{name} {count}" for name, count in sorted(phases.items()))
    show(
        f"daemon killed {SIZES.daemons} times amid {shown}; {len(state.files)} files,"
        f" {len(state.written)} writes and {state.counted} rewrites acknowledged, none lost"
    )
    assert {"add, waiting", "write, waiting"} <= set(phases)
    assert len(state.files) > SIZES.daemons


def until_gone(
    work: Callable[[Client, State, random.Random], None], client: Client, state: State, seed: str
) -> None:
    """Work until the daemon dies."""
    with suppress(ConnectionError, TimeoutError):
        work(client, state, random.Random(f"{SEED}:{seed}"))
