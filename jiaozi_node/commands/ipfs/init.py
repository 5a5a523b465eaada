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
)
from jiaozi_node.errors import Conflict, Refused


def init(call: Call) -> Iterator[dict[str, Any]]:
    """Make the home and say whose it is; the empty directory is pinned, as in a new Kubo repo."""
    from jiaozi_node.formats.key_types import described, generate
    from jiaozi_node.node import layout
    from jiaozi_node.node.founding import found, profiles_of
    from jiaozi_node.node.home import home_path
    from jiaozi_node.node.opening import refuse_database

    refuse_database(call.option("db"))
    if not call.option("empty_repo"):
        raise Refused("--empty-repo=false: the help files that Kubo adds are not kept here")
    path = home_path(call.environ)
    if (path / layout.VERSION_FILE).exists():
        _refuse(path)
    given = _given(call)
    bits = call.option("bits")
    key = generate(call.option("algorithm"), -1 if bits is None else bits)
    home = found(path, given, profiles_of(call.option("profile")), key)
    try:
        peer = home.config.get("Identity.PeerID")
        kind = described(key)
        yield {"PeerID": peer, "Path": str(path), "Given": bool(given), "Key": kind}
    finally:
        home.close()


def _refuse(path: Path) -> None:
    fault = Conflict("ipfs configuration file already exists!")
    fault.add_note("Reinitializing would overwrite your keys")
    raise fault


def _given(call: Call) -> dict[str, Any]:
    """Return the configuration of the file argument, if there is one."""
    if call.args["default_config"] is None or call.files is None:
        return {}
    from jiaozi_node.node.config import MAX_BYTES, parse

    values: dict[str, Any] = {}
    for _name, file in call.files.streams():
        values = parse(file.read(MAX_BYTES + 1), "the given configuration")
    return values


def _text(row: dict[str, Any], _call: Call) -> str:
    made = f"initializing IPFS node at {row['Path']}\n"
    if row["Given"]:
        return made
    return f"generating {row['Key']} keypair...done\npeer identity: {row['PeerID']}\n{made}"


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
        Option(
            "algorithm", Kind.TEXT, "Type of the key: ed25519, rsa, secp256k1.", ("a",), "ed25519"
        ),
        Option("bits", Kind.INT, "Bits of an RSA key; the others have 256.", ("b",)),
        Option("empty-repo", Kind.BOOL, "Add no help files: there are none.", ("e",), True),
        Option("profile", Kind.TEXT, "Profiles to apply, separated by ','.", ("p",)),
        Option("db", Kind.TEXT, "Refused: names are kept in the home."),
    ),
    answer=Answer.VALUE,
    needs=Needs.NOTHING,
    text=_text,
)
