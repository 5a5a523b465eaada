"""Paths as commands take them: a file, a directory, or a quoted glob, of what is tracked.

As in git ``*`` and ``?`` match ``/`` too, and what stands there by that very name comes first.
"""

import os
import re
from collections.abc import Sequence, Set
from fnmatch import translate

from jiaozi_node.errors import Misuse
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import finding
from jiaozi_node.node.repository import Repository
from jiaozi_node.node.restoring import NothingThere
from jiaozi_node.node.staging import place_of
from jiaozi_node.node.status import Parts
from jiaozi_node.worktree.link import place_below

_GLOB = frozenset("*?[")


def located(repository: Repository, path: str) -> Parts:
    """Return the names that lead from the root to *path*; raises `Outside`, `UnsafeName`."""
    home = place_below(repository.root, os.path.realpath(repository.home.path))
    return place_of(path, repository.root, home)


def matched(
    repository: Repository,
    tree: Cid,
    texts: Sequence[str],
    directory: str,
    also: Set[Parts] = frozenset(),
) -> dict[Parts, Cid | None]:
    """Return what *tree* has at *texts*, which are relative to *directory*, none below another.

    The paths *also* needn't be in it: they come with None then. Raises `NothingThere` for a text
    that fits nothing.
    """
    found: dict[Parts, Cid | None] = {}
    for text in texts:
        if not text:
            raise Misuse("an empty path names nothing; '.' is the present directory")
        parts = located(repository, os.path.join(directory, text))
        cid = finding.find(repository, tree, parts)
        if cid is not None or parts in also:
            found[parts] = cid
            continue
        if _GLOB.isdisjoint(text):
            raise NothingThere(text)
        fits = re.compile(translate("/".join(parts))).match
        before = len(found)
        for change in repository.changed(None, tree):
            if change.after is not None and fits("/".join(change.path)):
                found[change.path] = change.after
        if len(found) == before:
            raise NothingThere(text)
    return {
        parts: found[parts]
        for parts in sorted(found)
        if not any(parts[:depth] in found for depth in range(len(parts)))
    }
