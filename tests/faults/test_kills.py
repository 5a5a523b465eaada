"""kill -9 during add, commit, import, pin, unpin and gc of the real command line.

A third of the kills come at random moments, the others at a random call of a chosen kind, some of
them with half of a write done. After some of them the index or its mark is lost too, and whoever
opens the home next is killed in turn, amid its recovery. Afterwards whatever was acknowledged is
there, and the home sound.
"""

import os
import random
import shutil
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults import interposer as ip
from tests.faults.conftest import Show
from tests.faults.interposer import Interposer, bits, phase_of
from tests.faults.model import Model
from tests.faults.places import fresh_home
from tests.faults.sizes import SEED, SIZES
from tests.faults.zygote import Zygote

pytestmark = pytest.mark.needs_interposer

AFRESH_EVERY = 25
PHASES = ("segment write", "fdatasync", "index", "names")
KINDS = (  # operations, places, and among how many such calls one is picked
    (bits(ip.WRITE, ip.CREATE), bits(ip.SEGMENT), 8),
    (bits(ip.SYNC), bits(ip.SEGMENT), 8),
    (ip.ALL, bits(ip.INDEX, ip.TABLE), 60),
    (ip.ALL, bits(ip.MARK), 20),
    (bits(ip.WRITE, ip.SYNC), bits(ip.WAL), 40),
    (ip.ALL, bits(ip.NAMES), 25),
    (ip.ALL, bits(ip.DROPS), 2),
    (ip.ALL, ip.ALL, 300),
)
OPENERS = (["fsck"], ["fsck", "--repair"], ["gc"], ["status"], ["ipfs", "repo", "stat"])
DERIVED = ("index", "index.mark", "index.clean")


def recovery_killed(
    numbers: random.Random, home: Path, work: Path, zygote: Zygote, interposer: Interposer
) -> bool:
    """Have a command open what a kill left, and kill it too; tell whether it came to that."""
    if numbers.random() < 0.3:
        lost = home / numbers.choice(DERIVED)
        if lost.is_dir():
            shutil.rmtree(lost)
        else:
            lost.unlink(missing_ok=True)
    ops, places, among = numbers.choice(KINDS)
    mode = numbers.choice((ip.KILL, ip.TEAR))
    interposer.arm(mode, numbers.randrange(1, among + 1), ops=ops, places=places)
    words = numbers.choice(OPENERS)
    status, said = zygote.run("commands", home, work, commands=[words])
    assert status in (0, 1, -signal.SIGKILL), (words, said)
    assert status != 1 or words[0] == "fsck", (words, said)
    return status == -signal.SIGKILL


def test_kills_lose_nothing(
    place: Path, zygote: Zygote, interposer: Interposer, show: Show
) -> None:
    numbers = random.Random(SEED)
    phases: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    acts: Counter[str] = Counter()
    early = acknowledged = injections = again = 0
    notes: list[str] = []
    home = work = place
    model = Model()
    began = time.monotonic()
    for cycle in range(SIZES.kills):
        if cycle % AFRESH_EVERY == 0:
            home, work, model = fresh_home(place / str(cycle), interposer, zygote)
        injected = cycle % 3 != 0
        if injected:
            ops, places, among = KINDS[injections % len(KINDS)]
            injections += 1
            mode = numbers.choice((ip.KILL, ip.TEAR))
            interposer.arm(mode, numbers.randrange(1, among + 1), ops=ops, places=places)
        else:
            interposer.arm(0, 0)
        pid = zygote.start(
            "loop", home, work, seed=numbers.getrandbits(32), serial=model.serial,
            pinned=sorted(map(str, model.pinned)), kept=cycle % 2 == 1,
        )  # fmt: skip
        said = zygote.wait_said()
        # A call of the picked kind may never come: of drops there are few.
        deadline = time.monotonic() + (0.5 if injected else numbers.uniform(0.005, 0.12))
        while interposer.hit is None and time.monotonic() < deadline:
            time.sleep(0.002)
        call = interposer.hit
        if call is None:
            # Stopped first, so that what is under way is read as it stands.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                call = interposer.hit or interposer.under_way
                os.kill(pid, signal.SIGKILL)
        status = zygote.wait()
        assert status == -signal.SIGKILL, (
            f"the child of cycle {cycle} ended by itself: {status}\n"
            + (work.parent / "output.err").read_text()
        )
        early += status == -signal.SIGKILL
        phases[phase_of(call)] += 1
        model.hear(said + zygote.said())
        acts[model.under_way or "between acts"] += 1
        while numbers.random() < 0.4:
            again += recovery_killed(numbers, home, work, zygote, interposer)
        interposer.arm(0, 0)
        codes[model.check(home, work)] += 1
        if (cycle + 1) % AFRESH_EVERY == 0 or cycle + 1 == SIZES.kills:
            acknowledged += model.acknowledged
            notes += model.notes
    took = time.monotonic() - began
    show(
        f"kills: {SIZES.kills} in {took:.1f} s, {early} before exit, {acknowledged} acts "
        f"acknowledged and kept; phases: {ip.counted(phases)}; acts: {ip.counted(acts)}; "
        f"killed in recovery {again}; fsck clean {codes[0]}, mendable {codes[1]}"
    )
    for note, count in Counter(notes).most_common(5):
        show(f"  {count} × {note}")
    assert early >= 0.8 * SIZES.kills
    assert acknowledged > SIZES.kills
    if SIZES.kills >= 100:
        for phase in PHASES:
            assert phases[phase] >= SIZES.kills // 20, f"hardly a kill hit: {phase}"
        assert again >= SIZES.kills // 20
