"""Hooks: when they run, what they see, and what becomes of a commit that they refuse."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jiaozi_node.cli import main
from jiaozi_node.worktree import hooks
from tests.commands.conftest import Run

JIAOZI = f"{sys.executable} -m jiaozi_node"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "hooks" / "pre-commit"


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    """One version, another one staged, and hooks allowed."""
    jiaozi("init", "--name", "birds")
    (place / "a").write_text("one\n")
    (place / "sub").mkdir()
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    (place / "a").write_text("two\n")
    jiaozi("add", ".")
    jiaozi("hooks", "--enable")
    return place


def hook(repo: Path, text: str, name: str = "pre-commit", mode: int = 0o755) -> Path:
    path = repo / ".jiaozi" / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


def subjects(jiaozi: Run) -> list[str]:
    return [line.split(" ")[-1] for line in jiaozi("log", "--oneline").out.splitlines()]


def test_a_hook_runs_only_where_it_was_allowed(jiaozi: Run, repo: Path) -> None:
    jiaozi("hooks", "--disable")
    hook(repo, "touch ran")
    ran = jiaozi("commit", "-m", "x", "--author", "A")
    assert "hook is not run: 'jiaozi hooks --enable'" in ran.err
    assert not (repo / "ran").exists()
    jiaozi("hooks", "--enable")
    ran = jiaozi("commit", "--allow-empty", "-m", "x", "--author", "A")
    assert ran.err == ""
    assert (repo / "ran").exists()


def test_a_copy_of_the_directory_runs_no_hook(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(repo, "touch ran")
    shutil.copytree(repo, repo.parent / "copy")
    monkeypatch.chdir(repo.parent / "copy")
    assert "is not run" in jiaozi("commit", "-m", "x", "--author", "A").err
    assert not (repo.parent / "copy" / "ran").exists()


def test_what_a_hook_refuses_is_not_committed_and_stays_as_it_was(jiaozi: Run, repo: Path) -> None:
    hook(repo, "echo the reason; exit 3")
    (repo / "a").write_text("three\n")
    before = jiaozi("status").out, jiaozi("reflog").out, jiaozi("diff", "--staged").out
    for words in (["-m", "x"], ["-a", "-m", "x"], ["-a", "--amend"]):
        ran = jiaozi("commit", *words, "--author", "A", code=1)
        assert ran.err == (
            "the reason\njiaozi: the pre-commit hook ended with exit code 3;"
            " nothing was committed\n"
        )
        assert ran.out == ""
    after = jiaozi("status").out, jiaozi("reflog").out, jiaozi("diff", "--staged").out
    assert after == before
    jiaozi("commit", "--no-verify", "-a", "-m", "x", "--author", "A")
    assert subjects(jiaozi) == ["x", "first"]


def test_a_hook_may_call_jiaozi_and_sees_what_is_staged(jiaozi: Run, repo: Path) -> None:
    (repo / "a").write_text("three\n")
    hook(
        repo,
        f'{JIAOZI} cat "$JIAOZI_TREE/a" > "$OLDPWD/seen"\n'
        f'{JIAOZI} cat "$JIAOZI_PARENT_TREE/a" >> "$OLDPWD/seen"\n'
        f'{JIAOZI} diff --staged --name-status >> "$OLDPWD/seen"\n'.replace("$OLDPWD", "../"),
    )
    jiaozi("commit", "-a", "-m", "x", "--author", "A")
    assert (repo.parent / "seen").read_text() == "three\none\nM\ta\n"
    assert jiaozi("cat", "HEAD:a").out == "three\n"


def test_what_a_hook_stages_is_committed(jiaozi: Run, repo: Path) -> None:
    hook(repo, f"echo made > made\n{JIAOZI} add made")
    jiaozi("commit", "-m", "x", "--author", "A")
    assert jiaozi("cat", "HEAD:made").out == "made\n"
    assert jiaozi("status", "-s").out == ""


def test_a_hook_that_commits_stops_the_commit_it_was_asked_about(jiaozi: Run, repo: Path) -> None:
    hook(repo, f"{JIAOZI} commit -m inner --author B")
    ran = jiaozi("commit", "-m", "outer", "--author", "A", code=1)
    assert ran.err.splitlines()[-1].startswith("jiaozi: HEAD is ")
    assert subjects(jiaozi) == ["inner", "first"]


def test_a_hook_is_told_where_it_is_and_reads_nothing(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(repo, "env > ../told; pwd >> ../told; cat >> ../told; echo said")
    monkeypatch.chdir(repo / "sub")
    monkeypatch.setenv("JIAOZI_PATH", "../../home")
    monkeypatch.delenv("JIAOZI_REQUIRE_PEERS", raising=False)  # CI's own
    head = json.loads(jiaozi("log", "-n1", "--json").out)
    ran = jiaozi("commit", "-m", "x", "--author", "A", "--json")
    value = json.loads(ran.out)  # nothing of the hook's is in it
    assert ran.err == "said\n"
    lines = (repo.parent / "told").read_text().splitlines()
    assert lines[-1] == str(repo)
    told = dict(line.partition("=")[::2] for line in lines if line.startswith("JIAOZI_"))
    row = json.loads((repo / ".jiaozi" / "worktree.toml").read_text().split("=")[1].split("\n")[0])
    assert told == {
        "JIAOZI_PATH": str(repo / "sub" / ".." / ".." / "home").replace("/work/sub/../..", ""),
        "JIAOZI_HOOK": "pre-commit",
        "JIAOZI_ROOT": str(repo),
        "JIAOZI_REPOSITORY": row,
        "JIAOZI_BRANCH": "main",
        "JIAOZI_TREE": value["tree"],
        "JIAOZI_PARENT": head["commit"],
        "JIAOZI_PARENT_TREE": head["tree"],
    }


def test_the_first_commit_has_no_parent_to_tell_of(jiaozi: Run, place: Path) -> None:
    jiaozi("init")
    jiaozi("hooks", "--enable")
    hook(place, 'test -z "$JIAOZI_PARENT$JIAOZI_PARENT_TREE" && test -n "$JIAOZI_TREE"')
    (place / "a").write_text("a\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")


def test_post_commit_knows_the_commit_and_can_not_undo_it(jiaozi: Run, repo: Path) -> None:
    hook(repo, f'{JIAOZI} log -n1 "$JIAOZI_COMMIT" > ../told; exit 1', "post-commit")
    ran = jiaozi("commit", "-m", "x", "--author", "A")
    assert ran.err == "the post-commit hook ended with exit code 1; the commit stands\n"
    assert (repo.parent / "told").read_text() == jiaozi("log", "-n1").out
    assert subjects(jiaozi) == ["x", "first"]


def test_a_hook_that_can_not_be_run_is_named(jiaozi: Run, repo: Path) -> None:
    path = hook(repo, "exit 1", mode=0o644)
    assert "no executable file" in jiaozi("commit", "-m", "x", "--author", "A").err
    path.chmod(0o755)
    path.write_text("#!/nowhere/at/all\n")
    jiaozi("add", ".")
    ran = jiaozi("commit", "--allow-empty", "-m", "y", "--author", "A", code=1)
    assert "pre-commit hook can't be started: no such file" in ran.err
    assert subjects(jiaozi) == ["x", "first"]


def gone(pid: int) -> bool:
    """Whether the process has ended; it may wait to be reaped by whoever reaps orphans."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("trap", ["", "trap '' TERM;"])
def test_a_hook_that_takes_too_long_is_ended_with_all_it_started(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    monkeypatch.setattr(hooks, "_GRACE_S", 0.2)
    hook(repo, f"{trap} sleep 600 & echo $! > ../pid; wait; wait")
    jiaozi("ipfs", "config", "--json", "hooks.timeout", "0.3")
    ran = jiaozi("commit", "-m", "x", "--author", "A", code=1)
    assert "pre-commit hook took longer than 0.3 s (hooks.timeout)" in ran.err
    assert subjects(jiaozi) == ["first"]
    assert gone(int((repo.parent / "pid").read_text()))
    jiaozi("ipfs", "config", "--json", "hooks", '{"timeout": "soon"}')
    jiaozi("hooks", "--enable")
    assert "hooks.timeout" in jiaozi("commit", "-m", "x", "--author", "A", code=2).err


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Have interrupts heeded: a shell hands them down as ignored to what it runs behind itself."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_hook_and_nothing_is_committed(jiaozi: Run, repo: Path) -> None:
    hook(repo, f"sleep 600 & echo $! > ../pid; kill -INT {os.getpid()}; wait")
    assert jiaozi("commit", "-m", "x", "--author", "A", code=130).err == "jiaozi: interrupted\n"
    assert gone(int((repo.parent / "pid").read_text()))
    assert subjects(jiaozi) == ["first"]
    hook(repo, "kill -9 $$")
    assert "ended by signal 9" in jiaozi("commit", "-m", "x", "--author", "A", code=1).err


def test_the_home_is_free_while_somebody_thinks_about_the_message(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert repo.exists()

    def edit(_template: str) -> str:
        subprocess.run([*JIAOZI.split(), "tag", "meanwhile"], check=True)
        return "thought about\n"

    monkeypatch.setattr(main, "_editor", lambda: edit)
    jiaozi("commit", "--author", "A")
    assert subjects(jiaozi) == ["about", "first"]

    def commits(_template: str) -> str:
        words = ["commit", "--allow-empty", "-m", "faster", "--author", "A"]
        subprocess.run([*JIAOZI.split(), *words], check=True)
        return "slower\n"

    monkeypatch.setattr(main, "_editor", lambda: commits)
    ran = jiaozi("commit", "--allow-empty", "--author", "A", code=1)
    assert ran.err.startswith("jiaozi: HEAD is ")
    assert subjects(jiaozi)[0] == "faster"


def test_hooks_are_listed(jiaozi: Run, repo: Path) -> None:
    assert jiaozi("hooks").out == ""
    path = hook(repo, "", "post-commit", mode=0o600)
    assert jiaozi("hooks").out == f"post-commit: enabled, but no executable file ({path})\n"
    path.chmod(0o700)
    (row,) = [json.loads(line) for line in jiaozi("hooks", "--disable", "--json").out.splitlines()]
    assert (row["hook"], row["executable"], row["enabled"]) == ("post-commit", True, False)
    assert "only one" in jiaozi("hooks", "--enable", "--disable", code=2).err


def test_the_example_refuses_a_table_that_lost_its_shape(
    jiaozi: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = repo.parent / "bin"
    scripts.mkdir()
    (scripts / "jiaozi").write_text(f'#!/bin/sh\nexec {JIAOZI} "$@"\n')
    (scripts / "jiaozi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{scripts}{os.pathsep}{os.environ['PATH']}")
    shutil.copy(EXAMPLE, hook(repo, ""))
    table = repo / "birds.csv"
    table.write_text("species,mass\nAdelie,3750\n")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "good", "--author", "A")
    table.write_text("species,mass\nAdelie\n")
    ran = jiaozi("commit", "-a", "-m", "bad", "--author", "A", code=1)
    assert ran.err.startswith("birds.csv, line 2: 1 cells under 2 columns\n")
    table.write_text("species\nAdelie\n")
    ran = jiaozi("commit", "-a", "-m", "bad", "--author", "A", code=1)
    assert "the column 'mass' is gone" in ran.err
    assert subjects(jiaozi) == ["good", "first"]
