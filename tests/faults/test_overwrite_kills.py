"""kill -9 at every call of `restore` and `reset --hard`: no half-written file is left by the next.

What was there is saved nowhere, so nothing is finished behind the user's back; the same command
again comes to its end.
"""

import signal
from pathlib import Path

import pytest

from jiaozi_node.cli.main import main
from tests.faults.conftest import Show
from tests.faults.zygote import Zygote

CHANGED, GONE, WHOLE = "a", "b", "whole"
ACTS = (["restore", "."], ["restore", CHANGED, WHOLE], ["reset", "--hard", "HEAD~"])


def undo(work: Path) -> None:
    """Make the files what the acts put right."""
    (work / CHANGED).write_text("edited\n")
    (work / GONE).unlink(missing_ok=True)
    for path in sorted(work.glob(f"{WHOLE}/**/*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (work / WHOLE).rmdir()


@pytest.mark.parametrize("words", ACTS, ids=" ".join)
def test_a_kill_leaves_no_file_of_its_own(
    place: Path,
    words: list[str],
    plain_zygote: Zygote,
    show: Show,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home, work = place / "home", place / "work"
    (work / WHOLE / "deep").mkdir(parents=True)
    monkeypatch.setenv("JIAOZI_PATH", str(home))
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("LOGNAME", "tester")
    monkeypatch.chdir(work)
    for path in (CHANGED, GONE, "c", f"{WHOLE}/d", f"{WHOLE}/e", f"{WHOLE}/deep/f"):
        (work / path).write_text(f"{path}\n")
    for command in (["init"], ["add", "."], ["commit", "-m", "first"]):
        assert main(command) == 0
    (work / "c").write_text("second\n")
    assert main(["commit", "-a", "-m", "second"]) == 0
    assert main(["branch", "kept"]) == 0
    left_by_kills = 0
    for at in range(1, 400):
        undo(work)
        code, _said = plain_zygote.run("struck", home, work, words=words, at=at)
        if code != -signal.SIGKILL:
            assert code == 0
            break
        left_by_kills += any(work.rglob(".jz-*"))
        assert main(["status"]) == 0
        assert not list(work.rglob(".jz-*"))
        assert main(["reset", "--hard", "kept"]) == 0
        for path in (CHANGED, GONE, f"{WHOLE}/d", f"{WHOLE}/e", f"{WHOLE}/deep/f"):
            assert (work / path).read_text() == f"{path}\n"
    else:
        raise AssertionError("it was never left to end")
    show(f"{' '.join(words)}: killed at {at - 1} calls, {left_by_kills} left something lying")
    assert left_by_kills >= 2
