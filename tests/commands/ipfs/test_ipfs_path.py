"""A home in the place of a Kubo repository: IPFS_PATH, init into an empty directory, Kubo's own."""

import json
import os
from pathlib import Path

import pytest

from tests.commands.conftest import Run

pytestmark = pytest.mark.parametrize("held", ["alone"], indirect=True)
EMPTY = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"


@pytest.fixture
def repo(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty directory that a tool made, and told in IPFS_PATH."""
    monkeypatch.delenv("JIAOZI_PATH")
    path = place.parent / "repo"
    path.mkdir()
    monkeypatch.setenv("IPFS_PATH", str(path))
    return path


def everything(path: Path) -> dict[str, tuple[bytes, int]]:
    """What lies below *path*, with the time of its last change."""
    found = {".": (b"", path.stat().st_mtime_ns)}
    for one in sorted(path.rglob("*")):
        data = one.read_bytes() if one.is_file() else b""
        found[str(one.relative_to(path))] = (data, one.stat().st_mtime_ns)
    return found


def test_the_face_makes_and_uses_the_home_that_ipfs_path_names(jiaozi: Run, repo: Path) -> None:
    said = jiaozi("ipfs", "init", "--profile", "test", "--empty-repo", "--algorithm", "ed25519")
    assert f"initializing IPFS node at {repo}\n" in said.out
    assert (repo / "version").read_text() == "jiaozi 1\n"
    assert json.loads((repo / "config").read_text())["Addresses"]["API"] == "/ip4/127.0.0.1/tcp/0"
    assert jiaozi("ipfs", "pin", "ls").out == f"{EMPTY} recursive\n"
    assert jiaozi("fsck", code=3).err.startswith("jiaozi: no node home at ")  # the other face


def test_jiaozi_path_counts_first(
    jiaozi: Run, repo: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIAOZI_PATH", str(place.parent / "home"))
    jiaozi("ipfs", "init", "--bits", "256")
    assert (place.parent / "home" / "version").exists()
    assert not any(repo.iterdir())


def test_a_leading_tilde_is_the_persons_home(
    jiaozi: Run, repo: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPFS_PATH", "~/kept")
    jiaozi("ipfs", "init")
    assert (Path(os.environ["HOME"]) / "kept" / "version").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--bits", "2048"), "invalid key size 2048: ed25519 keys are always 256 bits"),
        (("--algorithm", "dsa"), "unrecognized key type: dsa"),
        (("--profile", "test,odd"), "invalid configuration profile: odd"),
        (("--empty-repo=false",), "--empty-repo=false: the help files that Kubo adds"),
    ],
)
def test_what_init_can_not_do_it_says_before_it_writes(
    jiaozi: Run, repo: Path, words: tuple[str, ...], says: str
) -> None:
    assert jiaozi("ipfs", "init", *words, code=1).err.startswith(f"Error: {says}")
    assert not any(repo.iterdir())


@pytest.mark.parametrize("begun", [False, True], ids=["whole", "begun"])
@pytest.mark.parametrize(
    "words",
    [
        ("init",), ("daemon",), ("daemon", "--init"), ("cat", EMPTY), ("add", "-Q", "file"),
        ("config", "Addresses.API", "/ip4/127.0.0.1/tcp/0"), ("config", "edit"), ("repo", "gc"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_kubos_own_repository_is_refused_and_not_touched(
    jiaozi: Run,
    repo: Path,
    place: Path,
    words: tuple[str, ...],
    begun: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EDITOR", "false")
    (place / "file").write_text("content")
    (repo / "config").write_text('{"Identity":{}}')
    (repo / "datastore_spec").write_text('{"mounts":[]}')
    (repo / "blocks").mkdir()
    if not begun:
        (repo / "version").write_text("18\n")
    before = everything(repo)
    said = jiaozi("ipfs", *words, code=1)
    if words == ("init",) and not begun:
        assert said.err.startswith("Error: ipfs configuration file already exists!")
    elif not begun or "init" in words[-1]:
        assert f"{repo} is a repository of Kubo's, which jiaozi leaves alone" in said.err
    else:
        assert "no node home at" in said.err or "no IPFS repo found" in said.err
    assert everything(repo) == before
