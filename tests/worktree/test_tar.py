"""Archives have the layout of `ipfs get -a`: one root, parents first, Kubo's modes."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from jiaozi_node.dag.walk import stream
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.add import add_bytes, symlink
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.profile import PROFILES, Profile, named
from jiaozi_node.worktree.import_tree import import_tree
from jiaozi_node.worktree.names import MAX_DEPTH, UnsafeName
from jiaozi_node.worktree.tar import archive, compressed

KUBO = PROFILES["kubo"]
SMALL = Profile("small", chunk_size=100, file_width=3, inline_limit=20)
NOW = 1_234_567_890


def imported(path: Path, profile: Profile) -> tuple[Cid, dict[Cid, Block]]:
    kept: dict[Cid, Block] = {}
    *_, last = import_tree(
        path, profile, lambda blocks: kept.update((block.cid, block) for block in blocks)
    )
    return last.node.cid, kept


def opened(data: bytes) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape")


@pytest.mark.parametrize("profile", [KUBO, SMALL], ids=lambda profile: profile.name)
def test_a_tree_is_archived_as_kubo_does(tmp_path: Path, profile: Profile) -> None:
    top = tmp_path / "t"
    (top / "sub" / "e").mkdir(parents=True)
    (top / "a").write_bytes(b"hi\n")
    (top / "big").write_bytes(bytes(range(256)) * 6)
    (top / "l").symlink_to("a")
    (top / ("n" * 200)).write_bytes(b"")
    Path(os.fsdecode(os.fsencode(top) + b"/\xff")).write_bytes(b"odd")
    root, kept = imported(top, profile)
    data = b"".join(stream(archive(root, "R", NOW), kept.__getitem__))
    assert len(data) % 512 == 0
    with opened(data) as tar:
        members = tar.getmembers()
        assert [(item.name, item.type, item.mode) for item in members] == [
            ("R", tarfile.DIRTYPE, 0o755),
            ("R/a", tarfile.REGTYPE, 0o644),
            ("R/big", tarfile.REGTYPE, 0o644),
            ("R/l", tarfile.SYMTYPE, 0o777),
            ("R/" + "n" * 200, tarfile.REGTYPE, 0o644),
            ("R/sub", tarfile.DIRTYPE, 0o755),
            ("R/sub/e", tarfile.DIRTYPE, 0o755),
            ("R/\udcff", tarfile.REGTYPE, 0o644),
        ]
        assert {(item.uid, item.gid, item.mtime) for item in members} == {(0, 0, NOW)}
        assert members[3].linkname == "a"
        for member, path in ((members[1], "a"), (members[2], "big")):
            file = tar.extractfile(member)
            assert file is not None
            assert file.read() == (top / path).read_bytes()


def test_recorded_modes_and_times_are_kept(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    os.chmod(tmp_path / "f", 0o4711)
    for nanos, second in ((499_999_999, -3), (500_000_000, -2)):
        os.utime(tmp_path / "f", ns=(0, -3 * 10**9 + nanos))
        root, kept = imported(tmp_path / "f", named("kubo+mode+mtime"))
        for exact in (False, True):
            walk = archive(root, "f", NOW, exact=exact)
            with opened(b"".join(stream(walk, kept.__getitem__))) as tar:
                (member,) = tar.getmembers()
                assert member.mode == 0o4711
                expect = -3 + nanos / 10**9 if exact else second
                assert member.mtime == pytest.approx(expect, abs=1e-9)


def test_gzip_holds_the_same_bytes() -> None:
    pieces = [b"a" * 1000, b"", b"b" * 100_000]
    for level in (-1, 1, 9):
        assert gzip.decompress(b"".join(compressed(pieces, level))) == b"".join(pieces)


@pytest.mark.parametrize("name", ["..", ".", "a\0b", "x" * 256])
def test_hostile_names_never_get_into_an_archive(name: str) -> None:
    blocks, node = add_bytes(b"x", KUBO)
    builder = DirectoryBuilder(KUBO)
    builder.add(name, node)
    more, root = builder.end()
    kept = {block.cid: block for block in blocks + more}
    with pytest.raises(UnsafeName):
        list(stream(archive(root.cid, "R", NOW), kept.__getitem__))
    with pytest.raises(UnsafeName):
        list(stream(archive(node.cid, "../R", NOW), kept.__getitem__))


def test_hostile_links_never_get_into_an_archive() -> None:
    blocks, node = symlink(b"a\0b", KUBO)
    kept = {block.cid: block for block in blocks}
    with pytest.raises(UnsafeName, match="target"):
        list(stream(archive(node.cid, "R", NOW), kept.__getitem__))


def test_the_depth_of_an_archive_is_limited() -> None:
    kept: dict[Cid, Block] = {}
    blocks, node = DirectoryBuilder(KUBO).end()
    for _ in range(MAX_DEPTH + 1):
        kept.update((block.cid, block) for block in blocks)
        builder = DirectoryBuilder(KUBO)
        builder.add("d", node)
        blocks, node = builder.end()
    kept.update((block.cid, block) for block in blocks)
    with pytest.raises(LimitExceeded, match="depth"):
        list(stream(archive(node.cid, "R", NOW), kept.__getitem__))
