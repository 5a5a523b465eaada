"""``ipfs pubsub …``: messages by topic, which this node does not carry, as Kubo with it off."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.ipfs.swarm import strings
from jiaozi_node.errors import JiaoziError, Misuse, Unavailable


def _off(_call: Call) -> Iterator[Any]:
    raise Unavailable(
        "experimental pubsub feature not enabled, run daemon with --enable-pubsub-experiment to use"
    )


def reset(call: Call) -> Iterator[dict[str, int]]:
    """Yield how many peers' validator state was forgotten: there is none."""
    from jiaozi_node.commands.ipfs.go_text import cid_fault
    from jiaozi_node.errors import Malformed
    from jiaozi_node.formats.peer_id import PeerId

    peer = call.option("peer")
    if peer is not None:
        try:
            PeerId.parse(peer)
        except Malformed as fault:
            why = f"failed to parse peer ID: {cid_fault(peer, fault)}"
            raise Misuse(f"invalid peer ID: {why}") from None
        except JiaoziError as fault:
            raise Misuse(f"invalid peer ID: {fault}") from None
    yield {"deleted": 0}


def _reset_text(row: dict[str, int], _call: Call) -> str:
    return f"Reset validator state for {row['deleted']} peer(s)\n"


LS = Command(
    path=("ipfs", "pubsub", "ls"),
    tagline="List subscribed topics by name.",
    handler=_off,
    answer=Answer.VALUE,
    text=strings,
)

PEERS = Command(
    path=("ipfs", "pubsub", "peers"),
    tagline="List peers we are currently pubsubbing with.",
    handler=_off,
    arguments=(Argument("topic", "Topic to list connected peers of.", required=False),),
    answer=Answer.VALUE,
    text=strings,
)

PUB = Command(
    path=("ipfs", "pubsub", "pub"),
    tagline="Publish data to a given pubsub topic.",
    handler=_off,
    arguments=(
        Argument("topic", "Topic to publish to."),
        Argument("data", "The data to be published.", file=True, stdin=True),
    ),
)

SUB = Command(
    path=("ipfs", "pubsub", "sub"),
    tagline="Subscribe to messages on a given topic.",
    handler=_off,
    arguments=(Argument("topic", "Name of topic to subscribe to."),),
)

RESET = Command(
    path=("ipfs", "pubsub", "reset"),
    tagline="Reset pubsub validator state.",
    handler=reset,
    options=(Option("peer", Kind.TEXT, "Only reset state for this peer ID.", ("p",)),),
    answer=Answer.VALUE,
    text=_reset_text,
)
