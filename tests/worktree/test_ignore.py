"""Ignore rules, measured against git and against what Kubo was seen to do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.worktree.ignore import MAX_FILE_BYTES, GitRules, KuboRules
from jiaozi_node.worktree.scan import Vanished, scan


def ignored(lines: list[str], path: str) -> bool:
    """Ask as a scan does: from the top, a path that ends in a slash being a directory."""
    rules = GitRules.of(lines)
    parts = tuple(path.rstrip("/").split("/"))
    return any(
        rules.excludes(parts[:at], at < len(parts) or path.endswith("/"))
        for at in range(1, len(parts) + 1)
    )


@pytest.mark.parametrize(
    ("lines", "path", "expect"),
    [
        (["*.o"], "a.o", True),
        (["*.o"], "d/a.o", True),
        (["/*.o"], "d/a.o", False),
        (["d/*.o"], "d/a.o", True),
        (["d/*.o"], "e/d/a.o", False),
        (["d/*.o"], "d/e/a.o", False),
        (["*.o", "!keep.o"], "keep.o", False),
        (["!keep.o", "*.o"], "keep.o", True),
        (["d/", "!d/f"], "d/f", True),
        (["d/*", "!d/f"], "d/f", False),
        (["d/"], "d", False),
        (["d/"], "d/", True),
        (["d/"], "e/d/f", True),
        (["**/d/f"], "d/f", True),
        (["**/d/f"], "x/y/d/f", True),
        (["a/**/b"], "a/b", True),
        (["a/**/b"], "a/x/y/b", True),
        (["a/**/b"], "ab", False),
        (["a/**"], "a/x/y", True),
        (["a/**"], "a", False),
        (["a**b"], "axxb", True),
        (["# c", ""], "# c", False),
        (["\\#c"], "#c", True),
        (["\\!c"], "!c", True),
        (["c  "], "c", True),
        (["c\\ "], "c ", True),
        (["[a-c].x"], "b.x", True),
        (["[!a-c].x"], "b.x", False),
        (["[^a-c].x"], "d.x", True),
        (["[]x]"], "]", True),
        (["[[:digit:]]"], "7", True),
        (["[[:nosuch:]]"], "n", False),
        (["[a"], "[a", False),
        (["a?c"], "abc", True),
        (["a?c"], "a/c", False),
        (["a\\"], "a\\", False),
        (["*"], ".hidden", True),
        ([], ".jiaozi/", True),
        (["!.jiaozi"], ".JIAOZI/", True),
        (["\udcff"], "\udcff", True),
    ],
)
def test_rules_of_gitignore(lines: list[str], path: str, expect: bool) -> None:
    assert ignored(lines, path) is expect


@pytest.fixture(scope="module")
def git_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    root = tmp_path_factory.mktemp("git")
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "PATH": os.defpath}
    subprocess.run([git, "init", "-q", "."], cwd=root, check=True, env=quiet)
    return root


PATHS = ["a", "b", "a.b", "ab", "a/b", "a/a/b", "b/a", "a/b/c", "c/a.b", "-", "]", "a b", "b "]
LINE = st.text(st.sampled_from("ab.*?/!\\[]^- #:"), max_size=8)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(LINE, max_size=4))
def test_git_itself_ignores_the_same(git_repository: Path, lines: list[str]) -> None:
    (git_repository / ".gitignore").write_text("\n".join(lines) + "\n")
    answer = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin", "-z"],
        cwd=git_repository,
        input="\0".join(PATHS).encode() + b"\0",
        capture_output=True,
        check=False,
    )
    assert answer.returncode in {0, 1}, answer.stderr
    theirs = set(filter(None, answer.stdout.decode().split("\0")))
    assert {path for path in PATHS if ignored(lines, path)} == theirs


def test_files_of_rules_are_met_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / ".jiaozi").mkdir()
    (tmp_path / ".jiaoziignore").write_bytes(b"\xef\xbb\xbf*.o\r\n/top\n\xff\n")
    (tmp_path / "d" / ".jiaoziignore").write_text("!keep.o\n/here\n")
    for name in ("top", "d/top", "x.o", "d/keep.o", "d/e/keep.o", "d/x.o", "d/here", "d/e/here"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "d" / "e" / ".jiaoziignore").symlink_to("/dev/zero")
    found = ["/".join(item.parts) for item in scan(tmp_path, GitRules())][1:]
    assert [name for name in found if "ignore" not in name] == [
        "d",
        "d/e",
        "d/e/here",
        "d/e/keep.o",
        "d/keep.o",
        "d/top",
    ]


def test_a_file_of_rules_is_bounded(tmp_path: Path) -> None:
    (tmp_path / ".jiaoziignore").write_bytes(b"x\n" * (MAX_FILE_BYTES // 2 + 1))
    with pytest.raises(LimitExceeded, match="jiaoziignore"):
        list(scan(tmp_path, GitRules()))


def test_no_rule_takes_long_to_say_no() -> None:
    rules = ["*a" * 60 + "b", "**/" + "*a*/" * 20 + "b", "/**/a" * 20 + "/b"]
    assert not ignored(rules, "a" * 250)
    assert not ignored(rules, "/".join(["a"] * 200))


@pytest.mark.parametrize(
    ("lines", "name", "expect"),
    [
        # Seen with `ipfs add -r -n --ignore` of Kubo 0.43; every rule is asked about names alone.
        (["*.o"], "a.o", True),
        (["a"], "a", True),
        (["a"], "ab", False),
        (["/a"], "a", True),
        (["d/a"], "a", False),
        (["**/a"], "a", True),
        (["a/"], "a", False),
        (["*", "!a"], "a", False),
        (["!a", "*"], "a", True),
        (["a?b"], "axb", False),
        (["a?b"], "a?b", True),
        (["[ab]c"], "bc", True),
        (["a+"], "aaa", True),
        (["(a|b)"], "b", True),
        (["a.c"], "abc", False),
        (["#a"], "#a", False),
        (["\\#a"], "#a", True),
        ([" a "], "a", True),
        (["(?=a)a"], "a", False),
        (["["], "[", False),
        (["*.o", "", "# x"], "x", False),
        (["a$"], "a", True),
    ],
)
def test_rules_of_kubo(lines: list[str], name: str, expect: bool) -> None:
    assert KuboRules(lines).excludes(("d", name), False) is expect


def test_kubos_rules_come_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("*.o\r\n!b.o\n")
    rules = KuboRules.of(["c"], str(tmp_path / "rules"))
    assert [rules.excludes((name,), False) for name in ("a.o", "b.o", "c", "d")] == [
        True,
        False,
        True,
        False,
    ]
    assert rules
    assert not KuboRules([])
    with pytest.raises(Vanished):
        KuboRules.of([], str(tmp_path / "absent"))
