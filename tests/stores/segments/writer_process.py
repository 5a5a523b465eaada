"""Run as a process of its own: writes acts to a store and tells each that was acknowledged.

``writer_process.py HOME SEED ACTS [STEP]``: with STEP it kills itself before that step on the disk.
"""

import os
import random
import signal
import sys
from functools import cache

from jiaozi_node.formats.block import Block
from jiaozi_node.stores.api import Family
from jiaozi_node.stores.segments import checkpoint, disk, pipeline
from jiaozi_node.stores.segments.store import SegmentStore


@cache
def act_blocks(seed: int, number: int) -> tuple[Family, list[Block]]:
    """Return what the act *number* puts: new blocks, and some that earlier acts put."""
    chance = random.Random(seed * 1000 + number)
    family = Family(chance.randrange(2))
    count = chance.choice((1, 3, 40, 200))
    size = chance.choice((40, 400, 4000))
    blocks = [Block.of((b"%d %d %d " % (seed, number, one)) * (size // 8)) for one in range(count)]
    if number:
        blocks += act_blocks(seed, chance.randrange(number))[1][::3] if number < 40 else []
    return family, blocks


def dropped(seed: int, number: int) -> list[Block]:
    """Return what is dropped after the act *number*: nothing, or a few of its own blocks."""
    return act_blocks(seed, number)[1][:1] if number % 5 == 4 else []


def main(home: str, seed: int, acts: int, step: int) -> None:
    checkpoint.EVERY_BYTES = 200_000
    pipeline.CHUNK_BYTES = 50_000
    pipeline.BATCH_ROWS = 100
    seen = 0

    def hook(name: str) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            os.write(1, f"killed {name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    disk.hook = hook
    store = SegmentStore(home, create=True, segment_bytes=300_000, ballast_bytes=0)
    os.write(1, b"open\n")
    for number in range(acts):
        family, blocks = act_blocks(seed, number)
        with store.writer(family) as writer:
            writer.put(blocks)
        os.write(1, b"act %d\n" % number)
        gone = dropped(seed, number)
        if gone:
            os.write(1, b"dropping %d\n" % number)
            store.drop([block.cid for block in gone])
        if number % 7 == 6:
            store.reclaim()
    store.close()
    os.write(1, b"steps %d\n" % seen)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int((sys.argv[4:] or ["0"])[0]))
