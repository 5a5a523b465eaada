"""CAR files into blocks: each one verified before it is handed on, the roots reported.

A stream can't promise what comes later, so blocks are handed on as they come: a caller who must
change nothing on a bad file puts them in one act, and names nothing before the end. That roots are
among the blocks is not asked: a CAR may bring a part of a DAG.
"""

from collections.abc import Generator
from typing import NamedTuple

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats import car
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.car import Reads
from jiaozi_node.formats.cid import Cid

MAX_ROOTS = 4096


class Imported(NamedTuple):
    """What a CAR file held: its roots in order, how many blocks (repeats counted), their bytes."""

    roots: tuple[Cid, ...]
    blocks: int
    size_bytes: int


def blocks_of(
    stream: Reads, max_block_bytes: int | None = None, size_bytes: int | None = None
) -> Generator[Block, None, Imported]:
    """Yield the verified blocks of the CAR file in *stream*; return what it was.

    *size_bytes* is the length of the file where known. Raises `car.InvalidCar` or `LimitExceeded`.
    """
    reader = (
        car.read(stream, size_bytes=size_bytes)
        if max_block_bytes is None
        else car.read(stream, max_block_bytes, size_bytes)
    )
    if len(reader.roots) > MAX_ROOTS:
        raise LimitExceeded("CAR header", MAX_ROOTS, len(reader.roots), "roots")
    blocks = size = 0
    for block in reader:
        blocks += 1
        size += len(block.data)
        yield block
    return Imported(tuple(reader.roots), blocks, size)
