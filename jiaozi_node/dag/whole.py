"""What is missing or damaged below a root: found once, however many roots lead to it.

Unlike a walk it goes on past what it can't have: whoever mends a DAG wants to know of all of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from jiaozi_node.dag.traverse import links_of
from jiaozi_node.errors import Corrupt, JiaoziError, Malformed, NotFound
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid


@dataclass(frozen=True, slots=True)
class Bad:
    """A block that can't be had, and why."""

    cid: Cid
    fault: JiaoziError


class Wholeness:
    """Knows which blocks are bad below the roots it was asked of; *get* gives blocks."""

    def __init__(self, get: Callable[[Cid], Block]) -> None:
        self._get = get
        self._good: set[bytes] = set()  # with all that is below them
        self._bad: dict[bytes, tuple[Bad, ...]] = {}

    def bad_below(self, root: Cid) -> tuple[Bad, ...]:
        """Return the bad blocks at and below *root*, by every path that leads to them."""
        stack: list[tuple[Cid, list[Cid] | None]] = [(root, None)]
        while stack:
            cid, below = stack.pop()
            if cid.raw in self._good or cid.raw in self._bad:
                continue
            if below is None:
                below = self._links(cid)
                if below is None:
                    continue
                stack.append((cid, below))
                stack += [(child, None) for child in reversed(below)]
                continue
            bad = [one for child in below for one in self._bad.get(child.raw, ())]
            if bad:
                self._bad[cid.raw] = tuple(bad[:MAX_BAD])
            else:
                self._good.add(cid.raw)
        return self._bad.get(root.raw, ())

    def _links(self, cid: Cid) -> list[Cid] | None:
        """Return what *cid* links; None when its block is bad, which is noted."""
        try:
            inline = cid.inline
            block = Block(cid, inline) if inline is not None else self._get(cid)
            return [link.cid for link in links_of(block)]
        except (NotFound, Corrupt, Malformed) as fault:
            self._bad[cid.raw] = (Bad(cid, fault),)
            return None


MAX_BAD = 1000  # told of below one block: paths to a bad one can be without number
