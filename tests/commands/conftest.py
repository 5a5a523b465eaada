"""A terminal for tests: runs a command line in this process, in a home of the test's own."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from jiaozi_node.cli.main import main
from jiaozi_node.http.home import HomeSocket
from jiaozi_node.node.local_home import LocalHome


class Ran(NamedTuple):
    code: int
    out: str
    err: str
    raw: bytes


Run = Callable[..., Ran]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to work in; the home is beside it and nothing of the user is read."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("JIAOZI_PATH", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("LOGNAME", "tester")
    return work


@pytest.fixture(
    params=["alone", pytest.param("daemon", marks=pytest.mark.slow)],
    ids=["alone", "beside a daemon"],
)
def held(request: pytest.FixtureRequest, place: Path) -> Callable[[], AbstractContextManager[None]]:
    """Say how the home is had while a command runs: by itself, or from who holds it."""
    path = place.parent / "home"

    @contextmanager
    def holding() -> Iterator[None]:
        if request.param == "alone" or not (path / "version").exists():
            yield
            return
        with closing(LocalHome.open(path)) as home:
            socket = HomeSocket(home)
            socket.start()
            try:
                yield
            finally:
                assert socket.stop(10)

    return holding


@pytest.fixture
def jiaozi(
    place: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    held: Callable[[], AbstractContextManager[None]],
) -> Run:
    """Run ``jiaozi`` with the given words; *code* demands an exit code."""
    assert place.exists()

    def run(*words: str | os.PathLike[str], code: int | None = 0) -> Ran:
        capfdbinary.readouterr()
        with held():
            got = main([os.fspath(word) for word in words])
        out, err = capfdbinary.readouterr()
        ran = Ran(got, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), out)
        assert code is None or got == code, ran
        return ran

    return run
