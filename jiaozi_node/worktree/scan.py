"""Walk a directory of the user's: every entry once, parents first, names in byte order.

Directories are opened from their parent's descriptor; a symlink is an entry of its own unless
*follow* is set (Kubo's ``--dereference-symlinks``). Sockets, pipes and devices are refused by
name with Kubo's words. Kubo's rule for hidden names: a leading dot, the root itself excepted.
"""

import os
from collections.abc import Generator
from errno import ELOOP, ENOTDIR
from typing import Protocol, TypeAlias

from jiaozi_node.errors import Conflict, LimitExceeded, Misuse, NotFound, Unavailable
from jiaozi_node.worktree.entry import DIRECTORY, FILE, SYMLINK, Found, kind_of, mode_text
from jiaozi_node.worktree.names import MAX_DEPTH

_Level: TypeAlias = tuple[int, tuple[str, ...], "Excludes | None", list["os.DirEntry[str]"]]
_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Excludes(Protocol):
    """Rules which say what a scan passes over."""

    def excludes(self, parts: tuple[str, ...], is_directory: bool) -> bool:
        """Tell whether the entry *parts* is passed over; what is below a directory goes with it."""
        ...

    def entering(self, parts: tuple[str, ...], directory: int) -> "Excludes":
        """Return the rules within the directory *parts*, open at descriptor *directory*."""
        ...


class Unrecognized(Misuse):
    """A socket, pipe or device where files are imported; Kubo's words."""

    def __init__(self, path: str, mode: int) -> None:
        super().__init__(f"unrecognized file type for {path}: {mode_text(mode)}")
        self.path, self.mode = path, mode


class Unreadable(Unavailable):
    """A file or directory that the system doesn't let us read."""

    def __init__(self, path: str, fault: OSError) -> None:
        words = fault.strerror or str(fault)
        super().__init__(f"can't read {path}: {words[:1].lower()}{words[1:]}")
        self.path = path


class Vanished(NotFound):
    """What a directory listed a moment ago, or a caller named, is not there."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: no such file or directory")
        self.path = path


class Changed(Conflict):
    """A file that was written to while it was read."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} changed while it was read")
        self.path = path


def scan(
    root: str | os.PathLike[str],
    rules: Excludes | None = None,
    *,
    hidden: bool = True,
    follow: bool = False,
    stats: bool = True,
) -> Generator[Found, None, None]:
    """Yield the entry of *root* and all that is below it, a directory before its entries.

    *root* may be a file or, unless *follow* is set, a symlink, which is then all there is.
    ``stats=False`` spares a system call for each entry; `Found.stat` is then None except for
    the root and for followed symlinks. Raises `Vanished`, `Unreadable`, `Unrecognized`, and
    `LimitExceeded` below 256 directories.
    """
    top = os.fspath(root)
    try:
        found = os.stat(top, follow_symlinks=follow)
    except OSError as fault:
        raise unread(top, fault) from None
    kind = kind_of(found.st_mode)
    if kind is None:
        raise Unrecognized(top, found.st_mode)
    if kind != DIRECTORY:
        parent, name = os.path.split(top)
        here = _open(parent or ".", None, parent or ".", follow=True)
        try:
            yield Found((), kind, found, here, name)
        finally:
            os.close(here)
        return
    here = _open(top, None, top, follow=True)
    try:
        yield Found((), DIRECTORY, found, here, ".")
        yield from _below(here, top, rules, hidden=hidden, follow=follow, stats=stats)
    finally:
        os.close(here)


def _below(
    root: int, top: str, rules: Excludes | None, *, hidden: bool, follow: bool, stats: bool
) -> Generator[Found, None, None]:
    """Yield all entries below the open directory *root*; a stack in place of recursion."""
    if rules is not None:
        rules = rules.entering((), root)
    ancestors = {_identity(root)} if follow else set()
    # Each level: descriptor, its path, its rules, the entries still to come (last one first).
    stack: list[_Level] = [(root, (), rules, _listed(root, top, hidden))]
    try:
        while stack:
            here, parts, rules, coming = stack[-1]
            if not coming:
                stack.pop()
                if follow:
                    ancestors.discard(_identity(here))
                if stack:
                    os.close(here)
                continue
            item = coming.pop()
            path = (*parts, item.name)
            kind, found = _look(item, here, top, path, follow, stats)
            if rules is not None and rules.excludes(path, kind == DIRECTORY):
                continue
            if kind is None:
                raise Unrecognized(os.path.join(top, *path), _lstat(item, top, path).st_mode)
            if kind == DIRECTORY:
                if len(stack) >= MAX_DEPTH:
                    where = os.path.join(top, *path[:3], "…")
                    raise LimitExceeded(f"the depth of {where}", MAX_DEPTH, len(path), "names")
                where = os.path.join(top, *path)
                below = _open(item.name, here, where, follow)
                stack.append((below, path, None, []))
                if follow:
                    _remember(below, ancestors, where)
                yield Found(path, DIRECTORY, found, here, item.name)
                inner = rules.entering(path, below) if rules is not None else None
                stack[-1] = (below, path, inner, _listed(below, where, hidden))
            else:
                yield Found(path, kind, found, here, item.name)
    finally:
        for here, *_ in stack[1:]:
            os.close(here)


def unread(path: str, fault: OSError) -> Vanished | Unreadable:
    """Return our error for the system's *fault* about *path*."""
    if isinstance(fault, FileNotFoundError):
        return Vanished(path)
    return Unreadable(path, fault)


def _listed(here: int, path: str, hidden: bool) -> list["os.DirEntry[str]"]:
    """Return the entries of an open directory, last name first, ready to be popped."""
    try:
        with os.scandir(here) as entries:
            listed = [item for item in entries if hidden or item.name[0] != "."]
    except OSError as fault:
        raise unread(path, fault) from None
    listed.sort(key=_by_bytes, reverse=True)
    return listed


def _by_bytes(item: "os.DirEntry[str]") -> bytes:
    """Order by the file system's bytes: those of a str differ for surrogates (design §4)."""
    return os.fsencode(item.name)


def _look(
    item: "os.DirEntry[str]",
    here: int,
    top: str,
    path: tuple[str, ...],
    follow: bool,
    stats: bool,
) -> tuple[str | None, os.stat_result | None]:
    """Return kind and stat of *item*; the directory's own word for the kind where that will do."""
    if not stats:
        if item.is_file(follow_symlinks=False):
            return FILE, None
        if item.is_dir(follow_symlinks=False):
            return DIRECTORY, None
        if not follow and item.is_symlink():
            return SYMLINK, None
    found = _lstat(item, top, path)
    if follow and kind_of(found.st_mode) == SYMLINK:
        try:
            found = os.stat(item.name, dir_fd=here)
        except OSError as fault:
            raise unread(os.path.join(top, *path), fault) from None
    return kind_of(found.st_mode), found


def _lstat(item: "os.DirEntry[str]", top: str, path: tuple[str, ...]) -> os.stat_result:
    """Return the stat of *item* itself."""
    try:
        return item.stat(follow_symlinks=False)
    except OSError as fault:
        raise unread(os.path.join(top, *path), fault) from None


def _open(name: str, parent: int | None, path: str, follow: bool) -> int:
    """Open a directory; a symlink that took its place meanwhile is not followed."""
    flags = _DIRECTORY_FLAGS if follow else _DIRECTORY_FLAGS | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=parent)
    except OSError as fault:
        if fault.errno in {ELOOP, ENOTDIR}:
            raise Changed(path) from None
        raise unread(path, fault) from None


def _identity(here: int) -> tuple[int, int]:
    """Return what tells one directory from all others."""
    found = os.fstat(here)
    return found.st_dev, found.st_ino


def _remember(here: int, ancestors: set[tuple[int, int]], path: str) -> None:
    """Refuse a directory which is one of its own ancestors, by way of a symlink."""
    identity = _identity(here)
    if identity in ancestors:
        raise Misuse(f"{path}: its symlink leads back to a directory that holds it")
    ancestors.add(identity)
