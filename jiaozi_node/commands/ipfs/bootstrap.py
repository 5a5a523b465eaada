"""``ipfs bootstrap …``: the peers that a node turns to first, kept in the config.

A new home has none (design §1), and AutoConf, from which Kubo takes its ``auto`` ones, is not here:
what Kubo answers with ``AutoConf.Enabled`` false is the answer.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.errors import Misuse

if TYPE_CHECKING:
    from jiaozi_node.formats.multiaddr import Multiaddr
    from jiaozi_node.node.config import Config

_KEY = "Bootstrap"
_NO_AUTO = (
    "cannot add default bootstrap peers: AutoConf is disabled (AutoConf.Enabled=false). Enable "
    "AutoConf by setting AutoConf.Enabled=true in your config, or add specific peer addresses "
    "instead"
)


def list_(call: Call) -> Iterator[dict[str, Any]]:
    """Yield the peers as the config has them."""
    yield {"Peers": _peers(call.home.config)}


def add(call: Call) -> Iterator[dict[str, Any]]:
    """Put peers before those that are there; yield the new ones."""
    from jiaozi_node.commands.ipfs.addresses import parse
    from jiaozi_node.node.config import changing

    given = tuple(dict.fromkeys(call.args["peer"]))
    if not given:
        raise Misuse("no bootstrap peers to add")
    if "auto" in given or "default" in given:
        raise Misuse(_NO_AUTO)
    for text in given:
        address = parse(text)
        if address.peer is None:
            raise Misuse(f"invalid bootstrap address: {text}")
        if address.transport is None:
            raise Misuse(f"bootstrap address without a transport: {text}")
    with changing(call.home.path / "config") as config:
        old = _peers(config) or []
        config.set(_KEY, [*given, *(text for text in old if text not in given)])
    yield {"Peers": list(given)}


def rm(call: Call) -> Iterator[dict[str, Any]]:
    """Take peers out; yield the addresses that went. One without a transport stands for all."""
    from jiaozi_node.commands.ipfs.addresses import of_peer
    from jiaozi_node.node.config import changing

    if call.option("all"):
        yield from rm_all(call)
        return
    unwanted = [of_peer(text) for text in call.args["peer"]]
    whole = {address.peer for address in unwanted if address.transport is None}
    with changing(call.home.path / "config") as config:
        groups = _by_peer(_peers(config) or [])
        kept: list[str] = []
        gone: list[str] = []
        for address in groups:
            out = address.peer in whole or address in unwanted
            (gone if out else kept).append(str(address))
        config.set(_KEY, kept or None)
    yield {"Peers": gone}


def rm_all(call: Call) -> Iterator[dict[str, Any]]:
    """Take all peers out; yield them."""
    from jiaozi_node.node.config import changing

    with changing(call.home.path / "config") as config:
        old = _peers(config) or []
        config.set(_KEY, None)
    yield {"Peers": old if "auto" in old else [str(address) for address in _by_peer(old)]}


def _peers(config: "Config") -> list[str] | None:
    found = config.find(_KEY)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise Misuse(f"{_KEY} in the configuration is not a list of addresses")
    return found


def _by_peer(texts: list[str]) -> "list[Multiaddr]":
    """Return the addresses of *texts*, those of one peer together, peers as they come first."""
    from jiaozi_node.commands.ipfs.addresses import of_peer

    addresses = [of_peer(text) for text in texts]
    order = list(dict.fromkeys(address.peer for address in addresses))
    return sorted(addresses, key=lambda address: order.index(address.peer))


def _text(prefix: str) -> Any:  # noqa: ANN401 - a Render
    def text(row: dict[str, Any], _call: Call) -> str:
        return "".join([f"{prefix}{peer}\n" for peer in sorted(row["Peers"] or ())])

    return text


_PEER = Argument(
    "peer", "A peer's address: <multiaddr>/p2p/<peerID>.", required=False, many=True, stdin=True
)
_EXPAND = Option("expand-auto", Kind.BOOL, "Taken: nothing here is 'auto'.")

BOOTSTRAP = Command(
    path=("ipfs", "bootstrap"),
    tagline="Show or edit the list of bootstrap peers.",
    handler=list_,
    answer=Answer.VALUE,
    text=_text(""),
)

LIST = Command(
    path=("ipfs", "bootstrap", "list"),
    tagline="Show peers in the bootstrap list.",
    handler=list_,
    options=(_EXPAND,),
    answer=Answer.VALUE,
    text=_text(""),
)

ADD = Command(
    path=("ipfs", "bootstrap", "add"),
    tagline="Add peers to the bootstrap list.",
    handler=add,
    arguments=(_PEER,),
    answer=Answer.VALUE,
    text=_text("added "),
)

RM = Command(
    path=("ipfs", "bootstrap", "rm"),
    tagline="Remove peers from the bootstrap list.",
    handler=rm,
    arguments=(_PEER,),
    options=(Option("all", Kind.BOOL, "Remove all bootstrap peers: use 'rm all'."),),
    answer=Answer.VALUE,
    text=_text("removed "),
)

RM_ALL = Command(
    path=("ipfs", "bootstrap", "rm", "all"),
    tagline="Remove all peers from the bootstrap list.",
    handler=rm_all,
    answer=Answer.VALUE,
    text=_text("removed "),
)
