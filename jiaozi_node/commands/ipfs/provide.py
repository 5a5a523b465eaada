"""``ipfs provide …``: what this node announces, which is nothing while it has no peers."""

from collections.abc import Iterator

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.ipfs import online


def clear(_call: Call) -> Iterator[int]:
    """Yield how many CIDs were taken from the queue."""
    yield 0


def _clear_text(count: int, call: Call) -> str | None:
    return None if call.option("quiet") else f"removed {count} items from provide queue\n"


CLEAR = Command(
    path=("ipfs", "provide", "clear"),
    tagline="Clear all CIDs from the provide queue.",
    handler=clear,
    options=(Option("quiet", Kind.BOOL, "Do not write output.", ("q",)),),
    answer=Answer.VALUE,
    text=_clear_text,
)

ONCE = Command(
    path=("ipfs", "provide", "once"),
    tagline="Announce CIDs to the routing system on demand.",
    handler=online.command,
    arguments=(Argument("cid", "The CID(s) to announce.", many=True, stdin=True),),
    options=(Option("recursive", Kind.BOOL, "Announce all that is linked too.", ("r",)),),
)

STAT = Command(
    path=("ipfs", "provide", "stat"),
    tagline="Show statistics about the provide system",
    handler=online.command,
    options=(
        Option("lan", Kind.BOOL, "Show stats for LAN DHT only."),
        Option("all", Kind.BOOL, "Display all provide sweep stats.", ("a",)),
        Option("compact", Kind.BOOL, "Display stats in 2-column layout."),
        Option("connectivity", Kind.BOOL, "Display DHT connectivity status."),
        Option("network", Kind.BOOL, "Display network stats."),
        Option("schedule", Kind.BOOL, "Display reprovide schedule."),
        Option("timings", Kind.BOOL, "Display timing information."),
        Option("workers", Kind.BOOL, "Display worker pool stats."),
        Option("operations", Kind.BOOL, "Display operation statistics."),
        Option("queues", Kind.BOOL, "Display provide and reprovide queue sizes."),
    ),
    answer=Answer.VALUE,
)
