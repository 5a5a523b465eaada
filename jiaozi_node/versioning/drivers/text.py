"""The driver ``text``: three-way merge by lines, with git's markers (``specs/merge.md`` §5.2).

Changes that touch or overlap are in conflict unless they are the same, as in git. A conflict is
narrowed to the lines that really differ; two with at most three common lines between are one.
``union`` is the same with both sides kept where they conflict, and `favoured` with one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jiaozi_node.versioning.drivers.lines import Hunk, hunks, split
from jiaozi_node.versioning.drivers.outcome import Labels, Outcome

MARKER_SIZE = 7
_NEAR = 3  # lines: git's xdl_simplify_non_conflicts


@dataclass(frozen=True, slots=True)
class Agreed:
    """Lines that are no matter of dispute."""

    lines: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Disputed:
    """Lines of which each side has its own."""

    ours: Sequence[bytes]
    theirs: Sequence[bytes]


def merge(base: bytes, ours: bytes, theirs: bytes, labels: Labels) -> Outcome:
    """Merge three texts; what conflicts stands between markers that name the sides."""
    parts = merge_lines(split(base), split(ours), split(theirs))
    crlf = all(data.partition(b"\n")[0].endswith(b"\r") for data in (ours, theirs))
    end = b"\r\n" if crlf else b"\n"
    out: list[bytes] = []
    clean = True
    for part in parts:
        if isinstance(part, Agreed):
            out += part.lines
            continue
        clean = False
        out.append(_marker(b"<", labels.ours) + end)
        out += _closed(part.ours, end)
        out.append(b"=" * MARKER_SIZE + end)
        out += _closed(part.theirs, end)
        out.append(_marker(b">", labels.theirs) + end)
    return Outcome(b"".join(out), clean)


def union(base: bytes, ours: bytes, theirs: bytes, labels: Labels) -> Outcome:
    """Merge three texts, keeping our lines and then theirs where both changed."""
    out: list[bytes] = []
    for part in merge_lines(split(base), split(ours), split(theirs)):
        if isinstance(part, Agreed):
            out += part.lines
        else:
            out += _closed(part.ours, b"\n") if part.theirs else part.ours
            out += part.theirs
    return Outcome(b"".join(out), True)


def favoured(base: bytes, ours: bytes, theirs: bytes, favour: str) -> Outcome:
    """Merge three texts, taking the lines of the side *favour* where both changed."""
    out: list[bytes] = []
    for part in merge_lines(split(base), split(ours), split(theirs)):
        if isinstance(part, Agreed):
            out += part.lines
        else:
            out += part.theirs if favour == "theirs" else part.ours
    return Outcome(b"".join(out), True)


def merge_lines(
    base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes]
) -> list[Agreed | Disputed]:
    """Merge three lists of lines."""
    left, right = hunks(base, ours), hunks(base, theirs)
    out: list[Agreed | Disputed] = []
    at = i = j = 0
    shift_ours = shift_theirs = 0  # from a place in the base to that in either side
    while i < len(left) or j < len(right):
        group_i, group_j = i, j
        start = min(_start(left, i), _start(right, j))
        end = start
        while True:  # hunks that touch belong together
            if i < len(left) and left[i].a0 <= end:
                end, i = max(end, left[i].a1), i + 1
            elif j < len(right) and right[j].a0 <= end:
                end, j = max(end, right[j].a1), j + 1
            else:
                break
        out.append(Agreed(base[at:start]))
        mine, their = left[group_i:i], right[group_j:j]
        our_start, their_start = start + shift_ours, start + shift_theirs
        shift_ours += sum([h.b1 - h.b0 - h.a1 + h.a0 for h in mine])
        shift_theirs += sum([h.b1 - h.b0 - h.a1 + h.a0 for h in their])
        our_lines = ours[our_start : end + shift_ours]
        their_lines = theirs[their_start : end + shift_theirs]
        if not their or (our_lines == their_lines and _same(mine, their)):
            out.append(Agreed(our_lines))
        elif not mine:
            out.append(Agreed(their_lines))
        else:
            out += _narrowed(our_lines, their_lines)
        at = end
    out.append(Agreed(base[at:]))
    return _near_joined([part for part in out if not isinstance(part, Agreed) or part.lines])


def _start(found: list[Hunk], at: int) -> int:
    return found[at].a0 if at < len(found) else 1 << 62


def _same(mine: list[Hunk], their: list[Hunk]) -> bool:
    return [(h.a0, h.a1, h.b1 - h.b0) for h in mine] == [(h.a0, h.a1, h.b1 - h.b0) for h in their]


def _narrowed(ours: Sequence[bytes], theirs: Sequence[bytes]) -> list[Agreed | Disputed]:
    """Take the lines that both sides have out of a conflict."""
    if not ours or not theirs:
        return [Disputed(ours, theirs)]
    out: list[Agreed | Disputed] = []
    at = 0
    for a0, a1, b0, b1 in hunks(ours, theirs):
        out.append(Agreed(ours[at:a0]))
        out.append(Disputed(ours[a0:a1], theirs[b0:b1]))
        at = a1
    out.append(Agreed(ours[at:]))
    return out


def _near_joined(parts: list[Agreed | Disputed]) -> list[Agreed | Disputed]:
    """Make one of two conflicts with few lines between."""
    out: list[Agreed | Disputed] = []
    for part in parts:
        if isinstance(part, Agreed) and out and isinstance(out[-1], Agreed):
            out[-1] = Agreed([*out[-1].lines, *part.lines])
            continue
        out.append(part)
        if isinstance(part, Agreed) or len(out) < 2:
            continue
        gap = out[-2]
        if isinstance(gap, Disputed):
            out[-2:] = [Disputed([*gap.ours, *part.ours], [*gap.theirs, *part.theirs])]
        elif len(out) > 2 and len(gap.lines) <= _NEAR and isinstance(first := out[-3], Disputed):
            ours = [*first.ours, *gap.lines, *part.ours]
            out[-3:] = [Disputed(ours, [*first.theirs, *gap.lines, *part.theirs])]
    return out


def _marker(char: bytes, label: str) -> bytes:
    shown = label.encode("utf-8", "surrogateescape").replace(b"\n", b" ")
    return char * MARKER_SIZE + (b" " + shown if shown else b"")


def _closed(lines: Sequence[bytes], end: bytes) -> list[bytes]:
    """Return *lines*, the last one with a newline."""
    out = list(lines)
    if out and not out[-1].endswith(b"\n"):
        out[-1] += end
    return out
