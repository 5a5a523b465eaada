"""A collection that is killed in each of its phases goes on: what was done is not done again.

The child counts the blocks that it reads, looks for, drops and copies, and kills itself at a given
one. What is left in the end is what the names lead to at that moment, and nothing else.
"""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from jiaozi_node.dag.marking import Marking
from jiaozi_node.dag.pin import Pins
from jiaozi_node.dag.roots import read
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import roots
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.stores.segments.pipeline import CHUNK_BYTES
from tests.faults.conftest import Show
from tests.faults.model import NOW, checked, file_at
from tests.faults.places import commands, put_back
from tests.faults.zygote import Said, Zygote, content

FILES, SIZE, STEP = 120, 20_000, 16
KEPT, PINNED, LOOSE = 1000, 2000, 3000  # of each tree, the number of its first file
OTHERS = (4000, 5000)  # garbage, so that the segment is worth rewriting


class Place(NamedTuple):
    """A closed home with two pinned trees and three that nothing keeps."""

    template: Path
    home: Path
    work: Path
    kept: Cid
    pinned: Cid
    loose: Cid


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, plain_zygote: Zygote) -> Place:
    at = tmp_path_factory.mktemp("collections")
    home, work = at / "home", at / "work"
    work.mkdir()
    for first in (KEPT, PINNED, LOOSE, *OTHERS):
        tree = at / str(first)
        tree.mkdir()
        for number in range(FILES):
            (tree / f"f{number}").write_bytes(content(first + number, SIZE))
    commands(plain_zygote, home, work, ["ipfs", "init"])
    cids = []
    for first in (OTHERS[0], KEPT, LOOSE, PINNED, OTHERS[1]):
        pin = "--pin=true" if first in (KEPT, PINNED) else "--pin=false"
        [said] = commands(
            plain_zygote, home, work, ["ipfs", "add", "-r", "-Q", pin, str(at / str(first))]
        )
        cids.append(Cid.parse(said["out"].strip()))
    shutil.copytree(home, at / "template")
    return Place(at / "template", home, work, cids[1], cids[3], cids[2])


def run(at: Place, zygote: Zygote, **die: int) -> Said:
    """Collect; return the counts."""
    options = {name.replace("_", " "): number for name, number in die.items()}
    status, said = zygote.run("collect", at.home, at.work, die=options, step=STEP, now=NOW)
    assert status == (-9 if die else 0), (at.work.parent / "output.err").read_text()
    return said[-1]


def only(at: Place, *trees: tuple[Cid, int]) -> None:
    """Hold the home to exactly what its names lead to, *trees* among it."""
    home = LocalHome.open(at.home, 0)
    try:
        marking = Marking(home.blocks)
        marking.mark(list(read(home.names, roots.readers(NOW))))
        here = list(home.blocks.multihashes())
        assert all(one in marking.kept for one in here)
        assert len(here) == len(marking.kept)
        for cid, first in trees:
            for number in range(0, FILES, 17):
                assert file_at(home, cid, f"f{number}") == content(first + number, SIZE)
        found, report = checked(home)
        assert report.exit_code == 0, found
        assert home.names.get(roots.PROGRESS, b"run") is None
        assert not (at.home / "cache" / "marked").exists()
    finally:
        home.close()


@pytest.fixture(scope="module")
def whole(prepared: Place, plain_zygote: Zygote) -> Said:
    """The counts of a run that nothing cuts short."""
    put_back(prepared.template, prepared.home)
    said = run(prepared, plain_zygote)
    only(prepared, (prepared.kept, KEPT), (prepared.pinned, PINNED))
    assert said["read"] > 2 * FILES
    assert said["dropped"] >= 2 * FILES
    assert said["copied"] >= 2 * FILES
    return said


@pytest.mark.parametrize(
    ("kind", "share"),
    [
        ("read", 0.1),
        ("read", 0.5),
        ("read", 0.95),
        ("dropped", 0.2),
        ("dropped", 0.9),
        ("copied", 0.5),
        ("copied", 0.95),
    ],
)
def test_a_killed_collection_goes_on(
    kind: str, share: float, prepared: Place, whole: Said, plain_zygote: Zygote, show: Show
) -> None:
    put_back(prepared.template, prepared.home)
    cut = run(prepared, plain_zygote, **{kind: int(whole[kind] * share)})
    rest = run(prepared, plain_zygote)
    only(prepared, (prepared.kept, KEPT), (prepared.pinned, PINNED))
    # What was read since the last note is read again, and no more.
    assert cut["read"] + rest["read"] <= whole["read"] + STEP + 1
    assert cut["dropped"] + rest["dropped"] == whole["dropped"]
    if kind != "read":
        assert rest["read"] == 0
        assert rest["resumed"] > 2 * FILES
    if kind == "copied":
        assert rest["dropped"] == 0
        assert cut["copied"] + rest["copied"] <= whole["copied"] + 2 * CHUNK_BYTES // SIZE
    show(
        f"collection killed at {kind} {cut[kind]} of {whole[kind]}: before and after, "
        f"read {cut['read']} + {rest['read']}, dropped {cut['dropped']} + {rest['dropped']}, "
        f"copied {cut['copied']} + {rest['copied']}"
    )


@pytest.mark.parametrize(("kind", "share"), [("read", 0.7), ("dropped", 0.1), ("copied", 0.5)])
def test_roots_that_moved_after_the_kill_are_heeded(
    kind: str, share: float, prepared: Place, whole: Said, plain_zygote: Zygote
) -> None:
    put_back(prepared.template, prepared.home)
    run(prepared, plain_zygote, **{kind: int(whole[kind] * share)})
    home = LocalHome.open(prepared.home, 0)
    Pins(home.names).rm(prepared.pinned)
    home.close()
    [said] = commands(
        plain_zygote, prepared.home, prepared.work,
        ["ipfs", "add", "-r", "-Q", str(prepared.work.parent / str(LOOSE))],
    )  # fmt: skip
    assert Cid.parse(said["out"].strip()) == prepared.loose
    run(prepared, plain_zygote)
    only(prepared, (prepared.kept, KEPT), (prepared.loose, LOOSE))
    home = LocalHome.open(prepared.home, 0)
    assert home.blocks.has([prepared.pinned]) == [False]
    home.close()
