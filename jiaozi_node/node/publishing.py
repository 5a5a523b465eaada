"""Blocks made everybody's to see, and taken back: rows of public roots and the bits they stand for.

The bit of a row in the index caches what is public (design §7); the rows of names.db are the truth
that a rebuild reads. So each act leaves both right, whenever it is killed (``specs/names.md`` §7):
the row says what is under way, the bits follow, the row says that it is done. `settle` finishes
what was cut short; every act here begins with it.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from jiaozi_node.dag.traverse import Seen, descend
from jiaozi_node.dag.walk import stream
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.acts import acting
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.node.visibility import (
    AT_ONCE,
    COMPLETE,
    GOING,
    PUBLIC_ROOTS,
    check_published,
    flags,
    recompute,
)
from jiaozi_node.stores.api import BlockMissing, Change

# One at a time: what one act leaves public is judged by the rows of all others. A process holds one
# home; where it holds several, they wait for each other.
_TURN: Final = threading.RLock()

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Published:
    """A *root* that is published: *blocks* at and below it, *changed* of them were private."""

    root: Cid
    blocks: int
    changed: int


def make_public(home: LocalHome, root: Cid, progress: Progress = lambda _blocks: None) -> Published:
    """Let everybody see *root* and all below it, and keep it from collection.

    Raises `BlockMissing` when not all of it is here, and changes nothing then. Who waits for its
    blocks is told of them (`LocalHome.when_public`).
    """
    with _TURN:
        settle(home)
        with acting(home) as act:
            act.lease.keep_below(root)
            for group in _groups(home, root, _complete(home)):
                for cid, here in zip(group, home.segments.has(group), strict=True):
                    if not here:
                        raise BlockMissing(cid)
                progress(len(group))
            before = home.names.get(PUBLIC_ROOTS, root.raw)
            if before is None:
                _set(home, root, {}, None)
            return _finish_public(home, root)


def make_private(home: LocalHome, root: Cid) -> int:
    """Take back what `make_public` did for *root*; return how many blocks are private now.

    Those stay public that another published root leads to, or that lie in ``pub-*`` segments.
    Nothing of it is kept from collection any more. Raises `NotPublished`.
    """
    with _TURN:
        settle(home)
        _set(home, root, {GOING: True}, check_published(home.names, root))
        return _finish_private(home, root)


def settle(home: LocalHome) -> None:
    """Finish what was cut short: bits that are not set yet, or not cleared."""
    with _TURN:
        for key, value in list(home.names.scan(PUBLIC_ROOTS)):
            said = flags(value)
            if GOING in said:
                _finish_private(home, Cid(key))
            elif COMPLETE not in said:
                _finish_public(home, Cid(key))


def _finish_public(home: LocalHome, root: Cid) -> Published:
    """Set the bits below *root*, whose row stands."""
    blocks = changed = 0
    for group in _groups(home, root, _complete(home)):
        multihashes = [cid.multihash for cid in group]
        turned = home.segments.set_public(multihashes, True)
        blocks += len(group)
        changed += turned
        if turned:
            home.tell_public(multihashes)
    before = home.names.get(PUBLIC_ROOTS, root.raw)
    if before is None or COMPLETE not in flags(before):
        _set(home, root, {COMPLETE: True}, before)
    return Published(root, blocks, changed)


def _finish_private(home: LocalHome, root: Cid) -> int:
    """Clear the bits that were set for *root* alone, and drop its row."""
    changed = recompute(home.names, home.segments)
    home.names.apply([Change(PUBLIC_ROOTS, root.raw, None)])
    return changed


def _complete(home: LocalHome) -> Seen:
    """Return the roots all of whose blocks have their bit: there is nothing to do below them."""
    rows = home.names.scan(PUBLIC_ROOTS)
    return {key: 0 for key, value in rows if COMPLETE in flags(value)}


def _groups(home: LocalHome, root: Cid, seen: Seen) -> Iterator[list[Cid]]:
    """Yield the blocks at and below *root*, some at a time, passing over those in *seen*.

    Raw leaves are not looked at; any other block that is missing is raised.
    """
    if root.raw in seen:
        return
    walk = descend(root, fetch_leaves=False, seen=seen)
    cids = (visit.cid for visit in stream(walk, home.segments.get) if visit.cid.inline is None)
    while group := list(islice(cids, AT_ONCE)):
        yield group


def _set(home: LocalHome, root: Cid, row: dict[str, bool], before: bytes | None) -> None:
    home.names.apply([Change(PUBLIC_ROOTS, root.raw, dag_cbor.encode(row), before)])
