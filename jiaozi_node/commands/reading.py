"""The bytes of a file for a command: small ones as they come, large ones read ahead."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jiaozi_node.dag.walk import Get
    from jiaozi_node.formats.cid import Cid

AHEAD_BYTES = 1024 * 1024  # below it, importing and starting threads costs more than they save


def content(
    root: "Cid", offset: int, length: int | None, size: int, get: "Get"
) -> Iterator[memoryview]:
    """Yield the bytes of the file at *root* from *offset*, at most *length*; it has *size*."""
    from jiaozi_node.unixfs.read import read

    walk = read(root, offset, length)
    if min(size - offset, size if length is None else length) <= AHEAD_BYTES:
        from jiaozi_node.dag.walk import stream

        return stream(walk, get)
    from jiaozi_node.dag.ahead import stream_ahead

    return stream_ahead(walk, get)
