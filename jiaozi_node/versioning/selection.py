"""Parts of history as people write them: ``A..B``, ``A...B``, ``^A`` (``specs/refs.md`` §6.8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jiaozi_node.dag.walk import Lookup
from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning import revision
from jiaozi_node.versioning.merge_base import merge_bases
from jiaozi_node.versioning.revision import BadRevision, Places, find_outside

ALL: Final = ""  # all that one revision leads to
WITHOUT: Final = "^"  # nothing that it leads to
BEHIND: Final = ".."  # what the right one has and the left one lacks
EITHER: Final = "..."  # what one of both has


@dataclass(frozen=True, slots=True)
class Part:
    """One word: an operator and the revisions it is about; *left* is "" but for two of them."""

    operator: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for: *tips* and their ancestors, without *without* and theirs."""

    tips: tuple[Cid, ...]
    without: tuple[Cid, ...] = ()


def parse(text: str) -> Part:
    """Read one word; the revisions in it are not looked at. Dots behind a ``:`` are a path's."""
    dots = _dots(text)
    if text.startswith("^"):
        if dots >= 0:
            raise BadRevision(text, "'^' leaves out one revision, not a range")
        return Part(WITHOUT, "", text[1:])
    if dots < 0:
        return Part(ALL, "", text)
    operator = EITHER if text.startswith("...", dots) else BEHIND
    left, right = text[:dots], text[dots + len(operator) :]
    if not left and not right:
        raise BadRevision(text, "one side of a range is to be said")
    if _dots(right) >= 0:
        raise BadRevision(text, "a range has two sides")
    return Part(operator, left or "HEAD", right or "HEAD")


def _dots(text: str) -> int:
    """Return where the ``..`` of a range stands, or -1."""
    dots, colon = find_outside(text, ".."), find_outside(text, ":")
    return -1 if 0 <= colon < dots else dots


def select(words: Sequence[str], places: Places) -> Lookup[Selection]:
    """Return what *words* together ask for; raises as `revision.resolve` does."""
    tips: list[Cid] = []
    without: list[Cid] = []
    for word in words:
        part = parse(word)
        right = yield from _commit(part.right, places)
        if part.operator == WITHOUT:
            without.append(right)
            continue
        if part.operator == BEHIND:
            without.append((yield from _commit(part.left, places)))
        elif part.operator == EITHER:
            left = yield from _commit(part.left, places)
            tips.append(left)
            without += yield from merge_bases(left, right)
        tips.append(right)
    return Selection(tuple(dict.fromkeys(tips)), tuple(dict.fromkeys(without)))


def _commit(text: str, places: Places) -> Lookup[Cid]:
    return (yield from revision.resolve(revision.parse(text), places)).cid
