"""Another root for the mutable file system, whatever state the present one is in."""

from collections.abc import Callable

from jiaozi_node.errors import Malformed, Misuse
from jiaozi_node.formats import cid as c
from jiaozi_node.formats import dag_pb, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node import mfs_rows
from jiaozi_node.node.acts import acting
from jiaozi_node.node.home import Home
from jiaozi_node.node.mfs import Mfs
from jiaozi_node.stores.api import Change, Family
from jiaozi_node.unixfs.build import DirectoryBuilder
from jiaozi_node.unixfs.profile import PROFILES


def set_root(home: Home, root: Cid | None, shown: Callable[[Cid], str]) -> tuple[Cid | None, Cid]:
    """Make *root*, or an empty directory, the root; return the old and the new one.

    Edits that were made to the old root since it was written are dropped with it. Raises `Misuse`,
    changing nothing, for a root that isn't here or is no directory.
    """
    made, empty = DirectoryBuilder(PROFILES["kubo"]).end()
    with acting(home) as act:
        if root is not None:
            act.lease.keep_below(root)
        with act.blocks.writer(Family.PUBLIC) as writer:
            if root is None or root == empty.cid:
                root = empty.cid
                writer.put(made)
            else:
                if not writer.present([root])[0]:
                    raise Misuse(
                        f"new root {shown(root)} does not exist locally; "
                        "fetch it first with 'ipfs block get'"
                    )
                inline = root.inline
                _check(act.blocks.get(root) if inline is None else Block(root, inline))
        keys = [key for key, _value in home.names.scan(mfs_rows.KIND)]
        old = _old(home)
        act.names.apply(
            [
                Change(mfs_rows.KIND, mfs_rows.ROOT, mfs_rows.root_row(root)),
                *[Change(mfs_rows.KIND, key, None) for key in keys if key != mfs_rows.ROOT],
            ]
        )
    return old, root


def _old(home: Home) -> Cid | None:
    """Return the present root: as it is now, else as it was written last."""
    try:
        return Mfs(home).at("/").cid
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is to go
        try:
            return mfs_rows.read(home.names).root
        except Exception:  # noqa: BLE001 - likewise
            return None


def _check(block: Block) -> None:
    if block.cid.codec != c.DAG_PB:
        raise Misuse("new root is not a valid dag-pb node")
    try:
        _links, data = dag_pb.decode_links(block.data)
    except Malformed as fault:
        raise Misuse(f"new root is not a valid dag-pb node: {fault}") from None
    try:
        message = unixfs_pb.decode(data or b"")
    except Malformed as fault:
        raise Misuse(f"new root is not a valid UnixFS node: {fault}") from None
    if message.type not in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
        raise Misuse(f"new root must be a directory, got {_KINDS[message.type]}")


_KINDS = {unixfs_pb.RAW: "Raw", unixfs_pb.FILE: "File", unixfs_pb.METADATA: "Metadata",
          unixfs_pb.SYMLINK: "Symlink"}  # fmt: skip
