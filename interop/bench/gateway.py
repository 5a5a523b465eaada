"""The gateways beside each other: both daemons run, and are asked in turn, the same of both.

``wrk`` asks for small files, ``curl`` for all else; both must be installed. What jiaozi sends it
has verified, which Kubo as shipped doesn't.
"""

import os
import re
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from interop import gateways
from interop.bench.measure import GIB, MIB, SHIPPED, Bench, big_file, homes, small_files, versions
from interop.bench.results import Result
from interop.peers import PeerMissing
from interop.programs import Pair

FILES = 1000  # of 1 KiB, asked for at random
LOAD_S = 4
REQUESTS = 10_000  # what a time of many small requests is told for
ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class Stand:
    """Two gateways on equal content: URLs without a path, ours first."""

    pair: Pair
    root: Path
    ours: str
    kubo: str

    def result(
        self, work: str, kind: str, goal: float, pairs: int, ask: Callable[[str], float]
    ) -> Result:
        """Ask both in turn, once before it counts, and *pairs* times."""
        ask(self.ours), ask(self.kubo)
        ours_s, kubo_s = [], []
        for _ in range(pairs):
            ours_s.append(ask(self.ours))
            kubo_s.append(ask(self.kubo))
        return Result(
            "gateway",
            work,
            kind,
            goal,
            statistics.median(ours_s),
            statistics.median(kubo_s),
            tuple(round(s, 5) for s in ours_s),
            tuple(round(s, 5) for s in kubo_s),
            pairs,
            f"jiaozi verifies what it sends; {SHIPPED}; warm page cache, {os.cpu_count()} cores",
            f"{datetime.now(UTC):%Y-%m-%d}",
            versions(self.pair),
        )


@contextmanager
def stand(
    fill: Callable[[Path], None], *adds: tuple[str, ...]
) -> Iterator[tuple[Stand, list[str]]]:
    """Fill both stores by *adds*, start both daemons; hand out the CIDs, too."""
    for program in ("wrk", "curl"):
        if shutil.which(program) is None:
            raise PeerMissing(f"{program} is not installed; gateways are asked by it")
    with homes() as (pair, root):
        fill(root)
        cids = []
        for words in adds:
            theirs, ours = pair.run("add", "-Q", *words, cwd=root)
            if theirs.good().text != ours.good().text:
                raise RuntimeError(f"the programs disagree about {words}")
            cids.append(ours.text)
        with gateways.listening(pair.ours) as ours_port, gateways.listening(pair.kubo) as port:
            urls = (f"http://127.0.0.1:{one}" for one in (ours_port, port))
            yield Stand(pair, root, *urls), cids


def curl(path: str, *words: str, told: str = "time_total") -> Callable[[str], float]:
    """Return what asks a gateway for *path* and tells how long it took."""

    def ask(url: str) -> float:
        done = subprocess.run(
            ["curl", "-sSf", "-o", os.devnull, "-w", f"%{{{told}}}", *words, url + path],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return float(done.stdout)

    return ask


def large(pairs: int) -> Iterator[Result]:
    """Time a file of 1 GiB, its CAR, and a range deep inside."""
    chunks = (("256 KiB", 0.8), ("1 MiB", 1.0))
    adds = [("--cid-version=1", f"--chunker=size-{size}", "big") for size in (MIB // 4, MIB)]
    with stand(lambda root: big_file(root / "big", GIB), *adds) as (at, cids):
        for (name, goal), cid in zip(chunks, cids, strict=True):
            work = f"gateway: a file of 1 GiB in {name} chunks"
            yield at.result(work, "speed", goal, pairs, curl(f"/ipfs/{cid}"))
        work = "gateway: the CAR of a file of 1 GiB in 256 KiB chunks"
        yield at.result(work, "speed", 1.5, pairs, curl(f"/ipfs/{cids[0]}?format=car"))
        deep = curl(
            f"/ipfs/{cids[0]}", "-r", f"{GIB - 5000}-{GIB - 4000}", told="time_starttransfer"
        )
        yield at.result("gateway: first byte of a range deep in 1 GiB", "start", 2, 3 * pairs, deep)


def trees(pairs: int) -> Iterator[Result]:
    """Time the CAR of a tree of 20,000 files, and the listing of 100,000 entries."""

    def fill(root: Path) -> None:
        small_files(root / "many", 20_000)
        (root / "wide").mkdir()
        for number in range(ENTRIES):
            (root / "wide" / f"{number:06d}.txt").write_bytes(b"%d" % (number % 100))

    with stand(fill, ("-r", "many"), ("-r", "wide")) as (at, (many, wide)):
        car = curl(f"/ipfs/{many}?format=car")
        yield at.result("gateway: the CAR of a tree of 20,000 files", "speed", 1, pairs, car)
        listing = curl(f"/ipfs/{wide}/")
        yield at.result("gateway: the listing of 100,000 entries", "speed", 3, pairs, listing)


def small(pairs: int) -> Iterator[Result]:
    """Ask for files of 1 KiB over 64 connections and over one."""

    def fill(root: Path) -> None:
        (root / "few").mkdir()
        for number in range(FILES):
            (root / "few" / f"{number:04d}").write_bytes(os.urandom(1024))

    with stand(fill, ("-r", "--cid-version=1", "few")) as (at, (few,)):
        script = at.root / "few.lua"
        script.write_text(
            f"request = function() return wrk.format('GET', string.format('/ipfs/{few}/%04d',"
            f" math.random(0, {FILES - 1}))) end\n"
        )
        late: dict[str, list[float]] = {}
        for connections, goal in ((64, 2.5), (1, 1.5)):

            def ask(url: str, connections: int = connections) -> float:
                each, p99_s = wrk(url, script, connections)
                if connections > 1:
                    late.setdefault(url, []).append(p99_s)
                return REQUESTS / each

            work = f"gateway: {REQUESTS:,} files of 1 KiB, {connections} connections"
            yield at.result(
                work.replace("1 connections", "1 connection"), "speed", goal, pairs, ask
            )
        told = {url: iter(times) for url, times in late.items()}
        work = "gateway: files of 1 KiB, 64 connections, 99 of 100 answers within"
        yield at.result(work, "start", 0.333, pairs, lambda url: next(told[url]))


def wrk(url: str, script: Path, connections: int) -> tuple[float, float]:
    """Return answers a second, and the time within which 99 of 100 came."""
    said = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{LOAD_S}s", "--latency", "-s", script, url],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    if "Non-2xx" in said:
        raise RuntimeError(f"{url} answered with faults: {said}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    late = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", said)
    if rate is None or late is None:
        raise RuntimeError(f"wrk said {said!r}")
    return float(rate[1]), float(late[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[late[2]]


def everything(pairs: int) -> Iterator[Result]:
    """Do all of it."""
    for bench in (large, trees, small):
        yield from bench(pairs)


BENCHES: dict[str, Bench] = {
    "gateway": (everything, 5),
    "gateway-large": (large, 5),
    "gateway-trees": (trees, 3),
    "gateway-small": (small, 3),
}
