"""``ipfs bitswap …``: blocks from and for peers. Without any, it answers as Kubo offline."""

from jiaozi_node.commands.declare import Answer, Argument, Command, Kind, Option
from jiaozi_node.commands.ipfs import online

STAT_OPTIONS = (
    Option("verbose", Kind.BOOL, "Print extra information.", ("v",)),
    Option("human", Kind.BOOL, "Print sizes in human readable format."),
)

STAT = Command(
    path=("ipfs", "bitswap", "stat"),
    tagline="Show some diagnostic information on the bitswap agent.",
    handler=online.client,
    options=STAT_OPTIONS,
    answer=Answer.VALUE,
)

WANTLIST = Command(
    path=("ipfs", "bitswap", "wantlist"),
    tagline="Show blocks currently on the wantlist.",
    handler=online.command,
    options=(Option("peer", Kind.TEXT, "Specify which peer to show wantlist for.", ("p",)),),
    answer=Answer.VALUE,
)

LEDGER = Command(
    path=("ipfs", "bitswap", "ledger"),
    tagline="Show the current ledger for a peer.",
    handler=online.command,
    arguments=(Argument("peer", "The PeerID (B58) of the ledger to inspect."),),
    answer=Answer.VALUE,
)

REPROVIDE = Command(
    path=("ipfs", "bitswap", "reprovide"),
    tagline="Deprecated command to announce to bitswap. Use 'ipfs routing reprovide' instead.",
    handler=online.command,
)
