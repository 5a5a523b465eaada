"""The process as a shell starts it: streams that are closed, other locales, an early Ctrl-C."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = (sys.executable, "-m", "jiaozi_node")
Shell = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Run a line of sh in an empty directory, where ``$J`` is the program."""
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    root = Path(__file__).parents[2]

    def run(line: str, **more: str) -> "subprocess.CompletedProcess[bytes]":
        env = {
            **kept,
            "PYTHONPATH": str(root),
            "JIAOZI_PATH": str(tmp_path / "home"),
            "HOME": str(tmp_path),
            "LOGNAME": "tester",
            "J": " ".join(PROGRAM),
            **more,
        }
        (tmp_path / "work").mkdir(exist_ok=True)
        return subprocess.run(
            ["sh", "-c", line], cwd=tmp_path / "work", env=env, capture_output=True, check=False
        )

    return run


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_stream_is_like_the_null_device(shell: Shell, closed: str) -> None:
    done = shell(
        f"$J ipfs init >/dev/null && $J ipfs add -Q - {closed}; echo $?; $J fsck >/dev/null"
    )
    assert done.stdout.split()[-1] == b"0"
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0


def test_a_file_of_the_store_never_becomes_standard_output(shell: Shell) -> None:
    done = shell("$J init . >&- && echo x > f && $J add f >&- && $J commit -m x --author A >&-")
    assert done.returncode == 0
    assert shell("$J fsck").returncode == 0
    assert shell("$J cat HEAD:f").stdout == b"x\n"


def test_names_are_the_same_bytes_in_every_locale(shell: Shell) -> None:
    old = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert shell("$J init . && echo x > é && $J add é && $J commit -m é --author é", **old).stdout
    done = shell("$J ls && $J cat HEAD:é && $J log --json", **old)
    assert done.stdout.startswith("é\nx\n".encode())
    assert '"name":"é"'.encode() in done.stdout


def test_an_interrupt_while_the_program_is_loaded_is_one_line(shell: Shell, tmp_path: Path) -> None:
    # Stands before the module that main imports first; as the signal would, in its midst.
    trap = tmp_path / "trap.py"
    trap.write_text(
        "import builtins\n"
        "load = builtins.__import__\n"
        "def trapped(name, *rest):\n"
        "    if name == 'jiaozi_node.cli.main':\n"
        "        raise KeyboardInterrupt\n"
        "    return load(name, *rest)\n"
        "from jiaozi_node.cli.entry import entry\n"
        "builtins.__import__ = trapped\n"
        "entry()\n"
    )
    done = shell(f"{sys.executable} {trap}")
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"jiaozi: interrupted\n")


def test_what_needs_no_directory_works_in_one_that_is_gone(shell: Shell) -> None:
    done = shell(
        "$J init . >/dev/null 2>&1 && echo x > f && cid=$($J ipfs add -Q f) && "
        "mkdir gone && cd gone && rmdir ../gone && $J version && $J ipfs cat $cid && $J cat $cid"
    )
    assert (done.returncode, done.stderr) == (0, b"")
    done = shell("mkdir gone && cd gone && rmdir ../gone && $J log")
    assert done.returncode == 4
    assert done.stderr == b"jiaozi: the present directory is gone\n"
