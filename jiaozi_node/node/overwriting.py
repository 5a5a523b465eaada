"""Files are overwritten because that was asked for; what a kill leaves lying is removed.

Unlike those of a switch the files that were there are saved nowhere, so nothing can be finished or
undone later without touching what somebody wrote since. The intent (``specs/names.md`` §6.5) says
only what temporary files are called and where they may be.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from jiaozi_node.node.moving import OVERWRITE
from jiaozi_node.node.repository import INTENTS, Repository
from jiaozi_node.node.status import Parts
from jiaozi_node.stores.api import Change as RowChange
from jiaozi_node.versioning import rows
from jiaozi_node.versioning.fields import Plain
from jiaozi_node.worktree.alone import alone, remove_left
from jiaozi_node.worktree.writer import temp_prefix

_MOST_PATHS = 1000  # beyond, the whole working copy is looked through


@contextmanager
def overwriting(repository: Repository, within: Sequence[Parts]) -> Iterator[str]:
    """Let files *within* be overwritten; yields what temporary names must begin with.

    Raises `BeingWritten` when another process is at it.
    """
    token = os.urandom(6)
    named = [os.fsencode("/".join(parts)) for parts in within]
    data = rows.write(
        {"what": OVERWRITE, "token": token, "within": named if len(named) <= _MOST_PATHS else [b""]}
    )
    at = rows.key(repository.copy_id)
    with alone(repository.root):
        repository.home.names.apply((RowChange(INTENTS, at, data, expect=None),))
        try:
            yield temp_prefix(token)
        finally:
            repository.home.names.apply((RowChange(INTENTS, at, None, expect=data),))


def resume(repository: Repository, data: bytes) -> None:
    """Remove what a process left that was killed while it overwrote files."""
    at = rows.key(repository.copy_id)
    token, within = rows.read(INTENTS, at, data, _read)
    above = {parts[:depth] for parts in within for depth in range(len(parts))}
    remove_left(repository.root, temp_prefix(token), above, within)
    repository.home.names.apply((RowChange(INTENTS, at, None, expect=data),))


def _read(row: Plain) -> tuple[bytes, list[Parts]]:
    return bytes(row["token"]), [_parts(path) for path in row["within"]]


def _parts(path: bytes) -> Parts:
    return tuple(os.fsdecode(path).split("/")) if path else ()
