"""Files that moved or were copied unchanged, as a diff shows them (``specs/diff.md`` §3).

Merging must not guess and has rules of its own (`renames`); here a person is told the likeliest
origin: one of the same name before others, earlier paths before later ones.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jiaozi_node.formats.cid import Cid

Path = tuple[str, ...]


class Move(NamedTuple):
    """Where a file was before; *copied* says that the original still stands, or went elsewhere."""

    source: Path
    copied: bool


def found(
    changes: Sequence[tuple[Path, Cid | None, Cid | None]],
    held: Iterable[tuple[Path, Cid]],
    empty: Cid,
) -> dict[Path, Move]:
    """Return the origin of each file among *changes* (path, before, after) that came from another.

    Originals are files that went or changed, and those *held* by the earlier tree. The *empty*
    file has no origin.
    """
    came: dict[Cid, list[Path]] = {}
    for path, before, after in changes:
        if before is None and after is not None and after != empty:
            came.setdefault(after, []).append(path)
    went: dict[Cid, list[Path]] = {}
    kept: dict[Cid, list[Path]] = {}
    for path, before, after in changes:
        if before in came:
            (went if after is None else kept).setdefault(before, []).append(path)
    changed = {path for path, _before, _after in changes}
    for path, cid in held:
        if cid in came and path not in changed:
            kept.setdefault(cid, []).append(path)
    out: dict[Path, Move] = {}
    for cid, paths in came.items():
        left = dict.fromkeys(went.get(cid, ()))
        named: dict[str, list[Path]] = {}
        for old in reversed(left):
            named.setdefault(old[-1], []).append(old)
        for path in paths:  # of the same name first
            same = named.get(path[-1])
            if same:
                old = same.pop()
                del left[old]
                out[path] = Move(old, False)
        originals = [*went.get(cid, ()), *kept.get(cid, ())]
        by_name = {old[-1]: old for old in reversed(originals)}
        for path in paths:
            if path in out:
                continue
            if left:
                old = next(iter(left))
                del left[old]
                out[path] = Move(old, False)
            elif originals:
                out[path] = Move(by_name.get(path[-1], originals[0]), True)
    return out
