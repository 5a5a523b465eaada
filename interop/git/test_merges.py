"""200 merges: what git merges cleanly we merge to the same files, and what it disputes so do we."""

import hashlib
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from interop.git import disk, merges
from interop.git.conftest import Open
from interop.git.merges import Case
from interop.git.stream import Stream
from interop.programs import Program
from jiaozi_node.cli.main import main
from jiaozi_node.dag.walk import Get, Need, run, stream
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.repository import Repository
from jiaozi_node.unixfs.changes import changes
from jiaozi_node.unixfs.node import SYMLINK
from jiaozi_node.unixfs.read import read
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.versioning import merge_commits
from jiaozi_node.versioning.drivers.outcome import Labels
from jiaozi_node.versioning.merge import Options
from jiaozi_node.versioning.merge_commits import MergedCommits
from tests.gitrepo import GitRepo

MERGES = 200
BY_COMMAND = 40

Listed: TypeAlias = Mapping[bytes, tuple[str, str]]  # paths to mode and id of the blob in git


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge came to, and the paths in dispute; *marked* are those with markers in them."""

    files: Listed
    disputed: frozenset[bytes]
    marked: frozenset[bytes] = frozenset()
    kinds: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def cases(git: GitRepo, rng: Callable[[str], random.Random]) -> list[Case]:
    written = Stream()
    made = merges.written(written, rng("merges"), MERGES)
    written.send(git)
    git.run("symbolic-ref", "HEAD", f"refs/heads/{made[0].ours}")
    return made


@pytest.fixture(scope="module")
def copy(
    git: GitRepo, cases: list[Case], jiaozi: Program, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A working copy with all the branches."""
    assert cases
    place = tmp_path_factory.mktemp("merges")
    words = ("init", "--from-git", str(git.path), "copy", "--profile", "unixfs-v1-2025+mode")
    jiaozi.run(*words, cwd=place).good()
    return place / "copy"


@pytest.fixture(scope="module")
def theirs(git: GitRepo, cases: list[Case]) -> dict[str, Merge]:
    """What git makes of every case."""
    return {case.name: of_git(git, case) for case in cases}


def of_git(git: GitRepo, case: Case) -> Merge:
    words = ("merge-tree", "--write-tree", "-z", "--no-messages", case.ours, case.theirs)
    out = git.run(*merges.SETTINGS, *words, codes=(0, 1))
    tree, *rows = out.rstrip(b"\0").split(b"\0")
    disputed = frozenset(row.split(b"\t", 1)[1] for row in rows)
    listed: dict[bytes, tuple[str, str]] = {}
    for row in git.run("ls-tree", "-r", "-z", tree.decode()).split(b"\0")[:-1]:
        words_, path = row.split(b"\t", 1)
        mode, _kind, oid = words_.decode().split()
        listed[path] = mode, oid
    return Merge(listed, disputed)


def of_ours(repository: Repository, case: Case) -> Merge:
    made: dict[Cid, Block] = {}

    def get(cid: Cid) -> Block:
        return made.get(cid) or repository.home.blocks.get(cid)

    ours, theirs = repository.resolve(case.ours), repository.resolve(case.theirs)
    options = Options(Labels(case.ours, case.theirs))
    walk = merge_commits.merge_commits(ours, theirs, repository.profile, options)
    sent: Block | None = None
    while True:
        try:
            step = walk.send(sent)
        except StopIteration as stop:
            merged: MergedCommits = stop.value
            break
        sent = get(step.cid) if isinstance(step, Need) else None
        if isinstance(step, Block):
            made[step.cid] = step
    return Merge(
        dict(listed(merged.tree, get)),
        frozenset(_path(found.path) for found in merged.conflicts),
        frozenset(_path(found.path) for found in merged.conflicts if found.marked),
        frozenset(found.kind for found in merged.conflicts),
    )


def listed(tree: Cid, get: Get) -> Iterator[tuple[bytes, tuple[str, str]]]:
    """Yield the files of *tree* as git lists them."""
    for change in stream(changes(None, tree), get):
        assert change.after is not None
        found = run(stat(change.after), get)
        if found.kind == SYMLINK:
            mode, data = "120000", found.target or b""
        else:
            mode = "100755" if (found.mode or 0) & 0o100 else "100644"
            data = b"".join(stream(read(change.after), get))
        yield _path(change.path), (mode, blob_id(data))


def blob_id(data: bytes) -> str:
    """Return the id that git gives a file."""
    return hashlib.sha1(b"blob %d\0%s" % (len(data), data)).hexdigest()


def _path(parts: tuple[str, ...]) -> bytes:
    return "/".join(parts).encode("utf-8", "surrogateescape")


# Where we differ from git, and why; each is counted.
MARKED = "texts with markers, equal"
DRAWN = "texts with markers that are drawn around a blank line or not"
SETTLED = "a dispute between merge bases that each side settled its own way is asked again"


def origin(case: Case, path: bytes) -> bytes:
    """Return what *path* was called in the merge base; what git moved aside is where it was."""
    path = re.sub(rb"~case-\d+_(ours|theirs)(_\d+)?", b"", path)
    while path in case.renamed:
        path = case.renamed[path]
    return path


def beyond(case: Case, git: Merge, ours: Merge) -> set[bytes]:
    """Return what we dispute and git doesn't; sure that all that git disputes we do too.

    A file that was renamed is told by git under its new path, by us under the old one; a directory
    in dispute by git as the files in it.
    """
    theirs = {origin(case, path) for path in git.disputed}
    mine = {origin(case, path) for path in ours.disputed}
    alone = {path for path in theirs if not any(within(path, root) for root in mine)}
    assert not alone, f"{case.name}: git alone disputes {alone}"
    return {path for path in mine if not any(within(other, path) for other in theirs)}


def test_merges_come_out_as_gits(
    cases: list[Case],
    theirs: dict[str, Merge],
    copy: Path,
    opened: Open,
    capfd: pytest.CaptureFixture[str],
) -> None:
    repository = opened(copy)
    counts: Counter[str] = Counter()
    for case in cases:
        git, ours = theirs[case.name], of_ours(repository, case)
        counts[f"{case.kind}, {'disputed' if git.disputed else 'clean'}"] += 1
        more = beyond(case, git, ours)
        if more:
            roots = [settled for settled in case.settled for path in more if within(path, settled)]
            assert len(roots) >= len(more), f"{case.name}: we alone dispute {more}"
            counts[SETTLED] += 1
        elif not git.disputed:
            assert ours.files == git.files, case.name
            counts["equal trees"] += 1
        for path in ours.marked & git.disputed:
            counts[MARKED if ours.files[path] == git.files[path] else DRAWN] += 1
    clean = sum(not git.disputed for git in theirs.values())
    with capfd.disabled():
        print("\n" + "\n".join(f"{count:5} {what}" for what, count in sorted(counts.items())))
    assert counts[SETTLED] <= len(cases) // 20
    assert counts[DRAWN] <= counts[MARKED] // 4
    assert counts[MARKED] >= 10
    assert clean >= len(cases) // 2
    assert len(cases) - clean >= len(cases) // 8


def test_the_command_merges_as_git_does(
    cases: list[Case],
    theirs: dict[str, Merge],
    copy: Path,
    jiaozi: Program,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Files on disk after `jiaozi merge`; of one in dispute that it is told and can be given up."""
    monkeypatch.setenv("JIAOZI_PATH", str(jiaozi.home))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "tester")
    monkeypatch.chdir(copy)
    for case in cases[:BY_COMMAND]:
        git = theirs[case.name]
        assert main(("switch", case.ours)) == 0
        before = disk.files(copy)
        code = main(("merge", case.theirs))
        said = capfd.readouterr()
        if code == 0:
            assert not git.disputed, case.name
            found = {
                path: (mode, blob_id(data))
                for path, (mode, data) in disk.files(copy).items()
                if mode != "directory"
            }
            assert found == git.files, case.name
            assert main(("status", "--exit-code")) == 0
        else:
            assert code == 1, said
            assert git.disputed or case.settled, (case.name, said)
            assert main(("merge", "--continue")) == 1
            assert main(("merge", "--abort")) == 0
            assert disk.files(copy) == before


def within(path: bytes, root: bytes) -> bool:
    """Tell whether *path* is *root* or lies below it."""
    return path == root or path.startswith(root + b"/")
