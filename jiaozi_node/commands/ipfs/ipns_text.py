"""What the commands of keys and names share: ``--ipns-base``, the reading of names, input files."""

from typing import TYPE_CHECKING

from jiaozi_node.commands.declare import Call, Kind, Option
from jiaozi_node.errors import LimitExceeded, Malformed, Misuse

if TYPE_CHECKING:
    from jiaozi_node.formats.peer_id import PeerId

IPNS_BASE = Option(
    "ipns-base",
    Kind.TEXT,
    "Encoding of keys: a multibase for CIDs, or b58mh for base58btc of the multihash.",
    default="base36",
)


class IdText:
    """Prints ids in the base that ``--ipns-base`` says; raises `Misuse` for one unknown."""

    def __init__(self, call: Call) -> None:
        from jiaozi_node.commands.ipfs.cid_text import base_named

        text = call.option("ipns_base")
        self._base = None if text in ("b58mh", "v0") else base_named(text)

    def __call__(self, peer: "PeerId") -> str:
        """Return the text of *peer*."""
        from jiaozi_node.formats import multibase

        return str(peer) if self._base is None else multibase.encode(self._base, peer.cid.raw)


def peer_named(text: str) -> "PeerId":
    """Read the name of a record, or a peer id; ``/ipns/`` before it is passed over."""
    from jiaozi_node.commands.ipfs.go_text import cid_fault
    from jiaozi_node.formats.peer_id import PeerId

    text = text.removeprefix("/ipns/")
    try:
        return PeerId.parse(text)
    except LimitExceeded:
        raise
    except Malformed as fault:
        raise Malformed(f"failed to parse peer ID: {cid_fault(text, fault)}") from None


def whole_file(call: Call, what: str, most: int) -> bytes:
    """Read the one file argument; raises `LimitExceeded` when *what* is longer than *most*."""
    if call.files is not None:
        for _name, file in call.files.streams():
            data = file.read(most + 1)
            if len(data) > most:
                raise LimitExceeded(what, most, len(data))
            return data
    raise Misuse("expected a file")
