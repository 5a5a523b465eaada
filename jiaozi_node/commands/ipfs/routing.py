"""``ipfs routing put`` and ``get``, of the keys ``/ipns/NAME``: records of this home."""

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
