"""A history made by jiaozi, walked by a stock Kubo that got it as a CAR."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from interop import programs
from interop.kubo import cars
from interop.kubo import recipes as r
from interop.programs import Answer, Program


@dataclass(frozen=True, slots=True)
class History:
    """Three commits of one working copy, oldest first, as both programs hold them."""

    kubo: Program
    ours: Program
    work: Path
    commits: tuple[str, ...]
    trees: tuple[str, ...]
    old_b: bytes
    new_b: bytes

    @property
    def tip(self) -> str:
        return self.commits[-1]


def jiaozi(ours: Program, work: Path, *words: str) -> Answer:
    return ours.top().run(*words, cwd=work)


@pytest.fixture(scope="module", params=["unixfs-v1-2025", "unixfs-v0-2015", "kubo"])
def history(
    request: pytest.FixtureRequest,
    kubo_program: Path,
    tmp_path_factory: pytest.TempPathFactory,
    rng: Callable[[str], Random],
) -> History:
    profile: str = request.param
    root = tmp_path_factory.mktemp("history")
    random = rng(f"history {profile}")
    ours = programs.jiaozi(root / "jiaozi")
    work = root / "work"
    jiaozi(ours, root, "init", str(work), "--profile", profile).good()

    def commit(message: str) -> None:
        jiaozi(ours, work, "add", ".").good()
        jiaozi(ours, work, "commit", "-m", message, "--author", "Ada <ada@example.org>").good()

    old_b, new_b = (random.randbytes(20).hex().encode() for _ in range(2))
    r.mixed(work, random)
    r.write(work, "sub/b.txt", old_b)
    r.write(work, "caf\u00e9/with space", b"odd")
    commit("the first")
    r.write(work, "sub/b.txt", new_b)
    r.write(work, "sub/c.txt", b"new")
    commit("the second")
    (work / "sub" / "c.txt").unlink()
    r.write(work, "deep/er/still", random.randbytes(300_000))
    commit("the third")
    rows = [
        json.loads(line) for line in jiaozi(ours, work, "log", "--json").good().text.splitlines()
    ]
    rows.reverse()
    kubo = programs.new_kubo(kubo_program, root / "kubo")
    car = ours.run("dag", "export", rows[-1]["commit"]).good().out
    kubo.run("dag", "import", stdin=car).good()
    return History(
        kubo,
        ours,
        work,
        tuple(row["commit"] for row in rows),
        tuple(row["tree"] for row in rows),
        old_b,
        new_b,
    )


def test_cat_reads_an_old_version_through_parents(history: History) -> None:
    path = f"{history.tip}/parents/0/parents/0/tree/sub/b.txt"
    assert history.kubo.run("cat", path).good().out == history.old_b
    path = f"{history.tip}/parents/0/tree/sub/b.txt"
    assert history.kubo.run("cat", path).good().out == history.new_b


def test_ls_lists_the_tree(history: History) -> None:
    theirs = history.kubo.run("ls", f"{history.tip}/tree").good()
    assert theirs.out == history.ours.run("ls", f"{history.tip}/tree").good().out
    names = {line.split(maxsplit=2)[2].rstrip("/") for line in theirs.text.splitlines()}
    assert names == set(os.listdir(history.work)) - {".jiaozi"}


def test_refs_walks_the_whole_history(history: History) -> None:
    theirs = history.kubo.run("refs", "-r", history.tip).good()
    assert theirs.out == history.ours.run("refs", "-r", history.tip).good().out
    assert set(theirs.text.splitlines()) >= {*history.commits[:-1], *history.trees}


def test_pin_add_keeps_the_whole_history(history: History) -> None:
    assert history.kubo.run("pin", "add", history.tip).good().code == 0
    kept = history.kubo.run("pin", "ls", "--type=indirect", "-q").good().text.splitlines()
    assert set(kept) >= {*history.commits[:-1], *history.trees}


def test_dag_get_shows_the_fields(history: History) -> None:
    theirs = history.kubo.run("dag", "get", history.tip).good()
    assert theirs.out == history.ours.run("dag", "get", history.tip).good().out
    commit = json.loads(theirs.out)
    assert commit["message"].strip() == "the third"
    assert commit["tree"] == {"/": history.trees[-1]}
    assert commit["parents"] == [{"/": history.commits[-2]}]
    assert commit["author"] == {"name": "Ada", "email": "ada@example.org"}


def test_get_restores_the_files(history: History, tmp_path: Path) -> None:
    history.kubo.run("get", "-o", str(tmp_path / "out"), f"{history.tip}/tree").good()
    for directory, _, names in os.walk(tmp_path / "out"):
        for name in names:
            path = Path(directory, name)
            other = history.work / path.relative_to(tmp_path / "out")
            if path.is_symlink():
                assert os.readlink(path) == os.readlink(other)
            else:
                assert path.read_bytes() == other.read_bytes()


def test_the_export_holds_each_block_once(history: History) -> None:
    answers = [p.run("dag", "export", history.tip).good().out for p in (history.kubo, history.ours)]
    assert answers[0] == answers[1]
    sections = cars.read(answers[1]).sections
    assert len({cid for cid, _ in sections}) == len(sections)


def test_the_tree_of_a_commit_is_what_add_makes(
    history: History, kubo_program: Path, tmp_path: Path
) -> None:
    commit = json.loads(history.ours.run("dag", "get", history.tip).good().out)
    both = programs.Pair(
        programs.new_kubo(kubo_program, tmp_path / "kubo"), programs.new_jiaozi(tmp_path / "ours")
    )
    if commit["profile"] != "kubo":
        for answer in both.run("config", "profile", "apply", commit["profile"]):
            answer.good()
    words = ("add", "-r", "-Q", "-H", "--ignore=.jiaozi", str(history.work))
    assert [a.good().text for a in both.run(*words)] == [history.trees[-1]] * 2
