"""Which paths a merge under way has in dispute, and the row that says one is settled."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from jiaozi_node.dag.walk import run
from jiaozi_node.formats.cid import Cid
from jiaozi_node.stores.api import Change, Family
from jiaozi_node.versioning import merge_state
from jiaozi_node.versioning.conflict import Path
from jiaozi_node.versioning.merge_state import MergeState
from jiaozi_node.versioning.merges import Under

if TYPE_CHECKING:
    from jiaozi_node.node.repository import Repository


def state_of(repository: "Repository", under: Under | None) -> MergeState | None:
    """Return the state of what is *under* way; None between two commits of a series."""
    if under is None or under.state is None:
        return None
    return run(merge_state.decode(under.state), repository.home.blocks.get)


def disputed(repository: "Repository") -> frozenset[Path]:
    """Return the paths that are in dispute and not settled."""
    state = state_of(repository, repository.merges.get(repository.copy_id))
    return frozenset() if state is None else frozenset([found.path for found in state.open])


def settled_within(repository: "Repository", within: Sequence[Path]) -> Change | None:
    """Return the change that settles all that is in dispute *within*, None where nothing is.

    The blocks are stored.
    """
    under = repository.merges.get(repository.copy_id)
    state = state_of(repository, under)
    if under is None or state is None:
        return None
    chosen = {found.path for found in state.open if is_within(found.path, within)}
    if not chosen:
        return None
    now = settled(repository, under, state, chosen.__contains__)
    return repository.merges.setting(repository.copy_id, under, now)


def settled(
    repository: "Repository", under: Under, state: MergeState, chosen: Callable[[Path], bool]
) -> Under:
    """Return *under* with the *chosen* paths settled; its blocks are stored."""
    conflicts = tuple(
        [replace(found, settled=True) if chosen(found.path) else found for found in state.conflicts]
    )
    return replace(under, state=kept(repository, replace(state, conflicts=conflicts)))


def kept(repository: "Repository", state: MergeState) -> Cid:
    """Store *state* and return its CID."""
    made = merge_state.encode(state)
    with repository.home.blocks.writer(Family.OWN) as writer:
        writer.put(made)
    return made[-1].cid


def as_on_disk(repository: "Repository", tree: Cid, paths: Iterable[Path]) -> Cid:
    """Return *tree* with what the files at *paths* hold now, stored."""
    return repository.staging().of_files(paths, tree)


def is_within(path: Path, within: Sequence[Path]) -> bool:
    """Tell whether *path* is one of *within*, or below one."""
    return any(path[: len(parts)] == parts for parts in within)
