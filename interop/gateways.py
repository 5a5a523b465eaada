"""Daemons that are started for their gateways, and a client that sends a target as it stands."""

import http.client
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from interop.programs import Program

LISTENS = re.compile(r"Gateway server listening on /ip4/127.0.0.1/tcp/(\d+)")
END_S = 20


@contextmanager
def listening(node: Program) -> Iterator[int]:
    """Run *node*'s daemon offline; hand out the port of its gateway."""
    with running(node) as (port, _process):
        yield port


@contextmanager
def running(node: Program) -> Iterator[tuple[int, int]]:
    """Run *node*'s daemon offline; hand out the port of its gateway, and its process."""
    daemon = subprocess.Popen(
        [*node.words, "daemon", "--offline"], env=node.environ(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert daemon.stdout is not None
    try:
        port = 0
        for line in daemon.stdout:
            found = LISTENS.match(line)
            port = int(found[1]) if found else port
            if line.startswith("Daemon is ready"):
                break
        if not port:
            raise RuntimeError(f"{node.name} has no gateway")
        yield port, daemon.pid
    finally:
        daemon.terminate()
        try:
            daemon.wait(END_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        daemon.stdout.close()


@dataclass(frozen=True, slots=True)
class Got:
    """A response; *whole* tells that its body ended as HTTP asks for."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True


def ask(
    port: int, target: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> Got:
    """Send one request on a connection of its own."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        line.putrequest(method, target, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            line.putheader(name, value)
        line.endheaders()
        answer = line.getresponse()
        fields: dict[str, str] = {}
        for name, value in answer.getheaders():
            before = fields.get(name.lower())
            fields[name.lower()] = value if before is None else f"{before}, {value}"
        try:
            return Got(answer.status, fields, answer.read())
        except http.client.IncompleteRead as cut:
            return Got(answer.status, fields, cut.partial, whole=False)
    finally:
        line.close()
