"""How lines are paired: a change is an edit of the first list into the second, aligned as git's."""

import os
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.versioning.drivers import text
from jiaozi_node.versioning.drivers.lines import Hunk, hunks
from jiaozi_node.versioning.drivers.outcome import Labels
from tests.gitrepo import GIT, needs_git

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"\n"]), max_size=12)


@given(LINES, LINES)
def test_changes_make_the_second_of_the_first(a: list[bytes], b: list[bytes]) -> None:
    out: list[bytes] = []
    at = 0
    for hunk in hunks(a, b):
        assert a[at : hunk.a0] == b[len(out) : hunk.b0]
        out += a[at : hunk.a0] + b[hunk.b0 : hunk.b1]
        at = hunk.a1
    assert out + a[at:] == b


def test_a_replaced_line_beside_an_equal_one_is_one_change() -> None:
    before = [b"x\n", b"\n", b"\n", b"y\n"]
    assert hunks(before, [b"x\n", b"new\n", b"\n", b"y\n"]) == [Hunk(1, 2, 1, 2)]
    assert hunks(before, [b"x\n", b"\n", b"new\n", b"y\n"]) == [Hunk(2, 3, 2, 3)]


def _line(rng: random.Random) -> str:
    return "" if rng.random() < 0.2 else f"{rng.random()}"


def _edited(rng: random.Random, lines: list[str]) -> list[str]:
    lines = list(lines)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines) + 1)
        fresh = _line(rng)
        fate = rng.random()
        if fate < 0.6:
            lines[at : at + 1] = [fresh]
        elif fate < 0.8:
            lines.insert(at, fresh)
        else:
            del lines[at : at + 1]
    return lines


@needs_git
@pytest.mark.parametrize("seed", range(3))
def test_texts_with_blank_lines_merge_as_gits(seed: int, tmp_path: Path) -> None:
    """Blank lines may be paired in more ways than one; what is clean and what comes out is git's.

    How far markers are drawn around a blank line may differ, in few of those in dispute.
    """
    rng = random.Random(seed)
    differ = 0
    for _ in range(60):
        base = [_line(rng) for _ in range(rng.randint(1, 20))]
        sides = [base, _edited(rng, base), _edited(rng, base)]
        data = ["".join(f"{line}\n" for line in side).encode() for side in sides]
        for name, content in zip(("base", "ours", "theirs"), data, strict=True):
            (tmp_path / name).write_bytes(content)
        done = subprocess.run(
            [GIT or "git", "merge-file", "-p", "-L", "o", "-L", "b", "-L", "t",
             "ours", "base", "theirs"],
            cwd=tmp_path, capture_output=True, check=False,
            env={"PATH": os.environ["PATH"], "HOME": os.devnull},
        )  # fmt: skip
        merged = text.merge(data[0], data[1], data[2], Labels("o", "t"))
        assert merged.clean == (done.returncode == 0), data
        if merged.clean:
            assert merged.data == done.stdout, data
        differ += merged.data != done.stdout
    assert differ <= 6
