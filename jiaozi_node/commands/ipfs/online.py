"""What needs other machines, refused in Kubo's words: this version of the node has no peers."""

from jiaozi_node.errors import Unavailable


class Offline(Unavailable):
    """The node is not online; *words* are those of the command at hand."""

    def __init__(
        self,
        words: str = "this action must be run in online mode, try running 'ipfs daemon' first",
    ) -> None:
        super().__init__(words)
