"""Homes for the tests: one made by the real command line, and copies of it."""

import shutil
from pathlib import Path

from jiaozi_node.formats.cid import Cid
from tests.faults.interposer import Interposer
from tests.faults.model import Model
from tests.faults.zygote import Said, Zygote, content


def commands(zygote: Zygote, home: Path, work: Path, *lines: list[str]) -> list[Said]:
    """Run command lines that must all succeed; return what each said."""
    status, said = zygote.run("commands", home, work, commands=list(lines))
    assert status == 0, (said, (work.parent / "output.err").read_text())
    return said


def fresh_home(
    at: Path, interposer: Interposer | None, zygote: Zygote, home: Path | None = None
) -> tuple[Path, Path, Model]:
    """Make a home and a working copy with a commit, a pin and some garbage below *at*.

    Returns both and the model of them; *home* is where the home goes instead.
    """
    at.mkdir(parents=True)
    home, work = home or at / "home", at / "work"
    work.mkdir()
    if interposer is not None:
        interposer.watch(home)
    for number in range(5):
        (work / f"f{number}").write_bytes(content(number, 2000))
    aside = at / "aside"
    aside.write_bytes(content(5, 100_000))
    (at / "garbage").write_bytes(content(6, 30_000))
    said = commands(
        zygote, home, work,
        ["init", "."],
        ["add", "."],
        ["commit", "--json", "-m", "first"],
        ["ipfs", "add", "-Q", str(aside)],
        ["ipfs", "add", "-Q", "--pin=false", str(at / "garbage")],
        ["ipfs", "pin", "ls", "-q", "--type=recursive"],
    )  # fmt: skip
    model = Model(serial=100)
    model.head = Cid.parse(said[2]["out"].split('"commit":"')[1].split('"')[0])
    model.pinned = {Cid.parse(line) for line in said[5]["out"].split()}
    return home, work, model


def put_back(template: Path, to: Path) -> None:
    """Make *to* a copy of *template*."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(template, to, symlinks=True)
