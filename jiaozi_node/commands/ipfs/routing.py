"""``ipfs routing``: records of this home by ``put`` and ``get``, of the keys ``/ipns/NAME``.

What asks peers is refused in an offline Kubo's words, whatever else it was given.
"""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Option
from jiaozi_node.commands.ipfs.ipns_text import peer_named, whole_file
from jiaozi_node.commands.ipfs.online import Offline

_VALUE = 5  # of go-libp2p's kinds of events


def get(call: Call) -> Iterator[dict[str, Any]]:
    """Yield the record at a key."""
    import base64

    from jiaozi_node.commands.ipfs.name import record_at

    raw = record_at(call, call.args["key"][0]).raw  # Kubo takes several, and looks at the first
    yield _event("", base64.b64encode(raw).decode("ascii"))


def put(call: Call) -> Iterator[dict[str, Any]]:
    """Keep the record at a key; one that counts less than that which is here is refused."""
    from jiaozi_node.commands.ipfs.name import MAX_INPUT_BYTES, keep, peer_of_key

    raw = whole_file(call, "IPNS record", MAX_INPUT_BYTES)
    key = call.args["key"]
    peer_named(key)
    if not call.option("allow_offline"):
        raise Offline("can't put while offline: pass `--allow-offline` to override")
    peer = peer_of_key(key)
    keep(call, peer, raw)
    yield _event(str(peer), "")


def _peers(_call: Call) -> Iterator[Any]:
    raise Offline("this command must be run in online mode. Try running 'ipfs daemon' first")


def _event(peer: str, extra: str) -> dict[str, Any]:
    return {"ID": peer, "Type": _VALUE, "Responses": None, "Extra": extra}


def _get_text(row: dict[str, Any], _call: Call) -> str:
    import base64

    return base64.b64decode(row["Extra"]).decode("utf-8", "surrogateescape")


def _put_text(row: dict[str, Any], _call: Call) -> str:
    return f"{row['ID']}\n"


GET = Command(
    path=("ipfs", "routing", "get"),
    tagline="Given a key, query the routing system for its best value.",
    handler=get,
    arguments=(Argument("key", "The key to find a value for: /ipns/NAME.", many=True),),
    options=(
        Option("allow-offline", Kind.BOOL, "Give the record that this home keeps (not in Kubo)."),
    ),
    text=_get_text,
)

PUT = Command(
    path=("ipfs", "routing", "put"),
    tagline="Write a key/value pair to the routing system.",
    handler=put,
    arguments=(
        Argument("key", "The key to store the value at: /ipns/NAME."),
        Argument("value-file", "A file that holds the value.", file=True, stdin=True),
    ),
    options=(
        Option("allow-offline", Kind.BOOL, "Keep the record in this home, without any network."),
    ),
    text=_put_text,
)

_VERBOSE = Option("verbose", Kind.BOOL, "Print extra information.", ("v",))

FINDPROVS = Command(
    path=("ipfs", "routing", "findprovs"),
    tagline="Find peers that can provide a specific value, given a key.",
    handler=_peers,
    arguments=(Argument("key", "The key to find providers for.", many=True),),
    options=(
        _VERBOSE,
        Option("num-providers", Kind.INT, "The number of providers to find.", ("n",), 20),
    ),
)

FINDPEER = Command(
    path=("ipfs", "routing", "findpeer"),
    tagline="Find the multiaddresses associated with a Peer ID.",
    handler=_peers,
    arguments=(Argument("peerID", "The ID of the peer to search for.", many=True),),
    options=(_VERBOSE,),
)

PROVIDE = Command(
    path=("ipfs", "routing", "provide"),
    tagline="Deprecated, use 'ipfs provide once' instead.",
    handler=_peers,
    arguments=(Argument("key", "The keys to send provide records for.", many=True, stdin=True),),
    options=(
        _VERBOSE,
        Option("recursive", Kind.BOOL, "Recursively provide entire graph.", ("r",)),
    ),
)

REPROVIDE = Command(
    path=("ipfs", "routing", "reprovide"),
    tagline="Trigger a reprovide cycle (legacy provider only).",
    handler=_peers,
)
