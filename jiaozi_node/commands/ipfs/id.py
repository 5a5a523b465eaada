"""``ipfs id``: who this node is. Without a daemon there are no addresses and no protocols."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Needs, Option
from jiaozi_node.errors import JiaoziError, Misuse, Unavailable

if TYPE_CHECKING:
    from jiaozi_node.formats.key_types import VerifyKey
    from jiaozi_node.formats.peer_id import PeerId


def id_(call: Call) -> Iterator[dict[str, Any]]:
    """Yield what is known of this node, or with ``--offline`` of the peer named."""
    from jiaozi_node import __version__
    from jiaozi_node.formats.peer_id import PeerId
    from jiaozi_node.node import keyring
    from jiaozi_node.node.local_home import identity_of

    base = _base(call.option("peerid_base"))
    own = PeerId.parse(identity_of(call.home.config))
    asked = call.args["peerid"]
    try:
        peer = own if asked is None else PeerId.parse(asked)
    except JiaoziError:
        raise Misuse("invalid peer id") from None
    if peer == own:
        suffix = call.agent_suffix or call.home.config.find("Version.AgentSuffix", "")
        row = _row(peer, base, None, f"jiaozi/{__version__}" + (suffix and f"/{suffix}"))
        if not row["PublicKey"]:  # of a long key the id is a hash
            row["PublicKey"] = _text_of_key(keyring.own(call.home).public())
        yield row
        return
    if not call.globals.get("offline"):
        raise Unavailable(
            "'ipfs id' cannot query information on remote peers without a running daemon; "
            "if you only want to convert --peerid-base, pass --offline option"
        )
    yield _row(peer, base, [f"/p2p/{peer}"], "")


def _row(peer: "PeerId", base: str, addresses: list[str] | None, agent: str) -> dict[str, Any]:
    return {
        "ID": _text_of(peer, base),
        "PublicKey": _public_key(peer),
        "Addresses": addresses,
        "AgentVersion": agent,
        "Protocols": None,
    }


def _public_key(peer: "PeerId") -> str:
    try:
        key = peer.key
    except JiaoziError:
        return ""
    return "" if key is None else _text_of_key(key)


def _text_of_key(key: "VerifyKey") -> str:
    import base64

    return base64.b64encode(key.protobuf()).decode("ascii")


def _base(text: str) -> str:
    from jiaozi_node.commands.ipfs.cid_text import base_named

    return text if text == "b58mh" else base_named(text)


def _text_of(peer: "PeerId", base: str) -> str:
    from jiaozi_node.formats import multibase

    return str(peer) if base == "b58mh" else multibase.encode(base, peer.cid.raw)


def _text(row: dict[str, Any], call: Call) -> str:
    from jiaozi_node.commands.ipfs.go_text import indented

    form = call.option("format")
    if form is None:
        return indented(row, "\t") + "\n\n"
    for token, value in (
        ("<id>", row["ID"]),
        ("<aver>", row["AgentVersion"]),
        ("<pubkey>", row["PublicKey"]),
        ("<addrs>", "\n".join(row["Addresses"] or ())),
        ("<protocols>", "\n".join(row["Protocols"] or ())),
        ("\\n", "\n"),
        ("\\t", "\t"),
    ):
        form = form.replace(token, value)
    return str(form)


ID = Command(
    path=("ipfs", "id"),
    tagline="Show IPFS node id info.",
    handler=id_,
    arguments=(Argument("peerid", "Peer ID of the node to look up.", required=False),),
    options=(
        Option(
            "format", Kind.TEXT, "Output format: <id> <aver> <pubkey> <addrs> <protocols>.", ("f",)
        ),
        Option(
            "peerid-base",
            Kind.TEXT,
            "Encoding of peer IDs: a base of a CID, or base58btc of the multihash (b58mh).",
            default="b58mh",
        ),
    ),
    answer=Answer.VALUE,
    needs=Needs.NODE,
    text=_text,
)
