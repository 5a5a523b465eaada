"""ZIP archives are what the `zipfile` module and `unzip` read; sizes beyond 32 bits are ZIP64."""

import hashlib
import io
import os
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from jiaozi_node.dag.walk import stream
from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.profile import Profile, named
from jiaozi_node.worktree import tar
from jiaozi_node.worktree import zip as z
from jiaozi_node.worktree.archive_entries import BadPrefix, prefix
from jiaozi_node.worktree.names import UnsafeName
from tests.worktree.test_tar import KUBO, SMALL, imported

NOW = 1_234_567_891  # odd: DOS has even seconds only


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path / "t"
    (top / "sub" / "e").mkdir(parents=True)
    (top / "a").write_bytes(b"hi\n")
    (top / "big").write_bytes(bytes(range(256)) * 6)
    (top / "l").symlink_to("a")
    (top / "\u00e9").write_bytes(b"")
    # unzip takes such a name, but none of one byte alone.
    Path(os.fsdecode(os.fsencode(top) + b"/caf\xe9")).write_bytes(b"odd")
    return top


def made(root: Cid, kept: dict[Cid, Block], above: str = "", comment: str | None = None) -> bytes:
    return b"".join(stream(z.version(root, prefix(above), NOW, comment), kept.__getitem__))


def check(data: bytes, top: Path, above: str = "") -> None:
    """Compare an archive with the directory it was made from."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        found = {}
        for info in archive.infolist():
            raw = info.filename.encode("utf-8" if info.flag_bits & 1 << 11 else "cp437")
            assert raw.startswith(above.encode())
            found[raw.removeprefix(above.encode())] = info
        for path in top.rglob("*"):
            name = os.fsencode(path.relative_to(top))
            mode = path.lstat().st_mode
            info = found.pop(name + b"/" if path.is_dir() and not path.is_symlink() else name)
            assert stat.S_IFMT(info.external_attr >> 16) == stat.S_IFMT(mode)
            if path.is_symlink():
                assert archive.read(info) == os.fsencode(os.readlink(path))
            elif path.is_file():
                assert archive.read(info) == path.read_bytes()
            assert info.date_time == (2009, 2, 13, 23, 31, 30)
        assert set(found) <= {b""}


@pytest.mark.parametrize("profile", [KUBO, SMALL], ids=lambda profile: profile.name)
@pytest.mark.parametrize("twice", [False, True])
def test_a_tree_is_read_back_by_another_program(
    top: Path, tmp_path: Path, profile: Profile, twice: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if twice:
        monkeypatch.setattr(z, "_ONCE_BYTES", 100)
    data = made(*imported(top, profile), comment="what it is")
    check(data, top)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.comment == b"what it is"
        names = [info.orig_filename for info in archive.infolist()]
    assert [name for name in names if not name.startswith("caf")] == [
        "a",
        "big",
        "l",
        "sub/",
        "sub/e/",
        "\u00e9",
    ]
    unzip = shutil.which("unzip")
    if unzip is None:
        return
    (tmp_path / "x.zip").write_bytes(data)
    out = tmp_path / "out"
    environ = {**os.environ, "LC_ALL": "C.UTF-8"}  # else unzip can't write what isn't ASCII
    words = [unzip, "-q", "x.zip", "-d", "out"]
    subprocess.run(words, cwd=tmp_path, env=environ, check=True)
    assert sorted(os.listdir(os.fsencode(out))) == sorted(os.listdir(os.fsencode(top)))
    assert (out / "l").is_symlink()
    assert (out / "big").read_bytes() == (top / "big").read_bytes()
    assert (out / "a").stat().st_mtime == NOW  # to the second, from the extra field


def test_directories_may_stand_before_every_path(top: Path) -> None:
    data = made(*imported(top, KUBO), above="v1/x")
    whole = made(*imported(top, KUBO), above="v1")
    check(whole, top, above="v1/")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [info.orig_filename for info in archive.infolist()]
    assert names[:3] == ["v1/", "v1/x/", "v1/x/a"]


def test_numbers_beyond_their_fields_are_zip64(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, kept = imported(top, KUBO)
    plain = made(root, kept)
    monkeypatch.setattr(z, "_WIDE", 600)
    monkeypatch.setattr(z, "_MANY", 3)
    wide = made(root, kept)
    check(wide, top)
    assert wide != plain
    assert b"PK\6\6" in wide
    with zipfile.ZipFile(io.BytesIO(wide)) as archive:
        assert archive.getinfo("big").file_size == 1536
        assert archive.getinfo("big").extract_version == 45
        assert archive.getinfo("a").extract_version == 20


def test_recorded_modes_and_times_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "t" / "f"
    file.parent.mkdir()
    file.write_bytes(b"x")
    os.chmod(file, 0o750)
    os.utime(file, (1_000_000_000, 1_000_000_000))
    data = made(*imported(file.parent, named("kubo+mode+mtime")))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = archive.getinfo("f")
    assert info.external_attr >> 16 == stat.S_IFREG | 0o750
    assert info.date_time == (2001, 9, 9, 1, 46, 40)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, (1980, 1, 1, 0, 0, 0)), (1 << 40, (2107, 12, 31, 23, 59, 58))],
)
def test_times_that_dos_can_not_hold_are_the_nearest(
    top: Path, seconds: int, shown: tuple[int, ...]
) -> None:
    root, kept = imported(top, KUBO)
    data = b"".join(stream(z.version(root, (), seconds), kept.__getitem__))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {info.date_time for info in archive.infolist()} == {shown}


def test_paths_are_limited(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(z, "MAX_PATH_BYTES", 5)
    root, kept = imported(top, KUBO)
    with pytest.raises(LimitExceeded, match="6 bytes, over the limit of 5"):
        made(root, kept)


def test_a_prefix_stays_inside() -> None:
    assert prefix("a//b/./c/") == ("a", "b", "c")
    assert prefix("") == ()
    with pytest.raises(BadPrefix, match="root of the file system"):
        prefix("/a")
    with pytest.raises(UnsafeName):
        prefix("a/../b")
    with pytest.raises(LimitExceeded):
        prefix("a/" * 257)


def test_the_bytes_never_change(top: Path) -> None:
    """Who cites an archive by its hash relies on it (specs/archive.md §1)."""
    root, kept = imported(top, named("unixfs-v1-2025"))
    for write, digest in (
        (z.version, "b67d31f185ee0d86048c4bc65dca224ca611f6487a8c4aebb64086db0dd5a13e"),
        (tar.version, "c8907c34e34ae2421e5e69144be2f07f7f3aea7cdb9cbfe220a3d7eb2f88f491"),
    ):
        data = b"".join(stream(write(root, ("v1",), NOW, "what it is"), kept.__getitem__))
        assert hashlib.sha256(data).hexdigest() == digest
