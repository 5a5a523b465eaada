"""Requests that break rules, sent to a real daemon: stated answers, no memory kept, others served.

The rules are those of ``tests/http/rpc/malformed.py``; a line is printed for each, with the seed's
answers. Beside them an honest client asks the whole time, from a process of its own.
"""

import http.client
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from interop import daemons, programs
from interop.daemons import Daemon
from tests.http.rpc.malformed import CLOSED, Rule, every_rule

MIB = 1024 * 1024
GROWTH_BYTES = 64 * MIB
SLOWER = 3.0
FLOOR_S = 0.05  # other suites run beside this one: below it p99 says more of them than of us
PARTS = 50_000
BOMB_BYTES = 512 * MIB
IDLERS = 64

_HONEST = """
import http.client, sys, time
line = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    began = time.perf_counter()
    line.request("POST", "/api/v0/version")
    answer = line.getresponse()
    assert answer.status == 200 and answer.read()
    print(time.perf_counter() - began)
    time.sleep(0.005)
"""


def statuses(daemon: Daemon, rule: Rule, rng: random.Random) -> list[int]:
    """Send what breaks *rule* and shut our side; return the statuses that came."""
    found: list[int] = []
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=180) as sock:
        try:
            sock.sendall(rule.make(rng, daemon.port))
            if rule.half:
                sock.shutdown(socket.SHUT_WR)
            for _ in rule.answers:
                answer = http.client.HTTPResponse(sock)
                answer.begin()
                found.append(answer.status)
                answer.read()
        except (http.client.HTTPException, ConnectionError):
            found.append(CLOSED)
    return found


def resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the daemon is gone")


def honest(daemon: Daemon, seconds: float, meanwhile: Callable[[], None]) -> float:
    """Return the 99th percentile of what a request takes while *meanwhile* goes on."""
    client = subprocess.Popen(
        [sys.executable, "-c", _HONEST, str(daemon.port), str(seconds)], stdout=subprocess.PIPE
    )
    meanwhile()
    out, _ = client.communicate(timeout=120)
    assert client.returncode == 0
    times = sorted(map(float, out.split()))
    assert len(times) > 100
    return statistics.quantiles(times, n=100)[98]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, seed: int) -> dict[str, float]:
    """Do all of it once, printing as it goes."""
    home = tmp_path_factory.mktemp("hostile") / "home"
    with daemons.running(programs.new_jiaozi(home)) as daemon:
        rules = every_rule(PARTS, BOMB_BYTES)
        quiet_s = honest(daemon, 3.0, lambda: None)
        before = resident(daemon.pid)
        wrong: list[str] = []
        idlers = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(IDLERS)]
        for one in idlers:  # heads that never end
            one.sendall(b"POST /api/v0/version HTTP/1.1\r\nX-Slow: ")

        def attack() -> None:
            for rule in rules:
                began = time.monotonic()
                found = statuses(daemon, rule, random.Random(f"{seed}:{rule.name}"))
                took = time.monotonic() - began
                ok = len(found) == len(rule.answers) and all(
                    status in allowed for status, allowed in zip(found, rule.answers, strict=True)
                )
                shown = ", ".join("closed" if one == CLOSED else str(one) for one in found)
                print(f"{'ok   ' if ok else 'WRONG'} {rule.name}: {shown} ({took:.2f} s)")
                if not ok:
                    wrong.append(rule.name)

        busy_s = honest(daemon, 12.0, attack)
        for one in idlers:
            one.close()
        growth = resident(daemon.pid) - before
        print(f"p99 {quiet_s * 1000:.1f} ms alone, {busy_s * 1000:.1f} ms meanwhile; "
              f"resident memory grew by {growth / MIB:.1f} MiB")  # fmt: skip
        return {"quiet": quiet_s, "busy": busy_s, "growth": growth, "wrong": len(wrong)}


def test_every_rule_has_its_answer(told: dict[str, float]) -> None:
    assert told["wrong"] == 0


def test_memory_is_given_back(told: dict[str, float]) -> None:
    assert told["growth"] <= GROWTH_BYTES


def test_another_client_is_served_meanwhile(told: dict[str, float]) -> None:
    assert told["busy"] <= SLOWER * max(told["quiet"], FLOOR_S)
