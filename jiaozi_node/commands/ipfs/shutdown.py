"""``ipfs shutdown``: the daemon ends when the work under way is done."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Call, Command, Needs
from jiaozi_node.errors import Unavailable


def shutdown(call: Call) -> Iterator[Any]:
    """Yield nothing; the answer goes out before the daemon lets its clients go."""
    if call.stop is None:
        raise Unavailable("daemon is not running")
    call.stop()
    yield from ()


SHUTDOWN = Command(
    path=("ipfs", "shutdown"),
    tagline="Shut down the IPFS daemon.",
    handler=shutdown,
    needs=Needs.NODE,
)
