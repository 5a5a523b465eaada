"""kill -9 amid acts of the mutable file system, flushed ones and others, beside collection.

Afterwards the tree is as it was after some act: at the earliest after the last that was
acknowledged as flushed, at the latest after the one under way (``specs/mfs.md`` §2.3).
"""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from jiaozi_node.errors import JiaoziError
from jiaozi_node.node import mfs as mfs_module
from jiaozi_node.node.collecting import collect
from jiaozi_node.node.fsck import fsck
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.mfs import mfs_of
from tests.faults.conftest import Show
from tests.faults.sizes import SEED, SIZES
from tests.node.test_mfs import DO, NOW, Model, applied, tree

CYCLES = max(8, SIZES.kills // 12)
PATHS = [f"/{letter}" for letter in "abc"] + [
    f"/d{n}/{letter}" for n in range(3) for letter in "ab"
]


def acts(seed: int, model: Model) -> Iterator[tuple[Model, tuple[Any, ...], bool]]:
    """Yield acts that *model* allows, what it is after each, and whether each flushes."""
    numbers = random.Random(seed)
    while True:
        path, size = numbers.choice(PATHS), numbers.choice((0, 10, 5000, 3_000_000))
        what: tuple[Any, ...] = numbers.choice(
            (
                ("put", path, numbers.randbytes(min(size, 5000)) * (size // 5000 or 1)),
                ("put", path, b"%d" % numbers.randrange(99)),
                ("mkdir", f"/d{numbers.randrange(3)}"),
                ("remove", path),
                ("move", path, numbers.choice(PATHS)),
            )
        )
        after = applied(model, what)
        if after is None or after == model:
            continue
        model = after
        yield model, what, numbers.random() < 0.6


def child(path: str, seed: int) -> None:
    """Do acts until killed, saying each that is acknowledged."""
    vars(mfs_module)["FOLD_EDITS"] = 15
    home = LocalHome.open(Path(path))

    def collects() -> None:
        while True:
            with suppress(JiaoziError):
                for _ in collect(home, NOW):
                    pass
            time.sleep(0.03)

    threading.Thread(target=collects, daemon=True).start()
    model = tree(home)
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    for _model, (what, *rest), flush in acts(seed, model):
        DO[what](home, *rest, flush=flush)
        sys.stdout.write("flushed\n" if flush else "done\n")
        sys.stdout.flush()


def test_kills_leave_what_was_flushed_and_whole_acts(tmp_path: Path, show: Show) -> None:
    numbers = random.Random(SEED)
    home = tmp_path / "home"
    LocalHome.create(home).close()
    model: Model = {}
    seen: Counter[str] = Counter()
    for _cycle in range(CYCLES):
        seed = numbers.getrandbits(32)
        process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import child; child({str(home)!r}, {seed})"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        heard = [process.stdout.readline()]
        wanted = numbers.randrange(1, 60)
        while heard[-1] and len(heard) <= wanted:
            heard.append(process.stdout.readline())
        time.sleep(numbers.random() / 100)
        process.kill()
        heard += process.stdout.readlines()
        process.communicate()
        assert process.returncode == -9, heard[-1:]
        said = [line.strip() for line in heard[1:] if line.endswith("\n")]
        states = [model]
        for state, _act, _flush in acts(seed, model):
            states.append(state)
            if len(states) == len(said) + 2:
                break
        flushed = max((n + 1 for n, line in enumerate(said) if line == "flushed"), default=0)
        with closing(LocalHome.open(home)) as opened:
            findings = [one for one in fsck(opened, NOW) if one.lost]
            assert not findings
            model = tree(opened)
            for _dropped in collect(opened, NOW):
                pass
            mfs_of(opened).flush()
            assert tree(opened) == model
        assert model in states[flushed:], f"after {len(said)} acts, {flushed} of them flushed"
        seen["acts"] += len(said)
        seen["flushed"] += said.count("flushed")
        seen["lost, unflushed"] += (
            len(states) - 2 - min(len(states) - 2, len(states) - 1 - states[::-1].index(model))
        )
    told = ", ".join(f"{count} {what}" for what, count in seen.items())
    show(f"mfs kills: {CYCLES}, {told}")
    assert seen["flushed"] > CYCLES
