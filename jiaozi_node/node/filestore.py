"""The filestore of a home: blocks that stay in the user's files (``ipfs add --nocopy``).

On while ``Experimental.FilestoreEnabled`` is true, as in Kubo; files below the directory that holds
the home can be referred to. What a reference promises stands in ``stores/references.py``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from jiaozi_node.errors import Misuse, Refused
from jiaozi_node.formats.cid import Cid
from jiaozi_node.node.home import Home
from jiaozi_node.stores.api import BlockMissing, BlockWriter
from jiaozi_node.stores.leases import Leased
from jiaozi_node.stores.references import (
    BadReference,
    Reference,
    References,
    ReferringStore,
    Status,
)

_ROWS_AT_ONCE = 1000
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Found:
    """One reference, and how it fares; *why* says what is wrong."""

    multihash: bytes
    reference: Reference | None
    status: Status = Status.OK
    why: str = ""

    @property
    def spoiled(self) -> bool:
        """Whether it can be done without: it leads to nothing, or to other bytes."""
        return self.status not in (Status.OK, Status.BAD_ROW)


def enabled(home: Home) -> bool:
    """Tell whether the home's filestore is on."""
    return home.config.find("Experimental.FilestoreEnabled") is True


def references(home: Home) -> References:
    """Return the references of *home*; raises `Refused` while the filestore is off."""
    if not enabled(home):
        raise Refused("filestore is not enabled, see https://git.io/vNItf")
    return References(home.path.resolve().parent, home.names)


def listed(home: Home, *, verify: bool = False, by_file: bool = False) -> Iterator[Found]:
    """Yield every reference, in order of multihash or by file and offset."""
    kept = references(home)
    rows = kept.rows()
    if by_file:
        rows = iter(sorted(rows, key=_place))
    for multihash, one in rows:
        if isinstance(one, BadReference):
            yield Found(multihash, None, one.status, str(one))
        else:
            yield _checked(kept, multihash, one) if verify else Found(multihash, one)


def verified(home: Home, cid: Cid) -> Found:
    """Return the reference to *cid*, read and held to its hash."""
    kept = references(home)
    try:
        one = kept.find(cid.multihash)
    except BadReference as fault:
        return Found(cid.multihash, None, fault.status, str(fault))
    if one is None:
        return Found(cid.multihash, None, Status.UNKNOWN, str(BlockMissing(cid)))
    return _checked(kept, cid.multihash, one)


def in_both(home: Home) -> Iterator[Cid]:
    """Yield the blocks that lie in a segment too; the process that holds the home can tell."""
    references(home)
    store = home.blocks.inner if isinstance(home.blocks, Leased) else home.blocks
    if isinstance(store, ReferringStore):
        yield from store.in_both()


def _checked(kept: References, multihash: bytes, one: Reference) -> Found:
    try:
        kept.read(multihash, one)
    except BadReference as fault:
        return Found(multihash, one, fault.status, str(fault))
    return Found(multihash, one)


def _place(row: tuple[bytes, Reference | BadReference]) -> tuple[str, int, bytes]:
    multihash, one = row
    return (
        ("", 0, multihash) if isinstance(one, BadReference) else (one.path, one.offset, multihash)
    )


class Referring:
    """Takes leaves that stay in their files during one act of writing; see ``Refer``.

    Call `flush` before the writer ends and anything names them.
    """

    def __init__(self, home: Home, writer: BlockWriter) -> None:
        if not enabled(home):
            raise Misuse(
                "either the filestore or the urlstore must be enabled to use nocopy, see: "
                "https://github.com/ipfs/kubo/blob/master/docs/experimental-features.md#ipfs-filestore"
            )
        self._references, self._writer = references(home), writer
        self._rows: dict[bytes, tuple[Cid, Reference]] = {}

    def __call__(self, cid: Cid, path: str, offset: int, size: int) -> None:
        """Refer to *size* bytes at *offset* of the file at the absolute *path*."""
        self._rows[cid.multihash] = cid, self._references.made(path, offset, size)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Make what was taken durable. A block that is here already gets no reference."""
        rows, self._rows = list(self._rows.values()), {}
        moved = [
            row for row in rows if self._references.find(row[0].multihash) not in (None, row[1])
        ]
        self._put(moved)  # what was referred to before may be gone; this was read just now
        for _ in range(_TRIES):  # a collection may drop what nothing holds yet
            here = self._writer.present([cid for cid, _ in rows])
            rows = [row for row, there in zip(rows, here, strict=True) if not there]
            if not rows:
                return
            self._put(rows)
        raise BlockMissing(rows[0][0])

    def _put(self, rows: list[tuple[Cid, Reference]]) -> None:
        if rows:
            self._references.put([(cid.multihash, one) for cid, one in rows])
