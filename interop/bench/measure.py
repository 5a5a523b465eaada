"""The measurements: each work is done by jiaozi and by Kubo in turn, and the medians are compared.

What is timed is the whole process, as a person starts it: the installed ``jiaozi`` beside ``ipfs``.
Both have run once before, on the same files, which are in the page cache.
"""

import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from interop import peers, programs
from interop.bench.results import Result
from interop.programs import Pair, Program

SHIPPED = "Kubo as shipped: sync false, HashOnRead false"
MIB = 1024 * 1024
GIB = 1024 * MIB

# What measures, given how often, and how often is usual.
Bench = tuple[Callable[[int], Iterator[Result]], int]


def startup(pairs: int) -> Iterator[Result]:
    """Time ``cat`` of a file of 1 KiB that is in the store."""
    with homes() as (pair, root):
        (root / "small").write_bytes(random.Random(1).randbytes(1024))
        roots = {a.good().text for a in pair.run("add", "-Q", "small", cwd=root)}
        if len(roots) != 1:
            raise RuntimeError(f"the programs disagree about the file: {roots}")
        yield compare(
            pair,
            "startup",
            "`cat` of 1 KiB, whole process",
            "start",
            3,
            pairs,
            ("cat", *roots),
            root,
        )


def chunk(pairs: int) -> Iterator[Result]:
    """Time ``add --only-hash`` of one large file and of many small ones."""
    with homes() as (pair, root):
        big_file(root / "big", GIB)
        words = ("add", "--only-hash", "-Q")
        yield compare(
            pair,
            "chunk",
            "`add --only-hash` of 1 GiB, Kubo's default profile",
            "speed",
            1,
            pairs,
            (*words, "big"),
            root,
        )
        yield compare(
            pair,
            "chunk",
            "`add --only-hash` of 1 GiB, 1 MiB chunks, CIDv1",
            "speed",
            1,
            pairs,
            (*words, "--cid-version=1", "--chunker=size-1048576", "big"),
            root,
        )
        (root / "big").unlink()
        small_files(root / "many", 20_000)
        yield compare(
            pair,
            "chunk",
            "`add --only-hash` of 20,000 files of 1–8 KiB",
            "speed",
            2,
            pairs,
            (*words, "-r", "many"),
            root,
        )


def compare(
    pair: Pair,
    bench: str,
    work: str,
    kind: str,
    goal: float,
    pairs: int,
    words: tuple[str, ...],
    cwd: Path,
) -> Result:
    """Run both *pairs* times in turn after one warm-up, which must give equal answers."""
    theirs, ours = (program.run(*words, cwd=cwd).good() for program in (pair.kubo, pair.ours))
    if theirs.out != ours.out:
        raise RuntimeError(f"{work}: the programs' answers differ")
    kubo_s, ours_s = [], []
    for _ in range(pairs):
        ours_s.append(timed(pair.ours, words, cwd))
        kubo_s.append(timed(pair.kubo, words, cwd))
    return Result(
        bench,
        work,
        kind,
        goal,
        statistics.median(ours_s),
        statistics.median(kubo_s),
        tuple(round(s, 4) for s in ours_s),
        tuple(round(s, 4) for s in kubo_s),
        pairs,
        f"jiaozi durable, hashes checked; {SHIPPED}; warm page cache, {os.cpu_count()} cores",
        f"{datetime.now(UTC):%Y-%m-%d}",
        versions(pair),
    )


def timed(program: Program, words: tuple[str, ...], cwd: Path) -> float:
    """Return how long one run takes, from start to exit, in seconds."""
    argv = [*program.words, *words]
    environment = program.environ()
    started = time.perf_counter()
    code = subprocess.run(
        argv, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        check=False,
    ).returncode  # fmt: skip
    taken = time.perf_counter() - started
    if code:
        raise RuntimeError(f"{' '.join(argv)} exited with {code}")
    return taken


def versions(pair: Pair) -> dict[str, str]:
    """Return the versions that a line carries."""
    return {
        "jiaozi": pair.ours.top().run("version").good().text.split()[-1],
        "Kubo": pair.kubo.run("version", "--number").good().text,
        "Python": platform.python_version(),
        "Linux": platform.release(),
    }


@contextmanager
def homes() -> Iterator[tuple[Pair, Path]]:
    """Give a fresh home of each program and a directory for files, and remove them after."""
    with tempfile.TemporaryDirectory(prefix="jiaozi-bench-") as name:
        root = Path(name)
        yield (
            Pair(
                programs.new_kubo(peers.find("kubo"), root / "homes" / "kubo"),
                programs.new_jiaozi(root / "homes" / "jiaozi"),
            ),
            root,
        )


def big_file(path: Path, size_bytes: int) -> None:
    """Write a file that doesn't compress, and read it once so that it is in the page cache."""
    with path.open("wb") as out:
        for _ in range(size_bytes // MIB):
            out.write(os.urandom(MIB))
    with path.open("rb") as back:
        while back.read(MIB):
            pass


def small_files(root: Path, how_many: int) -> None:
    """Write files of 1–8 KiB that don't compress, in 200 directories."""
    rng = random.Random(1)
    for number in range(how_many):
        directory = root / f"{number % 200:03d}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{number:05d}").write_bytes(rng.randbytes(rng.randint(1024, 8192)))


BENCHES: dict[str, Bench] = {"startup": (startup, 21), "chunk": (chunk, 3)}


def run(bench: Bench, pairs: int | None) -> Iterator[Result]:
    """Do the measurements of *bench*, *pairs* times each or as often as is usual for it."""
    measure, usual = bench
    if sys.platform != "linux":
        print("measured elsewhere than on Linux; don't compare with the table", file=sys.stderr)
    return measure(pairs or usual)
