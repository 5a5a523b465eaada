"""``ipfs key``: the keys that IPNS names are of, made, listed, moved in and out, and signed with.

No answer and no error holds any part of a private key; what Kubo quotes of a file that is no key is
left out.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.ipfs.ipns_text import IPNS_BASE, IdText, peer_named, whole_file
from jiaozi_node.errors import Conflict, Malformed, Misuse, Unavailable

if TYPE_CHECKING:
    from jiaozi_node.formats.key_types import SignKey, VerifyKey
    from jiaozi_node.formats.peer_id import PeerId

MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # of what is signed: Ed25519 needs it whole, twice
_SIGNED = b"libp2p-key signed message:"  # go-libp2p's, so that it is no record or handshake too
_PEM, _PROTOBUF = "pem-pkcs8-cleartext", "libp2p-protobuf-cleartext"


def gen(call: Call) -> Iterator[dict[str, Any]]:
    """Make a key and yield its name and id."""
    from jiaozi_node.formats.key_types import generate
    from jiaozi_node.node import keyring

    name, bits = call.args["name"], call.option("size")
    shown = IdText(call)
    if name == keyring.SELF:
        raise Conflict("cannot create key with name 'self'")
    if name in call.home.keys.list():
        raise keyring.KeyTaken(name)
    key = generate(call.option("type"), -1 if bits is None else bits)
    yield {"Name": name, "Id": shown(keyring.add(call.home, name, key, "create"))}


def ls(call: Call) -> Iterator[dict[str, Any]]:
    """Yield names and ids of all keys."""
    from jiaozi_node.node import keyring

    try:
        shown = IdText(call)
    except Misuse as fault:
        raise Misuse(f"cannot get key encoder: {fault}") from None
    found = keyring.listed(call.home, call.note)
    yield {"Keys": [{"Name": name, "Id": shown(peer)} for name, peer in found]}


def rename(call: Call) -> Iterator[dict[str, Any]]:
    """Give a key another name."""
    from jiaozi_node.node import keyring

    shown = IdText(call)
    was, now = call.args["name"], call.args["newName"]
    peer, over = keyring.rename(call.home, was, now, force=bool(call.option("force")))
    yield {"Was": was, "Now": now, "Id": shown(peer), "Overwrite": over}


def rm(call: Call) -> Iterator[dict[str, Any]]:
    """Forget keys, in order, until one can't be."""
    from jiaozi_node.node import keyring

    shown = IdText(call)
    yield {
        "Keys": [
            {"Name": name, "Id": shown(keyring.remove(call.home, name))}
            for name in call.args["name"]
        ]
    }


def export(call: Call) -> Iterator[Any]:
    """Write a key to a file that only its owner may read; yield nothing."""
    from pathlib import Path

    from jiaozi_node.formats.key_types import to_pem
    from jiaozi_node.node import keyring
    from jiaozi_node.stores.atomic import replace_file

    name, form = call.args["name"], call.option("format")
    if name == keyring.SELF:
        raise Conflict("cannot export key with name 'self'")
    try:
        key = keyring.named(call.home, name)
    except keyring.NoSuchKey:
        raise keyring.NoSuchKey(name, f"key with name '{name}' doesn't exist") from None
    if form not in (_PEM, _PROTOBUF):
        raise Misuse(f"unrecognized export format: {form}")
    ending = "pem" if form == _PEM else "key"
    target = call.option("output") or os.path.basename(f"{name}.{ending}")
    path = Path(os.path.join(call.cwd, target))
    try:
        replace_file(path, to_pem(key) if form == _PEM else key.protobuf(), 0o600)
    except OSError as fault:
        words = fault.strerror or "failed"
        raise Unavailable(f"open {target}: {words[:1].lower()}{words[1:]}") from None
    yield from ()


def import_(call: Call) -> Iterator[dict[str, Any]]:
    """Keep the key of a file; yield its name and id."""
    from jiaozi_node.formats.key_types import ECDSA
    from jiaozi_node.formats.keys import MAX_KEY_BYTES
    from jiaozi_node.node import keyring

    name = call.args["name"]
    if name == keyring.SELF:
        raise Conflict("cannot import key with name 'self'")
    shown = IdText(call)
    key = _read(whole_file(call, "key", MAX_KEY_BYTES), call.option("format"))
    if key.type == ECDSA and not call.option("allow_any_key_type"):
        raise Conflict(
            "key type *crypto.ECDSAPrivateKey is not allowed to be imported, only RSA, Ed25519, "
            "or Secp256k1; use flag --allow-any-key-type if you are sure of what you're doing"
        )
    yield {"Name": name, "Id": shown(keyring.add(call.home, name, key, "import"))}


def _read(data: bytes, form: str) -> "SignKey":
    from jiaozi_node.formats.key_types import RsaSize, from_pem, pem_type, read_private
    from jiaozi_node.formats.keys import InvalidKey

    if form not in (_PEM, _PROTOBUF):
        raise Misuse(f"unrecognized import format: {form}")
    try:
        return from_pem(data) if form == _PEM else read_private(data)
    except InvalidKey as fault:
        if form == _PEM:
            raise Malformed(fault.why) from None
        if pem_type(data) is not None:
            raise Malformed(
                f"unexpected PEM block for format={_PROTOBUF}: try again with format={_PEM}"
            ) from None
        # What is wrong with it is not said: the words would hold bytes of what may be a key.
        raise Malformed(f"unable to unmarshall format={form}: it holds no private key") from None
    except RsaSize as fault:
        raise Malformed(f"{'parsing PKCS8' if form == _PEM else 'unmarshall'}: {fault}") from None


def rotate(call: Call) -> Iterator[dict[str, Any]]:
    """Give the node a new identity; the old key stays in the keystore."""
    from jiaozi_node.formats.key_types import described, generate
    from jiaozi_node.formats.peer_id import PeerId
    from jiaozi_node.node import keyring
    from jiaozi_node.node.daemon_home import DaemonHome

    if isinstance(call.home, DaemonHome):
        raise Unavailable("ipfs daemon is running. please stop it to run this command")
    old, bits = call.option("oldkey"), call.option("size")
    if old is None:
        raise Misuse("keystore name for backing up old key must be provided")
    if old == keyring.SELF:
        raise Misuse("keystore name for back up cannot be named 'self'")
    try:
        key = generate(call.option("type"), -1 if bits is None else bits)
    except (Malformed, Misuse) as fault:
        raise Misuse(f"creating identity ({fault})") from None
    if old in call.home.keys.list():
        raise keyring.KeyTaken(
            old,
            "saving old key in keystore (key by that name already exists, refusing to overwrite)",
        )
    # The old key rests under its new name before the configuration forgets it.
    call.home.keys.put(old, keyring.own(call.home))
    peer = PeerId.of(key.public())
    _take_identity(call, peer, key)
    yield {"PeerID": str(peer), "Key": described(key)}


def _take_identity(call: Call, peer: "PeerId", key: "SignKey") -> None:
    import base64

    from jiaozi_node.node.config import changing

    with changing(call.home.path / "config") as settings:
        settings.set("Identity.PeerID", str(peer))
        settings.set("Identity.PrivKey", base64.b64encode(key.protobuf()).decode("ascii"))


def sign(call: Call) -> Iterator[dict[str, Any]]:
    """Yield a signature over a file, by a key of this home."""
    from jiaozi_node.formats import multibase
    from jiaozi_node.formats.peer_id import PeerId
    from jiaozi_node.node import keyring

    shown = IdText(call)
    name = call.option("key") or keyring.SELF
    data = whole_file(call, "message", MAX_MESSAGE_BYTES)
    key = keyring.named(call.home, name)
    yield {
        "Key": {"Name": name, "Id": shown(PeerId.of(key.public()))},
        "Signature": multibase.encode("base64url", key.sign(_SIGNED + data)),
    }


def verify(call: Call) -> Iterator[dict[str, Any]]:
    """Yield whether a signature over a file is that of a key: of this home, or named by its id."""
    from jiaozi_node.formats import key_types, multibase
    from jiaozi_node.formats.peer_id import PeerId

    shown = IdText(call)
    given = call.option("signature") or ""
    if not given:
        raise Malformed("cannot decode multibase for zero length string")
    try:
        signature = multibase.decode(given)[1]
    except multibase.UnknownBase:
        raise Malformed("selected encoding not supported") from None
    data = whole_file(call, "message", MAX_MESSAGE_BYTES)
    name, public = _verifier(call, call.option("key") or "self")
    valid = public.verify(_SIGNED + data, signature)
    if not valid and public.type == key_types.RSA:
        raise Conflict("crypto/rsa: verification error")  # as Kubo has it
    yield {"Key": {"Name": name, "Id": shown(PeerId.of(public))}, "SignatureValid": valid}


def _verifier(call: Call, text: str) -> "tuple[str, VerifyKey]":
    from jiaozi_node.commands.ipfs.go_text import quoted
    from jiaozi_node.node import keyring

    try:
        return text, keyring.named(call.home, text).public()
    except keyring.NoSuchKey:
        pass
    try:
        peer = peer_named(text)
    except Malformed:
        raise keyring.NoSuchKey(
            text, f"'{quoted(text)}' is not a known key, an IPNS Name, or a valid PeerID"
        ) from None
    found = peer.key
    if found is None:
        raise Malformed("public key is not embedded in peer ID")
    return "", found


# ---- text --------------------------------------------------------------------------------


def _id_text(row: dict[str, Any], _call: Call) -> str:
    return f"{row['Id']}\n"


def _list_text(row: dict[str, Any], call: Call) -> str:
    from jiaozi_node.commands.ipfs.go_text import escaped, table

    names = [(found["Id"], escaped(found["Name"])) for found in row["Keys"]]
    if not call.option("l"):
        return "".join([f"{name}\n" for _, name in names])
    return table([(id_, name, "") for id_, name in names], 1)


def _rename_text(row: dict[str, Any], _call: Call) -> str:
    from jiaozi_node.commands.ipfs.go_text import escaped

    over = " with overwriting" if row["Overwrite"] else ""
    return f"Key {row['Id']} renamed to {escaped(row['Now'])}{over}\n"


def _rotate_text(row: dict[str, Any], _call: Call) -> str:
    return f"generating {row['Key']} keypair...done\npeer identity: {row['PeerID']}\n"


_TYPE = Option(
    "type", Kind.TEXT, "Type of the key to create: rsa, ed25519, secp256k1.", ("t",), "ed25519"
)
_SIZE = Option("size", Kind.INT, "Size of the key to generate, in bits.", ("s",))
_LONG = Option("l", Kind.BOOL, "Show extra information about keys.")


def _format(verb: str) -> Option:
    return Option(
        "format", Kind.TEXT, f"The form of the key to {verb}: {_PROTOBUF} or {_PEM}.", ("f",),
        _PROTOBUF,
    )  # fmt: skip


GEN = Command(
    path=("ipfs", "key", "gen"),
    tagline="Create a new keypair",
    handler=gen,
    arguments=(Argument("name", "Name of the key to create."),),
    options=(_TYPE, _SIZE, IPNS_BASE),
    answer=Answer.VALUE,
    text=_id_text,
)

LS = Command(
    path=("ipfs", "key", "ls"),
    tagline="List all local keypairs.",
    handler=ls,
    options=(_LONG, IPNS_BASE),
    answer=Answer.VALUE,
    text=_list_text,
)

LIST = replace(LS, path=("ipfs", "key", "list"), tagline="Deprecated: use 'ipfs key ls' instead.")

RENAME = Command(
    path=("ipfs", "key", "rename"),
    tagline="Rename a keypair.",
    handler=rename,
    arguments=(
        Argument("name", "Name of the key to rename."),
        Argument("newName", "New name of the key."),
    ),
    options=(
        Option("force", Kind.BOOL, "Allow to overwrite an existing key.", ("f",)),
        IPNS_BASE,
    ),
    answer=Answer.VALUE,
    text=_rename_text,
)

RM = Command(
    path=("ipfs", "key", "rm"),
    tagline="Remove a keypair.",
    handler=rm,
    arguments=(Argument("name", "Names of keys to remove.", many=True, stdin=True),),
    options=(_LONG, IPNS_BASE),
    answer=Answer.VALUE,
    text=_list_text,
    help="""
    There is no way back for a key that is in no other place. The key of a repository stays.
    """,
)

EXPORT = Command(
    path=("ipfs", "key", "export"),
    tagline="Export a keypair",
    handler=export,
    arguments=(Argument("name", "Name of the key to export.", stdin=True),),
    options=(
        Option("output", Kind.TEXT, "The path where the key should be stored.", ("o",)),
        _format("export"),
    ),
    help="""
    Writes ./NAME.key, or ./NAME.pem, readable by its owner alone. Nothing is encrypted.
    """,
)

IMPORT = Command(
    path=("ipfs", "key", "import"),
    tagline="Import a key and prints imported key id",
    handler=import_,
    arguments=(
        Argument("name", "Name to keep the key under."),
        Argument("key", "Key as export writes it.", file=True),
    ),
    options=(
        IPNS_BASE,
        _format("import"),
        Option("allow-any-key-type", Kind.BOOL, "Allow importing any key type.", default=False),
    ),
    answer=Answer.VALUE,
    text=_id_text,
)

ROTATE = Command(
    path=("ipfs", "key", "rotate"),
    tagline="Rotates the IPFS identity.",
    handler=rotate,
    options=(
        Option("oldkey", Kind.TEXT, "Name to keep the present identity's key under.", ("o",)),
        _TYPE,
        _SIZE,
    ),
    answer=Answer.VALUE,
    text=_rotate_text,
    help="""
    The node gets a new key and peer id. What was signed or published with the old key stays that
    key's; commits are signed with the new one from now on. No daemon may run.
    """,
)

SIGN = Command(
    path=("ipfs", "key", "sign"),
    tagline="Generates a signature for the given data with a specified key.",
    handler=sign,
    arguments=(Argument("data", "The data to sign.", file=True, stdin=True),),
    options=(
        Option("key", Kind.TEXT, "The name of the key to use for signing.", ("k",)),
        IPNS_BASE,
    ),
    help="""
    Signed are the bytes 'libp2p-key signed message:' and the data, so that a signature made here
    is good for nothing else.
    """,
)

VERIFY = Command(
    path=("ipfs", "key", "verify"),
    tagline="Verify that the given data and signature match.",
    handler=verify,
    arguments=(
        Argument("data", "The data to verify against the signature.", file=True, stdin=True),
    ),
    options=(
        Option("key", Kind.TEXT, "The key: a name here, an IPNS name or a peer id.", ("k",)),
        Option("signature", Kind.TEXT, "Multibase-encoded signature to verify.", ("s",)),
        IPNS_BASE,
    ),
)
