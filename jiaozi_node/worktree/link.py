"""``.jiaozi/worktree.toml``: what makes a directory a working copy.

It holds the ids of the repository and of the working copy itself and nothing else (design §1);
where the repository lives, its branches and what is checked out are the node's business.
"""

import os
import re
from dataclasses import dataclass

from jiaozi_node.errors import Malformed, NotFound
from jiaozi_node.worktree.names import RESERVED

FILE_NAME = "worktree.toml"
INDEX_NAME = "index.db"
MAX_BYTES = 4096

_LINE = re.compile(
    r"""\s*(repository|working_copy)\s*=\s*"([0-9A-Za-z]{1,128})"\s*(?:\#.*)?""", re.A
)
_HEAD = "# A working copy of jiaozi. Moving the directory is fine; editing this file is not.\n"


class NoWorkingCopy(NotFound):
    """Neither the directory nor one above it is a working copy."""

    def __init__(self, start: str) -> None:
        super().__init__(f"{start} is not in a working copy (no {RESERVED} here or above)")
        self.start = start


class InvalidLink(Malformed):
    """A ``worktree.toml`` that doesn't hold the two ids."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"invalid {path}: {why}")
        self.path, self.why = path, why


@dataclass(frozen=True, slots=True)
class Link:
    """A working copy: the directory *root*, the id of its *repository*, the id it has itself."""

    root: str
    repository: str
    working_copy: str

    @property
    def index_path(self) -> str:
        """Where its stat index rests."""
        return os.path.join(self.root, RESERVED, INDEX_NAME)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process stands: the working copy that holds the directory *start*, and its inode."""

    start: str
    link: Link | None
    inode: int


def new_id() -> str:
    """Return a fresh id for a working copy: 32 hex digits."""
    return os.urandom(16).hex()


def find(start: str | os.PathLike[str]) -> Link | None:
    """Return the working copy that holds the directory *start*, else None.

    The nearest one counts. Raises `InvalidLink` when its file is damaged.
    """
    here = os.path.realpath(start)
    while True:
        if os.path.lexists(os.path.join(here, RESERVED, FILE_NAME)):
            return read(here)
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def of(start: str | os.PathLike[str]) -> Link:
    """Return the working copy that holds *start*; raises `NoWorkingCopy`."""
    link = find(start)
    if link is None:
        raise NoWorkingCopy(os.fspath(start))
    return link


def place(start: str | os.PathLike[str]) -> Place:
    """Look where *start* is."""
    link = find(start)
    return Place(os.fspath(start), link, 0 if link is None else os.stat(link.root).st_ino)


def read(root: str | os.PathLike[str]) -> Link:
    """Read the link of the working copy *root*; raises `NoWorkingCopy`, `InvalidLink`."""
    root = os.fspath(root)
    path = os.path.join(root, RESERVED, FILE_NAME)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NoWorkingCopy(root) from None
    except OSError as fault:
        raise InvalidLink(path, (fault.strerror or str(fault)).lower()) from None
    try:
        data = os.read(fd, MAX_BYTES + 1)
    except OSError as fault:
        raise InvalidLink(path, (fault.strerror or str(fault)).lower()) from None
    finally:
        os.close(fd)
    return parse(root, data)


def parse(root: str, data: bytes) -> Link:
    """Read *data*, what the link of the working copy *root* holds; raises `InvalidLink`."""
    path = os.path.join(root, RESERVED, FILE_NAME)
    if len(data) > MAX_BYTES:
        raise InvalidLink(path, f"it is over {MAX_BYTES} bytes")
    found: dict[str, str] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or match[1] in found:
            raise InvalidLink(path, f"line {number} is not one of its two ids")
        found[match[1]] = match[2]
    if len(found) != 2:
        raise InvalidLink(path, "it lacks the id of the repository or of the working copy")
    return Link(root, found["repository"], found["working_copy"])


def write(link: Link) -> None:
    """Write *link* durably in place of what is there; the directory ``.jiaozi`` is made."""
    text = f'{_HEAD}repository = "{link.repository}"\nworking_copy = "{link.working_copy}"\n'
    for value in (link.repository, link.working_copy):
        if not (value.isascii() and value.isalnum() and len(value) <= 128):
            raise Malformed(f"{value!r} is not an id")
    directory = os.path.join(link.root, RESERVED)
    os.makedirs(directory, exist_ok=True)
    here = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        temp = f"{FILE_NAME}.{os.urandom(4).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        fd = os.open(temp, flags, 0o644, dir_fd=here)
        try:
            os.write(fd, text.encode("ascii"))
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temp, FILE_NAME, src_dir_fd=here, dst_dir_fd=here)
        os.fsync(here)
    finally:
        os.close(here)


def place_below(root: str, path: str) -> tuple[str, ...] | None:
    """Return the names that lead from *root* down to *path*, both real paths; None elsewhere."""
    return rest(tuple(path.split(os.sep)), tuple(root.rstrip(os.sep).split(os.sep)))


def rest(parts: tuple[str, ...] | None, base: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return what follows *base* in *parts*; None when they don't begin with it."""
    if parts is None or base is None or parts[: len(base)] != base:
        return None
    return parts[len(base) :]
