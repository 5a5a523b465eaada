"""A history narrowed to paths in a working copy, whose cache remembers what commits touched."""

import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from fnmatch import translate

from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.repository import Repository
from jiaozi_node.unixfs.add import add_bytes
from jiaozi_node.versioning.order import Load
from jiaozi_node.versioning.selection import Selection
from jiaozi_node.versioning.touched import Parts, Touching
from jiaozi_node.worktree.history_cache import HistoryCache
from jiaozi_node.worktree.names import RESERVED

_GLOB = frozenset("*?[")


@contextmanager
def remembering(repository: Repository) -> Iterator[HistoryCache]:
    """Open the cache; what was learnt is kept, however little of a log was read."""
    with closing(HistoryCache(os.path.join(repository.root, RESERVED))) as cache:
        if not repository.root:
            cache.close()  # there is no directory: what is learnt is forgotten again
        try:
            yield cache
        finally:
            cache.save()


def touching(
    repository: Repository,
    paths: tuple[Parts, ...],
    chosen: Selection,
    without: frozenset[Cid],
    load: Load,
    cache: HistoryCache,
    *,
    first_parent: bool,
    follow: bool,
) -> Touching:
    """Return what narrows the part *chosen* of a history to *paths*.

    A path with ``*``, ``?`` or ``[`` in it stands for files that fit it too, as in `pathspec`.
    """
    empty = add_bytes(b"", repository.profile, keep=False)[1].cid if follow else None
    globs = ["/".join(path) for path in paths if _GLOB.intersection("/".join(path))]
    return Touching(
        paths,
        load,
        cache,
        first_parent=first_parent,
        bottoms=frozenset(chosen.without),
        without=without,
        empty=empty,
        fits=tuple(re.compile(translate(glob)).match for glob in globs),
    )
