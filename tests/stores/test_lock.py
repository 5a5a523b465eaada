"""The lock of a node home, among threads of one process and among processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jiaozi_node.errors import Locked
from jiaozi_node.stores.lock import NAME, HomeLock, HomeLocked

HOLDER = """
import pathlib, sys
from jiaozi_node.stores.lock import HomeLock
lock = HomeLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held_elsewhere(home: Path) -> Iterator[subprocess.Popen[str]]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, home],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder


def let_go(holder: subprocess.Popen[str]) -> None:
    assert holder.stdin is not None
    holder.stdin.close()
    holder.wait(60)


def test_the_holder_writes_its_pid(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("99999999999\n")  # longer than any pid: nothing of it may stay
    with HomeLock(tmp_path):
        assert (tmp_path / NAME).read_text() == f"{os.getpid()}\n"


def test_only_the_owner_may_write_the_file(tmp_path: Path) -> None:
    HomeLock(tmp_path).release()
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_a_second_lock_in_this_process_is_refused_and_leaves_the_first(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with HomeLock(tmp_path):
        for home in (tmp_path, tmp_path / "link"):
            with pytest.raises(HomeLocked, match=f"this process \\({os.getpid()}\\)"):
                HomeLock(home)
        assert elsewhere(tmp_path) == f"process {os.getpid()}"
    HomeLock(tmp_path).release()


def elsewhere(home: Path) -> str:
    """Return by whom the lock is held, as another process sees it; "nobody" when it can have it."""
    code = """
import pathlib, sys
from jiaozi_node.stores.lock import HomeLock, HomeLocked
try:
    HomeLock(pathlib.Path(sys.argv[1]))
    print("nobody")
except HomeLocked as fault:
    print(f"process {fault.pid}")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, home], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_another_process_is_named_by_its_pid(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as holder:
        with pytest.raises(Locked, match=f"in use by process {holder.pid}"):
            HomeLock(tmp_path)
        let_go(holder)
        HomeLock(tmp_path).release()


def test_a_holder_that_is_killed_holds_no_more(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as holder:
        holder.kill()
        holder.wait(60)
        HomeLock(tmp_path).release()


def test_waiting_ends_when_the_holder_lets_go(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as holder:
        pauses: list[float] = []

        def sleep(pause_s: float) -> None:
            pauses.append(pause_s)
            if len(pauses) == 3:
                let_go(holder)

        HomeLock(tmp_path, 10.0, now=lambda: 0.0, sleep=sleep).release()
        assert len(pauses) == 3


def test_waiting_ends_at_its_time(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as holder:
        clock = [0.0]

        def sleep(pause_s: float) -> None:
            clock[0] += pause_s

        with pytest.raises(HomeLocked):
            HomeLock(tmp_path, 2.0, now=lambda: clock[0], sleep=sleep)
        assert clock[0] == pytest.approx(2.0)
        let_go(holder)
    HomeLock(tmp_path).release()  # the failure left nothing in the registry


def test_release_twice_is_harmless_and_never_closes_anothers_file(tmp_path: Path) -> None:
    lock = HomeLock(tmp_path)
    lock.release()
    again = HomeLock(tmp_path)
    lock.release()
    assert elsewhere(tmp_path) == f"process {os.getpid()}"
    again.release()
    assert elsewhere(tmp_path) == "nobody"


def test_a_home_that_is_not_there_leaves_no_trace(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            HomeLock(tmp_path / "absent")


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        HomeLock(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_forked_child_neither_holds_nor_frees_it(tmp_path: Path) -> None:
    code = """
import os, pathlib, sys
from jiaozi_node.stores.lock import HomeLock, HomeLocked
home = pathlib.Path(sys.argv[1])
lock = HomeLock(home)
up, down = os.pipe()
child = os.fork()
if not child:
    lock.release()
    try:
        HomeLock(home)
    except HomeLocked as fault:
        assert fault.pid == os.getppid(), fault.pid
        os.write(down, b"x")
        sys.exit(0)
    sys.exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert lock._fd >= 0
child = os.fork()
if not child:
    sys.stdin.read()  # lives on when the parent is gone
    os._exit(0)
print("forked", flush=True)
os._exit(0)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "forked\n"
        parent.wait(60)
        # The child may not have come to close its copy yet.
        HomeLock(tmp_path, 10.0).release()


def test_of_many_that_start_at_once_one_wins(tmp_path: Path) -> None:
    code = """
import pathlib, sys
from jiaozi_node.stores.lock import HomeLock, HomeLocked
sys.stdin.readline()
try:
    lock = HomeLock(pathlib.Path(sys.argv[1]))
except HomeLocked:
    print("lost", flush=True)
else:
    print("won", flush=True)
sys.stdin.readline()
"""
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", code, tmp_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    results = []
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("go\n")
        starter.stdin.flush()
    for starter in starters:
        assert starter.stdout is not None
        results.append(starter.stdout.readline().strip())
    for starter in starters:
        starter.communicate("end\n")
    assert sorted(results) == ["lost"] * 7 + ["won"]
