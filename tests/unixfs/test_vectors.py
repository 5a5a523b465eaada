"""Outside vectors: IPIP-499, and what Kubo 0.43 gave for the same input and options."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms

from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import profile as profiles
from jiaozi_node.unixfs.add import DirectoryBuilder, FileBuilder, add_bytes, symlink
from jiaozi_node.unixfs.profile import Profile
from tests.blocks import Blocks

VECTORS = Path(__file__).parents[2] / "specs" / "vectors" / "unixfs"
IPIP499 = json.loads((VECTORS / "ipip499.json").read_text())
KUBO = json.loads((VECTORS / "kubo-0.43.json").read_text())


def keystream(seed: str) -> CipherContext:
    key = hashlib.sha256(seed.encode()).digest()
    return Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor()


def named(row: dict[str, Any]) -> str:
    return (
        f"{row.get('profile') or row['rule']} {row.get('note', '')} {row.get('size', '')}".strip()
    )


@pytest.mark.parametrize("row", IPIP499["files"], ids=named)
def test_file_of_ipip499(row: dict[str, Any]) -> None:
    """1 GiB takes about a second, fed in pieces that don't divide the chunk, and only hashed."""
    source, zeros = keystream(row["seed"]), bytes(3_000_000)
    builder = FileBuilder(profiles.named(row["profile"]), keep=False)
    left = row["size"]
    while left:
        piece = min(left, len(zeros))
        builder.feed(source.update(zeros[:piece]))
        left -= piece
    _blocks, node = builder.end()
    assert str(node.cid) == row["cid"]
    assert node.file_bytes == row["size"]


@pytest.mark.parametrize("row", IPIP499["text"], ids=named)
def test_text_of_ipip499(row: dict[str, Any]) -> None:
    _blocks, node = add_bytes(row["text"].encode(), profiles.named(row["profile"]))
    assert str(node.cid) == row["cid"]


@pytest.mark.parametrize("row", IPIP499["directories"], ids=named)
def test_directory_of_ipip499(row: dict[str, Any]) -> None:
    profile = profiles.named(row["profile"])
    assert profile.size_estimator == row["size_estimator"]
    source = keystream(row["seed"])
    letters = "abcdefghijklmnopqrstuvwxyz01234567890-_"
    _blocks, file = add_bytes(b"x", profile)
    builder = DirectoryBuilder(profile)
    for at in range(row["files"]):
        last = at == row["files"] - 1
        length = row["last_name_length" if last else "name_length"]
        builder.add("".join([letters[byte % 39] for byte in source.update(bytes(length))]), file)
    blocks, node = builder.end()
    assert str(node.cid) == row["cid"]
    assert (len(blocks) > 1) == (row["note"] == "HAMT")


def recipe(options: dict[str, Any]) -> tuple[Profile, int | None, tuple[int, int] | None]:
    changes = dict(options)
    mode, mtime = changes.pop("mode", None), changes.pop("mtime", None)
    if mode is not None or mtime is not None:
        changes["raw_leaves"] = False
    return (
        replace(profiles.named("kubo"), **changes),
        mode,
        None if mtime is None else (mtime[0], mtime[1]),
    )


@pytest.mark.parametrize("row", KUBO["files"], ids=named)
def test_file_as_kubo_adds_it(row: dict[str, Any]) -> None:
    profile, mode, mtime = recipe(row["options"])
    data = hashlib.shake_256(f"jiaozi-{row['size']}".encode()).digest(row["size"])
    store = Blocks()
    node = store.keep(add_bytes(data, profile, mode, mtime))
    assert str(node.cid) == row["cid"]
    assert add_bytes(data, profile, mode, mtime, keep=False) == ([], node)
    assert store.content(node.cid) == data


@pytest.mark.parametrize("row", KUBO["directories"], ids=named)
def test_directory_as_kubo_adds_it(row: dict[str, Any]) -> None:
    profile, mode, mtime = recipe(row["options"])
    _blocks, file = add_bytes(b"x", profile, mode, mtime)
    builder = DirectoryBuilder(profile, mode, mtime)
    for name in row["names_hex"]:
        builder.add(bytes.fromhex(name).decode("utf-8", "surrogateescape"), file)
    assert str(builder.end()[1].cid) == row["cid"]


@pytest.mark.parametrize("row", KUBO["symlinks"])
def test_symlink_as_kubo_adds_it(row: dict[str, Any]) -> None:
    _blocks, node = symlink(bytes.fromhex(row["target_hex"]), profiles.named("kubo"))
    assert node.cid == Cid.parse(row["cid"])


def test_every_vector_is_read() -> None:
    assert {path.name for path in VECTORS.iterdir()} == {
        "ORIGIN.md",
        "ipip499.json",
        "kubo-0.43.json",
        "chunkers-kubo-0.43.json",  # by test_chunk.py
    }
    assert set(IPIP499) == {"source", "content", "names", "files", "text", "directories"}
    assert set(KUBO) == {"source", "content", "options", "files", "directories", "symlinks"}
