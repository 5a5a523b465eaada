"""What a reading command means by its argument (design §1): a path, a CID, then a revision.

``/ipfs/…``, ``/ipns/…`` and CID[/path] are content; REV[:path] is a version of the repository at
hand. It is never a file on disk. A commit named without a path stands for its tree. What an
argument doesn't need is not imported for it: `cat CID` is held to three times Kubo's start.
"""

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from jiaozi_node.errors import Malformed, Misuse, NotFound
from jiaozi_node.formats import cid as c
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.home import Home

if TYPE_CHECKING:
    from jiaozi_node.worktree.link import Place

_SCHEMES = ("ipfs:", "ipns:", "ipld:")


class InsideBlock(Misuse):
    """A path that ends within a block, where there is a value and no file."""

    def __init__(self, text: str, cid: Cid, remainder: tuple[str, ...]) -> None:
        inside = "/".join(remainder)
        super().__init__(
            f"{text!r} ends inside block {cid} at {inside!r}; 'jiaozi ipfs dag get' shows values"
        )
        self.cid, self.remainder = cid, remainder


class Located(NamedTuple):
    """Where an argument leads; *name* is the last name on the way, for what is written to disk.

    *commit* is the version it was named by, and *inside* whether by a path in it, if it was.
    """

    cid: Cid
    name: str
    commit: Cid | None = None
    inside: bool = False


def locate(
    home: Home, directory: Callable[[], str], text: str, told: "Place | None" = None
) -> Located:
    """Return what *text* leads to; raises `NotFound` naming what was tried.

    *directory* tells where the caller stands, and is asked only when a revision is meant; *told*
    as in `Repository.at`.
    """
    if text.startswith("/") or text.lower().startswith(_SCHEMES):
        return _content(home, text)
    base, colon, _path = text.partition(":")
    if not colon:
        root, _slash, below = text.partition("/")
        cid = _cid(root)
        if cid is not None and below:
            return _content(home, text)
        if cid is not None and not _is_commit(home, cid):
            return Located(cid, str(cid))
        if cid is not None:
            return _version(home, cid, "", text)
    else:
        cid = _cid(base)
        if cid is not None:
            return _version(home, cid, _path, text)
    return _revision(home, directory(), text, told)


def _content(home: Home, text: str) -> Located:
    from jiaozi_node.dag.walk import run
    from jiaozi_node.unixfs import resolve

    wanted = resolve.clean(text)
    if wanted.startswith("/ipns/"):
        from jiaozi_node.node import naming

        wanted = naming.of(home, os.environ, time.time).resolve(wanted).path
    path = resolve.Path.parse(wanted)
    found = run(resolve.resolve(path), home.blocks.get)
    if found.remainder:
        raise InsideBlock(text, found.cid, found.remainder)
    if not path.parts and _is_commit(home, found.cid):
        return _version(home, found.cid, "", text)
    return Located(found.cid, path.parts[-1] if path.parts else str(path.root))


def _revision(home: Home, cwd: str, text: str, told: "Place | None") -> Located:
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning import revision
    from jiaozi_node.worktree.link import NoWorkingCopy

    base, path = revision.split(text)
    try:
        repository = Repository.at(home, cwd, told)
    except NoWorkingCopy:
        raise NotFound(
            f"{text!r} is neither a path nor a CID, and {cwd} is in no working copy "
            "whose revisions could be meant"
        ) from None
    return _version(home, repository.resolve(base or "HEAD"), path or "", text)


def _version(home: Home, commit: Cid, path: str, text: str) -> Located:
    """Return what stands at *path* in the tree of *commit*."""
    from jiaozi_node.dag.walk import run
    from jiaozi_node.unixfs import resolve
    from jiaozi_node.unixfs.directory import EntryMissing
    from jiaozi_node.versioning import history

    visit = run(history.peel(commit), home.blocks.get)
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise Misuse(f"{text!r}: a path in a tree can't go up with '..'")
    try:
        found = run(resolve.resolve(resolve.Path(visit.commit.tree, parts)), home.blocks.get)
    except EntryMissing as fault:
        from jiaozi_node.node import nearby

        fault.args = (f"{fault}{nearby.hint(visit.commit.tree, parts, home.blocks.get)}",)
        raise
    return Located(found.cid, parts[-1] if parts else str(commit), visit.cid, bool(parts))


def _cid(text: str) -> Cid | None:
    try:
        return Cid.parse(text)
    except Malformed:
        return None


def _is_commit(home: Home, cid: Cid) -> bool:
    """Tell whether *cid* is a commit, or a tag of one, that is here; only dag-cbor is looked at."""
    if cid.codec != c.DAG_CBOR:
        return False
    from jiaozi_node.formats import dag_cbor

    try:
        value = dag_cbor.decode(home.blocks.get(cid).data)
    except Malformed:
        return False
    return isinstance(value, dict) and value.get("type") in ("jiaozi/commit", "jiaozi/tag")


def target_name(located: Located) -> str:
    """Return the name that *located* gets on disk when none is given."""
    return os.path.basename(located.name) or str(located.cid)
