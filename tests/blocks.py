"""A place for the blocks of a test: what is put is had, everything else is missing."""

from collections.abc import Generator, Iterable
from typing import TypeVar

from jiaozi_node.dag.walk import Need, stream
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import BlockMissing
from jiaozi_node.unixfs.add import DirectoryBuilder, Node, add_bytes
from jiaozi_node.unixfs.edit import Edit
from jiaozi_node.unixfs.profile import Profile
from jiaozi_node.unixfs.read import read

Result = TypeVar("Result")


class Blocks:
    """Blocks by CID, and which were asked for."""

    def __init__(self) -> None:
        self.held: dict[Cid, Block] = {}
        self.asked: list[Cid] = []

    def put(self, blocks: Iterable[Block]) -> None:
        """Keep *blocks*, each checked against its CID; identity blocks never come."""
        for block in blocks:
            assert block.cid.inline is None
            self.held[block.cid] = Block.checked(block.cid, block.data)

    def get(self, cid: Cid) -> Block:
        """Return a block, or raise `BlockMissing`."""
        self.asked.append(cid)
        block = self.held.get(cid)
        if block is None:
            raise BlockMissing(cid)
        return block

    def keep(self, made: tuple[list[Block], Node]) -> Node:
        """Keep what a builder made and return its node."""
        self.put(made[0])
        return made[1]

    def add(self, data: bytes, profile: Profile) -> Node:
        """Add a file."""
        return self.keep(add_bytes(data, profile))

    def directory(self, entries: dict[str, Node], profile: Profile) -> Node:
        """Add a directory."""
        builder = DirectoryBuilder(profile)
        for name, node in entries.items():
            builder.add(name, node)
        return self.keep(builder.end())

    def edited(self, edit: Edit) -> Node:
        """Drive an edit, keeping what it writes."""
        return self.kept(edit)

    def kept(self, walk: Generator[Need | Block, Block | None, Result]) -> Result:
        """Drive a walk that puts out blocks; keep them and return its result."""
        try:
            step = next(walk)
            while True:
                if isinstance(step, Need):
                    step = walk.send(self.get(step.cid))
                else:
                    self.put([step])
                    step = next(walk)
        except StopIteration as stop:
            result: Result = stop.value
            return result

    def content(self, cid: Cid, offset: int = 0, length: int | None = None) -> bytes:
        """Read a file."""
        return b"".join(stream(read(cid, offset, length), self.get))
