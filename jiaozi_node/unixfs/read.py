"""Reading files: a range asks for the blocks it needs and no others.

Declared sizes say where to look, never how much to believe: a child whose size is not what its
parent said is refused, so the bytes yielded are as many as the file claims, or the walk raises.
Iterative; at most 64 levels deep, which any honest layout of 2**63 bytes stays far below.
"""

from jiaozi_node.dag.walk import Walk, need
from jiaozi_node.errors import LimitExceeded, Malformed, Misuse
from jiaozi_node.formats import unixfs_pb, varint
from jiaozi_node.formats.cid import DAG_PB, Cid
from jiaozi_node.unixfs import blocks
from jiaozi_node.unixfs.blocks import Parsed

MAX_DEPTH = 64
MAX_FILE_BYTES = (1 << 63) - 1
SOON = 32  # how many of the next blocks a need names


class SizeMismatch(Malformed):
    """A file whose parts are not as long as it declares."""

    def __init__(self, cid: Cid, declared: int, found: int) -> None:
        super().__init__(f"file block {cid} declares {declared} bytes and holds {found}")
        self.cid, self.declared, self.found = cid, declared, found


def file_bytes(cid: Cid, parsed: Parsed) -> int:
    """Return the size of the file at *cid*, or of the part, by its own block.

    Raises `IsDirectory`, `NotUnixFs` for a symlink, and `Malformed` when the block contradicts
    itself: sizes and links that don't pair up, named links, a file size which is not their sum.
    """
    links, message, raw = parsed
    if raw is not None:
        return len(raw)
    if message.type not in (unixfs_pb.FILE, unixfs_pb.RAW):
        if message.type in (unixfs_pb.DIRECTORY, unixfs_pb.HAMT_SHARD):
            raise blocks.IsDirectory(cid)
        raise blocks.NotUnixFs(cid, f"a {unixfs_pb.KINDS[message.type]} has no content to read")
    if len(message.block_sizes) != len(links):
        raise Malformed(
            f"file block {cid} has {len(links)} links and sizes for {len(message.block_sizes)}"
        )
    total = len(message.data or b"") + sum(message.block_sizes)
    if total > MAX_FILE_BYTES:
        raise LimitExceeded(f"size of file {cid}", MAX_FILE_BYTES, total)
    if message.file_size is not None and message.file_size != total:
        raise SizeMismatch(cid, message.file_size, total)
    return total


def leaf_span(data: bytes) -> tuple[int, int] | None:
    """Return where the content of a dag-pb leaf lies that is in the one form importers write.

    None for anything else, which is then read with all care: other fields, links, long forms.
    """
    try:
        if data[0] != 0x0A:
            return None
        size, at = varint.decode(data, 1)
        if at + size != len(data) or data[at] != 0x08 or data[at + 2] != 0x12:
            return None
        if data[at + 1] not in (unixfs_pb.FILE, unixfs_pb.RAW):
            return None
        length, begin = varint.decode(data, at + 3)
        end = begin + length
        if not length or data[end] != 0x18 or varint.decode(data, end + 1) != (length, len(data)):
            return None
    except (IndexError, Malformed):
        return None
    return begin, end


def read(root: Cid, offset: int = 0, length: int | None = None) -> Walk[memoryview, None]:
    """Yield the bytes of the file at *root* from *offset*, *length* of them or to its end.

    An offset beyond the end yields nothing. It comes as views of the blocks, for copies would
    cost a tenth of reading a large file.
    """
    if offset < 0 or (length is not None and length < 0):
        raise Misuse("offset and length of a read must not be negative")
    if length is None:
        stop = MAX_FILE_BYTES
    else:
        stop = offset + length if length else 0
    # What is left to visit, next one last: CID, where it begins, its declared size, its depth.
    pending: list[tuple[Cid, int, int | None, int]] = [(root, 0, None, 1)]
    while pending:
        cid, start, declared, depth = pending.pop()
        soon = tuple([item[0] for item in pending[: -SOON - 1 : -1]]) if pending else ()
        block = yield from need(cid, soon)
        span = leaf_span(block.data) if cid.codec == DAG_PB else None
        if span is not None:  # nearly every block of a large file
            begin, end = span
            if declared is not None and end - begin != declared:
                raise SizeMismatch(cid, declared, end - begin)
            if start + end - begin > offset and start < stop:
                within = slice(begin + max(0, offset - start), min(end, begin + stop - start))
                yield memoryview(block.data)[within]
            continue
        parsed = blocks.parse(block)
        total = file_bytes(cid, parsed)
        if declared is not None and total != declared:
            raise SizeMismatch(cid, declared, total)
        data = parsed.raw if parsed.raw is not None else parsed.message.data
        at = start
        if data:
            at += len(data)
            if at > offset and start < stop:
                yield memoryview(data)[max(0, offset - start) : stop - start]
        if not parsed.links:
            continue
        children: list[tuple[Cid, int, int | None, int]] = []
        for (raw, name, _tsize), size in zip(parsed.links, parsed.message.block_sizes, strict=True):
            if name:
                raise Malformed(f"file block {cid} has a link named {name!r}")
            if size and at + size > offset and at < stop:
                children.append((Cid(raw), at, size, depth + 1))
            at += size
        if children and depth == MAX_DEPTH:
            raise LimitExceeded("depth of a file", MAX_DEPTH, depth + 1, "levels")
        children.reverse()
        pending += children
