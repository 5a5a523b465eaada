"""Who signs here, and whom one trusts: keys of the home by name, did:keys of others by text.

A person signs, not a repository: unless ``user.signingKey`` of the config names another, it is with
the node's own key, which every home has and which is the same in all of its repositories. The key
of a repository stays for publishing its branches; a clone hasn't got it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jiaozi_node.errors import Conflict, Misuse, NotFound
from jiaozi_node.formats.keys import TYPE_NAMES, InvalidKey, PrivateKey, PublicKey, UnsupportedKey
from jiaozi_node.node import keyring
from jiaozi_node.node.home import Home
from jiaozi_node.versioning.refname import check_alias
from jiaozi_node.versioning.signing import Ed25519Signer

NODE = keyring.SELF
DEFAULT = "user.signingKey"
TRUSTED = "trust.keys"
_DID = "did:key:"


class NoSecret(NotFound):
    """A did:key was named whose secret half is not in this home."""

    def __init__(self, did: str) -> None:
        super().__init__(f"this home can't sign as {did[:128]}; 'jiaozi key' lists its keys")
        self.did = did


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the home: its *name*, its *did*, and whether it signs when no other is named."""

    name: str
    did: str
    default: bool


def signer(home: Home, wanted: str = "") -> Ed25519Signer:
    """Return who signs: the key *wanted*, a name or a did:key, or the default one for "".

    Raises `NotFound` for one that isn't here.
    """
    wanted = wanted or _default(home)
    if not wanted.startswith(_DID):
        return Ed25519Signer.of(_named(home, wanted))
    for _name, key in _signing(home):
        one = Ed25519Signer.of(key)
        if one.key == wanted:
            return one
    raise NoSecret(wanted)


def listed(home: Home) -> Iterator[Key]:
    """Yield every key of the home that can sign, the node's own first."""
    wanted = _default(home)
    for name, key in _signing(home):
        did = key.public().did
        yield Key(name, did, wanted in (name, did))


def create(home: Home, name: str) -> Key:
    """Make a key called *name*; raises `Conflict` when there is one, `Malformed` for a bad name."""
    check_alias(name)
    if name == NODE:
        raise Conflict(f"the name {NODE!r} is that of the node's own key")
    key = PrivateKey.generate()
    home.keys.put(name, key)
    did = key.public().did
    return Key(name, did, _default(home) in (name, did))


def trusted(home: Home, given: Sequence[str] = ()) -> frozenset[str] | None:
    """Return the did:keys one trusts: *given*, else those of the config; None when none are said.

    A name stands for a key of this home.
    """
    said = given or home.config.find(TRUSTED)
    if said is None:
        return None
    if not isinstance(said, list | tuple) or not all(isinstance(one, str) for one in said):
        raise Misuse(f"{TRUSTED} in the configuration is not a list of keys: {said!r:.40}")
    return frozenset(_did(home, one) for one in said)


def _did(home: Home, text: str) -> str:
    if not text.startswith(_DID):
        return _named(home, text).public().did
    try:
        return PublicKey.from_did(text).did
    except InvalidKey as fault:
        raise Misuse(f"not a key to trust: {fault}") from None


def _default(home: Home) -> str:
    found = home.config.find(DEFAULT)
    if not isinstance(found, str | None):
        raise Misuse(f"{DEFAULT} in the configuration is not text: {found!r:.40}")
    return found or NODE


def _signing(home: Home) -> Iterator[tuple[str, PrivateKey]]:
    """Yield the keys of Ed25519: those of other types are for IPNS alone."""
    for name in (NODE, *home.keys.list()):
        key = keyring.own(home) if name == NODE else home.keys.get(name)
        if isinstance(key, PrivateKey):
            yield name, key


def _named(home: Home, name: str) -> PrivateKey:
    key = keyring.own(home) if name == NODE else home.keys.get(name)
    if not isinstance(key, PrivateKey):
        raise UnsupportedKey(TYPE_NAMES[key.type])
    return key
