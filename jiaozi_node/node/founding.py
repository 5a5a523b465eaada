"""A new home with what was asked for from the beginning: a given configuration, profiles, a pin.

``ipfs init`` and ``daemon --init`` make homes here. Whatever can be refused is refused before the
first file is made; the empty directory is pinned, as in a new Kubo repository.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jiaozi_node.dag.pin import Pins
from jiaozi_node.errors import Malformed
from jiaozi_node.formats import key_types, unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.key_types import SignKey
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.node.config_profiles import apply
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.stores.api import Family

_UNKNOWN: Final = "invalid configuration profile: {}"


def found(
    path: Path,
    given: Mapping[str, Any] | None = None,
    profiles: Sequence[str] = (),
    key: SignKey | None = None,
) -> LocalHome:
    """Make a home at *path* and open it; *given* sections of a config take the usual ones' place.

    *key* is its identity, else a new one of Ed25519.

    Raises `HomeExists`, `Misuse` for an unknown profile, `Malformed` for an identity in *given*
    that can't be.
    """
    given = given or {}
    if given.get("Identity") is not None:
        _check_identity(given["Identity"])
    for name in profiles:
        apply(name, dict(given), _UNKNOWN)
    home = LocalHome.create(path, key)
    try:
        settings = home.config
        for section, value in given.items():
            settings.set(section, value)
        values = settings.shown()
        for name in profiles:
            changed = apply(name, values, _UNKNOWN)
            for section, value in changed.items():
                if value != values.get(section):
                    settings.set(section, value)
            values = changed
        settings.save()
        _pin_empty_directory(home)
    except BaseException:
        home.close()
        raise
    return home


def profiles_of(text: str | None) -> tuple[str, ...]:
    """Return the names in a list of profiles that are separated by commas."""
    return tuple(name for name in (text or "").split(",") if name)


def _check_identity(identity: Any) -> None:  # noqa: ANN401 - JSON
    try:
        key = key_types.read_private(base64.b64decode(identity["PrivKey"], validate=True))
        same = PeerId.of(key.public()) == PeerId.parse(identity["PeerID"])
    except (KeyError, TypeError, binascii.Error, Malformed) as fault:
        raise Malformed(f"the given configuration has no usable identity: {fault}") from None
    if not same:
        raise Malformed("the given configuration's peer id is not that of its private key")


def _pin_empty_directory(home: LocalHome) -> None:
    block = Block.of_v0(b"\x0a\x02\x08" + bytes((unixfs_pb.DIRECTORY,)))
    with home.blocks.writer(Family.PUBLIC) as writer:
        writer.put((block,))
    Pins(home.names).add(block.cid)
