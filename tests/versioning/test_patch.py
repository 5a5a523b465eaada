"""Patches are what `git apply` takes; of what lines can't be compared of, they say so."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiaozi_node.versioning import patch as p
from jiaozi_node.versioning.patch import EXECUTABLE, REGULAR, SYMLINK, Side, patch

LINES = st.lists(st.sampled_from([b"a", b"b", b"c", b"", b"\xff", b"-", b"\r"]), max_size=14)
TEXTS = st.builds(
    lambda lines, end: b"\n".join(lines) + end * bool(lines), LINES, st.sampled_from([b"", b"\n"])
)
NAMES = st.sampled_from([b"f", b"a b", b'q"t', b"caf\xc3\xa9", b"\xff", b"sub/t\tn", b"back\\s"])
MODES = st.sampled_from([REGULAR, EXECUTABLE])


def put(top: bytes, side: Side) -> None:
    path = os.path.join(top, side.path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    assert side.data is not None
    if side.mode == SYMLINK:
        os.symlink(side.data, path)
        return
    Path(os.fsdecode(path)).write_bytes(side.data)
    os.chmod(path, int(side.mode, 8) & 0o777)


def standing(top: bytes) -> list[Side]:
    found = []
    for here, _, files in os.walk(top):
        for name in files:
            path = os.path.join(here, name)
            if os.path.islink(path):
                found.append(Side(os.path.relpath(path, top), SYMLINK, os.readlink(path)))
                continue
            mode = EXECUTABLE if os.stat(path).st_mode & 0o100 else REGULAR
            data = Path(os.fsdecode(path)).read_bytes()
            found.append(Side(os.path.relpath(path, top), mode, data))
    return found


def applied(before: Side | None, text: bytes, *words: str) -> list[Side]:
    with tempfile.TemporaryDirectory() as place:
        top = os.fsencode(place)
        if before is not None:
            put(top, before)
        subprocess.run(["git", "apply", "-", *words], cwd=place, input=text, check=True)
        return standing(top)


@given(NAMES, MODES, TEXTS, MODES, TEXTS, st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_git_applies_what_differs(
    name: bytes, mode: str, old: bytes, new_mode: str, new: bytes, context: int
) -> None:
    before, after = Side(name, mode, old), Side(name, new_mode, new)
    if before == after:
        return
    words = () if context else ("--unidiff-zero",)
    made = patch(before, after, context=context)
    assert applied(before, made.text, *words) == [after]
    kept = len(old.splitlines(keepends=False)) if b"\r" not in old else None
    if kept is not None and made.added is not None and made.removed is not None:
        grown = len(new.split(b"\n")) - len(old.split(b"\n"))
        ends = bool(new[-1:] not in (b"", b"\n")) - bool(old[-1:] not in (b"", b"\n"))
        assert made.added - made.removed == grown + ends


@pytest.mark.parametrize(
    ("before", "after", "how"),
    [
        (None, Side(b"new", REGULAR, b"x\n"), ""),
        (None, Side(b"empty", EXECUTABLE, b""), ""),
        (Side(b"old", EXECUTABLE, b"x"), None, ""),
        (Side(b"a b", REGULAR, b"x\n"), Side(b"c d", REGULAR, b"x\n"), "rename"),
        (Side(b"f", REGULAR, b"x\n"), Side(b"f", SYMLINK, b"there"), ""),
        (Side(b"f", SYMLINK, b"there"), Side(b"f", SYMLINK, b"elsewhere"), ""),
    ],
)
def test_git_applies_files_that_came_went_and_moved(
    before: Side | None, after: Side | None, how: str
) -> None:
    assert applied(before, patch(before, after, how=how).text) == ([after] if after else [])


def test_a_copy_leaves_its_original() -> None:
    before, after = Side(b"a", REGULAR, b"x\n"), Side(b"b", REGULAR, b"x\n")
    found = applied(before, patch(before, after, how="copy").text)
    assert sorted(found, key=lambda side: side.path) == [before, after]


def test_what_is_binary_or_large_is_named_and_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    text = Side(b"f", REGULAR, b"x\n" * 5)
    for other, word in (
        (Side(b"f", REGULAR, b"\0"), b"Binary"),
        (Side(b"f", REGULAR, None), b"Large"),
    ):
        made = patch(text, other)
        assert made.text.endswith(word + b" files a/f and b/f differ\n")
        assert made.added is None
    gone = patch(Side(b"f", REGULAR, b"\0"), None)
    assert gone.text.endswith(b"Binary files a/f and /dev/null differ\n")
    late = Side(b"f", REGULAR, b"x" * 8000 + b"\0")  # git looks at 8,000 bytes
    assert patch(text, late).added == 1
    monkeypatch.setattr(p, "MAX_LINES", 10)
    assert patch(text, Side(b"f", REGULAR, b"y\n" * 5)).added == 5
    assert patch(text, Side(b"f", REGULAR, b"y\n" * 6)).text.startswith(
        b"diff --git a/f b/f\nLarge files a/f and b/f differ\n"
    )
