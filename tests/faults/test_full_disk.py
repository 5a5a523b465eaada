"""A full disk: nothing acknowledged is lost, reading goes on, and with room all works again.

A file of somebody else takes the room, on a small file system of the test's own: before an act, or
while it writes.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.local_home import LocalHome
from tests.faults import interposer as ip
from tests.faults.conftest import Show
from tests.faults.interposer import Interposer, bits
from tests.faults.model import Model, checked, file_at
from tests.faults.places import commands, fresh_home
from tests.faults.zygote import Zygote, content

pytestmark = pytest.mark.needs_root

DISK_BYTES = 420 * 1024 * 1024
MIB = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    point = tmp_path / "disk"
    point.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "jiaozi-faults", str(point)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"needs to mount tmpfs: {done.stderr.strip()}")
    yield point
    subprocess.run(["umount", "-l", str(point)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Take all the room but *leave* bytes; return the file that does."""
    taken = disk / "somebody-else"
    fd = os.open(taken, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while True:
            room = os.statvfs(disk)
            free = room.f_bavail * room.f_frsize - leave
            if free <= 0:
                return taken
            with suppress(OSError):  # somebody wrote meanwhile: look again
                os.posix_fallocate(fd, 0, os.fstat(fd).st_size + free)
    finally:
        os.close(fd)


def sound(home: Path, work: Path, model: Model) -> None:
    assert model.check(home, work) in (0, 1)


def test_a_full_disk_and_room_again(
    tmp_path: Path, small_disk: Path, plain_zygote: Zygote, show: Show
) -> None:
    began = time.monotonic()
    home, work, model = fresh_home(tmp_path / "at", None, plain_zygote, small_disk / "home")
    large = tmp_path / "large"
    large.write_bytes(content(1, 80 * MIB))
    said = commands(
        plain_zygote, home, work,
        ["ipfs", "add", "-Q", "--pin=false", str(large)],
    )  # fmt: skip
    large_cid = Cid.parse(said[0]["out"].strip())
    assert (home / "ballast").exists()
    first = sorted(model.pinned)

    # Little room: writing is refused before the disk is full, reading is not.
    taken = fill(small_disk, leave=40 * MIB)
    (work / "more").write_bytes(content(2, 1000))
    status, _said = plain_zygote.run("commands", home, work, commands=[["add", "."]])
    complaint = (work.parent / "output.err").read_text()
    assert status == 4, complaint
    assert "nearly full" in complaint
    commands(plain_zygote, home, work, ["cat", f"HEAD:f{1}"], ["log"], ["ipfs", "pin", "ls"])
    sound(home, work, model)

    # No room at all: collection starts all the same, since the ballast gives way.
    fill(small_disk)
    collected = commands(plain_zygote, home, work, ["gc", "--json"])
    assert int(collected[0]["out"].split('"bytes":')[1].split(",")[0]) > 80 * MIB
    taken.unlink()
    commands(
        plain_zygote, home, work,
        ["add", "."], ["commit", "-m", "with room"], ["ipfs", "pin", "add", str(first[0])],
    )  # fmt: skip
    opened = LocalHome.open(home, 0)
    assert opened.blocks.has([large_cid]) == [False]
    found, report = checked(opened)
    opened.close()
    assert report.exit_code == 0, found
    show(f"full disk: refused, collected, worked again, in {time.monotonic() - began:.1f} s")


@pytest.mark.needs_interposer
@pytest.mark.parametrize(
    ("act", "place", "at", "size"),
    [
        ("import", ip.SEGMENT, 20, 60 * MIB),
        ("add", ip.SEGMENT, 1, 20_000),
        ("add", ip.WAL, 1, 20_000),
        ("import", ip.WAL, 2, 20_000),
        ("add", ip.INDEX, 4, 20_000),
        ("import", ip.MARK, 1, 20_000),
        ("add", ip.NAMES, 1, 20_000),
    ],
)
def test_a_disk_that_fills_while_an_act_writes(
    act: str,
    place: int,
    at: int,
    size: int,
    tmp_path: Path,
    small_disk: Path,
    zygote: Zygote,
    interposer: Interposer,
) -> None:
    home, work, model = fresh_home(tmp_path / "at", interposer, zygote, small_disk / "home")
    where = (tmp_path if act == "import" else work) / "large"
    where.write_bytes(content(1, size))
    interposer.arm(ip.PAUSE, at, ops=bits(ip.WRITE), places=bits(place))
    words = ["ipfs", "add", "-Q", str(where)] if act == "import" else ["add", "."]
    zygote.start("commands", home, work, commands=[words])
    deadline = time.monotonic() + 20
    while interposer.hit is None and time.monotonic() < deadline:
        time.sleep(0.001)
    assert interposer.hit is not None
    taken = fill(small_disk)
    interposer.arm(0, 0)
    status = zygote.wait()
    said = zygote.said()
    complaint = (work.parent / "output.err").read_text()
    assert "Traceback" not in complaint
    failed = (1,) if act == "import" else (4,)
    assert status in (0, *failed), complaint
    if place in (ip.SEGMENT, ip.WAL):
        assert status in failed, "it was acknowledged on a full disk"
    taken.unlink()
    sound(home, work, model)
    again = commands(zygote, home, work, words)
    opened = LocalHome.open(home, 0)
    found, report = checked(opened)
    assert report.exit_code == 0, found
    if act == "import":
        cid = Cid.parse((said if status == 0 else again)[0]["out"].strip())
        assert file_at(opened, cid) == content(1, size)
    opened.close()
