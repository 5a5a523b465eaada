"""Which names may be staged or written."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import Malformed
from jiaozi_node.worktree import names

RESERVED = [
    ".jiaozi",
    ".JIAOZI",
    ".Jiaozi",
    ".jiaozi.",
    ".jiaozi . ",
    ".jia\u200cozi",
    "\ufeff.jiaozi",
    ".jiaozi::$INDEX_ALLOCATION",
    "JIAOZI~1",
    "jiaozi~2",
]


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a/b", "../x", "/etc", "a\0b", "\0"])
def test_names_that_no_directory_may_hold_are_refused(name: str) -> None:
    with pytest.raises(names.UnsafeName) as caught:
        names.check(name, ("sub",))
    assert caught.value.parts == ("sub", name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", RESERVED)
def test_every_spelling_of_the_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(names.UnsafeName, match="jiaozi"):
        names.check(name)
    names.check(name, reserved=False)


@pytest.mark.parametrize(
    "name",
    ["...", "..a", "a..", ".git", ".jiaozi2", "jiaozi", "jiaozi~x", "-rf", " ", "a\\b", "\n"],
)
def test_odd_names_that_harm_nobody_pass(name: str) -> None:
    names.check(name)


def test_the_length_of_a_name_is_counted_in_bytes() -> None:
    names.check("é" * 127)
    names.check("a" * 255)
    names.check("\udcff" * 255)
    for name in ("é" * 128, "a" * 256, "\udcff" * 256):
        with pytest.raises(names.UnsafeName, match="over the limit of 255"):
            names.check(name)


def test_a_surrogate_that_stands_for_no_byte_is_refused() -> None:
    with pytest.raises(Malformed, match="not a file system's name"):
        names.check("\ud800")


def test_a_name_twice_in_one_directory_is_refused() -> None:
    with pytest.raises(names.UnsafeName, match="two entries"):
        names.check_all(["a", "b", "a"], ("sub",))


@given(st.binary(min_size=1, max_size=255))
def test_whatever_a_file_system_holds_passes_unless_reserved(raw: bytes) -> None:
    name = os.fsdecode(raw)
    if b"\0" in raw or b"/" in raw or name in {".", ".."} or names.is_reserved(name):
        with pytest.raises(names.UnsafeName):
            names.check(name)
    else:
        names.check(name)


def test_folding_sees_case_and_normalisation_apart() -> None:
    assert names.clash(["a", "b", "A"]) == ("a", "A")
    assert names.clash(["a", "A"], case=False) is None
    assert names.clash(["\u00e9", "e\u0301"], case=False) == ("\u00e9", "e\u0301")
    assert names.clash(["\u00e9", "e\u0301"], form=False) is None
    assert names.clash(["straße", "STRASSE"]) == ("straße", "STRASSE")
    assert names.clash(["a", "b", "c"]) is None


@given(st.text(max_size=12))
def test_folding_twice_changes_nothing(name: str) -> None:
    folded = names.fold(name)
    assert names.fold(folded) == folded
