"""Commands that Kubo removed, which say so; and `dht query`, which needs peers."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Argument, Call, Command, Kind, Needs, Option
from jiaozi_node.errors import Refused, Unavailable


def _removed(path: str, instead: str) -> Command:
    def refuse(_call: Call) -> Iterator[Any]:
        raise Refused(f"removed, use {instead} instead")

    return Command(
        path=("ipfs", *path.split()),
        tagline=f"Removed, use {instead} instead.",
        handler=refuse,
        needs=Needs.NOTHING,
    )


_DAG = "'ipfs dag' or 'ipfs files'"
OBJECT_DATA = _removed("object data", _DAG)
OBJECT_GET = _removed("object get", _DAG)
OBJECT_LINKS = _removed("object links", _DAG)
OBJECT_NEW = _removed("object new", _DAG)
OBJECT_PATCH_APPEND_DATA = _removed("object patch append-data", _DAG)
OBJECT_PATCH_SET_DATA = _removed("object patch set-data", _DAG)
OBJECT_PUT = _removed("object put", _DAG)
OBJECT_STAT = _removed("object stat", _DAG)

_ROUTING = "'ipfs routing'"
DHT_FINDPEER = _removed("dht findpeer", _ROUTING)
DHT_FINDPROVS = _removed("dht findprovs", _ROUTING)
DHT_GET = _removed("dht get", _ROUTING)
DHT_PROVIDE = _removed("dht provide", _ROUTING)
DHT_PUT = _removed("dht put", _ROUTING)


def _query(_call: Call) -> Iterator[Any]:
    raise Unavailable("routing service is not a DHT")


DHT_QUERY = Command(
    path=("ipfs", "dht", "query"),
    tagline="Find the closest Peer IDs to a given Peer ID by querying the DHT.",
    handler=_query,
    arguments=(Argument("peerID", "The peerID to run the query against.", many=True),),
    options=(Option("verbose", Kind.BOOL, "Print extra information.", ("v",)),),
)
