"""``ipfs init``: a node home, alone: an Ed25519 identity, a config, empty stores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jiaozi_node.commands.declare import (
    Answer,
    Argument,
    Call,
    Command,
    Kind,
    Needs,
    Option,
    Unsupported,
)
from jiaozi_node.errors import Conflict, Malformed, Misuse, Refused


def init(call: Call) -> Iterator[dict[str, Any]]:
    """Make the home and say whose it is; the empty directory is pinned, as in a new Kubo repo."""
    from jiaozi_node.node.config_profiles import apply
    from jiaozi_node.node.home import home_path
    from jiaozi_node.node.local_home import LocalHome
    from jiaozi_node.node.opening import refuse_database

    refuse_database(call.option("db"))
    algorithm = call.option("algorithm")
    if algorithm in ("rsa", "secp256k1"):
        raise Refused(f"keys of type {algorithm} are not in this version; a later one has them")
    if algorithm != "ed25519":
        raise Misuse(f"unrecognized key type: {algorithm}")
    if not call.option("empty_repo"):
        raise Refused("--empty-repo=false: the help files that Kubo adds are not kept here")
    given = _given(call)
    path = home_path(call.environ)
    names = [name for name in (call.option("profile") or "").split(",") if name]
    for name in names:  # before anything is made
        apply(name, given or {}, "invalid configuration profile: {}")
    if (path / "version").exists():
        _refuse(path)
    home = LocalHome.create(path)
    try:
        settings = home.config
        for section, value in given.items():
            settings.set(section, value)
        values = settings.shown()
        for name in names:
            changed = apply(name, values, "invalid configuration profile: {}")
            for section, value in changed.items():
                if value != values.get(section):
                    settings.set(section, value)
            values = changed
        settings.save()
        _pin_empty_directory(home)
        yield {"PeerID": settings.get("Identity.PeerID"), "Path": str(path), "Given": bool(given)}
    finally:
        home.close()


def _refuse(path: Path) -> None:
    fault = Conflict("ipfs configuration file already exists!")
    fault.add_note("Reinitializing would overwrite your keys")
    raise fault


def _given(call: Call) -> dict[str, Any]:
    """Return the configuration of the file argument, if there is one; its identity is checked."""
    if call.args["default_config"] is None or call.files is None:
        return {}
    from jiaozi_node.node.config import MAX_BYTES, parse

    values: dict[str, Any] = {}
    for _name, file in call.files.streams():
        values = parse(file.read(MAX_BYTES + 1), "the given configuration")
    identity = values.get("Identity")
    if identity is not None:
        _check_identity(identity)
    return values


def _check_identity(identity: Any) -> None:  # noqa: ANN401 - JSON
    import base64
    import binascii

    from jiaozi_node.formats.keys import PrivateKey
    from jiaozi_node.formats.peer_id import PeerId

    try:
        key = PrivateKey.from_protobuf(base64.b64decode(identity["PrivKey"], validate=True))
        same = PeerId.of(key.public()) == PeerId.parse(identity["PeerID"])
    except (KeyError, TypeError, binascii.Error, Malformed) as fault:
        raise Malformed(f"the given configuration has no usable identity: {fault}") from None
    if not same:
        raise Malformed("the given configuration's peer id is not that of its private key")


def _pin_empty_directory(home: Any) -> None:  # noqa: ANN401 - LocalHome
    from jiaozi_node.dag.pin import Pins
    from jiaozi_node.formats import unixfs_pb
    from jiaozi_node.formats.block import Block
    from jiaozi_node.stores.api import Family

    block = Block.of_v0(b"\x0a\x02\x08" + bytes((unixfs_pb.DIRECTORY,)))
    with home.blocks.writer(Family.PUBLIC) as writer:
        writer.put((block,))
    Pins(home.names).add(block.cid)


def _text(row: dict[str, Any], _call: Call) -> str:
    made = f"initializing IPFS node at {row['Path']}\n"
    if row["Given"]:
        return made
    return f"generating ED25519 keypair...done\npeer identity: {row['PeerID']}\n{made}"


INIT = Command(
    path=("ipfs", "init"),
    tagline="Initializes ipfs config file.",
    handler=init,
    arguments=(
        Argument(
            "default-config", "Initialize with this configuration.", required=False, file=True
        ),
    ),
    options=(
        Option("algorithm", Kind.TEXT, "Type of the key: ed25519.", ("a",), "ed25519"),
        Option("empty-repo", Kind.BOOL, "Add no help files: there are none.", ("e",), True),
        Option("profile", Kind.TEXT, "Profiles to apply, separated by ','.", ("p",)),
        Option("db", Kind.TEXT, "Refused: names are kept in the home."),
    ),
    unsupported=(Unsupported("bits", "RSA keys come with a later version", ("b",), True),),
    answer=Answer.VALUE,
    needs=Needs.NOTHING,
    text=_text,
)
