"""The keys of a home as IPNS and ``ipfs key`` see them: the node's own as ``self``, others by name.

Refusals are in Kubo's words. A key that a repository is named by can't be renamed or removed here:
nothing could be published under the repository's name any more.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Final

from jiaozi_node.errors import Conflict, Corrupt, Malformed, NotFound
from jiaozi_node.formats.key_types import SignKey, read_private
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.node.home import Home
from jiaozi_node.stores.keystore import KeyMissing
from jiaozi_node.versioning.repositories import Repositories, RepositoryMissing

SELF: Final = "self"


class NoSuchKey(NotFound):
    """A key was named that is not here; said as the command at hand says it in Kubo."""

    def __init__(self, name: str, words: str = "no key by the given name was found") -> None:
        super().__init__(words)
        self.name = name


class KeyTaken(Conflict):
    """A key of that name is here already."""

    def __init__(self, name: str, words: str = "") -> None:
        super().__init__(words or f"key with name '{name}' already exists")
        self.name = name


class OfRepository(Conflict):
    """A key was to go that a repository is named by."""

    def __init__(self, name: str, alias: str) -> None:
        super().__init__(f"key {name} is that of the repository {alias!r}, which is named by it")
        self.name, self.alias = name, alias


def own(home: Home) -> SignKey:
    """Return the node's own key; raises `Corrupt` when the configuration holds none."""
    try:
        text = str(home.config.find("Identity.PrivKey", ""))
        return read_private(base64.b64decode(text, validate=True))
    except (binascii.Error, Malformed) as fault:
        raise Corrupt(f"Identity.PrivKey in the configuration is no key: {fault}") from None


def named(home: Home, name: str) -> SignKey:
    """Return the key called *name*; raises `NoSuchKey`."""
    if name == SELF:
        return own(home)
    try:
        return home.keys.get(name)
    except KeyMissing:
        raise NoSuchKey(name) from None


def sought(home: Home, text: str) -> SignKey:
    """Return the key whose name or peer id *text* is; raises `NoSuchKey`."""
    try:
        return named(home, text)
    except NoSuchKey:
        pass
    try:
        wanted = PeerId.parse(text)
    except Malformed:
        raise NoSuchKey(text) from None
    for name in (SELF, *home.keys.list()):
        key = named(home, name)
        if PeerId.of(key.public()) == wanted:
            return key
    raise NoSuchKey(text, "no key by the given name or PeerID was found")


def listed(home: Home, note: Callable[[str], None]) -> Iterator[tuple[str, PeerId]]:
    """Yield name and id of every key, the node's own first; one that can't be read is noted."""
    yield SELF, PeerId.of(own(home).public())
    for name in home.keys.list():
        try:
            yield name, PeerId.of(home.keys.get(name).public())
        except (Corrupt, Malformed, NotFound) as fault:
            note(f"cannot get key from keystore: {fault}")


def add(home: Home, name: str, key: SignKey, doing: str) -> PeerId:
    """Keep *key* as *name*; *doing* is said when it is the node's own name."""
    _not_self(name, doing)
    if name in home.keys.list():
        raise KeyTaken(name)
    home.keys.put(name, key)
    return PeerId.of(key.public())


def rename(home: Home, old: str, new: str, *, force: bool) -> tuple[PeerId, bool]:
    """Give the key *old* the name *new*; return its id, and whether another key went for it."""
    _not_self(old, "rename")
    _not_self(new, "overwrite")
    peer = _one(home, old)
    if new == old:
        return peer, False
    _not_of_repository(home, old)
    if new in home.keys.list():
        if not force:
            raise KeyTaken(new, "key by that name already exists, refusing to overwrite")
        _not_of_repository(home, new)
    return peer, home.keys.rename(old, new, overwrite=force)


def remove(home: Home, name: str) -> PeerId:
    """Forget the key *name*; return its id."""
    _not_self(name, "remove")
    peer = _one(home, name)
    _not_of_repository(home, name)
    home.keys.delete(name)
    return peer


def _one(home: Home, name: str) -> PeerId:
    try:
        return PeerId.of(home.keys.get(name).public())
    except KeyMissing:
        raise NoSuchKey(name, f"no key named {name} was found") from None


def _not_self(name: str, doing: str) -> None:
    if name == SELF:
        raise Conflict(f"cannot {doing} key with name '{SELF}'")


def _not_of_repository(home: Home, name: str) -> None:
    try:
        found = Repositories(home.names).get(name)
    except RepositoryMissing:
        return
    raise OfRepository(name, found.alias)
