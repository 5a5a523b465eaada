"""Version control measured beside DVC and Oxen, which people use for data; `make nightly` does it.

Each is installed from PyPI at the version of ``interop/rivals.toml``. The files are those of `vcs`,
as many as $JIAOZI_BENCH_FILES says, in one directory ``data``: DVC tracks that, without git. Oxen
has no command on PyPI, so that a line of Python calls its library.
"""

import os
import shutil
import subprocess
import tomllib
import venv
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from interop.bench import vcs
from interop.bench.results import Result
from interop.bench.vcs import FILES, Lab, lab
from interop.peers import HOME, ROOT

GOAL = 3  # design: three times as fast as either
_OXEN = (
    "import sys, oxen; oxen.user.config_user('A', 'a@example.org'); "
    "repo = oxen.Repo('.', mkdir=False); {}"
)


def environment(name: str) -> Path:
    """Return the directory of programs of *name*'s environment, made when it isn't there."""
    wanted = requirement(name)
    place = HOME / name
    stamp = place / "stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        line = (place / "bin" / "python", "-m", "pip", "install", "--quiet", wanted)
        subprocess.run(line, check=True)
        stamp.write_text(wanted)
    return place / "bin"


def dvc(pairs: int) -> Iterator[Result]:
    """Time DVC: adding, a clean status, and bringing everything back."""
    program = environment("dvc") / "dvc"
    with lab(_files()) as made:
        assert made is not None
        rival = _Rival(made, "DVC", requirement("dvc"))

        def begin() -> None:
            shutil.rmtree(rival.top / ".dvc", ignore_errors=True)
            (rival.top / "data.dvc").unlink(missing_ok=True)
            rival.run(program, "init", "--no-scm", "-q")
            rival.run(program, "config", "core.analytics", "false")

        yield from rival.works(
            pairs,
            begin,
            partial(rival.run, program, "add", "-q", "data"),
            partial(rival.run, program, "status", "-q"),
            partial(rival.run, program, "checkout", "-q"),
        )


def oxen(pairs: int) -> Iterator[Result]:
    """Time Oxen: adding and a clean status."""
    program = environment("oxen") / "python"
    with lab(_files()) as made:
        assert made is not None
        rival = _Rival(made, "Oxen", requirement("oxen"))

        def begin() -> None:
            shutil.rmtree(rival.top / ".oxen", ignore_errors=True)
            rival.run(program, "-c", _OXEN.format("repo.init()"))

        def commit() -> None:
            rival.run(program, "-c", _OXEN.format("repo.commit('m')"))

        yield from rival.works(
            pairs,
            begin,
            partial(rival.run, program, "-c", _OXEN.format("repo.add('data')")),
            partial(rival.run, program, "-c", _OXEN.format("repo.status()")),
            None,
            commit,
        )


def _files() -> int:
    return int(os.environ.get("JIAOZI_BENCH_FILES", FILES))


def requirement(name: str) -> str:
    """Return what pip is asked for."""
    pins = tomllib.loads((ROOT / "interop" / "rivals.toml").read_text())
    wanted: str = pins[name]["requirement"]
    return wanted


class _Rival:
    """A rival in the place of git: what `vcs` compares, on the same files."""

    def __init__(self, made: Lab, name: str, wanted: str) -> None:
        self._made, self._as = made, (name, wanted.partition("==")[2])
        self._conditions = f"{name} as it comes"
        self.top = made.root / "rival"
        self.top.mkdir()
        shutil.move(made.trees[0], self.top / "data")

    def run(self, *line: str | Path) -> float:
        """Run the rival's program; return how long it took."""
        return self._made.timed(line, self.top, self._made.environment)[0]

    def works(
        self,
        pairs: int,
        begin: Callable[[], None],
        add: Callable[[], float],
        status: Callable[[], float],
        checkout: Callable[[], float] | None,
        commit: Callable[[], None] = lambda: None,
    ) -> Iterator[Result]:
        made = self._made

        def anew() -> None:
            shutil.rmtree(made.root / "home", ignore_errors=True)
            shutil.rmtree(made.trees[1] / ".jiaozi", ignore_errors=True)
            made.jiaozi("init", ".")
            begin()
            made.settle()

        def gone() -> None:
            shutil.rmtree(self.top / "data")
            for one in made.trees[1].iterdir():
                if one.name != ".jiaozi":
                    shutil.rmtree(one)

        def compared(
            work: str,
            theirs: Callable[[], float],
            ours: tuple[str, ...],
            before: Callable[[], None] = lambda: None,
            *,
            warm: bool = False,
        ) -> Result:
            return vcs.compare(
                made, work, "speed", GOAL, pairs, self._conditions, theirs,
                partial(made.jiaozi, *ours), before, warm=warm, rival=self._as,
            )  # fmt: skip

        files = _files()
        yield compared(f"`add` of {files:,} files of 1 KB", add, ("add", "."), anew)
        commit()
        made.jiaozi("commit", "-m", "m", "--author", "A <a@example.org>")
        yield compared(f"clean `status` of {files:,} files", status, ("status",), warm=True)
        if checkout is not None:
            what = f"all {files:,} files, which were removed, brought back"
            yield compared(what, checkout, ("restore", "."), gone)


BENCHES = {"dvc": (dvc, 3), "oxen": (oxen, 3)}
