"""Version control measured beside git, on many small files that don't compress.

Ours is durable (an act is synced before it is acknowledged) and checks hashes on read. Git is
measured as it is shipped, which syncs nothing of loose objects, and where told with
``core.fsync=all`` and ``core.fsyncMethod=batch``. Its automatic packing is off, since it would run
beside later works; but for `add` its objects are packed before anything is timed, which is how git
is fastest. Files and stores are in the page cache; whole processes are timed, in turn.
"""

import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from interop import programs
from interop.bench.results import Result
from interop.bench.storage import Peak
from interop.programs import Program

FILES = 50_000
A_DIRECTORY = 500
CHANGED = 1_500

_SHIPPED = "git as shipped (no fsync), packed"
_LOOSE = "git as shipped (no fsync)"
_SYNCED = "git with core.fsync=all, core.fsyncMethod=batch"
_FSYNC = ("-c", "core.fsync=all", "-c", "core.fsyncMethod=batch")
_AUTHOR = ("--author", "A <a@example.org>")
_MIB = 1024 * 1024
_MEMORY = 200 * _MIB

Words = tuple[str | Path, ...]


@dataclass(slots=True)
class Lab:
    """The same files in a git repository and in a working copy of jiaozi, each with its store."""

    root: Path
    peak_bytes: int = 0
    sampling: bool = False
    git_home: Path = field(init=False)
    ours: Program = field(init=False)

    def __post_init__(self) -> None:
        self.git_home = self.root / "nobody"
        self.git_home.mkdir(parents=True, exist_ok=True)
        self.ours = programs.jiaozi(self.root / "home").top()

    @property
    def trees(self) -> tuple[Path, Path]:
        """The directories of git and of jiaozi."""
        return self.root / "git", self.root / "jiaozi"

    @property
    def environment(self) -> dict[str, str]:
        """Git's: nothing of the person's own reaches it."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.git_home),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_NAME": "A" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "a@example.org" for who in ("AUTHOR", "COMMITTER")},
        }

    def git(self, *words: str | Path) -> float:
        """Run git; return how long it took."""
        return self.timed(("git", "-c", "gc.auto=0", *words), self.trees[0], self.environment)[0]

    def jiaozi(self, *words: str | Path) -> float:
        """Run jiaozi; return how long it took."""
        line = (self.ours.words[0], *words)
        taken, peak = self.timed(line, self.trees[1], self.ours.environ())
        self.peak_bytes = max(self.peak_bytes, peak)
        return taken

    def timed(self, line: Words, cwd: Path, environment: dict[str, str]) -> tuple[float, int]:
        """Return the seconds from start to exit, and the most memory of all its processes.

        What children have is only seen while *sampling*, in runs that aren't counted.
        """
        started = time.perf_counter()
        running = subprocess.Popen(
            line, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        peak = Peak(running.pid) if self.sampling else None
        if peak is not None:
            peak.start()
        _pid, status, usage = os.wait4(running.pid, 0)
        taken = time.perf_counter() - started
        sampled = 0 if peak is None else peak.stop()
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode:
            raise RuntimeError(f"{' '.join(map(str, line))} exited with {running.returncode}")
        return taken, max(sampled, usage.ru_maxrss * 1024)

    def fill(self, files: int, a_directory: int) -> None:
        """Write the same files for both; their names tell where they are: `path`."""
        for top in self.trees:
            rng = random.Random(files)
            for number in range(files):
                at = top / path(number, a_directory)
                if number % a_directory == 0:
                    at.parent.mkdir(parents=True)
                at.write_bytes(rng.randbytes(rng.randint(512, 1536)))

    def both(self, git: Words, jiaozi: Words) -> None:
        """Run both, untimed."""
        self.git(*git)
        self.jiaozi(*jiaozi)

    def change(self, paths: Sequence[str], seed: int) -> None:
        """Give *paths* new content, the same for both."""
        for top in self.trees:
            rng = random.Random(seed)
            for at in paths:
                (top / at).write_bytes(rng.randbytes(1024))
        self.settle()

    def settle(self) -> None:
        """Wait until what was written is older than the clock's tick: both have a racy rule."""
        os.sync()
        time.sleep(0.1)

    def begin(self) -> None:
        """Make both repositories of the files that are there, and commit them."""
        self.both(("init", "-q", "-b", "main"), ("init", "."))
        self.settle()
        self.both(("add", "."), ("add", "."))
        self.commit("one")
        self.git("gc", "-q")
        self.both(("status",), ("status",))

    def commit(self, message: str) -> None:
        self.both(("commit", "-q", "-m", message), ("commit", "-m", message, *_AUTHOR))

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """Have a daemon that watches hold our home, on ports that are free."""
        for name in ("API", "Gateway"):
            free = "/ip4/127.0.0.1/tcp/0"
            self.jiaozi("ipfs", "config", f"Addresses.{name}", free)
        line = (self.ours.words[0], "daemon", "--watch")
        running = subprocess.Popen(line, env=self.ours.environ(), stdout=subprocess.PIPE, text=True)
        try:
            assert running.stdout is not None
            while (said := running.stdout.readline()) and "ready" not in said:
                pass
            yield
        finally:
            running.terminate()
            running.communicate()

    def without_files(self) -> None:
        """Remove all but the repositories."""
        for top in self.trees:
            for one in top.iterdir():
                if one.name not in (".git", ".jiaozi"):
                    shutil.rmtree(one)


def path(number: int, a_directory: int) -> str:
    """Return the path of a file."""
    return f"{number // a_directory:04d}/{number:06d}.bin"


@contextmanager
def lab(
    files: int = FILES, a_directory: int = A_DIRECTORY, kind: str | None = None
) -> Iterator[Lab | None]:
    """Give a lab with *files*, on a new file system of the *kind* tmpfs or ext4 if that is asked.

    None is given where that may not be mounted.
    """
    with tempfile.TemporaryDirectory(prefix="jiaozi-bench-") as name:
        root = Path(name) / "lab"
        root.mkdir()
        if kind is not None and not _mount(kind, Path(name), root):
            yield None
            return
        try:
            made = Lab(root)
            made.fill(files, a_directory)
            yield made
        finally:
            if kind is not None:
                subprocess.run(("umount", root), check=True)


def _mount(kind: str, beside: Path, root: Path) -> bool:
    """Mount a new file system at *root*; an ext4 lies in an image, which is in the page cache."""
    if kind == "tmpfs":
        lines: list[Words] = [("mount", "-t", "tmpfs", "-o", "size=4g", "tmpfs", root)]
    else:
        image = beside / "image"
        with image.open("wb") as out:
            out.truncate(3 * 1024**3)
        lines = [("mkfs.ext4", "-q", image), ("mount", "-o", "loop", image, root)]
    with suppress(OSError):
        return all(
            subprocess.run(line, check=False, stderr=subprocess.DEVNULL).returncode == 0
            for line in lines
        )
    return False


def add(pairs: int) -> Iterator[Result]:
    """Time ``add`` of all files into a new repository."""
    yield from _adding(pairs, (), 1.5, _LOOSE)


def add_synced(pairs: int) -> Iterator[Result]:
    """Time the same beside a git that syncs what it adds."""
    yield from _adding(pairs, _FSYNC, 4, _SYNCED)


def _adding(pairs: int, extra: Words, goal: float, conditions: str) -> Iterator[Result]:
    with lab() as made:
        assert made is not None

        def before() -> None:
            shutil.rmtree(made.root / "home", ignore_errors=True)
            for top in made.trees:
                shutil.rmtree(top / ".git", ignore_errors=True)
                shutil.rmtree(top / ".jiaozi", ignore_errors=True)
            made.both(("init", "-q", "-b", "main"), ("init", "."))
            made.settle()

        yield compare(
            made, f"`add` of {FILES:,} files of 1 KB", "speed", goal, pairs, conditions,
            partial(made.git, *extra, "add", "."), partial(made.jiaozi, "add", "."),
            before=before, warm=not extra,
        )  # fmt: skip
        if not extra:
            yield from _peak(made, "`add`")


def daily(pairs: int) -> Iterator[Result]:
    """Time ``status``, ``diff``, ``switch`` and ``merge``; then the size of the store."""
    with lab() as made:
        assert made is not None
        made.begin()
        kind, few = "speed", max(3, pairs // 2)
        yield compare(
            made, f"clean `status` of {FILES:,} files", kind, 0.2, pairs, _SHIPPED,
            partial(made.git, "status"), partial(made.jiaozi, "status"),
        )  # fmt: skip
        _other(made)
        yield compare(
            made, f"`diff --name-status` of two commits, {CHANGED:,} files differ", "start", 3,
            pairs, _SHIPPED, partial(made.git, "diff", "--name-status", "main", "other"),
            partial(made.jiaozi, "diff", "--name-status", "main", "other"),
        )  # fmt: skip
        targets = [("main", "other")[count % 2] for count in range(2 * few + 2)]
        ours, theirs = iter(targets), iter(targets)
        yield compare(
            made, f"`switch`, {CHANGED:,} files differ", kind, 0.5, 2 * few, _SHIPPED,
            lambda: made.git("switch", "-q", next(theirs)),
            lambda: made.jiaozi("switch", next(ours)), before=made.settle,
        )  # fmt: skip
        made.both(("switch", "-q", "main"), ("switch", "main"))
        made.change([path(1, A_DIRECTORY)], 3)
        made.both(("add", "."), ("add", "."))
        made.commit("mine")
        made.both(("tag", "mine"), ("tag", "mine"))

        def back() -> None:
            made.both(("reset", "-q", "--hard", "mine"), ("reset", "--hard", "mine"))
            made.both(("status",), ("status",))
            made.settle()

        yield compare(
            made, f"`merge` of branches that changed {CHANGED:,} files and 1", kind, 0.5, few,
            _SHIPPED, partial(made.git, "merge", "-q", "-m", "m", "other"),
            partial(made.jiaozi, "merge", "-m", "m", "other"), before=back,
        )  # fmt: skip
        yield from _peak(made, "`status`, `diff`, `switch` and `merge`")


def beside(pairs: int) -> Iterator[Result]:
    """Time ``status`` and ``diff`` beside a daemon that watches."""
    with lab() as made:
        assert made is not None
        made.begin()
        _other(made)
        with made.daemon():
            for _ in range(3):  # the first begins the watch, the second leaves its mark
                made.jiaozi("status")
                time.sleep(1)
            yield compare(
                made, f"clean `status` of {FILES:,} files, beside `jiaozi daemon --watch`", "speed",
                0.5, pairs, _SHIPPED, partial(made.git, "status"), partial(made.jiaozi, "status"),
            )  # fmt: skip
            yield compare(
                made, f"`diff --name-status` of two commits, {CHANGED:,} files differ, beside"
                " `jiaozi daemon`", "start", 3, pairs, _SHIPPED,
                partial(made.git, "diff", "--name-status", "main", "other"),
                partial(made.jiaozi, "diff", "--name-status", "main", "other"),
            )  # fmt: skip


def _other(made: Lab) -> None:
    """Make a branch on which some files are changed, and be on it."""
    changed = [path(number, A_DIRECTORY) for number in range(0, FILES, FILES // CHANGED)]
    made.both(("switch", "-q", "-c", "other"), ("switch", "-c", "other"))
    made.change(changed[:CHANGED], 2)
    made.both(("add", "."), ("add", "."))
    made.commit("other")
    made.git("gc", "-q")


def commit(pairs: int) -> Iterator[Result]:
    """Time ``commit`` after one change in 100,000 files."""
    with lab(2 * FILES) as made:
        assert made is not None
        made.begin()
        counter = iter(range(10_000))
        for words, goal, named in ((("-a", "-m"), 0.5, "commit -a"), (("-m",), 0.5, "commit")):

            def before(words: tuple[str, ...] = words) -> None:
                number = next(counter)
                one = path(number * 997 % (2 * FILES), A_DIRECTORY)
                made.change([one], number)
                if "-a" not in words:
                    made.both(("add", one), ("add", one))

            after = "" if "-a" in words else " and `add` of it"
            yield compare(
                made, f"`{named}` after 1 change in {2 * FILES:,} files{after}", "speed", goal,
                pairs, _SHIPPED, partial(made.git, "commit", "-q", *words, "m"),
                partial(made.jiaozi, "commit", *words, "m", *_AUTHOR), before=before,
            )  # fmt: skip
        yield from _peak(made, "`commit`")


def restore(pairs: int) -> Iterator[Result]:
    """Time bringing back every file, on file systems that are new; then the size of the store."""
    for kind in ("tmpfs", "ext4"):
        with lab(kind=kind) as made:
            if made is None:
                print(f"no right to mount a {kind}: `restore` not measured there", file=sys.stderr)
                continue
            made.begin()
            data = sum(one.stat().st_size for one in made.trees[1].rglob("*.bin"))
            made.jiaozi("gc")
            yield compare(
                made, f"`restore .` of all {FILES:,} files, which were removed", "speed", 1, pairs,
                f"{_SHIPPED}; both on a new {kind}",
                partial(made.git, "restore", "."), partial(made.jiaozi, "restore", "."),
                before=made.without_files,
            )  # fmt: skip
            if kind == "tmpfs":
                continue
            yield _sized(
                made, f"the store after `gc`, {FILES:,} files, by their bytes", 1.25,
                _bytes(made.root / "home"), data, "the data",
                f"git, packed: {_bytes(made.trees[0] / '.git') / _MIB:.1f} MiB",
            )  # fmt: skip
            yield from _peak(made, "`restore`")


def large(pairs: int) -> Iterator[Result]:
    """Time what is done with a million files, in one directory and in a thousand: once each."""
    files = int(os.environ.get("JIAOZI_BENCH_FILES", "1000000"))
    for a_directory, where in ((files, "one directory"), (files // 1000, "1,000 directories")):
        with lab(files, a_directory) as made:
            assert made is not None
            made.both(("init", "-q", "-b", "main"), ("init", "."))
            made.settle()
            one = path(files // 2, a_directory)
            changed = [path(number, a_directory) for number in range(0, files, files // CHANGED)]

            def changing(paths: Sequence[str], made: Lab = made) -> Callable[[], None]:
                return lambda: made.change(paths, 1)

            def packed(made: Lab = made) -> None:
                made.both(("gc", "-q"), ("status",))
                made.git("status")

            def other(made: Lab = made, changed: Sequence[str] = changed) -> None:
                made.both(("switch", "-q", "-c", "other"), ("switch", "-c", "other"))
                made.change(changed, 2)
                made.both(("add", "-u"), ("add", "-u"))
                made.commit("other")

            works: list[tuple[str, float, Words, Words, Callable[[], None]]] = [
                ("`add .`", 1, ("add", "."), ("add", "."), lambda: None),
                ("`commit`", 0.5, ("commit", "-q", "-m", "m"), ("commit", "-m", "m", *_AUTHOR),
                 lambda: None),
                ("clean `status`", 0.2, ("status",), ("status",), packed),
                ("`commit -a` after 1 change", 0.5, ("commit", "-q", "-a", "-m", "m"),
                 ("commit", "-a", "-m", "m", *_AUTHOR), changing([one])),
                (f"`switch`, {len(changed):,} files differ", 0.5, ("switch", "-q", "main"),
                 ("switch", "main"), other),
                ("`diff --name-status` of the two", 0.33,
                 ("diff", "--name-status", "main", "other"),
                 ("diff", "--name-status", "main", "other"), lambda: None),
                ("`restore .` of everything", 1, ("restore", "."), ("restore", "."),
                 made.without_files),
            ]  # fmt: skip
            for work, goal, git, jiaozi, before in works:
                yield compare(
                    made, f"{work}, {files:,} files in {where}", "speed", goal, pairs, _LOOSE,
                    partial(made.git, *git), partial(made.jiaozi, *jiaozi), before, warm=False,
                )  # fmt: skip
            yield from _peak(made, f"all that with {files:,} files in {where}")


def everything(pairs: int) -> Iterator[Result]:
    """Time all of these."""
    yield from add(max(3, pairs // 2))
    yield from add_synced(max(3, pairs // 2))
    yield from daily(pairs)
    yield from beside(pairs)
    yield from commit(pairs)
    yield from restore(max(3, pairs // 2))


# ---- the machinery --------------------------------------------------------------------------


def compare(
    made: Lab,
    work: str,
    kind: str,
    goal: float,
    pairs: int,
    conditions: str,
    theirs: Callable[[], float],
    ours: Callable[[], float],
    before: Callable[[], None] = lambda: None,
    *,
    warm: bool = True,
    rival: tuple[str, str] | None = None,
) -> Result:
    """Run both in turn, *before* ahead of each pair; unless *warm* is false one pair more.

    *rival* is the name and version of another program than git.
    """
    ours_s: list[float] = []
    theirs_s: list[float] = []
    for count in range(pairs + warm):
        before()
        made.sampling = not count
        ours_now, theirs_now = ours(), theirs()
        made.sampling = False
        if count or not warm:
            ours_s.append(ours_now)
            theirs_s.append(theirs_now)
    return Result(
        "vcs",
        f"{work} ({conditions})",
        kind,
        goal,
        statistics.median(ours_s),
        statistics.median(theirs_s),
        tuple(round(s, 4) for s in ours_s),
        tuple(round(s, 4) for s in theirs_s),
        pairs,
        f"jiaozi durable, hashes checked; {conditions}; warm page cache, {os.cpu_count()} cores",
        f"{datetime.now(UTC):%Y-%m-%d}",
        _versions(made) if rival is None else {**_versions(made), rival[0]: rival[1]},
        "git" if rival is None else rival[0],
    )


def _sized(
    made: Lab, work: str, goal: float, ours: int, theirs: int, what: str, conditions: str
) -> Result:
    return Result(
        "vcs", work, "size", goal, ours, theirs, (ours,), (theirs,), 1,
        f"{what}: {theirs / _MIB:.1f} MiB; {conditions}", f"{datetime.now(UTC):%Y-%m-%d}",
        _versions(made), "git",
    )  # fmt: skip


def _peak(made: Lab, works: str) -> Iterator[Result]:
    yield _sized(
        made, f"peak memory of {works}, by the bound", 1, made.peak_bytes, _MEMORY, "the bound",
        "all runs of that bench, children sampled from outside",
    )  # fmt: skip
    made.peak_bytes = 0


def _versions(made: Lab) -> dict[str, str]:
    git = subprocess.run(("git", "--version"), capture_output=True, text=True, check=True).stdout
    return {
        "jiaozi": made.ours.run("version").good().text.split()[-1],
        "git": git.split()[-1],
        "Python": platform.python_version(),
        "Linux": platform.release(),
    }


def _bytes(top: Path) -> int:
    """Return the bytes of all files below *top*, as the file system counts them in blocks."""
    return sum(one.lstat().st_blocks * 512 for one in top.rglob("*") if one.is_file())


BENCHES = {
    "vcs": (everything, 7),
    "vcs-add": (add, 3),
    "vcs-add-synced": (add_synced, 3),
    "vcs-daily": (daily, 7),
    "vcs-beside": (beside, 7),
    "vcs-commit": (commit, 7),
    "vcs-restore": (restore, 5),
    "vcs-large": (large, 1),
}
