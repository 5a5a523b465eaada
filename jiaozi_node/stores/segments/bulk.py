"""Many small blocks read at once: neighbours in a segment with one read.

Blocks that came together lie together, each behind 38 bytes or so of frame. Whatever is out of the
usual is left to the reading of one block, which puts right what can be, or says what is wrong.
"""

import os
from collections.abc import Callable, Sequence
from typing import Final

from jiaozi_node.stores.segments.index import BAD, Row

GROUP: Final = 256  # blocks looked up together
GROUP_BYTES: Final = 4 * 1024 * 1024  # of a group, beyond which its blocks are read one by one
_RUN_BYTES = 1024 * 1024
_GAP_BYTES = 512  # between neighbours: cheaper to read than to begin anew


def read(rows: Sequence[Row | None], fd: Callable[[int], int | None]) -> list[bytes | None]:
    """Return the bytes at *rows*, unverified; None for those to be read otherwise.

    *fd* gives a descriptor of a segment by its number.
    """
    found: list[bytes | None] = [None] * len(rows)
    wanted = [
        (row.segment, row.offset, row.length, at)
        for at, row in enumerate(rows)
        if row is not None and not row.flags & BAD
    ]
    if sum(row[2] for row in wanted) > GROUP_BYTES:
        return found
    wanted.sort()
    begin = 0
    while begin < len(wanted):
        segment, start, length, _at = wanted[begin]
        end, stop = begin + 1, start + length
        while end < len(wanted):
            other, offset, length, _at = wanted[end]
            if other != segment or offset - stop > _GAP_BYTES or offset - start > _RUN_BYTES:
                break
            stop = max(stop, offset + length)
            end += 1
        file = fd(segment)
        if file is not None:
            data = os.pread(file, stop - start, start)
            for _segment, offset, length, at in wanted[begin:end]:
                found[at] = data[offset - start : offset - start + length]
        begin = end
    return found
