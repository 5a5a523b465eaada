"""What `diff --rows` tells of one file: which table it is, and its rows (``specs/diff.md`` §5)."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from stat import S_ISREG

from jiaozi_node.dag.walk import run, stream
from jiaozi_node.formats.cid import RAW, Cid
from jiaozi_node.node import finding
from jiaozi_node.node.diffing import Delta, Ends
from jiaozi_node.node.repository import Repository
from jiaozi_node.unixfs import read as files
from jiaozi_node.unixfs.node import FILE
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.versioning import attributes, row_diff, tables
from jiaozi_node.versioning.attributes import Attributes
from jiaozi_node.versioning.row_diff import NoTable, Told

_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Read:
    """How a file is read: the *form*, and the columns of the key, None for whole rows."""

    form: str
    key: tuple[str, ...] | None
    delimiter: str


def rules(repository: Repository, told: Ends) -> Attributes:
    """Return the rules of the later side: which driver, and so which key, a path has."""
    if told.later is None:
        path = os.path.join(repository.root, attributes.FILE_NAME)
        try:
            with open(path, "rb") as file:
                data = file.read(attributes.MAX_FILE_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return Attributes()
        return attributes.parse(data)
    if told.later.codec == RAW:
        return Attributes()
    cid = finding.find(repository, told.later, (attributes.FILE_NAME,))
    get = repository.home.blocks.get
    if cid is None or run(stat(cid), get).kind != FILE:
        return Attributes()
    most = attributes.MAX_FILE_BYTES + 1
    return attributes.parse(b"".join(stream(files.read(cid, 0, most), get)))


def how(rules: Attributes, delta: Delta, key: Sequence[str] | None) -> Read | None:
    """Return how the file of *delta* is read, by *key* if given; None when it is no table."""
    driver = rules.driver(delta.parts)
    if not row_diff.is_form(driver.name):
        named = tables.by_name(delta.parts[-1])
        if named is None:
            return None
        driver = named
    named_key = driver.options.get("key")
    told = key or (None if named_key is None else named_key.split(","))
    return Read(
        driver.name, None if told is None else tuple(told), driver.options.get("delimiter", ",")
    )


def rows(
    repository: Repository, delta: Delta, rules: Attributes, key: Sequence[str] | None = None
) -> Iterator[Read | Told]:
    """Yield how the file of *delta* is read, and what differs; nothing of one that merely moved."""
    if delta.before == delta.after:
        return
    read = how(rules, delta, key)
    if read is None:
        yield NoTable("no table: neither its name nor a driver says so")
        return
    yield read
    before = None if delta.before is None else _pieces(repository, delta.before)
    after = None if delta.after is None else _later(repository, delta, delta.after)
    if (before is None) != (delta.before is None) or (after is None) != (delta.after is None):
        yield NoTable("a symlink is no table")
        return
    yield from row_diff.compare(read.form, before, after, read.key, read.delimiter)


def _pieces(repository: Repository, cid: Cid) -> Iterator[bytes] | None:
    """Return the content of a file; None for a symlink."""
    get = repository.home.blocks.get
    if cid.codec != RAW and run(stat(cid), get).kind != FILE:
        return None
    return (bytes(piece) for piece in stream(files.read(cid), get))


def _later(repository: Repository, delta: Delta, cid: Cid) -> Iterator[bytes] | None:
    """Return the content of the later side, which may be the user's file."""
    if not delta.on_disk:
        return _pieces(repository, cid)
    path = os.path.join(repository.root, *delta.parts)
    if not S_ISREG(os.lstat(path).st_mode):
        return None
    return _read(path)


def _read(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(_READ_BYTES):
            yield piece
