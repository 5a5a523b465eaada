"""A writer killed anywhere: every act it was told is done reads back, and the store goes on."""

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import Family
from jiaozi_node.stores.segments.store import SegmentStore
from tests.stores.segments.given import fate, opened, put, some
from tests.stores.segments.writer_process import act_blocks, dropped

_WRITER = [sys.executable, "-m", "tests.stores.segments.writer_process"]
_ROOT = Path(__file__).parents[3]
ACTS = 12


def started(home: Path, seed: int, step: int = 0, acts: int = ACTS) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*_WRITER, str(home), str(seed), str(acts), str(step)],
        stdout=subprocess.PIPE,
        cwd=_ROOT,
    )


def promised(lines: list[str], seed: int) -> tuple[set[Block], set[Block]]:
    """Return the blocks that must be here, and those of them that must be public."""
    here: set[Block] = set()
    public: set[Block] = set()
    for line in lines:
        word, _, number = line.partition(" ")
        if word == "act":
            family, blocks = act_blocks(seed, int(number))
            here.update(blocks)
            if family is Family.PUBLIC:
                public.update(blocks)
        elif word == "dropping":
            here.difference_update(dropped(seed, int(number)))
            public.difference_update(dropped(seed, int(number)))
    return here, public


def examined(home: Path, lines: list[str], seed: int) -> None:
    """Open what the crash left and hold it to what was promised; then use it."""
    for rebuilt in (False, True):
        if rebuilt:
            for file in (home / "index").iterdir():
                file.unlink()
        store = opened(home)
        here, public = promised(lines, seed)
        for block in here:
            assert fate(store, block) == "good"
        for block, is_public in zip(
            public, store.is_public([block.cid for block in public]), strict=True
        ):
            assert is_public, block.cid
        for multihash, row in store.rows():  # whatever else is here is whole
            assert store.get(Cid.v0(multihash)).data is not None, row
        more = some(20, 50, f"after {rebuilt}")
        put(store, more, Family.PUBLIC)
        store.close()
        store = SegmentStore(home)
        assert all(fate(store, block) == "good" for block in more)
        assert sum(one.live_rows for one in store.segments()) == len(list(store.rows()))
        store.close()


def steps_of(tmp_path: Path, seed: int) -> int:
    output = started(tmp_path / "whole", seed).communicate()[0].decode()
    return int(output.splitlines()[-1].split()[1])


@pytest.mark.parametrize(
    ("seed", "cycles"), [(1, 12), pytest.param(2, 200, marks=pytest.mark.slow)]
)
def test_killed_before_any_step_on_the_disk_nothing_acknowledged_is_lost(
    tmp_path: Path, seed: int, cycles: int, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = steps_of(tmp_path, seed)
    chance = random.Random(seed)
    phases: Counter[str] = Counter()
    for cycle in range(cycles):
        home = tmp_path / str(cycle)
        step = 1 + cycle * steps // cycles + chance.randrange(max(1, steps // cycles))
        lines = started(home, seed, step).communicate()[0].decode().splitlines()
        phases[lines[-1] if lines[-1].startswith("killed") else "ended"] += 1
        examined(home, lines, seed)
    with capsys.disabled():
        sys.stdout.write(f"\n{steps} steps: {dict(phases)} ")
    assert phases.total() - phases["ended"] >= 0.8 * cycles


@pytest.mark.parametrize(("seed", "cycles"), [(3, 6), pytest.param(4, 100, marks=pytest.mark.slow)])
def test_killed_at_a_random_moment_nothing_acknowledged_is_lost(
    tmp_path: Path, seed: int, cycles: int
) -> None:
    chance = random.Random(seed)
    for cycle in range(cycles):
        home = tmp_path / str(cycle)
        process = started(home, seed, acts=200)
        assert process.stdout is not None
        lines = []
        stop_at = chance.randrange(2, 60)
        for line in process.stdout:
            lines.append(line.decode().strip())
            if len(lines) >= stop_at:
                os.kill(process.pid, 9)
                break
        lines += process.stdout.read().decode().splitlines()
        process.wait()
        process.stdout.close()
        examined(home, [line for line in lines if line], seed)
