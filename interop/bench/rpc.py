"""The RPC measured beside Kubo's: daemons in turn, one at a time, each on a fresh home.

The client is the same for both and does as little as it can: uploads go out by ``sendfile``, and
requests at many connections are bytes made beforehand, driven by one selector. What the client
takes of the two cores is taken from both daemons alike. Ours is durable when it answers.
"""

import json
import os
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

from interop import daemons
from interop.bench.measure import GIB, MIB, SHIPPED, big_file, homes, small_files, versions
from interop.bench.results import Result
from interop.bench.storage import _SYNCED, _as_it_is, _synced
from interop.daemons import Daemon
from interop.programs import Pair, Program

CONNECTIONS = 64
SECONDS = 5.0
WRITES = 10_000
PINS = 2_000
LISTED = 100_000
_END = b"0\r\n\r\n"

Work = Callable[[Daemon], float]
Setting = Callable[[Program], None]


@dataclass(frozen=True, slots=True)
class Against:
    """How Kubo is set, and the goal then."""

    setting: Setting
    conditions: str
    goal: float


AS_SHIPPED = partial(Against, _as_it_is, SHIPPED)
SYNCED = partial(Against, _synced, _SYNCED)


def rpc(pairs: int) -> Iterator[Result]:
    """Do all the works of the RPC."""
    for bench in (ready, gets, pins, listing, writes, uploads):
        yield from bench(pairs)


# ---- the works ------------------------------------------------------------------------------


def uploads(pairs: int) -> Iterator[Result]:
    """Time uploads: 1 GiB, and 20,000 small files in one request."""
    with homes() as (pair, root):
        big_file(root / "big", GIB)
        with (root / "one").open("wb") as body:
            _part(body, "big")
            with (root / "big").open("rb") as source:
                shutil.copyfileobj(source, body, MIB)
            body.write(b"\r\n--b--\r\n")
        (root / "big").unlink()
        small_files(root / "many", 20_000)
        with (root / "all").open("wb") as body:
            for path in sorted((root / "many").rglob("*")):
                if path.is_file():
                    _part(body, str(path.relative_to(root)))
                    body.write(path.read_bytes() + b"\r\n")
            body.write(b"--b--\r\n")
        for name, shown, against in (
            ("one", "`add` of 1 GiB in one request", (SYNCED(2), AS_SHIPPED(1))),
            ("all", "`add` of 20,000 files of 1–8 KiB in one request", (SYNCED(5), AS_SHIPPED(2))),
        ):
            work = partial(upload, root / name)
            yield from _each(pair, root, shown, pairs, against, work)


def gets(pairs: int) -> Iterator[Result]:
    """Count `block/get` of blocks of 1 KiB at 64 connections; both daemons stay up."""
    with homes() as (pair, root):
        cids = []
        for program in (pair.kubo, pair.ours):
            with daemons.running(program) as daemon:
                cids = [_put(daemon, number.to_bytes(8, "big") * 128) for number in range(256)]
        requests = [_request(f"block/get?arg={cid}") for cid in cids]
        shown = f"100,000 `block/get` of 1 KiB at {CONNECTIONS} connections"
        work = partial(rate, requests)
        yield from _each(pair, root, shown, pairs, (AS_SHIPPED(0.7),), work, times=100_000)


def writes(pairs: int) -> Iterator[Result]:
    """Time 10,000 writes of files into one directory of MFS, one after another."""
    with homes() as (pair, root):
        bodies = [(f"/d/f{number:05d}", b"content %d" % number) for number in range(WRITES)]
        for query, shown, goal in (
            ("", f"{WRITES:,} `files/write` into one directory", 10),
            ("&flush=false", f"{WRITES:,} `files/write?flush=false` into one directory", 20),
        ):
            if query:  # Kubo refuses more than 256 that are not flushed
                setting = Against(_unlimited, f"{SHIPPED}; MFSNoFlushLimit 0", goal)
            else:
                setting = AS_SHIPPED(goal)
            work = partial(mfs, bodies, query)
            yield from _each(pair, root, shown, max(1, pairs // 3), (setting,), work)


def pins(pairs: int) -> Iterator[Result]:
    """Time pins, one a request."""
    with homes() as (pair, root):
        cids = _stored(pair, root)
        work = partial(pinned, cids[:PINS])
        shown = f"`pin/add` of {PINS:,} blocks, one a request"
        yield from _each(pair, root, shown, pairs, (AS_SHIPPED(5),), work)


def listing(pairs: int) -> Iterator[Result]:
    """Time the listing of 100,000 pins; Kubo takes minutes to make them."""
    with homes() as (pair, root):
        cids = _stored(pair, root)
        (root / "cids").write_text("\n".join(cids))
        for program in (pair.kubo, pair.ours):
            with (root / "cids").open("rb") as given:
                subprocess.run(
                    [*program.words, "pin", "add"], env=program.environ(), stdin=given,
                    stdout=subprocess.DEVNULL, check=True,
                )  # fmt: skip
        shown = f"`pin/ls?type=recursive` of {LISTED:,} pins"
        yield from _each(pair, root, shown, pairs, (AS_SHIPPED(1),), listed)


def _stored(pair: Pair, root: Path) -> list[str]:
    """Put 100,000 small blocks into both stores; return their CIDs."""
    from jiaozi_node.formats import car
    from jiaozi_node.formats.block import Block

    blocks = [Block.of(b"pin %d" % number) for number in range(LISTED)]
    with (root / "blocks.car").open("wb") as out:
        out.write(car.header([blocks[0].cid]))
        for block in blocks:
            out.write(car.section(block.cid, block.data))
    for program in (pair.kubo, pair.ours):
        program.run("dag", "import", "--pin-roots=false", "blocks.car", cwd=root).good()
    return [str(block.cid) for block in blocks]


def ready(pairs: int) -> Iterator[Result]:
    """Time until ``Daemon is ready``, as a multiple of a bare interpreter's start."""
    with homes() as (pair, _root):
        program = pair.ours
        ours_s, bare_s = [], []
        for count in range(pairs * 3 + 1):
            began = time.perf_counter()
            with daemons.running(program):
                took = time.perf_counter() - began
            began = time.perf_counter()
            subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)
            if count:
                ours_s.append(took)
                bare_s.append(time.perf_counter() - began)
        yield _result(
            pair, "`daemon --offline` ready", "start", 60, ours_s, bare_s,
            "a bare `python -I -c pass` beside it", ("a bare interpreter", ""),
        )  # fmt: skip


def memory(pairs: int, gib: int = 10) -> Iterator[Result]:
    """Upload *gib* GiB in one request; the daemon's anonymous memory is sampled from outside."""
    with homes() as (pair, _root):
        pool = os.urandom(64 * MIB)
        with daemons.running(pair.ours) as daemon, _line(daemon) as line:
            peak = 0
            line.sendall(
                _request("add?quieter=true", "Content-Type: multipart/form-data; boundary=b",
                         "Transfer-Encoding: chunked")
            )  # fmt: skip
            _chunk(line, _PART.format("large").encode())
            for number in range(gib * 1024):
                at = number % 63 * MIB
                _chunk(line, number.to_bytes(8, "big") + pool[at : at + MIB - 8])
                if number % 64 == 0:
                    peak = max(peak, anonymous(daemon.pid))
            _chunk(line, b"\r\n--b--\r\n")
            line.sendall(_END)
            if b'"Hash"' not in _whole(line):
                raise RuntimeError("add failed")
            peak = max(peak, anonymous(daemon.pid))
        yield _result(
            pair, f"RPC: `add` of {gib} GiB: peak anonymous memory of the daemon", "size", 1,
            [float(peak)], [256.0 * MIB], "256 MiB are the limit; one run", ("its limit", ""),
        )  # fmt: skip


def anonymous(pid: int) -> int:
    """Return the bytes of anonymous memory of a process."""
    for row in Path(f"/proc/{pid}/status").read_text().splitlines():
        if row.startswith("RssAnon:"):
            return int(row.split()[1]) * 1024
    raise RuntimeError("the system doesn't tell")


def _chunk(line: socket.socket, data: bytes) -> None:
    line.sendall(b"%x\r\n%b\r\n" % (len(data), data))


# ---- what the client does -------------------------------------------------------------------


def upload(body: Path, daemon: Daemon) -> float:
    """Send *body* as one `add`; return how long it took."""
    size = body.stat().st_size
    head = _request(
        "add?quieter=true&progress=false",
        "Content-Type: multipart/form-data; boundary=b", f"Content-Length: {size}",
    )  # fmt: skip
    with body.open("rb") as source, _line(daemon) as line:
        began = time.perf_counter()
        line.sendall(head)
        sent = 0
        while sent < size:
            sent += os.sendfile(line.fileno(), source.fileno(), sent, min(MIB, size - sent))
        answer = _whole(line)
        took = time.perf_counter() - began
    if b'"Hash"' not in answer or b"X-Stream-Error:" in answer.partition(b"\r\n\r\n")[2]:
        raise RuntimeError(f"add failed: {answer[-500:]!r}")
    return took


def rate(requests: list[bytes], daemon: Daemon) -> float:
    """Return how many of *requests* a second are answered at `CONNECTIONS` connections."""
    chooser = selectors.DefaultSelector()
    lines = [_line(daemon) for _ in range(CONNECTIONS)]
    turn = 0
    held: dict[int, bytes] = {}
    for line in lines:
        line.setblocking(False)
        chooser.register(line, selectors.EVENT_READ)
        line.send(requests[turn % len(requests)])
        turn += 1
    done = 0
    began = time.perf_counter()
    until = began + SECONDS
    while time.perf_counter() < until:
        for key, _ in chooser.select(1):
            line = key.fileobj  # type: ignore[assignment]
            data = held.pop(key.fd, b"") + line.recv(65536)
            if not data.endswith(_END):
                if not data:
                    raise RuntimeError("the daemon hung up")
                held[key.fd] = data
                continue
            if not data.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"not a block: {data[:200]!r}")
            done += 1
            line.send(requests[turn % len(requests)])
            turn += 1
    took = time.perf_counter() - began
    for line in lines:
        line.close()
    return done / took


def mfs(bodies: list[tuple[str, bytes]], query: str, daemon: Daemon) -> float:
    """Write each file in turn on one connection; return how long all took."""
    requests = []
    for path, content in bodies:
        body = _PART.format("data").encode() + content + b"\r\n--b--\r\n"
        head = _request(
            f"files/write?arg={quote(path)}&create=true&parents=true{query}",
            "Content-Type: multipart/form-data; boundary=b", f"Content-Length: {len(body)}",
        )  # fmt: skip
        requests.append(head + body)
    took = _in_turn(daemon, requests)
    with _line(daemon) as line:
        line.sendall(_request("files/stat?arg=/d"))
        if b'"Type":"directory"' not in _whole(line):
            raise RuntimeError("the directory is not there")
    return took


def pinned(cids: list[str], daemon: Daemon) -> float:
    """Pin each in turn; return how long all took."""
    return _in_turn(daemon, [_request(f"pin/add?arg={cid}") for cid in cids])


def listed(daemon: Daemon) -> float:
    """List all recursive pins; return how long it took."""
    with _line(daemon) as line:
        began = time.perf_counter()
        line.sendall(_request("pin/ls?type=recursive&stream=true"))
        answer = _whole(line)
        took = time.perf_counter() - began
    if answer.count(b'"Cid"') < LISTED:
        raise RuntimeError("not all pins are listed")
    return took


def _in_turn(daemon: Daemon, requests: list[bytes]) -> float:
    with _line(daemon) as line:
        began = time.perf_counter()
        for request in requests:
            line.sendall(request)
            answer = _whole(line)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"refused: {answer[:500]!r}")
        return time.perf_counter() - began


_PART = (
    '--b\r\nContent-Disposition: form-data; name="file"; filename="{}"\r\n'
    "Content-Type: application/octet-stream\r\n\r\n"
)


def _part(body: "object", name: str) -> None:
    body.write(_PART.format(quote(name, safe="")).encode())  # type: ignore[attr-defined]


def _request(path: str, *fields: str) -> bytes:
    lines = [f"POST /api/v0/{path} HTTP/1.1", "Host: 127.0.0.1", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _line(daemon: Daemon) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", daemon.port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _whole(line: socket.socket) -> bytes:
    """Read one answer: every 200 of both is chunked, errors have a length and fail above."""
    data = bytearray()
    while not data.endswith(_END):
        more = line.recv(1 << 20)
        if not more:
            break
        data += more
        if not data.startswith(b"HTTP/1.1 200"):
            break
    return bytes(data)


def _put(daemon: Daemon, block: bytes) -> str:
    body = _PART.format("b").encode() + block + b"\r\n--b--\r\n"
    with _line(daemon) as line:
        line.sendall(
            _request("block/put", "Content-Type: multipart/form-data; boundary=b",
                     f"Content-Length: {len(body)}") + body
        )  # fmt: skip
        answer = _whole(line)
    found = answer.partition(b"{")[2].partition(b"}")[0]
    key: str = json.loads(b"{" + found + b"}")["Key"]
    return key


# ---- the machinery --------------------------------------------------------------------------


def _unlimited(program: Program) -> None:
    """Let as many writes as one likes go unflushed; both programs refuse more than 256."""
    path = program.home / "config"
    config = json.loads(path.read_text())
    config.setdefault("Internal", {})["MFSNoFlushLimit"] = 0
    path.write_text(json.dumps(config))


@contextmanager
def _fresh(program: Program, root: Path, setting: Setting) -> Iterator[Daemon]:
    """Have a daemon run on a copy of the home of *program*."""
    copy = program.copy(root / "fresh")
    try:
        if program.name == "kubo" or setting is _unlimited:
            setting(copy)
        os.sync()
        with daemons.running(copy) as daemon:
            yield daemon
    finally:
        shutil.rmtree(root / "fresh")


def _each(
    pair: Pair,
    root: Path,
    shown: str,
    pairs: int,
    against: tuple[Against, ...],
    work: Work,
    times: int = 0,
) -> Iterator[Result]:
    """Do *work* on ours and on Kubo in turn, *pairs* times; with *times* it returns a rate."""
    ours_s: list[float] = []
    theirs: list[list[float]] = [[] for _ in against]
    for _ in range(pairs):
        with _fresh(pair.ours, root, against[0].setting) as daemon:
            ours_s.append(times / work(daemon) if times else work(daemon))
        for one, found in zip(against, theirs, strict=True):
            with _fresh(pair.kubo, root, one.setting) as daemon:
                found.append(times / work(daemon) if times else work(daemon))
    for one, found in zip(against, theirs, strict=True):
        yield _result(
            pair, f"RPC: {shown} ({one.conditions})", "speed", one.goal, ours_s, found,
            f"jiaozi durable, hashes checked; {one.conditions}", None,
        )  # fmt: skip


def _result(
    pair: Pair,
    shown: str,
    kind: str,
    goal: float,
    ours_s: list[float],
    theirs_s: list[float],
    conditions: str,
    rival: tuple[str, str] | None,
) -> Result:
    return Result(
        "rpc", shown, kind, goal, statistics.median(ours_s), statistics.median(theirs_s),
        tuple(round(s, 4) for s in ours_s), tuple(round(s, 4) for s in theirs_s), len(ours_s),
        f"{conditions}; warm page cache, {os.cpu_count()} cores", f"{datetime.now(UTC):%Y-%m-%d}",
        versions(pair), *(rival[:1] if rival else ()),
    )  # fmt: skip


BENCHES = {
    "rpc": (rpc, 3),
    "rpc-ready": (ready, 5),
    "rpc-gets": (gets, 3),
    "rpc-writes": (writes, 3),
    "rpc-pins": (pins, 3),
    "rpc-listing": (listing, 3),
    "rpc-uploads": (uploads, 3),
    "rpc-memory": (memory, 1),
}
