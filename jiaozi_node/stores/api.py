"""What a place for blocks or names can do, as small protocols; a caller asks for the least.

Each promise written here is a test of ``tests/contracts/``, which every class of ``stores`` runs.
Blocks are kept by multihash: the version and codec of a CID are not part of the key (design §3),
so a block put as ``Qm…`` is found as ``bafy…`` and is handed back under the CID asked for.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from enum import IntEnum
from typing import NamedTuple, Protocol

from jiaozi_node.errors import Conflict, NotFound
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid


class BlockMissing(NotFound):
    """A block is not in the store, nor offered by any of the *asked* providers."""

    def __init__(self, cid: Cid, asked: int = 0) -> None:
        tried = f", nor at any of the {asked} providers asked" if asked else ""
        super().__init__(f"block {cid} is not here{tried}")
        self.cid, self.asked = cid, asked


class Family(IntEnum):
    """Who may see a block that an act writes (design §7): everybody, or only this node's user."""

    OWN = 0
    PUBLIC = 1


class GetsBlocks(Protocol):
    """Hands out blocks."""

    def get(self, cid: Cid) -> Block:
        """Return the block under *cid*, verified against its hash.

        Identity CIDs are answered from themselves. Raises `BlockMissing`; `Corrupt` when the
        bytes at rest don't hash to *cid*, which are never returned.
        """
        ...

    def size(self, cid: Cid) -> int:
        """Return the block's length in bytes without verifying it; raises `BlockMissing`."""
        ...


class HasBlocks(Protocol):
    """Tells which blocks are present."""

    def has(self, cids: Sequence[Cid]) -> list[bool]:
        """Say for each of *cids*, in order, whether its block is here; identity CIDs always are."""
        ...


class ReadsAtHand(GetsBlocks, Protocol):
    """Hands out blocks to an event loop, which must not wait for long."""

    def at_hand(self, cid: Cid, max_bytes: int, *, public: bool = False) -> Block | None:
        """Return the block, verified, when it has at most *max_bytes* and is had at once.

        None says that `get` knows more and has to be called where it may wait: for a longer block,
        or one that is damaged. Raises `BlockMissing`, with *public* also for a block that isn't
        everybody's to see (design §7).
        """
        ...

    def all_at_hand(self, cids: Sequence[Cid], *, public: bool = False) -> bool:
        """Tell whether the blocks of all *cids* are known to be here, without reading any.

        With *public*, whether they are everybody's to see. False also when it can't be told at
        once. Identity CIDs are not among *cids*.
        """
        ...

    def is_public(self, cids: Sequence[Cid]) -> list[bool]:
        """Say for each of *cids* whether everybody may see its block."""
        ...


class PutsBlocks(Protocol):
    """Takes blocks."""

    def writer(self, family: Family = Family.OWN) -> AbstractContextManager["BlockWriter"]:
        """Begin one act of writing.

        When the ``with`` ends normally every block put is durable: it survives a power cut. When
        it ends by an exception, blocks may or may not be kept, whole ones only.
        """
        ...


class BlockWriter(Protocol):
    """Takes the blocks of one act."""

    def put(self, blocks: Iterable[Block]) -> None:
        """Add *blocks*, in any order and with repeats; identity blocks are dropped.

        A block put is readable at once through the same store.
        """
        ...

    def present(self, cids: Sequence[Cid]) -> list[bool]:
        """Say which of *cids* are here, and keep those from collection until the act ends."""
        ...


class DropsBlocks(Protocol):
    """Forgets blocks."""

    def drop(self, cids: Iterable[Cid]) -> int:
        """Forget the blocks of *cids*; return how many were here. Absent ones are passed over."""
        ...


class ListsBlocks(Protocol):
    """Enumerates blocks."""

    def multihashes(self) -> Iterator[bytes]:
        """Yield the multihash of every block, each once, in no promised order.

        It yields all that were here from beginning to end or raises; it never ends early.
        """
        ...


class ReadsBlocks(GetsBlocks, HasBlocks, ListsBlocks, Protocol):
    """Everything that can be asked of blocks at rest without changing them."""

    def close(self) -> None:
        """Release it. Later calls raise `Misuse`; closing twice is harmless."""
        ...


class BlockStore(ReadsBlocks, PutsBlocks, DropsBlocks, Protocol):
    """Everything a node asks of the place where its blocks rest."""


class Change(NamedTuple):
    """One row to set or remove: *value* None removes; *expect* is what must stand there now.

    ``expect=ANY`` doesn't look; ``expect=None`` asks that the row be absent.
    """

    kind: str
    key: bytes
    value: bytes | None
    expect: bytes | None = b"\0any"


ANY = b"\0any"  # no stored value begins so: values are DAG-CBOR, which never starts with 00 'a'


class NameConflict(Conflict):
    """A row is not as a change expected; nothing of the batch was applied."""

    def __init__(self, kind: str, key: bytes, found: bytes | None) -> None:
        super().__init__(f"{kind} {key.decode('utf-8', 'replace')!r} was changed by somebody else")
        self.kind, self.key, self.found = kind, key, found


class Names(Protocol):
    """Rows that can't be derived: (kind, key) to value, in key order, compare-and-swap."""

    def get(self, kind: str, key: bytes) -> bytes | None:
        """Return the value at *key* of *kind*, or None; `Corrupt` when its checksum fails."""
        ...

    def scan(self, kind: str, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield keys and values of *kind* under *prefix*, in byte order of keys.

        What it yields is one moment's state; it completes or raises. A scan of a whole kind raises
        `Corrupt` when rows that were acknowledged are gone.
        """
        ...

    def everything(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield kind, key and value of every row, in order of kinds and keys.

        All of it is one moment's state, so a row that moves from one kind to another is met. It
        completes or raises as a scan of each kind does.
        """
        ...

    def kinds(self) -> list[str]:
        """Return the kinds that have rows, in order."""
        ...

    def version(self) -> int:
        """Return a number that every `apply` changes: who sees it twice saw the same rows."""
        ...

    def went_back(self) -> int | None:
        """Return how many acknowledged acts are known to be gone, None for none."""
        ...

    def recount(self) -> None:
        """Take the rows that are here for the truth, as a repair does."""
        ...

    def apply(self, changes: Sequence[Change]) -> None:
        """Apply all of *changes* or none, durably on return.

        Raises `NameConflict` for the first row that is not as expected.
        """
        ...

    def close(self) -> None:
        """Release it. Later calls raise `Misuse`; closing twice is harmless."""
        ...
