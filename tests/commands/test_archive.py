"""``jiaozi archive``: what comes out is what git, tar and other nodes take, the same each time."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from jiaozi_node.formats import car
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.local_home import LocalHome
from tests.commands.conftest import Run


@pytest.fixture
def repo(jiaozi: Run, place: Path) -> Path:
    jiaozi("init", "--profile", "unixfs-v1-2025+mode")
    (place / "data.csv").write_text("a,b\n1,2\n")
    (place / "sub").mkdir()
    (place / "sub" / "run.sh").write_text("true\n")
    (place / "sub" / "run.sh").chmod(0o755)
    (place / "sub" / ("long" * 50)).write_text("long\n")
    (place / "link").symlink_to("sub/run.sh")
    Path(os.fsdecode(os.fsencode(place) + b"/caf\xe9")).write_bytes(b"odd")
    jiaozi("add", ".")
    jiaozi("commit", "-m", "first", "--author", "A")
    return place


def cid(jiaozi: Run, what: str) -> str:
    value: str = json.loads(jiaozi("log", "-n", "1", "--json").out)[what]
    return value


def unpacked(data: bytes, into: Path) -> dict[bytes, tuple[bool, bool, bytes]]:
    into.mkdir()
    subprocess.run(["tar", "xf", "-"], cwd=into, input=data, check=True)
    found = {}
    for here, _, files in os.walk(os.fsencode(into)):
        for name in files:
            path = os.path.join(here, name)
            if os.path.islink(path):
                shown = (True, False, os.readlink(path))
            else:
                executable = bool(os.stat(path).st_mode & 0o100)
                shown = (False, executable, Path(os.fsdecode(path)).read_bytes())
            found[os.path.relpath(path, os.fsencode(into))] = shown
    return found


def test_it_unpacks_to_what_git_archive_does(jiaozi: Run, repo: Path, tmp_path: Path) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "core.excludesFile="]
    for words in (["init", "-q"], ["add", "data.csv", "sub", "link", b"caf\xe9"]):
        subprocess.run(["git", *identity, *words], cwd=repo, check=True)
    subprocess.run(["git", *identity, "commit", "-q", "-m", "x"], cwd=repo, check=True)
    theirs = subprocess.run(["git", "archive", "HEAD"], cwd=repo, check=True, capture_output=True)
    ours = unpacked(jiaozi("archive", "HEAD").raw, tmp_path / "ours")
    assert ours == unpacked(theirs.stdout, tmp_path / "theirs")
    assert len(ours) == 5


def test_the_same_version_has_the_same_bytes_anywhere(
    jiaozi: Run, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = cid(jiaozi, "commit")
    made = {form: jiaozi("archive", "HEAD", "--format", form).raw for form in ("tar", "zip", "car")}
    jiaozi("archive", "HEAD", "--format", "car", "--history", "-o", tmp_path / "all.car")
    (repo / "data.csv").write_text("later\n")
    jiaozi("commit", "-a", "-m", "second", "--author", "A")
    monkeypatch.setenv("JIAOZI_PATH", str(tmp_path / "elsewhere"))
    jiaozi("ipfs", "init")
    jiaozi("ipfs", "dag", "import", tmp_path / "all.car")
    for form, data in made.items():
        assert jiaozi("archive", commit, "--format", form).raw == data


def test_a_file_gets_all_or_nothing(jiaozi: Run, repo: Path, tmp_path: Path) -> None:
    out = tmp_path / "v1.zip"
    ran = jiaozi("archive", "HEAD", "-o", out)
    assert ran.out == f"wrote {out}, {out.stat().st_size} bytes\n"
    assert out.read_bytes() == jiaozi("archive", "HEAD", "--format", "zip").raw
    told = json.loads(jiaozi("archive", "HEAD", "-o", out, "--json").out)
    assert told == {"path": str(out), "bytes": out.stat().st_size}
    before = out.read_bytes()
    leaf = json.loads(jiaozi("stat", "HEAD:sub/run.sh", "--json").out)["cid"]
    home = LocalHome.open(repo.parent / "home")
    home.blocks.drop([Cid.parse(leaf)])
    home.close()
    assert leaf in jiaozi("archive", "HEAD", "-o", out, code=3).err
    assert out.read_bytes() == before
    assert set(os.listdir(tmp_path)) == {"home", "work", "v1.zip"}
    assert jiaozi("archive", "HEAD:data.csv", "-o", os.devnull).code == 0
    assert not Path(os.devnull).is_file()


def test_a_link_to_a_file_is_followed_and_its_mode_kept(
    jiaozi: Run, repo: Path, tmp_path: Path
) -> None:
    assert repo.exists()
    real, link = tmp_path / "real.tar", tmp_path / "link.tar"
    real.write_bytes(b"old")
    real.chmod(0o600)
    link.symlink_to("real.tar")
    jiaozi("archive", "HEAD", "-o", link)
    assert link.is_symlink()
    assert tarfile.is_tarfile(real)
    assert real.stat().st_mode & 0o777 == 0o600


def test_directories_and_files_of_a_version(jiaozi: Run, repo: Path, tmp_path: Path) -> None:
    assert repo.exists()
    assert set(unpacked(jiaozi("archive", "HEAD:data.csv").raw, tmp_path / "a")) == {b"data.csv"}
    found = unpacked(jiaozi("archive", "HEAD:sub", "--prefix", "v1/").raw, tmp_path / "b")
    assert set(found) == {b"v1/run.sh", b"v1/" + b"long" * 50}
    tree = cid(jiaozi, "tree")
    assert set(unpacked(jiaozi("archive", tree).raw, tmp_path / "c")) > {b"data.csv", b"link"}
    times = json.loads(jiaozi("log", "--json").out)["time"]
    (tmp_path / "t.tar").write_bytes(jiaozi("archive", "HEAD").raw)
    with tarfile.open(tmp_path / "t.tar") as archive:
        assert {member.mtime for member in archive} == {times}
        assert archive.pax_headers["comment"] == cid(jiaozi, "commit")


def test_a_car_is_whole(jiaozi: Run, repo: Path, tmp_path: Path) -> None:
    assert repo.exists()
    jiaozi("archive", "HEAD", "-o", tmp_path / "t.car")
    jiaozi("archive", "HEAD", "-o", tmp_path / "h.car", "--history")
    for name, root in (("t.car", "tree"), ("h.car", "commit")):
        with (tmp_path / name).open("rb") as file:
            reader = car.read(file)
            assert [str(one) for one in reader.roots] == [cid(jiaozi, root)]
            assert len(list(reader)) >= 6
    exported = jiaozi("ipfs", "dag", "export", cid(jiaozi, "commit")).raw
    assert (tmp_path / "h.car").read_bytes() == exported
    jiaozi("archive", "HEAD", "--history", "-o", tmp_path / "h.carv2")
    second = (tmp_path / "h.carv2").read_bytes()
    assert second[51 : 51 + len(exported)] == exported
    told = jiaozi("ipfs", "dag", "import", "--stats", tmp_path / "h.carv2").out
    assert f"Pinned root\t{cid(jiaozi, 'commit')}\tsuccess" in told


def test_what_can_not_be_meant_is_refused(
    jiaozi: Run, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert repo.exists()
    assert (
        "there are tar, zip, car, carv2" in jiaozi("archive", "HEAD", "--format", "rar", code=2).err
    )
    assert "unsafe name" in jiaozi("archive", "HEAD", "--prefix", "a/../b", code=2).err
    assert "--history goes" in jiaozi("archive", "HEAD", "--history", code=2).err
    words = ("archive", "HEAD", "--format", "car")
    assert "--prefix" in jiaozi(*words, "--prefix", "x", code=2).err
    assert "takes a revision" in jiaozi("archive", "HEAD:sub", *words[2:], "--history", code=2).err
    assert "unknown revision" in jiaozi("archive", "none", code=3).err
    missing = tmp_path / "none" / "x.tar"
    assert f"{missing}: no such file" in jiaozi("archive", "HEAD", "-o", missing, code=4).err
    (tmp_path / "dir").mkdir()
    taken = jiaozi("archive", "HEAD", "-o", tmp_path / "dir", code=4).err
    assert f"{tmp_path / 'dir'}: is a directory" in taken
    assert set(os.listdir(tmp_path)) == {"home", "work", "dir"}
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "no text for a terminal" in jiaozi("archive", "HEAD", code=2).err
    assert jiaozi("archive", "HEAD", "-o", tmp_path / "x.tar").code == 0
