"""How two lists of lines differ: Myers' algorithm where that is cheap, patience where it isn't.

A stretch that neither can afford comes out as one change: a merge may then see a conflict that a
longer search would not, never a result that it would not.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

MAX_EDITS = 400  # insertions and deletions that Myers looks for; the work is their square


class Hunk(NamedTuple):
    """``a[a0:a1]`` became ``b[b0:b1]``; one of them may be empty, not both."""

    a0: int
    a1: int
    b0: int
    b1: int


def split(data: bytes) -> list[bytes]:
    """Return the lines of *data* with their newlines; the last one may lack it."""
    parts = data.split(b"\n")
    last = parts.pop()
    out = [part + b"\n" for part in parts]
    if last:
        out.append(last)
    return out


def hunks(a: Sequence[bytes], b: Sequence[bytes]) -> list[Hunk]:
    """Return the changes that make *b* of *a*, in order, no two of them touching."""
    found: list[Hunk] = []
    sections = [Hunk(0, len(a), 0, len(b))]  # the next one last
    while sections:
        section = _trimmed(a, b, sections.pop())
        a0, a1, b0, b1 = section
        if a0 == a1 or b0 == b1:
            if a0 < a1 or b0 < b1:
                found.append(section)
            continue
        edits = _myers(a[a0:a1], b[b0:b1])
        if edits is not None:
            found += [Hunk(a0 + e.a0, a0 + e.a1, b0 + e.b0, b0 + e.b1) for e in edits]
            continue
        anchors = _patience(a, b, section)
        if not anchors:
            found.append(section)
            continue
        inner: list[Hunk] = []
        for x, y in anchors:
            inner.append(Hunk(a0, x, b0, y))
            a0, b0 = x + 1, y + 1
        inner.append(Hunk(a0, a1, b0, b1))
        sections += reversed(inner)
    return _slid(a, b, _raised(a, b, _joined(found)))


def _trimmed(a: Sequence[bytes], b: Sequence[bytes], section: Hunk) -> Hunk:
    a0, a1, b0, b1 = section
    while a0 < a1 and b0 < b1 and a[a0] == b[b0]:
        a0, b0 = a0 + 1, b0 + 1
    while a0 < a1 and b0 < b1 and a[a1 - 1] == b[b1 - 1]:
        a1, b1 = a1 - 1, b1 - 1
    return Hunk(a0, a1, b0, b1)


def _myers(a: Sequence[bytes], b: Sequence[bytes]) -> list[Hunk] | None:
    """Return a shortest edit script, or None when it takes more than `MAX_EDITS`."""
    n, m = len(a), len(b)
    if abs(n - m) > MAX_EDITS:
        return None
    reach = {1: 0}  # the furthest x on each diagonal
    trail: list[dict[int, int]] = []
    for edits in range(min(n + m, MAX_EDITS) + 1):
        trail.append(reach)
        step: dict[int, int] = {}
        for k in range(-edits, edits + 1, 2):
            x, _down = _furthest(reach, k, n, m)
            if x < 0:
                continue
            y = x - k
            while x < n and y < m and a[x] == b[y]:
                x, y = x + 1, y + 1
            step[k] = x
            if x == n and y == m:
                return _walked_back(trail, n, m)
        reach = step
    return None


def _furthest(reach: dict[int, int], k: int, n: int, m: int) -> tuple[int, bool]:
    """Return how far diagonal *k* is reached by one more edit (-1: not), and if downwards."""
    down, right = reach.get(k + 1, -1), reach.get(k - 1, -2) + 1
    if down - k > m:
        down = -1
    if right > n:
        right = -1
    return (down, True) if down >= right else (right, False)


def _walked_back(trail: list[dict[int, int]], n: int, m: int) -> list[Hunk]:
    """Return the edits on the way to the end, joined where they touch."""
    out: list[Hunk] = []
    x, y = n, m
    for edits in range(len(trail) - 1, 0, -1):
        reach, k = trail[edits], x - y
        _x, down = _furthest(reach, k, n, m)
        px = reach[k + 1] if down else reach[k - 1]
        py = px - (k + 1 if down else k - 1)
        out.append(Hunk(px, px, py, py + 1) if down else Hunk(px, px + 1, py, py))
        x, y = px, py
    out.reverse()
    return _joined(out)


def _joined(found: list[Hunk]) -> list[Hunk]:
    out: list[Hunk] = []
    for hunk in found:
        if out and out[-1].a1 == hunk.a0 and out[-1].b1 == hunk.b0:
            out[-1] = Hunk(out[-1].a0, hunk.a1, out[-1].b0, hunk.b1)
        else:
            out.append(hunk)
    return out


def _patience(a: Sequence[bytes], b: Sequence[bytes], section: Hunk) -> list[tuple[int, int]]:
    """Return the longest rising run of lines that stand once on either side."""
    a0, a1, b0, b1 = section
    often_a, often_b = Counter(a[a0:a1]), Counter(b[b0:b1])
    where = {b[y]: y for y in range(b0, b1) if often_b[b[y]] == 1}
    pairs = [(x, where[a[x]]) for x in range(a0, a1) if a[x] in where and often_a[a[x]] == 1]
    tails: list[int] = []  # the least end of a run of each length
    ends: list[int] = []  # which pair that is
    back: list[int] = []
    for at, (_x, y) in enumerate(pairs):
        length = bisect_left(tails, y)
        back.append(ends[length - 1] if length else -1)
        if length == len(tails):
            tails.append(y)
            ends.append(at)
        else:
            tails[length], ends[length] = y, at
    out: list[tuple[int, int]] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        out.append(pairs[at])
        at = back[at]
    out.reverse()
    return out


def _raised(a: Sequence[bytes], b: Sequence[bytes], found: list[Hunk]) -> list[Hunk]:
    """Join what was only put in or taken out with the change above, where it can move up to it.

    So lines that were replaced come out as one change though a line beside them is repeated; as in
    git, one that can move down to the next change does that instead.
    """
    out: list[Hunk] = []
    for at, hunk in enumerate(found):
        a0, a1, b0, b1 = hunk
        if out and (a0 == a1 or b0 == b1):
            side, start, end = (b, b0, b1) if a0 == a1 else (a, a0, a1)
            up = a0 - out[-1].a1
            down = (found[at + 1].a0 if at + 1 < len(found) else len(a) + 1) - a1
            rises = side[start - up : start] == side[end - up : end]
            if rises and side[start : start + down] != side[end : end + down]:
                last = out.pop()
                hunk = Hunk(last.a0, a1 - up, last.b0, b1 - up)
        out.append(hunk)
    return out


def _slid(a: Sequence[bytes], b: Sequence[bytes], found: list[Hunk]) -> list[Hunk]:
    """Move what was only put in or taken out as far down as it goes, as git does."""
    out: list[Hunk] = []  # from the last to the first
    for hunk in reversed(found):
        a0, a1, b0, b1 = hunk
        stop_a, stop_b = (out[-1].a0, out[-1].b0) if out else (len(a), len(b))
        side, start, end = (b, b0, b1) if a0 == a1 else (a, a0, a1)
        by = 0
        if a0 == a1 or b0 == b1:
            limit = min(stop_a - a1, stop_b - b1)
            while by < limit and side[start + by] == side[end + by]:
                by += 1
        hunk = Hunk(a0 + by, a1 + by, b0 + by, b1 + by)
        if out and hunk.a1 == out[-1].a0 and hunk.b1 == out[-1].b0:
            last = out.pop()
            hunk = Hunk(hunk.a0, last.a1, hunk.b0, last.b1)
        out.append(hunk)
    out.reverse()
    return out
