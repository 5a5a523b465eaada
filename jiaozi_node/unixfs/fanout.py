"""The fanouts a HAMT may have: powers of two from 8 to 1,024, as in Kubo."""

from typing import Final

MIN_FANOUT: Final = 8
MAX_FANOUT: Final = 1024  # boxo's maximumHamtWidth


def is_fanout(value: int) -> bool:
    """Tell whether *value* may be the fanout of a HAMT."""
    return MIN_FANOUT <= value <= MAX_FANOUT and value & (value - 1) == 0
