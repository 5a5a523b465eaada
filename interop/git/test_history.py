"""A history of 520 commits comes over from git: trees, topology, people, times, messages, tags."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from interop.git import disk, histories
from interop.git.conftest import Open
from interop.git.histories import History
from interop.programs import Program
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import branches, logs
from jiaozi_node.node.repository import Repository
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.reflog import Note
from tests.gitrepo import GitRepo

COMMITS = 520
CHECKED_OUT = 50
PLAIN = "unixfs-v1-2025"
WITH_MODES = "unixfs-v1-2025+mode"
NOTE = Note("tester", "test", 0)

Made: TypeAlias = dict[str, tuple[Cid, Commit]]


@pytest.fixture(scope="module")
def history(git: GitRepo, rng: Callable[[str], random.Random]) -> History:
    return histories.written(git, rng("history"), COMMITS)


@pytest.fixture(scope="module")
def copies(history: History, jiaozi: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a working copy for each profile, imported by the real program."""
    place = tmp_path_factory.mktemp("copies")
    for profile in (PLAIN, WITH_MODES):
        words = ("init", "--from-git", str(history.git.path), profile, "--profile", profile)
        answer = jiaozi.run(*words, cwd=place).good()
        assert f"{COMMITS} commits" in answer.text
    return place


@pytest.fixture
def ours(copies: Path, opened: Open) -> Made:
    return made(opened(copies / PLAIN))


def made(repository: Repository) -> Made:
    """Return the commits that every branch and tag lead to, by their ids in git."""
    found: dict[str, tuple[Cid, Commit]] = {}
    for told in logs.log(repository, logs.Wanted(every=True)):
        assert isinstance(told, logs.Told)
        found[told.commit.meta["git"]["commit"]] = told.cid, told.commit
    return found


def test_topology_people_times_and_messages(history: History, ours: Made) -> None:
    assert set(ours) == set(history.commits)
    form = "%x1e%H%x1f%P%x1f%an%x1f%ae%x1f%at%x1f%cn%x1f%ce%x1f%ct%x1f%cd%x1f%B"
    said = history.git.run(
        "-c", "i18n.logOutputEncoding=UTF-8", "log", "--all", "--date=format:%z",
        f"--format={form}",
    )  # fmt: skip
    rows = said.decode().split("\x1e")[1:]
    assert len(rows) == COMMITS
    for text in rows:
        oid, parents, an, ae, at, cn, ce, ct, zone, body = text.split("\x1f")
        commit = ours[oid][1]
        assert commit.parents == tuple([ours[parent][0] for parent in parents.split()])
        author, committer = commit.author, commit.committer or commit.author
        assert (author.name, author.email or "") == (an, ae)
        assert (committer.name, committer.email or "") == (cn, ce)
        authored = commit.time if commit.authored is None else commit.authored
        assert (authored, commit.time) == (int(at), int(ct))
        minutes = abs(int(zone)) // 100 * 60 + abs(int(zone)) % 100
        assert commit.tz == (-minutes if zone.startswith("-") else minutes)
        assert commit.message.strip("\n") == body.strip("\n")


def test_messages_are_gits_to_the_byte(history: History, ours: Made) -> None:
    for oid in history.commits:
        raw = history.git.run("cat-file", "commit", oid).split(b"\n\n", 1)[1]
        encoding = ours[oid][1].meta["git"].get("encoding", "utf-8")
        assert ours[oid][1].message.encode(encoding) == raw


def test_tags_and_branches(history: History, copies: Path, jiaozi: Program, opened: Open) -> None:
    form = "%(refname)%1f%(objectname)%1f%(*objectname)%1f%(tagger)%1f%(contents)%1e"
    said = history.git.run("for-each-ref", f"--format={form}")
    answer = jiaozi.run("tag", "--json", cwd=copies / PLAIN).good().text
    tags = {row["tag"]: row for row in map(json.loads, answer.splitlines())}
    answer = jiaozi.run("branch", "--json", cwd=copies / PLAIN).good().text
    heads = {row["branch"]: row for row in map(json.loads, answer.splitlines())}
    ours = made(opened(copies / PLAIN))
    met = 0
    for text in said.decode("utf-8", "replace").split("\x1e"):
        if not text.strip():
            continue
        ref, oid, peeled, tagger, words = text.lstrip("\n").split("\x1f")
        family, name = ref.removeprefix("refs/").split("/", 1)
        row = heads[name] if family == "heads" else tags[name]
        assert row["commit"] == str(ours[peeled or oid][0])
        met += 1
        if peeled:
            assert tagger.startswith(row["tagger"] + " " if "<" in row["tagger"] else "")
            assert f" {row['time']} " in tagger
            assert row["message"].strip("\n") == words.strip("\n")
    assert met == len(heads) + len(tags)
    assert met > 10


def test_trees_checked_out_are_gits(
    history: History,
    copies: Path,
    opened: Open,
    rng: Callable[[str], random.Random],
    tmp_path: Path,
) -> None:
    """50 commits in turn under each profile, from one to the next as a person switches."""
    repositories = opened(copies / PLAIN), opened(copies / WITH_MODES)
    ours = [made(repository) for repository in repositories]
    kinds: set[str] = set()
    for oid in rng("checkouts").sample(history.commits, CHECKED_OUT):
        theirs = disk.of_git(history.git, oid, tmp_path / "git")
        kinds.update(mode for mode, _data in theirs.values())
        for repository, rows, expected in zip(
            repositories, ours, (disk.without_modes(theirs), theirs), strict=True
        ):
            branches.go_detached(repository, str(rows[oid][0]), NOTE)
            found = disk.files(Path(repository.root))
            if not repository.profile.mode:
                found = disk.without_modes(found)
            assert found == expected, oid
    assert kinds == {"100644", "100755", "120000", "directory"}


def test_a_second_import_gives_the_same_commits(
    history: History, copies: Path, jiaozi: Program, opened: Open, tmp_path: Path
) -> None:
    jiaozi.run("init", "--from-git", str(history.git.path), "again", cwd=tmp_path).good()
    assert made(opened(tmp_path / "again")) == made(opened(copies / PLAIN))


def test_the_home_is_sound(copies: Path, jiaozi: Program) -> None:
    assert jiaozi.run("fsck", cwd=copies / PLAIN).code == 0
    assert jiaozi.run("gc", cwd=copies / PLAIN).code == 0
    assert jiaozi.run("fsck", cwd=copies / PLAIN).code == 0
