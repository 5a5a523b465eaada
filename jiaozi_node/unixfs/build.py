"""Directories from their entries: basic ones, and HAMTs once a directory outgrows its block.

Entries are sorted by the bytes of their names. A directory is sharded when its size estimate is
*over* the threshold (exactly at it stays basic) or it has more links than the profile allows, as in
Kubo since 0.40. The estimate counts names and CIDs ("links") or the very block ("block").
"""

from collections.abc import Iterable

from jiaozi_node.errors import Misuse
from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.formats.dag_pb import RawLink
from jiaozi_node.formats.unixfs_pb import UnixFs
from jiaozi_node.unixfs import shards
from jiaozi_node.unixfs.hamt import Value
from jiaozi_node.unixfs.node import DIRECTORY, Mtime, Node, stored_mode
from jiaozi_node.unixfs.profile import Profile


class BadEntryName(Misuse):
    """A name that no directory can hold."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"entry name {name!r} {why}")
        self.name = name


def name_bytes(name: str) -> bytes:
    """Return the bytes of *name* in a directory; raises `BadEntryName` for "" and "/"."""
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise BadEntryName(name, "is not text") from None
    if not raw or b"/" in raw:
        raise BadEntryName(name, "contains '/'" if raw else "is empty")
    return raw


class DirectoryBuilder:
    """Collects the entries of one directory in any order; `end` makes its blocks."""

    def __init__(
        self,
        profile: Profile,
        mode: int | None = None,
        mtime: Mtime | None = None,
        keep: bool = True,
    ) -> None:
        self._profile = profile
        self._mode, self._mtime, self._keep = stored_mode(mode), mtime, keep
        self._entries: dict[bytes, Value] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, name: str, node: Node) -> None:
        """Add an entry; raises `BadEntryName` for a name that can't be, or is there already."""
        raw = name_bytes(name)
        if raw in self._entries:
            raise BadEntryName(name, "is in the directory already")
        self._entries[raw] = Value(raw, node.cid.raw, node.tsize)

    def end(self) -> tuple[list[Block], Node]:
        """Return the directory's blocks, none without *keep*, and its node."""
        blocks, node = build(self._entries.values(), self._profile, self._mode, self._mtime)
        return blocks if self._keep else [], node


def build(
    entries: Iterable[Value], profile: Profile, mode: int | None, mtime: Mtime | None
) -> tuple[list[Block], Node]:
    """Make a directory of *entries*, basic or sharded as *profile* says."""
    ordered = sorted(entries)
    if not _over_estimate(ordered, profile):
        data = _basic(ordered, mode, mtime)
        if not _over_block(len(data), profile):
            raw = profile.seal_pb(data)
            cid = Cid(raw)
            blocks = [] if cid.inline is not None else [Block(cid, data)]
            tsize = len(data) + sum([entry.tsize for entry in ordered])
            return blocks, Node(cid, tsize, DIRECTORY, 0)
    blocks, raw, tsize = shards.build(ordered, profile, mode, mtime)
    return blocks, Node(Cid(raw), tsize, DIRECTORY, 0)


def _basic(ordered: list[Value], mode: int | None, mtime: Mtime | None) -> bytes:
    message = unixfs_pb.encode(UnixFs(unixfs_pb.DIRECTORY, mode=mode, mtime=mtime))
    links: list[RawLink] = [(cid, name, tsize) for name, cid, tsize in ordered]
    return dag_pb.encode_links(links, message)


def basic_size(mode: int | None, mtime: Mtime | None) -> int:
    """Return the bytes of an empty basic directory: where the "block" estimate begins."""
    return len(_basic([], mode, mtime))


def link_size(entry: Value, profile: Profile) -> int:
    """Return what *entry* adds to the estimate of its directory."""
    if profile.size_estimator == "links":
        return len(entry.name) + len(entry.cid)
    if profile.size_estimator == "block":
        return len(dag_pb.encode_links([(entry.cid, entry.name, entry.tsize)], None))
    return 0


def _over_estimate(entries: list[Value], profile: Profile) -> bool:
    """Tell whether names, CIDs or number of links alone make the directory a HAMT."""
    if not profile.hamt_threshold:
        return False
    if profile.directory_width and len(entries) > profile.directory_width:
        return True
    if profile.size_estimator == "disabled":
        return False
    # The block is larger still: this spares encoding what is surely over.
    size = sum([len(entry.name) + len(entry.cid) for entry in entries])
    return size > profile.hamt_threshold


def _over_block(size: int, profile: Profile) -> bool:
    return (
        profile.size_estimator == "block"
        and profile.hamt_threshold > 0
        and size > profile.hamt_threshold
    )
