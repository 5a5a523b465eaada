"""How much of everything: ``JIAOZI_FAULTS`` is small (planted faults), ci, or nightly."""

import os
from typing import NamedTuple


class Sizes(NamedTuple):
    """Counts of cycles, flips and processes."""

    kills: int
    cuts: int
    stride: int  # every how many-th call is met in the rarer ways
    flips_segments: int
    flips_index: int
    flips_names: int
    rounds_lock: int
    sequences: int
    daemons: int


_KNOWN = {
    "small": Sizes(20, 6, 9, 60, 6, 12, 10, 60, 20),
    "ci": Sizes(120, 50, 5, 800, 80, 120, 100, 500, 200),
    "nightly": Sizes(1000, 2000, 1, 8000, 800, 1200, 1000, 5000, 2000),
}

NAME = os.environ.get("JIAOZI_FAULTS", "ci")
SIZES = _KNOWN[NAME]
SEED = int(os.environ.get("JIAOZI_FAULTS_SEED", "1"))
