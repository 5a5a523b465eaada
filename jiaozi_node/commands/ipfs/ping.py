"""``ipfs ping``: how long peers take to answer. And ``ipfs mount``, which there isn't."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Needs, Option
from jiaozi_node.commands.ipfs import online
from jiaozi_node.errors import Misuse, Unavailable


def ping(call: Call) -> Iterator[dict[str, Any]]:
    """Yield ``{"Success", "Time", "Text"}``: a line first, each ping in ns, the average last."""
    if call.peers is None:
        yield from online.command(call)
        return
    count: int = call.option("count")
    if count <= 0:
        raise Misuse("ping count must be greater than 0, was " + str(count))
    for peer in call.args["peer ID"]:
        name = peer.rpartition("/p2p/")[2]
        yield {"Success": True, "Time": 0, "Text": f"PING {name}."}
        took: list[float] = []
        for seconds in call.peers.ping(peer, count):
            if seconds < 0:
                yield {"Success": False, "Time": 0, "Text": "Ping error: no answer in time"}
                break
            took.append(seconds)
            yield {"Success": True, "Time": int(seconds * 1e9), "Text": ""}
        if not took:
            raise Unavailable("ping failed")
        average = sum(took) / len(took) * 1000
        yield {"Success": True, "Time": 0, "Text": f"Average latency: {average:.2f}ms"}


def _text(row: dict[str, Any], _call: Call) -> str:
    if row["Text"]:
        return f"{row['Text']}\n"
    return f"Pong received: time={row['Time'] / 1e6:.2f} ms\n"


PING = Command(
    path=("ipfs", "ping"),
    tagline="Send echo request packets to IPFS hosts.",
    handler=ping,
    needs=Needs.NODE,
    text=_text,
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
