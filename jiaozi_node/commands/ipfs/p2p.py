"""``ipfs p2p …``: tunnels between peers, which this node has not, as Kubo with them off."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option
from jiaozi_node.errors import Unavailable


def _off(_call: Call) -> Iterator[Any]:
    raise Unavailable("libp2p stream mounting not enabled")


_HEADERS = Option("headers", Kind.BOOL, "Print table headers.", ("v",))
_CUSTOM = Option("allow-custom-protocol", Kind.BOOL, "Don't require /x/ prefix.")
_FOREGROUND = Option("foreground", Kind.BOOL, "Run in foreground; end on interrupt.", ("f",))
_PROTOCOL = Argument("protocol", "Protocol name.")

CLOSE = Command(
    path=("ipfs", "p2p", "close"),
    tagline="Stop listening for new connections to forward.",
    handler=_off,
    options=(
        Option("all", Kind.BOOL, "Close all listeners.", ("a",)),
        Option("protocol", Kind.TEXT, "Match protocol name.", ("p",)),
        Option("listen-address", Kind.TEXT, "Match listen address.", ("l",)),
        Option("target-address", Kind.TEXT, "Match target address.", ("t",)),
    ),
)

FORWARD = Command(
    path=("ipfs", "p2p", "forward"),
    tagline="Forward connections to libp2p service.",
    handler=_off,
    arguments=(
        _PROTOCOL,
        Argument("listen-address", "Listening endpoint."),
        Argument("target-address", "Target endpoint."),
    ),
    options=(_CUSTOM, _FOREGROUND),
)

LISTEN = Command(
    path=("ipfs", "p2p", "listen"),
    tagline="Create libp2p service.",
    handler=_off,
    arguments=(_PROTOCOL, Argument("target-address", "Target endpoint.")),
    options=(
        _CUSTOM,
        Option("report-peer-id", Kind.BOOL, "Send remote peer ID to target.", ("r",)),
        _FOREGROUND,
    ),
)

LS = Command(
    path=("ipfs", "p2p", "ls"),
    tagline="List active p2p listeners.",
    handler=_off,
    options=(_HEADERS,),
)

STREAM_CLOSE = Command(
    path=("ipfs", "p2p", "stream", "close"),
    tagline="Close active p2p stream.",
    handler=_off,
    arguments=(Argument("id", "Stream identifier.", required=False),),
    options=(Option("all", Kind.BOOL, "Close all streams.", ("a",)),),
)

STREAM_LS = Command(
    path=("ipfs", "p2p", "stream", "ls"),
    tagline="List active p2p streams.",
    handler=_off,
    options=(_HEADERS,),
)
