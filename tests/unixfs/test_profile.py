"""Profiles: their fields are a promise, and one that can't be kept can't be built."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.unixfs import chunk
from jiaozi_node.unixfs.profile import PROFILES, UnknownProfile, named

KIB = 1024


def test_a_recipe_never_changes_under_its_name() -> None:
    """IPIP-499's table, and Kubo 0.43's Import defaults."""
    v0 = {
        "name": "unixfs-v0-2015",
        "cid_version": 0,
        "hash_code": 0x12,
        "raw_leaves": False,
        "chunk_size": 256 * KIB,
        "layout": "balanced",
        "file_width": 174,
        "directory_width": 0,
        "hamt_fanout": 256,
        "hamt_threshold": 256 * KIB,
        "size_estimator": "links",
        "inline_limit": 0,
        "chunker": None,
        "mode": False,
        "mtime": False,
    }
    v1 = v0 | {
        "name": "unixfs-v1-2025",
        "cid_version": 1,
        "raw_leaves": True,
        "chunk_size": KIB * KIB,
        "file_width": 1024,
        "size_estimator": "block",
    }
    assert [asdict(PROFILES[name]) for name in sorted(PROFILES)] == [
        v0 | {"name": "kubo"},
        v0,
        v1,
    ]


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("kubo+mode", {"mode": True}),
        ("unixfs-v1-2025+mtime", {"mtime": True, "raw_leaves": False}),
        ("unixfs-v1-2025+mode+mtime", {"mode": True, "mtime": True, "raw_leaves": False}),
    ],
)
def test_suffixes(text: str, changes: dict[str, Any]) -> None:
    assert named(text) == replace(named(text.split("+")[0]), name=text, **changes)


def test_suffixes_have_one_order() -> None:
    assert named("kubo+mtime+mode").name == "kubo+mode+mtime"


@pytest.mark.parametrize(
    "text", ["", "v1", "kubo+", "kubo+size", "kubo+mode+mode", "+mode", "KUBO", "kubo +mode"]
)
def test_unknown_names_are_refused(text: str) -> None:
    with pytest.raises(UnknownProfile):
        named(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"cid_version": 2},
        {"cid_version": 0, "hash_code": 0x1E},
        {"hash_code": 0x00},
        {"hash_code": 0x18},
        {"layout": "flat"},
        {"file_width": 1},
        {"directory_width": -1},
        {"hamt_fanout": 4},
        {"hamt_fanout": 100},
        {"hamt_fanout": 2048},
        {"hamt_fanout": 0},
        {"size_estimator": "guess"},
        {"mode": True},
        {"mtime": True},
    ],
)
def test_impossible_recipes_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Misuse):
        replace(named("unixfs-v1-2025"), **changes)


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"chunk_size": chunk.MAX_BYTES + 1}, chunk.MAX_BYTES),
        ({"chunk_size": 0}, chunk.MAX_BYTES),
        ({"inline_limit": 129}, 128),
        ({"inline_limit": -1}, 128),
    ],
)
def test_limits(changes: dict[str, Any], limit: int) -> None:
    with pytest.raises(LimitExceeded) as caught:
        replace(named("unixfs-v1-2025"), **changes)
    assert caught.value.limit == limit
