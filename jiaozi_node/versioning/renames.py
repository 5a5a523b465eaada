"""Exact renames: a file that went and one that came with the same CID (``specs/merge.md`` §3)."""

from collections.abc import Iterable
from typing import NamedTuple

from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs.compare import Pair

Path = tuple[str, ...]


class Renames(NamedTuple):
    """What moved on one side: old path to new, and all that went or came, by CID."""

    moved: dict[Path, Path]
    gone: dict[Path, Cid]
    come: frozenset[Cid]


def exact(pairs: Iterable[Pair], empty: Cid) -> Renames:
    """Find the renames among the differences of two trees; the *empty* file is never one.

    Where several files of one CID went or came, those whose last name is the same on both sides
    and on no other file are paired; the rest is not guessed at.
    """
    went: dict[Cid, list[Path]] = {}
    came: dict[Cid, list[Path]] = {}
    gone: dict[Path, Cid] = {}
    for path, before, after in pairs:
        if before is not None and after is None:
            gone[path] = before
            if before != empty:
                went.setdefault(before, []).append(path)
        elif after is not None and before is None and after != empty:
            came.setdefault(after, []).append(path)
    moved: dict[Path, Path] = {}
    for cid in went.keys() & came.keys():
        old, new = went[cid], came[cid]
        if len(old) == len(new) == 1:
            moved[old[0]] = new[0]
            continue
        for name in {path[-1] for path in old}:
            before_paths = [path for path in old if path[-1] == name]
            after_paths = [path for path in new if path[-1] == name]
            if len(before_paths) == len(after_paths) == 1:
                moved[before_paths[0]] = after_paths[0]
    return Renames(moved, gone, frozenset(came))
