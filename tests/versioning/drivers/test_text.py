"""Texts merge as git merges them: the same bytes when clean, a conflict where git has one."""

import subprocess
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.versioning.drivers import lines, text
from jiaozi_node.versioning.drivers.outcome import Labels, Outcome

LABELS = Labels("ours", "theirs")
_LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\n"]), max_size=12)
_TEXTS = st.builds(lambda ls, tail: b"".join(ls) + tail, _LINES, st.sampled_from([b"", b"x"]))


def _git(tmp_path: Path, base: bytes, ours: bytes, theirs: bytes) -> Outcome:
    for name, data in (("base", base), ("ours", ours), ("theirs", theirs)):
        (tmp_path / name).write_bytes(data)
    labels = ["-L", "ours", "-L", "base", "-L", "theirs"]
    files = ["ours", "base", "theirs"]
    done = subprocess.run(
        ["git", "merge-file", "-p", *labels, *files], cwd=tmp_path, capture_output=True, check=False
    )
    assert 0 <= done.returncode < 128, done.stderr
    return Outcome(done.stdout, done.returncode == 0)


def _edited(random: Random, source: list[bytes], fresh: str) -> list[bytes]:
    out = list(source)
    for at in range(random.randrange(4)):
        place = random.randrange(len(out) + 1)
        gone = random.randrange(3)
        out[place : place + gone] = [b"%s%d\n" % (fresh.encode(), at)] * random.randrange(3)
    return out


@pytest.mark.parametrize("seed", range(60))
def test_as_git(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    base = [b"%d\n" % at for at in range(random.randrange(1, 30))]
    ours, theirs = [b"".join(_edited(random, base, fresh)) for fresh in random.sample("xyz", 2)]
    if seed % 3 == 0:  # the same change on both sides, and one more
        theirs = b"".join(_edited(random, lines.split(ours), "w"))
    expected = _git(tmp_path, b"".join(base), ours, theirs)
    assert text.merge(b"".join(base), ours, theirs, LABELS) == expected


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        (b"", b"a\n", b"b\n"),
        (b"a\n", b"a", b"b"),
        (b"a\r\nb\r\n", b"x\r\nb\r\n", b"y\r\nb\r\n"),
        (b"a\nb\nc\n", b"a\nB\nc\n", b"a\nb\nC\n"),
        (b"1\n2\n3\n4\n5\n", b"a\n2\n3\n4\nb\n", b"c\n2\n3\n4\nd\n"),
        (b"1\n2\n3\n4\n5\n6\n", b"a\n2\n3\n4\n5\nb\n", b"c\n2\n3\n4\n5\nd\n"),
        (b"", b"a\nm\nb\n", b"c\nm\nd\n"),
        (b"a\n", b"", b"b\n"),
    ],
)
def test_as_git_at_the_edges(tmp_path: Path, base: bytes, ours: bytes, theirs: bytes) -> None:
    assert text.merge(base, ours, theirs, LABELS) == _git(tmp_path, base, ours, theirs)


@given(_TEXTS, _TEXTS)
def test_one_side_alone_decides(base: bytes, other: bytes) -> None:
    assert text.merge(base, other, base, LABELS) == Outcome(other, True)
    assert text.merge(base, base, other, LABELS) == Outcome(other, True)
    assert text.merge(base, other, other, LABELS) == Outcome(other, True)


@given(_TEXTS, _TEXTS, _TEXTS)
def test_clean_merges_are_symmetric(base: bytes, ours: bytes, theirs: bytes) -> None:
    one, other = text.merge(base, ours, theirs, LABELS), text.merge(base, theirs, ours, LABELS)
    assert one.clean == other.clean
    if one.clean:
        assert one.data == other.data


@given(_LINES, _LINES)
def test_hunks_make_the_one_of_the_other(a: list[bytes], b: list[bytes]) -> None:
    out: list[bytes] = []
    at = 0
    for hunk in lines.hunks(a, b):
        assert hunk.a0 >= at
        out += [*a[at : hunk.a0], *b[hunk.b0 : hunk.b1]]
        at = hunk.a1
    assert [*out, *a[at:]] == b


def test_long_texts_with_many_changes_are_merged_in_no_time() -> None:
    base = [b"%d\n" % at for at in range(20_000)]
    ours, theirs = list(base), list(base)
    ours[10::40] = [b"ours %d\n" % at for at in range(len(ours[10::40]))]
    theirs[30::40] = [b"theirs %d\n" % at for at in range(len(theirs[30::40]))]
    both = list(base)
    both[10::40], both[30::40] = ours[10::40], theirs[30::40]
    merged = text.merge(b"".join(base), b"".join(ours), b"".join(theirs), LABELS)
    assert merged == Outcome(b"".join(both), True)


def test_union_keeps_both() -> None:
    merged = text.union(b"a\n", b"a\nb\n", b"a\nc", LABELS)
    assert merged == Outcome(b"a\nb\nc", True)
