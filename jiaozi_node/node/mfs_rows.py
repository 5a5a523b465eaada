"""The rows of the kind ``mfs``: the root that was last written, and the edits made to it since.

One row has the root; each other row has edits in the order they were made, and its key counts up.
The file system is the root with all edits made in order (``specs/mfs.md`` §1). Links in either keep
what they lead to from collection.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from jiaozi_node.errors import Corrupt, Malformed
from jiaozi_node.formats import dag_cbor
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import Change, Names
from jiaozi_node.unixfs.mfs import Edit

KIND: Final = "mfs"
ROOT: Final = b""


class Found(NamedTuple):
    """What the rows hold: the root's row (None for an empty directory), keys and edits."""

    root: Cid | None
    row: bytes | None
    keys: list[bytes]
    edits: list[Edit]


def read(names: Names) -> Found:
    """Return what *names* holds; raises `Corrupt` for rows that can't be read."""
    root, row = None, None
    keys: list[bytes] = []
    edits: list[Edit] = []
    for key, value in names.scan(KIND):
        try:
            if key == ROOT:
                row, root = value, _root(dag_cbor.decode(value))
            else:
                edits += _edits(dag_cbor.decode(value))
                keys.append(key)
        except (Malformed, ValueError, TypeError, KeyError) as fault:
            raise Corrupt(f"the row mfs {key.hex() or 'root'} can't be read: {fault}") from None
    return Found(root, row, keys, edits)


def root_row(root: Cid) -> bytes:
    """Return the value of the root's row."""
    return dag_cbor.encode({"root": root})


def appended(number: int, edits: Sequence[Edit]) -> Change:
    """Return the change that adds *edits* as the row *number*, which must not be there."""
    rows: list[Any] = []
    for path, cid, tsize in edits:
        joined = b"/".join(path)
        rows.append([joined] if cid is None else [joined, cid, tsize])
    return Change(KIND, key_of(number), dag_cbor.encode({"edits": rows}), None)


def folded(root: Cid, old: bytes | None, keys: Iterable[bytes]) -> list[Change]:
    """Return the changes that put *root* in the place of the row *old* and of the edits *keys*."""
    changes = [Change(KIND, ROOT, root_row(root), old)]
    changes += [Change(KIND, key, None) for key in keys]
    return changes


def key_of(number: int) -> bytes:
    """Return the key of the row of edits *number*."""
    return number.to_bytes(8, "big")


def _root(value: Any) -> Cid:  # noqa: ANN401 - what DAG-CBOR can hold
    root = value["root"]
    if not isinstance(root, Cid):
        raise TypeError("it has no root")
    return root


def _edits(value: Any) -> list[Edit]:  # noqa: ANN401 - what DAG-CBOR can hold
    found = []
    for path, *rest in value["edits"]:
        cid, tsize = rest or (None, 0)
        if not (
            isinstance(path, bytes)
            and (cid is None or isinstance(cid, Cid))
            and isinstance(tsize, int)
        ):
            raise TypeError("an edit is not a path, a link and a size")
        found.append(Edit(tuple(path.split(b"/")) if path else (), cid, tsize))
    return found
