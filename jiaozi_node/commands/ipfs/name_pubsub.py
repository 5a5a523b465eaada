"""``ipfs name pubsub``: records by pubsub, which this version has not, as a Kubo with it off."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, ClientFault, Command
from jiaozi_node.commands.ipfs.ipns_text import IPNS_BASE, IdText

_OFF = "IPNS pubsub subsystem is not enabled"


def state(_call: Call) -> Iterator[dict[str, bool]]:
    """Yield that it is off."""
    yield {"Enabled": False}


def subs(call: Call) -> Iterator[Any]:
    """Refuse: there are no subscriptions to show."""
    IdText(call)
    raise ClientFault(_OFF)


def cancel(_call: Call) -> Iterator[Any]:
    """Refuse: there are no subscriptions to cancel."""
    raise ClientFault(_OFF)


STATE = Command(
    path=("ipfs", "name", "pubsub", "state"),
    tagline="Query the state of IPNS pubsub.",
    handler=state,
    answer=Answer.VALUE,
    text=lambda _row, _call: "disabled\n",
)

SUBS = Command(
    path=("ipfs", "name", "pubsub", "subs"),
    tagline="Show current name subscriptions.",
    handler=subs,
    options=(IPNS_BASE,),
    answer=Answer.VALUE,
)

CANCEL = Command(
    path=("ipfs", "name", "pubsub", "cancel"),
    tagline="Cancel a name subscription.",
    handler=cancel,
    arguments=(Argument("name", "Name to cancel the subscription for."),),
    answer=Answer.VALUE,
)
