"""``ipfs ping`` and ``ipfs mount``: what no node without peers does."""

from jiaozi_node.commands.declare import Answer, Argument, Command, Kind, Option
from jiaozi_node.commands.ipfs import online

PING = Command(
    path=("ipfs", "ping"),
    tagline="Send echo request packets to IPFS hosts.",
    handler=online.command,
    arguments=(Argument("peer ID", "ID of peer to be pinged.", many=True, stdin=True),),
    options=(Option("count", Kind.INT, "Number of ping messages to send.", ("n",), 10),),
)

MOUNT = Command(
    path=("ipfs", "mount"),
    tagline="Mounts IPFS to the filesystem (read-only).",
    handler=online.command,
    options=(
        Option("ipfs-path", Kind.TEXT, "The path where IPFS should be mounted.", ("f",)),
        Option("ipns-path", Kind.TEXT, "The path where IPNS should be mounted.", ("n",)),
        Option("mfs-path", Kind.TEXT, "The path where MFS should be mounted.", ("m",)),
    ),
    answer=Answer.VALUE,
)
