"""Paths: from a CID and names to a block, and what remains inside it.

Names go through UnixFS directories (HAMT too) by entry, through dag-cbor and dag-json by key or
index, following a link wherever one stands, so ``/ipfs/<commit>/parents/0/tree/sub/b.txt`` crosses
from one to the other. ``/ipld/`` takes dag-pb blocks as plain ``Data`` and ``Links`` instead.
Texts are cleaned as Kubo cleans them: empty names and ``.`` vanish, ``..`` goes up.
"""

from typing import NamedTuple

from jiaozi_node.dag.walk import Lookup, need
from jiaozi_node.errors import LimitExceeded, Malformed, Misuse, NotFound
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import codecs, dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block, within
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.unixfs_pb import MalformedUnixFs
from jiaozi_node.unixfs import directory
from jiaozi_node.unixfs.directory import EntryMissing

MAX_TEXT_BYTES = 8 * 1024
MAX_PARTS = 1024

_NAMESPACES = ("ipfs", "ipns", "ipld")


class InvalidPath(Malformed):
    """Text that is not a content path."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"invalid path {text if len(text) <= 80 else text[:79] + '…'!r}: {why}")
        self.text = text


class MutablePath(Misuse):
    """A path under ``/ipns/`` came to where only immutable ones can be resolved."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is a name; it has to be resolved to /ipfs/ first")
        self.text = text


class PathMissing(NotFound):
    """A block is there and has nothing under the next name of a path."""

    def __init__(self, cid: Cid, part: str, why: str) -> None:
        super().__init__(f"no link named {part!r} under {cid}: {why}")
        self.cid, self.part = cid, part


class Path(NamedTuple):
    """An immutable path: a root and the names below it. *namespace* is "ipfs" or "ipld"."""

    root: Cid
    parts: tuple[str, ...] = ()
    namespace: str = "ipfs"

    @staticmethod
    def parse(text: str) -> "Path":
        """Read ``/ipfs/CID/…``, ``ipfs://CID/…``, ``ipfs:CID/…`` or ``CID/…``.

        Raises `InvalidPath`, `MutablePath` for ``/ipns/…``, `LimitExceeded`.
        """
        namespace, segments = split(text)
        if namespace == "ipns":
            raise MutablePath(text)
        return Path(Cid.parse(segments[0]), segments[1:], namespace)

    def __str__(self) -> str:
        return "/".join(("", self.namespace, str(self.root), *self.parts))


def split(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the namespace of *text* and its cleaned segments, the first naming the root."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_TEXT_BYTES:
        raise LimitExceeded("path", MAX_TEXT_BYTES, size)
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() in _NAMESPACES:
        path = f"/{scheme.lower()}/{rest.removeprefix('//')}"
    else:
        path = text if text.startswith("/") else f"/ipfs/{text}"
    segments: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del segments[-1:]
        elif part not in ("", "."):
            segments.append(part)
    if len(segments) < 2:
        raise InvalidPath(text, "it has no root")
    if segments[0] not in _NAMESPACES:
        raise InvalidPath(text, f"{segments[0]!r} is not a namespace (ipfs, ipns, ipld)")
    if len(segments) - 2 > MAX_PARTS:
        raise LimitExceeded("path", MAX_PARTS, len(segments) - 2, "names")
    return segments[0], tuple(segments[1:])


def clean(text: str) -> str:
    """Return *text* as a clean path, of whichever namespace; a slash at its end stays."""
    namespace, segments = split(text)
    return f"/{namespace}/{'/'.join(segments)}{'/' if text.endswith('/') else ''}"


class Resolved(NamedTuple):
    """Where a path leads: a block, and the names that lead on inside it (none for a whole one).

    *above* are the blocks the path went through, root first, without shards of directories.
    """

    cid: Cid
    remainder: tuple[str, ...] = ()
    above: tuple[Cid, ...] = ()


def resolve(path: Path) -> Lookup[Resolved]:
    """Follow *path* to its last link; the block it ends at is not fetched.

    Raises `EntryMissing` or `PathMissing` for a name that is not there.
    """
    return (yield from trail(path))[0]


def trail(path: Path) -> Lookup[tuple[Resolved, tuple[Cid, ...]]]:
    """Follow *path* as `resolve` does; tell also where the path up to each of its names leads.

    The first of these is the root, the last where the path ends: what ``X-Ipfs-Roots`` lists.
    """
    cid, at, parts = path.root, 0, path.parts
    above: list[Cid] = []
    roots = [cid]
    while at < len(parts):
        block = yield from need(cid)
        above.append(cid)
        if path.namespace == "ipfs" and cid.codec == c.DAG_PB:
            cid = yield from _step(block, parts[at])
            at += 1
            roots.append(cid)
            continue
        found, used = _inside(block, parts[at:])
        at += used
        roots += [cid] * (used - 1)
        roots.append(cid if found is None else found)
        if found is None:
            return Resolved(cid, parts[at - used :], tuple(above[:-1])), tuple(roots)
        cid = found
    return Resolved(cid, (), tuple(above)), tuple(roots)


def _step(block: Block, part: str) -> Lookup[Cid]:
    """Follow one name through a dag-pb block: a directory's entry, else a link of that name."""
    try:
        links, data = dag_pb.decode_links(block.data)
    except Malformed as fault:
        raise within(block.cid, fault) from None
    try:
        kind = None if data is None else unixfs_pb.decode(data).type
    except MalformedUnixFs:
        kind = None
    if kind in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
        return (yield from directory.lookup_in(block, part)).cid
    if kind is None:
        wanted = part.encode("utf-8", "surrogateescape")
        for raw, name, _tsize in links:
            if name == wanted:
                return Cid(raw)
        raise EntryMissing(block.cid, part)
    raise PathMissing(block.cid, part, f"it is a {unixfs_pb.KINDS[kind]}")


def _inside(block: Block, parts: tuple[str, ...]) -> tuple[Cid | None, int]:
    """Go by *parts* into a block's value to the first link; return it and how many were used.

    None when all were used and what they lead to is no link.
    """
    if block.cid.codec == c.RAW:
        raise PathMissing(block.cid, parts[0], "it is raw data")
    try:
        value = codecs.decode(block.cid.codec, block.data)
    except Malformed as fault:
        raise within(block.cid, fault) from None
    for used, part in enumerate(parts):
        if isinstance(value, dict):
            if part not in value:
                raise PathMissing(block.cid, part, "no such key")
            value = value[part]
        elif isinstance(value, (list, tuple)):
            if not (part.isascii() and part.isdigit() and len(part) < 10):
                raise PathMissing(block.cid, part, "not an index of the list")
            if int(part) >= len(value):
                raise PathMissing(block.cid, part, f"the list has {len(value)} items")
            value = value[int(part)]
        else:
            raise PathMissing(block.cid, part, "it is neither map nor list")
        if isinstance(value, Cid):
            return value, used + 1
    return None, len(parts)
