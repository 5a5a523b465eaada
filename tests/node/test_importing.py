"""Which recipe a node imports by: the configuration, the options, Kubo's rules and refusals."""

from pathlib import Path
from typing import Any

import pytest

from jiaozi_node.errors import JiaoziError, Misuse
from jiaozi_node.formats import multihash as mh
from jiaozi_node.node.config import Config, fresh
from jiaozi_node.node.config_profiles import apply
from jiaozi_node.node.importing import MAX_INLINE_BYTES, parse_size, profile_of
from jiaozi_node.unixfs.profile import PROFILES


def config(**settings: Any) -> Config:
    values = fresh("peer", "key")
    values["Import"].update(settings)
    return Config(Path("nowhere"), values)


def test_a_new_home_imports_as_a_new_kubo_does() -> None:
    assert profile_of(config(), {}) == PROFILES["kubo"]


@pytest.mark.parametrize("name", ["unixfs-v0-2015", "unixfs-v1-2025"])
def test_a_profile_of_the_config_is_the_recipe_of_its_name(name: str) -> None:
    made = profile_of(Config(Path("nowhere"), apply(name, fresh("peer", "key"))), {})
    wanted = PROFILES[name]
    for field in ("cid_version", "raw_leaves", "chunk_size", "file_width", "size_estimator",
                  "directory_width", "hamt_fanout", "hamt_threshold", "layout"):  # fmt: skip
        assert getattr(made, field) == getattr(wanted, field), field


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"cid_version": 1}, {"cid_version": 1, "raw_leaves": True}),
        ({"cid_version": 1, "raw_leaves": False}, {"cid_version": 1, "raw_leaves": False}),
        ({"cid_version": -1}, {"cid_version": 0, "raw_leaves": False}),
        ({"raw_leaves": True}, {"cid_version": 0, "raw_leaves": True}),
        ({"hash": "sha2-512"}, {"cid_version": 1, "raw_leaves": True, "hash_code": mh.SHA2_512}),
        ({"hash": "SHA1"}, {"hash_code": mh.SHA1}),
        ({"hash": ""}, {"hash_code": mh.SHA2_256}),
        ({"chunker": "size-1000"}, {"chunk_size": 1000}),
        ({"chunker": "default"}, {"chunk_size": 262144}),
        ({"chunker": "size-2096896"}, {"chunk_size": 2096896}),
        ({"trickle": True}, {"layout": "trickle"}),
        ({"max_file_links": 3}, {"file_width": 3}),
        ({"max_file_links": 0}, {"file_width": 174}),
        ({"max_file_links": -1}, {"file_width": 174}),
        ({"max_directory_links": -1}, {"directory_width": 0}),
        ({"max_directory_links": 7}, {"directory_width": 7}),
        ({"max_hamt_fanout": 16}, {"hamt_fanout": 16}),
        ({"inline": True}, {"inline_limit": 32}),
        ({"inline": True, "inline_limit": MAX_INLINE_BYTES}, {"inline_limit": 128}),
        ({"inline": True, "inline_limit": -1}, {"inline_limit": 0}),
        ({"inline_limit": 1000}, {"inline_limit": 0}),
        ({"preserve_mode": True}, {"mode": True, "raw_leaves": False}),
        ({"preserve_mtime": True, "cid_version": 1}, {"mtime": True, "raw_leaves": False}),
        ({"preserve_mode": True, "mode": 0o644}, {"mode": False, "raw_leaves": False}),
        ({"mtime": 5, "cid_version": 1}, {"mtime": False, "raw_leaves": False}),
        ({"mode": 0, "cid_version": 1}, {"raw_leaves": True}),
    ],
    ids=str,
)
def test_options_follow_kubos_rules(options: dict[str, Any], expected: dict[str, Any]) -> None:
    made = profile_of(config(), options)
    assert {field: getattr(made, field) for field in expected} == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cid_version": 2}, "unknown CID version: 2"),
        ({"cid_version": 0, "hash": "sha2-512"}, "CIDv0 only supports sha2-256"),
        ({"hash": "foo"}, 'unrecognized hash function: "foo"'),
        ({"hash": "md5"}, "potentially insecure hash functions not allowed"),
        ({"chunker": "foo"}, "unrecognized chunker option: foo"),
        ({"chunker": "size-0"}, "chunker size must be greater than 0"),
        ({"chunker": "size-x"}, 'strconv.Atoi: parsing "x": invalid syntax'),
        ({"chunker": "size-9" + "9" * 20}, "value out of range"),
        ({"chunker": "size--1"}, "incorrect chunker string format (expected size-{size})"),
        ({"chunker": "size-2096897"}, "may not exceed the maximum chunk size of 2096896"),
        ({"inline": True, "inline_limit": 129},
         "inline-limit 129 exceeds maximum allowed size of 128 bytes"),
        ({"mode": 0o644, "raw_leaves": True}, "raw-leaves can't be used with UnixFS metadata"),
        ({"max_hamt_fanout": 7}, "HAMT fanout must be a power of 2, between 8 and 1024 (got 7)"),
        ({"max_file_links": 1}, "a file node must take 2 links or more"),
    ],
    ids=str,
)  # fmt: skip
def test_refusals_are_in_kubos_words(options: dict[str, Any], said: str) -> None:
    with pytest.raises(Misuse) as caught:
        profile_of(config(), options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "smallest"), [("buzhash", 131072), ("rabin", 87381), ("rabin-16-32-64", 16)]
)
def test_chunkers_that_cut_by_content(text: str, smallest: int) -> None:
    made = profile_of(config(), {"chunker": text})
    assert made.chunker is not None
    assert made.chunker.smallest == made.chunk_size == smallest


def test_an_option_wins_over_the_config() -> None:
    settings = config(CidVersion=1, UnixFSChunker="size-10", UnixFSDAGLayout="trickle")
    assert profile_of(settings, {}).cid_version == 1
    made = profile_of(settings, {"cid_version": 0, "chunker": "size-20", "trickle": False})
    assert (made.cid_version, made.chunk_size, made.layout) == (0, 20, "balanced")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"CidVersion": 7}, "Import.CidVersion must be 0 or 1, got 7"),
        ({"CidVersion": "1"}, "Import.CidVersion must be a number"),
        ({"UnixFSFileMaxLinks": 0}, "Import.UnixFSFileMaxLinks must be positive, got 0"),
        ({"UnixFSDirectoryMaxLinks": -1}, "must be non-negative, got -1"),
        ({"UnixFSHAMTDirectoryMaxFanout": 9}, "must be a power of 2, between 8 and 1024 (got 9)"),
        ({"UnixFSDAGLayout": "flat"}, "Import.UnixFSDAGLayout must be"),
        ({"UnixFSHAMTDirectorySizeEstimation": "x"}, "SizeEstimation must be"),
        ({"UnixFSHAMTDirectorySizeThreshold": "lots"}, "SizeThreshold is not a size"),
        ({"UnixFSRawLeaves": "yes"}, "must be true, false or null"),
        ({"HashFunction": 3}, "must be text"),
    ],
    ids=str,
)
def test_a_config_out_of_range_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(Misuse) as caught:
        profile_of(config(**settings), {})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "size"),
    [("256KiB", 262144), ("1MiB", 1048576), ("10GB", 10**10), ("1.5kB", 1500), ("7", 7),
     ("2 TiB", 2 * 1024**4)],
)  # fmt: skip
def test_sizes_have_units(text: str, size: int) -> None:
    assert parse_size("key", text) == size


@pytest.mark.parametrize("text", ["", "KiB", "1XB", "1e999999", None, "nan"])
def test_other_sizes_are_refused(text: object) -> None:
    with pytest.raises(JiaoziError, match="key is not a size"):
        parse_size("key", text)
