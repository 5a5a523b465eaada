"""Storage measured beside Kubo: durable adds, verified reads, growth, pins.

Ours is always durable (fdatasync before exit) and always checks hashes on read. Kubo is measured as
it is shipped (blocks not synced, hashes not checked) and with ``sync: true`` or ``HashOnRead``; the
conditions of each line say which. Every add begins with an empty home of its own.
"""

import json
import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from interop.bench.measure import GIB, MIB, SHIPPED, big_file, homes, small_files, timed, versions
from interop.bench.results import Result
from interop.programs import Pair, Program

_SYNCED = "Kubo sync true, HashOnRead false"
_CHECKED = "Kubo sync false, HashOnRead true"
_PROFILE_1MIB = ("--cid-version=1", "--chunker=size-1048576", "--max-file-links=1024")


def add(pairs: int) -> Iterator[Result]:
    """Time durable adds of 1 GiB that doesn't compress."""
    with homes() as (pair, root):
        big_file(root / "big", GIB)
        for shown, words, synced, shipped in (
            ("1 GiB file, Kubo's default profile", (), 3.0, 1.4),
            ("1 GiB file, 1 MiB chunks", _PROFILE_1MIB, 1.5, 1.0),
        ):
            line = ("add", "-Q", *words, "big")
            work = f"durable `add` of one {shown}"
            yield _fresh(pair, root, "add", work, synced, pairs, line, _synced, _SYNCED)
            yield _fresh(pair, root, "add", work, shipped, pairs, line, _as_it_is, SHIPPED)


def tree(pairs: int) -> Iterator[Result]:
    """Time durable adds of 20,000 small files."""
    with homes() as (pair, root):
        small_files(root / "many", 20_000)
        line = ("add", "-r", "-Q", "many")
        work = "durable `add` of 20,000 files of 1–8 KiB"
        yield _fresh(pair, root, "tree", work, 12, pairs, line, _synced, _SYNCED)
        yield _fresh(pair, root, "tree", work, 2.5, pairs, line, _as_it_is, SHIPPED)


def cat(pairs: int) -> Iterator[Result]:
    """Time reading 1 GiB from the store to a pipe, checked by us always."""
    with homes() as (pair, root):
        big_file(root / "big", GIB)
        for words, shown in (((), "256 KiB blocks"), (_PROFILE_1MIB, "1 MiB blocks")):
            theirs, ours = (p.run("add", "-Q", *words, "big", cwd=root).good() for p in
                            (pair.kubo, pair.ours))  # fmt: skip
            if theirs.out != ours.out:
                raise RuntimeError("the programs' CIDs differ")
            line = ("cat", ours.text)
            work = f"`cat` of 1 GiB from the store, {shown}"
            yield _warm(pair, root, "cat", work, 1, pairs, line, _as_it_is, SHIPPED)
            yield _warm(pair, root, "cat", work, 1.5, pairs, line, _checked, _CHECKED)


def pins(pairs: int) -> Iterator[Result]:
    """Time pinning 100,000 blocks one by one of a list, and listing the pins."""
    from jiaozi_node.formats import car
    from jiaozi_node.formats.block import Block

    with homes() as (pair, root):
        blocks = [Block.of(b"pin %d" % number) for number in range(100_000)]
        with (root / "blocks.car").open("wb") as out:
            out.write(car.header([blocks[0].cid]))
            for block in blocks:
                out.write(car.section(block.cid, block.data))
        (root / "cids").write_text("".join(f"{block.cid}\n" for block in blocks))
        for program in (pair.kubo, pair.ours):
            program.run("dag", "import", "--pin-roots=false", "blocks.car", cwd=root).good()
        yield pinning(pair, root, pairs)
        for program in (pair.kubo, pair.ours):
            _timed_stdin(program, ("pin", "add"), root, root / "cids")
        yield from listing(pair, root, pairs)


def pinning(pair: Pair, root: Path, pairs: int) -> Result:
    """Time pinning what ``cids`` lists and both stores hold; Kubo takes minutes."""
    return _fresh(
        pair, root, "pins", "`pin add` of 100,000 blocks", 5, pairs,
        ("pin", "add"), _as_it_is, SHIPPED, stdin=root / "cids", warm=False,
    )  # fmt: skip


def listing(pair: Pair, root: Path, pairs: int) -> Iterator[Result]:
    """Time listing 100,000 recursive pins to a pipe."""
    for words, shown in (
        (("--type=recursive",), "`pin ls --type=recursive` of 100,000 pins"),
        ((), "`pin ls` of everything, 100,000 pins"),
    ):
        yield _warm(pair, root, "pins", shown, 1, pairs, ("pin", "ls", *words), _as_it_is, SHIPPED)


def growth(pairs: int, gib: int = 16) -> Iterator[Result]:
    """Import *gib* GiB through a pipe; compare the rate at the end with that of the first GiB.

    The peak memory of all our processes together is sampled from outside. *pairs* is not used: the
    run takes minutes.
    """
    with homes() as (pair, _root):
        segments = pair.ours.home / "segments"
        marks: list[tuple[float, int]] = []
        importer = subprocess.Popen(
            [*pair.ours.words, "add", "-Q"], env=pair.ours.environ(), stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        peak = Peak(importer.pid)
        peak.start()
        if importer.stdin is None:
            raise RuntimeError("no pipe to the importer")
        started = time.perf_counter()
        pool = os.urandom(64 * MIB)
        for number in range(gib * 1024):
            at = number % 63 * MIB
            for quarter in range(4):  # no two chunks alike: a chunk is 256 KiB
                importer.stdin.write((number * 4 + quarter).to_bytes(8, "big"))
                importer.stdin.write(memoryview(pool)[at : at + MIB // 4 - 8])
            if number % 256 == 255:
                marks.append((time.perf_counter() - started, number + 1))
        importer.stdin.close()
        code = importer.wait()
        whole_s = time.perf_counter() - started
        peak_bytes = peak.stop()
        if code:
            raise RuntimeError(f"add exited with {code}")
        first_s = next(moment for moment, mib in marks if mib >= 1024)
        half = next(moment for moment, mib in marks if mib >= gib * 512)
        late_s_per_gib = (whole_s - half) / (gib / 2)
        size = sum(file.stat().st_size for file in segments.iterdir())
        told = (
            f"jiaozi durable, hashes checked; through a pipe, {os.cpu_count()} cores;"
            f" peak memory {peak_bytes / MIB:.0f} MiB of all processes, sampled from outside;"
            f" {size / GIB:.2f} GiB of segments; one run"
        )
        yield Result(
            "growth", f"`add` of {gib} GiB: seconds a GiB at the first and in the later half",
            "flat", 0.7, late_s_per_gib, first_s, (round(late_s_per_gib, 4),),
            (round(first_s, 4),), 1, told, f"{datetime.now(UTC):%Y-%m-%d}", versions(pair),
        )  # fmt: skip


# ---- the machinery --------------------------------------------------------------------------


def _as_it_is(_kubo: Program) -> None:
    """Leave Kubo as it is shipped."""


def _synced(kubo: Program) -> None:
    """Have Kubo fsync every block."""

    def change(config: dict[str, dict[str, object]]) -> None:
        spec = config["Datastore"]["Spec"]
        if not isinstance(spec, dict):
            raise RuntimeError("Kubo's config has no Datastore.Spec")
        for mount in spec["mounts"]:
            if mount["mountpoint"] == "/blocks":
                mount["sync"] = True

    _edit(kubo, change)


def _checked(kubo: Program) -> None:
    """Have Kubo check hashes on read, as we always do."""

    def change(config: dict[str, dict[str, object]]) -> None:
        config["Datastore"]["HashOnRead"] = True

    _edit(kubo, change)


def _edit(kubo: Program, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    path = kubo.home / "config"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def _fresh(
    pair: Pair,
    root: Path,
    bench: str,
    work: str,
    goal: float,
    pairs: int,
    words: tuple[str, ...],
    setting: Callable[[Program], None],
    conditions: str,
    stdin: Path | None = None,
    warm: bool = True,
) -> Result:
    """Run both in turn, each time on a copy of its home.

    With *warm* a first pair is not counted.
    """
    ours_s: list[float] = []
    kubo_s: list[float] = []
    for count in range(0 if warm else 1, pairs + 1):
        for program, times in ((pair.ours, ours_s), (pair.kubo, kubo_s)):
            fresh = program.copy(root / "fresh")
            if program is pair.kubo:
                setting(fresh)
            os.sync()
            taken = (
                timed(fresh, words, root)
                if stdin is None
                else _timed_stdin(fresh, words, root, stdin)
            )
            if count:
                times.append(taken)
            shutil.rmtree(root / "fresh")
    return _result(pair, bench, work, goal, ours_s, kubo_s, conditions)


def _warm(
    pair: Pair,
    root: Path,
    bench: str,
    work: str,
    goal: float,
    pairs: int,
    words: tuple[str, ...],
    setting: Callable[[Program], None],
    conditions: str,
) -> Result:
    """Run both in turn on the homes as they are, to a pipe; a first pair is not counted."""
    before = (pair.kubo.home / "config").read_text()
    setting(pair.kubo)
    try:
        ours_s: list[float] = []
        kubo_s: list[float] = []
        for count in range(pairs + 1):
            for program, times in ((pair.ours, ours_s), (pair.kubo, kubo_s)):
                taken = _timed_pipe(program, words, root)
                if count:
                    times.append(taken)
    finally:
        (pair.kubo.home / "config").write_text(before)
    return _result(pair, bench, work, goal, ours_s, kubo_s, conditions)


def _result(
    pair: Pair,
    bench: str,
    work: str,
    goal: float,
    ours_s: list[float],
    kubo_s: list[float],
    conditions: str,
) -> Result:
    return Result(
        bench,
        f"{work} ({conditions})",
        "speed",
        goal,
        statistics.median(ours_s),
        statistics.median(kubo_s),
        tuple(round(s, 4) for s in ours_s),
        tuple(round(s, 4) for s in kubo_s),
        len(ours_s),
        f"jiaozi durable, hashes checked; {conditions}; warm page cache, {os.cpu_count()} cores",
        f"{datetime.now(UTC):%Y-%m-%d}",
        versions(pair),
    )


def _timed_stdin(program: Program, words: tuple[str, ...], cwd: Path, stdin: Path) -> float:
    """Return how long one run takes that reads *stdin*."""
    with stdin.open("rb") as given:
        started = time.perf_counter()
        code = subprocess.run(
            [*program.words, *words], cwd=cwd, env=program.environ(), stdin=given,
            stdout=subprocess.DEVNULL, check=False,
        ).returncode  # fmt: skip
        taken = time.perf_counter() - started
    if code:
        raise RuntimeError(f"{program.name} {' '.join(words)} exited with {code}")
    return taken


def _timed_pipe(program: Program, words: tuple[str, ...], cwd: Path) -> float:
    """Return how long one run takes whose output is read to its end through a pipe.

    Into the same memory each time: what the reader spends is taken from the program's cores.
    """
    buffer = bytearray(MIB)
    started = time.perf_counter()
    running = subprocess.Popen(
        [*program.words, *words], cwd=cwd, env=program.environ(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    if running.stdout is None:
        raise RuntimeError("no pipe from the program")
    while os.readv(running.stdout.fileno(), [buffer]):
        pass
    code = running.wait()
    taken = time.perf_counter() - started
    if code:
        raise RuntimeError(f"{program.name} {' '.join(words)} exited with {code}")
    return taken


class Peak(threading.Thread):
    """Samples the memory of a process and all below it, ten times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._peak, self._ended = pid, 0, threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.1):
            self._peak = max(self._peak, sum(map(_resident, _family(self._pid))))

    def stop(self) -> int:
        self._ended.set()
        self.join()
        return self._peak


def _family(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        except OSError:
            continue
        found += map(int, children)
    return found


def _resident(pid: int) -> int:
    """Return the bytes of memory of the process, 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


BENCHES = {
    "add": (add, 3),
    "tree": (tree, 3),
    "cat": (cat, 5),
    "pins": (pins, 3),
    "growth": (growth, 1),
}
