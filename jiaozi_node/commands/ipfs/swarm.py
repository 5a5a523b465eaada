"""``ipfs swarm …``: connections to peers; without a daemon that has any, what Kubo says offline."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Needs, Option
from jiaozi_node.commands.ipfs import online
from jiaozi_node.errors import JiaoziError, Malformed, Unavailable


def peers(call: Call) -> Iterator[dict[str, Any]]:
    """Yield ``{"Peers"}``: one for each connection, with what was asked for."""
    from itertools import groupby

    if call.peers is None:
        yield from online.action(call)
        return
    verbose = bool(call.option("verbose"))
    rows: list[dict[str, Any]] = []
    for one in call.peers.connections():
        row: dict[str, Any] = {"Addr": one.address, "Peer": one.peer}
        if verbose or call.option("direction"):
            row["Direction"] = 1 if one.inbound else 2
        if verbose or call.option("streams"):
            row["Streams"] = [{"Protocol": name} for name, _ in groupby(one.protocols)]
        if verbose:
            row["Muxer"] = one.muxer
        row["Identify"] = dict(_UNKNOWN)
        rows.append(row)
    yield {"Peers": sorted(rows, key=lambda row: row["Addr"]) or None}


_UNKNOWN = {"ID": "", "PublicKey": "", "Addresses": None, "AgentVersion": "", "Protocols": None}


def _peers_text(value: dict[str, Any], call: Call) -> str:
    lines = []
    for row in value["Peers"] or ():
        line = f"{row['Addr']}/p2p/{row['Peer']}"
        if "Direction" in row:
            line += " inbound" if row["Direction"] == 1 else " outbound"
        lines.append(line)
        lines += [f"  {one['Protocol']}" for one in row.get("Streams", ())]
    return "".join([f"{line}\n" for line in lines])


def addrs(call: Call) -> Iterator[dict[str, Any]]:
    """Yield ``{"Addrs"}``: the addresses of the peers connected, by peer."""
    if call.peers is None:
        yield from online.action(call)
        return
    found: dict[str, list[str]] = {}
    for one in call.peers.connections():
        found.setdefault(one.peer, []).append(one.address)
    yield {"Addrs": found}


def _addrs_text(value: dict[str, Any], _call: Call) -> str:
    lines = []
    for peer, addresses in sorted(value["Addrs"].items()):
        lines += [f"{peer} ({len(addresses)})", *[f"\t{address}" for address in addresses]]
    return "".join([f"{line}\n" for line in lines])


def listening(call: Call) -> Iterator[dict[str, Any]]:
    """Yield where we listen; ``--id``: with our peer id."""
    if call.peers is None:
        yield from online.action(call)
        return
    found = call.peers.addresses()
    if not call.options.get("id"):
        found = [text.rpartition("/p2p/")[0] for text in found]
    yield {"Strings": sorted(found)}


def connect(call: Call) -> Iterator[dict[str, Any]]:
    """Connect to the peers in turn; the first that can't be had ends it."""
    said = []
    for peer, texts in _addressed(call).items():
        if call.peers is None:
            raise Unavailable(f"connect {peer} failure: {online.ACTION}")
        faults = []
        for text in texts:
            try:
                call.peers.connect(text)
                break
            except JiaoziError as fault:
                faults.append(str(fault))
        else:
            raise Unavailable(f"connect {peer} failure: {'; '.join(faults)}")
        said.append(f"connect {peer} success")
    yield {"Strings": said}


def disconnect(call: Call) -> Iterator[dict[str, Any]]:
    """Yield of each peer whether it could be disconnected from: Kubo doesn't fail by it."""
    said = []
    for peer in _addressed(call):
        try:
            if call.peers is None:
                raise online.Offline
            call.peers.disconnect(peer)
            said.append(f"disconnect {peer} success")
        except JiaoziError as fault:
            said.append(f"disconnect {peer} failure: {fault}")
    yield {"Strings": said}


def _addressed(call: Call) -> dict[str, list[str]]:
    """Return the peers of the addresses given, in order, each with its addresses."""
    from jiaozi_node.commands.ipfs.addresses import parse

    found: dict[str, list[str]] = {}
    for text in call.args["address"]:
        address = parse(text)
        if address.peer is None:
            raise Malformed(f"found no ipfs peers at {address}")
        found.setdefault(str(address.peer), []).append(text)
    return found


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
    handler=peers,
    needs=Needs.NODE,
    options=(
        Option("verbose", Kind.BOOL, "Display all extra information.", ("v",)),
        Option("streams", Kind.BOOL, "Also list information about open streams."),
        Option("latency", Kind.BOOL, "Also list information about latency."),
        Option("direction", Kind.BOOL, "Also list information about the direction."),
        Option("identify", Kind.BOOL, "Also list information about the peers' identify."),
    ),
    answer=Answer.VALUE,
    text=_peers_text,
)

ADDRS = Command(
    path=("ipfs", "swarm", "addrs"),
    tagline="List known addresses. Useful for debugging.",
    handler=addrs,
    needs=Needs.NODE,
    answer=Answer.VALUE,
    text=_addrs_text,
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
    handler=listening,
    needs=Needs.NODE,
    answer=Answer.VALUE,
    text=strings,
)

ADDRS_LOCAL = Command(
    path=("ipfs", "swarm", "addrs", "local"),
    tagline="List local addresses.",
    handler=listening,
    needs=Needs.NODE,
    options=(Option("id", Kind.BOOL, "Show peer ID in addresses."),),
    answer=Answer.VALUE,
    text=strings,
)

CONNECT = Command(
    path=("ipfs", "swarm", "connect"),
    tagline="Open connection to a given peer.",
    handler=connect,
    needs=Needs.NODE,
    arguments=(_ADDRESSES,),
    answer=Answer.VALUE,
    text=strings,
)

DISCONNECT = Command(
    path=("ipfs", "swarm", "disconnect"),
    tagline="Close connection to a given address.",
    handler=disconnect,
    needs=Needs.NODE,
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
