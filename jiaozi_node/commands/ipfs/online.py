"""What needs other machines, refused in Kubo's words: this version of the node has no peers."""

from collections.abc import Iterator
from typing import Any, NoReturn

from jiaozi_node.commands.declare import Call, ClientFault
from jiaozi_node.errors import Unavailable

COMMAND = "this command must be run in online mode. Try running 'ipfs daemon' first"
ACTION = "this action must be run in online mode, try running 'ipfs daemon' first"


class Offline(Unavailable):
    """The node is not online; *words* are those of the command at hand."""

    def __init__(self, words: str = ACTION) -> None:
        super().__init__(words)


def command(_call: Call) -> Iterator[Any]:
    """Refuse, as most commands do."""
    return _refuse(Offline(COMMAND))


def action(_call: Call) -> Iterator[Any]:
    """Refuse in the words of Kubo's core."""
    return _refuse(Offline())


def client(_call: Call) -> Iterator[Any]:
    """Refuse as the fault of the client, who could have known."""
    return _refuse(ClientFault(f"unable to run offline: {COMMAND}"))


def _refuse(error: Exception) -> NoReturn:
    raise error
