"""What each route answers, from `node` alone; all run on a worker thread and only read."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

from jiaozi_node.dag.walk import run
from jiaozi_node.errors import Malformed, NotFound, Refused
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.http.versions import shapes
from jiaozi_node.http.versions.declare import Asked
from jiaozi_node.http.versions.paging import after, page
from jiaozi_node.node import diffing, finding, logs, merging, nearby
from jiaozi_node.node.browsing import Browsed, listed_after, parts_of
from jiaozi_node.unixfs.node import DIRECTORY, FILE, SYMLINK
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.versioning import history
from jiaozi_node.versioning import tag as tags
from jiaozi_node.versioning.fields import SchemaBroken, is_version_block
from jiaozi_node.versioning.history import Absent
from jiaozi_node.versioning.refname import TAGS, RefName
from jiaozi_node.versioning.repositories import Repositories

Item = TypeVar("Item")

MAX_RENAMED: Final = 100_000  # differing paths, all held while renames are sought among them


class ManyChanges(Refused):
    """So many paths differ that renames aren't sought among them."""

    def __init__(self) -> None:
        super().__init__(
            f"over {MAX_RENAMED} paths differ: ask with renames=false, or within a path"
        )


class NothingAt(NotFound):
    """A version has nothing at a path."""

    def __init__(self, path: str, hint: str) -> None:
        super().__init__(f"there is no {path!r} in that version{hint}")
        self.path = path


def repositories(asked: Asked) -> dict[str, Any]:
    """Answer with the repositories of the node."""
    rows = ((row.id, shapes.repository(row)) for row in Repositories(asked.home.names).list())
    return page("repositories", _behind(rows, asked), asked.number("limit"))


def repository(asked: Asked) -> dict[str, Any]:
    """Answer with one repository."""
    return shapes.repository(_browsed(asked).row)


def branches(asked: Asked) -> dict[str, Any]:
    """Answer with branches."""
    found = _browsed(asked).refs.list("heads/")
    rows = ((ref.name, shapes.branch(ref.name, target)) for ref, target in found)
    return page("branches", _behind(rows, asked), asked.number("limit"))


def branch(asked: Asked) -> dict[str, Any]:
    """Answer with one branch."""
    name = asked.text("branch")
    return shapes.branch(name, _browsed(asked).refs.target(RefName.branch(name)))


def tagged(asked: Asked) -> dict[str, Any]:
    """Answer with tags."""
    here = _browsed(asked)
    rows = ((ref.name, target) for ref, target in here.refs.list("tags/"))
    read = ((name, _tag(here, name, target)) for name, target in _behind(rows, asked))
    return page("tags", read, asked.number("limit"))


def tag(asked: Asked) -> dict[str, Any]:
    """Answer with one tag."""
    here, name = _browsed(asked), asked.text("tag")
    return _tag(here, name, here.refs.target(RefName.tag(name)))


def commits(asked: Asked) -> dict[str, Any]:
    """Answer with a part of a history."""
    here = _browsed(asked)
    path, missing = asked.maybe("path"), []
    wanted = logs.Wanted(
        (asked.text("revision"),),
        paths=() if path is None else (parts_of(path),),
        first_parent=asked.flag("first_parent"),
    )

    def told() -> Iterator[tuple[str, dict[str, Any]]]:
        for one in logs.log(here, wanted, asked.now):
            if isinstance(one, Absent):
                missing.append(str(one.cid))
            else:
                yield str(one.cid), shapes.commit(one.cid, one.commit)

    rows = after(told(), asked.maybe("after"))
    return page("commits", rows, asked.number("limit"), missing=missing)


def commit(asked: Asked) -> dict[str, Any]:
    """Answer with one commit, and the refs that lead to it."""
    here = _browsed(asked)
    cid = here.resolve(asked.text("revision"), asked.now)
    value = shapes.commit(cid, here.commit_at(cid))
    names = [str(ref) for ref, target in here.refs.list() if _comes_to(here, ref, target, cid)]
    return value | ({"refs": names} if names else {})


def tree(asked: Asked) -> dict[str, Any]:
    """Answer with what stands at a path of a version."""
    here = _browsed(asked)
    commit = here.resolve(asked.text("revision"), asked.now)
    root, parts = here.commit_at(commit).tree, parts_of(asked.text("path"))
    found = finding.find(here, root, parts)
    if found is None:
        hint = nearby.hint(root, parts, asked.home.blocks.get)
        raise NothingAt("/".join(parts), hint)
    value: dict[str, Any] = {"commit": str(commit), "path": "/".join(parts)}
    value |= _standing(here, found)
    if value["kind"] != DIRECTORY:
        return value
    most = asked.number("limit")
    listed = listed_after(asked.home, found, asked.maybe("after") or "", most + 1)
    return value | page("entries", ((one.name, shapes.entry(one)) for one in listed), most)


def diff(asked: Asked) -> dict[str, Any]:
    """Answer with what differs between two versions."""
    here = _browsed(asked)
    earlier, later = (here.resolve(asked.text(name), asked.now) for name in ("from", "to"))
    ends = diffing.Ends(here.commit_at(earlier).tree, here.commit_at(later).tree)
    path = asked.maybe("path")
    within = () if path is None else (parts_of(path),)
    found = diffing.between(here, ends, within=within, renames=False)
    if asked.flag("renames"):
        found = diffing.renamed(here, _held(found))
    rows = ((one.path, shapes.change(one)) for one in found)
    return page(
        "changes",
        after(rows, asked.maybe("after")),
        asked.number("limit"),
        earlier=str(earlier),
        later=str(later),
    )


def merge(asked: Asked) -> dict[str, Any]:
    """Answer with what a merge would come to."""
    here = _browsed(asked)
    ours, theirs = (here.resolve(asked.text(name), asked.now) for name in ("ours", "theirs"))
    wish = merging.Wish(asked.text("theirs"), favour=asked.maybe("favour"))
    outcome = merging.preview(asked.home, ours, theirs, wish)
    return shapes.merge(ours, theirs, outcome, asked.number("limit"))


# ---- within ------------------------------------------------------------------------------


def _browsed(asked: Asked) -> Browsed:
    return Browsed.find(asked.home, asked.text("repository"))


def _key(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _behind(rows: Iterable[tuple[str, Item]], asked: Asked) -> Iterator[tuple[str, Item]]:
    """Yield what comes after a name, whether that still stands or not."""
    bound = asked.maybe("after")
    for name, item in rows:
        if bound is None or _key(name) > _key(bound):
            yield name, item


def _tag(here: Browsed, name: str, target: Cid) -> dict[str, Any]:
    if not is_version_block(target):
        return shapes.tag(name, target, None)  # of a directory
    block = here.home.blocks.get(target)
    try:
        return shapes.tag(name, target, tags.decode(block))
    except SchemaBroken:
        here.commit_at(target)  # raises unless it is a commit
        return shapes.tag(name, target, None)


def _comes_to(here: Browsed, ref: RefName, target: Cid, cid: Cid) -> bool:
    """Tell whether a ref's *target* is the commit *cid*, or a tag of it."""
    if target == cid or ref.family != TAGS:
        return target == cid
    try:
        return run(history.peel(target), here.home.blocks.get).cid == cid
    except (NotFound, Malformed):  # a tag of a directory, or what isn't here
        return False


def _standing(here: Browsed, cid: Cid) -> dict[str, Any]:
    """Return the part of a `Tree` that *cid* tells."""
    value: dict[str, Any] = {"cid": str(cid), "content": shapes.content(cid)}
    if cid.codec == RAW and cid.inline is None:
        return value | {"kind": FILE, "size": here.home.blocks.size(cid)}
    try:
        found = run(stat(cid), here.home.blocks.get)
    except Malformed:
        return value | {"kind": "other", "size": 0}
    value |= {"kind": found.kind, "size": found.file_bytes}
    if found.kind == SYMLINK:
        value["target"] = (found.target or b"").decode("utf-8", "surrogateescape")
    return value


def _held(found: Iterator[diffing.Delta]) -> list[diffing.Delta]:
    held: list[diffing.Delta] = []
    for one in found:
        if len(held) == MAX_RENAMED:
            raise ManyChanges
        held.append(one)
    return held
