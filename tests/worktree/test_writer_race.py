"""Somebody swaps a directory for a symlink while it is written to: the canaries stay as they are.

Bounded rounds, no sleeping: the other process swaps as fast as it can, and each round opens the
directory anew. A run in which the two never met fails, as it would have shown nothing.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jiaozi_node.worktree.writer import CHECKOUT, GET, InTheWay, NotWritten, Rules, SafeWriter

ROUNDS = 3_000
ENOUGH = 20  # rounds of each outcome


# Makes its first argument a directory and a symlink to its second, in turn, until it is killed.
# Where the writer made a directory of its own meanwhile, the old one stays aside.
SWAP = """
import os, sys
place, away = sys.argv[1:]
print(flush=True)
turn = 0
while True:
    turn += 1
    aside = f"{place}.{turn}"
    for step, *args in ((os.rename, place, aside), (os.symlink, away, place), (os.stat, place),
                        (os.unlink, place), (os.rename, aside, place), (os.stat, place)):
        try:
            step(*args)
        except OSError:
            pass
"""


@pytest.mark.parametrize("rules", [CHECKOUT, GET], ids=lambda rules: rules.name)
def test_a_directory_swapped_for_a_symlink_is_never_followed(tmp_path: Path, rules: Rules) -> None:
    out, away = tmp_path / "out", tmp_path / "away"
    away.mkdir()
    (away / "d").mkdir()
    for name in ("f", "s", "d/f"):
        (away / name).write_bytes(b"canary")
    os.utime(away, (1, 1))
    os.utime(away / "d", (1, 1))
    before = (os.stat(away).st_mode, os.stat(away / "d").st_mode)
    (out / "d" / "d").mkdir(parents=True)
    swapper = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", SWAP, out / "d", away], stdout=subprocess.PIPE
    )
    assert swapper.stdout is not None
    swapper.stdout.readline()
    written = refused = 0
    try:
        for _ in range(ROUNDS):
            try:
                with SafeWriter(out, rules) as writer:
                    writer.directory(("d",), ["d", "f", "s"], mode=0o711, mtime=(5, 5))
                    writer.directory(("d", "d"), ["f"], mode=0o711, mtime=(5, 5))
                    writer.put(("d", "d", "f"), b"new")
                    writer.put(("d", "f"), b"new", mode=0o600, mtime=(5, 5))
                    writer.symlink(("d", "s"), b"elsewhere", mtime=(5, 5))
                    writer.remove(("d", "gone"))
                written += 1
            except (InTheWay, NotWritten):
                refused += 1
            if written >= ENOUGH and refused >= ENOUGH:
                break
    finally:
        swapper.kill()
        swapper.wait()
        swapper.stdout.close()
    assert sorted(os.listdir(away)) == ["d", "f", "s"]
    assert os.listdir(away / "d") == ["f"]
    for name in ("f", "s", "d/f"):
        assert (away / name).read_bytes() == b"canary"
    assert os.stat(away).st_mtime == os.stat(away / "d").st_mtime == 1
    assert (os.stat(away).st_mode, os.stat(away / "d").st_mode) == before
    assert written
    assert refused
