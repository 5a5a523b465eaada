"""``ipfs resolve``: what a path of any namespace leads to."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.ipfs.name import DHT_TIMEOUT_HELP, check_dht_timeout, path_text
from jiaozi_node.errors import Malformed


def resolve(call: Call) -> Iterator[dict[str, Any]]:
    """Yield the path of the block that a path leads to, or of what a name stands for."""
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.commands.ipfs.content_path import canonical, names_of, parse
    from jiaozi_node.dag.walk import run
    from jiaozi_node.node import naming
    from jiaozi_node.unixfs import resolve as r

    text = call.args["name"]
    try:
        path = canonical(text)
    except Malformed:
        path = text
    named = naming.is_name(path)
    if named and not call.option("recursive"):
        check_dht_timeout(call)
        yield {"Path": names_of(call).follow(path)[0]}
        return
    shown = CidText.asked(call)
    if not named and not call.globals.get("cid_base"):
        shown = CidText.like(path) or shown
    wanted = parse(call, text)
    found = run(r.resolve(wanted), call.home.blocks.get)
    yield {"Path": "/".join(("", wanted.namespace, shown(found.cid), *found.remainder))}


RESOLVE = Command(
    path=("ipfs", "resolve"),
    fetches=True,
    tagline="Resolve the value of names to IPFS.",
    handler=resolve,
    arguments=(Argument("name", "The name to resolve.", stdin=True),),
    options=(
        Option("recursive", Kind.BOOL, "Resolve until the result is no name.", ("r",), True),
        Option("dht-record-count", Kind.INT, "Taken: there is no DHT.", ("dhtrc",)),
        Option("dht-timeout", Kind.TEXT, DHT_TIMEOUT_HELP, ("dhtt",)),
    ),
    answer=Answer.VALUE,
    text=path_text,
)
