"""A file system under one root: paths looked up, changes planned and applied, the root sealed.

What ``ipfs files`` does, as root and operation to root and blocks. An operation is a plan:
it looks, refuses, and returns `Edit` s, changing nothing. `Tree.apply` makes one of them; a list of
edits, made in order, gives the same root again, so they can be written down instead of it. Where
shards or directories are missing the need for them is passed on; nothing below what is only linked
is ever asked for. Refusals are in the words of boxo's ``mfs``.
"""

from collections.abc import Generator
from typing import Final, NamedTuple, TypeAlias, TypeVar

from jiaozi_node.dag.walk import Lookup, Need, need
from jiaozi_node.errors import Conflict, LimitExceeded, Malformed, Misuse, NotFound
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import blocks, folder
from jiaozi_node.unixfs.folder import Folder
from jiaozi_node.unixfs.hamt import Value
from jiaozi_node.unixfs.modify import with_stat
from jiaozi_node.unixfs.node import Mtime, Node
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.unixfs.recipes import Recipes

Names: TypeAlias = tuple[bytes, ...]
Result = TypeVar("Result")
Plan: TypeAlias = Generator[Need | Block, Block | None, Result]

MAX_PATH_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 256


class NotExist(NotFound):
    """Nothing is at a path."""

    def __init__(self) -> None:
        super().__init__("file does not exist")


class BelowFile(Misuse):
    """A path goes through a file."""

    def __init__(self, names: Names) -> None:
        super().__init__(f"cannot access {_text(names)}: Not a directory")


class AlreadyThere(Conflict):
    """Something is at a path already, under which something else was to be put."""


class Edit(NamedTuple):
    """An entry that is set, or removed when *cid* is None. The empty path is the root itself."""

    path: Names
    cid: Cid | None
    tsize: int = 0


def names_of(path: str) -> Names:
    """Return the names of *path*, slashes at either end left out; raises `LimitExceeded`."""
    raw = path.encode("utf-8", "surrogateescape").strip(b"/")
    if len(raw) > MAX_PATH_BYTES:
        raise LimitExceeded("path", MAX_PATH_BYTES, len(raw))
    names = tuple(raw.split(b"/")) if raw else ()
    if len(names) > MAX_DEPTH:
        raise LimitExceeded("path", MAX_DEPTH, len(names), "names")
    return names


def split(path: str) -> tuple[str, str]:
    """Return *path* up to its last slash, that one included, and what follows it."""
    at = path.rfind("/") + 1
    return path[:at], path[at:]


class Tree:
    """A file system whose directories are held open where one went; not for two threads at once."""

    def __init__(self, root: Folder, recipes: Recipes) -> None:
        self.root, self.recipes = root, recipes
        self.torn = False  # a seal failed halfway: what it made is lost, and taken for kept

    @classmethod
    def at(cls, root: Cid, recipes: Recipes) -> Lookup["Tree"]:
        """Open the tree at *root*; the root directory is written by the base profile."""
        top = yield from folder.open_at(root, recipes.base)
        if (root.version, root.hash_code) != (recipes.base.cid_version, recipes.base.hash_code):
            top.changed()
        return cls(top, recipes)

    @property
    def held_bytes(self) -> int:
        """About what is held, in bytes of blocks of directories."""
        size, todo = 0, [self.root]
        while todo:
            one = todo.pop()
            size += one.held_bytes
            todo += one.opened.values()
        return size

    def seal(self) -> Plan[Node]:
        """Write all that changed; return the root. What is yielded must be kept."""
        return (yield from self._sealed(self.root))

    def _sealed(self, found: Folder, made: list[Block] | None = None) -> Plan[Node]:
        """Write what changed in *found* and below; *made* gets its blocks too."""
        made = [] if made is None else made
        was, self.torn = self.torn, True
        node = yield from found.seal(made)
        yield from made
        self.torn = was
        return node

    # ---- looking -------------------------------------------------------------------------

    def lookup(self, path: str) -> Lookup[Folder | Value]:
        """Return what is at *path*: a directory, held open from now on, or the entry of a file."""
        return (yield from self._lookup(names_of(path)))

    def _lookup(self, names: Names) -> Lookup[Folder | Value]:
        at: Folder | Value = self.root
        for number, name in enumerate(names):
            if not isinstance(at, Folder):
                raise BelowFile(names[: number + 1])
            found = yield from self.child(at, name)
            if found is None:
                raise NotExist
            at = found
        return at

    def child(self, at: Folder, name: bytes) -> Lookup[Folder | Value | None]:
        """Return what is under *name* in *at*."""
        held = at.opened.get(name)
        if held is not None:
            return held
        value = yield from at.find(name)
        if value is None or Cid(value.cid).codec == c.RAW:
            return value
        cid = Cid(value.cid)
        if cid.codec != c.DAG_PB:
            raise Malformed("unrecognized node type in cache node")
        block = yield from need(cid)
        kind = blocks.parse(block).message.type
        if kind in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
            made = at.opened[name] = Folder.of(block, self.recipes.like(cid))
            return made
        if kind == unixfs_pb.METADATA:
            raise Malformed("not yet implemented")
        return value

    def folder(self, path: str) -> Lookup[Folder]:
        """Return the directory at *path*."""
        found = yield from self.lookup(path)
        if not isinstance(found, Folder):
            raise Misuse(f"{path} is not a directory")
        return found

    def node(self, found: Folder | Value) -> Plan[Node]:
        """Return what was found as a node, writing what changed below it."""
        if isinstance(found, Value):
            return Node(Cid(found.cid), found.tsize, "file", 0)
        return (yield from self._sealed(found))

    # ---- planning ------------------------------------------------------------------------

    def mkdir(self, path: str, profile: Profile, *, parents: bool) -> Plan[list[Edit]]:
        """Make a directory, with those above it when asked; CID version and hash by *profile*."""
        names = names_of(path)
        if not names:
            if parents:
                return []
            raise AlreadyThere("cannot create directory '/': Already exists")
        at: Folder = self.root
        for number, name in enumerate(names):
            last = number == len(names) - 1
            found = yield from self.child(at, name)
            if found is None and (parents or last):
                made: list[Block] = []
                node = yield from Folder(profile).seal(made)
                yield from made
                return [
                    Edit(names[: depth + 1], node.cid, node.tsize)
                    for depth in range(number, len(names))
                ]
            if found is None:
                raise NotExist
            if last and not (parents and isinstance(found, Folder)):
                raise AlreadyThere("file already exists")
            if not isinstance(found, Folder):
                raise Misuse(f"{_text(names[:number])} was not a directory")
            at = found
        return []

    def put(self, path: str, node: Node) -> Lookup[list[Edit]]:
        """Set an entry where there is none."""
        above, name = split(path)
        if not name:
            raise Misuse("cannot create file with empty name")
        at = yield from self.folder(above)
        return (yield from self._add(at, (*names_of(above), _raw(name)), node))

    def _add(self, at: Folder, names: Names, node: Node) -> Lookup[list[Edit]]:
        if len(names) > MAX_DEPTH:
            raise LimitExceeded("path", MAX_DEPTH, len(names), "names")
        if (yield from at.find(names[-1])) is not None:
            raise AlreadyThere("directory already has entry by that name")
        return [Edit(names, node.cid, node.tsize)]

    def unlink(self, path: str, *, recursive: bool, force: bool) -> Lookup[list[Edit]]:
        """Remove what is at *path*; with *force* whatever it is, if it is."""
        if path == "/":
            raise Misuse("cannot delete root")
        above, name = split(path.removesuffix("/"))
        try:
            at = yield from self.lookup(above)
        except NotExist:
            if force:
                return []
            raise
        if not isinstance(at, Folder):
            raise Misuse("expected *mfs.Directory, didn't get it. This is likely a race condition")
        names = (*names_of(above), _raw(name))
        if force:
            there = (yield from at.find(names[-1])) is not None
            return [Edit(names, None)] if there else []
        found = yield from self.child(at, names[-1])
        if found is None:
            raise NotExist
        if isinstance(found, Folder) and not recursive:
            raise Misuse("path is a directory, use -r to remove directories")
        return [Edit(names, None)]

    def unlink_file(self, path: str) -> Lookup[list[Edit]]:
        """Remove the file at *path*, if there is one, before another is put there."""
        above, name = split(path)
        try:
            at = yield from self.lookup(above)
        except NotExist:
            return []
        if not isinstance(at, Folder):
            raise Misuse(f"not a directory: {above}")
        found = yield from self.child(at, _raw(name))
        if found is None:
            return []
        if isinstance(found, Folder):
            raise Misuse(f"not a file: {path}")
        return [Edit((*names_of(above), _raw(name)), None)]

    def move(self, source: str, target: str) -> Plan[list[Edit]]:
        """Give what is at *source* the path *target*, or a place in the directory that is there."""
        from_above, from_name = split(source)
        into_above, into_name = split(target)
        if not into_name:
            into_above, into_name = target, from_name
        into = yield from self.folder(into_above)
        at = yield from self.folder(from_above)
        found = yield from self.child(at, _raw(from_name)) if from_name else _nothing()
        if found is None:
            raise NotExist
        from_names = (*names_of(from_above), _raw(from_name))
        names = (*names_of(into_above), _raw(into_name))
        there = yield from self.child(into, _raw(into_name))
        edits: list[Edit] = []
        if isinstance(there, Folder):
            into, names = there, (*names, from_names[-1])
        elif there is not None:
            if names == from_names:
                return []
            edits.append(Edit(names, None))
        if isinstance(found, Folder) and names[: len(from_names)] == from_names:
            raise Misuse(f"cannot move {source} into itself")
        node = yield from self.node(found)
        if edits:
            edits.append(Edit(names, node.cid, node.tsize))
        else:
            edits = yield from self._add(into, names, node)
        return [*edits, Edit(from_names, None)]

    def set_stat(self, path: str, mode: int | None, mtime: Mtime | None) -> Plan[list[Edit]]:
        """Record a mode (0: none) or modification time at *path*."""
        names = names_of(path)
        found = yield from self._lookup(names)
        if isinstance(found, Value):
            block = yield from need(Cid(found.cid))
            made, node = with_stat(block, self.recipes, mode, mtime)
            if made is not None:
                yield made
            return [Edit(names, node.cid, node.tsize)]
        copy = yield from self._copied(found)
        copy.set_meta(
            found.mode if mode is None else mode or None,
            found.mtime if mtime is None else mtime,
        )
        node = yield from self.node(copy)
        return [Edit(names, node.cid, node.tsize)]

    def set_profile(self, path: str, profile: Profile) -> Plan[list[Edit]]:
        """Give the directory at *path* another CID version or hash, not what is below it."""
        names = names_of(path)
        found = yield from self._lookup(names)
        if isinstance(found, Value):
            raise Misuse("can only update directories")
        copy = yield from self._copied(found)
        copy.set_profile(profile)
        node = yield from self.node(copy)
        return [Edit(names, node.cid, node.tsize)]

    def _copied(self, found: Folder) -> Plan[Folder]:
        """Return a directory of its own that is as *found* is now."""
        made: list[Block] = []
        node = yield from self._sealed(found, made)
        own = next((block for block in made if block.cid == node.cid), None)
        block = own or (yield from need(node.cid))
        return Folder.of(block, found.profile)

    # ---- applying ------------------------------------------------------------------------

    def apply(self, edit: Edit) -> Lookup[None]:
        """Make *edit*; the directory it is in must be there, and what it removes."""
        if not edit.path:
            if edit.cid is None:
                raise Misuse("cannot delete root")
            self.root = (yield from Tree.at(edit.cid, self.recipes)).root
            return
        *above, name = edit.path
        at, way = self.root, [self.root]
        for one in above:
            found = yield from self.child(at, one)
            if not isinstance(found, Folder):
                raise NotExist
            at = found
            way.append(at)
        if edit.cid is None:
            if (yield from at.find(name)) is None:
                raise NotExist
            yield from at.remove(name)
        else:
            yield from at.put(Value(name, edit.cid.raw, edit.tsize))
        at.opened.pop(name, None)
        at.stale.discard(name)
        for parent, child_name in zip(way, above, strict=False):
            parent.stale.add(child_name)
            parent.changed()


def _nothing() -> Lookup[None]:
    yield from ()


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _text(names: Names) -> str:
    return b"/".join(names).decode("utf-8", "surrogateescape")
