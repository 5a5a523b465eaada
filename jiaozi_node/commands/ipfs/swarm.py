"""``ipfs swarm …``: connections to peers. This node has none yet, and answers as Kubo offline."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.ipfs import online
from jiaozi_node.errors import Malformed, Unavailable


def connect(call: Call) -> Iterator[Any]:
    """Refuse to connect to the first of the peers."""
    for peer in _peers(call):
        raise Unavailable(f"connect {peer} failure: {online.ACTION}")
    yield from ()


def disconnect(call: Call) -> Iterator[dict[str, Any]]:
    """Yield that no peer could be disconnected from: Kubo doesn't fail by it."""
    peers = _peers(call)
    yield {"Strings": [f"disconnect {peer} failure: {online.ACTION}" for peer in peers]}


def _peers(call: Call) -> list[str]:
    """Return the peers of the addresses given, each once, in order."""
    from jiaozi_node.commands.ipfs.addresses import parse

    found: dict[str, None] = {}
    for text in call.args["address"]:
        address = parse(text)
        if address.peer is None:
            raise Malformed(f"found no ipfs peers at {address}")
        found[str(address.peer)] = None
    return list(found)


def peering_add(call: Call) -> Iterator[Any]:
    """Check the addresses, and refuse."""
    from jiaozi_node.commands.ipfs.addresses import of_peer

    for text in call.args["address"]:
        of_peer(text)
    return online.command(call)


def resources(_call: Call) -> Iterator[Any]:
    """Refuse: nothing is accounted for."""
    raise Unavailable(
        "missing ResourceMgr: make sure the daemon is running with Swarm.ResourceMgr.Enabled"
    )


def strings(row: dict[str, Any], _call: Call) -> str:
    """Return a line for each of the strings of *row*."""
    return "".join([f"{text}\n" for text in row["Strings"] or ()])


_ADDRESSES = Argument("address", "Address of a peer to connect to.", many=True, stdin=True)

PEERS = Command(
    path=("ipfs", "swarm", "peers"),
    tagline="List peers with open connections.",
    handler=online.action,
    options=(
        Option("verbose", Kind.BOOL, "Display all extra information.", ("v",)),
        Option("streams", Kind.BOOL, "Also list information about open streams."),
        Option("latency", Kind.BOOL, "Also list information about latency."),
        Option("direction", Kind.BOOL, "Also list information about the direction."),
        Option("identify", Kind.BOOL, "Also list information about the peers' identify."),
    ),
    answer=Answer.VALUE,
)

ADDRS = Command(
    path=("ipfs", "swarm", "addrs"),
    tagline="List known addresses. Useful for debugging.",
    handler=online.action,
    answer=Answer.VALUE,
)

ADDRS_AUTONAT = Command(
    path=("ipfs", "swarm", "addrs", "autonat"),
    tagline="Show address reachability as determined by AutoNAT V2.",
    handler=online.command,
    answer=Answer.VALUE,
)

ADDRS_LISTEN = Command(
    path=("ipfs", "swarm", "addrs", "listen"),
    tagline="List interface listening addresses.",
    handler=online.action,
    answer=Answer.VALUE,
    text=strings,
)

ADDRS_LOCAL = Command(
    path=("ipfs", "swarm", "addrs", "local"),
    tagline="List local addresses.",
    handler=online.action,
    options=(Option("id", Kind.BOOL, "Show peer ID in addresses."),),
    answer=Answer.VALUE,
    text=strings,
)

CONNECT = Command(
    path=("ipfs", "swarm", "connect"),
    tagline="Open connection to a given peer.",
    handler=connect,
    arguments=(_ADDRESSES,),
    answer=Answer.VALUE,
    text=strings,
)

DISCONNECT = Command(
    path=("ipfs", "swarm", "disconnect"),
    tagline="Close connection to a given address.",
    handler=disconnect,
    arguments=(_ADDRESSES,),
    answer=Answer.VALUE,
    text=strings,
)

FILTERS = Command(
    path=("ipfs", "swarm", "filters"),
    tagline="Manipulate address filters.",
    handler=online.command,
    answer=Answer.VALUE,
    text=strings,
)

FILTERS_ADD = Command(
    path=("ipfs", "swarm", "filters", "add"),
    tagline="Add an address filter.",
    handler=online.command,
    arguments=(Argument("address", "Multiaddr to filter.", many=True, stdin=True),),
    answer=Answer.VALUE,
    text=strings,
)

FILTERS_RM = Command(
    path=("ipfs", "swarm", "filters", "rm"),
    tagline="Remove an address filter.",
    handler=online.command,
    arguments=(Argument("address", "Multiaddr filter to remove.", many=True, stdin=True),),
    answer=Answer.VALUE,
    text=strings,
)

PEERING_ADD = Command(
    path=("ipfs", "swarm", "peering", "add"),
    tagline="Add peers into the peering subsystem.",
    handler=peering_add,
    arguments=(Argument("address", "Address of peer to add.", many=True),),
)

PEERING_LS = Command(
    path=("ipfs", "swarm", "peering", "ls"),
    tagline="List peers registered in the peering subsystem.",
    handler=online.command,
    answer=Answer.VALUE,
)

PEERING_RM = Command(
    path=("ipfs", "swarm", "peering", "rm"),
    tagline="Remove a peer from the peering subsystem.",
    handler=online.command,
    arguments=(Argument("ID", "ID of peer to remove.", many=True),),
)

RESOURCES = Command(
    path=("ipfs", "swarm", "resources"),
    tagline="Get a summary of all resources accounted for by the libp2p Resource Manager.",
    handler=resources,
    answer=Answer.VALUE,
)
