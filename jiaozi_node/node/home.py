"""A node home: where one node keeps its blocks, names, keys and configuration.

`Home` is what commands see. `LocalHome` opens the stores in this process; `DaemonHome`
speaks to the daemon that holds them. Only the caller's process touches the user's own files.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from jiaozi_node.errors import NotFound

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.formats.key_types import SignKey
    from jiaozi_node.node.config import Config
    from jiaozi_node.stores.api import BlockStore, Names


class HomeMissing(NotFound):
    """There is no node home where one was looked for."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"no node home at {path}; make one with 'jiaozi init' or 'jiaozi ipfs init'"
        )
        self.path = path


class HoldsKeys(Protocol):
    """Private keys by name."""

    def get(self, name: str) -> "SignKey":
        """Return the key called *name*; raises `NotFound`."""
        ...

    def put(self, name: str, key: "SignKey") -> None:
        """Keep *key* under *name*; raises `Conflict` when the name is taken."""
        ...

    def rename(self, old: str, new: str, *, overwrite: bool = False) -> bool:
        """Call the key *old* *new*; tell whether a key went for it. Raises as `get` and `put`."""
        ...

    def delete(self, name: str) -> None:
        """Forget the key; raises `NotFound`."""
        ...

    def list(self) -> list[str]:
        """Return all names, sorted."""
        ...


class HoldsLease(Protocol):
    """What an act keeps from collection until its names are moved."""

    def keep_below(self, root: "Cid") -> None:
        """Keep *root* and all that is below it; call it before walking it to see it is whole."""
        ...


class GivesLeases(Protocol):
    """Where acts get their leases."""

    def acting(self) -> AbstractContextManager[HoldsLease]:
        """Hold a lease for the span of a ``with``."""
        ...


@runtime_checkable
class Publishes(Protocol):
    """Says who may see blocks (design §7)."""

    def make_public(self, root: "Cid", progress: Callable[[int], None]) -> tuple[int, int]:
        """Let everybody see *root* and all below it; see `publishing.make_public`.

        Return how many blocks there are and how many of them were private; *progress* is told of
        blocks that were looked at.
        """
        ...

    def make_private(self, root: "Cid") -> int:
        """Take that back; return how many blocks are private now that weren't."""
        ...


class Home(Protocol):
    """One node's belongings, open. Closing it releases everything in order."""

    @property
    def path(self) -> Path:
        """The directory of the home."""
        ...

    @property
    def config(self) -> "Config":
        """The configuration as it was when the home was opened."""
        ...

    @property
    def blocks(self) -> "BlockStore":
        """Every block, verified on the way out."""
        ...

    @property
    def names(self) -> "Names":
        """Refs, pins, stages: what can't be derived from blocks."""
        ...

    @property
    def leases(self) -> GivesLeases:
        """What acts under way keep from collection; see `acts.acting`."""
        ...

    @property
    def keys(self) -> HoldsKeys:
        """The keystore."""
        ...

    def released(self) -> AbstractContextManager[None]:
        """Let go of the home within the ``with``: other processes may open it and change it.

        What was got from it before may not be used again. When the ``with`` ends by an exception,
        or the home can't be had back (`Locked`), it stays closed.
        """
        ...

    def close(self) -> None:
        """Release the home; harmless when repeated."""
        ...


def home_path(environ: Mapping[str, str]) -> Path:
    """Return where the home is: $JIAOZI_PATH, else $XDG_DATA_HOME/jiaozi (design §1)."""
    if explicit := environ.get("JIAOZI_PATH"):
        return Path(explicit)
    base = environ.get("XDG_DATA_HOME") or os.path.join(
        environ.get("HOME") or "~", ".local", "share"
    )
    return Path(base).expanduser() / "jiaozi"


def kubo_environ(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the Kubo face's environment: $IPFS_PATH is the home unless $JIAOZI_PATH says one."""
    path = environ.get("IPFS_PATH")
    if not path or environ.get("JIAOZI_PATH"):
        return environ
    return {**environ, "JIAOZI_PATH": os.path.expanduser(path)}
