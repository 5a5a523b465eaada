"""``ipfs stats …``: the home's sizes, and what Kubo, offline, says of the network's."""

from jiaozi_node.commands.declare import Answer, Argument, Command, Kind, Option
from jiaozi_node.commands.ipfs import bitswap, online, provide, repo

BITSWAP = Command(
    path=("ipfs", "stats", "bitswap"),
    tagline="Show some diagnostic information on the bitswap agent.",
    handler=online.client,
    options=bitswap.STAT_OPTIONS,
    answer=Answer.VALUE,
)

BW = Command(
    path=("ipfs", "stats", "bw"),
    tagline="Print IPFS bandwidth information.",
    handler=online.client,
    options=(
        Option("peer", Kind.TEXT, "Specify a peer to print bandwidth for.", ("p",)),
        Option("proto", Kind.TEXT, "Specify a protocol to print bandwidth for.", ("t",)),
        Option("poll", Kind.BOOL, "Print bandwidth at an interval."),
        Option("interval", Kind.TEXT, "Time interval to wait between updates.", ("i",), "1s"),
    ),
)

DHT = Command(
    path=("ipfs", "stats", "dht"),
    tagline="Returns statistics about the node's DHT(s).",
    handler=online.command,
    arguments=(
        Argument("dht", "The DHT whose table should be listed.", required=False, many=True),
    ),
)

PROVIDE = Command(
    path=("ipfs", "stats", "provide"),
    tagline="Deprecated command, use 'ipfs provide stat' instead.",
    handler=online.command,
    options=provide.STAT.options,
    answer=Answer.VALUE,
)

REPROVIDE = Command(
    path=("ipfs", "stats", "reprovide"),
    tagline="Deprecated command, use 'ipfs provide stat' instead.",
    handler=online.command,
    options=provide.STAT.options,
    answer=Answer.VALUE,
)

REPO = Command(
    path=("ipfs", "stats", "repo"),
    tagline="Get stats for the currently used repo.",
    handler=repo.stat,
    options=repo.STAT.options,
    answer=Answer.VALUE,
    text=repo.STAT.text,
)
