"""Power cuts: an ext4 file system on a loop device loses all that was never synced.

The shutdown ioctl of ext4, with its log not flushed, is a true cut. The writer is stopped 30 ms
before: a sync that is under way during the ioctl may return 0 and still be lost, which is a ghost
of the tool (research/reliability.md §2b). The working copy lies elsewhere and survives, so that its
stat index may know files whose blocks are gone.
"""

import fcntl
import os
import random
import signal
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.faults.conftest import Show
from tests.faults.model import Model
from tests.faults.places import fresh_home
from tests.faults.sizes import SEED, SIZES
from tests.faults.zygote import Zygote

pytestmark = pytest.mark.needs_loop

SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2
IMAGE_BYTES = 224 * 1024 * 1024
AFRESH_EVERY = 25


class Disk:
    """An ext4 image at *at*, mounted where `mount` says; `cut` takes its power away."""

    def __init__(self, at: Path) -> None:
        self.image, self.point = at / "image", at / "disk"
        self.point.mkdir()
        with self.image.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        _run("mkfs.ext4", "-q", "-E", "lazy_itable_init=1,nodiscard", str(self.image))
        self.mounted = False
        self.device = _run("losetup", "--show", "-f", str(self.image)).strip()

    def mount(self) -> None:
        _run("mount", "-t", "ext4", "-o", "noatime", self.device, str(self.point))
        self.mounted = True

    def cut(self) -> None:
        """Take the power away: nothing more reaches the image."""
        fd = os.open(self.point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def unmount(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            done = subprocess.run(
                ["umount", str(self.point)], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                break
            assert time.monotonic() < deadline, done.stderr
            time.sleep(0.01)
        self.mounted = False

    def close(self) -> None:
        if self.mounted:
            self.unmount()
        _run("losetup", "-d", self.device)
        self.image.unlink()


@contextmanager
def disk(at: Path) -> Iterator[Disk]:
    made = Disk(at)
    try:
        made.mount()
        yield made
    finally:
        made.close()


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def test_the_cut_is_a_true_one(place: Path) -> None:
    """What was synced is there afterwards, what was not is gone."""
    with disk(place) as one:
        for name in ("synced", "not"):
            with (one.point / name).open("wb") as file:
                file.write(b"x" * 5000)
                file.flush()
                if name == "synced":
                    os.fsync(file.fileno())
        one.cut()
        one.unmount()
        one.mount()
        assert (one.point / "synced").read_bytes() == b"x" * 5000
        assert not (one.point / "not").exists() or not (one.point / "not").read_bytes()


def test_power_cuts_lose_nothing(place: Path, plain_zygote: Zygote, show: Show) -> None:
    numbers = random.Random(SEED)
    codes: Counter[int] = Counter()
    notes: Counter[str] = Counter()
    cycles = acknowledged = 0
    began = time.monotonic()
    batch = 0
    while cycles < SIZES.cuts:
        batch += 1
        at = place / str(batch)
        at.mkdir()
        with disk(at) as one:
            model = _batch(one, at, plain_zygote, numbers, min(AFRESH_EVERY, SIZES.cuts - cycles),
                           codes)  # fmt: skip
        cycles += min(AFRESH_EVERY, SIZES.cuts - cycles)
        acknowledged += model.acknowledged
        notes.update(model.notes)
    took = time.monotonic() - began
    show(
        f"power cuts: {cycles} in {took:.1f} s, {acknowledged} acts acknowledged and kept; "
        f"fsck clean {codes[0]}, mendable {codes[1]}"
    )
    for note, count in notes.most_common(5):
        show(f"  {count} × {note}")
    assert acknowledged > cycles


def _batch(
    one: Disk, at: Path, zygote: Zygote, numbers: random.Random, cycles: int, codes: "Counter[int]"
) -> Model:
    """Cut the power *cycles* times over one home."""
    home, work, model = fresh_home(at / "home", None, zygote, one.point / "home")
    os.sync()
    for cycle in range(cycles):
        threads = cycle % 3 == 2
        pid = zygote.start(
            "threads" if threads else "loop", home, work, seed=numbers.getrandbits(32),
            serial=model.serial, pinned=sorted(map(str, model.pinned)), kept=cycle % 3 == 1,
        )  # fmt: skip
        said = zygote.wait_said()
        time.sleep(numbers.uniform(0.02, 0.2))
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        time.sleep(0.03)
        one.cut()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        status = zygote.wait()
        assert status == -signal.SIGKILL, (
            f"the child of cycle {cycle} ended by itself: {status}\n"
            + (work.parent / "output.err").read_text()
        )
        model.hear(said + zygote.said())
        one.unmount()
        one.mount()
        codes[model.check(home, work, strangers=3 if threads else 1)] += 1
    return model
